//! The cell of one actor: what everybody outside may read or ring, without touching the mind.
//!
//! The gate counts the letters inside, another word holds the control flags, the rest are counters. Everything rare
//! (waiters, monitors, links, the last fault) is behind one lock and outside the block.
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;

use super::gate::Gate;
use super::health::{Health, Stage};
use super::mailbox::Mailbox;
use super::meter::Meter;
use super::poison::{DeadLetter, keep};
use super::policy::Fault;
use super::rare::{Cold, DumpReply};

/// Control flags; `PAUSED` is a level, the others are taken when heeded.
pub(crate) const STOP: u32 = 1;
pub(crate) const KILL: u32 = 2;
pub(crate) const RESTART: u32 = 4;
pub(crate) const PAUSED: u32 = 8;
pub(crate) const DUMP: u32 = 16;
/// A restart because a sibling failed.
pub(crate) const WITH_SIBLINGS: u32 = 32;

/// See the file's head. In C's order: what every letter touches comes first.
#[repr(C)]
pub(crate) struct Cell {
    pub(crate) gate: Gate,
    pub(crate) mailbox: Mailbox,
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
    pub(crate) meter: Meter,
}

impl Cell {
    pub(crate) fn new(name: Arc<str>, kind: &'static str, mailbox: Mailbox) -> Self {
        Self {
            gate: Gate::default(),
            mailbox,
            flags: AtomicU32::new(0),
            holders: AtomicU32::new(0),
            task: OnceLock::new(),
            handled: AtomicU64::new(0),
            stage: AtomicU32::new(Stage::Waiting as u32),
            life: AtomicU32::new(0),
            panics: AtomicU32::new(0),
            restarts: AtomicU32::new(0),
            rejected: AtomicU64::new(0),
            name,
            kind,
            cold: Mutex::new(Cold::default()),
            meter: Meter::default(),
        }
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The rare part; a panic elsewhere while it was locked leaves it readable.
    pub(crate) fn cold(&self) -> MutexGuard<'_, Cold> {
        self.cold.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Ends the actor in order, paused or not.
    pub(crate) fn stop(&self) {
        self.lower(PAUSED);
        self.raise(STOP);
    }

    /// The task that polls this actor. The kit spawns it itself, so its waker stays the same for its whole life.
    pub(crate) fn is_polled_by(&self, task: &Waker) {
        // Only the first word counts; it is the same every time.
        let _ = self.task.set(task.clone());
    }

    /// Has the guard polled soon.
    pub(crate) fn ring(&self) {
        if let Some(task) = self.task.get() {
            task.wake_by_ref();
        }
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

    // ---- counts ------------------------------------------------------------------------------------------------

    /// Only the actor's own task counts here, so a plain store is enough.
    #[inline]
    pub(crate) fn count_handled(&self, letters: u32) {
        let before = self.handled.load(Ordering::Relaxed);
        self.handled.store(before.wrapping_add(u64::from(letters)), Ordering::Relaxed);
    }

    #[cold]
    pub(crate) fn count_refusal(&self, letter: &'static str) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
        *self.cold().rare().refusals.entry(letter).or_default() += 1;
    }

    pub(crate) fn count_panic(&self, fault: Fault) {
        self.panics.fetch_add(1, Ordering::Relaxed);
        self.cold().rare().last_fault = Some(fault);
    }

    /// Enters what is known of a poisonous kind of letter into the record of dead letters.
    pub(crate) fn record_dead(&self, dead: DeadLetter) {
        let mut cold = self.cold();
        let rare = cold.rare();
        rare.parked += dead.parked;
        keep(&mut rare.dead_letters, dead);
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

    pub(crate) fn stage(&self) -> Stage {
        Stage::read(self.stage.load(Ordering::Relaxed), self.flags() & PAUSED != 0)
    }

    pub(crate) fn health(&self) -> Health {
        let mut health = Health {
            name: Arc::clone(&self.name),
            kind: self.kind,
            stage: self.stage(),
            life: self.life.load(Ordering::Relaxed),
            depth: self.depth(),
            capacity: self.mailbox.capacity,
            handled: self.handled.load(Ordering::Relaxed),
            rejected: self.rejected.load(Ordering::Relaxed),
            panics: self.panics.load(Ordering::Relaxed),
            restarts: self.restarts.load(Ordering::Relaxed),
            wait: self.meter.wait(),
            poll: self.meter.poll(),
            refusals: Vec::new(),
            parked: 0,
            dead_letters: Vec::new(),
            last_fault: None,
        };
        if let Some(rare) = self.cold().known() {
            health.refusals = rare.refusals.iter().map(|(of, count)| (*of, *count)).collect();
            health.parked = rare.parked;
            health.dead_letters.clone_from(&rare.dead_letters);
            health.last_fault.clone_from(&rare.last_fault);
        }
        health
    }
}
