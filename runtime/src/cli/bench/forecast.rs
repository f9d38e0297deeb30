//! `gridpact bench forecast`: every method on the same series, learnt on the first weeks and scored
//! on the later ones. With `--data` on the measured homes of `london_homes/`, else on generated ones.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gridpact_agents::local::forecast::{Calendar, LearnedForecaster, MethodName};
use gridpact_agents::resource::nature::Nature;
use gridpact_chain::terms::Interval;
use jiff::tz::TimeZone;

use super::row;
use crate::cli::Failure;
use crate::sim;
use crate::sim::calendar::zone;
use crate::sim::community::DeviceData;
use crate::sim::dataset::homes;
use crate::sim::localtime::ZoneCalendar;
use crate::sim::scenario::Scenario;
use figures::Judged;
use score::{LOAD, Prices, Score, Series};

mod figures;
mod score;

/// Half-hours in a day.
const DAY: usize = 48;

/// Half-hours between two questions by default; prime to a day's, so that all hours have their turn.
const EVERY: u32 = 11;

/// What `--data` and generated homes are bought at, currency per kWh: the flat price of the London
/// trial, the feed-in price of preset `london`, and a deal a quarter of the way between them, where
/// the agents expect their first.
const PRICES: Prices = Prices { retail: 0.142_28, feed_in: 0.046_4, deal: 0.070_37 };

/// The arguments of `gridpact bench forecast`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Measured homes: a folder with london_homes/ (or such a folder itself) [default: generated]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// First days of every series, to learn from
    #[arg(long, value_name = "N", default_value_t = 28, value_parser = clap::value_parser!(u32).range(2..=365))]
    learn: u32,
    /// Half-hours between two forecasts that are scored
    #[arg(long, value_name = "N", default_value_t = EVERY, value_parser = clap::value_parser!(u32).range(1..=336))]
    every: u32,
    /// At most so many homes [default: all; 20 generated]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    homes: Option<u32>,
    /// Print one JSON array of rows instead of the table
    #[arg(long)]
    json: bool,
}

/// Series on one calendar.
struct Group {
    calendar: Arc<dyn Calendar>,
    series: Vec<Series>,
}

/// Runs the verb.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let groups = match &args.data {
        Some(dir) => measured(dir, args.homes)?,
        None => generated(args.homes.unwrap_or(20))?,
    };
    let learn = args.learn as usize * DAY;
    let longest = groups.iter().flat_map(|g| &g.series).map(|s| s.wh.len()).max().unwrap_or(0);
    if longest < learn + DAY {
        return Err(Failure::BadInput(format!(
            "--learn {}: the longest series has {} days; leave at least one to score",
            args.learn,
            longest / DAY
        )));
    }
    let mut all = Vec::new();
    for name in MethodName::available().iter().copied().map(Some).chain([None]) {
        all.push(judge(name, &groups, learn, args.every as usize));
    }
    row::print(&figures::rows(&all), args.json)
}

/// Scores one method, or the choice among all, on every series.
fn judge(name: Option<MethodName>, groups: &[Group], learn: usize, every: usize) -> Judged {
    let mut result = Judged { name, score: Score::default(), chosen: Vec::new() };
    for group in groups {
        for series in &group.series {
            let calendar = Arc::clone(&group.calendar);
            let mut forecaster = match name {
                Some(name) => LearnedForecaster::with_method(calendar, name),
                None => LearnedForecaster::new(calendar),
            };
            result.score.add(&score::score(&mut forecaster, series, learn, every, PRICES));
            result.chosen.extend(forecaster.method(LOAD));
        }
    }
    result
}

/// The homes of a folder as the London trial measured them, a group for each of its files.
fn measured(dir: &Path, most: Option<u32>) -> Result<Vec<Group>, Failure> {
    let inner = dir.join("london_homes");
    let dir = if inner.is_dir() { inner } else { dir.to_owned() };
    let zone = zone("Europe/London").map_err(Failure::input)?;
    let homes = homes::read(&dir).map_err(Failure::input)?;
    let most = most.map_or(usize::MAX, |most| most as usize);
    let segments = homes.iter().map(|home| home.load.len()).max().unwrap_or(0);
    let group = |number: usize| {
        let measured = homes.iter().take(most).filter_map(|home| home.load.get(number));
        let series: Vec<Series> = measured
            .map(|segment| Series {
                first: Interval(
                    u32::try_from(segment.start_s / segment.step_s.max(1)).unwrap_or(0),
                ),
                wh: segment.wh.clone(),
            })
            .collect();
        group(series, &zone)
    };
    Ok((0..segments).map(group).collect())
}

/// The loads of generated homes: eight weeks and two.
fn generated(homes: u32) -> Result<Vec<Group>, Failure> {
    let scenario = Scenario { prosumers: homes, history_days: 56, days: 14, ..Scenario::default() };
    let community = sim::build(&scenario).map_err(Failure::input)?;
    let loads = community.sites.iter().flat_map(|site| &site.devices).filter_map(|device| {
        match (&device.nature, &device.data) {
            (Nature::Load, DeviceData::Series(wh)) => Some(Series {
                first: community.first(),
                wh: wh.iter().map(|wh| f64::from(*wh)).collect(),
            }),
            _ => None,
        }
    });
    Ok(vec![group(loads.collect(), &community.zone)])
}

fn group(series: Vec<Series>, zone: &TimeZone) -> Group {
    let first = series.iter().map(|s| s.first).min().unwrap_or_default();
    let intervals = series.iter().map(|s| s.wh.len()).max().unwrap_or(0) + 2 * DAY;
    Group { calendar: Arc::new(ZoneCalendar::new(first, intervals, 1_800, zone)), series }
}
