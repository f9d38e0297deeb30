//! `gridpact bench`: what this machine does, each figure beside its limit measured in the same run.

use clap::ValueEnum;
use serde::Serialize;

use super::{Failure, say};

mod schedule;

/// The arguments of `gridpact bench`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to measure
    #[arg(value_enum)]
    name: Name,
    /// Print one JSON array of rows instead of the table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Time per local schedule: whole, single storage, and a day of 300 sites
    Schedule,
}

/// One figure beside its limit.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Row {
    name: &'static str,
    /// How often it was taken.
    n: usize,
    value: f64,
    unit: &'static str,
    limit_name: &'static str,
    limit_value: f64,
    /// `value / limit_value`.
    ratio: f64,
}

impl Row {
    fn new(
        name: &'static str,
        n: usize,
        (value, unit): (f64, &'static str),
        (limit_name, limit_value): (&'static str, f64),
    ) -> Self {
        Self { name, n, value, unit, limit_name, limit_value, ratio: value / limit_value }
    }
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let rows = match args.name {
        Name::Schedule => schedule::rows()?,
    };
    if args.json {
        return say(&serde_json::to_string(&rows).map_err(Failure::input)?);
    }
    say(&format!(
        "{:<18} {:>7} {:>12}       {:>12}  {:>6}  limit",
        "name", "n", "value", "limit", "ratio"
    ))?;
    for row in rows {
        say(&format!(
            "{:<18} {:>7} {:>12.3} {:<4}  {:>12.3}  {:>6.3}  {}",
            row.name, row.n, row.value, row.unit, row.limit_value, row.ratio, row.limit_name
        ))?;
    }
    Ok(())
}
