//! "Why did I get no deal?", asked of one SCA: as seller reason by reason, how long it remembers, and
//! what it knows after a rebirth.

use gridpact_agents::social::limits::ACCOUNT_EPOCHS;
use gridpact_agents::social::message::Cancel;
use gridpact_agents::social::{SalesOutcome, Tally};

use super::buyer_script::buyer;
use super::*;

/// How the round ended for the seller.
fn ended(mut script: Script) -> SalesOutcome {
    let running = script.agent.account().selling.expect("somebody asked");
    assert!(script.agent.account().sold.is_empty(), "not over yet");
    script.wait_until(45_000);
    let account = script.agent.account();
    assert_eq!(account.selling, None);
    let [sales] = account.sold.as_slice() else { panic!("one round: {account:?}") };
    let told = script.out.iter().filter_map(|effect| match effect {
        Effect::Sales(sales) => Some(sales),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [sales], "reports hear the same, once");
    assert_eq!((running.asked, running.offered), (sales.asked, sales.offered));
    sales.clone()
}

fn one(reason: Reason) -> Tally {
    let mut tally = Tally::default();
    tally.note(reason);
    tally
}

/// A seller that has made its offer to [`PEER`].
fn offering() -> Script {
    let mut script = Script::new(&[], Params::default());
    script.ask(PEER, coalition_request(&script));
    script.ask(PEER, negotiation_request());
    script
}

/// A seller whose offer [`PEER`] has accepted.
fn promising() -> Script {
    let mut script = offering();
    script.ask(PEER, response(Answer::Accept));
    script
}

#[test]
fn a_sale_is_told_with_what_was_asked_offered_promised_and_signed() {
    let (script, _) = sold();
    let sales = ended(script);
    assert_eq!((sales.epoch, sales.asked, sales.asked_wh), (EPOCH, 1, Energy(700)));
    assert_eq!((sales.offered, sales.offered_wh), (1, Energy(700)));
    assert_eq!(sales.lowest_ask, Some(Price(115_000)));
    assert_eq!(sales.highest_bid, Some(Price(110_000)));
    assert_eq!((sales.promised, sales.promised_wh), (1, Energy(700)));
    let [deal] = sales.finals.as_slice() else { panic!("{sales:?}") };
    assert_eq!((deal.buyer, deal.energy, deal.unit_price), (PEER, Energy(700), Price(110_000)));
    assert_eq!((sales.refused.total(), sales.lost.total()), (0, 0));
}

#[test]
fn what_is_lost_is_lost_for_the_reason_the_buyer_had() {
    let lost = |script: Script, reason| {
        let sales = ended(script);
        assert_eq!((sales.lost, sales.refused), (one(reason), Tally::default()), "{reason:?}");
        assert!(sales.finals.is_empty());
    };
    lost(offering(), Reason::Silent);
    for reason in [Reason::NoGain, Reason::Enough] {
        let mut script = offering();
        script.ask(PEER, response(Answer::Reject { reason }));
        lost(script, reason);
    }
    let mut other_seller = promising();
    let contract_id = ContractId::new(&COMMUNITY, EPOCH, PEER, ME, &TASK.task.0, 0);
    let reason = Reason::NotNeeded;
    other_seller.hear(PEER, Message::Cancel(Cancel { about: TASK, contract_id, reason }));
    lost(other_seller, Reason::NotNeeded);
    lost(promising(), Reason::Expired);
    let mut known = Script::new(&[], Params::default());
    known.ask(PEER, coalition_request(&known));
    lost(known, Reason::Expired);
}

#[test]
fn what_is_refused_is_refused_for_the_reason_that_was_said() {
    let refused = |script: Script, reason| {
        let sales = ended(script);
        assert_eq!((sales.refused, sales.lost), (one(reason), Tally::default()), "{reason:?}");
        assert!(sales.finals.is_empty());
    };
    let mut below = offering();
    below.ask(PEER, response(Answer::Counter { unit_price: Price(99_999) }));
    refused(below, Reason::BelowCost);
    let mut mute = Script::new(&[], Params::default());
    mute.hear(PEER, negotiation_request());
    refused(mute, Reason::Silent);
    let mut none = Script::new(&[], Params::default());
    let request = coalition_request(&none);
    none.ask_with(PEER, request, |request| {
        let available = Profile::zeros(request.wanted.start, request.wanted.end());
        Quote { available, ..plenty(request) }
    });
    refused(none, Reason::NoEnergy);
    let mut mismatch = promising();
    mismatch.ask(PEER, transaction(114_999));
    refused(mismatch, Reason::Mismatch);
    let mut dear = promising();
    for effect in dear.hear(PEER, transaction(115_000)) {
        let Effect::Reserve(request) = effect else { continue };
        let outcome = Ok(Price(115_001));
        dear.tell(Input::Reserved(ReserveReply { contract_id: request.contract_id, outcome }));
    }
    refused(dear, Reason::BelowCost);
}

#[test]
fn repeated_letters_are_counted_once() {
    let mut script = offering();
    script.ask(PEER, coalition_request(&script));
    script.ask(PEER, negotiation_request());
    let counter = response(Answer::Counter { unit_price: Price(99_999) });
    script.ask(PEER, counter.clone());
    script.ask(PEER, counter);
    let sales = ended(script);
    assert_eq!((sales.asked, sales.offered, sales.refused.total()), (1, 1, 1), "{sales:?}");
}

#[test]
fn an_account_reaches_back_so_many_epochs_and_says_from_when_on() {
    let mut script = Script::new(&[], Params::default());
    let began = script.deadlines.start;
    assert_eq!(script.agent.account().since, Some(began));
    for n in 1..=ACCOUNT_EPOCHS + 3 {
        let epoch = EPOCH.plus(n);
        script.now = epoch.starts_at(1800);
        script.deadlines = Params::default().epoch.deadlines(script.now);
        script.tell(Input::EpochStart { epoch, deadlines: script.deadlines });
        let mut deficit = deficit(n + 2, vec![300, 400], 300_000);
        deficit.retender = n > 1;
        script.tell(Input::Blocks(PurchaseBlocks { epoch, deficits: vec![deficit] }));
        let about = About { epoch, ..TASK };
        let mut block = block();
        let later = Arc::make_mut(&mut block);
        (later.start, later.end) = (later.start.plus(n), later.end.plus(n));
        later.profile.start = later.start;
        let request = NegotiationRequest { about, energy: block.energy_wh, block };
        script.ask(PEER, Message::NegotiationRequest(request));
        script.wait_until(45_000);
        let account = script.agent.account();
        let kept = n.min(ACCOUNT_EPOCHS) as usize;
        assert_eq!((account.bought.len(), account.sold.len()), (kept, kept), "round {n}");
        let oldest = EPOCH.0.max((epoch.0 + 1).saturating_sub(ACCOUNT_EPOCHS));
        assert_eq!(account.since, Some(Interval(oldest).starts_at(1800)), "round {n}");
        assert_eq!((account.epoch, account.tasks.len()), (Some(epoch), 1));
    }
}

#[test]
fn a_reborn_mind_begins_its_account_anew_and_says_so() {
    let (mut script, about) = buyer(&[PEER], Params::default());
    assert_eq!(about.epoch, EPOCH);
    script.wait_until(45_000);
    assert_eq!(script.agent.account().bought.len(), 1);
    let reborn = SocialAgent::restore(setup(&[], Params::default()), [], &mut Vec::new());
    assert_eq!(reborn.account().since, None, "it has heard nothing");
    let (now, deadlines) = (script.now, script.deadlines);
    let mut script = Script { agent: reborn, now, deadlines, out: Vec::new() };
    script.tell(Input::Wake);
    let account = script.agent.account();
    assert_eq!((account.since, account.bought.len()), (Some(now), 0), "nothing is invented");
}

#[test]
fn a_contract_that_lapses_is_named() {
    let (mut script, confirm) = sold();
    let [Message::Confirm(confirm)] = confirm.as_slice() else { panic!("{confirm:?}") };
    let contract_id = confirm.body.contract_id;
    script.wait_until(60_000);
    assert!(script.agent.account().lapsed.is_empty());
    script.tell(Input::Lapsed { contract_id });
    assert_eq!(script.agent.account().lapsed, [contract_id]);
}
