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
use std::time::Duration;

use actix::dev::{AsyncContextParts, ContextFut};
use tokio::time::{Sleep, sleep};

use super::actor::Actor;
use super::body::{Body, Glimpse};
use super::cell::{DUMP, KILL, PAUSED, RESTART, STOP, WITH_SIBLINGS};
use super::context::{Context, Leaving};
use super::control::Dump;
use super::group::{Consequence, Escalation, Group, Report, Verdict};
use super::health::Stage;
use super::mailbox::Block;
use super::monitor::Reason;
use super::policy::{Backoff, Fault, Intensity, Restart, Window, chance_of, text_of};
use super::spec::{ChildSpec, Factory, Rebirth};
use super::timers::Instant;

/// What is needed only when something goes wrong.
struct Rearing<A> {
    factory: Factory<A>,
    restart: Restart,
    backoff: Backoff,
    intensity: Intensity,
    chance: u64,
    window: Window,
    grace: Duration,
    group: Option<(Group, u64)>,
    births: u32,
}

enum Phase {
    /// The next life is to be built.
    Cradle,
    Running,
    /// Waits out the back-off.
    Resting(Pin<Box<Sleep>>),
    /// Takes nothing new, handles what it has until the grace is over.
    Draining(Pin<Box<Sleep>>),
    Over,
}

enum Step {
    Again,
    Wait,
    End(Reason),
}

pub(crate) struct Guard<A: Actor> {
    life: Option<Life<A>>,
    block: Arc<Block<A>>,
    phase: Phase,
    known: bool,
    rearing: Box<Rearing<A>>,
}

impl<A: Actor> Future for Guard<A> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<()> {
        let this = self.get_mut();
        if !this.known {
            this.known = true;
            this.block.cell.is_polled_by(task.waker());
        }
        loop {
            let step = match this.heed() {
                Some(step) => step,
                None => match &mut this.phase {
                    Phase::Cradle => this.bear(),
                    Phase::Resting(sleep) => match sleep.as_mut().poll(task) {
                        Poll::Pending => Step::Wait,
                        Poll::Ready(()) => {
                            this.phase = Phase::Cradle;
                            Step::Again
                        }
                    },
                    Phase::Running | Phase::Draining(_) => this.turn(task),
                    Phase::Over => return Poll::Ready(()),
                },
            };
            match step {
                Step::Again => {}
                Step::Wait => return Poll::Pending,
                Step::End(reason) => {
                    this.end(reason);
                    return Poll::Ready(());
                }
            }
        }
    }
}

/// The context future of one actor.
pub(crate) type Life<A> = ContextFut<Body<A>, Context<A>>;

impl<A: Actor> Guard<A> {
    /// The guard of an actor without a mind; the first one is built at the first turn.
    pub(crate) fn new(spec: ChildSpec<A>, life: Life<A>, block: Arc<Block<A>>) -> Self {
        let anchor = Arc::clone(&block);
        let group = spec.group.map(|group| {
            let id = group.join(anchor);
            (group, id)
        });
        let rearing = Box::new(Rearing {
            factory: spec.factory,
            restart: spec.restart,
            backoff: spec.backoff,
            intensity: spec.intensity,
            chance: chance_of(spec.backoff.seed, &spec.name),
            window: Window::default(),
            grace: spec.grace,
            group,
            births: 0,
        });
        Self { life: Some(life), block, phase: Phase::Cradle, known: false, rearing }
    }

    /// Does what the control plane asks for, before anything else.
    #[inline]
    fn heed(&mut self) -> Option<Step> {
        let flags = self.block.cell.flags();
        if flags & !PAUSED == 0 { None } else { self.obey(flags) }
    }

    #[cold]
    fn obey(&mut self, flags: u32) -> Option<Step> {
        self.block.cell.lower(flags & !PAUSED);
        if flags & KILL != 0 {
            return Some(Step::End(Reason::Killed));
        }
        if flags & DUMP != 0 {
            self.glimpse();
        }
        if flags & STOP != 0 {
            return Some(self.begin_stop());
        }
        // A failed sibling does not shorten the rest of one that has failed itself.
        let restart = match self.phase {
            Phase::Running => flags & (RESTART | WITH_SIBLINGS) != 0,
            Phase::Resting(_) => flags & RESTART != 0,
            Phase::Cradle | Phase::Draining(_) | Phase::Over => false,
        };
        if restart {
            self.discard();
            self.phase = Phase::Cradle;
        }
        Some(Step::Again)
    }

    fn begin_stop(&mut self) -> Step {
        self.block.cell.shut();
        match self.phase {
            Phase::Running if self.rearing.grace.is_zero() => {
                self.leave(Leaving::Stop);
                Step::Again
            }
            Phase::Running => {
                self.block.cell.set_stage(Stage::Draining);
                self.phase = Phase::Draining(Box::pin(sleep(self.rearing.grace)));
                Step::Again
            }
            Phase::Draining(_) => Step::Again,
            Phase::Cradle | Phase::Resting(_) | Phase::Over => Step::End(Reason::Stopped),
        }
    }

