//! A forecaster that has read the future (`forecast = "perfect"`): for experiments only.

use std::collections::BTreeMap;
use std::sync::Arc;

use gridpact_chain::terms::Interval;

use super::{Forecaster, SeriesId};

/// Knows the actual series. What lies outside them is zero, and nothing is uncertain.
#[derive(Debug, Clone, Default)]
pub struct Perfect {
    series: BTreeMap<SeriesId, (Interval, Arc<[u32]>)>,
}

impl Perfect {
    /// A forecaster that knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a series: `wh[i]` is its energy in interval `from + i`.
    #[must_use]
    pub fn with(mut self, series: SeriesId, from: Interval, wh: Arc<[u32]>) -> Self {
        self.series.insert(series, (from, wh));
        self
    }
}

impl Forecaster for Perfect {
    fn observe(&mut self, _series: SeriesId, _at: Interval, _wh: f64) {}

    fn expect(&self, series: SeriesId, from: Interval, n: usize) -> Vec<f64> {
        let Some((first, wh)) = self.series.get(&series) else { return vec![0.0; n] };
        let at = |t: u32| t.checked_sub(first.0).and_then(|i| wh.get(i as usize)).copied();
        (from.0..).take(n).map(|t| f64::from(at(t).unwrap_or(0))).collect()
    }

    fn quantile(&self, series: SeriesId, from: Interval, n: usize, _tau: f64) -> f64 {
        self.expect(series, from, n).iter().sum()
    }
}
