//! Why the log cannot be written or not be believed.

use std::path::{Path, PathBuf};

/// Trouble with the journal.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Bytes that cannot be proved.
    #[error("{file} is damaged at byte {offset}, after height {height}: {what}")]
    Damage {
        /// The file.
        file: PathBuf,
        /// Where the first unproved byte lies.
        offset: u64,
        /// Greatest height proved before it.
        height: u64,
        /// What is wrong.
        what: String,
    },
    /// A file or directory that is no part of a log.
    #[error("{0} is not a file of the chain's log")]
    Foreign(PathBuf),
    /// A file that should be there is not.
    #[error("{0} is missing")]
    Missing(PathBuf),
    /// A log is already there.
    #[error("{0} already holds a log")]
    Exists(PathBuf),
    /// Another process has the log.
    #[error("{0} is in use by another process")]
    Busy(PathBuf),
    /// A payload above the limit.
    #[error("payload of {length} bytes exceeds the limit of {limit} bytes of a frame")]
    TooLong {
        /// Its length.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// A group above the limit.
    #[error("group of {length} bytes exceeds the limit of {limit} bytes, commit more often")]
    GroupTooLong {
        /// Its length with the frame that was refused.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// A kind that only the log itself may write.
    #[error("frames of kind {0:?} are written by the log itself")]
    Reserved(crate::store::Kind),
    /// The log was stopped cleanly.
    #[error("{0} was closed, open it again to go on")]
    Stopped(PathBuf),
    /// The disk has no room for the next group. Nothing was written of it, so nothing is in doubt:
    /// it is written once there is room.
    #[error("no room on disk for {0}, free some: nothing new is signed or settled until then")]
    NoRoom(PathBuf),
    /// The disk said no.
    #[error("{action} {path}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
}

impl LogError {
    /// Whether room on disk is all that is missing.
    #[must_use]
    pub fn is_no_room(&self) -> bool {
        matches!(self, Self::NoRoom(_))
    }
}

/// Names the action and the path of a failed system call.
pub(crate) fn io<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(std::io::Error) -> LogError + 'a {
    move |source| LogError::Io { action, path: path.into(), source }
}
