//! `gridpact simulate`: the main job.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args as ClapArgs;
use gridpact_chain::terms::PartyId;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Failure, say};
use crate::config;
use crate::keys::SecretKey;
use crate::report::compare::Comparison;
use crate::report::explain;
use crate::report::run::Alone;
use crate::report::{OutDir, Report};
use crate::sim::experiment::Experiment;
use crate::sim::scenario::{Host, Mode, Overrides, PRESETS, Scenario, Season};
use crate::sim::world::{Asked, Places};
use crate::sim::{self, greedy, harvest, world};
use crate::store::readings::Shelf;

mod fees;
mod strategies;

/// Up to as many homes the market is weighed against its optimum unless the flag says otherwise.
const WELFARE_HOMES: usize = 500;

/// Let a community trade whole days in virtual time and report what came of it.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// A preset by name, a scenario file (*.toml), or `list` [default: reference; london with --data]
    #[arg(long, value_name = "NAME|FILE.toml|list")]
    scenario: Option<String>,
    /// Number of homes
    #[arg(long, value_name = "N")]
    prosumers: Option<u32>,
    /// Days to simulate
    #[arg(long, value_name = "N")]
    days: Option<u32>,
    /// Seed of every draw; the same seed gives the same chain
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Homes that vote on the chain [default: all]
    #[arg(long, value_name = "N")]
    validators: Option<u32>,
    /// How the market is run: by the source's rules, or by the best there is [default: as the scenario]
    #[arg(long, value_name = "paper|best", value_parser = Mode::parse)]
    mode: Option<Mode>,
    /// Network charges and levies that stay due on peer-to-peer energy, currency per kWh
    #[arg(long, value_name = "PRICE", allow_negative_numbers = true)]
    fee: Option<String>,
    /// Measured homes, PV, vehicles and prices: the london preset
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Part of the year taken from measured files
    #[arg(long, value_name = "summer|winter", value_parser = season)]
    season: Option<Season>,
    /// A wind turbine of KW as a prosumer of its own; with --data its yields are measured ones
    #[arg(long, value_name = "KW")]
    turbine: Option<u32>,
    /// A community's own meters (CSV: site,start,import_wh,export_wh)
    #[arg(long, value_name = "DIR")]
    meters: Option<PathBuf>,
    /// Where the minds live: an actor each, or many homes in one actor (for large communities)
    #[arg(long, value_name = "actors|shards", value_parser = host)]
    host: Option<Host>,
    /// Where results go; replaced if it holds earlier results
    #[arg(long, value_name = "DIR", default_value = "gridpact-out")]
    out: PathBuf,
    /// Keep what the devices' meters said in DIR, one file per home; it must hold no readings yet
    /// [default: in memory]
    #[arg(long, value_name = "DIR")]
    readings: Option<PathBuf>,
    /// Also live the same days greedily and with perfect foresight, and compare what homes pay
    #[arg(long)]
    compare: bool,
    /// Live the same days several times. fee: under charges on peer-to-peer energy of 0, 0.02, 0.05,
    /// 0.10, 0.15 and 0.20 per kWh; rows of fee_per_kwh, share, contracted, saving (of all homes, in
    /// the currency), gainers, losers, welfare_ratio, feeder_peak_w and more, as a table, as one JSON
    /// array (--json, experiment.json) and as curves (report.html). strategy: honestly, and with one
    /// seller, one buyer or a tenth of the sellers lying or pressing harder, in 10 draws; rows of
    /// strategy, factor, own_gain, rest_gain and welfare (mean, deviation, min, max over draws; in the
    /// currency against the honest days), gained_in, share and honest_share
    #[arg(long, value_name = "fee|strategy", value_parser = Experiment::parse,
          conflicts_with_all = ["compare", "explain", "readings", "fee"])]
    experiment: Option<Experiment>,
    /// Hold the contracts against the exact optimum of the bids and asks that agents really had
    /// [default: on up to 500 homes]
    #[arg(long, value_name = "on|off", value_parser = on_off)]
    welfare: Option<bool>,
    /// Explain one prosumer, by name or number: what its devices did and why, what contracts earned
    #[arg(long, value_name = "PROSUMER")]
    explain: Option<String>,
    /// Print one JSON object instead of the table
    #[arg(long)]
    json: bool,
    /// No progress bar
    #[arg(long)]
    quiet: bool,
}

impl Args {
    fn overrides(&self) -> Overrides {
        Overrides {
            prosumers: self.prosumers,
            days: self.days,
            seed: self.seed,
            validators: self.validators,
            mode: self.mode,
            fee: self.fee.clone(),
            season: self.season,
            turbine_kw: self.turbine,
            host: self.host,
            data: self.data.clone(),
            meters: self.meters.clone(),
        }
    }

