//! The levers beside the mailbox: one flag word that the guard reads before every poll, so they reach an actor whose
//! mailbox is full. A second channel would cost every actor half a kilobyte.
use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::timeout_at;

use super::cell::{DUMP, KILL, PAUSED, RESTART};
use super::health::Health;
use super::link;
use super::mailbox::Anchor;
use super::port::AskError;
use super::timers::Instant;

/// The levers of one actor; holding them does not keep it alive.
#[derive(Clone)]
pub struct Control {
    anchor: Arc<dyn Anchor>,
}

/// What an actor says of itself to an operator.
#[derive(Clone, Debug)]
pub struct Dump {
    /// The counters.
    pub health: Health,
    /// The mind's own line, empty while there is no mind.
    pub text: String,
}

impl Control {
    pub(crate) fn new(anchor: Arc<dyn Anchor>) -> Self {
        Self { anchor }
    }

    /// Ends the actor for good: no new letters; those inside are handled for at most the grace of its specification.
    pub fn stop(&self) {
        self.anchor.cell().stop();
    }

    /// Ends the actor at its next poll; `stopped` is not called and its letters are dropped.
    pub fn kill(&self) {
        self.anchor.cell().raise(KILL);
    }

    /// Discards the mind and rebuilds it at once. Not counted as a failure.
    pub fn restart(&self) {
        self.anchor.cell().raise(RESTART);
    }

    /// Handles no letters and no streams until resumed; letters queue up to the bound.
    pub fn pause(&self) {
        self.anchor.cell().raise(PAUSED);
    }

    /// Goes on after a pause.
    pub fn resume(&self) {
        self.anchor.cell().lower(PAUSED);
        self.anchor.cell().ring();
    }

    /// Links two actors, both ways: whatever ends one ends the other in order, unless its specification traps links.
    /// A restart is no end; one that has ended already ends the other now.
    pub fn link(&self, other: &Control) {
        link::link(&self.anchor, &other.anchor);
    }

    /// Cuts a link.
    pub fn unlink(&self, other: &Control) {
        link::unlink(&self.anchor, &other.anchor);
    }

    /// Asks the actor to describe itself, past whatever is in its mailbox.
    pub async fn dump(&self, deadline: Instant) -> Result<Dump, AskError> {
        let (tx, rx) = oneshot::channel();
        if !self.anchor.cell().ask_dump(tx) {
            return Err(AskError::Closed);
        }
        self.anchor.cell().raise(DUMP);
        match timeout_at(deadline, rx).await {
            Err(_) => Err(AskError::Timeout),
            Ok(dump) => dump.map_err(|_| AskError::Closed),
        }
    }

    /// The counters.
    pub fn health(&self) -> Health {
        self.anchor.cell().health()
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Control({})", self.anchor.cell().name())
    }
}
