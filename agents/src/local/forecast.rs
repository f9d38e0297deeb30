//! Very-short-term forecasts from readings (protocol 3.1): a trait, so that it can be replaced.
//!
//! The one that learns, [`LearnedForecaster`], has several methods and lets them compete on every
//! series. Each method answers with scenarios: what the same part of earlier days says may come,
//! with weights. Their mean is the expectation; the quantiles of a block are those of the
//! scenarios' sums over it, so that a sum has quantiles of its own.

mod clock;
mod contest;
mod learned;
mod method;
#[cfg(feature = "mstl")]
mod mstl;
mod naive;
mod past;
mod perfect;
mod profile;
mod scenario;
mod similar;

pub use learned::LearnedForecaster;
pub use method::MethodName;
pub use past::KEPT_DAYS as DAYS_KEPT;
pub use perfect::Perfect;

use gridpact_chain::terms::Interval;

use crate::resource::reading::DeviceIndex;

/// Which series is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SeriesId {
    /// Consumption of a load, or output of a generator.
    Device(DeviceIndex),
    /// All fixed load less all generation of the site; may be negative.
    Net,
}

/// Local time of the site, as far as daily and weekly patterns need it.
pub trait Calendar: Send + Sync {
    /// Market intervals in an ordinary local day.
    fn slots_per_day(&self) -> u32;

    /// Position of `at` in its local day by the wall clock; a 25-hour day repeats some, a 23-hour
    /// day leaves some out.
    fn slot_of_day(&self, at: Interval) -> u32;

    /// Local day number, counted from 1970-01-01 (a Thursday).
    fn day(&self, at: Interval) -> u32;

    /// Day of the week, Monday = 0.
    fn weekday(&self, at: Interval) -> u32 {
        (self.day(at) + 3) % 7
    }
}

/// A calendar without daylight saving: local time is market time plus a fixed number of intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedOffset {
    /// Market intervals in a day.
    pub slots_per_day: u32,
    /// Intervals by which local time is ahead of market time, below `slots_per_day`.
    pub ahead: u32,
}

impl Calendar for FixedOffset {
    fn slots_per_day(&self) -> u32 {
        self.slots_per_day
    }

    fn slot_of_day(&self, at: Interval) -> u32 {
        at.0.saturating_add(self.ahead) % self.slots_per_day.max(1)
    }

    fn day(&self, at: Interval) -> u32 {
        at.0.saturating_add(self.ahead) / self.slots_per_day.max(1)
    }
}

/// Learns from readings, expects the future.
pub trait Forecaster: Send {
    /// Takes what `series` was in `at`, Wh.
    fn observe(&mut self, series: SeriesId, at: Interval, wh: f64);

    /// Takes an even share of what `series` was over some intervals, `at` among them, Wh: the sum is
    /// known and its shape is not, so that neither habit nor spread is to be learnt from it.
    fn observe_shared(&mut self, _series: SeriesId, _at: Interval, _wh: f64) {}

    /// Unbiased expectation of each of the `n` intervals from `from` on, Wh.
    fn expect(&self, series: SeriesId, from: Interval, n: usize) -> Vec<f64>;

    /// The `tau`-quantile (0..=1; 0.5 is the P50) of the SUM of `series` over the `n` intervals from `from` on, Wh.
    /// Sums have quantiles of their own: those of a block are not the sums of its half-hours'.
    fn quantile(&self, series: SeriesId, from: Interval, n: usize, tau: f64) -> f64;

    /// Several quantiles of the same sum, in the order of `taus`.
    fn quantiles(&self, series: SeriesId, from: Interval, n: usize, taus: &[f64]) -> Vec<f64> {
        taus.iter().map(|tau| self.quantile(series, from, n, *tau)).collect()
    }

    /// Takes a recorded history: `wh[i]` was `series` in interval `from + i`.
    fn preload(&mut self, series: SeriesId, from: Interval, wh: &[f64]) {
        for (at, wh) in (from.0..).zip(wh) {
            self.observe(series, Interval(at), *wh);
        }
    }
}

#[cfg(test)]
mod tests;
