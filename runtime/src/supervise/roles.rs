//! The counters of many actors as one line per role: a label per agent would be a cardinality incident.
use std::collections::BTreeMap;

use super::health::{Health, Stage};
use super::meter::Sampled;

/// The sums over all actors of one role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// Actors alive.
    pub actors: u64,
    /// Letters in their mailboxes.
    pub depth: u64,
    /// Letters in the fullest mailbox.
    pub deepest: u32,
    /// Letters handled, by those that have ended too.
    pub handled: u64,
    /// Letters refused because a mailbox was full, by those that have ended too.
    pub rejected: u64,
    /// Letters parked as poisonous, by those that have ended too.
    pub parked: u64,
    /// Failures, also of those that have ended.
    pub panics: u64,
    /// Lives rebuilt, also of those that have ended.
    pub restarts: u64,
    /// How long letters waited, sampled.
    pub wait: Sampled,
    /// How long polls took, sampled.
    pub poll: Sampled,
}

impl Role {
    /// Adds one actor. Of one that has ended only the totals count.
    pub fn add(&mut self, health: &Health) {
        if health.stage != Stage::Ended {
            self.actors += 1;
            self.depth += u64::from(health.depth);
            self.deepest = self.deepest.max(health.depth);
        }
        self.handled = self.handled.saturating_add(health.handled);
        self.rejected = self.rejected.saturating_add(health.rejected);
        self.parked = self.parked.saturating_add(health.parked);
        self.panics = self.panics.saturating_add(u64::from(health.panics));
        self.restarts = self.restarts.saturating_add(u64::from(health.restarts));
        self.wait = self.wait.and(health.wait);
        self.poll = self.poll.and(health.poll);
    }
}

/// One role per [`super::Actor::KIND`], in the order of their names.
pub type Roles = BTreeMap<&'static str, Role>;
