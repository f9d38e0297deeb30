//! One SCA as buyer against a script: resends, growth, forged confirms, silent sellers.

use super::*;

/// A buyer with one task; its id is in the first letter it sends.
pub(super) fn buyer(neighbours: &[PartyId], params: Params) -> (Script, About) {
    let mut script = Script::new(neighbours, params);
    let deficits = vec![deficit(2, vec![300, 400], 300_000)];
    let effects = script.tell(Input::Blocks(PurchaseBlocks { epoch: EPOCH, deficits }));
    let about = effects.iter().find_map(|effect| match effect {
        Effect::Send { message, .. } => Some(message.about()),
        _ => None,
    });
    (script, about.expect("it has neighbours"))
}

pub(super) fn offer(about: About, unit_price: i64, wh: Vec<u64>) -> Message {
    Message::Offer(Offer {
        about,
        round: 0,
        profile: Arc::new(Profile { start: EPOCH.plus(2), wh }),
        unit_price: Price(unit_price),
        surplus_price: Price(80_000),
        valid_until: EPOCH.starts_at(1800).after_ms(30_000),
    })
}

pub(super) fn available(about: About) -> Message {
    let available_energy = Energy(700);
    Message::CoalitionReply(CoalitionReply { about, declined: None, available_energy })
}

pub(super) fn confirm(request: &TransactionRequest, seller: PartyId, settle: Timestamp) -> Confirm {
    let profile = &request.profile_final;
    let energy = profile.energy();
    let body = ContractBody {
        community: COMMUNITY,
        contract_id: request.contract_id,
        epoch: EPOCH,
        buyer: ME,
        seller,
        start: profile.start,
        end: profile.end(),
        energy,
        profile_commitment: commit_profile(&COMMUNITY, &request.salt, profile),
        unit_price: request.unit_price,
        amount: Money::of(energy, request.unit_price).expect("small"),
        shortfall_price: request.shortfall_price,
        surplus_price: Price(80_000),
        valid_until: settle,
    };
    let (about, profile_final) = (request.about, Arc::clone(profile));
    Confirm { about, body, profile_final, seller_sig: Signature([2; 64]) }
}

/// A buyer that has accepted 20 c from [`PEER`] and 25 c from [`OTHER`] and begins to finalise;
/// with its first request.
pub(super) fn finalising(params: Params) -> (Script, About, TransactionRequest) {
    let (mut script, about) = buyer(&[PEER, OTHER], params);
    for (seller, price) in [(OTHER, 250_000), (PEER, 200_000)] {
        script.hear(seller, available(about));
        script.hear(seller, offer(about, price, vec![300, 400]));
    }
    let effects = script.tell(Input::PhaseEnds { epoch: EPOCH, phase: Phase::Negotiation });
    let request = requests(&effects).pop().expect("two temporary contracts");
    (script, about, request)
}

