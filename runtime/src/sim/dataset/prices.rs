//! The London trial's dynamic price (`dtou_*.csv`).

use std::path::Path;

use gridpact_chain::terms::{Interval, Price};

use super::homes::STEP_S;
use super::series::start_s;
use super::table::Table;
use super::{DatasetError, files};
use crate::sim::calendar::Calendar;
use crate::sim::scenario::Millionths;
use crate::sim::tariff::Rule;

/// Published prices of consecutive half hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceSeries {
    /// Start of the first half hour, seconds since 1970.
    pub start_s: i64,
    /// Price of each half hour.
    pub retail: Vec<Price>,
}

/// Reads every price file of a folder.
///
/// # Errors
/// Any cell that is missing or impossible, or a folder without prices.
pub fn read(dir: &Path) -> Result<Vec<PriceSeries>, DatasetError> {
    let found = files(dir, "dtou_", ".csv")?;
    if found.is_empty() {
        return Err(DatasetError::file(dir, "has no dtou_*.csv with prices"));
    }
    found.iter().map(|file| read_file(file)).collect()
}

fn read_file(file: &Path) -> Result<PriceSeries, DatasetError> {
    let needs = ["start_utc", "price_GBP_per_kWh", "temperature_degC"];
    let table = Table::read(file, &needs)?;
    let [stamp, price, temperature] = needs.map(|need| table.column(need));
    let (stamp, price, temperature) = (stamp?, price?, temperature?);
    let (mut first, mut last) = (None, None);
    let mut retail = Vec::new();
    for row in table.rows() {
        let at = row.instant(stamp)?;
        row.follows(stamp, last, at, STEP_S)?;
        first.get_or_insert(at);
        last = Some(at);
        row.number(price, -10.0, 10.0)?;
        row.number(temperature, -60.0, 60.0)?;
        let exact: Millionths =
            row.text(price)?.parse().map_err(|e| row.error(price, format!("{e}")))?;
        retail.push(exact.price());
    }
    Ok(PriceSeries { start_s: first.unwrap_or(0), retail })
}

impl PriceSeries {
    /// End of the last half hour, seconds since 1970.
    #[must_use]
    pub fn end_s(&self) -> i64 {
        self.start_s + STEP_S * self.retail.len() as i64
    }

    /// Whether all of `from_s..until_s` is published.
    #[must_use]
    pub fn covers(&self, from_s: i64, until_s: i64) -> bool {
        self.start_s <= from_s && until_s <= self.end_s()
    }

    /// The prices on a calendar's intervals; one longer than half an hour gets their mean.
    #[must_use]
    pub fn rule(&self, calendar: &Calendar, feed_in: Price) -> Rule {
        let length = i64::from(calendar.interval_s);
        let first = self.start_s.div_euclid(length) + i64::from(self.start_s % length != 0);
        let last = self.end_s().div_euclid(length);
        let interval = |at: i64| Interval(u32::try_from(at).unwrap_or(0));
        let retail = (first..last).map(|at| {
            let from_s = start_s(interval(at), calendar.interval_s);
            let halves = (from_s - self.start_s).div_euclid(STEP_S)
                ..=(from_s + length - 1 - self.start_s).div_euclid(STEP_S);
            let price = |i: i64| usize::try_from(i).ok().and_then(|i| self.retail.get(i));
            let found: Vec<i64> = halves.filter_map(price).map(|price| price.0).collect();
            Price(found.iter().sum::<i64>() / (found.len().max(1) as i64))
        });
        Rule::Series { from: interval(first), retail: retail.collect(), feed_in }
    }
}
