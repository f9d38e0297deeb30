//! The last days of one series, by market interval.

use std::collections::VecDeque;

use gridpact_chain::terms::Interval;

/// Recorded energies in Wh; what was never seen is a gap. Single precision keeps hundreds of sites
/// small, and a watt-hour needs no more.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    first: u32,
    wh: VecDeque<f32>,
}

impl History {
    /// Takes one value; values older than the newest fill gaps, `keep` bounds the length.
    pub fn record(&mut self, at: Interval, wh: f64, keep: usize) {
        if self.wh.is_empty() {
            self.first = at.0;
        }
        let Some(offset) = at.0.checked_sub(self.first).map(|o| o as usize) else { return };
        if offset >= self.wh.len() + keep {
            // A pause longer than everything that is kept: start over.
            self.wh.clear();
            self.first = at.0;
            self.wh.push_back(wh as f32);
            return;
        }
        while self.wh.len() <= offset {
            self.wh.push_back(f32::NAN);
        }
        self.wh[offset] = wh as f32;
        while self.wh.len() > keep {
            self.wh.pop_front();
            self.first += 1;
        }
    }

    /// What was recorded at `at`.
    pub fn at(&self, at: u32) -> Option<f64> {
        let wh = *self.wh.get(at.checked_sub(self.first)? as usize)?;
        (!wh.is_nan()).then_some(f64::from(wh))
    }

    /// The newest recorded value.
    pub fn last(&self) -> Option<f64> {
        self.wh.iter().rev().find(|wh| !wh.is_nan()).map(|wh| f64::from(*wh))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_the_newest_and_leaves_gaps() {
        let mut history = History::default();
        for at in [10, 11, 13, 14] {
            history.record(Interval(at), f64::from(at), 4);
        }
        assert_eq!(history.at(10), None, "older than kept");
        assert_eq!(history.at(11), Some(11.0));
        assert_eq!(history.at(12), None, "never seen");
        assert_eq!(history.last(), Some(14.0));
        history.record(Interval(12), 1.0, 4);
        assert_eq!(history.at(12), Some(1.0), "late, but not lost");
        history.record(Interval(5), 1.0, 4);
        assert_eq!(history.at(5), None, "too late");
        history.record(Interval(1000), 7.0, 4);
        assert_eq!((history.at(14), history.at(1000)), (None, Some(7.0)));
    }
}
