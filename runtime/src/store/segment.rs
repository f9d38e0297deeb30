//! One file of the log while it is written: a buffered group, one write, one fdatasync.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::error::{LogError, io};
use super::frame::{self, Kind};
use super::lock::Lock;
use super::running::Running;

/// Longest group: what memory must bear, and what a reader must hold before it may believe it.
pub const GROUP_MAX: usize = 64 << 20;
/// Suffix of a file that is not yet complete.
pub const DRAFT: &str = ".tmp";

/// The two kinds of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Pairs, votes, reservations.
    Log,
    /// Proofs.
    Proof,
}

/// The name of a segment's file.
pub fn name(number: u32, role: Role) -> String {
    let suffix = match role {
        Role::Log => "log",
        Role::Proof => "proof",
    };
    format!("{number:04}.{suffix}")
}

/// The segment that a file name stands for; only names that [`name`] gives.
pub fn parse_name(text: &str) -> Option<(u32, Role)> {
    let (number, suffix) = text.split_once('.')?;
    let role = match suffix {
        "log" => Role::Log,
        "proof" => Role::Proof,
        _ => return None,
    };
    let number = number.parse().ok()?;
    (number > 0 && name(number, role) == text).then_some((number, role))
}

/// A file open for appending.
#[derive(Debug)]
pub struct Segment {
    path: PathBuf,
    file: File,
    group: Vec<u8>,
    running: Running,
    length: u64,
    dead: bool,
}

impl Segment {
    /// Creates the file complete under its name, durable, with its Open frame.
    pub fn create(
        dir: &Path,
        number: u32,
        role: Role,
        running: &Running,
    ) -> Result<Self, LogError> {
        Self::start(dir, number, role, running, draft(dir, number, role)?)
    }

    /// Creates the first log file; it is locked before its name exists.
    pub fn create_first(dir: &Path) -> Result<(Self, Lock), LogError> {
        let file = draft(dir, 1, Role::Log)?;
        let lock = Lock::exclusive(&file, dir)?;
        let path = dir.join(name(1, Role::Log));
        if path.exists() {
            return Err(LogError::Exists(dir.into()));
        }
        Ok((Self::start(dir, 1, Role::Log, &Running::from([0; 32], 0), file)?, lock))
    }

    fn start(
        dir: &Path,
        number: u32,
        role: Role,
        running: &Running,
        mut file: File,
    ) -> Result<Self, LogError> {
        let path = dir.join(name(number, role));
        let draft = dir.join(name(number, role) + DRAFT);
        let mut running = Running::from(running.value(), running.height());
        let mut bytes = Vec::new();
        let payload = frame::open_payload(number, &running.value());
        frame::encode(&mut bytes, Kind::Open, running.height(), &payload);
        running.feed(running.height(), &[&bytes]);
        file.set_len(0).map_err(io("empty", &draft))?;
        file.write_all(&bytes).map_err(io("write", &draft))?;
        file.sync_all().map_err(io("flush", &draft))?;
        fs::rename(&draft, &path).map_err(io("rename to", &path))?;
        sync_dir(dir)?;
        Ok(Self::over(path, file, running, bytes.len() as u64))
    }

    /// Goes on with a file whose `length` bytes are proved and whose descriptor stands at its end.
    pub fn over(path: PathBuf, file: File, running: Running, length: u64) -> Self {
        Self { path, file, group: Vec::new(), running, length, dead: false }
    }

    /// Goes on in another file with the same durable bytes.
    pub fn continue_in(&mut self, mut file: File) -> Result<(), LogError> {
        file.seek(SeekFrom::Start(self.length)).map_err(io("seek in", &self.path))?;
        self.file = file;
        Ok(())
    }

    /// Adds a frame to the group in memory.
    pub fn append(&mut self, kind: Kind, height: u64, payload: &[u8]) -> Result<(), LogError> {
        self.alive()?;
        if payload.len() > frame::PAYLOAD_MAX {
            return Err(LogError::TooLong { length: payload.len(), limit: frame::PAYLOAD_MAX });
        }
        let start = self.group.len();
        let length = start + frame::HEADER + payload.len() + frame::TRAILER;
        // The log's own frames are small and must not fail once the group was taken.
        if kind.is_callers() && length > GROUP_MAX {
            return Err(LogError::GroupTooLong { length, limit: GROUP_MAX });
        }
        frame::encode(&mut self.group, kind, height, payload);
        self.running.feed(height, &[&self.group[start..]]);
        Ok(())
    }

