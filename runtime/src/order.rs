//! The seam to order: approved records go in, numbered batches come out, gap-free.
//!
//! What stands behind it decides which record comes next, never whether one is valid.

use std::sync::Arc;

use gridpact_chain::batch::{Approved, Batch};

use crate::supervise::{Message, Port};

pub mod local;

/// From an ordering, to a replica: the next batch.
#[derive(Debug, Clone)]
pub struct Ordered(pub Arc<Batch>);

impl Message for Ordered {
    type Reply = ();
}

/// Fixes the order of approved records.
pub trait Ordering {
    /// Hands in an approved record; again is harmless.
    fn submit(&self, record: Arc<Approved>);

    /// Every batch from now on is told to `port`, in order of index.
    fn decided(&self, port: Port<Ordered>);

    /// Batches `from..to` that were decided, as far as they are still held.
    fn range(&self, from: u64, to: u64) -> Vec<Arc<Batch>>;
}
