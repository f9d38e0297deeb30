//! The supervising future: polls the actor's own context future under `catch_unwind`, so that whatever panics in it
//! (handler, wake, stream, `started`, `stopped`) costs the letter at fault and nothing else. Address and queue stay,
//! because actix's context future stays; the mind goes and is rebuilt by the factory.
//!
//! A failed life is never polled again, not even by drop: its context is terminated first.
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use actix::dev::{AsyncContextParts, ContextFut};
use tokio::time::Sleep;

use super::actor::Actor;
use super::body::Body;
use super::cell::PAUSED;
use super::context::{Context, Leaving};
use super::mailbox::{Anchor, Block};
use super::meter::Sampler;
use super::monitor::Reason;
use super::policy::{Fault, chance_of, text_of};
use super::pulse::Pulse;
use super::rearing::Rearing;
use super::spec::ChildSpec;
use super::system::is_virtual;

pub(super) enum Phase {
    /// The next life is to be built.
    Cradle,
    Running,
    /// Waits out the back-off.
    Resting(Pin<Box<Sleep>>),
    /// Takes nothing new, handles what it has until the grace is over.
    Draining(Pin<Box<Sleep>>),
    Over,
}

pub(super) enum Step {
    Again,
    Wait,
    End(Reason),
}

pub(crate) struct Guard<A: Actor> {
    pub(super) life: Option<Life<A>>,
    pub(super) block: Arc<Block<A>>,
    pub(super) phase: Phase,
    known: bool,
    sampler: Sampler,
    pulse: Arc<Pulse>,
    /// Among the actors of this arbiter.
    number: u64,
    pub(super) rearing: Box<Rearing<A>>,
}

impl<A: Actor> Future for Guard<A> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<()> {
        let this = self.get_mut();
        if !this.known {
            this.known = true;
            this.block.cell.is_polled_by(task.waker());
        }
        this.pulse.enter(this.number);
        let since = this.sampler.tick();
        let polled = this.steps(task);
        if let Some(since) = since {
            this.block.cell.meter.polled(since);
        }
        this.pulse.stamp();
        polled
    }
}

/// The context future of one actor.
pub(crate) type Life<A> = ContextFut<Body<A>, Context<A>>;

impl<A: Actor> Guard<A> {
    /// The guard of an actor without a mind; the first one is built at the first turn.
    pub(crate) fn new(spec: ChildSpec<A>, life: Life<A>, block: Arc<Block<A>>) -> Self {
        let anchor: Arc<dyn Anchor> = block.clone();
        let pulse = Pulse::current();
        let number = pulse.join(Arc::downgrade(&anchor));
        let sampler = Sampler::new(!is_virtual(), chance_of(0, &spec.name));
        let rearing = Box::new(Rearing::new(spec, anchor));
        let (life, phase) = (Some(life), Phase::Cradle);
        Self { life, block, phase, known: false, sampler, pulse, number, rearing }
    }

    /// One step after another until the actor has to wait or has ended.
    fn steps(&mut self, task: &mut Task<'_>) -> Poll<()> {
        loop {
            let step = match self.heed() {
                Some(step) => step,
                None => match &mut self.phase {
                    Phase::Cradle => self.bear(),
                    Phase::Resting(sleep) => match sleep.as_mut().poll(task) {
                        Poll::Pending => Step::Wait,
                        Poll::Ready(()) => {
                            self.phase = Phase::Cradle;
                            Step::Again
                        }
                    },
                    Phase::Running | Phase::Draining(_) => self.turn(task),
                    Phase::Over => return Poll::Ready(()),
                },
            };
            match step {
                Step::Again => {}
                Step::Wait => return Poll::Pending,
                Step::End(reason) => {
                    self.end(reason);
                    return Poll::Ready(());
                }
            }
        }
    }

    /// One poll of actix's own future.
    fn turn(&mut self, task: &mut Task<'_>) -> Step {
        let Some(life) = self.life.as_mut() else { return Step::End(Reason::Dropped) };
        let cell = &self.block.cell;
        life.ctx().begin_turn(cell.flags() & PAUSED != 0);
        let outcome = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut *life).poll(task)));
        life.ctx().end_turn();
        match outcome {
            Err(payload) => {
                let fault =
                    Fault { at: life.ctx().current.at, text: text_of(payload.as_ref()).into() };
                self.fail(fault)
            }
            Ok(Poll::Ready(())) => self.ended_in_order(),
            Ok(Poll::Pending) => {
                let cx = life.ctx();
                if let Some(Leaving::Fail(why)) = &cx.leaving {
                    let fault = Fault { at: cx.current.at, text: Arc::from(&**why) };
                    return self.fail(fault);
                }
                if cx.is_exhausted() {
                    // Not a plain wake: tokio would run this task 61 times before it looked at timers and sockets.
                    let _ = pin!(tokio::task::yield_now()).poll(task);
                    return Step::Wait;
                }
                if let Phase::Draining(grace) = &mut self.phase {
                    if cell.depth() == 0 || grace.as_mut().poll(task).is_ready() {
                        self.leave(Leaving::Stop);
                        return Step::Again;
                    }
                    return Step::Wait;
                }
                if !cell.is_held() && cx.has_no_work_of_its_own() && cell.shut_if_empty() {
                    self.leave(Leaving::Unheld);
                    return Step::Again;
                }
                if cell.flags() & !PAUSED != 0 { Step::Again } else { Step::Wait }
            }
        }
    }

    fn end(&mut self, reason: Reason) {
        self.phase = Phase::Over;
        self.block.cell.shut();
        if let Some(mut life) = self.life.take() {
            life.ctx().forget_life();
            life.ctx().parts().terminate();
            let _ = catch_unwind(AssertUnwindSafe(|| drop(life)));
        }
        // A letter may panic when it is dropped, and may hold a port to this very actor.
        let left = self.block.clear();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(left)));
        if let Some((group, own)) = self.rearing.group.take() {
            group.leave(own);
        }
        self.pulse.leave(self.number);
        self.block.cell.finish(reason);
    }
}

impl<A: Actor> Drop for Guard<A> {
    /// The arbiter ends under the actor: a healthy life is still told that it stops, a failed one is not touched.
    fn drop(&mut self) {
        if matches!(self.phase, Phase::Over) {
            return;
        }
        let healthy = matches!(self.phase, Phase::Running | Phase::Draining(_));
        if let Some(life) = self.life.as_mut().filter(|_| healthy)
            && life.ctx().is_started()
            && !std::thread::panicking()
        {
            life.ctx().parts().stop();
            let mut task = Task::from_waker(std::task::Waker::noop());
            let _ = catch_unwind(AssertUnwindSafe(|| Pin::new(life).poll(&mut task)));
        }
        self.end(Reason::Dropped);
    }
}
