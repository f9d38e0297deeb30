//! The Social Coordination Agent (SCA): coalition, bargaining, final contracts.
//!
//! One mind that is buyer for its own tasks and seller for everybody else's at once. This file is
//! its door: what it can be told, what it wants done, and which part answers. It asks its LCA for
//! energy and cost, never computes them; it never holds a key, a clock or a socket.

pub mod account;
pub mod book;
mod buyer;
mod clock;
mod coalition;
mod curve;
mod deed;
mod determination;
pub mod holding;
mod letters;
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
use gridpact_chain::terms::{PartyId, Timestamp};

use crate::machine::Machine;

pub use account::Account;
pub use holding::Entry;
pub use message::Message;
pub use outcome::{Deal, Filling, SalesOutcome, Sold, TaskOutcome};
pub use reason::{Reason, Tally};
pub use speech::{Effect, Input, Snapshot, SocialSetup};
pub use task::{Stage, TaskView};

use buyer::Buying;
use holding::{Holdings, Kind};
use seller::Selling;
use turn::{Core, Turn};

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

    /// "Why did I get no deal?": what came of its latest rounds, as buyer and as seller.
    #[must_use]
    pub fn account(&self) -> Account {
        let epoch = self.core.round.map(|round| round.epoch);
        self.core.diary.account(self.core.setup.party, epoch, self.buying.views())
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
        self.core.diary.lapse(lapsed.body().epoch, *contract_id);
        if let Kind::Sold(confirm) = &lapsed.kind {
            *self.unpublished.entry(confirm.body.buyer).or_default() += 1;
        }
    }
}

impl Machine for SocialAgent {
    type Input = Input;
    type Effect = Effect;
    type Snapshot = Snapshot;

    fn handle(&mut self, now: Timestamp, input: Input, out: &mut Vec<Effect>) {
        self.core.diary.hear(now);
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