    /// Ends the group and makes it durable; does nothing without one.
    pub fn commit(&mut self) -> Result<(), LogError> {
        self.alive()?;
        if self.group.is_empty() {
            return Ok(());
        }
        let commit = self.running.seal();
        frame::encode(&mut self.group, Kind::Commit, commit.height, &commit.encode());
        self.flush()
    }

    /// Writes the end frame of a clean stop; the group before it must be committed.
    pub fn close(&mut self, tip: &[u8]) -> Result<(), LogError> {
        self.commit()?;
        let payload = frame::closed_payload(&self.running.due().running, tip);
        let height = self.running.height();
        self.append(Kind::Closed, height, &payload)?;
        self.flush()
    }

    fn flush(&mut self) -> Result<(), LogError> {
        // Until both calls have succeeded nobody knows what the disk holds, and a second fdatasync
        // after a failed one may lie; so any early return leaves the descriptor dead.
        self.dead = true;
        self.file.write_all(&self.group).map_err(io("write", &self.path))?;
        self.file.sync_data().map_err(io("flush", &self.path))?;
        self.dead = false;
        self.length += self.group.len() as u64;
        self.group.clear();
        Ok(())
    }

    /// Refuses a dead descriptor.
    pub fn alive(&self) -> Result<(), LogError> {
        if self.dead { Err(LogError::Dead(self.path.clone())) } else { Ok(()) }
    }

    /// Whether frames wait for a commit.
    pub fn is_pending(&self) -> bool {
        !self.group.is_empty()
    }

    /// Durable bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Hash and height so far.
    pub fn running(&self) -> &Running {
        &self.running
    }
}

fn draft(dir: &Path, number: u32, role: Role) -> Result<File, LogError> {
    let draft = dir.join(name(number, role) + DRAFT);
    // Emptied only once it is locked: it may be somebody's first file at this very moment.
    let file = File::options().read(true).write(true).create(true).truncate(false).open(&draft);
    file.map_err(io("create", &draft))
}

/// Makes names in a directory durable.
pub fn sync_dir(dir: &Path) -> Result<(), LogError> {
    let handle = File::open(dir).map_err(io("open", dir))?;
    handle.sync_all().map_err(io("flush", dir))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_read() {
        assert_eq!(parse_name("0001.log"), Some((1, Role::Log)));
        assert_eq!(parse_name("12345.proof"), Some((12_345, Role::Proof)));
        for foreign in ["0000.log", "1.log", "00001.log", "0001.txt", "0001.log.tmp", "+001.log"] {
            assert_eq!(parse_name(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn after_a_failed_write_the_descriptor_is_dead() {
        let Ok(full) = File::options().write(true).open("/dev/full") else { return };
        let running = Running::from([0; 32], 0);
        let mut segment = Segment::over("/dev/full".into(), full, running, 0);
        segment.append(Kind::Vote, 1, b"vote").expect("memory");
        assert!(matches!(segment.commit(), Err(LogError::Io { action: "write", .. })));
        assert!(matches!(segment.commit(), Err(LogError::Dead(_))));
        assert!(matches!(segment.append(Kind::Vote, 1, b"vote"), Err(LogError::Dead(_))));
        assert!(matches!(segment.close(b"tip"), Err(LogError::Dead(_))));
    }

    #[test]
    fn after_a_failed_flush_the_descriptor_is_dead() {
        let (_reader, writer) = std::io::pipe().expect("a pipe");
        let file = File::from(std::os::fd::OwnedFd::from(writer));
        let mut segment = Segment::over("pipe".into(), file, Running::from([0; 32], 0), 0);
        segment.append(Kind::Vote, 1, b"vote").expect("memory");
        assert!(matches!(segment.commit(), Err(LogError::Io { action: "flush", .. })));
        assert!(matches!(segment.commit(), Err(LogError::Dead(_))));
    }

    #[test]
    fn payloads_and_groups_are_bounded() {
        let file = tempfile::tempfile().expect("tmp");
        let mut segment = Segment::over("tmp".into(), file, Running::from([0; 32], 0), 0);
        let longest = vec![0; frame::PAYLOAD_MAX];
        let longer = vec![0; frame::PAYLOAD_MAX + 1];
        segment.append(Kind::Pair, 1, &longest[1..]).expect("below the limit");
        assert!(matches!(segment.append(Kind::Pair, 1, &longer), Err(LogError::TooLong { .. })));
        segment.append(Kind::Pair, 1, &longest).expect("at the limit");
        segment.append(Kind::Pair, 1, &longest).expect("the group has room");
        let refused = segment.append(Kind::Pair, 1, &longest);
        assert!(matches!(refused, Err(LogError::GroupTooLong { .. })));
        segment.commit().expect("what was taken is written");
    }
}
