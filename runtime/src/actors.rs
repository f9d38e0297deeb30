//! The bodies of the minds, and the recipe they share.
//!
//! A body reads the clock, hands one input to its mind, performs the effects in their order and
//! arms the one timer the mind asked for. It decides nothing. Actors of one home know each other in
//! circles, so they speak through [`Door`]s that are opened once all of them stand.

use std::sync::{Arc, OnceLock};

use gridpact_agents::params::Deadlines;
use gridpact_agents::session::Phase;
use gridpact_chain::terms::{Epoch, Timestamp};

use crate::clock::Clock;
use crate::supervise::{Actor, AskError, Context, Instant, Message, Port};

pub mod coordinator;
pub mod local;
pub(crate) mod outbox;
pub mod replica;
pub mod resource;
pub mod social;
pub mod verifier;

/// From the coordinator, to all: an epoch begins.
#[derive(Debug, Clone, Copy)]
pub struct EpochStarted {
    /// The epoch.
    pub epoch: Epoch,
    /// Its deadlines.
    pub deadlines: Deadlines,
}

/// Epochs between two looks through a journal for what is too old: so much later, at most, a contract's
/// profile goes.
const LOOKED_THROUGH_EVERY: u32 = 16;

/// For how many intervals confidential records are kept (`chain.retention_days`).
#[derive(Debug, Clone, Copy)]
pub struct Retention(pub u32);

impl Retention {
    /// What ended before this interval is too old in `epoch`.
    #[must_use]
    pub fn before(self, epoch: Epoch) -> Epoch {
        gridpact_chain::terms::Interval(epoch.0.saturating_sub(self.0))
    }

    /// Whether a journal is looked through in `epoch`. A journal is long, so not in every one.
    #[must_use]
    pub fn is_due(self, epoch: Epoch) -> bool {
        epoch.0.is_multiple_of(LOOKED_THROUGH_EVERY)
    }
}

/// From the coordinator, to SCAs: a phase ends before its deadline.
#[derive(Debug, Clone, Copy)]
pub struct PhaseEnded {
    /// The epoch.
    pub epoch: Epoch,
    /// The phase.
    pub phase: Phase,
}

/// From the coordinator, to verifiers: an epoch has ended.
#[derive(Debug, Clone, Copy)]
pub struct EpochEnded {
    /// The epoch.
    pub epoch: Epoch,
}

/// From a fault world: break. The life that handles it panics.
#[derive(Debug, Clone, Copy)]
pub struct Poison;

impl Message for EpochStarted {
    type Reply = ();
}
impl Message for PhaseEnded {
    type Reply = ();
}
impl Message for EpochEnded {
    type Reply = ();
}
impl Message for Poison {
    type Reply = ();
}

/// A port that is opened once its actor stands.
pub struct Door<M: Message>(Arc<OnceLock<Port<M>>>);

impl<M: Message> Door<M> {
    /// A door that is still shut; clones open together.
    #[must_use]
    pub fn shut() -> Self {
        Self(Arc::new(OnceLock::new()))
    }

    /// Opens it for good; a second opening changes nothing.
    pub fn open(&self, port: Port<M>) {
        let _ = self.0.set(port.downgrade());
    }

    /// Tells the actor behind it. A refused letter is counted by the recipient's mailbox, and the
    /// protocol says again whatever matters.
    pub fn tell(&self, letter: M) {
        if let Some(port) = self.0.get() {
            let _ = port.tell(letter);
        }
    }
}

impl<M: Message> Door<M> {
    /// Asks the actor behind it and waits for its answer until `deadline`.
    ///
    /// # Errors
    /// [`AskError`] when there is none: the door is still shut or its actor has ended (`Closed`), its
    /// mailbox is full, it broke over the letter, or time was up.
    pub async fn ask(&self, letter: M, deadline: Instant) -> Result<M::Reply, AskError> {
        match self.0.get() {
            Some(port) => port.ask(letter, deadline).await,
            None => Err(AskError::Closed),
        }
    }
}

impl<M: Message> Clone for Door<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M: Message> Default for Door<M> {
    fn default() -> Self {
        Self::shut()
    }
}

/// Arms the one timer of an actor for what its mind asked.
pub(crate) fn arm<A: Actor>(cx: &mut Context<A>, clock: &Clock, at: Option<Timestamp>) {
    cx.wake_at(at.map(|at| clock.instant_of(at)));
}
