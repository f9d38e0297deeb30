//! Yields per installed kW of sun and wind (`pv_wind/germany_*.csv`), by local wall clock.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::Date;

use super::table::Table;
use super::{DatasetError, files};
use crate::sim::calendar::Calendar;
use crate::sim::profiles::chance::whole_wh;

/// Half hours of a day.
const HALVES: usize = 48;
/// Most a kW can yield in half an hour, kWh; what is above half is a modest overload.
const YIELD_MAX_KWH: f64 = 1.0;
/// How far, in days of the year, a measured day may be from the simulated one.
pub const SEASON_DAYS: i32 = 45;

/// Measured yields of whole local days.
#[derive(Debug, Clone, Default)]
pub struct Yields {
    /// Names of the photovoltaic columns.
    pub solar: Vec<String>,
    /// Names of the wind columns.
    pub wind: Vec<String>,
    /// kWh per kW of each half hour, by day and column name.
    days: BTreeMap<Date, BTreeMap<String, Vec<f64>>>,
}

/// Reads every yield file of a folder.
///
/// # Errors
/// Any cell that is missing or impossible, or a folder without yields.
pub fn read(dir: &Path) -> Result<Yields, DatasetError> {
    let found = files(dir, "germany_", ".csv")?;
    if found.is_empty() {
        return Err(DatasetError::file(dir, "has no germany_*.csv with yields"));
    }
    let mut yields = Yields::default();
    for file in found {
        read_file(&file, &mut yields)?;
    }
    yields.days.retain(|_, columns| columns.values().all(|halves| halves.len() == HALVES));
    Ok(yields)
}

fn read_file(file: &Path, yields: &mut Yields) -> Result<(), DatasetError> {
    let table = Table::read(file, &["start_local"])?;
    let stamp = table.column("start_local")?;
    let columns = table.columns("", "_kWh_per_kW");
    let of_kind = |kind: &str| -> Vec<String> {
        columns.iter().map(|(_, name)| name.clone()).filter(|n| n.starts_with(kind)).collect()
    };
    let (solar, wind) = (of_kind("PV"), of_kind("WP"));
    if solar.is_empty() {
        table.column("PV1_kWh_per_kW")?;
    }
    let known = yields.solar.iter().chain(&yields.wind);
    for name in known.filter(|_| !yields.days.is_empty()) {
        table.column(&format!("{name}_kWh_per_kW"))?;
    }
    let mut last = None;
    for row in table.rows() {
        let clock = row.clock(stamp)?;
        let second =
            clock.to_zoned(jiff::tz::TimeZone::UTC).map_or(0, |z| z.timestamp().as_second());
        row.follows(stamp, last, second, 1_800)?;
        last = Some(second);
        let day = yields.days.entry(clock.date()).or_default();
        for (column, name) in &columns {
            let kwh = row.number(*column, 0.0, YIELD_MAX_KWH)?;
            day.entry(name.clone()).or_default().push(kwh);
        }
    }
    if yields.solar.is_empty() {
        (yields.solar, yields.wind) = (solar, wind);
    }
    Ok(())
}

impl Yields {
    /// The measured day that stands for `date`: the same weekday, nearest in the year.
    #[must_use]
    pub fn day_for(&self, date: Date) -> Option<Date> {
        let distance = |day: &Date| {
            let apart = (i32::from(day.day_of_year()) - i32::from(date.day_of_year())).abs();
            apart.min(365 - apart.min(365))
        };
        let same = self.days.keys().filter(|day| day.weekday() == date.weekday());
        same.copied().filter(|day| distance(day) <= SEASON_DAYS).min_by_key(distance)
    }

    /// Output of `kw` of one column on a calendar, Wh per interval.
    #[must_use]
    pub fn output(&self, calendar: &Calendar, column: &str, kw: f64) -> Vec<u32> {
        let mut today = (i32::MIN, None);
        whole_wh(calendar.moments.iter().map(|moment| {
            if today.0 != moment.day {
                let date = calendar.date_of(moment.day);
                let measured = self.day_for(date).and_then(|day| self.days.get(&day)?.get(column));
                today = (moment.day, measured);
            }
            let Some(halves) = today.1 else { return 0.0 };
            let (from_h, length_h) = (moment.hour, 1.0 / calendar.per_hour());
            1000.0 * kw * energy(halves, from_h, from_h + length_h)
        }))
    }

    /// The wind column in the middle of all by its total, so that neither an offshore site nor a
    /// sheltered one speaks for the neighbourhood.
    #[must_use]
    pub fn usual_wind(&self) -> Option<&str> {
        let total = |name: &String| -> f64 {
            self.days.values().filter_map(|day| day.get(name)).flatten().sum()
        };
        let mut ranked: Vec<(f64, &String)> = self.wind.iter().map(|n| (total(n), n)).collect();
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
        ranked.get(ranked.len() / 2).map(|(_, name)| name.as_str())
    }
}

/// Energy between two hours of a day of half hours.
fn energy(halves: &[f64], from_h: f64, until_h: f64) -> f64 {
    let (from, until) = (from_h * 2.0, until_h * 2.0);
    let cut = |(i, kwh): (usize, &f64)| {
        let overlap = until.min(i as f64 + 1.0) - from.max(i as f64);
        kwh * overlap.max(0.0)
    };
    let first = (from as usize).min(halves.len());
    halves.iter().enumerate().skip(first).take(3).map(cut).sum()
}
