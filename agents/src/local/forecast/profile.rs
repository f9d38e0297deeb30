//! The default forecaster: the mean of the same half-hour over the last two weeks, at the level of
//! the last days, corrected by the most recent error, which fades as fast as such errors have been
//! fading (protocol 3.1).
//!
//! The mean, not the median: the median has the smaller absolute error but loses a seventh of the
//! energy, and the balance needs all of it. What is bought ahead is a quantile, asked for apart.

use std::collections::BTreeMap;
use std::sync::Arc;

use gridpact_chain::terms::Interval;

use super::history::History;
use super::{Calendar, Forecaster, SeriesId};

/// Days that make the profile.
const DAYS: u32 = 14;
/// Days of recorded history that a forecaster keeps: those of the profile and two more, so that a
/// late reading still finds its day.
pub const DAYS_KEPT: u32 = DAYS + 2;

/// How much more a day of the same kind (working day, weekend) counts.
const SAME_KIND: f64 = 1.5;

/// How fast the memory of how errors fade is renewed, per interval.
const FORGET: f64 = 0.998;

/// Memory of the level, per day: how much of yesterday's counts today.
const LEVEL_KEEPS: f64 = 0.3;

/// How far the profile follows the level, and how far at most: weather turns, habits return.
const LEVEL_FOLLOWS: f64 = 0.6;
const LEVEL_RANGE: (f64, f64) = (0.5, 1.5);

/// Fewest days from which a spread is told.
const SPREAD_DAYS_MIN: usize = 4;

/// One series and how its errors behave.
#[derive(Debug, Clone, Default)]
struct Series {
    history: History,
    /// Most it can be in one interval, Wh; readings are kept as shares of it.
    rated_wh: Option<f64>,
    /// Most recent interval with its profile and its error.
    recent: Option<(u32, f64, f64)>,
    /// Sums of products of successive errors, and of their squares.
    lagged: f64,
    squares: f64,
    /// Recent energy, actual and by the profile, with fading memory.
    actual: f64,
    expected: f64,
}

impl Series {
    fn unit(&self) -> f64 {
        self.rated_wh.unwrap_or(1.0).max(1.0)
    }

    /// Recent energy over the profile's, as far as it is followed.
    fn level(&self) -> f64 {
        if self.expected <= 0.0 {
            return 1.0;
        }
        let (low, high) = LEVEL_RANGE;
        (1.0 + LEVEL_FOLLOWS * (self.actual / self.expected - 1.0)).clamp(low, high)
    }

    /// Share of an error that is left one interval later.
    fn fade(&self) -> f64 {
        if self.squares > 0.0 { (self.lagged / self.squares).clamp(0.0, 0.95) } else { 0.5 }
    }
}

/// Learns each series by its daily and weekly pattern.
pub struct ProfileForecaster {
    calendar: Arc<dyn Calendar>,
    series: BTreeMap<SeriesId, Series>,
}

impl ProfileForecaster {
    /// A forecaster without history.
    #[must_use]
    pub fn new(calendar: Arc<dyn Calendar>) -> Self {
        Self { calendar, series: BTreeMap::new() }
    }

    /// Tells that `series` is a generator of `rated_wh` per interval: it is learnt as a share of
    /// that, and never expected above it.
    #[must_use]
    pub fn with_rated(mut self, series: SeriesId, rated_wh: f64) -> Self {
        self.series.entry(series).or_default().rated_wh = Some(rated_wh);
        self
    }

    /// The intervals of the last days at the same local time as `at`, newest first.
    fn same_slots(&self, at: u32) -> impl Iterator<Item = (u32, f64)> + '_ {
        let day = self.calendar.slots_per_day();
        let slot = |t: u32| i64::from(self.calendar.slot_of_day(Interval(t)));
        let is_weekend = |t: u32| self.calendar.weekday(Interval(t)) >= 5;
        let (here, kind) = (slot(at), is_weekend(at));
        let shifts = at.checked_sub(DAYS * day).is_none_or(|t| slot(t) != here);
        (1..=DAYS).filter_map(move |d| {
            let then = at.checked_sub(d * day)?;
            // The clocks changed in between: move to the same wall-clock time.
            let shift = if shifts { here - slot(then) } else { 0 };
            let half = i64::from(day) / 2;
            let shift = (shift + half).rem_euclid(i64::from(day)) - half;
            let then = u32::try_from(i64::from(then) + shift).ok()?;
            Some((then, if is_weekend(then) == kind { SAME_KIND } else { 1.0 }))
        })
    }

    /// Mean of the same slot over the last days; cold, the newest value.
    fn profile(&self, history: &History, at: u32) -> f64 {
        let (mut sum, mut weights) = (0.0, 0.0);
        for (then, weight) in self.same_slots(at) {
            if let Some(wh) = history.at(then) {
                sum += weight * wh;
                weights += weight;
            }
        }
        if weights > 0.0 { sum / weights } else { history.last().unwrap_or(0.0) }
    }
}

