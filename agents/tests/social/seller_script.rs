//! One SCA as seller against a script: repeated, late, foreign and forged letters; rebirth.

use super::*;

#[test]
fn a_repeated_question_gets_the_earlier_answer() {
    let mut script = Script::new(&[], Params::default());
    let counter = response(Answer::Counter { unit_price: Price(110_000) });
    let questions =
        [coalition_request(&script), negotiation_request(), counter, transaction(110_000)];
    for question in questions {
        let first = script.ask(PEER, question.clone());
        assert_eq!(first.len(), 1, "{question:?}");
        assert_eq!(script.ask(PEER, question.clone()), first, "{question:?}");
    }
    let records = script.out.iter().filter(|e| matches!(e, Effect::Record(_))).count();
    assert_eq!(records, 1, "one sale, one record");
}

#[test]
fn a_record_stands_before_the_confirm() {
    let (script, confirm) = sold();
    assert!(matches!(confirm.as_slice(), [Message::Confirm(_)]));
    let at = |want: fn(&Effect) -> bool| script.out.iter().position(want);
    let record = at(|e| matches!(e, Effect::Record(Entry::Sold { .. })));
    let said = at(|e| matches!(e, Effect::Send { message: Message::Confirm(_), .. }));
    assert!(record.is_some() && record < said);
}

#[test]
fn letters_of_closed_phases_are_answered_and_never_obeyed() {
    let mut script = Script::new(&[], Params::default());
    let late = coalition_request(&script);
    script.ask(PEER, negotiation_request());
    script.wait_until(5_000);
    assert!(expired(&script.ask(OTHER, late), Phase::Coalition));
    script.wait_until(30_000);
    assert!(expired(&script.ask(OTHER, negotiation_request()), Phase::Negotiation));
    assert!(expired(&script.ask(PEER, response(Answer::Accept)), Phase::Negotiation));
    assert!(cancelled(&script.ask(PEER, transaction(115_000)), Reason::Unknown));
    assert_eq!(script.agent.snapshot().temporary, 0);
    let (mut script, confirm) = sold();
    script.wait_until(45_000);
    assert!(cancelled(&script.ask(PEER, transaction(110_000)), Reason::Expired));
    assert!(cancelled(&script.ask(PEER, confirm[0].clone()), Reason::Expired));
}

#[test]
fn an_offer_that_is_out_may_be_accepted_until_d2_even_if_the_phase_ended_early() {
    let mut script = Script::new(&[], Params::default());
    script.ask(PEER, negotiation_request());
    script.tell(Input::PhaseEnds { epoch: EPOCH, phase: Phase::Negotiation });
    assert!(expired(&script.ask(OTHER, negotiation_request()), Phase::Negotiation));
    assert!(script.ask(PEER, response(Answer::Accept)).is_empty());
    assert_eq!(script.agent.snapshot().temporary, 1);
}

#[test]
fn letters_of_other_epochs_are_answered() {
    let mut script = Script::new(&[], Params::default());
    let old = About { epoch: Interval(EPOCH.0 - 1), ..TASK };
    let request = NegotiationRequest { about: old, block: block(), energy: Energy(700) };
    let said = script.ask(PEER, Message::NegotiationRequest(request));
    assert!(matches!(said.as_slice(), [Message::Expired(e)] if e.about == old));
}

#[test]
fn a_reborn_seller_repeats_the_confirm_of_its_former_life_and_forgets_the_rest() {
    let (script, confirm) = sold();
    let entries = script.out.iter().filter_map(|effect| match effect {
        Effect::Record(entry) => Some(entry.clone()),
        _ => None,
    });
    let mut out = Vec::new();
    let agent = SocialAgent::restore(setup(&[], Params::default()), entries, &mut out);
    assert!(matches!(
        out.as_slice(),
        [Effect::Obligation(Obligation::Signed { side: Side::Seller, .. })]
    ));
    let (now, deadlines) = (script.now, script.deadlines);
    let mut reborn = Script { agent, now, deadlines, out };
    assert_eq!(reborn.ask(PEER, transaction(110_000)), confirm, "even before the epoch is told");
    assert!(expired(&reborn.ask(PEER, response(Answer::Accept)), Phase::Negotiation));
}

