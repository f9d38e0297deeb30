//! One turn of an actor, as the envelopes and the guard see it.
//!
//! The context is an actix context of our own, so that pausing and the fairness budget are one condition in the
//! mailbox loop instead of a future to be waited for.
use actix::dev::{AsyncContextParts, ContextParts};
use actix::fut::ActorFuture;
use actix::{ActorContext, ActorState, Addr, AsyncContext, SpawnHandle};

use super::actor::Actor;
use super::body::Body;
use super::context::{Context, Leaving};
use super::envelope::{Parcel, WakeToken};
use super::mailbox::{Block, Slot};
use super::poison::{Poison, Subject};
use super::policy::Fault;
use super::timers::{Instant, Sleeper};

/// Letters handled in one poll before other tasks of the arbiter get their turn.
pub(crate) const TURN: u32 = 128;

/// What becomes of a letter whose envelope has been opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opened {
    Handle,
    /// It was meant for a life that is over.
    Stale,
    /// Its kind is poisonous.
    Parked,
}

impl<A: Actor> Context<A> {
    /// Opens an envelope: gives its slot back and says whether the letter is to be handled.
    #[inline]
    pub(crate) fn open(&mut self, slot: Slot, letter: Subject) -> Opened {
        self.block.cell.give_back(slot);
        self.budget = self.budget.saturating_sub(1);
        if matches!(slot, Slot::OfLife(life) if life != self.life) {
            return Opened::Stale;
        }
        if self.admits(letter) { Opened::Handle } else { Opened::Parked }
    }

    /// Whether a letter may be handled; one that may not is parked here.
    #[inline]
    pub(crate) fn admits(&mut self, letter: Subject) -> bool {
        self.current = letter;
        self.suspects.is_none() || self.admits_suspect(letter)
    }

    #[cold]
    fn admits_suspect(&mut self, letter: Subject) -> bool {
        let parked = self.suspects.as_mut().and_then(|known| known.park(letter, Instant::now()));
        match parked {
            None => true,
            Some(dead) => {
                self.block.cell.record_dead(dead);
                false
            }
        }
    }

    /// The current letter was handled to its end.
    #[inline]
    pub(crate) fn handled(&mut self) {
        self.handled += 1;
        if self.suspects.is_some() {
            self.trust();
        }
    }

    #[cold]
    fn trust(&mut self) {
        // A life that gives up in its handler has not handled the letter well.
        if matches!(self.leaving, Some(Leaving::Fail(_))) {
            return;
        }
        if let Some(known) = self.suspects.as_mut() {
            known.went_well(self.current);
            if known.is_empty() {
                self.suspects = None;
            }
        }
    }

    /// A life has broken on what is current.
    pub(crate) fn suspect(&mut self, policy: Poison, fault: &Fault) {
        let known = self.suspects.get_or_insert_default();
        let dead = known.broke(policy, self.current, fault, Instant::now());
        if known.is_empty() {
            self.suspects = None;
        }
        if let Some(dead) = dead {
            self.block.cell.record_dead(dead);
        }
    }

    /// A letter whose wait is measured has been taken out.
    pub(crate) fn waited(&self, since: std::time::Instant) {
        self.block.cell.meter.waited(since);
    }

    /// The next letter of this turn.
    #[inline]
    pub(crate) fn next_letter(&mut self) -> Option<Parcel<A>> {
        if self.waiting() {
            return None;
        }
        let next = self.hand.pop_front();
        if next.is_some() {
            return next;
        }
        self.block.empty_into(&mut self.hand);
        self.hand.pop_front()
    }

    /// Whether this token belongs to the armed wake, which is then disarmed.
    pub(crate) fn disarm(&mut self, sequence: u64) -> bool {
        self.budget = self.budget.saturating_sub(1);
        if self.wake.map(|(_, armed)| armed) != Some(sequence) {
            return false;
        }
        self.current = Subject::place("wake");
        self.wake = None;
        true
    }

    pub(crate) fn begin_turn(&mut self, paused: bool) {
        self.budget = TURN;
        self.paused = paused;
    }

    /// Publishes what this turn has counted.
    pub(crate) fn end_turn(&mut self) {
        self.block.cell.count_handled(std::mem::take(&mut self.handled));
    }

    pub(crate) fn is_exhausted(&self) -> bool {
        self.budget == 0
    }

    /// Whether nothing but its mailbox can move this actor.
    pub(crate) fn has_no_work_of_its_own(&self) -> bool {
        self.streams == 0 && self.wake.is_none()
    }

    pub(crate) fn is_started(&mut self) -> bool {
        self.parts.started()
    }

    /// Forgets everything that belonged to the life that has ended.
    pub(crate) fn forget_life(&mut self) {
        self.wake_at(None);
        self.streams = 0;
        self.leaving = None;
        self.current = Subject::STARTED;
    }

    pub(crate) fn begin_life(&mut self, life: u32, mind: Box<A>) {
        self.life = life;
        self.heir = Some(mind);
    }

    pub(crate) fn stream_ended(&mut self) {
        self.streams = self.streams.saturating_sub(1);
    }

    pub(crate) fn is_halted(&self) -> bool {
        self.paused || self.leaving.is_some() || self.parts.waiting()
    }
}

impl<A: Actor> Sleeper for Block<A> {
    fn wake_up(&self, sequence: u64) {
        // An actor that has ended sleeps on.
        let _ = self.put(WakeToken(sequence));
    }
}

impl<A: Actor> ActorContext for Context<A> {
    fn stop(&mut self) {
        Context::stop(self);
    }
    fn terminate(&mut self) {
        self.parts.terminate();
    }
    fn state(&self) -> ActorState {
        self.parts.state()
    }
}

impl<A: Actor> AsyncContext<Body<A>> for Context<A> {
    fn address(&self) -> Addr<Body<A>> {
        self.parts.address()
    }
    fn spawn<F: ActorFuture<Body<A>, Output = ()> + 'static>(&mut self, fut: F) -> SpawnHandle {
        self.parts.spawn(fut)
    }
    fn wait<F: ActorFuture<Body<A>, Output = ()> + 'static>(&mut self, fut: F) {
        self.parts.wait(fut);
    }
    #[inline]
    fn waiting(&self) -> bool {
        self.budget == 0 || self.is_halted()
    }
    /// Handles start again from 1 in every life, so a cancelled one could hit a future of the next life.
    fn cancel_future(&mut self, _: SpawnHandle) -> bool {
        false
    }
}

impl<A: Actor> AsyncContextParts<Body<A>> for Context<A> {
    fn parts(&mut self) -> &mut ContextParts<Body<A>> {
        &mut self.parts
    }
}
