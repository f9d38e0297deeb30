//! `simulate --experiment strategy`: the same days honestly and otherwise, draw by draw.
//!
//! A world shares its heavy work among the cores already, so worlds take turns.

use super::{Args, progress_bar};
use crate::cli::scratch::Scratch;
use crate::cli::{Failure, say};
use crate::config;
use crate::report::strategies::Strategies;
use crate::report::{OutDir, Report};
use crate::sim::experiment::strategy::{DRAWS, Deviation, Draw, Traders, deviations};
use crate::sim::scenario::Scenario;

/// Lives every strategy in every draw and writes the rows.
pub(super) fn run(args: &Args, scenario: &Scenario) -> Result<(), Failure> {
    let out = OutDir::prepare(&args.out).map_err(Failure::input)?;
    let written = config::write_scenario(scenario).map_err(Failure::input)?;
    let all = deviations(&scenario.params);
    let bar = progress_bar(args.quiet);
    let mut strategies = Strategies::default();
    for nth in 0..DRAWS {
        let draw = Draw::new(scenario, nth).map_err(Failure::input)?;
        // Everybody alike, in one round and, where somebody holds out, in several.
        let mut alike: [Option<Report>; 2] = [None, None];
        for (done, deviation) in (0_u64..).zip(&all) {
            let known = &mut alike[usize::from(deviation.in_rounds)];
            let honest = match known {
                Some(honest) => &*honest,
                None => known.insert(live(&draw, deviation.in_rounds, None)?),
            };
            let homes = draw.drawn(deviation.who, &Traders::of(honest.run()));
            let other = live(&draw, deviation.in_rounds, Some((deviation, homes.clone())))?;
            strategies.add((deviation.word, deviation.factor_ppm), honest, &other, &homes);
            bar.set_length(DRAWS * all.len() as u64);
            bar.set_position(nth * all.len() as u64 + done + 1);
        }
    }
    bar.finish_and_clear();
    let json = strategies.json().map_err(Failure::input)?;
    for (name, text) in [("scenario.toml", written), ("experiment.json", format!("{json}\n"))] {
        out.write(name, text.as_bytes()).map_err(Failure::input)?;
    }
    if args.json {
        return say(&json);
    }
    say(&strategies.table())
}

/// The days of a draw, all homes alike but those that are named.
fn live(
    draw: &Draw,
    in_rounds: bool,
    deviant: Option<(&Deviation, Vec<u32>)>,
) -> Result<Report, Failure> {
    let scenario = draw.scenario(in_rounds, deviant).map_err(Failure::input)?;
    let scratch = Scratch::new().map_err(Failure::input)?;
    let run = draw.live(&scenario, &scratch.path().join("chain"), &|_, _| ());
    Report::new(run.map_err(Failure::input)?).map_err(Failure::input)
}
