//! One file of the log while it is written. Room is made before it is needed, in steps of zeros that
//! are durable, so that a group never makes the file longer: one write, one fdatasync.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::disk::{Disk, DiskFile};
use super::error::{LogError, io};
use super::frame::{self, HEADER, Kind, TRAILER};
use super::lock::Lock;
use super::running::Running;
use super::scan::{Scan, Step};

/// Suffix of a file that is not yet complete.
pub const DRAFT: &str = ".tmp";
/// Bytes of the opening frame.
pub const OPENING_BYTES: u64 = (HEADER + 36 + TRAILER) as u64;
/// Zeros written at once.
const ZEROS: usize = 256 << 10;

/// How large files become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Bytes of a segment's file. Only a group that is longer makes one longer.
    pub segment: u64,
    /// Bytes that are made ready at once.
    pub step: u64,
}

impl Default for Sizes {
    /// Segments of 64 MiB, made ready in steps of 4 MiB.
    fn default() -> Self {
        Self { segment: 64 << 20, step: 4 << 20 }
    }
}

impl Sizes {
    /// Length of a file that holds `needed` bytes.
    fn holding(self, needed: u64) -> u64 {
        let step = self.step.max(1);
        let whole = needed.div_ceil(step).saturating_mul(step);
        if needed <= self.segment { whole.min(self.segment) } else { whole }
    }
}

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

/// A file open for appending: what of it is durable, and how far room was made.
#[derive(Debug)]
pub struct Segment {
    path: PathBuf,
    number: u32,
    role: Role,
    file: Box<dyn DiskFile>,
    /// Running state before the opening frame.
    start: Running,
    running: Running,
    length: u64,
    allocated: u64,
}

impl Segment {
    /// Creates the file complete under its name, durable, with its Open frame and its first step.
    pub fn create(
        disk: &dyn Disk,
        dir: &Path,
        number: u32,
        role: Role,
        running: &Running,
        sizes: Sizes,
    ) -> Result<Self, LogError> {
        let file = draft(disk, dir, number, role)?;
        Self::start(disk, dir, (number, role), running, file, sizes)
    }

    /// Creates the first log file; it is locked before its name exists.
    pub fn create_first(
        disk: &dyn Disk,
        dir: &Path,
        sizes: Sizes,
    ) -> Result<(Self, Lock), LogError> {
        let file = draft(disk, dir, 1, Role::Log)?;
        let lock = Lock::exclusive(file.handle(), dir)?;
        if dir.join(name(1, Role::Log)).exists() {
            return Err(LogError::Exists(dir.into()));
        }
        let start = Running::from([0; 32], 0);
        Ok((Self::start(disk, dir, (1, Role::Log), &start, file, sizes)?, lock))
    }

    fn start(
        disk: &dyn Disk,
        dir: &Path,
        (number, role): (u32, Role),
        before: &Running,
        mut file: Box<dyn DiskFile>,
        sizes: Sizes,
    ) -> Result<Self, LogError> {
        let path = dir.join(name(number, role));
        let draft = dir.join(name(number, role) + DRAFT);
        let start = Running::from(before.value(), before.height());
        let mut running = start.clone();
        let mut bytes = Vec::new();
        let payload = frame::open_payload(number, &running.value());
        frame::encode(&mut bytes, Kind::Open, running.height(), &payload);
        running.feed(running.height(), &[&bytes]);
        let allocated = sizes.holding(OPENING_BYTES);
        file.set_len(0).map_err(io("empty", &draft))?;
        let written = file.write_at(0, &bytes);
        if let Err(error) = written.and_then(|()| zero(&mut *file, OPENING_BYTES, allocated)) {
            let _ = file.set_len(0);
            return Err(room(&draft)(error));
        }
        file.sync().map_err(io("flush", &draft))?;
        disk.rename(&draft, &path).map_err(io("rename to", &path))?;
        disk.sync_dir(dir).map_err(io("flush", dir))?;
        let length = OPENING_BYTES;
        Ok(Self { path, number, role, file, start, running, length, allocated })
    }

    /// Goes on with a file that `scan` has proved; whatever lies behind the proved bytes is cut off,
    /// unless it is zeros.
    pub fn over(disk: &dyn Disk, scan: &Scan) -> Result<Self, LogError> {
        let path = scan.path().to_owned();
        let (length, running) = scan.proved();
        let mut file = disk.open(&path).map_err(io("open", &path))?;
        let allocated = if scan.is_padded() {
            scan.length()
        } else {
            cut(&mut *file, &path, length)?;
            length
        };
        let (number, role, start) = (scan.number(), scan.role(), scan.start().clone());
        let running = running.clone();
        Ok(Self { path, number, role, file, start, running, length, allocated })
    }

