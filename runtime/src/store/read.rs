//! Reading without writing, for proving a chain again from its bytes alone.
//!
//! [`read_all`] forgives nothing, unlike recovery: not a torn tail, not a missing end frame, not a
//! file that is none of ours. The last item of a complete log is its end frame; an error ends the
//! iteration. [`read_committed`] takes what is committed of a log that may still be written, and
//! says how it ends; only what lies behind the last Commit is forgiven.

use std::collections::{BTreeSet, VecDeque};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{LogError, io};
use super::frame::Kind;
use super::lock::Lock;
use super::mend::DAMAGED;
use super::recover;
use super::running::Running;
use super::scan::{Fault, Step};
use super::segment::{self, Role};
use super::walk::Walk;

/// How often the newest file is looked at again while its writer may be in the middle of a group.
const LOOKS_AGAIN: u32 = 20;
/// Pause before each such look.
const PAUSE: Duration = Duration::from_millis(50);

/// A frame as it was appended, and where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The file it lies in.
    pub file: PathBuf,
    /// Where it starts in the file, in bytes.
    pub offset: u64,
    /// What it is: one of the callers' kinds, or [`Kind::Closed`] at the end of a clean stop.
    pub kind: Kind,
    /// The height the caller gave it.
    pub height: u64,
    /// The caller's bytes; the tip for [`Kind::Closed`].
    pub payload: Vec<u8>,
}

/// How a log ends.
#[derive(Debug)]
pub enum End {
    /// With the end frame of a clean stop.
    Closed,
    /// After a Commit, without an end frame.
    Open {
        /// Whether a node has the log in hand.
        is_running: bool,
        /// Where the proved bytes end, and what is missing or torn there.
        tail: LogError,
    },
}

/// All frames of a log in order, each after its group was proved.
#[derive(Debug)]
pub struct Frames {
    dir: PathBuf,
    newest: u32,
    walk: Option<Walk>,
    /// Running states of log and proofs before the segment under way.
    start: (Running, Running),
    ready: VecDeque<Frame>,
    closed: Option<Frame>,
    end: Option<End>,
    is_strict: bool,
    /// Held unless the log is being written.
    lock: Option<Lock>,
}

/// Opens the log in `dir` for strict reading. Ends of earlier clean stops are not handed out, only
/// the last one.
///
/// # Errors
/// [`LogError::Foreign`] for anything in the directory that is not one of the log's files,
/// [`LogError::Missing`] for a gap, [`LogError::Busy`] while somebody writes.
pub fn read_all(dir: &Path) -> Result<Frames, LogError> {
    let newest = newest(dir, true)?;
    let lock = lock(dir)?;
    Frames::open(dir, newest, true, Some(lock))
}

/// Opens the log in `dir` for reading what is committed, whoever may be writing it; nothing is
/// created or changed. After the last frame [`Frames::into_end`] says how it ends.
///
/// # Errors
/// As [`read_all`], but for [`LogError::Busy`].
pub fn read_committed(dir: &Path) -> Result<Frames, LogError> {
    let newest = newest(dir, false)?;
    let lock = match lock(dir) {
        Err(LogError::Busy(_)) => None,
        other => Some(other?),
    };
    Frames::open(dir, newest, false, lock)
}

fn lock(dir: &Path) -> Result<Lock, LogError> {
    let path = dir.join(segment::name(1, Role::Log));
    let file = File::open(&path).map_err(io("open", &path))?;
    Lock::shared(&file, dir)
}

/// Number of the newest segment. A writer under way may have begun the next one: what it has not
/// named yet is left out, unless this `is_strict`.
fn newest(dir: &Path, is_strict: bool) -> Result<u32, LogError> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(dir).map_err(io("list", dir))? {
        let entry = entry.map_err(io("list", dir))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_draft = name.ends_with(segment::DRAFT) && super::is_store_file(&name);
        if is_set_aside(&name) || (is_draft && !is_strict) {
            continue;
        }
        let kind = entry.file_type().map_err(io("look at", &entry.path()))?;
        match segment::parse_name(&name).filter(|_| kind.is_file()) {
            Some(file) => _ = found.insert(file),
            None => return Err(LogError::Foreign(entry.path())),
        }
    }
    let mut newest = found.last().map_or(1, |(number, _)| *number);
    if !is_strict && newest > 1 && !found.contains(&(newest, Role::Proof)) {
        newest -= 1;
    }
    let expected = (1..=newest).flat_map(|number| [(number, Role::Log), (number, Role::Proof)]);
    match expected.into_iter().find(|file| !found.contains(file)) {
        Some((number, role)) => Err(LogError::Missing(dir.join(segment::name(number, role)))),
        None => Ok(newest),
    }
}

