//! What is broken on purpose in a world, and when: an argument of the world, never a feature.

use std::time::Duration;

use gridpact_chain::terms::{Interval, PartyId};
use tokio::time::Instant;

use crate::actors::Door;
use crate::actors::replica::Publish;
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

/// Everything that is broken in a world.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Actors that panic.
    pub crashes: Vec<Crash>,
    /// Buyers that publish late on purpose.
    pub late: Vec<Late>,
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