    /// Gives up a descriptor that failed: opens the file anew, proves what was acknowledged from its
    /// bytes, and cuts off whatever else the failure may have left.
    pub fn reopen(&mut self, disk: &dyn Disk) -> Result<(), LogError> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        let mut file = disk.open(&self.path).map_err(io("open", &self.path))?;
        let mut scan = Scan::open(dir, self.number, self.role, &self.start)?;
        while scan.proved().0 < self.length {
            match scan.step()? {
                Step::End => break,
                Step::Group(..) | Step::Closed(_) => {}
            }
        }
        let (proved, running) = scan.proved();
        if proved != self.length || running.due() != self.running.due() {
            return Err(scan.error(proved, "what was acknowledged is no longer there"));
        }
        cut(&mut *file, &self.path, self.length)?;
        self.file = file;
        self.allocated = self.length;
        Ok(())
    }

    /// Goes on in another file of the same name with the same durable bytes.
    pub fn continue_in(&mut self, file: Box<dyn DiskFile>) -> Result<(), LogError> {
        let found = file.handle().metadata().map_err(io("look at", &self.path))?.len();
        self.file = file;
        self.allocated = found;
        Ok(())
    }

    /// Whether `more` bytes fit in a file of full size.
    pub fn fits(&self, more: u64, sizes: Sizes) -> bool {
        self.length + more <= sizes.segment
    }

    /// Whether it holds nothing but its opening.
    pub fn is_fresh(&self) -> bool {
        self.length == OPENING_BYTES
    }

    /// Makes room for `more` bytes: zeros, durable before anything is written over them.
    pub fn make_room(&mut self, more: u64, sizes: Sizes) -> Result<(), LogError> {
        let needed = self.length + more;
        if needed <= self.allocated {
            return Ok(());
        }
        let until = sizes.holding(needed);
        if let Err(error) = zero(&mut *self.file, self.allocated, until) {
            // Whoever is short of room shall have back what was taken in vain.
            let _ = self.file.set_len(self.allocated);
            return Err(room(&self.path)(error));
        }
        self.file.sync().map_err(io("flush", &self.path))?;
        self.allocated = until;
        Ok(())
    }

    /// Writes bytes behind what is durable and makes them durable. They count only once
    /// [`Segment::advance`] is told; after a failure nobody knows what the disk holds.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), LogError> {
        self.file.write_at(self.length, bytes).map_err(io("write", &self.path))?;
        self.file.sync().map_err(io("flush", &self.path))
    }

    /// Counts `more` written bytes, after which the state is `running`.
    pub fn advance(&mut self, running: Running, more: u64) {
        self.running = running;
        self.length += more;
        self.allocated = self.allocated.max(self.length);
    }

    /// Gives back the room that was made and not used.
    pub fn trim(&mut self) -> Result<(), LogError> {
        if self.allocated > self.length {
            cut(&mut *self.file, &self.path, self.length)?;
            self.allocated = self.length;
        }
        Ok(())
    }

    /// Durable bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Hash and height after what is durable.
    pub fn running(&self) -> &Running {
        &self.running
    }
}

fn draft(
    disk: &dyn Disk,
    dir: &Path,
    number: u32,
    role: Role,
) -> Result<Box<dyn DiskFile>, LogError> {
    let draft = dir.join(name(number, role) + DRAFT);
    // Emptied only once it is locked: it may be somebody's first file at this very moment.
    disk.create(&draft).map_err(io("create", &draft))
}

/// What it means that zeros, or a new file, could not be written.
fn room(path: &Path) -> impl FnOnce(std::io::Error) -> LogError + '_ {
    move |error| match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => LogError::NoRoom(path.into()),
        _ => io("make room in", path)(error),
    }
}

fn cut(file: &mut dyn DiskFile, path: &Path, length: u64) -> Result<(), LogError> {
    file.set_len(length).map_err(io("cut", path))?;
    file.sync().map_err(io("flush", path))
}

/// Writes zeros: a hole would be cheaper and would not be room.
fn zero(file: &mut dyn DiskFile, from: u64, until: u64) -> std::io::Result<()> {
    let zeros = vec![0; ZEROS.min(usize::try_from(until.saturating_sub(from)).unwrap_or(ZEROS))];
    let mut at = from;
    while at < until {
        let some = usize::try_from(until - at).map_or(zeros.len(), |left| left.min(zeros.len()));
        file.write_at(at, &zeros[..some])?;
        at += some as u64;
    }
    Ok(())
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
    fn files_grow_in_steps_up_to_the_size_of_a_segment() {
        let sizes = Sizes { segment: 10, step: 4 };
        let lengths: Vec<u64> = [1, 4, 5, 8, 9, 10, 11, 13].map(|n| sizes.holding(n)).into();
        assert_eq!(lengths, [4, 4, 8, 8, 10, 10, 12, 16]);
        assert_eq!(Sizes::default().holding(1), 4 << 20);
        assert_eq!(Sizes::default().holding(64 << 20), 64 << 20);
    }
}
