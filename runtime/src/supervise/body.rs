//! The body: what actix itself polls. It holds one mind, or none between two lives, and passes on what actix says.
use std::pin::Pin;
use std::task::{Context as Task, Poll};

use actix::AsyncContext;
use actix::fut::ActorFuture;
use actix::prelude::Stream;

use super::actor::{Actor, Handler, Message};
use super::context::Context;
use super::envelope::subject_of;
use super::poison::Subject;

/// Items taken from one stream in one poll.
const GULP: u32 = 16;

/// What actix polls: one mind, or none between two lives.
pub(crate) struct Body<A> {
    pub(crate) mind: Option<A>,
}

impl<A: Actor> actix::Actor for Body<A> {
    type Context = Context<A>;

    fn started(&mut self, cx: &mut Context<A>) {
        if let Some(mind) = self.mind.as_mut() {
            mind.started(cx);
        }
    }

    fn stopped(&mut self, _: &mut Context<A>) {
        if let Some(mind) = self.mind.as_mut() {
            mind.stopped();
        }
    }
}

impl<A: Actor> actix::Supervised for Body<A> {
    /// The old mind goes here, the new one comes: never the same one twice.
    fn restarting(&mut self, cx: &mut Context<A>) {
        self.mind = cx.heir.take().map(|mind| *mind);
        if self.mind.is_some() {
            cx.spawn(Postman);
        }
    }
}

/// Opens the letters of one turn. It carries nothing, so that boxing it allocates nothing.
struct Postman;

impl<A: Actor> ActorFuture<Body<A>> for Postman {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        body: &mut Body<A>,
        cx: &mut Context<A>,
        _: &mut Task<'_>,
    ) -> Poll<()> {
        while let Some(mut parcel) = cx.next_letter() {
            parcel.handle(body, cx);
        }
        Poll::Pending
    }
}

/// A stream whose items are letters.
pub(crate) struct Inflow<S> {
    stream: Pin<Box<S>>,
}

impl<S> Inflow<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream: Box::pin(stream) }
    }
}

impl<A, S> ActorFuture<Body<A>> for Inflow<S>
where
    S: Stream,
    S::Item: Message,
    A: Handler<S::Item>,
{
    type Output = ();

    fn poll(
        mut self: Pin<&mut Self>,
        body: &mut Body<A>,
        cx: &mut Context<A>,
        task: &mut Task<'_>,
    ) -> Poll<()> {
        for _ in 0..GULP {
            if cx.is_halted() {
                return Poll::Pending;
            }
            cx.current = Subject::place("stream");
            match self.stream.as_mut().poll_next(task) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => {
                    cx.stream_ended();
                    return Poll::Ready(());
                }
                Poll::Ready(Some(item)) => {
                    if cx.admits(subject_of(Some(&item)))
                        && let Some(mind) = body.mind.as_mut()
                    {
                        mind.handle(item, cx);
                        cx.handled();
                    }
                }
            }
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Reads the mind's own line past the mailbox.
pub(crate) struct Glimpse(pub(crate) Option<Box<dyn FnOnce(String)>>);

impl<A: Actor> ActorFuture<Body<A>> for Glimpse {
    type Output = ();

    fn poll(
        mut self: Pin<&mut Self>,
        body: &mut Body<A>,
        _: &mut Context<A>,
        _: &mut Task<'_>,
    ) -> Poll<()> {
        if let Some(give) = self.0.take() {
            give(body.mind.as_ref().map(Actor::dump).unwrap_or_default());
        }
        Poll::Ready(())
    }
}
