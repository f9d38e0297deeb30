//! `gridpact bench`: what this program does, each figure beside its limit.

use clap::Subcommand;

use super::Failure;

mod forecast;
mod row;

/// What is measured.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// How well loads are forecast, by every method
    Forecast(forecast::Args),
}

/// Runs the verb.
pub(super) fn run(verb: &Verb) -> Result<(), Failure> {
    match verb {
        Verb::Forecast(args) => forecast::run(args),
    }
}
