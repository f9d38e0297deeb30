//! `gridpact chain export`: every record as a line for other programs.

use clap::ValueEnum;

use crate::cli::{Failure, say};
use crate::report::records;
use crate::store::archive::Archive;

/// How records are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Format {
    /// Comma-separated, with a header.
    #[default]
    Csv,
    /// One JSON object per line.
    Jsonl,
}

pub(super) fn export(archive: &Archive, format: Format) -> Result<(), Failure> {
    let mut out = Vec::new();
    let written = match format {
        Format::Csv => records::csv(archive, &mut out),
        Format::Jsonl => records::json_lines(archive, &mut out),
    };
    written.map_err(Failure::input)?;
    say(String::from_utf8_lossy(&out).trim_end())
}
