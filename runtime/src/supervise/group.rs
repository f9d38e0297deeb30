//! Groups: who is restarted together. Siblings are restarted by their control flag, so every address and every queue
//! stays. What follows a failure is decided in `escalation`.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::cell::{RESTART, STOP};
use super::escalation::{Escalation, Report};
use super::mailbox::Anchor;
use super::policy::{Intensity, Window};

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

type OnReport = Box<dyn Fn(&Report) + Send + Sync>;
type OnEscalation = Box<dyn Fn(&Escalation) + Send + Sync>;

/// A group of children and groups, in the order in which they joined.
#[derive(Clone)]
pub struct Group(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) strategy: Strategy,
    pub(super) exceeded: Exceeded,
    pub(super) intensity: Intensity,
    pub(super) parent: Option<(Group, u64)>,
    pub(super) on_report: Option<OnReport>,
    pub(super) on_escalation: Option<OnEscalation>,
    members: Mutex<Members>,
}

#[derive(Default)]
pub(super) struct Members {
    joined: u64,
    list: Vec<(u64, Member)>,
    pub(super) window: Window,
}

#[derive(Clone)]
pub(super) enum Member {
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
    pub(super) fn members(&self) -> MutexGuard<'_, Members> {
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
    pub(super) fn raise_where(&self, flag: u32, chosen: impl Fn(u64) -> bool) {
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
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some((parent, own)) = &self.parent {
            parent.leave(*own);
        }
    }
}
