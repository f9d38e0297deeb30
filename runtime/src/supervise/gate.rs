//! The gate of a mailbox: one atomic word that counts the letters holding a slot and says whether the mailbox is shut
//! or somebody waits for a slot. The bound is hard over all holders because there is one word for all of them.
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

use super::cell::Cell;
use super::mailbox::{Overflow, Slot};

/// Why a slot was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    Full,
    Closed,
}

const SHUT: u64 = 1 << 63;
const WAITERS: u64 = 1 << 62;
const DEPTH: u64 = WAITERS - 1;

/// See the file's head.
#[derive(Default)]
pub(crate) struct Gate(AtomicU64);

impl Gate {
    #[inline]
    fn take(&self, capacity: u32) -> Result<(), Denied> {
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            if seen & SHUT != 0 {
                return Err(Denied::Closed);
            }
            if seen & DEPTH >= u64::from(capacity) {
                return Err(Denied::Full);
            }
            match self.0.compare_exchange_weak(seen, seen + 1, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return Ok(()),
                Err(now) => seen = now,
            }
        }
    }
}

impl Cell {
    /// Takes one slot, unless the mailbox is shut or holds as many letters as it may.
    #[inline]
    pub(crate) fn take_slot(&self) -> Result<(), Denied> {
        self.gate.take(self.mailbox.capacity)
    }

    /// Gives back what a letter held.
    #[inline]
    pub(crate) fn give_back(&self, slot: Slot) {
        if matches!(slot, Slot::Taken) && self.gate.0.fetch_sub(1, Ordering::AcqRel) & WAITERS != 0
        {
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
            self.gate.0.fetch_or(WAITERS, Ordering::AcqRel);
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
            self.gate.0.fetch_and(!WAITERS, Ordering::AcqRel);
            cold.known_mut().map(|rare| std::mem::take(&mut rare.waiters)).unwrap_or_default()
        };
        waiters.into_iter().for_each(Waker::wake);
    }

    /// Refuses every later letter; those inside stay.
    pub(crate) fn shut(&self) {
        self.gate.0.fetch_or(SHUT, Ordering::AcqRel);
        self.wake_waiters();
    }

    /// Shuts the mailbox only if nothing is inside.
    pub(crate) fn shut_if_empty(&self) -> bool {
        self.gate.0.compare_exchange(0, SHUT, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Shuts a mailbox whose letters have been dropped, and took their slots with them.
    pub(crate) fn shut_for_good(&self) {
        self.shut();
        self.gate.0.store(SHUT, Ordering::Release);
    }

    pub(crate) fn is_shut(&self) -> bool {
        self.gate.0.load(Ordering::Acquire) & SHUT != 0
    }

    pub(crate) fn depth(&self) -> u32 {
        u32::try_from(self.gate.0.load(Ordering::Acquire) & DEPTH).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervise::mailbox::Mailbox;

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