    fn leave(&mut self, how: Leaving) {
        if let Some(life) = self.life.as_mut() {
            life.ctx().leaving.get_or_insert(how);
            life.ctx().parts().stop();
        }
    }

    /// Builds the next life. A factory that fails or panics counts as a failed life.
    fn bear(&mut self) -> Step {
        let Some(life) = self.life.as_mut() else { return Step::End(Reason::Dropped) };
        let rearing = &mut self.rearing;
        let rebirth =
            Rebirth { name: Arc::clone(self.block.cell.name()), life: rearing.births + 1 };
        let born = catch_unwind(AssertUnwindSafe(|| (rearing.factory)(&rebirth)));
        let text = match born {
            Ok(Ok(mind)) => {
                rearing.births += 1;
                life.ctx().begin_life(rebirth.life, Box::new(mind));
                // The block holds a sender, so the queue is connected and the restart takes place.
                life.restart();
                self.block.cell.begin_life(rebirth.life);
                self.phase = Phase::Running;
                return Step::Again;
            }
            Ok(Err(text)) => text,
            Err(payload) => text_of(payload.as_ref()),
        };
        self.fail(Fault { at: "factory", text: text.into() })
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
                    Fault { at: life.ctx().current, text: text_of(payload.as_ref()).into() };
                self.fail(fault)
            }
            Ok(Poll::Ready(())) => self.ended_in_order(),
            Ok(Poll::Pending) => {
                let cx = life.ctx();
                if let Some(Leaving::Fail(why)) = &cx.leaving {
                    let fault = Fault { at: cx.current, text: Arc::from(&**why) };
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

    fn ended_in_order(&mut self) -> Step {
        let leaving = self.life.as_mut().and_then(|life| life.ctx().leaving.take());
        match leaving {
            Some(Leaving::Finish) if self.rearing.restart == Restart::Permanent => {
                self.discard();
                self.rest_or_escalate(Fault { at: "finish", text: "the life has finished".into() })
            }
            Some(Leaving::Finish) => Step::End(Reason::Finished),
            Some(Leaving::Unheld) => Step::End(Reason::Unheld),
            _ => Step::End(Reason::Stopped),
        }
    }

    fn fail(&mut self, fault: Fault) -> Step {
        self.block.cell.count_panic(fault.clone());
        self.discard();
        if self.rearing.restart == Restart::Temporary || self.block.cell.is_shut() {
            self.report(&fault, Consequence::Ends);
            return Step::End(Reason::Failed(fault));
        }
        self.rest_or_escalate(fault)
    }

    fn rest_or_escalate(&mut self, fault: Fault) -> Step {
        let now = Instant::now();
        let rearing = &mut self.rearing;
        let number = match (rearing.window.count(rearing.intensity, now), &rearing.group) {
            (Some(number), group) => {
                if let Some((group, own)) = group {
                    group.failed(*own);
                }
                number
            }
            (None, Some((group, own))) => {
                let child = Arc::clone(self.block.cell.name());
                let escalation = Escalation { child, fault: fault.clone() };
                if group.escalate(*own, &escalation, now) == Verdict::GiveUp {
                    self.report(&fault, Consequence::Escalated);
                    return Step::End(Reason::Escalated(fault));
                }
                rearing.window.clear();
                1
            }
            (None, None) => return Step::End(Reason::Escalated(fault)),
        };
        let rest = rearing.backoff.rest(number, &mut rearing.chance);
        self.report(&fault, Consequence::Restart(rest));
        self.block.cell.set_stage(Stage::Resting);
        self.phase = Phase::Resting(Box::pin(sleep(rest)));
        Step::Again
    }

    fn report(&self, fault: &Fault, consequence: Consequence) {
        if let Some((group, _)) = &self.rearing.group {
            group.report(&Report {
                child: Arc::clone(self.block.cell.name()),
                fault: fault.clone(),
                consequence,
            });
        }
    }

    /// Drops the mind with its wake and its streams; address and queue stay.
    fn discard(&mut self) {
        if let Some(life) = self.life.as_mut() {
            life.ctx().forget_life();
            // A mind that panics while it is dropped is gone all the same.
            let _ = catch_unwind(AssertUnwindSafe(|| life.restart()));
        }
    }

    fn glimpse(&mut self) {
        let cell = &self.block.cell;
        let waiting = cell.take_dumps();
        let health = cell.health();
        let give = move |text: String| {
            for reply in waiting {
                let _ = reply.send(Dump { health: health.clone(), text: text.clone() });
            }
        };
        match (self.life.as_mut(), &self.phase) {
            (Some(life), Phase::Running | Phase::Draining(_)) => {
                life.ctx().parts().spawn(Glimpse(Some(Box::new(give))));
            }
            _ => give(String::new()),
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
