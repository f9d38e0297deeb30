//! Every reason there is comes from somewhere: each is provoked once, and found in the letter that
//! refuses, or, where nobody is told, in the outcome.

use gridpact_agents::params::FinalOrder;
use gridpact_agents::social::message::Cancel;

use super::buyer_script::{available, buyer, confirm, finalising, offer, requests};
use super::*;

/// The reasons that letters say.
fn said(messages: &[Message]) -> Vec<Reason> {
    let reason = |message: &Message| match message {
        Message::CoalitionReply(reply) => reply.declined,
        Message::NegotiationReply(reply) => Some(reply.declined),
        Message::OfferResponse(response) => match response.answer {
            Answer::Reject { reason } => Some(reason),
            Answer::Accept | Answer::Counter { .. } => None,
        },
        Message::CounterResponse(response) => match response.verdict {
            Verdict::Reject { reason } => Some(reason),
            Verdict::Accept | Verdict::NewOffer { .. } => None,
        },
        Message::Cancel(cancel) => Some(cancel.reason),
        Message::Expired(_) => Some(Reason::Expired),
        _ => None,
    };
    messages.iter().filter_map(reason).collect()
}

/// What a seller with an LCA that quotes so answers to a request for an offer.
fn seller(quote: fn(QuoteRequest) -> Quote) -> Vec<Reason> {
    let mut script = Script::new(&[], Params::default());
    said(&script.ask_with(PEER, negotiation_request(), quote))
}

/// What a seller answers to a block that is changed so.
fn seller_of(change: fn(&mut gridpact_agents::local::door::Block)) -> Vec<Reason> {
    let mut script = Script::new(&[], Params::default());
    let mut block = block();
    change(Arc::make_mut(&mut block));
    let Message::CoalitionRequest(request) = coalition_request(&script) else { panic!() };
    let request = CoalitionRequest { block: Arc::clone(&block), ..request };
    let first = said(&script.ask(PEER, Message::CoalitionRequest(request)));
    let energy = block.energy_wh;
    let request = NegotiationRequest { about: TASK, block, energy };
    let second = said(&script.ask(PEER, Message::NegotiationRequest(request)));
    assert_eq!(first, second, "the coalition is told the same reason");
    second
}

/// What a seller that has promised 700 Wh at 11.5 c says to a counter at this price.
fn counter_at(unit_price: i64) -> Vec<Reason> {
    let full = |request| Quote { capacity: Energy(700), ..plenty(request) };
    let mut script = Script::new(&[], Params::default());
    script.ask_with(OTHER, negotiation_request(), full);
    script.ask_with(OTHER, response(Answer::Accept), full);
    script.ask_with(PEER, negotiation_request(), full);
    let counter = response(Answer::Counter { unit_price: Price(unit_price) });
    said(&script.ask_with(PEER, counter, full))
}

/// What a buyer says to the last of these offers of 700 Wh each, one from each seller.
fn offers(prices: &[i64]) -> Vec<Reason> {
    let sellers: Vec<PartyId> = (2..).take(prices.len()).map(PartyId).collect();
    let (mut script, about) = buyer(&sellers, Params::default());
    let mut last = Vec::new();
    for (seller, price) in sellers.iter().zip(prices) {
        script.hear(*seller, available(about));
        last = said(&script.ask(*seller, offer(about, *price, vec![300, 400])));
    }
    last
}

/// The reasons in the outcome of a buyer that hears nobody.
fn unheard() -> Vec<Reason> {
    let (mut script, _) = buyer(&[PEER], Params::default());
    script.wait_until(45_000);
    script.outcome().expect("it ends").reasons.0.keys().copied().collect()
}

/// The reasons in the outcome of a buyer that may not trim, and whose second contract is larger than
/// what the first left open.
fn untrimmed() -> Vec<Reason> {
    let mut params = Params::default();
    params.finals.trim_last = false;
    params.finals.order = FinalOrder::CheapestFirst;
    let (mut script, about) = buyer(&[PEER, OTHER], params);
    for (seller, price, wh) in [(PEER, 200_000, [300, 0]), (OTHER, 250_000, [300, 400])] {
        script.hear(seller, available(about));
        script.hear(seller, offer(about, price, wh.to_vec()));
    }
    let effects = script.tell(Input::PhaseEnds { epoch: EPOCH, phase: Phase::Negotiation });
    let request = requests(&effects).pop().expect("the cheaper one");
    let letter = confirm(&request, PEER, script.deadlines.settle);
    script.ask(PEER, Message::Confirm(Arc::new(letter)));
    script.outcome().expect("it ends").reasons.0.keys().copied().collect()
}

/// What the second seller of a buyer hears when the first has covered the need.
fn covered() -> Vec<Reason> {
    let (mut script, _, request) = finalising(Params::default());
    let letter = confirm(&request, PEER, script.deadlines.settle);
    script.ask(PEER, Message::Confirm(Arc::new(letter)));
    let to_other = script.out.iter().filter_map(|effect| match effect {
        Effect::Send { to: OTHER, message } => Some(message.clone()),
        _ => None,
    });
    said(&to_other.collect::<Vec<_>>())
}

