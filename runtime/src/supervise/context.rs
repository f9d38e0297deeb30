//! What a handler may do to its own actor.
//!
//! The context is an actix context of our own, so that pausing and the fairness budget are one condition in the
//! mailbox loop instead of a future to be waited for.
use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;

use actix::dev::{AsyncContextParts, ContextParts};
use actix::fut::ActorFuture;
use actix::prelude::Stream;
use actix::{ActorContext, ActorState, Addr, AsyncContext, SpawnHandle};

use super::actor::{Actor, Handler, Message};
use super::body::{Body, Inflow};
use super::control::Control;
use super::mailbox::{Block, Parcel, Post, Slot, WakeToken};
use super::port::{AskError, Port};
use super::timers::{Instant, Key, Sleeper, Timer};

/// Letters handled in one poll before other tasks of the arbiter get their turn.
pub(crate) const TURN: u32 = 128;
/// Why a life wants to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Leaving {
    Stop,
    Finish,
    Unheld,
    Fail(Box<str>),
}

/// The actor's own side of the kit, handed to every handler.
pub struct Context<A: Actor> {
    block: Arc<Block<A>>,
    /// Letters taken out of the mailbox and not yet opened; they outlive a life that fails.
    hand: VecDeque<Parcel<A>>,
    budget: u32,
    life: u32,
    pub(crate) current: &'static str,
    pub(crate) leaving: Option<Leaving>,
    streams: u32,
    paused: bool,
    handled: u32,
    wake: Option<Key>,
    parts: ContextParts<Body<A>>,
    pub(crate) heir: Option<Box<A>>,
}

impl<A: Actor> Context<A> {
    pub(crate) fn new(parts: ContextParts<Body<A>>, block: Arc<Block<A>>) -> Self {
        Self {
            parts,
            block,
            hand: VecDeque::new(),
            budget: TURN,
            life: 0,
            streams: 0,
            paused: false,
            handled: 0,
            leaving: None,
            current: "started",
            wake: None,
            heir: None,
        }
    }

    /// The path of this actor.
    pub fn name(&self) -> &Arc<str> {
        self.block.cell.name()
    }

    /// Which life this is, from 1.
    pub fn life(&self) -> u32 {
        self.life
    }

    /// The levers of this actor.
    pub fn control(&self) -> Control {
        Control::new(self.block.clone())
    }

    /// A door to this actor that does not keep it alive; hand it to others as the address for answers.
    pub fn own_port<M: Message>(&self) -> Port<M>
    where
        A: Handler<M>,
    {
        let post: Arc<dyn Post<M>> = self.block.clone();
        Port::weak(post)
    }

    /// Ends the actor for good after this handler. Letters still queued are dropped.
    pub fn stop(&mut self) {
        self.leave(Leaving::Stop);
        self.parts.stop();
    }

    /// Says that the work of this life is done: a permanent child begins another life, any other ends.
    pub fn finish(&mut self) {
        self.leave(Leaving::Finish);
        self.parts.stop();
    }

    /// Gives this life up as broken, as a panic would, after this handler.
    pub fn fail(&mut self, why: impl Into<String>) {
        self.leave(Leaving::Fail(why.into().into()));
    }

    fn leave(&mut self, how: Leaving) {
        self.leaving.get_or_insert(how);
    }

    /// Arms, moves or clears the one wake of this life; [`Actor::wake`] is called when it comes due.
    pub fn wake_at(&mut self, at: Option<Instant>) {
        if self.wake_armed() == at {
            return;
        }
        if let Some(armed) = self.wake.take() {
            self.block.timers.cancel(armed);
        }
        if let Some(at) = at {
            let sleeper: Arc<dyn Sleeper> = self.block.clone();
            self.wake = Some(self.block.timers.wake(at, sleeper).key());
        }
    }

    /// When the wake is due, if it is armed.
    pub fn wake_armed(&self) -> Option<Instant> {
        self.wake.map(|(at, _)| at)
    }

    /// A letter to this actor at an instant. It holds no slot, so it is never refused, and dies with this life.
    pub fn tell_at<M: Message>(&mut self, msg: M, at: Instant) -> Timer
    where
        A: Handler<M>,
    {
        let (port, life) = (self.own_port::<M>(), self.life);
        self.block.timers.letter(at, Box::new(move || port.tell_life(msg, life)))
    }

    /// A letter to this actor behind everything that is queued now; as [`Self::tell_at`], without the wait.
    pub fn tell_self<M: Message>(&mut self, msg: M)
    where
        A: Handler<M>,
    {
        self.own_port::<M>().tell_life(msg, self.life);
    }

    /// Asks another actor in a task of its own; what came of it returns to this life as the letter made by `into`.
    pub fn ask_into<M: Message, L: Message>(
        &self,
        to: &Port<M>,
        msg: M,
        deadline: Instant,
        into: impl FnOnce(Result<M::Reply, AskError>) -> L + 'static,
    ) where
        A: Handler<L>,
    {
        let (to, own, life) = (to.clone(), self.own_port::<L>(), self.life);
        actix_rt::spawn(async move {
            let answer = to.ask(msg, deadline).await;
            own.tell_life(into(answer), life);
        });
    }

    /// Handles every item of a stream as a letter, until the stream or this life ends.
    pub fn add_stream<S>(&mut self, stream: S)
    where
        S: Stream + 'static,
        S::Item: Message,
        A: Handler<S::Item>,
    {
        self.streams += 1;
        self.parts.spawn(Inflow::new(stream));
    }

    // ---- for the envelopes and the guard -----------------------------------------------------------------------

    /// Opens an envelope: gives its slot back and says whether it is for this life.
    #[inline]
    pub(crate) fn open(&mut self, slot: Slot, letter: &'static str) -> bool {
        self.block.cell.give_back(slot);
        self.budget = self.budget.saturating_sub(1);
        self.current = letter;
        !matches!(slot, Slot::OfLife(life) if life != self.life)
    }

    #[inline]
    pub(crate) fn handled(&mut self) {
        self.handled += 1;
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
        self.current = "wake";
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
        self.current = "started";
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

/// Spawns a plain task on this arbiter; it knows no actor and outlives none of the arbiter.
pub fn task(work: impl Future<Output = ()> + 'static) {
    actix_rt::spawn(work);
}
