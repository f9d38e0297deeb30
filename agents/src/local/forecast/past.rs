//! The last weeks of one series by market interval, and the state it was in after each of them.

use std::collections::VecDeque;

use gridpact_chain::terms::Interval;

/// Days that are kept: four weeks to learn from, and the days before them that methods compare with.
pub const KEPT_DAYS: u32 = 36;

/// Below this part of its mean a series counts as idle: states differ by ratio above, not below.
const IDLE_SHARE: f64 = 0.3;

/// Least scale of a series; keeps states finite where nothing was ever used.
const SCALE_MIN: f64 = 1e-6;

/// Drift of the mean from which on states are taken anew; less hardly moves them.
const DRIFT: f64 = 0.1;

/// What a series was like when an interval had ended: means of its compressed energy over the last
/// half hour, two hours and day. NaN where too little of the window is known.
pub(super) type State = [f32; 3];

/// Recorded energies; what was never seen is a gap. Single precision keeps hundreds of sites small,
/// and a watt-hour needs no more.
#[derive(Debug, Clone)]
pub(super) struct Past {
    per_day: u32,
    first: u32,
    wh: VecDeque<f32>,
    /// The same compressed by the scale.
    small: VecDeque<f32>,
    states: VecDeque<State>,
    scale: f64,
    recorded: u32,
}

impl Past {
    /// An empty past of a series with this many intervals in a day.
    pub fn new(per_day: u32) -> Self {
        Self {
            per_day: per_day.max(1),
            first: 0,
            wh: VecDeque::new(),
            small: VecDeque::new(),
            states: VecDeque::new(),
            scale: SCALE_MIN,
            recorded: 0,
        }
    }

    /// Takes one value; a later one leaves a gap before it, a late one fills its gap.
    pub fn record(&mut self, at: Interval, wh: f64) {
        let keep = (KEPT_DAYS * self.per_day) as usize;
        if self.wh.is_empty() {
            self.first = at.0;
        }
        let Some(offset) = at.0.checked_sub(self.first).map(|o| o as usize) else { return };
        if offset >= self.wh.len() + keep {
            // A pause longer than everything that is kept: start over.
            *self = Self { first: at.0, ..Self::new(self.per_day) };
            self.wh.push_back(wh as f32);
        } else {
            self.wh.resize(self.wh.len().max(offset + 1), f32::NAN);
            self.wh[offset] = wh as f32;
        }
        while self.wh.len() > keep {
            self.wh.pop_front();
            self.small.pop_front();
            self.states.pop_front();
            self.first += 1;
        }
        self.recorded = self.recorded.saturating_add(1);
        let is_late = self.states.len() >= self.wh.len();
        let is_young = self.recorded < self.per_day && self.recorded.is_power_of_two();
        if is_late || is_young || self.recorded.is_multiple_of(self.per_day) {
            self.rescale(is_late);
        }
        for index in self.states.len()..self.wh.len() {
            self.small.push_back((f64::from(self.wh[index]) / self.scale).asinh() as f32);
            self.states.push_back(self.state_of(index));
        }
    }

    /// Takes the scale from what is known now, where it has drifted or `anew`; all states follow.
    fn rescale(&mut self, anew: bool) {
        let known = self.wh.iter().filter(|wh| !wh.is_nan());
        let (sum, n) = known.fold((0.0, 0_u32), |(s, n), wh| (s + f64::from(wh.abs()), n + 1));
        let scale = (IDLE_SHARE * sum / f64::from(n.max(1))).max(SCALE_MIN);
        if anew || (scale / self.scale - 1.0).abs() > DRIFT {
            self.scale = scale;
            self.small.clear();
            self.states.clear();
        }
    }

    fn state_of(&self, index: usize) -> State {
        let windows = [self.per_day / 48, self.per_day / 12, self.per_day];
        windows.map(|window| {
            let window = window.max(1) as usize;
            let start = (index + 1).saturating_sub(window);
            let known = self.small.range(start..=index).filter(|small| !small.is_nan());
            let (sum, n) = known.fold((0.0_f32, 0), |(sum, n), small| (sum + small, n + 1));
            if 2 * n >= window { sum / n as f32 } else { f32::NAN }
        })
    }

    /// Energy below which the series counts as idle.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// What was recorded at `at`.
    pub fn at(&self, at: u32) -> Option<f64> {
        let wh = *self.wh.get(at.checked_sub(self.first)? as usize)?;
        (!wh.is_nan()).then_some(f64::from(wh))
    }

    /// The state after interval `at`.
    pub fn state(&self, at: u32) -> Option<&State> {
        self.states.get(at.checked_sub(self.first)? as usize)
    }

    /// The newest recorded interval.
    pub fn newest(&self) -> Option<u32> {
        (!self.wh.is_empty()).then(|| self.first + (self.wh.len() - 1) as u32)
    }

    /// The newest recorded value.
    pub fn last(&self) -> Option<f64> {
        self.wh.back().map(|wh| f64::from(*wh))
    }

    /// Everything that is kept, oldest first; NaN where there is a gap.
    #[cfg(feature = "mstl")]
    pub fn all(&self) -> impl Iterator<Item = f32> + '_ {
        self.wh.iter().copied()
    }

    /// First interval that is kept.
    pub fn first(&self) -> u32 {
        self.first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_the_newest_and_leaves_gaps() {
        // One interval a day: the limit is small.
        let mut past = Past::new(1);
        for at in [10, 11, 13, 14] {
            past.record(Interval(at), f64::from(at));
        }
        assert_eq!((past.at(11), past.at(12), past.last()), (Some(11.0), None, Some(14.0)));
        past.record(Interval(12), 1.0);
        assert_eq!(past.at(12), Some(1.0), "late, but not lost");
        past.record(Interval(5), 1.0);
        assert_eq!(past.at(5), None, "too late");
        past.record(Interval(10 + KEPT_DAYS), 7.0);
        assert_eq!((past.at(10), past.at(11)), (None, Some(11.0)), "older than kept");
        past.record(Interval(1000), 7.0);
        assert_eq!((past.at(14), past.at(1000)), (None, Some(7.0)));
    }

    #[test]
    fn states_follow_late_values_and_are_unknown_in_gaps() {
        let mut past = Past::new(48);
        for at in 0..96 {
            past.record(Interval(at), 100.0);
        }
        let steady = *past.state(95).expect("kept");
        assert!(steady.iter().all(|s| (s - steady[0]).abs() < 1e-6));
        past.record(Interval(200), 100.0);
        assert!(past.state(199).expect("kept").iter().all(|s| s.is_nan()));
        past.record(Interval(199), 900.0);
        assert!(past.state(199).expect("kept")[0] > steady[0]);
    }
}
