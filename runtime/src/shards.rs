//! The other host: shards of many minds each, for communities too large for an actor per mind.
//!
//! An actor per agent costs a mailbox, an envelope and a cache miss per letter; that is right where
//! each agent must fail alone. In a large simulation nobody fails alone, so a shard is one actor
//! that owns the minds of many parties, passes their letters through one ring of its own, and sends
//! what leaves it in bags, one per other shard and turn. It knows nothing of what its cells say.

mod alarms;
mod cell;
mod shard;

pub use alarms::Alarms;
pub use cell::{Cell, Post};
pub use shard::{Bag, District, MAILBOX, SHARDS, Shard, raise};
