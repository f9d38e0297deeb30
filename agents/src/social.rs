//! The Social Coordination Agent (SCA): coalition, bargaining, final contracts.
//!
//! One mind that is buyer for its own tasks and seller for everybody else's at once. This file is
//! its door: what it can be told, what it wants done, and which part answers. It asks its LCA for
//! energy and cost, never computes them; it never holds a key, a clock or a socket.

pub mod book;
mod buyer;
mod coalition;
mod curve;
mod deed;
mod determination;
pub mod holding;
pub mod limits;
pub mod message;
pub mod negotiation;
mod order;
pub mod outcome;
mod position;
pub mod pricing;
pub mod reason;
pub mod resend;
mod seller;
pub mod speech;
pub mod tactic;
mod task;
mod turn;

use std::collections::BTreeMap;

use gridpact_chain::contract::{ContractBody, ContractId};
use gridpact_chain::sign::Signature;
use gridpact_chain::statement::Statement;
use gridpact_chain::terms::{Epoch, PartyId, Timestamp};

use crate::machine::Machine;
use crate::params::Deadlines;
use crate::session::Phase;

pub use holding::Entry;
pub use message::Message;
pub use outcome::{Deal, Filling, TaskOutcome};
pub use reason::{Reason, Tally};
pub use speech::{Effect, Input, Snapshot, SocialSetup};
pub use task::{Stage, TaskView};

use buyer::Buying;
use determination::cancel;
use holding::{Holdings, Kind};
use limits::SKEW_MS;
use seller::Selling;
use turn::{Core, Round, Turn};

/// The mind of a Social Coordination Agent.
#[derive(Debug)]
pub struct SocialAgent {
    core: Core,
    buying: Buying,
    selling: Selling,
    holdings: Holdings,
    unpublished: BTreeMap<PartyId, u32>,
}

impl SocialAgent {
    /// An SCA that has never traded.
    #[must_use]
    pub fn new(setup: SocialSetup) -> Self {
        Self {
            core: Core::new(setup),
            buying: Buying::default(),
            selling: Selling::default(),
            holdings: Holdings::default(),
            unpublished: BTreeMap::new(),
        }
    }

    /// An SCA born again: it knows its signed contracts from its journal, tells the LCA about
    /// them, and publishes again what may not have been heard. Temporary contracts are forgotten,
    /// which is safe because they bind nobody (protocol 4).
    #[must_use]
    pub fn restore(
        setup: SocialSetup,
        entries: impl IntoIterator<Item = Entry>,
        out: &mut Vec<Effect>,
    ) -> Self {
        let mut agent = Self::new(setup);
        agent.holdings = Holdings::restore(entries);
        for holding in agent.holdings.iter() {
            let (side, profile) = holding.side();
            agent.core.position.take(side, profile);
        }
        agent.holdings.remind(out);
        agent.holdings.republish(out);
        agent
    }

    /// A round begins, or its deadlines come forward.
    fn begin(&mut self, epoch: Epoch, deadlines: Deadlines, now: Timestamp, out: &mut Vec<Effect>) {
        match &mut self.core.round {
            Some(round) if round.epoch > epoch => return,
            Some(round) if round.epoch == epoch => {
                let own = &mut round.deadlines;
                own.d1 = own.d1.min(deadlines.d1);
                own.d2 = own.d2.min(deadlines.d2);
                own.d3 = own.d3.min(deadlines.d3);
                self.core.wake = Some(now);
                return;
            }
            _ => {}
        }
        let turn = &mut Turn { now, core: &mut self.core, out };
        self.buying.end(turn);
        self.selling.end(turn);
        self.holdings.prune(epoch);
        self.core.position.prune(epoch);
        self.core.contracts = 0;
        self.core.round = Some(Round { epoch, deadlines, offers_until: deadlines.d2 });
        self.core.wake = Some(now);
    }

