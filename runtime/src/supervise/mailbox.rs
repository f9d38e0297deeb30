//! The mailbox of one actor: a hard bound over all holders, and the envelopes that pass through actix's queue.
//!
//! actix bounds its channel per clone of the address, so the bound is kept here: a slot is taken before a letter
//! enters actix's queue and given back when its envelope is opened, before the handler runs, so that a panic cannot
//! leak a slot. Letters the kit sends on the actor's own behalf (its wake, its own timed letters) hold no slot.
use std::any::type_name;
use std::sync::Arc;

use actix::dev::channel::AddressSender;
use actix::dev::{Envelope, EnvelopeProxy, SendError, ToEnvelope};
use tokio::sync::oneshot;

use super::actor::{Actor, Handler, Message};
use super::cell::{Cell, Denied};
use super::context::{Body, Context};
use super::port::{AskError, Refused};
use super::timers::Timers;

/// What a full mailbox does with senders who are willing to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// `tell_wait` and `ask` are refused at once, like `tell`.
    Refuse,
    /// `tell_wait` and `ask` wait for a slot until their deadline.
    Wait,
}

/// The bound of one mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// Letters that may wait at one time, over all senders together.
    pub capacity: u32,
    /// What happens to the letter after that.
    pub overflow: Overflow,
}

impl Default for Mailbox {
    fn default() -> Self {
        Self { capacity: 64, overflow: Overflow::Wait }
    }
}

/// Anything that has a control cell; the erased form of a block.
pub(crate) trait Anchor: Send + Sync {
    fn cell(&self) -> &Cell;
}

/// What a [`super::Port`] needs from the place its letters go to.
pub(crate) trait Post<M: Message>: Anchor {
    /// Takes a slot and enqueues.
    fn tell(&self, msg: M) -> Result<(), Refused<M>>;
    /// Enqueues under a slot that the caller has taken, or under none.
    fn enqueue(&self, msg: M, slot: Slot, reply: Option<Answer<M>>) -> Result<(), Refused<M>>;
    /// The timer service of the arbiter this mailbox is read on.
    fn timers(&self) -> Arc<Timers>;
}

/// Whether a letter holds a slot of the mailbox.
#[derive(Clone, Copy)]
pub(crate) enum Slot {
    /// Holds one, gives it back when opened.
    Taken,
    /// Holds none.
    Free,
    /// Holds none and is meant for this life only.
    OfLife(u32),
}

/// The way back to an asker.
pub(crate) type Answer<M> = oneshot::Sender<Result<<M as Message>::Reply, AskError>>;

/// The shared block of one actor: its cell and the one sender into actix's queue. In C's order and
/// on a cache line, so that the sender and the hot words at the head of the cell, which every letter touches twice,
/// cost one miss where many actors do not fit the cache.
#[repr(C, align(64))]
pub(crate) struct Block<A: Actor> {
    pub(crate) sender: AddressSender<Body<A>>,
    pub(crate) cell: Cell,
    pub(crate) timers: Arc<Timers>,
}

impl<A: Actor> Anchor for Block<A> {
    fn cell(&self) -> &Cell {
        &self.cell
    }
}

impl<A: Handler<M>, M: Message> Post<M> for Block<A> {
    fn tell(&self, msg: M) -> Result<(), Refused<M>> {
        match self.cell.take_slot() {
            Ok(()) => self.push(Tell { msg: Some(msg), slot: Slot::Taken }),
            Err(Denied::Full) => {
                self.cell.count_refusal(type_name::<M>());
                Err(Refused::Full(msg))
            }
            Err(Denied::Closed) => Err(Refused::Closed(msg)),
        }
    }

    fn enqueue(&self, msg: M, slot: Slot, reply: Option<Answer<M>>) -> Result<(), Refused<M>> {
        let Some(reply) = reply else { return self.push(Tell { msg: Some(msg), slot }) };
        let ask = Ask { msg: Some(msg), slot, reply: Some(reply) };
        match self.sender.do_send(ask) {
            Ok(()) => Ok(()),
            Err(SendError::Full(mut ask) | SendError::Closed(mut ask)) => {
                self.cell.give_back(slot);
                Err(Refused::Closed(ask.msg.take().expect("an envelope that was never opened holds its letter")))
            }
        }
    }

    fn timers(&self) -> Arc<Timers> {
        Arc::clone(&self.timers)
    }
}

impl<A: Actor> Block<A> {
    fn push<M: Message>(&self, tell: Tell<M>) -> Result<(), Refused<M>>
    where
        A: Handler<M>,
    {
        match self.sender.do_send(tell) {
            Ok(()) => Ok(()),
            Err(SendError::Full(mut tell) | SendError::Closed(mut tell)) => {
                self.cell.give_back(tell.slot);
                Err(Refused::Closed(tell.msg.take().expect("an envelope that was never opened holds its letter")))
            }
        }
    }
}

