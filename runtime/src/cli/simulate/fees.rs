//! `simulate --experiment fee`: the same days under rising fees, one after the other.
//!
//! A world shares its heavy work among the cores already, so worlds take turns.

use super::{Args, progress_bar};
use crate::cli::scratch::Scratch;
use crate::cli::{Failure, say};
use crate::config;
use crate::report::fees::FeeSweep;
use crate::report::{OutDir, Report};
use crate::sim;
use crate::sim::experiment::fee::{FEES, Sweep};
use crate::sim::scenario::Scenario;

/// Lives the days under every fee and writes rows and page.
pub(super) fn run(args: &Args, scenario: Scenario) -> Result<(), Failure> {
    let community = sim::build(&scenario).map_err(Failure::input)?;
    let out = OutDir::prepare(&args.out).map_err(Failure::input)?;
    let written = config::write_scenario(&scenario).map_err(Failure::input)?;
    let welfare = args.wants_welfare(community.sites.len());
    let bar = progress_bar(args.quiet);
    let sweep = Sweep::new(scenario, community, welfare);
    let mut rows = FeeSweep::default();
    for (done, fee) in (0_u64..).zip(FEES) {
        let scratch = Scratch::new().map_err(Failure::input)?;
        let run = sweep.live(fee, &scratch.path().join("chain"), &|epoch, of| {
            bar.set_length(of * FEES.len() as u64);
            bar.set_position(done * of + epoch);
        });
        let report = Report::new(run.map_err(Failure::input)?).map_err(Failure::input)?;
        rows.add(fee, &report);
    }
    bar.finish_and_clear();
    let json = rows.json().map_err(Failure::input)?;
    let files = [
        ("scenario.toml", written),
        ("experiment.json", format!("{json}\n")),
        ("report.html", rows.html()),
    ];
    for (name, text) in files {
        out.write(name, text.as_bytes()).map_err(Failure::input)?;
    }
    if args.json {
        return say(&json);
    }
    say(&rows.table())?;
    say(&format!("report  {}", args.out.join("report.html").display()))
}
