//! The running hash: SHA-256 of the one before and of every byte since.

use sha2::{Digest, Sha256};

use super::frame::Commit;

/// Separates these digests from all others that are ever taken.
const TAG: &[u8] = b"gridpact/1/log";

/// What writer and reader both know at any point of a file.
#[derive(Debug, Clone)]
pub struct Running {
    value: [u8; 32],
    since: Sha256,
    frames: u64,
    height: u64,
}

impl Running {
    /// Continues from the value of the last Commit of the segment before; zeros at the beginning.
    pub fn from(value: [u8; 32], height: u64) -> Self {
        let since = Sha256::new_with_prefix(TAG).chain_update(value);
        Self { value, since, frames: 0, height }
    }

    /// Takes in one whole frame that is not a Commit.
    pub fn feed(&mut self, height: u64, parts: &[&[u8]]) {
        parts.iter().for_each(|part| self.since.update(part));
        self.frames += 1;
        self.height = self.height.max(height);
    }

    /// Takes in a row of whole frames, the greatest of whose heights is `height`.
    pub fn feed_all(&mut self, frames: u64, height: u64, bytes: &[u8]) {
        self.since.update(bytes);
        self.frames += frames;
        self.height = self.height.max(height);
    }

    /// Ends a group: the Commit that belongs here.
    pub fn seal(&mut self) -> Commit {
        let commit = self.due();
        *self = Self::from(commit.running, self.height);
        commit
    }

    /// The Commit that would belong here.
    pub fn due(&self) -> Commit {
        let running = self.since.clone().finalize().into();
        Commit { count: self.frames, height: self.height, running }
    }

    /// The value of the last Commit.
    pub fn value(&self) -> [u8; 32] {
        self.value
    }

    /// Greatest height so far.
    pub fn height(&self) -> u64 {
        self.height
    }
}
