//! A journal that forgets: for simulations that write no files, and for tests.

use super::error::LogError;
use super::frame::{Kind, PAYLOAD_MAX};
use super::frames::FrameLog;

/// Frames in memory, as (kind, height, payload).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    frames: Vec<(Kind, u64, Vec<u8>)>,
    committed: usize,
}

impl Memory {
    /// An empty journal.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The committed frames in order: what a disk would hold after a crash now.
    #[must_use]
    pub fn committed(&self) -> &[(Kind, u64, Vec<u8>)] {
        &self.frames[..self.committed]
    }
}

impl FrameLog for Memory {
    fn append(&mut self, kind: Kind, height: u64, payload: &[u8]) -> Result<u64, LogError> {
        if !kind.is_callers() {
            return Err(LogError::Reserved(kind));
        }
        if payload.len() > PAYLOAD_MAX {
            return Err(LogError::TooLong { length: payload.len(), limit: PAYLOAD_MAX });
        }
        self.frames.push((kind, height, payload.to_vec()));
        Ok(self.frames.len() as u64)
    }

    fn commit(&mut self) -> Result<u64, LogError> {
        self.committed = self.frames.len();
        Ok(self.committed as u64)
    }

    fn close(&mut self, _tip: &[u8]) -> Result<(), LogError> {
        self.commit().map(|_| ())
    }
}
