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
use shortfalls::Shortfall;
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
        "cost {:.6} (penalties {:.6}), found by {}, {}\n",
        answer.objective,
        answer.penalty,
        answer.method,
        if answer.gap > 0.0 { format!("gap {:.1e}", answer.gap) } else { "proved".into() }
    );
    let contracts = contracts_w(site);
    let _ = write!(text, "interval  import W  export W  curtailed W  value/kWh");
    if contracts.is_some() {
        let _ = write!(text, "  contracts W");
    }
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
        if let Some(contracts) = &contracts {
            let _ = write!(text, "  {:>11.0}", contracts[t]);
        }
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
    let is_next = |a: &Shortfall, b: &Shortfall| {
        a.field == b.field && a.why == b.why && a.interval + 1 == b.interval
    };
    for run in answer.shortfalls.chunk_by(is_next) {
        let _ = write!(text, "\n{}", lacking(run));
    }
    text
}

/// Mean power of the contracts per interval, bought above 0; `None` without contracts.
fn contracts_w(site: &Site) -> Option<Vec<f64>> {
    let mut power = vec![0.0; site.horizon()];
    for due in &site.obligations {
        power[due.interval] += due.wh / site.dt_h;
    }
    (!site.obligations.is_empty()).then_some(power)
}

/// The same shortfall in intervals that follow each other, in one line.
fn lacking(run: &[Shortfall]) -> String {
    let ([first, ..], [.., last]) = (run, run) else { return String::new() };
    let told = format!("of `{}` at", first.field);
    let why = first.why;
    if run.len() == 1 {
        return format!("missing: {:.0} Wh {told} interval {}: {why}", first.wh, first.interval);
    }
    let least = run.iter().map(|s| s.wh).fold(f64::INFINITY, f64::min);
    let most = run.iter().map(|s| s.wh).fold(0.0, f64::max);
    format!(
        "missing: {least:.0} to {most:.0} Wh {told} each of intervals {} to {}: {why}",
        first.interval, last.interval
    )
}

#[cfg(test)]
mod tests;
