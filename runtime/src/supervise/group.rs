//! Groups: who is restarted together, and who decides when a child fails too often.
//!
//! Siblings are restarted by their control flag, so every address and every queue stays. A group that may not bear
//! more restarts asks its parent; the root tells its owner and stops everybody below it.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::cell::{RESTART, STOP, WITH_SIBLINGS};
use super::mailbox::Anchor;
use super::policy::{Fault, Intensity, Window};
use super::timers::Instant;

/// Whom a failure restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Only the member that failed.
    OneForOne,
    /// Every member.
    OneForAll,
    /// The member that failed and those that joined after it.
    RestForOne,
}

/// What a group does with a child that fails too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exceeded {
    /// Restarts the whole group, child included, as often as the group's own intensity allows; then asks the parent.
    RestartGroup,
    /// Lets the child end and goes on without it.
    GiveUp,
}

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

type OnReport = Box<dyn Fn(&Report) + Send + Sync>;
type OnEscalation = Box<dyn Fn(&Escalation) + Send + Sync>;

/// A group of children and groups, in the order in which they joined.
#[derive(Clone)]
pub struct Group(Arc<Inner>);

struct Inner {
    strategy: Strategy,
    exceeded: Exceeded,
    intensity: Intensity,
    parent: Option<(Group, u64)>,
    on_report: Option<OnReport>,
    on_escalation: Option<OnEscalation>,
    members: Mutex<Members>,
}

#[derive(Default)]
struct Members {
    joined: u64,
    list: Vec<(u64, Member)>,
    window: Window,
}

#[derive(Clone)]
enum Member {
    Child(Arc<dyn Anchor>),
    Group(Weak<Inner>),
}

impl Member {
    fn raise(&self, flag: u32) {
        match self {
            Self::Child(anchor) => anchor.cell().raise(flag),
            Self::Group(group) => {
                if let Some(group) = group.upgrade() {
                    Group(group).raise_where(flag, |_| true);
                }
            }
        }
    }
}

/// A group before it exists.
pub struct GroupSpec {
    strategy: Strategy,
    exceeded: Exceeded,
    intensity: Intensity,
    on_report: Option<OnReport>,
    on_escalation: Option<OnEscalation>,
}

impl GroupSpec {
    /// A group with a strategy and the default intensity.
    pub fn new(strategy: Strategy) -> Self {
        Self {
            strategy,
            exceeded: Exceeded::RestartGroup,
            intensity: Intensity { max: 3, within: Duration::from_secs(60) },
            on_report: None,
            on_escalation: None,
        }
    }

    /// What happens to a child that fails too often.
    pub fn exceeded(mut self, exceeded: Exceeded) -> Self {
        self.exceeded = exceeded;
        self
    }

    /// How many restarts of the whole group are borne within which time.
    pub fn intensity(mut self, max: u32, within: Duration) -> Self {
        self.intensity = Intensity { max, within };
        self
    }

    /// Hears of every failure below this group. Runs inside the guard of the child: it must be short.
    pub fn on_report(mut self, hear: impl Fn(&Report) + Send + Sync + 'static) -> Self {
        self.on_report = Some(Box::new(hear));
        self
    }

    /// The root: hears that everybody below it is about to be stopped.
    pub fn root(mut self, hear: impl Fn(&Escalation) + Send + Sync + 'static) -> Group {
        self.on_escalation = Some(Box::new(hear));
        self.build(None)
    }

    /// A group inside another one, in its order.
    pub fn under(self, parent: &Group) -> Group {
        let id = parent.next_id();
        let group = self.build(Some((parent.clone(), id)));
        parent.members().list.push((id, Member::Group(Arc::downgrade(&group.0))));
        group
    }

    fn build(self, parent: Option<(Group, u64)>) -> Group {
        Group(Arc::new(Inner {
            strategy: self.strategy,
            exceeded: self.exceeded,
            intensity: self.intensity,
            parent,
            on_report: self.on_report,
            on_escalation: self.on_escalation,
            members: Mutex::default(),
        }))
    }
}

impl Group {
    fn members(&self) -> MutexGuard<'_, Members> {
        self.0.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_id(&self) -> u64 {
        let mut members = self.members();
        members.joined += 1;
        members.joined
    }

    /// Stops every member, in order.
    pub fn stop(&self) {
        self.raise_where(STOP, |_| true);
    }

    /// Restarts every member, in order; not counted as a failure.
    pub fn restart(&self) {
        self.raise_where(RESTART, |_| true);
    }

    /// How many children and groups it has.
    pub fn len(&self) -> usize {
        self.members().list.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The flags are raised outside the lock: a woken task may run on another thread and leave the group at once.
    fn raise_where(&self, flag: u32, chosen: impl Fn(u64) -> bool) {
        let list: Vec<Member> = self
            .members()
            .list
            .iter()
            .filter(|(id, _)| chosen(*id))
            .map(|(_, member)| member.clone())
            .collect();
        for member in list {
            member.raise(flag);
        }
    }

    /// A group holds its children, so that they live until they are stopped or fail for good.
    pub(crate) fn join(&self, child: Arc<dyn Anchor>) -> u64 {
        let id = self.next_id();
        child.cell().hold();
        self.members().list.push((id, Member::Child(child)));
        id
    }

    pub(crate) fn leave(&self, id: u64) {
        let left = {
            let mut members = self.members();
            let at = members.list.iter().position(|(known, _)| *known == id);
            at.map(|at| members.list.remove(at).1)
        };
        if let Some(Member::Child(child)) = left {
            child.cell().let_go();
        }
    }

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

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some((parent, own)) = &self.parent {
            parent.leave(*own);
        }
    }
}
