//! One SCA against a script: repeated, late, foreign and forged letters; resends; rebirth.

use std::sync::Arc;

use gridpact_agents::local::door::{Obligation, PurchaseBlocks, Quote, ReserveReply, Side};
use gridpact_agents::machine::Machine;
use gridpact_agents::params::{Deadlines, Params};
use gridpact_agents::session::Phase;
use gridpact_agents::social::message::{
    About, Answer, CoalitionReply, CoalitionRequest, Confirm, NegotiationRequest, NeighbourReply,
    Offer, OfferResponse, TaskId, TransactionRequest, Verdict,
};
use gridpact_agents::social::{
    Effect, Entry, Filling, Input, Message, Reason, SocialAgent, SocialSetup, TaskOutcome,
};
use gridpact_chain::contract::{ContractBody, ContractId, commit_profile};
use gridpact_chain::digest::Digest;
use gridpact_chain::sign::Signature;
use gridpact_chain::statement::Statement;
use gridpact_chain::terms::{Energy, Interval, Money, PartyId, Power, Price, Profile, Timestamp};

use crate::street::{EPOCH, deficit};

const ME: PartyId = PartyId(1);
const PEER: PartyId = PartyId(2);
const OTHER: PartyId = PartyId(3);
const COMMUNITY: Digest = Digest([7; 32]);
const TASK: About = About { epoch: EPOCH, task: TaskId([9; 16]) };

struct Script {
    agent: SocialAgent,
    now: Timestamp,
    deadlines: Deadlines,
    out: Vec<Effect>,
}

fn setup(neighbours: &[PartyId], params: Params) -> SocialSetup {
    SocialSetup {
        party: ME,
        community: COMMUNITY,
        params: Arc::new(params),
        neighbours: neighbours.to_vec(),
        line_limit: Power(15_000),
        imbalance_cap: Price(1_000_000),
        seed: [1; 32],
    }
}

impl Script {
    fn new(neighbours: &[PartyId], params: Params) -> Self {
        let deadlines = params.epoch.deadlines(EPOCH.starts_at(1800));
        let agent = SocialAgent::new(setup(neighbours, params));
        let mut script = Self { agent, now: deadlines.start, deadlines, out: Vec::new() };
        script.tell(Input::EpochStart { epoch: EPOCH, deadlines });
        script
    }

    /// Tells it something and returns what it wants done.
    fn tell(&mut self, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        self.agent.handle(self.now, input, &mut out);
        self.out.extend(out.iter().cloned());
        out
    }

    fn hear(&mut self, from: PartyId, message: Message) -> Vec<Effect> {
        self.tell(Input::Peer { from, message })
    }

    /// What it says to `from` in answer to `message`, its LCA having plenty at 10 c.
    fn ask(&mut self, from: PartyId, message: Message) -> Vec<Message> {
        let mut said = Vec::new();
        let mut todo = self.hear(from, message);
        while !todo.is_empty() {
            let mut next = Vec::new();
            for effect in todo {
                match effect {
                    Effect::Send { to, message } if to == from => said.push(message),
                    Effect::Quote(request) => {
                        let capacity = Energy(10_000);
                        let available = request.wanted;
                        let (unit_cost, ceiling) = (Price(100_000), Price(400_000));
                        let (ticket, feed_in) = (request.ticket, Price(80_000));
                        let quote =
                            Quote { ticket, available, capacity, unit_cost, ceiling, feed_in };
                        next.extend(self.tell(Input::Quote(quote)));
                    }
                    Effect::Reserve(request) => {
                        let contract_id = request.contract_id;
                        let reply = ReserveReply { contract_id, outcome: Ok(Price(100_000)) };
                        next.extend(self.tell(Input::Reserved(reply)));
                    }
                    Effect::Sign(statement) => next.extend(self.sign(statement)),
                    _ => {}
                }
            }
            todo = next;
        }
        said
    }

    fn sign(&mut self, statement: Statement) -> Vec<Effect> {
        self.tell(Input::Signed { statement, signature: Signature([1; 64]) })
    }

