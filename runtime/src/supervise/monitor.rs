//! What others are told when an actor ends.
use std::sync::Arc;

use super::actor::Message;
use super::policy::Fault;

/// Why an actor ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It was told to stop, or stopped itself.
    Stopped,
    /// It was killed.
    Killed,
    /// It said that its work is done.
    Finished,
    /// Nobody could reach it any more and it had nothing to wait for.
    Unheld,
    /// A life failed and its specification does not restart it.
    Failed(Fault),
    /// It failed too often; its parent was asked and gave it up.
    Escalated(Fault),
    /// Its arbiter ended under it.
    Dropped,
    /// An actor it was linked to ended; the first end of the chain.
    Linked(Box<Ended>),
}

impl Reason {
    /// Whether nothing went wrong.
    pub fn is_orderly(&self) -> bool {
        match self {
            Self::Stopped | Self::Finished | Self::Unheld => true,
            Self::Linked(first) => first.reason.is_orderly(),
            Self::Killed | Self::Failed(_) | Self::Escalated(_) | Self::Dropped => false,
        }
    }
}

/// The letter of a monitor, and of a link to an actor that traps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Path of the actor that ended.
    pub name: Arc<str>,
    /// Why.
    pub reason: Reason,
}

impl Ended {
    /// The end that began the chain of links.
    pub(crate) fn first(&self) -> Self {
        match &self.reason {
            Reason::Linked(first) => (**first).clone(),
            _ => self.clone(),
        }
    }
}

impl Message for Ended {
    type Reply = ();
}
