//! The pulse of an arbiter: every poll of an actor stamps it. It also knows who lives on the arbiter, so that whoever
//! finds it standing still can see whether anything waits.
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::health::Stage;
use super::mailbox::Anchor;

/// See the file's head.
#[derive(Default)]
pub(crate) struct Pulse {
    polls: AtomicU64,
    /// The number of the actor in the middle of a poll, 0 between polls.
    inside: AtomicU64,
    roster: Mutex<Roster>,
}

#[derive(Default)]
struct Roster {
    joined: u64,
    known: BTreeMap<u64, Weak<dyn Anchor>>,
}

/// What a look at an arbiter shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) polls: u64,
    /// The actor in the middle of a poll.
    pub(crate) inside: Option<Arc<str>>,
    /// Letters that some actor could handle now.
    pub(crate) waiting: u64,
}

thread_local! {
    static PULSE: RefCell<Option<Arc<Pulse>>> = const { RefCell::new(None) };
}

impl Pulse {
    /// The pulse of the arbiter this thread runs.
    pub(crate) fn current() -> Arc<Self> {
        PULSE.with_borrow_mut(|pulse| Arc::clone(pulse.get_or_insert_default()))
    }

    fn roster(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of an actor that lives here from now on, from 1.
    pub(crate) fn join(&self, actor: Weak<dyn Anchor>) -> u64 {
        let mut roster = self.roster();
        roster.joined += 1;
        let number = roster.joined;
        roster.known.insert(number, actor);
        number
    }

    pub(crate) fn leave(&self, number: u64) {
        let left = self.roster().known.remove(&number);
        drop(left);
    }

    /// A poll begins. Only the arbiter's thread writes, so plain stores are enough.
    #[inline]
    pub(crate) fn enter(&self, number: u64) {
        self.inside.store(number, Ordering::Relaxed);
    }

    /// A poll has ended.
    #[inline]
    pub(crate) fn stamp(&self) {
        self.polls.store(self.polls.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        self.inside.store(0, Ordering::Relaxed);
    }

    pub(crate) fn polls(&self) -> u64 {
        self.polls.load(Ordering::Relaxed)
    }

    /// Looks at everybody; from any thread.
    pub(crate) fn look(&self) -> Look {
        let polls = self.polls();
        let inside = self.inside.load(Ordering::Relaxed);
        // Kept until the lock is open again: the last holder of an actor may be this one.
        let known: Vec<(u64, Arc<dyn Anchor>)> = self
            .roster()
            .known
            .iter()
            .filter_map(|(number, actor)| Some((*number, actor.upgrade()?)))
            .collect();
        let can_work = |actor: &&(u64, Arc<dyn Anchor>)| {
            matches!(actor.1.cell().stage(), Stage::Waiting | Stage::Running | Stage::Draining)
        };
        let waiting =
            known.iter().filter(can_work).map(|(_, actor)| u64::from(actor.cell().depth()));
        let waiting = waiting.sum();
        let inside = known.iter().find(|(number, _)| *number == inside);
        let inside = inside.map(|(_, actor)| Arc::clone(actor.cell().name()));
        Look { polls, inside, waiting }
    }
}