    /// Lets time pass to `ms` after the start, waking it whenever it wants; what it sent, when.
    fn wait_until(&mut self, ms: u64) -> Vec<(u64, Effect)> {
        let end = self.deadlines.start.after_ms(ms);
        let mut seen = Vec::new();
        while let Some(at) = self.agent.wake_at().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            let ms = self.now.ms_since(self.deadlines.start);
            seen.extend(self.tell(Input::Wake).into_iter().map(|effect| (ms, effect)));
        }
        self.now = end;
        seen
    }

    fn outcome(&self) -> Option<&TaskOutcome> {
        self.out.iter().find_map(|effect| match effect {
            Effect::Outcome(outcome) => Some(outcome),
            _ => None,
        })
    }
}

fn block() -> Arc<gridpact_agents::local::door::Block> {
    Arc::new(deficit(2, vec![300, 400], 300_000).block)
}

fn coalition_request(script: &Script) -> Message {
    Message::CoalitionRequest(CoalitionRequest {
        about: TASK,
        block: block(),
        d1: script.deadlines.d1,
        d2: script.deadlines.d2,
        depth: 1,
        line_limit: Power(15_000),
    })
}

fn negotiation_request() -> Message {
    let energy = block().energy_wh;
    Message::NegotiationRequest(NegotiationRequest { about: TASK, block: block(), energy })
}

fn response(answer: Answer) -> Message {
    Message::OfferResponse(OfferResponse { about: TASK, round: 0, answer })
}

fn transaction(unit_price: i64) -> Message {
    Message::TransactionRequest(Box::new(TransactionRequest {
        about: TASK,
        contract_id: ContractId::new(&COMMUNITY, EPOCH, PEER, ME, &TASK.task.0, 0),
        round: 0,
        profile_final: Arc::new(block().profile.clone()),
        unit_price: Price(unit_price),
        salt: [4; 32],
        shortfall_price: Price(300_000),
    }))
}

/// A seller that has sold to [`PEER`] at 11 c after a counter.
fn sold() -> (Script, Vec<Message>) {
    let mut script = Script::new(&[], Params::default());
    script.ask(PEER, negotiation_request());
    script.ask(PEER, response(Answer::Counter { unit_price: Price(110_000) }));
    let confirm = script.ask(PEER, transaction(110_000));
    (script, confirm)
}

fn expired(messages: &[Message], phase: Phase) -> bool {
    matches!(messages, [Message::Expired(e)] if e.phase == phase && e.about == TASK)
}

fn cancelled(messages: &[Message], reason: Reason) -> bool {
    matches!(messages, [Message::Cancel(cancel)] if cancel.reason == reason)
}

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

// ----- the buyer's side -----

/// A buyer with one task; its id is in the first letter it sends.
fn buyer(neighbours: &[PartyId], params: Params) -> (Script, About) {
    let mut script = Script::new(neighbours, params);
    let deficits = vec![deficit(2, vec![300, 400], 300_000)];
    let effects = script.tell(Input::Blocks(PurchaseBlocks { epoch: EPOCH, deficits }));
    let about = effects.iter().find_map(|effect| match effect {
        Effect::Send { message, .. } => Some(message.about()),
        _ => None,
    });
    (script, about.expect("it has neighbours"))
}

fn offer(about: About, unit_price: i64, wh: Vec<u64>) -> Message {
    Message::Offer(Offer {
        about,
        round: 0,
        profile: Arc::new(Profile { start: EPOCH.plus(2), wh }),
        unit_price: Price(unit_price),
        surplus_price: Price(80_000),
        valid_until: EPOCH.starts_at(1800).after_ms(30_000),
    })
}

fn available(about: About) -> Message {
    let available_energy = Energy(700);
    Message::CoalitionReply(CoalitionReply { about, available: true, available_energy })
}

fn confirm(request: &TransactionRequest, seller: PartyId, settle: Timestamp) -> Confirm {
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
fn finalising(params: Params) -> (Script, About, TransactionRequest) {
    let (mut script, about) = buyer(&[PEER, OTHER], params);
    for (seller, price) in [(OTHER, 250_000), (PEER, 200_000)] {
        script.hear(seller, available(about));
        script.hear(seller, offer(about, price, vec![300, 400]));
    }
    let effects = script.tell(Input::PhaseEnds { epoch: EPOCH, phase: Phase::Negotiation });
    let request = requests(&effects).pop().expect("two temporary contracts");
    (script, about, request)
}

fn requests(effects: &[Effect]) -> Vec<TransactionRequest> {
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
