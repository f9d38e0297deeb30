//! How lives are reared: built by the factory, discarded when they fail, rested before the next, and given up when
//! the failures are too many.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::actor::Actor;
use super::context::Leaving;
use super::escalation::{Consequence, Escalation, Report, Verdict};
use super::group::Group;
use super::guard::{Guard, Phase, Step};
use super::health::Stage;
use super::mailbox::Anchor;
use super::monitor::Reason;
use super::poison::Poison;
use super::policy::{Backoff, Fault, Intensity, Restart, Window, chance_of, text_of};
use super::spec::{ChildSpec, Factory, Rebirth};
use super::timers::Instant;

/// What is needed only when something goes wrong.
pub(super) struct Rearing<A> {
    pub(super) factory: Factory<A>,
    pub(super) restart: Restart,
    pub(super) backoff: Backoff,
    pub(super) intensity: Intensity,
    pub(super) chance: u64,
    pub(super) window: Window,
    pub(super) grace: Duration,
    pub(super) poison: Poison,
    pub(super) group: Option<(Group, u64)>,
    pub(super) births: u32,
}

impl<A: Actor> Rearing<A> {
    /// What the specification says; the child joins its group.
    pub(super) fn new(spec: ChildSpec<A>, child: Arc<dyn Anchor>) -> Self {
        let group = spec.group.map(|group| {
            let id = group.join(child);
            (group, id)
        });
        Self {
            factory: spec.factory,
            restart: spec.restart,
            backoff: spec.backoff,
            intensity: spec.intensity,
            chance: chance_of(spec.backoff.seed, &spec.name),
            window: Window::default(),
            grace: spec.grace,
            poison: spec.poison,
            group,
            births: 0,
        }
    }
}

impl<A: Actor> Guard<A> {
    /// Builds the next life. A factory that fails or panics counts as a failed life.
    pub(super) fn bear(&mut self) -> Step {
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

    pub(super) fn ended_in_order(&mut self) -> Step {
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

    pub(super) fn fail(&mut self, fault: Fault) -> Step {
        self.block.cell.count_panic(fault.clone());
        if let Some(life) = self.life.as_mut() {
            life.ctx().suspect(self.rearing.poison, &fault);
        }
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
    pub(super) fn discard(&mut self) {
        if let Some(life) = self.life.as_mut() {
            life.ctx().forget_life();
            // A mind that panics while it is dropped is gone all the same.
            let _ = catch_unwind(AssertUnwindSafe(|| life.restart()));
        }
    }
}
