//! What most actors never need, allocated outside the block when one does: a node has many idle actors. It is the
//! supervisor's side of an actor - who wants to hear of its end, to whom it is tied, which letters are parked.
use std::collections::BTreeMap;
use std::sync::Weak;
use std::task::Waker;

use super::mailbox::Anchor;
use super::monitor::{Ended, Reason};
use super::poison::DeadLetter;
use super::policy::Fault;

pub(crate) type Mourner = Box<dyn FnOnce(&Ended) + Send>;
pub(crate) type Trap = Box<dyn Fn(&Ended) + Send>;
pub(crate) type DumpReply = tokio::sync::oneshot::Sender<super::control::Dump>;

/// The rarely touched part of a cell.
#[derive(Default)]
pub(crate) struct Cold {
    rare: Option<Box<Rare>>,
}

/// See the file's head.
#[derive(Default)]
pub(crate) struct Rare {
    pub(crate) waiters: Vec<Waker>,
    pub(crate) mourners: Vec<Mourner>,
    /// The other ends of this actor's links.
    pub(crate) ties: Vec<Weak<dyn Anchor>>,
    /// Hears of the end of a linked actor, instead of ending with it.
    pub(crate) trap: Option<Trap>,
    /// The first linked end, with which this actor ends.
    pub(crate) pulled: Option<Ended>,
    pub(crate) refusals: BTreeMap<&'static str, u64>,
    pub(crate) parked: u64,
    pub(crate) dead_letters: Vec<DeadLetter>,
    pub(crate) dumps: Vec<DumpReply>,
    pub(crate) last_fault: Option<Fault>,
    pub(crate) end: Option<Reason>,
}

impl Cold {
    /// The rare part, made now if nobody has needed it yet.
    pub(crate) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    pub(crate) fn known(&self) -> Option<&Rare> {
        self.rare.as_deref()
    }

    pub(crate) fn known_mut(&mut self) -> Option<&mut Rare> {
        self.rare.as_deref_mut()
    }
}