    /// Follows a letter into an epoch that this SCA has not been told about: deadlines are its own
    /// state and bind without the coordinator.
    fn follow(&mut self, epoch: Epoch, now: Timestamp, out: &mut Vec<Effect>) {
        if self.core.round.is_some_and(|round| round.epoch >= epoch) {
            return;
        }
        let params = &self.core.setup.params.epoch;
        let deadlines = params.deadlines(epoch.starts_at(params.interval_s()));
        if now.after_ms(SKEW_MS) >= deadlines.start && now < deadlines.settle {
            self.begin(epoch, deadlines, now, out);
            self.keep_time(now, out);
        }
    }

    /// Everything that is due: deadlines first, then resends; then the alarm is set anew.
    fn keep_time(&mut self, now: Timestamp, out: &mut Vec<Effect>) {
        if self.core.wake.is_none_or(|wake| now < wake) {
            return;
        }
        self.core.wake = None;
        let Some(round) = self.core.round else { return };
        let turn = &mut Turn { now, core: &mut self.core, out };
        self.buying.advance(&round, turn);
        if now >= round.deadlines.d3 {
            return self.selling.end(turn);
        }
        for deadline in [round.deadlines.d1, round.deadlines.d2, round.deadlines.d3] {
            if now < deadline {
                turn.wake_by(deadline);
            }
        }
        self.buying.on_time(turn);
        self.selling.on_time(turn);
    }

    fn on_phase_end(&mut self, epoch: Epoch, phase: Phase, now: Timestamp, out: &mut Vec<Effect>) {
        let Some(round) = self.core.round.as_mut().filter(|round| round.epoch == epoch) else {
            return;
        };
        let Deadlines { d1, d2, d3, .. } = &mut round.deadlines;
        for (over, deadline) in
            [(Phase::Coalition, d1), (Phase::Negotiation, d2), (Phase::Final, d3)]
        {
            if phase >= over {
                *deadline = now.min(*deadline);
            }
        }
        self.core.wake = Some(now);
        self.keep_time(now, out);
    }

    fn on_peer(&mut self, from: PartyId, message: Message, now: Timestamp, out: &mut Vec<Effect>) {
        let about = message.about();
        self.follow(about.epoch, now, out);
        let turn = &mut Turn { now, core: &mut self.core, out };
        if turn.core.round.is_none_or(|round| round.epoch != about.epoch) {
            return stale(from, &message, turn);
        }
        let selling = &mut self.selling;
        match message {
            Message::CoalitionRequest(request) => selling.on_coalition(from, request, turn),
            Message::NeighbourQuery(_) => selling.on_query(from, about, turn),
            Message::NegotiationRequest(request) => selling.on_negotiation(from, request, turn),
            Message::OfferResponse(response) => selling.on_response(from, response, turn),
            Message::Claim(claim) => selling.on_claim(from, claim, turn),
            Message::TransactionRequest(request) => {
                selling.hand_over(about, &request.contract_id, turn);
                let Selling { orders, book, .. } = selling;
                orders.on_request(from, request, book, &self.holdings, turn);
            }
            // Only the nonce tells whose task it is, so both halves look.
            Message::Cancel(cancel) => {
                let Selling { orders, book, .. } = selling;
                orders.on_cancel(from, &cancel.contract_id, cancel.reason, book, turn);
                self.buying.on_peer(from, Message::Cancel(cancel), turn);
            }
            Message::Expired(expired) => {
                selling.on_expired(from, about, expired.phase);
                self.buying.on_peer(from, Message::Expired(expired), turn);
            }
            reply => self.buying.on_peer(from, reply, turn),
        }
    }

    fn on_signed(
        &mut self,
        now: Timestamp,
        body: &ContractBody,
        signature: Signature,
        out: &mut Vec<Effect>,
    ) {
        let turn = &mut Turn { now, core: &mut self.core, out };
        if body.buyer == turn.party() {
            self.buying.on_signed(&body.contract_id, signature, &mut self.holdings, turn);
        } else {
            let Selling { orders, book, .. } = &mut self.selling;
            if orders.on_signed(body, signature, book, &mut self.holdings, turn) {
                self.selling.outdate_quotes();
            }
        }
    }

