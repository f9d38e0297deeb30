//! `gridpact schedule`: the cheapest schedule of one site, exactly, from a JSON file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gridpact_agents::local::schedule::{Effort, solve_within};

use super::{Failure, say};

mod answer;
mod checks;
mod model;
mod read;
mod shortfalls;
mod site;

pub(crate) use answer::Answer;
use answer::FullNow;
pub(crate) use site::Site;

/// Where yes-or-no choices are needed the search ends after this long, with the gap that is left.
const SEARCH_S: u64 = 2;

/// The arguments of `gridpact schedule`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = SCHEMA)]
pub(super) struct Args {
    /// The site; several sites are answered one after the other
    #[arg(required = true, value_name = "SITE.json")]
    files: Vec<PathBuf>,
    /// Print one JSON object per site instead of the table
    #[arg(long)]
    json: bool,
}

const SCHEMA: &str = include_str!("schedule/schema.txt");

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    for file in &args.files {
        let bad = |wrong: String| Failure::BadInput(format!("{}: {wrong}", file.display()));
        let text = std::fs::read_to_string(file).map_err(|error| bad(error.to_string()))?;
        let site = read::read(&text).map_err(bad)?;
        let answer = plan(&site).map_err(bad)?;
        if args.json {
            let line = serde_json::to_string(&answer).map_err(|error| bad(error.to_string()))?;
            say(&line)?;
        } else {
            say(&table(file, &site, &answer))?;
        }
    }
    Ok(())
}

/// The best schedule of a checked site.
pub(crate) fn plan(site: &Site) -> Result<Answer, String> {
    let mut answer = best(site)?;
    for (storage, _) in site.storages.iter().enumerate().filter(|(_, s)| s.full_now) {
        let mut without = site.clone();
        without.storages[storage].full_now = false;
        let without = best(&without)?;
        let missed = |answer: &Answer| -> f64 {
            let due = answer.shortfalls.iter().filter(|s| s.kind == "obligation");
            due.map(|s| s.wh).sum()
        };
        let extra = answer.objective - without.objective;
        let missed_wh = (missed(&answer) - missed(&without)).max(0.0);
        answer.full_now.push(FullNow { storage, extra, missed_wh });
    }
    Ok(answer)
}

/// The best schedule, without the price of wishes.
fn best(site: &Site) -> Result<Answer, String> {
    let model = model::model(site);
    let effort = Effort { nodes: None, time: Some(Duration::from_secs(SEARCH_S)) };
    let plan = solve_within(&model.problem, effort).map_err(|error| error.to_string())?;
    Ok(answer::answer(site, &model, &plan))
}

/// The schedule for a reader.
fn table(file: &Path, site: &Site, answer: &Answer) -> String {
    let mut text = format!("{}\n", file.display());
    for FullNow { storage, extra, missed_wh } in &answer.full_now {
        let _ = write!(text, "full now: storage {storage} costs {extra:.6} more than without it");
        if *missed_wh > 0.5 {
            let _ = write!(text, ", and misses {missed_wh:.0} Wh of obligations");
        }
        let _ = writeln!(text);
    }
    let _ = writeln!(
        text,
        "cost {:.6} (penalties {:.6}), found by {}, gap {:e}\n",
        answer.objective, answer.penalty, answer.method, answer.gap
    );
    let _ = write!(text, "interval  import W  export W  curtailed W  value/kWh");
    for s in 0..answer.storages.len() {
        let _ = write!(text, "  storage {s} W       Wh");
    }
    for j in 0..answer.deferrables.len() {
        let _ = write!(text, "  load {j} W");
    }
    let _ = writeln!(text);
    for t in 0..site.horizon() {
        let _ = write!(
            text,
            "{t:>8}  {:>8.0}  {:>8.0}  {:>11.0}  {:>9.4}",
            answer.import_w[t],
            answer.export_w[t],
            answer.curtailed_w[t],
            answer.marginal_value_per_kwh[t]
        );
        for storage in &answer.storages {
            let flow = storage.charge_w[t] - storage.discharge_w[t];
            let _ = write!(text, "  {flow:>11.0}  {:>7.0}", storage.soc_wh[t]);
        }
        for job in &answer.deferrables {
            let _ = write!(text, "  {:>8.0}", job[t]);
        }
        let _ = writeln!(text);
    }
    if answer.shortfalls.is_empty() {
        let _ = write!(text, "\nnothing is missing");
    }
    for shortfall in &answer.shortfalls {
        let _ = write!(
            text,
            "\nmissing: {:.0} Wh of `{}` at interval {}: {}",
            shortfall.wh, shortfall.field, shortfall.interval, shortfall.why
        );
    }
    text
}

#[cfg(test)]
mod tests;
