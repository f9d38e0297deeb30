//! What a supplier charges and pays, interval by interval (protocol 12.2).
//!
//! Windows and weekdays are those of the site's clock, so a day may have 23 or 25 hours. Prices are
//! worked out once, when the tariff is made; planning then only looks them up.

use std::sync::Arc;

use gridpact_chain::terms::{Interval, Price};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::{Deserialize, Serialize};

/// A named price list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TariffPreset {
    /// Australian time of use of 2013, AUD: peak 0.52 (weekdays 14-20 h), off-peak 0.13 (22-7 h),
    /// else 0.21; export 0.08.
    Nsw2013Tou,
    /// Australian flat price of 2013, AUD: 0.27; export 0.08.
    Nsw2013Flat,
    /// Australian standing offer of 2022/23, AUD: 0.388; export 0.05.
    NswTodayFlat,
    /// Cheap at noon, AUD: 10-15 h 0.15, 15-21 h 0.55, else 0.30; export 0.03, 0.20 at 15-21 h.
    SolarSoak,
    /// The London trial's dynamic price from the data set, GBP; export 0.0464.
    London,
    /// Each London home on its own contract: dynamic or flat 0.14228 GBP; export 0.0464.
    LondonOwn,
    /// One import and one export price, both stated in the scenario.
    Flat,
}

impl TariffPreset {
    /// All presets, in the order they are listed.
    pub const ALL: [Self; 7] = [
        Self::Nsw2013Tou,
        Self::Nsw2013Flat,
        Self::NswTodayFlat,
        Self::SolarSoak,
        Self::London,
        Self::LondonOwn,
        Self::Flat,
    ];

    /// The name used in scenario files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nsw2013Tou => "nsw2013_tou",
            Self::Nsw2013Flat => "nsw2013_flat",
            Self::NswTodayFlat => "nsw_today_flat",
            Self::SolarSoak => "solar_soak",
            Self::London => "london",
            Self::LondonOwn => "london_own",
            Self::Flat => "flat",
        }
    }
}

/// How a price follows the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// Always the same (retail, feed-in).
    Flat(Price, Price),
    /// New South Wales time of use of 2013.
    Nsw2013Tou,
    /// Cheap at noon, dear in the evening.
    SolarSoak,
    /// A published series of retail prices from an interval on, and one feed-in price; outside the
    /// series the price of the same local hour on the nearest published day holds.
    Series {
        /// First interval of the series.
        from: Interval,
        /// Retail price per interval.
        retail: Arc<[Price]>,
        /// Feed-in price.
        feed_in: Price,
    },
}

/// The tariff of a site: retail and feed-in price of any interval.
#[derive(Debug, Clone)]
pub struct SiteTariff {
    rule: Rule,
    zone: TimeZone,
    interval_s: u32,
    from: Interval,
    table: Vec<(Price, Price)>,
}

impl SiteTariff {
    /// A tariff that follows `rule` on the clock of `zone`, with the prices of `from..until` worked
    /// out in advance.
    #[must_use]
    pub fn new(
        rule: Rule,
        zone: TimeZone,
        interval_s: u32,
        from: Interval,
        until: Interval,
    ) -> Self {
        let mut tariff = Self { rule, zone, interval_s, from, table: Vec::new() };
        tariff.table = (from.0..until.0).map(|at| tariff.work_out(Interval(at))).collect();
        tariff
    }

    /// What a kWh from the grid costs in this interval.
    #[must_use]
    pub fn retail(&self, at: Interval) -> Price {
        self.look_up(at).0
    }

    /// What the supplier pays for a kWh in this interval.
    #[must_use]
    pub fn feed_in(&self, at: Interval) -> Price {
        self.look_up(at).1
    }

    fn look_up(&self, at: Interval) -> (Price, Price) {
        let index = at.0.checked_sub(self.from.0).map(|i| i as usize);
        index.and_then(|i| self.table.get(i).copied()).unwrap_or_else(|| self.work_out(at))
    }

    fn work_out(&self, at: Interval) -> (Price, Price) {
        match &self.rule {
            Rule::Flat(retail, feed_in) => (*retail, *feed_in),
            Rule::Nsw2013Tou => nsw2013_tou(&local(at, self.interval_s, &self.zone)),
            Rule::SolarSoak => solar_soak(&local(at, self.interval_s, &self.zone)),
            Rule::Series { from, retail, feed_in } => {
                (published(at, self.interval_s, *from, retail), *feed_in)
            }
        }
    }
}

/// The local clock at the start of an interval.
#[must_use]
pub fn local(at: Interval, interval_s: u32, zone: &TimeZone) -> Zoned {
    let second = i64::from(at.0) * i64::from(interval_s);
    Timestamp::from_second(second).unwrap_or(Timestamp::MAX).to_zoned(zone.clone())
}

fn nsw2013_tou(clock: &Zoned) -> (Price, Price) {
    let hour = clock.hour();
    let weekday = clock.weekday().to_monday_zero_offset() < 5;
    let retail = match hour {
        14..20 if weekday => 520_000,
        22.. | ..7 => 130_000,
        _ => 210_000,
    };
    (Price(retail), Price(80_000))
}

fn solar_soak(clock: &Zoned) -> (Price, Price) {
    match clock.hour() {
        10..15 => (Price(150_000), Price(30_000)),
        15..21 => (Price(550_000), Price(200_000)),
        _ => (Price(300_000), Price(30_000)),
    }
}

/// The published price of `at`; outside the series that of the same time of day on its nearest day.
fn published(at: Interval, interval_s: u32, from: Interval, retail: &[Price]) -> Price {
    let day = i64::from(86_400 / interval_s.max(1)).max(1);
    let len = retail.len() as i64;
    let mut index = i64::from(at.0) - i64::from(from.0);
    if index < 0 {
        index = index.rem_euclid(day);
    } else if index >= len {
        index = len - day + (index - len).rem_euclid(day);
    }
    let index = usize::try_from(index.clamp(0, (len - 1).max(0))).unwrap_or(0);
    retail.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
#[path = "tariff_tests.rs"]
mod tests;
