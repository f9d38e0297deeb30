//! The envelopes: what lies in a mailbox, and what happens when one is opened.
//!
//! An envelope gives its slot back before the handler runs, so that a panic cannot leak a slot, and an asker whose
//! letter is lost learns why when the envelope is dropped.
use std::any::type_name;
use std::time::Instant;

use actix::dev::EnvelopeProxy;
use tokio::sync::oneshot;

use super::actor::{Actor, Handler, Message};
use super::body::Body;
use super::context::Context;
use super::mailbox::Slot;
use super::poison::Subject;
use super::port::AskError;
use super::turn::Opened;

/// The way back to an asker.
pub(crate) type Answer<M> = oneshot::Sender<Result<<M as Message>::Reply, AskError>>;

/// An envelope of any letter.
pub(crate) type Parcel<A> = Box<dyn EnvelopeProxy<Body<A>> + Send>;

/// The envelope of a letter nobody waits for.
pub(crate) struct Tell<M> {
    pub(crate) msg: Option<M>,
    pub(crate) slot: Slot,
}

/// The envelope of a letter whose sender waits.
pub(crate) struct Ask<M: Message> {
    pub(crate) msg: Option<M>,
    pub(crate) slot: Slot,
    pub(crate) reply: Option<Answer<M>>,
}

/// What a letter is known by when it breaks a life.
#[inline]
pub(crate) fn subject_of<M: Message>(msg: Option<&M>) -> Subject {
    Subject::letter(type_name::<M>(), msg.and_then(M::sender))
}

/// An envelope whose wait is measured.
pub(crate) struct Timed<A: Actor> {
    pub(crate) since: Instant,
    pub(crate) inner: Parcel<A>,
}

impl<A: Actor> EnvelopeProxy<Body<A>> for Timed<A> {
    fn handle(&mut self, body: &mut Body<A>, cx: &mut Context<A>) {
        cx.waited(self.since);
        self.inner.handle(body, cx);
    }
}

/// The token by which the timer service wakes an actor; stale unless it carries the armed sequence number.
pub(crate) struct WakeToken(pub(crate) u64);

impl<A: Handler<M>, M: Message> EnvelopeProxy<Body<A>> for Tell<M> {
    fn handle(&mut self, body: &mut Body<A>, cx: &mut Context<A>) {
        if cx.open(self.slot, subject_of(self.msg.as_ref())) != Opened::Handle {
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
        let opened = cx.open(self.slot, subject_of(self.msg.as_ref()));
        let Some(reply) = self.reply.take().filter(|_| opened != Opened::Stale) else { return };
        if opened == Opened::Parked {
            // An asker that has gone meanwhile needs no answer.
            let _ = reply.send(Err(AskError::Parked));
            return;
        }
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
