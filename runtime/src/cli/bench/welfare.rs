//! `gridpact bench welfare`: what a market's agents made of their bids and asks, beside the best
//! that could have been made of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gridpact_agents::network::NetworkFees;
use gridpact_agents::params::BlockShape;
use gridpact_agents::social::TaskOutcome;

use super::row::{self, Row};
use crate::cli::Failure;
use crate::config;
use crate::sim::community::Community;
use crate::cli::scratch::Scratch;
use crate::sim::scenario::{Mode, Overrides, Scenario};
use crate::sim::{self, welfare, world};

mod export;

/// Share of its requests that a market may see cancelled.
const CANCELLED_MAX: f64 = 0.1;

/// The arguments of `gridpact bench welfare`.
///
/// A case is every interval as it was first tendered: what each buyer asked for then, worth the
/// retail price it saves, and what each seller could have given by the plan it had then (or gave
/// later, by a plan that had become better), direct
/// surplus at its feed-in price and stored energy at its worth and wear, within the line and, for
/// every store, within what it can give up to each interval. Who reaches whom within
/// coalition.depth_max steps may trade. The optimum sees all of it at once; welfare is what buyers
/// saved less what sellers gave up and network fees, of all contracts on the chain as far as they
/// serve the case. Every mode lives its own days and is held against its own case.
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
    /// The source's rules or gridpact's best [default: both, one after the other]
    #[arg(long, value_name = "paper|best", value_parser = Mode::parse)]
    mode: Option<Mode>,
    /// Leave the switches of --mode as the scenario has them; rows are named `asis`
    #[arg(long, conflicts_with = "mode")]
    as_is: bool,
    /// Write each case as CSV for another solver into DIR/paper and DIR/best: bids.csv
    /// (slot,agent,kwh,price), asks.csv (the same and store), limits.csv (buyer,seller,kwh; others
    /// may not trade), caps.csv (agent,kwh in a slot), budget.csv (store,until_slot,kwh),
    /// and deals.csv (slot,buyer,seller,kwh), what was contracted
    #[arg(long, value_name = "DIR")]
    export: Option<PathBuf>,
    /// Print one JSON array of rows instead of the table
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let scenario = args.scenario()?;
    let mut rows = Vec::new();
    for (word, scenario) in args.markets(&scenario)? {
        let market = Market::live(&scenario)?;
        if let Some(dir) = &args.export {
            market.export(&dir.join(word))?;
        }
        rows.extend(market.rows(word));
    }
    row::print(&rows, args.json)
}

impl Args {
    fn scenario(&self) -> Result<Scenario, Failure> {
        let base = match self.scenario.as_deref() {
            Some(name) => config::scenario(name).map_err(Failure::input)?,
            None => Scenario::default(),
        };
        let (prosumers, days, seed) = (self.prosumers, self.days, self.seed);
        let flags = Overrides { prosumers, days, seed, ..Overrides::default() };
        let scenario = base.apply(&flags).map_err(Failure::input)?;
        if scenario.params.lca.block_shape == BlockShape::Energy {
            return Err(Failure::BadInput(
                "bench welfare counts energy by the interval, and lca.block_shape = energy leaves \
                 the interval to the seller: set lca.block_shape = \"profile\""
                    .to_owned(),
            ));
        }
        Ok(scenario)
    }

    /// The markets to be lived, each with its name.
    fn markets(&self, scenario: &Scenario) -> Result<Vec<(&'static str, Scenario)>, Failure> {
        if self.as_is {
            return Ok(vec![("asis", scenario.clone())]);
        }
        let modes = self.mode.map_or(Mode::ALL.to_vec(), |mode| vec![mode]);
        let in_mode = |mode: Mode| {
            let flags = Overrides { mode: Some(mode), ..Overrides::default() };
            let scenario = scenario.clone().apply(&flags).map_err(Failure::input)?;
            Ok((mode.word(), scenario))
        };
        modes.into_iter().map(in_mode).collect()
    }
}

/// A market that has been lived.
struct Market {
    community: Arc<Community>,
    lived: welfare::Market,
    /// The one fee that is due between all homes; none when it differs.
    fee: Option<NetworkFees>,
    contracts: u64,
    requested: u64,
    cancelled: u64,
}

impl Market {
    fn live(scenario: &Scenario) -> Result<Self, Failure> {
        let community = Arc::new(sim::build(scenario).map_err(Failure::input)?);
        let scratch = Scratch::new().map_err(Failure::input)?;
        let chain = scratch.path().join("chain");
        let lived = world::market(scenario, Arc::clone(&community), &chain, &|_, _| {});
        let (contracts, observer) = lived.map_err(Failure::input)?;
        let fees = scenario.tariff.p2p_fee;
        Ok(observer.look(|seen| {
            let sum = |of: fn(&TaskOutcome) -> u32| {
                seen.outcomes.iter().map(|(_, outcome)| u64::from(of(outcome))).sum()
            };
            Self {
                lived: welfare::Market::of(scenario, &community, &contracts, seen),
                fee: (fees.same_feeder == fees.other || scenario.feeder.sites == 0).then_some(fees),
                contracts: contracts.len() as u64,
                requested: sum(|outcome| outcome.requested),
                cancelled: sum(|outcome| outcome.cancelled),
                community,
            }
        }))
    }

    fn export(&self, dir: &Path) -> Result<(), Failure> {
        let Some(fees) = self.fee else {
            return Err(Failure::BadInput(
                "--export: the fee differs from pair to pair, which these tables cannot say: set \
                 one tariff.p2p_fee"
                    .to_owned(),
            ));
        };
        let written = export::write(&self.lived.case, &self.lived.deals, fees.same_feeder, dir);
        written.map_err(|error| Failure::BadInput(format!("{}: {error}", dir.display())))
    }

    fn rows(&self, word: &str) -> Vec<Row> {
        let (best, made) = (self.lived.best(), self.lived.made());
        let contracted = self.lived.deals.values().sum::<u64>() as f64 / 1e3;
        let cancelled = match self.requested {
            0 => 0.0,
            all => self.cancelled as f64 / all as f64,
        };
        let row = |figure: &str, n, value, unit: &str| {
            Row::plain(format!("{figure}.{word}"), n, value, unit)
        };
        vec![
            row("welfare", self.contracts, made.welfare, &self.community.currency)
                .beside("the optimum", best.welfare),
            row("energy", self.contracts, made.energy, "kWh")
                .beside("the optimum's energy", best.energy),
            row("cancelled", self.requested, cancelled, "share")
                .beside("a tenth of all requests", CANCELLED_MAX),
            row("beyond", self.contracts, contracted - made.energy, "kWh")
                .beside("contracted in all", contracted),
        ]
    }
}
