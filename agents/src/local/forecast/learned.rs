//! The default forecaster: learns every series from its readings, by the method that serves it best.
//!
//! The expectation is a mean and each quantile one of its own: a median has the smaller absolute
//! error but loses a seventh of a household's energy, and the balance needs all of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use gridpact_chain::terms::Interval;

use super::clock::Clock;
use super::contest::Contest;
use super::method::{Method, MethodName, View};
use super::past::Past;
use super::scenario::{self, Scenario};
use super::{Calendar, Forecaster, SeriesId};

/// One series, the methods that forecast it and how they fare.
struct Series {
    past: Past,
    /// Most it can be in one interval, Wh; readings are kept as shares of it.
    rated_wh: Option<f64>,
    is_signed: bool,
    methods: Vec<Box<dyn Method>>,
    contest: Contest,
    /// Mean energy of what is known as a sum only, while nothing better is known.
    level: Option<(f64, u32)>,
}

impl Series {
    fn new(names: &[MethodName], per_day: u32, is_signed: bool) -> Self {
        Self {
            past: Past::new(per_day),
            rated_wh: None,
            is_signed,
            methods: names.iter().map(|name| name.build()).collect(),
            contest: Contest::new(names.len()),
            level: None,
        }
    }

    fn unit(&self) -> f64 {
        self.rated_wh.unwrap_or(1.0).max(1.0)
    }

    fn view<'a>(&'a self, clock: Clock<'a>) -> View<'a> {
        View { past: &self.past, clock, is_signed: self.is_signed }
    }

    fn method(&self) -> &dyn Method {
        &*self.methods[self.contest.chosen()]
    }

    /// Energy of `n` intervals in Wh, inside what the series can be.
    fn bounded(&self, wh: f64, n: usize) -> f64 {
        let least = if self.is_signed { f64::NEG_INFINITY } else { 0.0 };
        let most = self.rated_wh.map_or(f64::INFINITY, |_| n as f64);
        wh.max(least).min(most) * self.unit()
    }

    /// A sum without a shape is a gap in the past, and says how much until there is a past.
    fn observe_shared(&mut self, wh: f64) {
        let (mean, n) = self.level.unwrap_or_default();
        let n = n.saturating_add(1);
        self.level = Some((mean + (wh / self.unit() - mean) / f64::from(n), n));
    }

    /// What is expected where no method knows anything: what was last, or the level.
    fn cold(&self) -> f64 {
        self.past.last().or_else(|| self.level.map(|(mean, _)| mean)).unwrap_or(0.0)
    }

    fn observe(&mut self, clock: Clock<'_>, at: Interval, wh: f64) {
        let wh = wh / self.unit();
        let is_new = self.past.newest().is_none_or(|newest| at.0 > newest);
        if is_new {
            let view = View { past: &self.past, clock, is_signed: self.is_signed };
            for method in &mut self.methods {
                method.learn(&view, at.0, wh);
            }
            self.contest.judge(at.0, wh);
        }
        self.past.record(at, wh);
        if is_new && self.methods.len() > 1 {
            let view = View { past: &self.past, clock, is_signed: self.is_signed };
            self.contest.guess(&view, at.0, &self.methods);
        }
    }

    fn expect(&self, clock: Clock<'_>, from: Interval, n: usize) -> Vec<f64> {
        let (view, method) = (self.view(clock), self.method());
        let mut walk = method.walk(view);
        let mut scenarios = Vec::new();
        let value = |at: u32| {
            walk(at, &mut scenarios);
            let mean = scenario::mean(&scenarios).map(|mean| mean + method.tilt(&view, at));
            let cold = || method.point(&view, at).unwrap_or_else(|| self.cold());
            self.bounded(mean.unwrap_or_else(cold), 1)
        };
        (from.0..).take(n).map(value).collect()
    }

    /// The scenarios' sums over a block, ascending. One that is unknown anywhere in it is left out.
    fn sums(&self, clock: Clock<'_>, from: Interval, n: usize) -> Vec<Scenario> {
        let mut walk = self.method().walk(self.view(clock));
        let (mut sums, mut next) = (Vec::new(), Vec::new());
        for (number, at) in (from.0..).take(n).enumerate() {
            walk(at, &mut next);
            if number == 0 {
                sums.clone_from(&next);
                continue;
            }
            for (sum, next) in sums.iter_mut().zip(&next) {
                sum.wh += next.wh;
                sum.weight = if next.weight > 0.0 { sum.weight } else { 0.0 };
            }
        }
        sums.retain(|sum| sum.weight > 0.0);
        sums.sort_unstable_by(|a, b| a.wh.total_cmp(&b.wh));
        sums
    }

