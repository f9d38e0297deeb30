//! The command line: one file per verb; exit codes 0 ok, 1 found wrong, 2 usage or bad input.

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod chain;
mod schedule;
mod scratch;
mod simulate;

/// Exit code of a run that found something wrong.
const FOUND_WRONG: u8 = 1;
/// Exit code of bad usage or bad input; clap uses the same.
const BAD_INPUT: u8 = 2;

/// Peer-to-peer electricity trading between homes, electric vehicles and charging stations.
#[derive(Debug, Parser)]
#[command(name = "gridpact", version, about)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Let a community trade whole days in virtual time and report what came of it
    Simulate(Box<simulate::Args>),
    /// Find the cheapest schedule of one site, exactly, from a JSON file
    Schedule(schedule::Args),
    /// Measure what this program does, each figure beside its limit
    #[command(subcommand)]
    Bench(bench::Verb),
    /// Prove or show a chain that stands on disk
    #[command(subcommand)]
    Chain(chain::Verb),
}

/// Why a verb did not end well.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The input cannot be used; the text says what, where and what to do.
    BadInput(String),
    /// The input was readable, and what it says is wrong.
    FoundWrong(String),
}

impl Failure {
    /// Bad input, told by an error.
    pub(crate) fn input(error: impl std::fmt::Display) -> Self {
        Self::BadInput(error.to_string())
    }
}

/// Prints to standard output; a reader that has gone away is no fault of the run.
fn say(text: &str) -> Result<(), Failure> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::input(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Says something aside, on the error stream.
fn warn(text: &str) {
    eprintln!("gridpact: {text}");
}

/// Runs the program with the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    let result = match Cli::parse().verb {
        Verb::Simulate(args) => simulate::run(&args),
        Verb::Schedule(args) => schedule::run(&args),
        Verb::Bench(verb) => bench::run(&verb),
        Verb::Chain(verb) => chain::run(&verb),
    };
    let (text, code) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::BadInput(text)) => (text, BAD_INPUT),
        Err(Failure::FoundWrong(text)) => (text, FOUND_WRONG),
    };
    warn(&text);
    ExitCode::from(code)
}
