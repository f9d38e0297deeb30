//! Opening after a restart: everything is proved again, only a torn tail is cut.
//!
//! Torn is what a crash leaves behind the last Commit of the newest log file ([`tail`]).
//! Proof bytes beyond the last Mark were never acknowledged and go with it. Everything else is
//! damage: nothing is cut then, because cutting could take back a vote.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::disk::Disk;
use super::error::{LogError, io};
use super::frame::{self, Kind};
use super::lock::Lock;
use super::read::Frame;
use super::running::Running;
use super::scan::{Fault, Scan, Step};
use super::segment::{self, OPENING_BYTES, Role, Segment, Sizes};
use super::tail;
use super::walk::Walk;

/// A log ready for appending.
#[derive(Debug)]
pub struct Recovered {
    /// Number of the newest segment.
    pub number: u32,
    /// Its log.
    pub log: Segment,
    /// Its proofs.
    pub proof: Segment,
    /// The lock on the directory.
    pub lock: Lock,
    /// What was found.
    pub found: Found,
}

/// What opening a log has found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Whether the last stop was clean.
    pub was_closed: bool,
    /// What a crash had left behind the last Commit and was cut off.
    pub cut: Vec<Cut>,
}

/// Bytes that were cut off a file: nobody was ever told that they last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The file.
    pub file: PathBuf,
    /// Where they began.
    pub offset: u64,
    /// How many there were.
    pub bytes: u64,
}

/// Proves the log in `dir`, hands its frames to `each`, cuts a torn tail.
pub fn recover(
    disk: &dyn Disk,
    dir: &Path,
    mut each: impl FnMut(Frame),
) -> Result<Recovered, LogError> {
    let lock = Lock::of_log(dir)?;
    let newest = newest(disk, dir)?;
    let (mut walk, was_closed) = prove(dir, newest, &mut each)?;
    let _ = walk.proof.ends_here()?;
    let cut = [&walk.log, &walk.proof].into_iter().filter_map(torn).collect();
    let log = Segment::over(disk, &walk.log)?;
    let proof = Segment::over(disk, &walk.proof)?;
    disk.sync_dir(dir).map_err(io("flush", dir))?;
    let found = Found { was_closed, cut };
    Ok(Recovered { number: newest, log, proof, lock, found })
}

/// Reads the log up to its end or a torn tail; whether the last thing before it is an end frame.
fn prove(dir: &Path, newest: u32, each: &mut dyn FnMut(Frame)) -> Result<(Walk, bool), LogError> {
    let (mut walk, mut was_closed) = (Walk::first(dir)?, false);
    loop {
        match walk.step() {
            Ok(Step::Group(frames, _)) => {
                was_closed = false;
                frames.into_iter().for_each(&mut *each);
            }
            Ok(Step::Closed(_)) => was_closed = true,
            Ok(Step::End) if walk.number < newest => {
                walk.proofs_end()?;
                (walk, was_closed) = (walk.next(dir)?, false);
            }
            Ok(Step::End) => return Ok((walk, was_closed)),
            Err(Fault::Torn(error) | Fault::Damage(error)) if walk.number == newest => {
                judge(&walk.log, was_closed, error)?;
                return Ok((walk, was_closed));
            }
            Err(fault) => return Err(fault.into()),
        }
    }
}

/// Gives `error` back if what lies behind the proved bytes is a torn group; fails with what it is
/// instead.
pub fn judge(log: &Scan, was_closed: bool, error: LogError) -> Result<LogError, LogError> {
    let (from, running) = log.proved();
    if from == 0 {
        return Err(error);
    }
    let due = was_closed.then(|| {
        let (commit, mut bytes) = (running.due(), Vec::new());
        frame::encode(&mut bytes, Kind::Commit, commit.height, &commit.encode());
        bytes
    });
    let tail = tail::read_from(log.path(), from)?;
    let judged = tail::judge(&tail, from, due.as_deref());
    match judged {
        Ok(_) => Ok(error),
        Err((at, what)) => Err(log.error(from + at as u64, what)),
    }
}

/// What will be cut off a file.
fn torn(scan: &Scan) -> Option<Cut> {
    let (offset, file) = (scan.proved().0, scan.path().to_owned());
    (!scan.is_padded()).then(|| Cut { file, offset, bytes: scan.length() - offset })
}

/// Number of the newest segment; drafts of a crash are removed on the way.
fn newest(disk: &dyn Disk, dir: &Path) -> Result<u32, LogError> {
    let (mut logs, mut proofs) = (BTreeSet::new(), BTreeSet::new());
    for entry in fs::read_dir(dir).map_err(io("list", dir))? {
        let path = entry.map_err(io("list", dir))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match segment::parse_name(&name) {
            Some((number, Role::Log)) => _ = logs.insert(number),
            Some((number, Role::Proof)) => _ = proofs.insert(number),
            None if !super::is_store_file(&name) => return Err(LogError::Foreign(path)),
            None if name.ends_with(segment::DRAFT) => {
                disk.remove(&path).map_err(io("remove", &path))?;
            }
            None => {}
        }
    }
    if let Some(extra) = proofs.difference(&logs).next() {
        return Err(LogError::Missing(dir.join(segment::name(*extra, Role::Log))));
    }
    let newest = logs.last().copied().unwrap_or(0);
    if let Some(gap) = (1..newest).find(|number| !logs.contains(number)) {
        return Err(LogError::Missing(dir.join(segment::name(gap, Role::Log))));
    }
    if proofs.contains(&newest) { Ok(newest) } else { unstart(disk, dir, newest) }
}

/// Takes back the start of a segment that a crash interrupted: its log holds only the opening and
/// has no proof file yet. The first segment is completed instead, as the lock lies on it.
fn unstart(disk: &dyn Disk, dir: &Path, newest: u32) -> Result<u32, LogError> {
    let path = dir.join(segment::name(newest, Role::Log));
    let behind = tail::read_from(&path, OPENING_BYTES)?;
    if behind.iter().any(|byte| *byte != 0) {
        return Err(LogError::Missing(dir.join(segment::name(newest, Role::Proof))));
    }
    if newest == 1 {
        let start = Running::from([0; 32], 0);
        // Its room is made when the first group needs it.
        let sizes = Sizes { segment: OPENING_BYTES, step: OPENING_BYTES };
        Segment::create(disk, dir, 1, Role::Proof, &start, sizes)?;
        return Ok(1);
    }
    disk.remove(&path).map_err(io("remove", &path))?;
    Ok(newest - 1)
}