/// Whether this is a damaged file that was replaced: no part of the log any more.
fn is_set_aside(name: &str) -> bool {
    name.strip_suffix(DAMAGED).is_some_and(|name| segment::parse_name(name).is_some())
}

impl Frames {
    fn open(
        dir: &Path,
        newest: u32,
        is_strict: bool,
        lock: Option<Lock>,
    ) -> Result<Self, LogError> {
        let zero = Running::from([0; 32], 0);
        let start = (zero.clone(), zero);
        let walk = Some(Walk::first(dir)?);
        let (ready, closed, end) = (VecDeque::new(), None, None);
        Ok(Self { dir: dir.into(), newest, walk, start, ready, closed, end, is_strict, lock })
    }

    /// How the log ends; none before the last frame was handed out.
    #[must_use]
    pub fn into_end(self) -> Option<End> {
        self.end
    }

    /// As [`Frames::into_end`], once.
    pub(super) fn take_end(&mut self) -> Option<End> {
        self.end.take()
    }

    /// Reads on until frames are ready or the log ends.
    fn read(&mut self) -> Result<Option<Frame>, LogError> {
        while self.ready.is_empty() {
            let Some(mut walk) = self.walk.take() else { return Ok(None) };
            match walk.step() {
                Ok(Step::Group(frames, _)) => {
                    self.closed = None;
                    self.ready.extend(frames);
                    self.walk = Some(walk);
                }
                Ok(Step::Closed(end)) => {
                    self.closed = Some(end);
                    self.walk = Some(walk);
                }
                Ok(Step::End) if walk.number < self.newest => self.turn(&mut walk)?,
                Ok(Step::End) => return self.finish(&mut walk),
                Err(fault) if self.is_strict || walk.number < self.newest => {
                    return Err(fault.into());
                }
                Err(Fault::Torn(fault) | Fault::Damage(fault)) if self.lock.is_some() => {
                    let tail = recover::judge(&walk.log, self.closed.is_some(), fault)?;
                    self.leave_open(tail);
                }
                Err(Fault::Torn(tail)) => self.leave_open(tail),
                Err(fault) => self.look_again(&walk, fault.into())?,
            }
        }
        Ok(self.ready.pop_front())
    }

    /// On to the next segment.
    fn turn(&mut self, walk: &mut Walk) -> Result<(), LogError> {
        walk.proofs_end()?;
        self.closed = None;
        self.start = (walk.log.proved().1.clone(), walk.proof.proved().1.clone());
        self.walk = Some(walk.next(&self.dir)?);
        Ok(())
    }

    /// The end of the newest file.
    fn finish(&mut self, walk: &mut Walk) -> Result<Option<Frame>, LogError> {
        let proofs = walk.proofs_end();
        let missing = walk.log.error(walk.log.proved().0, "the end frame is missing");
        match self.closed.take() {
            Some(frame) => {
                proofs?;
                self.end = Some(End::Closed);
                return Ok(Some(frame));
            }
            None if self.is_strict => return Err(proofs.err().unwrap_or(missing)),
            // What a writer has not pinned yet is not committed.
            None if self.lock.is_none() => self.leave_open(missing),
            None => self.leave_open(proofs.err().unwrap_or(missing)),
        }
        Ok(None)
    }

    fn leave_open(&mut self, tail: LogError) {
        self.end = Some(End::Open { is_running: self.lock.is_none(), tail });
    }

    /// A group that is being written looks damaged for a moment; one that stays so is damaged.
    fn look_again(&mut self, seen: &Walk, fault: LogError) -> Result<(), LogError> {
        let proved = seen.log.proved().0;
        for _ in 0..if self.lock.is_none() { LOOKS_AGAIN } else { 0 } {
            std::thread::sleep(PAUSE);
            let mut walk = seen.again(&self.dir, &self.start)?;
            while walk.log.proved().0 < proved {
                walk.step()?;
            }
            match walk.step() {
                Ok(Step::Group(frames, _)) => {
                    self.ready.extend(frames);
                    self.walk = Some(walk);
                    return Ok(());
                }
                Ok(Step::Closed(end)) => {
                    self.closed = Some(end);
                    self.walk = Some(walk);
                    return Ok(());
                }
                Err(Fault::Torn(tail)) => {
                    self.leave_open(tail);
                    return Ok(());
                }
                Ok(Step::End) => {
                    self.leave_open(walk.log.error(proved, "the end frame is missing"));
                    return Ok(());
                }
                Err(_) => {}
            }
        }
        Err(fault)
    }
}

impl Iterator for Frames {
    type Item = Result<Frame, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.read().transpose();
        if matches!(item, Some(Err(_))) {
            self.walk = None;
            self.ready.clear();
        }
        item
    }
}
