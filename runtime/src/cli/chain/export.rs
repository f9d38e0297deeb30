//! `gridpact chain export`: every record as a line for other programs.

use std::io::{BufWriter, Write};

use clap::ValueEnum;

use super::reader::Reader;
use crate::cli::Failure;
use crate::report::error::ReportError;
use crate::report::records;

/// How records are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Format {
    /// Comma-separated, with a header.
    #[default]
    Csv,
    /// One JSON object per line.
    Jsonl,
}

pub(super) fn export(mut chain: Reader, format: Format) -> Result<(), Failure> {
    let (community, out) = (chain.community(), BufWriter::new(Out));
    match format {
        Format::Csv => records::csv(&mut chain, &community, out),
        Format::Jsonl => records::json_lines(&mut chain, &community, out),
    }?;
    chain.finish().map(|_| ())
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        Self::input(error)
    }
}

/// Standard output; a reader that has gone away is no fault of the run.
struct Out;

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match std::io::stdout().write(bytes) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(bytes.len()),
            written => written,
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match std::io::stdout().flush() {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            flushed => flushed,
        }
    }
}
