//! What must last: the framed log of the chain, and the seam to it.

pub mod chain;
pub mod entry;

pub use chain::ChainJournal;
pub use entry::{Entry, Journal, MemoryJournal};

/// Why something could not be made durable or read back.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk refuses.
    #[error("{0}")]
    Io(String),
}