/// What a seller says to one session more than it keeps for a buyer.
fn one_session_too_many() -> Vec<Reason> {
    let mut script = Script::new(&[], Params::default());
    let mut last = Vec::new();
    for k in 0..=gridpact_agents::social::limits::SESSIONS_PER_BUYER_MAX {
        let mut task = TaskId([0; 16]);
        task.0[..8].copy_from_slice(&(k as u64).to_le_bytes());
        let about = About { epoch: EPOCH, task };
        let Message::CoalitionRequest(request) = coalition_request(&script) else { panic!() };
        let request = CoalitionRequest { about, ..request };
        last = said(&script.ask(PEER, Message::CoalitionRequest(request)));
    }
    last
}

/// Provokes `reason`; what was said instead of a deal. A new reason has to be provoked here too.
fn provoked(reason: Reason) -> Vec<Reason> {
    match reason {
        Reason::NoEnergy => seller(|request| {
            let available = Profile::zeros(request.wanted.start, request.wanted.end());
            Quote { available, ..plenty(request) }
        }),
        Reason::CostAboveCeiling => seller(|request| {
            let quote = plenty(request);
            Quote { unit_cost: quote.ceiling, ..quote }
        }),
        Reason::NoGain => offers(&[300_000]),
        Reason::Enough => offers(&[200_000, 210_000, 220_000]),
        Reason::Saturated => counter_at(114_999),
        Reason::BelowCost => {
            let mut script = Script::new(&[], Params::default());
            script.ask(PEER, negotiation_request());
            said(&script.ask(PEER, response(Answer::Counter { unit_price: Price(99_999) })))
        }
        Reason::Unknown => {
            said(&Script::new(&[], Params::default()).ask(PEER, transaction(115_000)))
        }
        Reason::Expired => {
            let mut script = Script::new(&[], Params::default());
            script.wait_until(45_000);
            said(&script.ask(PEER, transaction(115_000)))
        }
        Reason::Mismatch => seller_of(|block| block.energy_wh = Energy(701)),
        Reason::NotNeeded => covered(),
        Reason::Silent => unheard(),
        Reason::GateClosed => seller_of(|block| {
            (block.start, block.end, block.profile.start) = (EPOCH, EPOCH.plus(2), EPOCH);
        }),
        Reason::TooSmall => seller_of(|block| {
            block.profile.wh = vec![49, 0];
            block.energy_wh = Energy(49);
        }),
        Reason::NotFitting => untrimmed(),
        Reason::Limit => one_session_too_many(),
    }
}

#[test]
fn every_reason_is_said_where_it_is_the_reason() {
    for reason in Reason::ALL {
        assert_eq!(provoked(reason), [reason], "{reason:?}");
    }
}

#[test]
fn every_reason_has_words_of_its_own_and_stands_once_in_the_list() {
    let words: std::collections::BTreeSet<&str> = Reason::ALL.iter().map(|r| r.words()).collect();
    assert_eq!(words.len(), Reason::ALL.len());
    let all: std::collections::BTreeSet<Reason> = Reason::ALL.into();
    assert_eq!(all.len(), Reason::ALL.len());
}

#[test]
fn a_buyer_counts_the_reason_a_member_gave_it_and_no_other() {
    let (mut script, about) = buyer(&[PEER, OTHER], Params::default());
    for (from, reason) in [(PEER, Reason::GateClosed), (OTHER, Reason::Limit)] {
        let (declined, available_energy) = (Some(reason), Energy::ZERO);
        let reply = CoalitionReply { about, declined, available_energy };
        script.hear(from, Message::CoalitionReply(reply));
    }
    script.wait_until(45_000);
    let outcome = script.outcome().expect("it ends");
    assert_eq!(outcome.reasons.of(Reason::NoEnergy), 0, "nobody said so");
    assert_eq!((outcome.reasons.of(Reason::GateClosed), outcome.reasons.of(Reason::Limit)), (1, 1));
    assert_eq!((outcome.members, outcome.available), (2, 0));
}

#[test]
fn contracts_that_time_runs_out_for_are_counted_as_too_late() {
    let (mut script, _, _) = finalising(Params::default());
    script.tell(Input::PhaseEnds { epoch: EPOCH, phase: Phase::Final });
    let outcome = script.outcome().expect("it ends");
    assert_eq!(outcome.reasons.of(Reason::Expired), 2, "one under way, one still on the stack");
}

#[test]
fn a_cancelled_promise_is_given_up_by_its_seller_too() {
    let mut script = Script::new(&[], Params::default());
    script.ask(PEER, negotiation_request());
    script.ask(PEER, response(Answer::Accept));
    assert_eq!(script.agent.snapshot().temporary, 1);
    let Message::TransactionRequest(request) = transaction(115_000) else { panic!() };
    let cancel = |contract_id| {
        Message::Cancel(Cancel { about: TASK, contract_id, reason: Reason::NotNeeded })
    };
    script.hear(OTHER, cancel(request.contract_id));
    script.hear(PEER, cancel(ContractId::default()));
    assert_eq!(script.agent.snapshot().temporary, 1, "only its buyer may, and only this one");
    script.hear(PEER, cancel(request.contract_id));
    assert_eq!(script.agent.snapshot().temporary, 0);
}
