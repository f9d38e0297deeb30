//! The frames of the next group of one file, in memory until they are written together.

use super::error::LogError;
use super::frame::{self, HEADER, Kind, TRAILER};
use super::running::Running;

/// Longest group: what memory must bear, and what a reader must hold before it may believe it.
pub const GROUP_MAX: usize = 64 << 20;

/// Bytes of a Commit frame.
pub const COMMIT_BYTES: usize = HEADER + 48 + TRAILER;
/// Bytes of a Mark frame.
pub const MARK_BYTES: usize = HEADER + 40 + TRAILER;

/// Frames that wait for their Commit.
#[derive(Debug, Default)]
pub struct Group {
    bytes: Vec<u8>,
    frames: u64,
    height: u64,
}

impl Group {
    /// Adds a frame.
    pub fn append(&mut self, kind: Kind, height: u64, payload: &[u8]) -> Result<(), LogError> {
        if payload.len() > frame::PAYLOAD_MAX {
            return Err(LogError::TooLong { length: payload.len(), limit: frame::PAYLOAD_MAX });
        }
        let length = self.bytes.len() + HEADER + payload.len() + TRAILER;
        if length > GROUP_MAX {
            return Err(LogError::GroupTooLong { length, limit: GROUP_MAX });
        }
        frame::encode(&mut self.bytes, kind, height, payload);
        self.frames += 1;
        self.height = self.height.max(height);
        Ok(())
    }

    /// Bytes of its frames.
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    /// Greatest height of its frames.
    pub fn height(&self) -> u64 {
        self.height
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Forgets its frames: they are written.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The group as it is written behind `running`, which moves on: its frames, the Mark if there is
    /// one, the Commit.
    pub fn sealed(&self, running: &mut Running, mark: Option<&[u8]>) -> Vec<u8> {
        let room = self.bytes.len() + MARK_BYTES + COMMIT_BYTES;
        let mut bytes = Vec::with_capacity(room);
        bytes.extend_from_slice(&self.bytes);
        running.feed_all(self.frames, self.height, &bytes);
        if let Some(mark) = mark {
            let (start, height) = (bytes.len(), running.height());
            frame::encode(&mut bytes, Kind::Mark, height, mark);
            running.feed(height, &[&bytes[start..]]);
        }
        let commit = running.seal();
        frame::encode(&mut bytes, Kind::Commit, commit.height, &commit.encode());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_and_groups_are_bounded() {
        let mut group = Group::default();
        let longest = vec![0; frame::PAYLOAD_MAX];
        let longer = vec![0; frame::PAYLOAD_MAX + 1];
        group.append(Kind::Pair, 1, &longest[1..]).expect("below the limit");
        assert!(matches!(group.append(Kind::Pair, 1, &longer), Err(LogError::TooLong { .. })));
        group.append(Kind::Pair, 1, &longest).expect("at the limit");
        group.append(Kind::Pair, 1, &longest).expect("the group has room");
        let refused = group.append(Kind::Pair, 1, &longest);
        assert!(matches!(refused, Err(LogError::GroupTooLong { .. })));
        assert_eq!(group.length(), 3 * (longest.len() + HEADER + TRAILER) - 1);
    }

    #[test]
    fn what_commit_and_mark_need_is_known_before_they_are_written() {
        let mut group = Group::default();
        group.append(Kind::Pair, 1, b"pair").expect("room");
        let mut running = Running::from([0; 32], 0);
        let bare = group.sealed(&mut running.clone(), None).len();
        let mark = frame::mark_payload(1, &[0; 32]);
        assert_eq!(bare, group.length() + COMMIT_BYTES);
        assert_eq!(group.sealed(&mut running, Some(&mark)).len(), bare + MARK_BYTES);
    }
}
