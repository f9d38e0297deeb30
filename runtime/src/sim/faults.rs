//! What is broken on purpose in a world, and when: an argument of the world, never a feature.

use std::sync::Arc;
use std::time::Duration;

use gridpact_agents::resource::priority::GridLimit;
use gridpact_agents::social::message::Message as SocialMessage;
use gridpact_chain::block::{LedgerBlock, Pair, Proof};
use gridpact_chain::encode::{Canonical, Encoded};
use gridpact_chain::message::Message as ChainMessage;
use gridpact_chain::terms::{Interval, PartyId};
use tokio::time::Instant;

use super::storm::Storm;
use crate::actors::Door;
use crate::actors::replica::Publish;
use crate::net::Transport;
use crate::net::memory::Memory;
use crate::supervise::{Actor, Context, Handler, Message};

/// Which actor breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The RA of this device.
    Resource(usize),
    /// The LCA.
    Local,
    /// The SCA.
    Social,
    /// The replica.
    Replica,
    /// The community's coordinator, whichever home is named.
    Coordinator,
}

/// One actor that panics once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crash {
    /// In which epoch.
    pub epoch: Interval,
    /// Milliseconds after the epoch's start.
    pub after_ms: u64,
    /// Letters the actor still handles at that moment before it breaks: with early finish a whole
    /// trading round happens at one moment of virtual time.
    pub after_turns: u32,
    /// Whose actor.
    pub party: PartyId,
    /// Which of its actors.
    pub role: Role,
}

/// A buyer that sits on its signed contracts before it publishes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Late {
    /// Who.
    pub party: PartyId,
    /// For how long, in milliseconds.
    pub by_ms: u64,
}

/// One node's own copy of a pair, of which a bit flips: in its replica, its verifier and its journal,
/// and in no other node's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rot {
    /// At the start of which epoch.
    pub epoch: Interval,
    /// Whose copy.
    pub party: PartyId,
    /// Of which height.
    pub height: u64,
    /// Chance: which block, byte and bit.
    pub draw: usize,
}

/// A pair with one bit flipped in one of its two blocks.
pub(super) fn flip(pair: &Pair, proof: &Proof, draw: usize) -> (Pair, Proof) {
    fn flipped<T: Canonical + Clone>(block: &Encoded<T>, draw: usize) -> Encoded<T> {
        let mut bytes = block.bytes().to_vec();
        let at = draw % (8 * bytes.len());
        bytes[at / 8] ^= 1 << (at % 8);
        block.damaged(&bytes)
    }
    let mut pair = pair.clone();
    match draw % 2 {
        0 => pair.contract = flipped(&pair.contract, draw / 2),
        _ => pair.ledger = flipped(&pair.ledger, draw / 2),
    }
    (pair, proof.clone())
}

/// Carries letters as they are, but for the copies of pairs that liars send.
pub(super) struct Lying {
    inner: Memory,
    liars: Vec<PartyId>,
}

impl Lying {
    pub(super) fn new(inner: Memory, liars: Vec<PartyId>) -> Self {
        Self { inner, liars }
    }
}

/// A copy that is well-formed in itself and pays the first party one unit more.
fn falsified((pair, proof): &(Arc<Pair>, Arc<Proof>)) -> (Arc<Pair>, Arc<Proof>) {
    let mut block = LedgerBlock::clone(&pair.ledger);
    if let Some(entry) = block.entries.first_mut() {
        entry.balance.0 = entry.balance.0.saturating_add(1);
    }
    let ledger = Encoded::new(block);
    (Arc::new(Pair { ledger, ..Pair::clone(pair) }), Arc::clone(proof))
}

impl Transport for Lying {
    fn social(&self, from: PartyId, to: PartyId, message: SocialMessage) {
        self.inner.social(from, to, message);
    }

    fn chain(&self, from: PartyId, to: PartyId, message: ChainMessage) {
        let message = match message {
            ChainMessage::Range(pairs) if self.liars.contains(&from) => {
                ChainMessage::Range(pairs.iter().map(falsified).collect())
            }
            honest => honest,
        };
        self.inner.chain(from, to, message);
    }
}

/// Everything that is broken in a world.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Actors that panic.
    pub crashes: Vec<Crash>,
    /// Buyers that publish late on purpose.
    pub late: Vec<Late>,
    /// Stored pairs that go bad.
    pub rot: Vec<Rot>,
    /// Members that answer with wrong copies when they are asked for pairs.
    pub liars: Vec<PartyId>,
    /// What the wire does to letters.
    pub storm: Storm,
    /// Limits that a grid operator sets.
    pub limits: Vec<Curb>,
}

/// A grid operator's word to one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Curb {
    /// When it is said, in milliseconds after the start of which epoch.
    pub at: (Interval, u64),
    /// Whose device.
    pub party: PartyId,
    /// Which device.
    pub device: usize,
    /// The limit.
    pub limit: GridLimit,
}

/// Stands between the SCA and the replica of a late buyer.
pub(super) struct Dawdler {
    by: Duration,
    replica: Door<Publish>,
}

/// To itself: late enough.
struct AtLast(Publish);

impl Message for AtLast {
    type Reply = ();
}

impl Dawdler {
    pub(super) fn new(late: Late, replica: Door<Publish>) -> Self {
        Self { by: Duration::from_millis(late.by_ms), replica }
    }
}

impl Actor for Dawdler {
    const KIND: &'static str = "dawdler";
}

impl Handler<Publish> for Dawdler {
    fn handle(&mut self, contract: Publish, cx: &mut Context<Self>) {
        cx.tell_at(AtLast(contract), Instant::now() + self.by);
    }
}

impl Handler<AtLast> for Dawdler {
    fn handle(&mut self, AtLast(contract): AtLast, _: &mut Context<Self>) {
        self.replica.tell(contract);
    }
}
