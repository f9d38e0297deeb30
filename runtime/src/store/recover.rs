//! Opening after a restart: everything is proved again, only a torn tail is cut.
//!
//! Torn is what a crash leaves: the newest log file ends within a group, or in nothing but zeros.
//! Proof bytes beyond the last Mark were never acknowledged and go with it. A complete frame
//! whose bytes are wrong is never taken for a torn one, because cutting it could take back a vote.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom};
use std::path::Path;

use super::error::{LogError, io};
use super::frame::{self, HEADER, TRAILER};
use super::lock::Lock;
use super::read::Frame;
use super::running::Running;
use super::scan::{Fault, Scan, Step};
use super::segment::{self, Role, Segment, sync_dir};
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
}

/// Proves the log in `dir`, hands its frames to `each`, cuts a torn tail.
pub fn recover(dir: &Path, mut each: impl FnMut(Frame)) -> Result<Recovered, LogError> {
    let lock = lock(dir)?;
    let newest = newest(dir)?;
    let mut walk = Walk::first(dir)?;
    loop {
        match walk.step() {
            Ok(Step::Group(frames, _)) => frames.into_iter().for_each(&mut each),
            Ok(Step::Closed(_)) => {}
            Ok(Step::End) if walk.number < newest => {
                walk.proofs_end()?;
                walk = walk.next(dir)?;
            }
            Ok(Step::End) => break,
            Err(Fault::Torn(_)) if walk.number == newest => break,
            Err(fault) => return Err(fault.into()),
        }
    }
    let (log, proof) = (truncated(&walk.log)?, truncated(&walk.proof)?);
    sync_dir(dir)?;
    Ok(Recovered { number: newest, log, proof, lock })
}

/// Takes the lock on the first log file.
fn lock(dir: &Path) -> Result<Lock, LogError> {
    let path = dir.join(segment::name(1, Role::Log));
    let file = File::options().read(true).write(true).open(&path);
    let file = file.map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => LogError::Missing(path.clone()),
        _ => io("open", &path)(source),
    })?;
    Lock::exclusive(&file, dir)
}

/// Number of the newest segment; drafts of a crash are removed on the way.
fn newest(dir: &Path) -> Result<u32, LogError> {
    let (mut logs, mut proofs) = (BTreeSet::new(), BTreeSet::new());
    for entry in fs::read_dir(dir).map_err(io("list", dir))? {
        let path = entry.map_err(io("list", dir))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match segment::parse_name(&name) {
            Some((number, Role::Log)) => _ = logs.insert(number),
            Some((number, Role::Proof)) => _ = proofs.insert(number),
            None if !super::is_store_file(&name) => return Err(LogError::Foreign(path)),
            None if name.ends_with(segment::DRAFT) => {
                fs::remove_file(&path).map_err(io("remove", &path))?;
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
    if proofs.contains(&newest) { Ok(newest) } else { unstart(dir, newest) }
}

/// Takes back the start of a segment that a crash interrupted: its log holds only the opening and
/// has no proof file yet. The first segment is completed instead, as the lock lies on it.
fn unstart(dir: &Path, newest: u32) -> Result<u32, LogError> {
    let path = dir.join(segment::name(newest, Role::Log));
    let length = fs::metadata(&path).map_err(io("look at", &path))?.len();
    let opening = HEADER + frame::open_payload(0, &[0; 32]).len() + TRAILER;
    if length != opening as u64 {
        return Err(LogError::Missing(dir.join(segment::name(newest, Role::Proof))));
    }
    if newest == 1 {
        Segment::create(dir, 1, Role::Proof, &Running::from([0; 32], 0))?;
        return Ok(1);
    }
    fs::remove_file(&path).map_err(io("remove", &path))?;
    Ok(newest - 1)
}

/// Cuts the file after its last proved byte and makes it ready for appending.
fn truncated(scan: &Scan) -> Result<Segment, LogError> {
    let path = scan.path().to_owned();
    let file = File::options().read(true).write(true).open(&path);
    let mut file = file.map_err(io("open", &path))?;
    let (proved, running) = scan.proved();
    if proved < scan.length() {
        file.set_len(proved).map_err(io("cut", &path))?;
        file.sync_all().map_err(io("flush", &path))?;
    }
    file.seek(SeekFrom::Start(proved)).map_err(io("seek in", &path))?;
    Ok(Segment::over(path, file, running.clone(), proved))
}
