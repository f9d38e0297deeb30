//! The journal of the chain on disk: a framed, checksummed, append-only log.
//!
//! ```text
//! chain/0001.log    Open  Genesis Commit  Pair Vote Mark Commit  Pair Commit ... Closed
//! chain/0001.proof  Open                  Proof Commit                ...
//! chain/0002.log    Open  ...
//! ```
//!
//! A frame is magic, kind, length, height, a checksum of these, the payload, a checksum of the
//! payload ([`frame`]). Frames are written in groups; a group ends with a Commit that carries its
//! count, the greatest height so far and a running SHA-256 over everything before it, and it is
//! acknowledged only after fdatasync. A clean stop ends the log with Closed and the tip.
//! Proofs lie beside the pairs in files of their own, so that old ones can be pruned; a Mark in
//! the log's group pins their length and hash, which makes the log's Commit the only one that
//! counts.
//!
//! Payloads are opaque here: this room knows neither blocks nor votes. It promises that what was
//! acknowledged is read back byte for byte, and that a byte it cannot vouch for is never passed
//! over: [`Log::open`] cuts only a torn tail, [`read_all`] does not even forgive that.

pub mod archive;
pub mod chain;
pub mod disk;
pub mod entry;
pub mod error;
pub mod files;
pub mod frame;
pub mod frames;
pub mod heights;
pub mod last_use;
pub mod log;
pub mod opening;
pub mod read;
pub mod readings;
pub mod rebuild;
pub mod restore;
pub mod salvage;
pub mod state;
pub mod stream;
pub mod vault;

mod beside;
mod entries;
mod group;
mod lock;
#[cfg(test)]
mod memory;
mod mend;
mod mending;
mod parts;
mod recover;
mod running;
mod scan;
mod segment;
mod tail;
mod walk;

#[cfg(test)]
mod tests;

pub use chain::ChainJournal;
pub use entry::{Entry, Journal, MemoryJournal};
pub use error::LogError;
pub use frame::Kind;
pub use frames::FrameLog;
pub use lock::Lock;
pub use log::{Log, Sizes};
#[cfg(test)]
pub(crate) use memory::Memory;
pub use opening::{Opened, Opening};
pub use read::{End, Frame, Frames, read_all, read_committed};
pub use recover::{Cut, Found};
pub use vault::Vault;

/// Why something could not be made durable or read back.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What the log holds.
    #[error(transparent)]
    Archive(Box<archive::ArchiveError>),
    /// The store is damaged: it is read, and nothing is written until it is mended.
    #[error("{0}: nothing new is signed or settled until a good copy has mended it")]
    ReadOnly(String),
    /// A record could not be taken: what the minds know and what the disk holds differ for good.
    #[error("a record was not taken: {0}")]
    Broken(String),
    /// What the key has signed is not what the store remembers.
    #[error(transparent)]
    Key(#[from] last_use::KeyUseError),
    /// The derived state.
    #[error(transparent)]
    State(#[from] state::StateError),
    /// The keys that were given do not read every pair.
    #[error(
        "{unread} of {of} pairs are sealed and were not read: give a member's --key FILE, or what balances \
         come out would be wrong"
    )]
    Sealed {
        /// Pairs not read.
        unread: usize,
        /// All pairs.
        of: usize,
    },
    /// The keys of confidential records.
    #[error(transparent)]
    Vault(#[from] vault::VaultError),
}

impl StoreError {
    /// Whether it passes by itself or by somebody's doing, with nothing lost meanwhile: want of room,
    /// and damage that a good copy mends.
    #[must_use]
    pub fn is_waited_out(&self) -> bool {
        match self {
            Self::Log(error) => error.is_no_room(),
            Self::ReadOnly(_) => true,
            Self::Archive(_)
            | Self::Broken(_)
            | Self::Key(_)
            | Self::State(_)
            | Self::Sealed { .. }
            | Self::Vault(_) => false,
        }
    }
}

/// Whether `name` is one the store gives to a file of its derived state.
#[must_use]
pub fn is_state_file(name: &str) -> bool {
    let name = name.strip_suffix(".tmp").unwrap_or(name);
    [state::FILE, beside::RESERVE].contains(&name)
}

/// Whether `name` is one the store gives to its own files: `NNNN.log`, `NNNN.proof`, their drafts
/// and what was set aside as damaged.
#[must_use]
pub fn is_store_file(name: &str) -> bool {
    let name = name.strip_suffix(".tmp").or_else(|| name.strip_suffix(".damaged")).unwrap_or(name);
    segment::parse_name(name).is_some()
}