/// The envelope of a letter nobody waits for.
pub(crate) struct Tell<M> {
    msg: Option<M>,
    slot: Slot,
}

/// The envelope of a letter whose sender waits.
pub(crate) struct Ask<M: Message> {
    msg: Option<M>,
    slot: Slot,
    reply: Option<Answer<M>>,
}

/// The token by which the timer service wakes an actor; stale unless it carries the armed sequence number.
pub(crate) struct WakeToken(pub(crate) u64);

impl<M: Message> actix::Message for Tell<M> {
    type Result = ();
}
impl<M: Message> actix::Message for Ask<M> {
    type Result = ();
}
impl actix::Message for WakeToken {
    type Result = ();
}

impl<A: Handler<M>, M: Message> EnvelopeProxy<Body<A>> for Tell<M> {
    fn handle(&mut self, body: &mut Body<A>, cx: &mut Context<A>) {
        if !cx.open(self.slot, type_name::<M>()) {
            return;
        }
        if let (Some(msg), Some(mind)) = (self.msg.take(), body.mind.as_mut()) {
            mind.handle(msg, cx);
            cx.handled();
        }
    }
}

impl<A: Handler<M>, M: Message> EnvelopeProxy<Body<A>> for Ask<M> {
    fn handle(&mut self, body: &mut Body<A>, cx: &mut Context<A>) {
        if !cx.open(self.slot, type_name::<M>()) {
            return;
        }
        let Some(reply) = self.reply.take() else { return };
        // The asker has given up while the letter was still queued: an unanswered command is not carried out late.
        if reply.is_closed() {
            return;
        }
        if let (Some(msg), Some(mind)) = (self.msg.take(), body.mind.as_mut()) {
            let mut duty = Duty::<M>(Some(reply));
            let answer = mind.handle(msg, cx);
            cx.handled();
            duty.answer(Ok(answer));
        }
    }
}

impl<A: Actor> EnvelopeProxy<Body<A>> for WakeToken {
    fn handle(&mut self, body: &mut Body<A>, cx: &mut Context<A>) {
        if !cx.disarm(self.0) {
            return;
        }
        if let Some(mind) = body.mind.as_mut() {
            mind.wake(cx);
        }
    }
}

/// Owes the asker an answer: when the handler unwinds, the answer is that it panicked.
struct Duty<M: Message>(Option<Answer<M>>);

impl<M: Message> Duty<M> {
    fn answer(&mut self, with: Result<M::Reply, AskError>) {
        if let Some(reply) = self.0.take() {
            // An asker that has gone meanwhile needs no answer.
            let _ = reply.send(with);
        }
    }
}

impl<M: Message> Drop for Duty<M> {
    fn drop(&mut self) {
        self.answer(Err(AskError::Panicked));
    }
}

impl<A: Handler<M>, M: Message> actix::Handler<Tell<M>> for Body<A> {
    type Result = ();
    fn handle(&mut self, mut msg: Tell<M>, cx: &mut Context<A>) {
        EnvelopeProxy::handle(&mut msg, self, cx);
    }
}
impl<A: Handler<M>, M: Message> actix::Handler<Ask<M>> for Body<A> {
    type Result = ();
    fn handle(&mut self, mut msg: Ask<M>, cx: &mut Context<A>) {
        EnvelopeProxy::handle(&mut msg, self, cx);
    }
}
impl<A: Actor> actix::Handler<WakeToken> for Body<A> {
    type Result = ();
    fn handle(&mut self, mut msg: WakeToken, cx: &mut Context<A>) {
        EnvelopeProxy::handle(&mut msg, self, cx);
    }
}

impl<A: Handler<M>, M: Message> ToEnvelope<Body<A>, Tell<M>> for Context<A> {
    fn pack(msg: Tell<M>, _: Option<oneshot::Sender<()>>) -> Envelope<Body<A>> {
        Envelope::with_proxy(Box::new(msg))
    }
}
impl<A: Handler<M>, M: Message> ToEnvelope<Body<A>, Ask<M>> for Context<A> {
    fn pack(msg: Ask<M>, _: Option<oneshot::Sender<()>>) -> Envelope<Body<A>> {
        Envelope::with_proxy(Box::new(msg))
    }
}
impl<A: Actor> ToEnvelope<Body<A>, WakeToken> for Context<A> {
    fn pack(msg: WakeToken, _: Option<oneshot::Sender<()>>) -> Envelope<Body<A>> {
        Envelope::with_proxy(Box::new(msg))
    }
}