pub(super) fn requests(effects: &[Effect]) -> Vec<TransactionRequest> {
    let of = |effect: &Effect| match effect {
        Effect::Send { message: Message::TransactionRequest(request), .. } => {
            Some(request.as_ref().clone())
        }
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

#[test]
fn a_request_is_said_again_until_the_deadline_but_blocks_nobody_for_long() {
    let (mut script, _) = buyer(&[PEER], Params::default());
    let seen = script.wait_until(4_999);
    let again = |kind: fn(&Message) -> bool| -> Vec<u64> {
        let is = |e: &Effect| matches!(e, Effect::Send { message, .. } if kind(message));
        seen.iter().filter(|(_, e)| is(e)).map(|(ms, _)| *ms).collect()
    };
    let coalition = again(|m| matches!(m, Message::CoalitionRequest(_)));
    assert_eq!(coalition, [250, 500, 750, 1_750, 2_250, 3_250]);
    assert_eq!(again(|m| matches!(m, Message::NeighbourQuery(_))), [250, 500, 750]);
    let quiet: Vec<u64> = seen
        .iter()
        .filter(|(_, e)| matches!(e, Effect::Quiescent { phase: Phase::Coalition, .. }))
        .map(|(ms, _)| *ms)
        .collect();
    assert_eq!(quiet, [1_750]);
    script.wait_until(45_000);
    let outcome = script.outcome().expect("every task ends");
    assert_eq!((outcome.filling, outcome.reasons.of(Reason::Silent)), (Filling::Unfilled, 1));
}

#[test]
fn the_coalition_grows_by_one_random_member_per_step_up_to_its_depth() {
    let (mut script, about) = buyer(&[PEER, OTHER], Params::default());
    let mut asked: Vec<PartyId> = Vec::new();
    let mut queries = 0;
    for step in 0..10 {
        let query = script.out.iter().rev().find_map(|e| match e {
            Effect::Send { to, message: Message::NeighbourQuery(_) } => Some(*to),
            _ => None,
        });
        let Some(picked) = query.filter(|p| !asked.contains(p)) else { break };
        asked.push(picked);
        queries += 1;
        let neighbours = vec![ME, PEER, OTHER, PartyId(100 + step), PartyId(200 + step)];
        script.hear(picked, Message::NeighbourReply(NeighbourReply { about, neighbours }));
    }
    assert_eq!(queries, 2, "depth_max 3: the neighbours and two steps beyond");
    let members = script.agent.snapshot().tasks[0].members;
    assert_eq!(members, 6);
}

#[test]
fn three_dry_picks_end_the_growth() {
    let neighbours: Vec<PartyId> = (2..8).map(PartyId).collect();
    let (mut script, about) = buyer(&neighbours, Params::default());
    let mut seen = 0;
    loop {
        let queries: Vec<PartyId> = script
            .out
            .iter()
            .filter_map(|e| match e {
                Effect::Send { to, message: Message::NeighbourQuery(_) } => Some(*to),
                _ => None,
            })
            .collect();
        if queries.len() == seen {
            break;
        }
        seen = queries.len();
        let reply = NeighbourReply { about, neighbours: neighbours.clone() };
        script.hear(queries[seen - 1], Message::NeighbourReply(reply));
    }
    assert_eq!(seen, 3);
}

#[test]
fn no_member_joins_after_d1() {
    let (mut script, about) = buyer(&[PEER], Params::default());
    script.wait_until(5_000);
    let said = script.ask(PEER, available(about));
    assert!(matches!(said.as_slice(), [Message::Expired(e)] if e.phase == Phase::Coalition));
    assert!(!said.iter().any(|m| matches!(m, Message::NegotiationRequest(_))));
}

#[test]
fn bargaining_begins_as_soon_as_a_member_is_known_and_offers_are_judged_once() {
    let (mut script, about) = buyer(&[PEER, OTHER], Params::default());
    let asked = script.ask(PEER, available(about));
    assert!(asked.iter().any(|m| matches!(m, Message::NegotiationRequest(_))));
    let dear = offer(about, 280_000, vec![300, 400]);
    let first = script.ask(PEER, dear.clone());
    let [Message::OfferResponse(said)] = first.as_slice() else { panic!("{first:?}") };
    assert_eq!(said.answer, Answer::Counter { unit_price: Price(270_000) });
    assert_eq!(script.ask(PEER, dear), first);
    let unasked = script.ask(OTHER, offer(about, 100_000, vec![300, 400]));
    assert!(matches!(unasked.as_slice(), [Message::Expired(_)]));
    let more = script.ask(OTHER, available(about));
    assert!(matches!(more.as_slice(), [Message::NegotiationRequest(_)]));
    let greedy = script.ask(OTHER, offer(about, 100_000, vec![301, 400]));
    let [Message::OfferResponse(said)] = greedy.as_slice() else { panic!("{greedy:?}") };
    assert_eq!(said.answer, Answer::Reject { reason: Reason::Mismatch });
    let verdict = Verdict::Accept;
    let word = gridpact_agents::social::message::CounterResponse { about, round: 0, verdict };
    assert!(script.ask(PEER, Message::CounterResponse(word.clone())).is_empty());
    assert!(script.ask(PEER, Message::CounterResponse(word)).is_empty());
    assert_eq!(script.agent.snapshot().tasks[0].temps, 1);
}

#[test]
fn the_cheapest_is_requested_first_signed_recorded_and_then_published() {
    let (mut script, _, request) = finalising(Params::default());
    assert_eq!(request.unit_price, Price(200_000));
    let letter = confirm(&request, PEER, script.deadlines.settle);
    let signing = script.hear(PEER, Message::Confirm(Arc::new(letter)));
    let [Effect::Sign(statement)] = signing.as_slice() else { panic!("{signing:?}") };
    let done = script.sign(statement.clone());
    let kinds: Vec<&str> = done
        .iter()
        .map(|effect| match effect {
            Effect::Record(Entry::Bought { .. }) => "record",
            Effect::Publish(_) => "publish",
            Effect::Obligation(Obligation::Signed { side: Side::Buyer, .. }) => "obligation",
            Effect::Send { to: OTHER, message: Message::Cancel(_) } => "cancel the rest",
            Effect::Outcome(outcome) if outcome.filling == Filling::Filled => "filled",
            Effect::Quiescent { phase: Phase::Final, .. } => "quiescent",
            _ => "?",
        })
        .collect();
    let expected = ["record", "publish", "obligation", "cancel the rest", "filled", "quiescent"];
    assert_eq!(kinds, expected);
}

#[test]
fn the_dearest_first_is_the_literal_reading() {
    let mut params = Params::default();
    params.finals.order = gridpact_agents::params::FinalOrder::DearestFirst;
    assert_eq!(finalising(params).2.unit_price, Price(250_000));
}

#[test]
fn a_confirm_that_differs_in_any_field_is_refused_and_the_next_contract_is_tried() {
    let forgeries: [fn(&mut Confirm); 13] = [
        |c| c.body.community = Digest([8; 32]),
        |c| c.body.epoch = Interval(EPOCH.0 + 1),
        |c| c.body.buyer = OTHER,
        |c| c.body.seller = OTHER,
        |c| c.body.start = c.body.start.plus(1),
        |c| c.body.end = c.body.end.plus(1),
        |c| c.body.energy = Energy(699),
        |c| c.body.profile_commitment = Digest([0; 32]),
        |c| c.body.unit_price = Price(200_001),
        |c| c.body.amount = Money(1),
        |c| c.body.shortfall_price = Price(0),
        |c| c.body.valid_until = c.body.valid_until.after_ms(1),
        |c| Arc::make_mut(&mut c.profile_final).wh[0] -= 1,
    ];
    for forge in forgeries {
        let (mut script, _, request) = finalising(Params::default());
        let mut letter = confirm(&request, PEER, script.deadlines.settle);
        forge(&mut letter);
        let effects = script.hear(PEER, Message::Confirm(Arc::new(letter)));
        assert!(!effects.iter().any(|e| matches!(e, Effect::Sign(_))));
        assert_eq!(requests(&effects).first().map(|r| r.unit_price), Some(Price(250_000)));
    }
    let (mut script, _, request) = finalising(Params::default());
    let letter = confirm(&request, PEER, script.deadlines.settle);
    let stranger = script.hear(OTHER, Message::Confirm(Arc::new(letter)));
    assert!(!stranger.iter().any(|e| matches!(e, Effect::Sign(_))), "not from its seller");
}

#[test]
fn a_silent_seller_is_dropped_and_its_late_confirm_used_only_if_it_still_fits() {
    for other_confirms in [false, true] {
        let (mut script, _, first) = finalising(Params::default());
        let waited: Vec<Effect> =
            script.wait_until(1_800).into_iter().map(|(_, effect)| effect).collect();
        let asked = requests(&waited);
        assert_eq!(asked.iter().filter(|r| **r == first).count(), 3, "resends, same id");
        let second = asked.last().cloned().expect("the next contract is tried");
        assert_eq!(second.unit_price, Price(250_000));
        if other_confirms {
            let letter = confirm(&second, OTHER, script.deadlines.settle);
            script.ask(OTHER, Message::Confirm(Arc::new(letter)));
        } else {
            let reason = Reason::NoEnergy;
            let (about, contract_id) = (second.about, second.contract_id);
            let no = gridpact_agents::social::message::Cancel { about, contract_id, reason };
            // The late confirm comes while the second request is still under way.
            let late = confirm(&first, PEER, script.deadlines.settle);
            let said = script.ask(PEER, Message::Confirm(Arc::new(late)));
            assert!(cancelled(&said, Reason::NotNeeded), "{said:?}");
            script.hear(OTHER, Message::Cancel(no));
        }
        let deals = script.outcome().map(|outcome| outcome.finals.len());
        assert_eq!(deals, Some(usize::from(other_confirms)));
    }
}

#[test]
fn a_confirm_after_d3_is_answered_with_cancel() {
    let (mut script, _, request) = finalising(Params::default());
    script.wait_until(45_000);
    let letter = confirm(&request, PEER, script.deadlines.settle);
    let said = script.ask(PEER, Message::Confirm(Arc::new(letter)));
    assert!(cancelled(&said, Reason::Expired), "{said:?}");
    assert_eq!(script.outcome().map(|o| o.filling), Some(Filling::Unfilled));
}

#[test]
fn nobody_buys_and_sells_in_one_interval() {
    let mut script = Script::new(&[PEER, OTHER], Params::default());
    let deficits = vec![deficit(2, vec![300, 400], 300_000), deficit(3, vec![500, 600], 300_000)];
    let effects = script.tell(Input::Blocks(PurchaseBlocks { epoch: EPOCH, deficits }));
    let mut tasks: Vec<About> = Vec::new();
    for effect in &effects {
        if let Effect::Send { message, .. } = effect
            && !tasks.contains(&message.about())
        {
            tasks.push(message.about());
        }
    }
    // It promises to sell intervals 2 and 3, and holds an offer for each of its own tasks.
    script.ask(PEER, negotiation_request());
    script.ask(PEER, response(Answer::Accept));
    script.hear(OTHER, available(tasks[0]));
    script.hear(OTHER, offer(tasks[0], 200_000, vec![300, 400]));
    let sale = script.ask(PEER, transaction(115_000));
    assert!(matches!(sale.as_slice(), [Message::Confirm(_)]));
    // Having sold both intervals, it requests nothing for them.
    let effects = script.tell(Input::PhaseEnds { epoch: EPOCH, phase: Phase::Negotiation });
    assert!(requests(&effects).is_empty(), "{effects:?}");
    assert_eq!(script.outcome().map(|o| o.reasons.of(Reason::NotFitting)), Some(1));
}

#[test]
fn what_it_is_buying_it_does_not_sell() {
    let (mut script, about) = buyer(&[PEER, OTHER], Params::default());
    script.ask(PEER, negotiation_request());
    script.ask(PEER, response(Answer::Accept));
    script.hear(OTHER, available(about));
    script.hear(OTHER, offer(about, 200_000, vec![300, 400]));
    let effects = script.tell(Input::PhaseEnds { epoch: EPOCH, phase: Phase::Negotiation });
    assert_eq!(requests(&effects).len(), 1);
    assert!(cancelled(&script.ask(PEER, transaction(115_000)), Reason::NoEnergy));
}

#[test]
fn a_buyer_makes_no_more_contracts_in_an_epoch_than_voters_approve() {
    let mut script = Script::new(&[PEER, OTHER], Params::default());
    let deficits = (0..48).map(|k| deficit(2 + 2 * k, vec![300, 400], 300_000)).collect();
    let effects = script.tell(Input::Blocks(PurchaseBlocks { epoch: EPOCH, deficits }));
    let blocks = effects.iter().filter_map(|effect| match effect {
        Effect::Send { to: PEER, message: Message::CoalitionRequest(request) } => {
            Some((request.about, request.block.start))
        }
        _ => None,
    });
    for (about, start) in blocks.collect::<Vec<_>>() {
        for seller in [PEER, OTHER] {
            script.hear(seller, available(about));
            let Message::Offer(mut half) = offer(about, 200_000, vec![150, 200]) else { panic!() };
            Arc::make_mut(&mut half.profile).start = start;
            script.hear(seller, Message::Offer(half));
        }
    }
    let mut effects = script.tell(Input::PhaseEnds { epoch: EPOCH, phase: Phase::Negotiation });
    let mut published = 0;
    while !effects.is_empty() {
        let mut next = Vec::new();
        for effect in effects {
            match effect {
                Effect::Send { to, message: Message::TransactionRequest(request) } => {
                    let letter = confirm(&request, to, script.deadlines.settle);
                    next.extend(script.hear(to, Message::Confirm(Arc::new(letter))));
                }
                Effect::Sign(statement) => next.extend(script.sign(statement)),
                Effect::Publish(_) => published += 1,
                _ => {}
            }
        }
        effects = next;
    }
    assert_eq!(published, gridpact_agents::social::limits::CONTRACTS_MAX);
    let limited = script.out.iter().any(|effect| {
        matches!(effect, Effect::Outcome(outcome) if outcome.reasons.of(Reason::Limit) > 0)
    });
    assert!(limited, "and it says why");
}

/// A buyer under a linear tactic with three rounds, offered 40 c; R is 30 c.
fn patient() -> (Script, About, Vec<Message>) {
    let mut params = Params::default();
    params.negotiate.tactic = TacticName::Linear;
    params.negotiate.max_rounds = 3;
    let (mut script, about) = buyer(&[PEER], params);
    script.hear(PEER, available(about));
    let said = script.ask(PEER, offer(about, 400_000, vec![300, 400]));
    (script, about, said)
}

fn offered(about: About, round: u32, unit_price: i64) -> Message {
    let verdict = Verdict::NewOffer { unit_price: Price(unit_price) };
    Message::CounterResponse(CounterResponse { about, round, verdict })
}

fn answered(messages: &[Message]) -> (u32, Answer) {
    let [Message::OfferResponse(said)] = messages else { panic!("{messages:?}") };
    (said.round, said.answer)
}

#[test]
fn new_offers_are_countered_ever_higher_and_accepted_when_good_enough() {
    let (mut script, about, opening) = patient();
    // From 15 c to just below 30 c: alpha is 0.1, 0.4 and 0.7.
    let bid = |unit_price| Answer::Counter { unit_price: Price(unit_price) };
    assert_eq!(answered(&opening), (0, bid(164_999)), "dearer than the grid, and two rounds left");
    assert_eq!(answered(&script.ask(PEER, offered(about, 0, 380_000))), (1, bid(209_999)));
    assert_eq!(answered(&script.ask(PEER, offered(about, 1, 254_999))), (2, Answer::Accept));
    let effects = script.tell(Input::PhaseEnds { epoch: EPOCH, phase: Phase::Negotiation });
    let request = requests(&effects).pop().expect("a temporary contract");
    let id = ContractId::new(&COMMUNITY, EPOCH, ME, PEER, &about.task.0, 2);
    assert_eq!((request.round, request.contract_id), (2, id));
    assert_eq!(request.unit_price, Price(254_999));
}

#[test]
fn in_the_last_round_the_grid_price_is_refused() {
    let (mut script, about, _) = patient();
    script.ask(PEER, offered(about, 0, 380_000));
    let no_gain = Answer::Reject { reason: Reason::NoGain };
    assert_eq!(answered(&script.ask(PEER, offered(about, 1, 300_000))), (2, no_gain));
}

#[test]
fn a_repeated_new_offer_gets_its_answer_again_and_an_overtaken_letter_none() {
    let (mut script, about, _) = patient();
    let second = script.ask(PEER, offered(about, 0, 380_000));
    assert_eq!(script.ask(PEER, offered(about, 0, 380_000)), second);
    assert_eq!(script.ask(PEER, offered(about, 0, 1)), second, "the first word counts");
    assert!(script.ask(PEER, offer(about, 400_000, vec![300, 400])).is_empty(), "overtaken");
    let third = script.ask(PEER, offered(about, 1, 254_999));
    assert_eq!(script.ask(PEER, offered(about, 1, 254_999)), third);
    assert!(script.ask(PEER, offered(about, 0, 380_000)).is_empty(), "overtaken");
    assert_eq!(script.agent.snapshot().tasks[0].temps, 1);
}

#[test]
fn a_seller_that_offers_beyond_the_rounds_is_refused() {
    let (mut script, about) = buyer(&[PEER], Params::default());
    script.hear(PEER, available(about));
    let said = script.ask(PEER, offer(about, 290_000, vec![300, 400]));
    assert!(matches!(answered(&said), (0, Answer::Counter { .. })));
    let limit = Answer::Reject { reason: Reason::Limit };
    assert_eq!(answered(&script.ask(PEER, offered(about, 0, 100_000))), (1, limit));
}

#[test]
fn a_new_offer_after_d2_binds_nobody() {
    let (mut script, about, _) = patient();
    script.wait_until(30_000);
    let said = script.ask(PEER, offered(about, 0, 100_000));
    assert!(matches!(said.as_slice(), [Message::Expired(e)] if e.about == about), "{said:?}");
    assert_eq!(script.agent.snapshot().tasks[0].temps, 0);
}
