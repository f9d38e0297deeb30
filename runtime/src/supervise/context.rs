//! What a handler may do to its own actor. How the kit itself uses the context is in `turn`.
use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;

use actix::dev::ContextParts;
use actix::prelude::Stream;

use super::actor::{Actor, Handler, Message};
use super::body::{Body, Inflow};
use super::control::Control;
use super::envelope::Parcel;
use super::mailbox::{Block, Post};
use super::poison::{Subject, Suspects};
use super::port::{AskError, Port};
use super::timers::{Instant, Key, Sleeper, Timer};
use super::turn::TURN;

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
    pub(super) block: Arc<Block<A>>,
    /// Letters taken out of the mailbox and not yet opened; they outlive a life that fails.
    pub(super) hand: VecDeque<Parcel<A>>,
    pub(super) budget: u32,
    pub(super) life: u32,
    pub(crate) current: Subject,
    pub(crate) leaving: Option<Leaving>,
    pub(super) streams: u32,
    pub(super) paused: bool,
    pub(super) handled: u32,
    pub(super) wake: Option<Key>,
    /// Kinds of letters on which recent lives have broken.
    pub(super) suspects: Option<Box<Suspects>>,
    pub(super) parts: ContextParts<Body<A>>,
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
            current: Subject::STARTED,
            wake: None,
            suspects: None,
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
}

/// Spawns a plain task on this arbiter; it knows no actor and outlives none of the arbiter.
pub fn task(work: impl Future<Output = ()> + 'static) {
    actix_rt::spawn(work);
}