#[test]
fn energy_of_a_sale_is_freed_only_by_its_lapse_and_the_buyer_is_remembered() {
    let (mut script, confirm) = sold();
    let [Message::Confirm(confirm)] = confirm.as_slice() else { panic!("{confirm:?}") };
    let contract_id = confirm.body.contract_id;
    let reason = Reason::Expired;
    let cancel = gridpact_agents::social::message::Cancel { about: TASK, contract_id, reason };
    script.hear(PEER, Message::Cancel(cancel));
    script.wait_until(60_000);
    let released = Effect::Obligation(Obligation::Released { contract_id });
    assert!(!script.out.contains(&released), "the buyer may still publish");
    assert!(script.tell(Input::Lapsed { contract_id }).contains(&released));
    assert_eq!(script.agent.snapshot().unpublished.get(&PEER), Some(&1));
    assert!(script.tell(Input::Lapsed { contract_id }).is_empty(), "once");
}

#[test]
fn a_settled_sale_never_lapses() {
    let (mut script, confirm) = sold();
    let [Message::Confirm(confirm)] = confirm.as_slice() else { panic!("{confirm:?}") };
    let contract_id = confirm.body.contract_id;
    assert_eq!(script.tell(Input::Settled { contract_id, height: 5 }).len(), 1);
    assert!(script.tell(Input::Settled { contract_id, height: 5 }).is_empty());
    assert!(script.tell(Input::Lapsed { contract_id }).is_empty());
    let reminded = script.tell(Input::LocalRestarted);
    assert!(matches!(reminded.as_slice(), [Effect::Obligation(Obligation::Signed { .. })]));
}

#[test]
fn a_reborn_lca_is_asked_again_for_what_is_not_signed_yet() {
    let mut script = Script::new(&[], Params::default());
    script.ask(PEER, negotiation_request());
    script.ask(PEER, response(Answer::Accept));
    let asked = script.hear(PEER, transaction(115_000));
    assert!(matches!(asked.as_slice(), [Effect::Reserve(_)]));
    assert_eq!(script.tell(Input::LocalRestarted), asked);
    // Its energy is given back when nothing comes of it until D3.
    let given: Vec<Effect> = script.wait_until(45_000).into_iter().map(|(_, e)| e).collect();
    assert!(given.iter().any(|e| matches!(e, Effect::Obligation(Obligation::Released { .. }))));
}

#[test]
fn requests_beyond_the_temporary_contract_are_refused() {
    let forge = |change: fn(&mut TransactionRequest)| {
        let mut script = Script::new(&[], Params::default());
        script.ask(PEER, negotiation_request());
        script.ask(PEER, response(Answer::Accept));
        let Message::TransactionRequest(mut request) = transaction(115_000) else { panic!() };
        change(&mut request);
        script.ask(PEER, Message::TransactionRequest(request))
    };
    assert!(matches!(forge(|_| ()).as_slice(), [Message::Confirm(_)]));
    let mismatch = |said: Vec<Message>| assert!(cancelled(&said, Reason::Mismatch), "{said:?}");
    mismatch(forge(|r| r.unit_price = Price(114_999)));
    mismatch(forge(|r| Arc::make_mut(&mut r.profile_final).wh[0] += 1));
    mismatch(forge(|r| Arc::make_mut(&mut r.profile_final).wh.push(0)));
    mismatch(forge(|r| Arc::make_mut(&mut r.profile_final).wh.fill(0)));
    mismatch(forge(|r| r.shortfall_price = Price(1_000_001)));
    let unknown = forge(|r| r.contract_id = ContractId::default());
    assert!(cancelled(&unknown, Reason::Unknown));
}

