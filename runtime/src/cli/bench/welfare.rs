//! `gridpact bench welfare`: what a market's agents made of their bids and asks, beside the best
//! that could have been made of them.

use std::path::PathBuf;
use std::sync::Arc;

use super::row::{self, Row};
use crate::cli::Failure;
use crate::config;
use crate::sim::scenario::{Mode, Overrides, Scenario};
use crate::sim::{self, homes, world};
use case::Case;

mod case;
mod flow;
mod optimum;

/// The arguments of `gridpact bench welfare`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// A preset by name, or a scenario file (*.toml) [default: reference]
    #[arg(long, value_name = "NAME|FILE.toml")]
    scenario: Option<String>,
    /// Number of homes
    #[arg(long, value_name = "N")]
    prosumers: Option<u32>,
    /// Days to simulate
    #[arg(long, value_name = "N")]
    days: Option<u32>,
    /// Seed of every draw
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// One way only [default: both]
    #[arg(long, value_name = "paper|best", value_parser = mode)]
    mode: Option<Mode>,
    /// Print one JSON array of rows instead of the table
    #[arg(long)]
    json: bool,
}

fn mode(text: &str) -> Result<Mode, String> {
    Mode::named(text).ok_or_else(|| "paper or best".to_owned())
}

/// Runs the verb.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let base = match args.scenario.as_deref() {
        Some(name) => config::scenario(name).map_err(Failure::input)?,
        None => Scenario::default(),
    };
    let flags = Overrides {
        prosumers: args.prosumers,
        days: args.days,
        seed: args.seed,
        ..Overrides::default()
    };
    let scenario = base.apply(&flags).map_err(Failure::input)?;
    let mut rows = Vec::new();
    for mode in args.mode.map_or(Mode::ALL.to_vec(), |mode| vec![mode]) {
        let mut scenario = scenario.clone();
        mode.set(&mut scenario.params);
        rows.extend(market(mode.word(), &scenario)?);
    }
    row::print(&rows, args.json)
}

fn market(mode: &str, scenario: &Scenario) -> Result<Vec<Row>, Failure> {
    let community = Arc::new(sim::build(scenario).map_err(Failure::input)?);
    let dir =
        PathBuf::from(std::env::temp_dir()).join(format!("gridpact-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir).map_err(Failure::input)?;
    let t0 = std::time::Instant::now();
    let (contracts, observer) =
        world::market(scenario, Arc::clone(&community), &dir.join("chain"), &|_, _| {})
            .map_err(Failure::input)?;
    let t1 = std::time::Instant::now();
    let deals = case::deals(&contracts);
    let reach = case::reach(&community, scenario.params.coalition.depth_max);
    let (case, requested, cancelled) = observer.look(|seen| {
        let stands = seen.stands.as_deref().unwrap_or(&[]);
        let case = Case::of(stands, &deals, reach);
        let sum = |of: &dyn Fn(&gridpact_agents::social::TaskOutcome) -> u32| {
            seen.outcomes.iter().map(|(_, o)| u64::from(of(o))).sum::<u64>()
        };
        let mut all = std::collections::BTreeMap::new();
        for (_, o) in &seen.outcomes {
            for (r, n) in &o.reasons.0 {
                *all.entry(*r).or_insert(0u32) += n;
            }
        }
        eprintln!("{all:?} letters {}", seen.letters);
        (case, sum(&|o| o.requested), sum(&|o| o.cancelled))
    });
    let fees = homes::network(scenario, &community);
    let best = optimum::solve(&case, &fees, None);
    let t2 = std::time::Instant::now();
    let made = optimum::solve(&case, &fees, Some(&deals));
    let all: u64 = deals.values().sum();
    let bids: u64 = case.bids.iter().map(|b| b.wh).sum();
    eprintln!(
        "run {:?} lp {:?} bids {} asks {} bid kWh {} contracted kWh {}",
        t1 - t0,
        t2 - t1,
        case.bids.len(),
        case.asks.len(),
        bids as f64 / 1e3,
        all as f64 / 1e3
    );
    let n = contracts.len() as u64;
    Ok(vec![
        Row::plain(format!("welfare.{mode}"), n, made.welfare, &community.currency)
            .beside("optimum", best.welfare),
        Row::plain(format!("energy.{mode}"), n, made.energy, "kWh")
            .beside("energy of the optimum", best.energy),
        Row::plain(
            format!("cancelled.{mode}"),
            requested,
            cancelled as f64 / requested.max(1) as f64,
            "share",
        )
        .beside("a tenth", 0.1),
    ])
}
