//! What a letter of one epoch's negotiation costs in each host, beside a bare loop over the same
//! minds.
//!
//! The minds are real SCAs; beside each stands a desk that answers for the LCA from a fixed stock.
//! Schedules and signatures are left out: they cost the same wherever a mind lives. Every figure is
//! taken in a process of its own, hosts in turns, so that neither the memory of one nor a busy
//! neighbour is counted for another.

use std::process::Command;

use serde::{Deserialize, Serialize};

use super::row::{self, Row};
use crate::cli::{Failure, say};

mod hosts;
mod stock;
mod trader;

/// Communities that are measured.
const SIZES: [u32; 4] = [300, 3_000, 30_000, 100_000];
/// Turns of each host; a large community needs no repetition.
const ROUNDS: usize = 5;
/// As many minds are asked in every turn: small communities live several epochs.
const MINDS_A_TURN: u32 = 60_000;

/// The arguments of `gridpact bench negotiation`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Print one JSON array of rows instead of the table
    #[arg(long)]
    json: bool,
    /// Only communities up to this size
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    most: u32,
    /// Measure one host alone, in this process, and print what it took
    #[arg(long, value_name = "loop|shards|stock|actors", hide = true, value_parser = host)]
    only: Option<Host>,
    /// The size of that one's community
    #[arg(long, hide = true, default_value_t = 300)]
    prosumers: u32,
}

/// Where the minds live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Host {
    /// One queue, no actor, no runtime: the limit.
    Loop,
    /// Many minds per actor.
    Shards,
    /// A mind per actor of actix as it is.
    Stock,
    /// A mind per supervised actor.
    Actors,
}

impl Host {
    const ALL: [Self; 4] = [Self::Loop, Self::Shards, Self::Stock, Self::Actors];

    fn name(self) -> &'static str {
        match self {
            Self::Loop => "loop",
            Self::Shards => "shards",
            Self::Stock => "stock",
            Self::Actors => "actors",
        }
    }
}

fn host(text: &str) -> Result<Host, String> {
    let found = Host::ALL.into_iter().find(|host| host.name() == text);
    found.ok_or_else(|| "loop, shards, stock or actors".to_owned())
}

/// What one process took for its epochs.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Taken {
    /// Letters that minds have handled.
    letters: u64,
    /// Contracts that were signed.
    contracts: u64,
    /// Processor time, ns.
    cpu_ns: u64,
    /// Epochs.
    epochs: u64,
    /// Wall time of one epoch, s.
    wall_s: f64,
    /// Most memory the process ever held, bytes.
    peak_bytes: u64,
}

impl Taken {
    fn ns_a_letter(&self) -> f64 {
        self.cpu_ns as f64 / self.letters.max(1) as f64
    }

    fn ns_a_prosumer(&self, n: u32) -> f64 {
        self.cpu_ns as f64 / (self.epochs.max(1) * u64::from(n)) as f64
    }
}

/// Runs the verb.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    if let Some(host) = args.only {
        let epochs = (MINDS_A_TURN / args.prosumers.max(1)).max(1);
        let taken = hosts::measure(host, args.prosumers, epochs);
        return say(&serde_json::to_string(&taken).map_err(Failure::input)?);
    }
    row::print(&rows(args.most)?, args.json)
}

fn rows(most: u32) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    let mut first: Option<[f64; 4]> = None;
    for n in SIZES.into_iter().filter(|n| *n <= most) {
        let rounds = if n > 30_000 { 1 } else { ROUNDS };
        let mut taken: [Vec<Taken>; 4] = Default::default();
        for _ in 0..rounds {
            for (host, taken) in Host::ALL.into_iter().zip(&mut taken) {
                taken.push(elsewhere(host, n)?);
            }
        }
        let per_letter = taken.each_ref().map(|all| median(all, Taken::ns_a_letter));
        let per_prosumer = taken.each_ref().map(|all| median(all, |t| t.ns_a_prosumer(n)));
        let small = *first.get_or_insert(per_prosumer);
        for (i, host) in Host::ALL.into_iter().enumerate() {
            let name = |what: &str| format!("negotiation.{}{what}", host.name());
            let (beside, limit) = match host {
                Host::Actors => (stock::NAME, per_letter[2]),
                _ => ("the bare loop", per_letter[0]),
            };
            let row = |what: &str, value, unit| Row::plain(name(what), n.into(), value, unit);
            rows.push(row("", per_letter[i], "ns per message").beside(beside, limit));
            rows.push(
                row(".growth", per_prosumer[i] / small[i], "times the least n's")
                    .beside("the loop's own growth", per_prosumer[0] / small[0]),
            );
            rows.push(row(".wall", median(&taken[i], |t| t.wall_s), "s per epoch"));
            let peak = median(&taken[i], |t| t.peak_bytes as f64);
            rows.push(row(".peak", peak / 1e6, "MB").beside("4 GB", 4e3));
        }
    }
    Ok(rows)
}

/// One host in a process of its own.
fn elsewhere(host: Host, n: u32) -> Result<Taken, Failure> {
    let program = std::env::current_exe().map_err(Failure::input)?;
    let n = n.to_string();
    let args = ["bench", "negotiation", "--only", host.name(), "--prosumers", &n];
    let output = Command::new(program).args(args).output().map_err(Failure::input)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::FoundWrong(format!(
            "measuring {} of {n} failed: {said}",
            host.name()
        )));
    }
    serde_json::from_slice(&output.stdout).map_err(Failure::input)
}

fn median(taken: &[Taken], figure: impl Fn(&Taken) -> f64) -> f64 {
    let mut figures: Vec<f64> = taken.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