#[test]
fn blocks_that_break_a_bound_are_declined_with_the_reason() {
    let decline = |change: fn(&mut gridpact_agents::local::door::Block)| {
        let mut script = Script::new(&[], Params::default());
        let mut block = block();
        change(Arc::make_mut(&mut block));
        let energy = block.energy_wh;
        let request = NegotiationRequest { about: TASK, block, energy };
        match script.ask(PEER, Message::NegotiationRequest(request)).as_slice() {
            [Message::NegotiationReply(reply)] => Some(reply.declined),
            _ => None,
        }
    };
    assert_eq!(decline(|_| ()), None);
    assert_eq!(decline(|b| b.energy_wh = Energy(701)), Some(Reason::Mismatch));
    assert_eq!(decline(|b| b.end = b.end.plus(1)), Some(Reason::Mismatch));
    let small = |b: &mut gridpact_agents::local::door::Block| {
        b.profile.wh = vec![49, 0];
        b.energy_wh = Energy(49);
    };
    assert_eq!(decline(small), Some(Reason::TooSmall));
    let started = |b: &mut gridpact_agents::local::door::Block| {
        (b.start, b.end, b.profile.start) = (EPOCH, EPOCH.plus(2), EPOCH);
    };
    assert_eq!(decline(started), Some(Reason::GateClosed));
}

#[test]
fn a_reservation_of_a_former_life_is_released_unless_it_was_sold() {
    let (mut script, confirm) = sold();
    let [Message::Confirm(confirm)] = confirm.as_slice() else { panic!("{confirm:?}") };
    let reply = |contract_id| ReserveReply { contract_id, outcome: Ok(Price(1)) };
    assert!(script.tell(Input::Reserved(reply(confirm.body.contract_id))).is_empty());
    let unknown = ContractId(Digest([5; 32]));
    let released = Effect::Obligation(Obligation::Released { contract_id: unknown });
    assert_eq!(script.tell(Input::Reserved(reply(unknown))), [released]);
}

#[test]
fn a_buyer_may_open_only_so_many_sessions() {
    let mut script = Script::new(&[], Params::default());
    let most = gridpact_agents::social::limits::SESSIONS_PER_BUYER_MAX;
    let mut ask = |from, k: usize| {
        let mut task = TaskId([0; 16]);
        task.0[..8].copy_from_slice(&(k as u64).to_le_bytes());
        let about = About { epoch: EPOCH, task };
        let (block, energy) = (block(), Energy(700));
        let request = NegotiationRequest { about, block, energy };
        script.ask(from, Message::NegotiationRequest(request)).pop()
    };
    for k in 0..most {
        assert!(matches!(ask(PEER, k), Some(Message::Offer(_))), "session {k}");
    }
    let over = ask(PEER, most);
    assert!(matches!(over, Some(Message::NegotiationReply(r)) if r.declined == Reason::Limit));
    assert!(matches!(ask(PEER, 0), Some(Message::Offer(_))), "what is open goes on");
    assert!(matches!(ask(OTHER, 0), Some(Message::Offer(_))), "others are not affected");
}

#[test]
fn the_next_epoch_forgets_what_is_temporary_and_keeps_what_is_signed() {
    let (mut script, _) = sold();
    script.ask(OTHER, negotiation_request());
    script.ask(OTHER, response(Answer::Accept));
    let epoch = EPOCH.plus(1);
    script.now = epoch.starts_at(1800);
    let deadlines = Params::default().epoch.deadlines(script.now);
    script.tell(Input::EpochStart { epoch, deadlines });
    let snapshot = script.agent.snapshot();
    assert_eq!((snapshot.epoch, snapshot.sessions, snapshot.temporary), (Some(epoch), 0, 0));
    assert_eq!((snapshot.sold, snapshot.unsettled), (1, 1));
    assert!(expired(&script.ask(PEER, negotiation_request()), Phase::Negotiation));
}

/// A seller under a linear tactic: cost 10 c, ceiling 40 c, kappa 0.1, three rounds.
fn patient() -> Script {
    let mut params = Params::default();
    params.negotiate.tactic = TacticName::Linear;
    params.negotiate.max_rounds = 3;
    Script::new(&[], params)
}

fn counter(round: u32, unit_price: i64) -> Message {
    let answer = Answer::Counter { unit_price: Price(unit_price) };
    Message::OfferResponse(OfferResponse { about: TASK, round, answer })
}