    fn on_lapsed(&mut self, contract_id: &ContractId, out: &mut Vec<Effect>) {
        let Some(lapsed) = self.holdings.lapsed(contract_id, out) else { return };
        let (side, profile) = lapsed.side();
        self.core.position.give_back(side, profile);
        if let Kind::Sold(confirm) = &lapsed.kind {
            *self.unpublished.entry(confirm.body.buyer).or_default() += 1;
        }
    }
}

/// A letter of another epoch is answered, unless it only ends things.
fn stale(from: PartyId, message: &Message, turn: &mut Turn<'_>) {
    let about = message.about();
    match (message, message.phase()) {
        (Message::TransactionRequest(request), _) => {
            cancel(from, about, request.contract_id, Reason::Expired, turn);
        }
        (Message::Confirm(confirm), _) => {
            cancel(from, about, confirm.body.contract_id, Reason::Expired, turn);
        }
        (_, Some(phase)) => turn.expired(from, about, phase),
        (_, None) => {}
    }
}

impl Machine for SocialAgent {
    type Input = Input;
    type Effect = Effect;
    type Snapshot = Snapshot;

    fn handle(&mut self, now: Timestamp, input: Input, out: &mut Vec<Effect>) {
        self.keep_time(now, out);
        match input {
            Input::EpochStart { epoch, deadlines } => {
                self.begin(epoch, deadlines, now, out);
                self.keep_time(now, out);
            }
            Input::PhaseEnds { epoch, phase } => self.on_phase_end(epoch, phase, now, out),
            Input::Blocks(blocks) => {
                self.follow(blocks.epoch, now, out);
                let turn = &mut Turn { now, core: &mut self.core, out };
                if turn.core.round.is_some_and(|round| round.epoch == blocks.epoch) {
                    self.buying.on_blocks(blocks, turn);
                }
            }
            Input::Quote(quote) => {
                self.selling.on_quote(quote, &mut Turn { now, core: &mut self.core, out });
            }
            Input::Reserved(reply) => {
                let turn = &mut Turn { now, core: &mut self.core, out };
                if !self.selling.on_reserved(&reply, turn) {
                    let Selling { orders, book, .. } = &mut self.selling;
                    orders.on_reserved(&reply, book, &self.holdings, turn);
                }
            }
            Input::LocalRestarted => {
                self.holdings.remind(out);
                self.selling.outdate_quotes();
                let turn = &mut Turn { now, core: &mut self.core, out };
                self.selling.orders.remind(turn);
            }
            Input::Peer { from, message } => {
                if from != self.core.setup.party {
                    self.on_peer(from, message, now, out);
                }
            }
            Input::Signed { statement, signature } => {
                if let Statement::Contract(body) = statement {
                    self.on_signed(now, &body, signature, out);
                }
            }
            Input::Settled { contract_id, height } => {
                self.holdings.settled(&contract_id, height, out);
            }
            Input::Lapsed { contract_id } => self.on_lapsed(&contract_id, out),
            Input::ChainTime { time_ms } => {
                for contract_id in self.holdings.overdue(time_ms) {
                    self.on_lapsed(&contract_id, out);
                }
            }
            Input::Wake => {}
        }
        if let Some(round) = self.core.round {
            let turn = &mut Turn { now, core: &mut self.core, out };
            self.buying.report(round.epoch, turn);
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.core.wake
    }

    fn snapshot(&self) -> Snapshot {
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let count = |of: &dyn Fn(&holding::Holding) -> bool| {
            small(self.holdings.iter().filter(|holding| of(holding)).count())
        };
        Snapshot {
            party: self.core.setup.party,
            epoch: self.core.round.map(|round| round.epoch),
            tasks: self.buying.views(),
            sessions: small(self.selling.sessions()),
            temporary: small(self.selling.book.len()),
            bought: count(&|holding| matches!(holding.kind, Kind::Bought { .. })),
            sold: count(&|holding| matches!(holding.kind, Kind::Sold(_))),
            unsettled: count(&|holding| holding.height.is_none()),
            unpublished: self.unpublished.clone(),
        }
    }
}
