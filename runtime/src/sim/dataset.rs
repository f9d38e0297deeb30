//! Measured files: strict loaders, and the communities made from them.
//!
//! Every row of every file that may be used is checked before anything is simulated, and a refusal
//! names file, line and column. Nothing is assumed about ids, counts or dates: days are chosen from
//! what the files have in common.

pub mod days;
pub mod homes;
pub mod london;
pub mod meters;
pub mod prices;
pub mod series;
pub mod sessions;
pub mod table;
pub mod vehicles;
pub mod yields;

use std::path::{Path, PathBuf};

/// Why measured files cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatasetError {
    /// A value that is missing or impossible.
    #[error("{}: line {line}, column `{column}`: {problem}", file.display())]
    Cell {
        /// The file.
        file: PathBuf,
        /// Its line, from 1.
        line: u64,
        /// The column's name.
        column: String,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// A file or folder that cannot be read.
    #[error("{}: {problem}", file.display())]
    File {
        /// The file or folder.
        file: PathBuf,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// Settings beside the files.
    #[error("{0}")]
    Settings(String),
    /// The files are sound, but do not hold what the scenario asks for.
    #[error("{0}")]
    Days(String),
}

impl DatasetError {
    pub(crate) fn file(file: &Path, problem: impl Into<String>) -> Self {
        Self::File { file: file.to_owned(), problem: problem.into() }
    }
}

/// The files of a folder whose names have this beginning and end, by name.
pub(crate) fn files(dir: &Path, begin: &str, end: &str) -> Result<Vec<PathBuf>, DatasetError> {
    let entries = std::fs::read_dir(dir)
        .map_err(|e| DatasetError::file(dir, format!("cannot be listed: {e}")))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| DatasetError::file(dir, e.to_string()))?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if name.starts_with(begin) && name.ends_with(end) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests;
