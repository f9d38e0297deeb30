//! The writer of the log: sole owner of its files and its lock.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::{LogError, io};
use super::files::Reach;
use super::frame::{self, Kind};
use super::frames::FrameLog;
use super::lock::Lock;
use super::mend;
use super::read::Frame;
use super::recover;
use super::running::Running;
use super::segment::{self, Role, Segment};

/// A segment that has grown past this many bytes is followed by a new one.
pub const SEGMENT_BYTES: u64 = 64 << 20;

/// A log open for appending. Dropping it without [`FrameLog::close`] is a crash: what was
/// committed stays, the end frame is missing.
#[derive(Debug)]
pub struct Log {
    dir: PathBuf,
    number: u32,
    log: Segment,
    proof: Segment,
    segment_bytes: u64,
    appended: u64,
    lock: Lock,
}

impl Log {
    /// Starts a log in `dir`, which is created if need be and must hold no log.
    ///
    /// # Errors
    /// [`LogError::Exists`] or [`LogError::Foreign`] for what is in the way, [`LogError::Busy`]
    /// when another process is doing the same.
    pub fn create(dir: &Path) -> Result<Self, LogError> {
        Self::create_with(dir, SEGMENT_BYTES)
    }

    /// As [`Log::create`], with segments of about `segment_bytes`.
    ///
    /// # Errors
    /// As [`Log::create`].
    pub fn create_with(dir: &Path, segment_bytes: u64) -> Result<Self, LogError> {
        fs::create_dir_all(dir).map_err(io("create", dir))?;
        for entry in fs::read_dir(dir).map_err(io("list", dir))? {
            let path = entry.map_err(io("list", dir))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if segment::parse_name(&name).is_some() {
                return Err(LogError::Exists(dir.into()));
            }
            if !super::is_store_file(&name) {
                return Err(LogError::Foreign(path));
            }
        }
        let (log, lock) = Segment::create_first(dir)?;
        let proof = Segment::create(dir, 1, Role::Proof, &Running::from([0; 32], 0))?;
        Ok(Self { dir: dir.into(), number: 1, log, proof, segment_bytes, appended: 0, lock })
    }

    /// Opens a log after a restart; a torn tail after the last Commit is cut off.
    ///
    /// # Errors
    /// [`LogError::Damage`] with offset and height for anything else that is not proved, and
    /// [`LogError::Busy`] when another process has the log.
    pub fn open(dir: &Path) -> Result<Self, LogError> {
        Self::open_with(dir, SEGMENT_BYTES, |_| ())
    }

    /// As [`Log::open`], handing every committed frame to `each` on the way, in order; what was
    /// handed out before an error is not to be used.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn open_with(
        dir: &Path,
        segment_bytes: u64,
        each: impl FnMut(Frame),
    ) -> Result<Self, LogError> {
        let found = recover::recover(dir, each)?;
        Ok(Self {
            dir: dir.into(),
            number: found.number,
            log: found.log,
            proof: found.proof,
            segment_bytes,
            appended: 0,
            lock: found.lock,
        })
    }

    /// How far the files are durable.
    #[must_use]
    pub fn reach(&self) -> Reach {
        let (log, proof) = (self.log.length(), self.proof.length());
        Reach { number: self.number, log, proof }
    }

    /// Greatest height of any frame in the log.
    #[must_use]
    pub fn height(&self) -> u64 {
        self.log.running().height()
    }

    /// Gives damaged files their bytes back, with `good` frames in place of damaged ones. Files that
    /// are whole stay as they are; what is damaged is kept as `*.damaged`.
    ///
    /// # Errors
    /// [`LogError::Damage`] for a file that is not whole even then, which is left as it is.
    pub fn mend(&mut self, good: &[Vec<u8>]) -> Result<(), LogError> {
        for number in 1..=self.number {
            for role in [Role::Log, Role::Proof] {
                let Some(file) = mend::mend(&self.dir, number, role, good)? else { continue };
                if (number, role) == (1, Role::Log) {
                    self.lock = Lock::exclusive(&file, &self.dir)?;
                }
                match role {
                    Role::Log if number == self.number => self.log.continue_in(file)?,
                    Role::Proof if number == self.number => self.proof.continue_in(file)?,
                    Role::Log | Role::Proof => {}
                }
            }
        }
        Ok(())
    }

    /// Starts the next segment when this one is full.
    fn rotate(&mut self) -> Result<(), LogError> {
        if self.log.length() < self.segment_bytes {
            return Ok(());
        }
        let number = self.number + 1;
        // The log first: a proof file without its log is then always a loss, never a crash.
        let log = Segment::create(&self.dir, number, Role::Log, self.log.running())?;
        let proof = Segment::create(&self.dir, number, Role::Proof, self.proof.running())?;
        self.log = log;
        self.proof = proof;
        self.number = number;
        Ok(())
    }
}

impl FrameLog for Log {
    fn append(&mut self, kind: Kind, height: u64, payload: &[u8]) -> Result<u64, LogError> {
        if !kind.is_callers() {
            return Err(LogError::Reserved(kind));
        }
        self.log.alive()?;
        self.proof.alive()?;
        let file = if kind == Kind::Proof { &mut self.proof } else { &mut self.log };
        file.append(kind, height, payload)?;
        self.appended += 1;
        Ok(self.appended)
    }

    fn commit(&mut self) -> Result<u64, LogError> {
        self.log.alive()?;
        // Proofs first: the log's Commit is what counts, and it must not promise absent proofs.
        if self.proof.is_pending() {
            self.proof.commit()?;
            let mark = frame::mark_payload(self.proof.length(), &self.proof.running().value());
            let height = self.log.running().height();
            self.log.append(Kind::Mark, height, &mark)?;
        } else {
            self.proof.alive()?;
        }
        self.log.commit()?;
        self.rotate()?;
        Ok(self.appended)
    }

    fn close(mut self, tip: &[u8]) -> Result<(), LogError> {
        self.commit()?;
        self.log.close(tip)
    }
}
