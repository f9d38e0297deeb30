//! What is broken on purpose in a world, and when: an argument of the world, never a feature.

use gridpact_chain::terms::{Interval, PartyId};

/// Which actor breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The RA of this device.
    Resource(usize),
    /// The LCA.
    Local,
    /// The SCA.
    Social,
    /// The replica.
    Replica,
}

/// One actor that panics once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crash {
    /// In which epoch.
    pub epoch: Interval,
    /// Milliseconds after the epoch's start.
    pub after_ms: u64,
    /// Letters the actor still handles at that moment before it breaks: with early finish a whole
    /// trading round happens at one moment of virtual time.
    pub after_turns: u32,
    /// Whose actor.
    pub party: PartyId,
    /// Which of its actors.
    pub role: Role,
}

/// Everything that is broken in a world.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Actors that panic.
    pub crashes: Vec<Crash>,
}
