//! The writer of the log: sole owner of its files and its lock.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, RealDisk};
use super::error::{LogError, io};
use super::files::Reach;
use super::frame::{self, HEADER, Kind, TRAILER};
use super::frames::FrameLog;
use super::group::{COMMIT_BYTES, Group, MARK_BYTES};
use super::lock::Lock;
use super::mend;
use super::read::Frame;
use super::recover::{self, Found};
use super::running::Running;
pub use super::segment::Sizes;
use super::segment::{self, Role, Segment};

/// Room that every log file keeps for its end frame, so that a clean stop needs no new room.
const CLOSED_BYTES: u64 = (HEADER + 64 + TRAILER) as u64;

/// A log open for appending. Dropping it without [`FrameLog::close`] is a crash: what was
/// committed stays, the end frame is missing.
#[derive(Debug)]
pub struct Log {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    sizes: Sizes,
    number: u32,
    log: Segment,
    proof: Segment,
    log_group: Group,
    proof_group: Group,
    appended: u64,
    acknowledged: u64,
    /// A write has failed: what the files hold behind the acknowledged bytes is unknown.
    is_in_doubt: bool,
    /// The last thing in the log is the end frame of a clean stop.
    is_closed: bool,
    found: Found,
    /// Given back by a clean stop.
    lock: Option<Lock>,
}

impl Log {
    /// Starts a log in `dir`, which is created if need be and must hold no log.
    ///
    /// # Errors
    /// [`LogError::Exists`] or [`LogError::Foreign`] for what is in the way, [`LogError::Busy`]
    /// when another process is doing the same.
    pub fn create(dir: &Path) -> Result<Self, LogError> {
        Self::create_with(Arc::new(RealDisk), dir, Sizes::default())
    }

    /// As [`Log::create`], on another disk or with other sizes.
    ///
    /// # Errors
    /// As [`Log::create`].
    pub fn create_with(disk: Arc<dyn Disk>, dir: &Path, sizes: Sizes) -> Result<Self, LogError> {
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
        let (log, lock) = Segment::create_first(&*disk, dir, sizes)?;
        let start = Running::from([0; 32], 0);
        let proof = Segment::create(&*disk, dir, 1, Role::Proof, &start, sizes)?;
        let found = Found::default();
        Ok(Self::with(disk, dir, sizes, recover::Recovered { number: 1, log, proof, lock, found }))
    }

    /// Opens a log after a restart; a torn tail after the last Commit is cut off.
    ///
    /// # Errors
    /// [`LogError::Damage`] with offset and height for anything else that is not proved: nothing is
    /// then cut. [`LogError::Busy`] when another process has the log.
    pub fn open(dir: &Path) -> Result<Self, LogError> {
        Self::open_with(Arc::new(RealDisk), dir, Sizes::default(), |_| ())
    }

