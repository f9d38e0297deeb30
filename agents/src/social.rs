//! The Social Coordination Agent (SCA): coalition, bargaining, final contracts.
//!
//! One mind that is buyer for its own tasks and seller for everybody else's at once. This file is
//! its door: what it can be told, what it wants done, and which part answers. It asks its LCA for
//! energy and cost, never computes them; it never holds a key, a clock or a socket.

pub mod book;
mod buyer;
mod coalition;
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
mod task;
mod turn;

use std::collections::BTreeMap;
use std::sync::Arc;

use gridpact_chain::contract::{ContractBody, ContractId, SignedContract};
use gridpact_chain::digest::Digest;
use gridpact_chain::sign::Signature;
use gridpact_chain::statement::Statement;
use gridpact_chain::terms::{Epoch, PartyId, Power, Price, Timestamp};
use serde::{Deserialize, Serialize};

use crate::local::door::{
    Obligation, PurchaseBlocks, Quote, QuoteRequest, ReserveReply, ReserveRequest,
};
use crate::machine::Machine;
use crate::params::{Deadlines, Params};
use crate::session::Phase;

pub use holding::Entry;
pub use message::Message;
pub use outcome::{Deal, Filling, TaskOutcome};
pub use reason::{Reason, Tally};
pub use task::{Stage, TaskView};

use buyer::Buying;
use determination::cancel;
use holding::{Holdings, Kind};
use limits::SKEW_MS;
use seller::Selling;
use turn::{Core, Round, Turn};

/// What an SCA is born with.
#[derive(Debug, Clone)]
pub struct SocialSetup {
    /// Whose SCA it is.
    pub party: PartyId,
    /// Digest of genesis: part of every contract.
    pub community: Digest,
    /// Validated parameters, shared by all minds of a process.
    pub params: Arc<Params>,
    /// The initial neighbour list (protocol 5).
    pub neighbours: Vec<PartyId>,
    /// Own connection limit, told to members.
    pub line_limit: Power,
    /// Largest absolute shortfall or surplus price (genesis: `imbalance_cap`).
    pub imbalance_cap: Price,
    /// Seed of the picks, the task nonces and the salts. It must differ in every life of an SCA,
    /// and be secret outside simulations: salts are drawn from it.
    pub seed: [u8; 32],
}

/// What an SCA can be told.
#[derive(Debug, Clone)]
pub enum Input {
    /// From the coordinator: a trading round began.
    EpochStart {
        /// Its number.
        epoch: Epoch,
        /// Its deadlines.
        deadlines: Deadlines,
    },
    /// From the coordinator: everybody is quiescent in this phase, or its deadline came.
    PhaseEnds {
        /// The epoch.
        epoch: Epoch,
        /// The phase that is over.
        phase: Phase,
    },
    /// From the LCA, once per epoch: what to buy.
    Blocks(PurchaseBlocks),
    /// From the LCA: the answer to a quote request.
    Quote(Quote),
    /// From the LCA: the answer to a reserve request.
    Reserved(ReserveReply),
    /// From the LCA's supervisor: it was born again and knows no obligation.
    LocalRestarted,
    /// From another SCA. The courier vouches for `from`, and for `seller_sig` of a confirm.
    Peer {
        /// Who said it.
        from: PartyId,
        /// What was said.
        message: Message,
    },
    /// From the key holder: the answer to [`Effect::Sign`].
    Signed {
        /// What was signed.
        statement: Statement,
        /// The signature.
        signature: Signature,
    },
    /// From the replica: this contract is on the chain.
    Settled {
        /// The contract.
        contract_id: ContractId,
        /// Its height.
        height: u64,
    },
    /// From the replica: a batch with a time past `valid_until` was applied, and this contract is
    /// not on the chain.
    Lapsed {
        /// The contract.
        contract_id: ContractId,
    },
    /// From the replica: a batch of this chain time was applied, its contracts have been told as
    /// settled; what was valid until before it and is not on the chain is void.
    ChainTime {
        /// Time of the batch.
        time_ms: Timestamp,
    },
    /// The time asked for by `wake_at` has come.
    Wake,
}

/// What an SCA wants done, in this order: a record is on disk before what follows is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// To another SCA.
    Send {
        /// To whom.
        to: PartyId,
        /// What.
        message: Message,
    },
    /// To the LCA: what could be sold, at what cost?
    Quote(QuoteRequest),
    /// To the LCA: reserve if an exact re-plan carries it; idempotent per contract.
    Reserve(ReserveRequest),
    /// To the LCA: plan with a contract, or forget it.
    Obligation(Obligation),
    /// Sign with the prosumer's key and come back with [`Input::Signed`].
    Sign(Statement),
    /// Write to the journal before anything that follows leaves the house.
    Record(Entry),
    /// To the replica: a contract with both signatures, this prosumer being its buyer.
    Publish(Box<SignedContract>),
    /// To the coordinator: all own tasks are quiescent in this phase; once per phase and epoch.
    Quiescent {
        /// The epoch.
        epoch: Epoch,
        /// Coalition, negotiation or final.
        phase: Phase,
        /// How many tasks there were.
        tasks: u32,
    },
    /// To reports: how a task ended.
    Outcome(TaskOutcome),
}

/// What can be seen of an SCA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Whose SCA it is.
    pub party: PartyId,
    /// The epoch under way.
    pub epoch: Option<Epoch>,
    /// Own tasks of the epoch.
    pub tasks: Vec<TaskView>,
    /// Sessions in which it is the seller.
    pub sessions: u32,
    /// Temporary contracts it holds as seller.
    pub temporary: u32,
    /// Signed contracts as buyer, not yet delivered.
    pub bought: u32,
    /// Signed contracts as seller, not yet delivered.
    pub sold: u32,
    /// Signed contracts that wait for the chain.
    pub unsettled: u32,
    /// Contracts confirmed to a buyer that never published them (protocol 7.4).
    pub unpublished: BTreeMap<PartyId, u32>,
}

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
            Message::TransactionRequest(request) => {
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
                let Selling { orders, book, .. } = &mut self.selling;
                let turn = &mut Turn { now, core: &mut self.core, out };
                orders.on_reserved(&reply, book, &self.holdings, turn);
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
