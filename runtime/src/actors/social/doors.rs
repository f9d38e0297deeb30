//! The doors of a Social Coordination Agent: those that others speak through to it, and those it speaks
//! through, with all else that every life of it is given.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use gridpact_agents::local::door::{
    Obligation, PurchaseBlocks, Quote, QuoteRequest, ReserveReply, ReserveRequest,
};

use super::{FromPeer, LocalReborn, SocialActor, Why};
use crate::actors::coordinator::Quiescent;
use crate::actors::local::Deal;
use crate::actors::replica::{ChainTime, ContractSettled, Publish, Signed};
use crate::actors::{Door, EpochStarted, PhaseEnded, Poison, Retention};
use crate::clock::Clock;
use crate::keys::Signer;
use crate::members::Members;
use crate::net::Transport;
use crate::observe::Observer;
use crate::store::Journal;
use crate::supervise::Ref;
use crate::verdicts::ProcessVerdicts;

/// The doors of a social coordination agent.
#[derive(Clone, Default)]
pub struct SocialInbox {
    /// An epoch begins.
    pub epoch: Door<EpochStarted>,
    /// A phase ends.
    pub phase: Door<PhaseEnded>,
    /// The tasks of the epoch.
    pub blocks: Door<PurchaseBlocks>,
    /// What could be sold.
    pub quote: Door<Quote>,
    /// Whether a sale is reserved.
    pub reserved: Door<ReserveReply>,
    /// Another SCA speaks.
    pub peer: Door<FromPeer>,
    /// A signature that comes back.
    pub signed: Door<Signed>,
    /// A contract is on the chain.
    pub settled: Door<ContractSettled>,
    /// Chain time has moved.
    pub time: Door<ChainTime>,
    /// The LCA knows no obligation.
    pub reborn: Door<LocalReborn>,
    /// Why did I get no deal?
    pub why: Door<Why>,
    /// Break.
    pub poison: Door<Poison>,
}

impl SocialInbox {
    /// Opens all of them onto `actor`.
    pub fn open(&self, actor: &Ref<SocialActor>) {
        self.epoch.open(actor.port());
        self.phase.open(actor.port());
        self.blocks.open(actor.port());
        self.quote.open(actor.port());
        self.reserved.open(actor.port());
        self.peer.open(actor.port());
        self.signed.open(actor.port());
        self.settled.open(actor.port());
        self.time.open(actor.port());
        self.reborn.open(actor.port());
        self.why.open(actor.port());
        self.poison.open(actor.port());
    }
}

/// Whom an SCA speaks to.
#[derive(Clone)]
pub struct SocialPorts {
    /// Other SCAs.
    pub transport: Rc<dyn Transport>,
    /// The LCA: quotes wanted.
    pub quotes: Door<QuoteRequest>,
    /// The LCA: reservations wanted.
    pub reserves: Door<ReserveRequest>,
    /// The LCA: contracts that bind.
    pub obligations: Door<Obligation>,
    /// The LCA: what deals cost.
    pub deals: Door<Deal>,
    /// The own replica.
    pub publish: Door<Publish>,
    /// The coordinator.
    pub quiescent: Door<Quiescent>,
    /// Its own door for signatures.
    pub signed: Door<Signed>,
}

/// What every life of an SCA is given besides its mind.
#[derive(Clone)]
pub struct SocialMeans {
    /// Whom it speaks to.
    pub ports: SocialPorts,
    /// Where it keeps what must last.
    pub journal: Rc<RefCell<dyn Journal>>,
    /// For how long it keeps what only it knows of its contracts.
    pub retention: Retention,
    /// How it signs.
    pub signer: Signer,
    /// Keys of the members.
    pub members: Members,
    /// Verdicts on signatures.
    pub verdicts: Arc<ProcessVerdicts>,
    /// Who watches.
    pub observer: Observer,
    /// What time it is.
    pub clock: Clock,
}