fn verdict(messages: &[Message]) -> (u32, Verdict) {
    let [Message::CounterResponse(said)] = messages else { panic!("{messages:?}") };
    (said.round, said.verdict)
}

fn new_offer(unit_price: i64) -> Verdict {
    Verdict::NewOffer { unit_price: Price(unit_price) }
}

#[test]
fn a_counter_is_answered_with_new_offers_until_the_last_round() {
    let mut script = patient();
    let opening = script.ask(PEER, negotiation_request());
    assert!(matches!(opening.as_slice(), [Message::Offer(o)] if o.unit_price == Price(370_000)));
    assert_eq!(verdict(&script.ask(PEER, counter(0, 110_000))), (0, new_offer(280_000)));
    assert_eq!(verdict(&script.ask(PEER, counter(1, 120_000))), (1, new_offer(190_000)));
    assert_eq!(script.agent.snapshot().temporary, 0);
    assert_eq!(verdict(&script.ask(PEER, counter(2, 120_000))), (2, Verdict::Accept));
    assert_eq!(script.agent.snapshot().temporary, 1);
}

#[test]
fn letters_of_earlier_rounds_are_answered_alike_or_ignored_and_change_nothing() {
    let mut script = patient();
    script.ask(PEER, negotiation_request());
    let first = script.ask(PEER, counter(0, 110_000));
    assert_eq!(script.ask(PEER, counter(0, 110_000)), first, "the new offer again");
    assert!(script.ask(PEER, negotiation_request()).is_empty(), "overtaken");
    let second = script.ask(PEER, counter(1, 120_000));
    assert!(script.ask(PEER, counter(0, 110_000)).is_empty(), "overtaken");
    assert_eq!(script.ask(PEER, counter(1, 120_000)), second);
    assert!(script.ask(PEER, counter(1, 380_000)) == second, "the first word counts");
    let accept = OfferResponse { about: TASK, round: 2, answer: Answer::Accept };
    assert!(script.ask(PEER, Message::OfferResponse(accept.clone())).is_empty());
    assert!(script.ask(PEER, Message::OfferResponse(accept)).is_empty());
    assert!(script.ask(PEER, counter(1, 120_000)).is_empty());
    assert_eq!(script.agent.snapshot().temporary, 1);
    let mut other = patient();
    other.ask(PEER, negotiation_request());
    assert!(expired(&other.ask(PEER, counter(1, 120_000)), Phase::Negotiation), "not yet offered");
}

#[test]
fn an_unanswered_new_offer_is_said_again_as_it_was() {
    let mut script = patient();
    script.ask(PEER, negotiation_request());
    let first = script.ask(PEER, counter(0, 110_000));
    let seen = script.wait_until(1_000);
    let again: Vec<&Message> = seen
        .iter()
        .filter_map(|(_, effect)| match effect {
            Effect::Send { to: PEER, message } => Some(message),
            _ => None,
        })
        .collect();
    assert!(again.len() >= 3 && again.iter().all(|said| **said == first[0]), "{again:?}");
}

#[test]
fn a_contract_of_a_later_round_is_made_final_under_its_own_round() {
    let mut script = patient();
    script.ask(PEER, negotiation_request());
    script.ask(PEER, counter(0, 110_000));
    let accept = OfferResponse { about: TASK, round: 1, answer: Answer::Accept };
    script.ask(PEER, Message::OfferResponse(accept));
    let request = |round| {
        let Message::TransactionRequest(mut request) = transaction(280_000) else {
            panic!("a transaction")
        };
        request.round = round;
        request.contract_id = ContractId::new(&COMMUNITY, EPOCH, PEER, ME, &TASK.task.0, round);
        Message::TransactionRequest(request)
    };
    assert!(cancelled(&script.ask(PEER, request(0)), Reason::Unknown), "that offer was not taken");
    assert!(matches!(script.ask(PEER, request(1)).as_slice(), [Message::Confirm(_)]));
}

#[test]
fn no_new_offer_leaves_after_d2() {
    let mut script = patient();
    script.ask(PEER, negotiation_request());
    script.wait_until(30_000);
    assert!(expired(&script.ask(PEER, counter(0, 110_000)), Phase::Negotiation));
}