    /// As [`Log::open`], handing every committed frame to `each` on the way, in order; what was
    /// handed out before an error is not to be used.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn open_with(
        disk: Arc<dyn Disk>,
        dir: &Path,
        sizes: Sizes,
        each: impl FnMut(Frame),
    ) -> Result<Self, LogError> {
        let recovered = recover::recover(&*disk, dir, each)?;
        Ok(Self::with(disk, dir, sizes, recovered))
    }

    fn with(disk: Arc<dyn Disk>, dir: &Path, sizes: Sizes, from: recover::Recovered) -> Self {
        Self {
            disk,
            dir: dir.into(),
            sizes,
            number: from.number,
            log: from.log,
            proof: from.proof,
            log_group: Group::default(),
            proof_group: Group::default(),
            appended: 0,
            acknowledged: 0,
            is_in_doubt: false,
            is_closed: from.found.was_closed,
            found: from.found,
            lock: Some(from.lock),
        }
    }

    /// What opening has found: whether the last stop was clean, and what was cut off.
    #[must_use]
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// How far the files are durable.
    #[must_use]
    pub fn reach(&self) -> Reach {
        let (log, proof) = (self.log.length(), self.proof.length());
        Reach { number: self.number, log, proof }
    }

    /// Greatest height of any frame in the log, those included that wait for their Commit.
    #[must_use]
    pub fn height(&self) -> u64 {
        self.log.running().height().max(self.log_group.height())
    }

    /// Gives damaged files their bytes back, with `good` frames in place of damaged ones. Files that
    /// are whole stay as they are; what is damaged is kept as `*.damaged`.
    ///
    /// # Errors
    /// [`LogError::Damage`] for a file that is not whole even then, which is left as it is.
    pub fn mend(&mut self, good: &[Vec<u8>]) -> Result<(), LogError> {
        for number in 1..=self.number {
            for role in [Role::Log, Role::Proof] {
                let mended = mend::mend(&*self.disk, &self.dir, number, role, good)?;
                let Some((file, lock)) = mended else { continue };
                if lock.is_some() {
                    self.lock = lock;
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

    /// Starts over after a failed write: from the bytes, with descriptors that have not failed.
    fn heal(&mut self) -> Result<(), LogError> {
        self.log.reopen(&*self.disk)?;
        self.proof.reopen(&*self.disk)?;
        self.is_in_doubt = false;
        Ok(())
    }

    /// Takes back a clean stop: from here on the log counts as running.
    fn resume(&mut self) -> Result<(), LogError> {
        let mut running = self.log.running().clone();
        let bytes = Group::default().sealed(&mut running, None);
        self.log.make_room(bytes.len() as u64, self.sizes)?;
        self.log.write(&bytes)?;
        self.log.advance(running, bytes.len() as u64);
        self.is_closed = false;
        Ok(())
    }

    /// Room for both groups; the next segment when they do not fit in this one.
    fn make_room(&mut self) -> Result<(), LogError> {
        let (commit, mark) = (COMMIT_BYTES as u64, MARK_BYTES as u64);
        let proofs = match self.proof_group.is_empty() {
            true => 0,
            false => self.proof_group.length() as u64 + commit,
        };
        let log = self.log_group.length() as u64 + mark + commit + CLOSED_BYTES;
        let fit = self.log.fits(log, self.sizes) && self.proof.fits(proofs, self.sizes);
        // A group that fits in no segment has one of its own.
        let is_fresh = self.log.is_fresh() && self.proof.is_fresh();
        if !(fit || is_fresh) {
            self.rotate()?;
        }
        self.proof.make_room(proofs, self.sizes)?;
        self.log.make_room(log, self.sizes)
    }

    fn rotate(&mut self) -> Result<(), LogError> {
        let number = self.number + 1;
        let new = |role: Role, after: &Segment| {
            Segment::create(&*self.disk, &self.dir, number, role, after.running(), self.sizes)
        };
        // The log first: a proof file without its log is then always a loss, never a crash.
        let log = new(Role::Log, &self.log)?;
        let proof = new(Role::Proof, &self.proof)?;
        self.log = log;
        self.proof = proof;
        self.number = number;
        Ok(())
    }

    fn write(&mut self) -> Result<(), LogError> {
        // Proofs first: the log's Commit is what counts, and it must not promise absent proofs.
        let mut proofs = None;
        let mut mark = None;
        if !self.proof_group.is_empty() {
            let mut running = self.proof.running().clone();
            let bytes = self.proof_group.sealed(&mut running, None);
            self.proof.write(&bytes)?;
            let more = bytes.len() as u64;
            mark = Some(frame::mark_payload(self.proof.length() + more, &running.value()));
            proofs = Some((running, more));
        }
        let mut running = self.log.running().clone();
        let bytes = self.log_group.sealed(&mut running, mark.as_deref());
        self.log.write(&bytes)?;
        if let Some((running, more)) = proofs {
            self.proof.advance(running, more);
        }
        self.log.advance(running, bytes.len() as u64);
        Ok(())
    }

    fn write_end(&mut self, tip: &[u8]) -> Result<(), LogError> {
        let mut running = self.log.running().clone();
        let payload = frame::closed_payload(&running.due().running, tip);
        let (mut bytes, height) = (Vec::new(), running.height());
        frame::encode(&mut bytes, Kind::Closed, height, &payload);
        running.feed(height, &[&bytes]);
        self.log.make_room(bytes.len() as u64, self.sizes)?;
        self.log.write(&bytes)?;
        self.log.advance(running, bytes.len() as u64);
        Ok(())
    }

    /// Does `work` on files that are not in doubt; they are, if it fails.
    fn surely(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        if self.is_in_doubt {
            self.heal()?;
        }
        // Until all calls have succeeded nobody knows what the disk holds, and a second fdatasync
        // after a failed one may lie; so after any early return the descriptors are dead.
        self.is_in_doubt = true;
        let done = work(self);
        // Room that could not be made is the one failure that touches nothing: zeros behind zeros.
        self.is_in_doubt = done.as_ref().is_err_and(|error| !error.is_no_room());
        done
    }
}

impl FrameLog for Log {
    fn append(&mut self, kind: Kind, height: u64, payload: &[u8]) -> Result<u64, LogError> {
        if !kind.is_callers() {
            return Err(LogError::Reserved(kind));
        }
        if self.lock.is_none() {
            return Err(LogError::Stopped(self.dir.clone()));
        }
        let group = if kind == Kind::Proof { &mut self.proof_group } else { &mut self.log_group };
        group.append(kind, height, payload)?;
        self.appended += 1;
        Ok(self.appended)
    }

    fn commit(&mut self) -> Result<u64, LogError> {
        if self.appended > self.acknowledged {
            if self.is_closed {
                self.surely(Self::resume)?;
            }
            self.surely(Self::make_room)?;
            self.surely(Self::write)?;
            self.log_group.clear();
            self.proof_group.clear();
            self.acknowledged = self.appended;
        }
        Ok(self.acknowledged)
    }

    fn close(&mut self, tip: &[u8]) -> Result<(), LogError> {
        if self.lock.is_none() {
            return Ok(());
        }
        self.commit()?;
        self.surely(|log| {
            log.write_end(tip)?;
            log.proof.trim()?;
            log.log.trim()
        })?;
        self.is_closed = true;
        self.lock = None;
        Ok(())
    }
}