/// The recent error as it is felt where the profile is `there`, when it was made at `here`.
/// Carried as a share where the profile is smaller, so that no forecast falls below zero.
fn carried(error: f64, here: f64, there: f64, is_signed: bool) -> f64 {
    if is_signed || here <= 0.0 { error } else { error * (there / here).clamp(0.0, 1.0) }
}

impl Forecaster for ProfileForecaster {
    fn observe(&mut self, series: SeriesId, at: Interval, wh: f64) {
        let mut entry = self.series.remove(&series).unwrap_or_default();
        let wh = wh / entry.unit();
        let plain = self.profile(&entry.history, at.0);
        let profile = if series == SeriesId::Net { plain } else { plain * entry.level() };
        // The very first value has nothing to differ from.
        let error = if entry.history.last().is_some() { wh - profile } else { 0.0 };
        if entry.history.at(at.0.saturating_sub(self.calendar.slots_per_day())).is_some() {
            let keep = LEVEL_KEEPS.powf(1.0 / f64::from(self.calendar.slots_per_day().max(1)));
            entry.actual = keep * entry.actual + wh;
            entry.expected = keep * entry.expected + plain;
        }
        if let Some((before, _, last)) = entry.recent
            && before + 1 == at.0
        {
            entry.lagged = FORGET * entry.lagged + last * error;
            entry.squares = FORGET * entry.squares + last * last;
        }
        if entry.recent.is_none_or(|(before, ..)| before < at.0) {
            entry.recent = Some((at.0, profile, error));
        }
        let keep = DAYS_KEPT * self.calendar.slots_per_day();
        entry.history.record(at, wh, keep as usize);
        self.series.insert(series, entry);
    }

    fn expect(&self, series: SeriesId, from: Interval, n: usize) -> Vec<f64> {
        let Some(entry) = self.series.get(&series) else { return vec![0.0; n] };
        let (fade, unit, is_signed) = (entry.fade(), entry.unit(), series == SeriesId::Net);
        let most = entry.rated_wh.map_or(f64::INFINITY, |_| 1.0);
        let level = if is_signed { 1.0 } else { entry.level() };
        let value = |t: u32| {
            let profile = self.profile(&entry.history, t) * level;
            let correction =
                entry.recent.filter(|(at, ..)| *at < t).map_or(0.0, |(at, here, e)| {
                    carried(e, here, profile, is_signed) * fade.powi((t - at).min(10_000) as i32)
                });
            (profile + correction).min(most) * unit
        };
        (from.0..).take(n).map(value).collect()
    }

    fn quantile(&self, series: SeriesId, from: Interval, n: usize, tau: f64) -> f64 {
        let expected: f64 = self.expect(series, from, n).iter().sum();
        let Some(entry) = self.series.get(&series) else { return expected };
        let mut spread = Vec::new();
        // The neighbouring start times see the same spread; three times the days, a smoother tail.
        for start in [from.0.saturating_sub(1), from.0, from.0.saturating_add(1)] {
            spread.extend(self.deviations(&entry.history, start, n));
        }
        if spread.is_empty() {
            return expected;
        }
        spread.sort_by(f64::total_cmp);
        let place = tau.clamp(0.0, 1.0) * (spread.len() - 1) as f64;
        let (low, part) = (place.floor() as usize, place.fract());
        let high = (low + 1).min(spread.len() - 1);
        let deviation = spread[low] * (1.0 - part) + spread[high] * part;
        let quantile = expected + deviation * entry.unit();
        if series == SeriesId::Net { quantile } else { quantile.max(0.0) }
    }
}

impl ProfileForecaster {
    /// How the sum over `n` intervals from `start` on differed from its mean on each past day.
    fn deviations(&self, history: &History, start: u32, n: usize) -> Vec<f64> {
        let sum = |then: u32| (then..).take(n).try_fold(0.0, |sum, t| Some(sum + history.at(t)?));
        let sums: Vec<f64> = self.same_slots(start).filter_map(|(then, _)| sum(then)).collect();
        if sums.len() < SPREAD_DAYS_MIN {
            return Vec::new();
        }
        let count = sums.len() as f64;
        let mean = sums.iter().sum::<f64>() / count;
        // Deviations from a mean of few are too small by this much.
        let wider = (count / (count - 1.0)).sqrt();
        sums.iter().map(|s| (s - mean) * wider).collect()
    }
}
