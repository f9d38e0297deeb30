//! What can still be read of a damaged log, and where it cannot: for a node that then only reads.
//!
//! A frame whose checksums hold is taken even where the running hash does not reach it; whoever uses
//! it proves it by other means. Nothing is written.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::error::{LogError, io};
use super::frame::{HEADER, MAGIC, TRAILER};
use super::read::Frame;
use super::segment::{self, Role};
use super::tail::frame_at;

/// Bytes that are no whole frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// The file.
    pub file: PathBuf,
    /// Where they begin.
    pub offset: u64,
    /// How many there are; none where the whole file is missing.
    pub bytes: u64,
    /// Height of the last whole frame before them.
    pub height: u64,
}

impl fmt::Display for Hole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, offset, bytes, height } = self;
        if *bytes == 0 {
            return write!(f, "{} is missing, after height {height}", file.display());
        }
        write!(f, "{}: {bytes} bytes from byte {offset}, after height {height}", file.display())
    }
}

/// A damaged log as far as it can be read.
#[derive(Debug, Default)]
pub struct Salvage {
    /// Whole frames in order: of each segment its log, then its proofs.
    pub frames: Vec<Frame>,
    /// What lies between them.
    pub holes: Vec<Hole>,
}

/// Reads whatever is whole in `dir`.
///
/// # Errors
/// When the directory or a file cannot be read at all.
pub fn salvage(dir: &Path) -> Result<Salvage, LogError> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(dir).map_err(io("list", dir))? {
        let name = entry.map_err(io("list", dir))?.file_name();
        found.extend(segment::parse_name(&name.to_string_lossy()));
    }
    let newest = found.last().map_or(0, |(number, _)| *number);
    let mut salvage = Salvage::default();
    let mut height = 0;
    for file in (1..=newest).flat_map(|number| [(number, Role::Log), (number, Role::Proof)]) {
        let path = dir.join(segment::name(file.0, file.1));
        if found.contains(&file) {
            let bytes = fs::read(&path).map_err(io("read", &path))?;
            salvage.read(&path, &bytes, &mut height);
        } else {
            salvage.holes.push(Hole { file: path, offset: 0, bytes: 0, height });
        }
    }
    Ok(salvage)
}

impl Salvage {
    fn read(&mut self, path: &Path, bytes: &[u8], height: &mut u64) {
        let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let mut at = 0;
        while at < end {
            if let Ok((header, length)) = frame_at(&bytes[at..]) {
                *height = header.height.max(*height);
                if header.kind.is_callers() {
                    self.frames.push(Frame {
                        file: path.to_path_buf(),
                        offset: at as u64,
                        kind: header.kind,
                        height: header.height,
                        payload: bytes[at + HEADER..at + length - TRAILER].to_vec(),
                    });
                }
                at += length;
                continue;
            }
            let starts = (at + 1..end).filter(|start| bytes[*start..].starts_with(&MAGIC));
            let next = { starts }.find(|start| frame_at(&bytes[*start..]).is_ok()).unwrap_or(end);
            self.holes.push(Hole {
                file: path.to_path_buf(),
                offset: at as u64,
                bytes: (next - at) as u64,
                height: *height,
            });
            at = next;
        }
    }
}
