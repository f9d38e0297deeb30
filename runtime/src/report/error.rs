//! Why a run cannot be reported.

use std::path::PathBuf;

/// What went wrong between a finished run and its report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A series of the run has the wrong number of intervals.
    #[error("{what} of {owner} has {found} intervals, the run has {expected}")]
    Length {
        /// Which series.
        what: &'static str,
        /// Whose series.
        owner: String,
        /// Its length.
        found: usize,
        /// The run's length.
        expected: usize,
    },
    /// A list is indexed past its end.
    #[error("{owner} points at {what} {index}, the run has {count}")]
    Index {
        /// What the list holds.
        what: &'static str,
        /// Who points.
        owner: String,
        /// Where to.
        index: usize,
        /// Length of the list.
        count: usize,
    },
    /// A contract between a prosumer and itself.
    #[error("contract {0} has the same buyer and seller")]
    SelfContract(String),
    /// Nobody has this name.
    #[error("no prosumer is called `{name}`: there are {count}, the first is `{example}`")]
    Prosumer {
        /// What was asked for.
        name: String,
        /// Somebody who is there.
        example: String,
        /// How many there are.
        count: usize,
    },
    /// Intervals of no length.
    #[error("interval length is 0 s, at least 1 s is needed")]
    NoLength,
    /// The output directory holds something we did not write.
    #[error("{dir} was not written by gridpact (it holds {found}), choose another --out")]
    Foreign {
        /// The directory.
        dir: PathBuf,
        /// First thing found in it that is not ours.
        found: String,
    },
    /// Another run holds the output directory.
    #[error("{0} is being written by another run")]
    Busy(PathBuf),
    /// The output path is taken by something that is not a directory.
    #[error("{0} is not a directory, choose another --out")]
    NotADirectory(PathBuf),
    /// The disk said no.
    #[error("{action} {path}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A value could not be written as text.
    #[error("write {what}: {reason}")]
    Format {
        /// What was being written.
        what: &'static str,
        /// Why it failed.
        reason: String,
    },
}
