//! The cell of one actor: what everybody outside may read or ring, without touching the mind.
//!
//! One atomic word counts the letters that hold a slot and says whether the mailbox is shut or somebody waits; another
//! holds the control flags. Everything rare (waiters, monitors, the last fault) is behind one lock.
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;

use super::health::{Health, Stage};
use super::mailbox::{Mailbox, Overflow, Slot};
use super::monitor::{Ended, Reason};
use super::policy::Fault;

/// Why a slot was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    Full,
    Closed,
}

const SHUT: u64 = 1 << 63;
const WAITERS: u64 = 1 << 62;
const DEPTH: u64 = WAITERS - 1;

/// Control flags; `PAUSED` is a level, the others are taken when heeded.
pub(crate) const STOP: u32 = 1;
pub(crate) const KILL: u32 = 2;
pub(crate) const RESTART: u32 = 4;
pub(crate) const PAUSED: u32 = 8;
pub(crate) const DUMP: u32 = 16;
/// A restart because a sibling failed.
pub(crate) const WITH_SIBLINGS: u32 = 32;

type Mourner = Box<dyn FnOnce(&Ended) + Send>;
type DumpReply = tokio::sync::oneshot::Sender<super::control::Dump>;

/// The rarely touched part.
#[derive(Default)]
struct Cold {
    rare: Option<Box<Rare>>,
}

/// What most actors never need, allocated when one does: a node has many idle actors.
#[derive(Default)]
struct Rare {
    waiters: Vec<Waker>,
    mourners: Vec<Mourner>,
    refusals: BTreeMap<&'static str, u64>,
    dumps: Vec<DumpReply>,
    last_fault: Option<Fault>,
    end: Option<Reason>,
}

impl Cold {
    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
}

/// See the file's head. In C's order: what every letter touches comes first.
#[repr(C)]
pub(crate) struct Cell {
    gate: AtomicU64,
    mailbox: Mailbox,
    flags: AtomicU32,
    holders: AtomicU32,
    task: OnceLock<Waker>,
    handled: AtomicU64,
    stage: AtomicU32,
    life: AtomicU32,
    panics: AtomicU32,
    restarts: AtomicU32,
    rejected: AtomicU64,
    name: Arc<str>,
    kind: &'static str,
    cold: Mutex<Cold>,
}