    fn quantiles(&self, clock: Clock<'_>, from: Interval, n: usize, taus: &[f64]) -> Vec<f64> {
        let (view, method) = (self.view(clock), self.method());
        let sums = self.sums(clock, from, n);
        let points: Option<f64> =
            (from.0..).take(n).map(|at| method.point(&view, at)).sum::<Option<f64>>();
        let median = scenario::sorted_quantile(&sums, 0.5);
        // A method with a word of its own keeps it as its P50; its errors are spread around it.
        let moved = points.zip(median).map_or(0.0, |(point, median)| point - median);
        let cold = points.unwrap_or_else(|| self.cold() * n as f64);
        let quantile = |tau: &f64| {
            let quantile = scenario::sorted_quantile(&sums, *tau).map(|wh| wh + moved);
            self.bounded(quantile.unwrap_or(cold), n)
        };
        taus.iter().map(quantile).collect()
    }
}

/// Learns each series by its daily and weekly pattern.
pub struct LearnedForecaster {
    calendar: Arc<dyn Calendar>,
    names: Vec<MethodName>,
    series: BTreeMap<SeriesId, Series>,
}

impl LearnedForecaster {
    /// A forecaster without history, whose series choose their methods by a rolling backtest.
    #[must_use]
    pub fn new(calendar: Arc<dyn Calendar>) -> Self {
        Self { calendar, names: MethodName::available().to_vec(), series: BTreeMap::new() }
    }

    /// A forecaster without history that uses one method for every series.
    #[must_use]
    pub fn with_method(calendar: Arc<dyn Calendar>, name: MethodName) -> Self {
        Self { calendar, names: vec![name], series: BTreeMap::new() }
    }

    /// Tells that `series` is a generator of `rated_wh` per interval: it is learnt as a share of
    /// that, and never expected above it.
    #[must_use]
    pub fn with_rated(mut self, series: SeriesId, rated_wh: f64) -> Self {
        self.entry(series).rated_wh = Some(rated_wh);
        self
    }

    /// The method that `series` uses now; none while nothing is known of it.
    #[must_use]
    pub fn method(&self, series: SeriesId) -> Option<MethodName> {
        self.names.get(self.series.get(&series)?.contest.chosen()).copied()
    }

    fn entry(&mut self, series: SeriesId) -> &mut Series {
        let (names, per_day) = (&self.names, self.calendar.slots_per_day());
        let fresh = || Series::new(names, per_day, series == SeriesId::Net);
        self.series.entry(series).or_insert_with(fresh)
    }
}

impl Forecaster for LearnedForecaster {
    fn observe(&mut self, series: SeriesId, at: Interval, wh: f64) {
        if !wh.is_finite() {
            return;
        }
        let calendar = Arc::clone(&self.calendar);
        self.entry(series).observe(Clock(&*calendar), at, wh);
    }

    fn observe_shared(&mut self, series: SeriesId, _at: Interval, wh: f64) {
        if wh.is_finite() {
            self.entry(series).observe_shared(wh);
        }
    }

    fn expect(&self, series: SeriesId, from: Interval, n: usize) -> Vec<f64> {
        let entry = self.series.get(&series);
        entry.map_or_else(|| vec![0.0; n], |s| s.expect(Clock(&*self.calendar), from, n))
    }

    fn quantile(&self, series: SeriesId, from: Interval, n: usize, tau: f64) -> f64 {
        self.quantiles(series, from, n, &[tau]).first().copied().unwrap_or(0.0)
    }

    fn quantiles(&self, series: SeriesId, from: Interval, n: usize, taus: &[f64]) -> Vec<f64> {
        let entry = self.series.get(&series);
        entry.map_or_else(
            || vec![0.0; taus.len()],
            |s| s.quantiles(Clock(&*self.calendar), from, n, taus),
        )
    }
}
