//! What a journal promises, on disk or in memory.

use super::error::LogError;
use super::frame::Kind;

/// A place for frames that are durable when acknowledged.
pub trait FrameLog {
    /// Adds a frame to the open group and returns its sequence number, counted from 1 since the
    /// journal was opened. It is not durable yet.
    ///
    /// # Errors
    /// When the frame is too long, its kind reserved, or an earlier write failed.
    fn append(&mut self, kind: Kind, height: u64, payload: &[u8]) -> Result<u64, LogError>;

    /// Makes everything appended durable and returns the last sequence number that now is.
    ///
    /// # Errors
    /// When the disk refuses: then nothing of the group is acknowledged. The group is kept; asked
    /// again, the journal starts over from the bytes on disk and writes it anew.
    fn commit(&mut self) -> Result<u64, LogError>;

    /// Commits, then marks a clean stop at `tip`.
    ///
    /// # Errors
    /// As [`FrameLog::commit`].
    fn close(&mut self, tip: &[u8]) -> Result<(), LogError>;
}
