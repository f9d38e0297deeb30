//! Contracts from both signatures to a durable pair, on the very actors of a node, beside what their
//! signatures cost bare.
//!
//! Every node keeps its own journal on disk and speaks of nothing that is not in it. Virtual time passes
//! for nothing, so what is measured is work. The limit is what no node can spare, done bare: both parties'
//! signatures checked, each voter's approval and ledger vote signed, a quorum of both checked. Checks are
//! strict, and computed once per process, as in a deployment with several sites.

use std::path::{Path, PathBuf};

use super::row::{self, Row};
use crate::cli::Failure;
use crate::cli::scratch::Scratch;

mod bare;
mod deals;
mod disk;
mod nodes;

use deals::Deals;
use nodes::Taken;

/// Voting nodes of the rows, and the contracts of an epoch of each; there are so many epochs.
const SIZES: [(u32, u32, u32); 4] = [(1, 512, 6), (4, 512, 4), (7, 512, 3), (300, 60, 2)];
/// Rounds whose median is told.
const ROUNDS: usize = 3;
/// Where memory looks like a disk, on most machines.
const TMPFS: &str = "/dev/shm";

/// The arguments of `gridpact bench settle`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Print one JSON array of rows instead of the table
    #[arg(long)]
    json: bool,
    /// Only up to this many voting nodes
    #[arg(long, value_name = "N", default_value_t = 300)]
    most: u32,
    /// Contracts of an epoch [default: 512, and 60 with 300 nodes]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    contracts: Option<u32>,
    /// Where journals are written for all rows but the disk's [default: /dev/shm, where it is there]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Runs the verb.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    row::print(&rows(args)?, args.json)
}

fn rows(args: &Args) -> Result<Vec<Row>, Failure> {
    let shm = PathBuf::from(TMPFS);
    let memory = args.dir.clone().unwrap_or_else(|| match shm.is_dir() {
        true => shm,
        false => std::env::temp_dir(),
    });
    let mut rows = Vec::new();
    let mut alone = None;
    for (n, contracts, epochs) in SIZES.into_iter().filter(|(n, ..)| *n <= args.most) {
        let contracts = args.contracts.unwrap_or(contracts);
        let deals = Deals::new(n, contracts, epochs).map_err(Failure::input)?;
        let bare_s = bare::seconds_a_contract(&deals);
        let taken = (0..ROUNDS).map(|_| lived(&memory, &deals)).collect::<Result<Vec<_>, _>>()?;
        let on_disk = lived(&std::env::temp_dir(), &deals)?;
        let busy_s = median(&taken, |t| t.processor_s / t.contracts);
        let first_s = *alone.get_or_insert(busy_s);
        let row =
            |what: &str, value, unit| Row::plain(format!("settle{what}"), n.into(), value, unit);
        rows.push(
            row("", 1.0 / busy_s, "contracts per s of one core")
                .beside("the bare signatures", 1.0 / bare_s),
        );
        rows.push(row(".growth", busy_s / first_s, "times the least n's"));
        rows.push(row(".wall", median(&taken, |t| t.contracts / t.wall_s), "contracts per s"));
        rows.push(row(".disk", on_disk.contracts / on_disk.wall_s, "contracts per s"));
        rows.push(row(
            ".syncs",
            median(&taken, |t| t.syncs / t.contracts),
            "fdatasyncs a contract",
        ));
    }
    Ok(rows)
}

/// All epochs once, with journals in a directory of their own below `dir`.
fn lived(dir: &Path, deals: &Deals) -> Result<Taken, Failure> {
    let wrong = |error| Failure::BadInput(format!("{}: {error}", dir.display()));
    let scratch = Scratch::within(dir).map_err(wrong)?;
    nodes::settle(scratch.path(), deals)
}

fn median(taken: &[Taken], figure: impl Fn(&Taken) -> f64) -> f64 {
    let mut figures: Vec<f64> = taken.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
