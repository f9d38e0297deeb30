//! Which homes and days are simulated: chosen from what the files have in common.

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::DatasetError;
use super::homes::MeasuredHome;
use crate::sim::scenario::{Scenario, Season};

/// The chosen days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Days {
    /// First simulated local day.
    pub date: Date,
    /// Recorded days before it.
    pub history_days: u32,
    /// Indices of the homes that were measured on all of them.
    pub homes: Vec<usize>,
}

/// Whether a date is of this part of the year: April to September, or October to March.
#[must_use]
pub fn is_in(season: Season, date: Date) -> bool {
    (4..=9).contains(&date.month()) == (season == Season::Summer)
}

/// Chooses the days on which most homes were measured, the earliest of several; a history that the
/// files are too short for is shortened before a home is left out. `usable` says whether everything
/// else is known on the simulated days `from_s..until_s`, which begin with `date`.
///
/// # Errors
/// When no day has a day of history and enough homes.
pub fn choose(
    scenario: &Scenario,
    zone: &TimeZone,
    homes: &[MeasuredHome],
    usable: impl Fn(Date, i64, i64) -> bool,
) -> Result<Days, DatasetError> {
    let wanted = if scenario.prosumers == 0 { homes.len() } else { scenario.prosumers as usize };
    let seasons: &[Season] = match scenario.data.season {
        Some(Season::Summer) => &[Season::Summer],
        Some(Season::Winter) => &[Season::Winter],
        None => &[Season::Summer, Season::Winter],
    };
    let mut best: Option<Days> = None;
    for season in seasons {
        for history_days in (1..=scenario.history_days.max(1)).rev() {
            for date in dates(homes, zone, scenario.start) {
                if !is_in(*season, date) && scenario.start.is_none() {
                    continue;
                }
                let Some(homes) = covered(scenario, zone, homes, date, history_days, &usable)
                else {
                    continue;
                };
                if best.as_ref().is_none_or(|best| homes.len() > best.homes.len()) {
                    best = Some(Days { date, history_days, homes });
                }
            }
            if best.as_ref().is_some_and(|best| best.homes.len() >= wanted) {
                break;
            }
        }
        if best.is_some() {
            break;
        }
    }
    let Some(mut best) = best.filter(|best| !best.homes.is_empty()) else {
        return Err(nothing(scenario));
    };
    if scenario.prosumers > 0 && best.homes.len() < wanted {
        return Err(DatasetError::Days(format!(
            "{wanted} homes are asked for, but the files measure at most {} on the same {} days \
             and the day before them; lower --prosumers or --days",
            best.homes.len(),
            scenario.days
        )));
    }
    best.homes.truncate(wanted);
    Ok(best)
}

fn nothing(scenario: &Scenario) -> DatasetError {
    let season = match scenario.data.season {
        Some(Season::Summer) => " of summer (April to September)",
        Some(Season::Winter) => " of winter (October to March)",
        None => "",
    };
    let from = scenario.start.map(|date| format!(" from {date} on")).unwrap_or_default();
    DatasetError::Days(format!(
        "the files have no {} whole days{season}{from} with a day of history on which loads, prices \
         and yields are all known; lower --days or change --season",
        scenario.days
    ))
}

/// Every local date on which any home was measured, in order; or the one that is asked for.
fn dates(homes: &[MeasuredHome], zone: &TimeZone, start: Option<Date>) -> Vec<Date> {
    if let Some(date) = start {
        return vec![date];
    }
    let mut ranges: Vec<(i64, i64)> =
        homes.iter().flat_map(|home| &home.load).map(|s| (s.start_s, s.end_s())).collect();
    ranges.sort_unstable();
    ranges.dedup();
    let mut dates = std::collections::BTreeSet::new();
    for (from_s, until_s) in ranges {
        let local = |second| {
            jiff::Timestamp::from_second(second).map(|t| t.to_zoned(zone.clone()).date()).ok()
        };
        let (Some(from), Some(until)) = (local(from_s), local(until_s)) else { continue };
        dates.extend(from.series(1.day()).take_while(|date| *date <= until));
    }
    dates.into_iter().collect()
}

fn covered(
    scenario: &Scenario,
    zone: &TimeZone,
    homes: &[MeasuredHome],
    date: Date,
    history_days: u32,
    usable: &impl Fn(Date, i64, i64) -> bool,
) -> Option<Vec<usize>> {
    let midnight = |days: i64| {
        let day = date.checked_add(days.days()).ok()?;
        Some(day.to_zoned(zone.clone()).ok()?.timestamp().as_second())
    };
    let (first_s, start_s, end_s) =
        (midnight(-i64::from(history_days))?, midnight(0)?, midnight(scenario.days.into())?);
    let whole =
        |home: &MeasuredHome| home.load.iter().any(|segment| segment.covers(first_s, end_s));
    let found: Vec<usize> =
        homes.iter().enumerate().filter(|(_, home)| whole(home)).map(|(i, _)| i).collect();
    (!found.is_empty() && usable(date, start_s, end_s)).then_some(found)
}
