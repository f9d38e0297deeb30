//! What can be known of an actor from outside without disturbing it.
use std::sync::Arc;

use super::meter::Sampled;
use super::poison::DeadLetter;
use super::policy::Fault;

/// Where an actor stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Spawned, its first life not yet built.
    Waiting,
    /// Handles letters.
    Running,
    /// Has failed and waits out its back-off; letters queue up.
    Resting,
    /// Handles nothing until resumed.
    Paused,
    /// Takes no new letters and finishes those it has.
    Draining,
    /// Gone.
    Ended,
}

impl Stage {
    pub(crate) fn read(word: u32, paused: bool) -> Self {
        match word {
            0 => Self::Waiting,
            1 if paused => Self::Paused,
            1 => Self::Running,
            2 => Self::Resting,
            4 => Self::Draining,
            _ => Self::Ended,
        }
    }
}

/// A reading of one actor's counters.
#[derive(Clone, Debug)]
pub struct Health {
    /// Path.
    pub name: Arc<str>,
    /// Role, [`super::Actor::KIND`].
    pub kind: &'static str,
    /// Where it stands.
    pub stage: Stage,
    /// Lives begun so far.
    pub life: u32,
    /// Letters in the mailbox.
    pub depth: u32,
    /// Letters the mailbox may hold.
    pub capacity: u32,
    /// Letters handled over all lives.
    pub handled: u64,
    /// Letters refused because the mailbox was full.
    pub rejected: u64,
    /// Failures over all lives: panics, factories that could not build, lives that gave up.
    pub panics: u32,
    /// Lives rebuilt.
    pub restarts: u32,
    /// How long letters waited in the mailbox, sampled.
    pub wait: Sampled,
    /// How long polls took, sampled.
    pub poll: Sampled,
    /// Refusals by type of letter.
    pub refusals: Vec<(&'static str, u64)>,
    /// Letters parked unhandled over all lives.
    pub parked: u64,
    /// Kinds of letters that were parked, the last 16.
    pub dead_letters: Vec<DeadLetter>,
    /// The last failure.
    pub last_fault: Option<Fault>,
}