    fn scenario(&self) -> Result<Scenario, Failure> {
        let base = match self.scenario.as_deref() {
            Some(name) => config::scenario(name).map_err(Failure::input)?,
            None => Scenario::default(),
        };
        base.apply(&self.overrides()).map_err(Failure::input)
    }

    fn wants_welfare(&self, homes: usize) -> bool {
        self.welfare.unwrap_or(homes <= WELFARE_HOMES)
    }
}

fn on_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("on or off".to_owned()),
    }
}

fn season(text: &str) -> Result<Season, String> {
    match text {
        "summer" => Ok(Season::Summer),
        "winter" => Ok(Season::Winter),
        _ => Err("summer or winter".to_owned()),
    }
}

fn host(text: &str) -> Result<Host, String> {
    match text {
        "actors" => Ok(Host::Actors),
        "shards" => Ok(Host::Shards),
        _ => Err("actors or shards".to_owned()),
    }
}

/// Runs the verb.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    if args.scenario.as_deref() == Some("list") {
        return list();
    }
    let scenario = args.scenario()?;
    match args.experiment {
        Some(Experiment::Fee) => return fees::run(args, scenario),
        Some(Experiment::Strategy) => return strategies::run(args, &scenario),
        None => {}
    }
    // Refused before anything is replaced.
    let shelf = Shelf::begin(args.readings.as_deref()).map_err(Failure::input)?;
    let foresight = match args.compare {
        true => {
            let all_knowing = scenario.with_foresight();
            Some(live(args, &all_knowing, Shelf::default(), false)?.1)
        }
        false => None,
    };
    // Preparing the directory again drops the chain of the life with foresight.
    let (out, mut report) = live(args, &scenario, shelf, true)?;
    if let Some(foresight) = foresight {
        let comparison = Comparison::of(&report, &greedy(&scenario)?, &foresight);
        report = report.compared(comparison);
    }
    if let Some(prosumer) = &args.explain {
        report = report.explained(prosumer).map_err(Failure::input)?;
    }
    report.write(&out).map_err(Failure::input)?;
    if args.json {
        return say(&report.json().map_err(Failure::input)?);
    }
    say(&report.table())?;
    if scenario.chain.seal_contracts {
        say(&format!("\nkey     {}", out.key_file().map_err(Failure::input)?.display()))?;
    }
    say(&format!(
        "\nreport  {}\nproof   {}",
        args.out.join("report.html").display(),
        report.verify_command(&args.out)
    ))
}

/// Lets the community live, its chain in the output directory; `is_told` of the life that is reported.
fn live(
    args: &Args,
    scenario: &Scenario,
    readings: Shelf,
    is_told: bool,
) -> Result<(OutDir, Report), Failure> {
    let community = sim::build(scenario).map_err(Failure::input)?;
    if let Some(prosumer) = &args.explain {
        // A slip is told now, not after the run.
        let names: Vec<&str> = community.sites.iter().map(|site| site.name.as_str()).collect();
        explain::find(&names, prosumer).map_err(Failure::input)?;
    }
    let out = OutDir::prepare(&args.out).map_err(Failure::input)?;
    let bar = progress_bar(args.quiet);
    let places = Places { chain: &out.chain(), vault: Some(out.path()), readings };
    let welfare = is_told && args.wants_welfare(community.sites.len());
    let asked = Asked { welfare, lives: None };
    let run = world::run_asked(scenario, community, places, asked, &|done, of| {
        bar.set_length(of);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let mut run = run.map_err(Failure::input)?;
    if scenario.chain.seal_contracts {
        // Whoever runs it may read it: without a member's key the chain shows no amounts.
        let file = out.key_file().map_err(Failure::input)?;
        let key = SecretKey::simulated(scenario.seed, PartyId(0));
        key.write_pem(&file).map_err(Failure::input)?;
    }
    run.scenario_toml = config::write_scenario(scenario).map_err(Failure::input)?;
    Ok((out, Report::new(run).map_err(Failure::input)?))
}

/// What the homes' devices do when each only looks at its own meter.
fn greedy(scenario: &Scenario) -> Result<Vec<Alone>, Failure> {
    let community = Arc::new(sim::build(scenario).map_err(Failure::input)?);
    Ok(greedy::self_consumption(&community).iter().map(harvest::alone).collect())
}

fn list() -> Result<(), Failure> {
    let lines: Vec<String> =
        PRESETS.iter().map(|preset| format!("{:<16} {}", preset.name, preset.about)).collect();
    say(&lines.join("\n"))
}

fn progress_bar(quiet: bool) -> ProgressBar {
    let shown = !quiet && std::io::stderr().is_terminal();
    let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(1), target);
    if let Ok(style) = ProgressStyle::with_template("{bar:32} {pos}/{len} intervals  {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}
