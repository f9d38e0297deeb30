//! `gridpact bench`: what this machine does, each figure beside its limit measured in the same run.

use clap::Subcommand;

use super::Failure;

mod forecast;
mod negotiation;
mod row;
mod schedule;
mod settle;
mod verify;
mod welfare;

/// What is measured.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Time per local schedule: whole, single storage, and a day of 300 sites
    Schedule(schedule::Args),
    /// How well loads are forecast, by every method
    Forecast(forecast::Args),
    /// Time per letter of a negotiation in each host, for 300 to 100 000 prosumers
    Negotiation(negotiation::Args),
    /// How fast a chain is proven again: its structure, its segments, its signatures, a year of it
    Verify(verify::Args),
    /// Contracts per second from both signatures to a durable pair, with 1 to 300 voting nodes
    Settle(settle::Args),
    /// What the market made of its bids and asks, beside the optimum
    Welfare(welfare::Args),
}

/// Runs the verb.
pub(super) fn run(verb: &Verb) -> Result<(), Failure> {
    match verb {
        Verb::Schedule(args) => schedule::run(args),
        Verb::Forecast(args) => forecast::run(args),
        Verb::Negotiation(args) => negotiation::run(args),
        Verb::Verify(args) => verify::run(args),
        Verb::Settle(args) => settle::run(args),
        Verb::Welfare(args) => welfare::run(args),
    }
}
