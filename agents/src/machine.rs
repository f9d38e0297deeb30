//! The contract every mind keeps: given the time and one input, change yourself and return a
//! short list of effects; say when you next want to be woken; let anyone look at a snapshot.
//!
//! A mind never waits, never asks for the time, draws chance only from a seed given at birth, and
//! holds no handle. The order of effects is meaning: a record that stands before a send must be
//! durable before that send leaves the house.

use gridpact_chain::terms::Timestamp;

/// A pure state machine; its body in `runtime` brings the time, the wire and the disk.
pub trait Machine {
    /// What it can be told.
    type Input;
    /// What it wants done, in order.
    type Effect;
    /// What it shows of itself.
    type Snapshot;

    /// Takes one input at `now` and appends what follows from it to `out`.
    fn handle(&mut self, now: Timestamp, input: Self::Input, out: &mut Vec<Self::Effect>);

    /// When it next wants to be woken, if at all; the body keeps exactly one timer for it.
    fn wake_at(&self) -> Option<Timestamp>;

    /// A copy of what others may see.
    fn snapshot(&self) -> Self::Snapshot;
}