impl Cell {
    pub(crate) fn new(name: Arc<str>, kind: &'static str, mailbox: Mailbox) -> Self {
        Self {
            gate: AtomicU64::new(0),
            flags: AtomicU32::new(0),
            holders: AtomicU32::new(0),
            task: OnceLock::new(),
            handled: AtomicU64::new(0),
            mailbox,
            stage: AtomicU32::new(Stage::Waiting as u32),
            life: AtomicU32::new(0),
            panics: AtomicU32::new(0),
            restarts: AtomicU32::new(0),
            rejected: AtomicU64::new(0),
            name,
            kind,
            cold: Mutex::new(Cold::default()),
        }
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The rare part; a panic elsewhere while it was locked leaves it readable.
    fn cold(&self) -> MutexGuard<'_, Cold> {
        self.cold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The task that polls this actor. The kit spawns it itself, so its waker stays the same for its whole life.
    pub(crate) fn is_polled_by(&self, task: &Waker) {
        // Only the first word counts; it is the same every time.
        let _ = self.task.set(task.clone());
    }

    /// Whom to answer when the actor has described itself; none once it has ended.
    pub(crate) fn ask_dump(&self, reply: DumpReply) -> bool {
        let mut cold = self.cold();
        let rare = cold.rare();
        if rare.end.is_none() {
            rare.dumps.push(reply);
        }
        rare.end.is_none()
    }

    pub(crate) fn take_dumps(&self) -> Vec<DumpReply> {
        std::mem::take(&mut self.cold().rare().dumps)
    }

    // ---- slots -------------------------------------------------------------------------------------------------

    /// Takes one slot, unless the mailbox is shut or holds as many letters as it may.
    #[inline]
    pub(crate) fn take_slot(&self) -> Result<(), Denied> {
        let mut seen = self.gate.load(Ordering::Relaxed);
        loop {
            if seen & SHUT != 0 {
                return Err(Denied::Closed);
            }
            if seen & DEPTH >= u64::from(self.mailbox.capacity) {
                return Err(Denied::Full);
            }
            match self.gate.compare_exchange_weak(
                seen,
                seen + 1,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(()),
                Err(now) => seen = now,
            }
        }
    }

    /// Gives back what a letter held.
    #[inline]
    pub(crate) fn give_back(&self, slot: Slot) {
        if matches!(slot, Slot::Taken) && self.gate.fetch_sub(1, Ordering::AcqRel) & WAITERS != 0 {
            self.wake_waiters();
        }
    }

    /// Takes a slot or leaves the waker to be woken at the next free one.
    pub(crate) fn poll_slot(&self, waker: &Waker) -> Option<Result<(), Denied>> {
        match self.take_slot() {
            Err(Denied::Full) if self.mailbox.overflow == Overflow::Wait => {}
            other => return Some(other),
        }
        {
            let mut cold = self.cold();
            let waiters = &mut cold.rare().waiters;
            if !waiters.iter().any(|known| known.will_wake(waker)) {
                waiters.push(waker.clone());
            }
            self.gate.fetch_or(WAITERS, Ordering::AcqRel);
        }
        // A slot given back between the first look and the raised bit would otherwise be missed.
        match self.take_slot() {
            Err(Denied::Full) => None,
            other => Some(other),
        }
    }

    #[cold]
    fn wake_waiters(&self) {
        let waiters = {
            let mut cold = self.cold();
            self.gate.fetch_and(!WAITERS, Ordering::AcqRel);
            cold.rare.as_mut().map(|rare| std::mem::take(&mut rare.waiters)).unwrap_or_default()
        };
        waiters.into_iter().for_each(Waker::wake);
    }

    /// Refuses every later letter; those inside stay.
    pub(crate) fn shut(&self) {
        self.gate.fetch_or(SHUT, Ordering::AcqRel);
        self.wake_waiters();
    }

    /// Shuts the mailbox only if nothing is inside.
    pub(crate) fn shut_if_empty(&self) -> bool {
        self.gate.compare_exchange(0, SHUT, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    pub(crate) fn is_shut(&self) -> bool {
        self.gate.load(Ordering::Acquire) & SHUT != 0
    }

    pub(crate) fn depth(&self) -> u32 {
        u32::try_from(self.gate.load(Ordering::Acquire) & DEPTH).unwrap_or(u32::MAX)
    }

    #[cold]
    pub(crate) fn count_refusal(&self, letter: &'static str) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
        *self.cold().rare().refusals.entry(letter).or_default() += 1;
    }

    // ---- holders and flags -------------------------------------------------------------------------------------

    pub(crate) fn hold(&self) {
        self.holders.fetch_add(1, Ordering::Relaxed);
    }

    /// The last holder that goes rings the actor, which then ends unless it has work of its own.
    pub(crate) fn let_go(&self) {
        if self.holders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.ring();
        }
    }

    #[inline]
    pub(crate) fn is_held(&self) -> bool {
        self.holders.load(Ordering::Acquire) != 0
    }

    #[inline]
    pub(crate) fn flags(&self) -> u32 {
        self.flags.load(Ordering::Acquire)
    }

    pub(crate) fn raise(&self, flag: u32) {
        self.flags.fetch_or(flag, Ordering::AcqRel);
        self.ring();
    }

    pub(crate) fn lower(&self, flag: u32) {
        self.flags.fetch_and(!flag, Ordering::AcqRel);
    }

    /// Has the guard polled soon.
    pub(crate) fn ring(&self) {
        if let Some(task) = self.task.get() {
            task.wake_by_ref();
        }
    }

    // ---- counts ------------------------------------------------------------------------------------------------

    /// Only the actor's own task counts here, so a plain store is enough.
    #[inline]
    pub(crate) fn count_handled(&self, letters: u32) {
        let before = self.handled.load(Ordering::Relaxed);
        self.handled.store(before.wrapping_add(u64::from(letters)), Ordering::Relaxed);
    }

    pub(crate) fn count_panic(&self, fault: Fault) {
        self.panics.fetch_add(1, Ordering::Relaxed);
        self.cold().rare().last_fault = Some(fault);
    }

    pub(crate) fn begin_life(&self, life: u32) {
        self.life.store(life, Ordering::Relaxed);
        if life > 1 {
            self.restarts.fetch_add(1, Ordering::Relaxed);
        }
        self.set_stage(Stage::Running);
    }

    pub(crate) fn set_stage(&self, stage: Stage) {
        self.stage.store(stage as u32, Ordering::Relaxed);
    }

    pub(crate) fn health(&self) -> Health {
        let (refusals, last_fault) = match self.cold().rare.as_deref() {
            None => (Vec::new(), None),
            Some(rare) => {
                let refusals =
                    rare.refusals.iter().map(|(letter, count)| (*letter, *count)).collect();
                (refusals, rare.last_fault.clone())
            }
        };
        let paused = self.flags() & PAUSED != 0;
        Health {
            name: Arc::clone(&self.name),
            kind: self.kind,
            stage: Stage::read(self.stage.load(Ordering::Relaxed), paused),
            life: self.life.load(Ordering::Relaxed),
            depth: self.depth(),
            capacity: self.mailbox.capacity,
            handled: self.handled.load(Ordering::Relaxed),
            rejected: self.rejected.load(Ordering::Relaxed),
            panics: self.panics.load(Ordering::Relaxed),
            restarts: self.restarts.load(Ordering::Relaxed),
            refusals,
            last_fault,
        }
    }

    // ---- the end -----------------------------------------------------------------------------------------------

    /// Calls back once when the actor has ended, at once if it has already.
    pub(crate) fn mourn(&self, mourner: Mourner) {
        let reason = {
            let mut cold = self.cold();
            let rare = cold.rare();
            match rare.end.clone() {
                None => {
                    rare.mourners.push(mourner);
                    return;
                }
                Some(reason) => reason,
            }
        };
        mourner(&Ended { name: Arc::clone(&self.name), reason });
    }

    /// Records the end, shuts the mailbox for good and tells whoever wanted to know.
    pub(crate) fn finish(&self, reason: Reason) {
        self.shut();
        // Letters dropped with the queue took their slots with them.
        self.gate.store(SHUT, Ordering::Release);
        self.set_stage(Stage::Ended);
        let mourners = {
            let mut cold = self.cold();
            let rare = cold.rare();
            rare.dumps.clear();
            rare.end = Some(reason.clone());
            std::mem::take(&mut rare.mourners)
        };
        let ended = Ended { name: Arc::clone(&self.name), reason };
        for mourner in mourners {
            mourner(&ended);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(capacity: u32, overflow: Overflow) -> Cell {
        Cell::new("a".into(), "test", Mailbox { capacity, overflow })
    }

    #[test]
    fn letters_without_a_slot_never_give_one_back() {
        let cell = cell(1, Overflow::Refuse);
        cell.give_back(Slot::Free);
        cell.give_back(Slot::OfLife(1));
        assert_eq!(cell.depth(), 0, "an uncounted letter cannot wrap the count");
        assert_eq!((cell.take_slot(), cell.take_slot()), (Ok(()), Err(Denied::Full)));
        cell.give_back(Slot::Taken);
        assert_eq!(cell.take_slot(), Ok(()));
    }

    #[test]
    fn only_an_empty_mailbox_is_shut_on_the_quiet() {
        let cell = cell(1, Overflow::Refuse);
        assert_eq!(cell.take_slot(), Ok(()));
        assert!(!cell.shut_if_empty());
        cell.give_back(Slot::Taken);
        assert!(cell.shut_if_empty());
        assert_eq!(cell.take_slot(), Err(Denied::Closed));
    }

    #[test]
    fn a_mailbox_that_refuses_lets_nobody_wait() {
        let waker = Waker::noop();
        let refusing = cell(0, Overflow::Refuse);
        assert_eq!(refusing.poll_slot(waker), Some(Err(Denied::Full)));
        let waiting = cell(0, Overflow::Wait);
        assert_eq!(waiting.poll_slot(waker), None);
        waiting.shut();
        assert_eq!(waiting.poll_slot(waker), Some(Err(Denied::Closed)));
    }
}
