//! The community's net load at its common transformer in runs A, B and C, and its duck figures.
//!
//! Interval means of the sum of all meters (protocol 12.35). A sale of surplus to a neighbour
//! moves no physical power, so trading changes these curves only through storage and shifting.

use super::run::{Feeder, Run};

/// Community net load per interval in W, import positive, for the three runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetLoad {
    /// Run A: no storage control.
    pub uncontrolled_w: Vec<i64>,
    /// Run B: local schedules.
    pub local_w: Vec<i64>,
    /// Run C: trading.
    pub trading_w: Vec<i64>,
}

/// The figures a duck curve is judged by, in W.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shape {
    /// Highest interval mean.
    pub peak_w: i64,
    /// The first interval that reaches it, counted from the start of the run.
    pub peak_at: usize,
    /// Lowest interval mean; negative while the community exports.
    pub minimum_w: i64,
    /// The first interval that falls to it.
    pub minimum_at: usize,
    /// Largest rise within three hours.
    pub ramp_3h_w: i64,
}

impl NetLoad {
    /// Sums the meters of a checked run.
    #[must_use]
    pub fn of(run: &Run) -> Self {
        Self {
            uncontrolled_w: sum(run, |site, at| run.sites[site].uncontrolled.net_import_wh[at]),
            local_w: sum(run, |site, at| run.sites[site].local.net_import_wh[at]),
            trading_w: sum(run, |site, at| run.sites[site].rows[at].net_import_wh),
        }
    }
}

fn sum(run: &Run, net_wh: impl Fn(usize, usize) -> i64) -> Vec<i64> {
    let interval_s = i128::from(run.calendar.interval_s.max(1));
    let mean_w = |at| {
        let wh: i128 = (0..run.sites.len()).map(|site| i128::from(net_wh(site, at))).sum();
        let w = (wh * 3600).div_euclid(interval_s);
        i64::try_from(w).unwrap_or(if w < 0 { i64::MIN } else { i64::MAX })
    };
    (0..run.calendar.intervals as usize).map(mean_w).collect()
}

impl Feeder {
    /// Minutes in which a curve of `interval_s` means lies outside the limits.
    #[must_use]
    pub fn overload_minutes(&self, curve_w: &[i64], interval_s: u32) -> u64 {
        let above = |limit: Option<u64>, w: i64| {
            limit.is_some_and(|limit| i128::from(w) > i128::from(limit))
        };
        let is_over = |w: &&i64| {
            above(self.import_limit_w, **w) || above(self.export_limit_w, w.saturating_neg())
        };
        curve_w.iter().filter(is_over).count() as u64 * u64::from(interval_s) / 60
    }

    /// Whether there is any limit.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        self.import_limit_w.is_some() || self.export_limit_w.is_some()
    }
}

impl Shape {
    /// The figures of one curve of `interval_s` means; all zero for an empty one.
    #[must_use]
    pub fn of(curve_w: &[i64], interval_s: u32) -> Self {
        let window = (3 * 3600 / interval_s.max(1)).max(1) as usize;
        let rise = |from: usize| {
            let until = (from + window + 1).min(curve_w.len());
            let top = curve_w[from..until].iter().max().copied().unwrap_or(curve_w[from]);
            top.saturating_sub(curve_w[from])
        };
        let first = |w: i64| curve_w.iter().position(|other| *other == w).unwrap_or(0);
        let peak_w = curve_w.iter().max().copied().unwrap_or(0);
        let minimum_w = curve_w.iter().min().copied().unwrap_or(0);
        Self {
            peak_w,
            peak_at: first(peak_w),
            minimum_w,
            minimum_at: first(minimum_w),
            ramp_3h_w: (0..curve_w.len()).map(rise).max().unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transformer_is_overloaded_above_either_limit() {
        let feeder =
            Feeder { import_limit_w: Some(100), export_limit_w: Some(50), is_enforced: false };
        assert_eq!(feeder.overload_minutes(&[100, 101, -50, -51, 0], 1800), 60);
        assert_eq!(Feeder::default().overload_minutes(&[i64::MAX, i64::MIN], 1800), 0);
    }

    #[test]
    fn a_ramp_is_the_largest_rise_within_three_hours() {
        let curve = [10, -20, 0, 30, 90, 60];
        let shape = Shape::of(&curve, 3600);
        assert_eq!((shape.peak_w, shape.peak_at), (90, 4));
        assert_eq!((shape.minimum_w, shape.minimum_at, shape.ramp_3h_w), (-20, 1, 110));
        assert_eq!(Shape::of(&curve, 3 * 3600).ramp_3h_w, 60);
        assert_eq!(Shape::of(&[], 1800), Shape::default());
    }
}
