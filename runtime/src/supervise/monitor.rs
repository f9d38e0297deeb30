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
}

impl Reason {
    /// Whether nothing went wrong.
    pub fn is_orderly(&self) -> bool {
        matches!(self, Self::Stopped | Self::Finished | Self::Unheld)
    }
}

/// The letter of a monitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Path of the actor that ended.
    pub name: Arc<str>,
    /// Why.
    pub reason: Reason,
}

impl Message for Ended {
    type Reply = ();
}
