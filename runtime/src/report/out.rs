//! The output directory of a run: ours to replace, never anybody else's.
//!
//! A directory is ours when it holds the marker file and nothing but names that a run writes;
//! one stray file is enough to refuse it, because replacing deletes. The marker stays locked while
//! a run writes, so two runs never share a directory. Files appear whole or not at all.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::store::state::STATE;
use crate::store::vault::VAULT;

use super::error::ReportError;

/// Where a run writes unless told otherwise.
pub const DEFAULT: &str = "gridpact-out";
/// The file by which a directory is known as ours.
pub const MARKER: &str = ".gridpact-out";
/// The files of a report; an experiment writes its rows instead of summary, contracts and schedule.
pub const FILES: [&str; 6] = [
    "summary.json",
    "contracts.csv",
    "schedule.csv",
    "report.html",
    "scenario.toml",
    "experiment.json",
];
/// The subdirectory that holds only the chain's own files.
pub const CHAIN: &str = "chain";

/// The subdirectory that holds a member's key, so that a sealed chain can be read.
pub const KEYS: &str = "keys";
/// The key of the first home, in that subdirectory.
pub const KEY_FILE: &str = "home-000.pem";

const MARKER_TEXT: &str =
    "Written by gridpact. The next run with the same --out replaces this directory.\n";
const UNFINISHED: &str = ".unfinished";

/// An output directory, emptied and marked, held until dropped.
#[derive(Debug)]
pub struct OutDir {
    path: PathBuf,
    marker: File,
}

impl OutDir {
    /// Makes `path` a fresh output directory: creates it, or empties it if a run wrote it.
    ///
    /// # Errors
    /// [`ReportError::Foreign`] when it holds anything a run does not write, or when another run
    /// is writing it; nothing was deleted then.
    pub fn prepare(path: &Path) -> Result<Self, ReportError> {
        match fs::metadata(path) {
            Ok(found) if !found.is_dir() => return Err(ReportError::NotADirectory(path.into())),
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::NotFound => {
                fs::create_dir_all(path).map_err(io("create", path))?;
            }
            Err(e) => return Err(io("look at", path)(e)),
        }
        let old = survey(path)?;
        let marker_path = path.join(MARKER);
        let mut marker = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&marker_path)
            .map_err(io("create", &marker_path))?;
        if marker.try_lock().is_err() {
            return Err(ReportError::Busy(path.into()));
        }
        marker.set_len(0).map_err(io("write", &marker_path))?;
        marker.write_all(MARKER_TEXT.as_bytes()).map_err(io("write", &marker_path))?;
        for file in old {
            fs::remove_file(&file).map_err(io("remove", &file))?;
        }
        let chain = path.join(CHAIN);
        fs::create_dir_all(&chain).map_err(io("create", &chain))?;
        Ok(Self { path: path.into(), marker })
    }

    /// The directory itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the chain's files go; exists and is empty after [`OutDir::prepare`].
    #[must_use]
    pub fn chain(&self) -> PathBuf {
        self.path.join(CHAIN)
    }

    /// Where the key of the first home goes; its directory is made, and only its owner enters it.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn key_file(&self) -> Result<PathBuf, ReportError> {
        let keys = self.path.join(KEYS);
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(&keys).map_err(io("create", &keys))?;
        Ok(keys.join(KEY_FILE))
    }

    /// Writes one file of the report: complete under its name, or not at all.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), ReportError> {
        let (target, draft) = (self.path.join(name), self.path.join(format!("{name}{UNFINISHED}")));
        let mut file = File::create(&draft).map_err(io("create", &draft))?;
        file.write_all(content).map_err(io("write", &draft))?;
        file.sync_all().map_err(io("flush", &draft))?;
        fs::rename(&draft, &target).map_err(io("rename to", &target))
    }
}

impl Drop for OutDir {
    fn drop(&mut self) {
        // Closing lets go as well, unless a process just forked holds a copy of the descriptor.
        let _ = self.marker.unlock();
    }
}

/// Lists the files of an earlier run, or refuses the directory.
fn survey(dir: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let (mut files, mut marked) = (Vec::new(), false);
    let mut foreign = None;
    for entry in fs::read_dir(dir).map_err(io("list", dir))? {
        let entry = entry.map_err(io("list", dir))?;
        let kind = entry.file_type().map_err(io("look at", &entry.path()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == MARKER && kind.is_file() {
            marked = true;
        } else if kind.is_file() && FILES.contains(&name.trim_end_matches(UNFINISHED)) {
            files.push(entry.path());
        } else if name == CHAIN && kind.is_dir() {
            files.extend(survey_store(dir, CHAIN, crate::store::is_store_file)?);
        } else if name == STATE && kind.is_dir() {
            files.extend(survey_store(dir, STATE, crate::store::is_state_file)?);
        } else if name == KEYS && kind.is_dir() {
            files.extend(survey_store(dir, KEYS, |name| name == KEY_FILE)?);
        } else if name == VAULT && kind.is_dir() {
            files.extend(survey_vault(dir, &entry.path())?);
        } else {
            foreign.get_or_insert(name);
        }
    }
    if !marked && foreign.is_none() {
        foreign = files.first().map(|file| format!("{} without {MARKER}", file.display()));
    }
    match foreign {
        Some(found) => Err(ReportError::Foreign { dir: dir.into(), found }),
        None => Ok(files),
    }
}

/// Lists a subdirectory that holds only files whose names pass `is_ours`.
fn survey_store(
    dir: &Path,
    inner: &str,
    is_ours: fn(&str) -> bool,
) -> Result<Vec<PathBuf>, ReportError> {
    let (mut files, folder) = (Vec::new(), dir.join(inner));
    for entry in fs::read_dir(&folder).map_err(io("list", &folder))? {
        let entry = entry.map_err(io("list", &folder))?;
        let kind = entry.file_type().map_err(io("look at", &entry.path()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !kind.is_file() || !is_ours(&name) {
            let found = format!("{inner}/{name}");
            return Err(ReportError::Foreign { dir: dir.into(), found });
        }
        files.push(entry.path());
    }
    Ok(files)
}

/// Lists the keys in `vault/PARTY/`.
fn survey_vault(dir: &Path, vault: &Path) -> Result<Vec<PathBuf>, ReportError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(vault).map_err(io("list", vault))? {
        let entry = entry.map_err(io("list", vault))?;
        let kind = entry.file_type().map_err(io("look at", &entry.path()))?;
        let name = format!("{VAULT}/{}", entry.file_name().to_string_lossy());
        if !kind.is_dir() {
            return Err(ReportError::Foreign { dir: dir.into(), found: name });
        }
        files.extend(survey_store(dir, &name, crate::store::vault::is_key_file)?);
    }
    Ok(files)
}

fn io<'a>(action: &'static str, path: &'a Path) -> impl Fn(std::io::Error) -> ReportError + 'a {
    move |source| ReportError::Io { action, path: path.into(), source }
}

#[cfg(test)]
#[path = "out_tests.rs"]
mod tests;
