//! Strict reading, for proving a chain again from its bytes alone.
//!
//! Unlike recovery it forgives nothing: not a torn tail, not a missing end frame, not a file that
//! is none of ours. The last item of a complete log is its end frame; an error ends the iteration.

use std::collections::{BTreeSet, VecDeque};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::error::{LogError, io};
use super::frame::Kind;
use super::lock::Lock;
use super::mend::DAMAGED;
use super::scan::Step;
use super::segment::{self, Role};
use super::walk::Walk;

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

/// All frames of a log in order, each after its group was proved.
#[derive(Debug)]
pub struct Frames {
    dir: PathBuf,
    newest: u32,
    walk: Option<Walk>,
    ready: VecDeque<Frame>,
    end: Option<Frame>,
    _lock: Lock,
}

/// Opens the log in `dir` for strict reading. Ends of earlier clean stops are not handed out, only
/// the last one.
///
/// # Errors
/// [`LogError::Foreign`] for anything in the directory that is not one of the log's files,
/// [`LogError::Missing`] for a gap, [`LogError::Busy`] while somebody writes.
pub fn read_all(dir: &Path) -> Result<Frames, LogError> {
    let newest = newest(dir)?;
    let path = dir.join(segment::name(1, Role::Log));
    let file = File::open(&path).map_err(io("open", &path))?;
    let _lock = Lock::shared(&file, dir)?;
    let walk = Some(Walk::first(dir)?);
    Ok(Frames { dir: dir.into(), newest, walk, ready: VecDeque::new(), end: None, _lock })
}

fn newest(dir: &Path) -> Result<u32, LogError> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(dir).map_err(io("list", dir))? {
        let entry = entry.map_err(io("list", dir))?;
        if is_set_aside(&entry.file_name().to_string_lossy()) {
            continue;
        }
        let kind = entry.file_type().map_err(io("look at", &entry.path()))?;
        let name = entry.file_name();
        match segment::parse_name(&name.to_string_lossy()).filter(|_| kind.is_file()) {
            Some(file) => _ = found.insert(file),
            None => return Err(LogError::Foreign(entry.path())),
        }
    }
    let newest = found.last().map_or(1, |(number, _)| *number);
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
    /// Reads on until frames are ready or the log ends.
    fn read(&mut self) -> Result<Option<Frame>, LogError> {
        while self.ready.is_empty() {
            let Some(walk) = &mut self.walk else { return Ok(None) };
            match walk.step()? {
                Step::Group(frames, _) => {
                    self.end = None;
                    self.ready.extend(frames);
                }
                Step::Closed(end) => self.end = Some(end),
                Step::End => {
                    walk.proofs_end()?;
                    if walk.number == self.newest {
                        let (offset, what) = (walk.log.proved().0, "the end frame is missing");
                        let missing = || walk.log.error(offset, what);
                        let end = self.end.take().ok_or_else(missing)?;
                        self.walk = None;
                        return Ok(Some(end));
                    }
                    let next = walk.next(&self.dir)?;
                    self.end = None;
                    self.walk = Some(next);
                }
            }
        }
        Ok(self.ready.pop_front())
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
