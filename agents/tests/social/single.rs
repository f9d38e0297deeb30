//! One SCA against a script: repeated, late, foreign and forged letters; resends; rebirth.

use std::sync::Arc;

use gridpact_agents::local::door::{
    Obligation, PurchaseBlocks, Quote, QuoteRequest, ReserveReply, Side,
};
use gridpact_agents::machine::Machine;
use gridpact_agents::params::{Deadlines, Params, TacticName};
use gridpact_agents::session::Phase;
use gridpact_agents::social::message::{
    About, Answer, CoalitionReply, CoalitionRequest, Confirm, CounterResponse, NegotiationRequest,
    NeighbourReply, Offer, OfferResponse, TaskId, TransactionRequest, Verdict,
};
use gridpact_agents::social::{
    Effect, Entry, Filling, Input, Message, Reason, SocialAgent, SocialSetup, TaskOutcome, pricing,
    tactic,
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
        tactic: tactic::named(params.negotiate.tactic),
        pricing: pricing::named(params.negotiate.pricing),
        params: Arc::new(params),
        neighbours: neighbours.to_vec(),
        network: Arc::default(),
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
        self.ask_with(from, message, plenty)
    }

    /// As [`ask`](Self::ask), with an LCA that quotes otherwise.
    fn ask_with(
        &mut self,
        from: PartyId,
        message: Message,
        quote: fn(QuoteRequest) -> Quote,
    ) -> Vec<Message> {
        let mut said = Vec::new();
        let mut todo = self.hear(from, message);
        while !todo.is_empty() {
            let mut next = Vec::new();
            for effect in todo {
                match effect {
                    Effect::Send { to, message } if to == from => said.push(message),
                    Effect::Quote(request) => {
                        next.extend(self.tell(Input::Quote(quote(request))));
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

/// All that is wanted, at 10 c.
fn plenty(request: QuoteRequest) -> Quote {
    Quote {
        ticket: request.ticket,
        available: request.wanted,
        capacity: Energy(10_000),
        unit_cost: Price(100_000),
        ceiling: Price(400_000),
        feed_in: Price(80_000),
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

#[path = "buyer_script.rs"]
mod buyer_script;

#[path = "seller_script.rs"]
mod seller_script;

#[path = "reasons.rs"]
mod reasons;

#[path = "account_script.rs"]
mod account_script;
