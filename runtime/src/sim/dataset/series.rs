//! Energy over time as measured, and as a run needs it.

use gridpact_chain::terms::Interval;

use crate::sim::calendar::Calendar;
use crate::sim::profiles::chance::whole_wh;

/// Consecutive measured energies of equal steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Start of the first step, seconds since 1970.
    pub start_s: i64,
    /// Length of a step, seconds.
    pub step_s: i64,
    /// Energy of each step, Wh.
    pub wh: Vec<f64>,
}

impl Segment {
    /// End of the last step, seconds since 1970.
    #[must_use]
    pub fn end_s(&self) -> i64 {
        self.start_s + self.step_s * self.wh.len() as i64
    }

    /// Whether all of `from_s..until_s` was measured.
    #[must_use]
    pub fn covers(&self, from_s: i64, until_s: i64) -> bool {
        self.start_s <= from_s && until_s <= self.end_s()
    }

    /// Energy between two points in time, Wh; a step that is cut gives its even part. Beyond the end
    /// the last day repeats.
    #[must_use]
    pub fn energy_wh(&self, from_s: i64, until_s: i64) -> f64 {
        let mut sum = 0.0;
        let mut at = from_s;
        while at < until_s {
            let index = (at - self.start_s).div_euclid(self.step_s);
            let step_end = self.start_s + (index + 1) * self.step_s;
            let upto = step_end.min(until_s);
            sum += self.step(index) * (upto - at) as f64 / self.step_s as f64;
            at = upto;
        }
        sum
    }

    fn step(&self, index: i64) -> f64 {
        let len = self.wh.len() as i64;
        let day = (86_400 / self.step_s).clamp(1, len.max(1));
        let index = if index < len { index } else { len - day + (index - len).rem_euclid(day) };
        usize::try_from(index).ok().and_then(|i| self.wh.get(i).copied()).unwrap_or(0.0)
    }

    /// Whole Wh for every interval of the calendar.
    #[must_use]
    pub fn on(&self, calendar: &Calendar) -> Vec<u32> {
        let step = i64::from(calendar.interval_s);
        let energy = |at: u32| {
            let from_s = start_s(Interval(at), calendar.interval_s);
            self.energy_wh(from_s, from_s + step)
        };
        whole_wh((calendar.first.0..calendar.until().0).map(energy))
    }
}

/// Start of an interval, seconds since 1970.
#[must_use]
pub fn start_s(at: Interval, interval_s: u32) -> i64 {
    i64::from(at.0) * i64::from(interval_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energy_is_cut_and_summed_and_the_last_day_repeats() {
        let segment =
            Segment { start_s: 3_600, step_s: 1_800, wh: (0..96).map(f64::from).collect() };
        assert!(segment.covers(3_600, 3_600 + 96 * 1_800));
        assert!(!segment.covers(3_599, 5_000));
        assert_eq!(segment.energy_wh(3_600 + 1_800, 3_600 + 5_400), 3.0);
        assert_eq!(segment.energy_wh(3_600 + 1_800, 3_600 + 2_100), 1.0 / 6.0);
        assert_eq!(segment.energy_wh(segment.end_s(), segment.end_s() + 1_800), 48.0);
        assert_eq!(segment.energy_wh(0, 1_800), 0.0);
    }
}
