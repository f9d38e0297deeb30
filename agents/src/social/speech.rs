//! What an SCA is born with, what it can be told, what it wants done, and what can be seen of it.
//!
//! Plain data; the words that prosumers say to each other are in `message.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use gridpact_chain::contract::{ContractId, SignedContract};
use gridpact_chain::digest::Digest;
use gridpact_chain::sign::Signature;
use gridpact_chain::statement::Statement;
use gridpact_chain::terms::{Epoch, PartyId, Power, Price, Timestamp};
use serde::{Deserialize, Serialize};

use super::holding::Entry;
use super::message::Message;
use super::outcome::{SalesOutcome, TaskOutcome};
use super::pricing::Pricing;
use super::tactic::{Rules, Tactic};
use super::task::TaskView;
use crate::local::door::{
    Obligation, PurchaseBlocks, Quote, QuoteRequest, ReserveReply, ReserveRequest,
};
use crate::network::Network;
use crate::params::{Deadlines, Params};
use crate::session::Phase;

/// What an SCA is born with.
#[derive(Debug, Clone)]
pub struct SocialSetup {
    /// Whose SCA it is.
    pub party: PartyId,
    /// Digest of genesis: part of every contract.
    pub community: Digest,
    /// Validated parameters, shared by all minds of a process.
    pub params: Arc<Params>,
    /// What moves its prices from round to round: an own tactic, or the one that
    /// [`tactic::named`](super::tactic::named) gives for `params.negotiate.tactic`.
    pub tactic: Arc<dyn Tactic>,
    /// How it prices under the resource tactic: an own pricing, or the one that
    /// [`pricing::named`](super::pricing::named) gives for `params.negotiate.pricing`.
    pub pricing: Arc<dyn Pricing>,
    /// The initial neighbour list (protocol 5).
    pub neighbours: Vec<PartyId>,
    /// Where the members are connected, and the fees between them.
    pub network: Arc<Network>,
    /// Own connection limit, told to members.
    pub line_limit: Power,
    /// Largest absolute shortfall or surplus price (genesis: `imbalance_cap`).
    pub imbalance_cap: Price,
    /// Seed of the picks, the task nonces and the salts. It must differ in every life of an SCA,
    /// and be secret outside simulations: salts are drawn from it.
    pub seed: [u8; 32],
}

impl SocialSetup {
    /// What it bargains by.
    #[must_use]
    pub fn rules(&self) -> Rules<'_> {
        let (tactic, pricing) = (self.tactic.as_ref(), self.pricing.as_ref());
        Rules { params: &self.params.negotiate, tactic, pricing }
    }
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
    /// From the LCA: the answer to a reserve request. After a rebirth of this mind the body
    /// repeats it for every reservation that the LCA still holds unsigned; what was not sold in an
    /// earlier life is then released.
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
    /// To reports, once per epoch in which somebody asked: how it went as seller.
    Sales(SalesOutcome),
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
