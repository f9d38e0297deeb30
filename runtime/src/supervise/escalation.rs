//! What follows a failure in a group: who is told, who is restarted along, and who decides when failures are too many.
//! A group that may not bear more restarts asks its parent; the root tells its owner and stops everybody below it.
use std::sync::Arc;
use std::time::Duration;

use super::cell::{STOP, WITH_SIBLINGS};
use super::group::{Exceeded, Group, Strategy};
use super::policy::Fault;
use super::timers::Instant;

/// One failure, as told to the owner of the group and of every group above.
#[derive(Clone, Debug)]
pub struct Report {
    /// Path of the child.
    pub child: Arc<str>,
    /// What went wrong.
    pub fault: Fault,
    /// What follows.
    pub consequence: Consequence,
}

/// What follows a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// Another life after this rest.
    Restart(Duration),
    /// The child ends, as its specification says.
    Ends,
    /// The child failed too often and is given up.
    Escalated,
}

/// What the root is told before it stops everybody below it.
#[derive(Clone, Debug)]
pub struct Escalation {
    /// The child whose failure was one too many.
    pub child: Arc<str>,
    /// Its last failure.
    pub fault: Fault,
}

/// What a guard is told about a child that failed too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Restart,
    GiveUp,
}

impl Group {
    pub(crate) fn report(&self, report: &Report) {
        if let Some(hear) = &self.0.on_report {
            hear(report);
        }
        if let Some((parent, _)) = &self.0.parent {
            parent.report(report);
        }
    }

    /// Restarts the siblings that the strategy binds to the failed member.
    pub(crate) fn failed(&self, member: u64) {
        match self.0.strategy {
            Strategy::OneForOne => {}
            Strategy::OneForAll => self.raise_where(WITH_SIBLINGS, |id| id != member),
            Strategy::RestForOne => self.raise_where(WITH_SIBLINGS, |id| id > member),
        }
    }

    /// A member failed too often: bears it, asks the parent, or gives up.
    pub(crate) fn escalate(&self, member: u64, escalation: &Escalation, now: Instant) -> Verdict {
        if self.0.exceeded == Exceeded::GiveUp {
            return Verdict::GiveUp;
        }
        let borne = self.members().window.count(self.0.intensity, now).is_some();
        if borne {
            self.raise_where(WITH_SIBLINGS, |id| id != member);
            return Verdict::Restart;
        }
        match &self.0.parent {
            Some((parent, own)) if parent.escalate(*own, escalation, now) == Verdict::Restart => {
                self.members().window.clear();
                self.raise_where(WITH_SIBLINGS, |id| id != member);
                Verdict::Restart
            }
            Some(_) => {
                self.raise_where(STOP, |id| id != member);
                Verdict::GiveUp
            }
            None => {
                if let Some(hear) = &self.0.on_escalation {
                    hear(escalation);
                }
                self.raise_where(STOP, |id| id != member);
                Verdict::GiveUp
            }
        }
    }
}
