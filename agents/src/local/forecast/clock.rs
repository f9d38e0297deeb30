//! The same wall-clock time on earlier days.

use gridpact_chain::terms::Interval;

use super::Calendar;

/// First day of the weekend, Monday = 0.
const WEEKEND: u32 = 5;

/// One earlier day's interval at the same wall-clock time as a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Days back, from 1.
    pub day: u32,
    /// The interval.
    pub then: u32,
    /// Whether both days are working days, or both weekend.
    pub is_same_kind: bool,
    /// Whether the clocks were changed in between.
    pub is_shifted: bool,
}

/// Local time as methods ask for it.
#[derive(Clone, Copy)]
pub(super) struct Clock<'a>(pub &'a dyn Calendar);

impl<'a> Clock<'a> {
    /// Market intervals in an ordinary day.
    pub fn per_day(&self) -> u32 {
        self.0.slots_per_day().max(1)
    }

    /// Intervals in half an hour, at least one.
    pub fn half_hour(&self) -> u32 {
        (self.per_day() / 48).max(1)
    }

    /// The intervals of the last `days` days at the same local time as `at`, newest first.
    pub fn days_back(self, at: u32, days: u32) -> impl Iterator<Item = Place> + use<'a> {
        let per_day = self.per_day();
        let slot = move |t: u32| i64::from(self.0.slot_of_day(Interval(t)));
        let is_weekend = move |t: u32| self.0.weekday(Interval(t)) >= WEEKEND;
        let (here, kind) = (slot(at), is_weekend(at));
        let may_shift = at.checked_sub(days * per_day).is_none_or(|t| slot(t) != here);
        (1..=days).filter_map(move |day| {
            let then = at.checked_sub(day * per_day)?;
            let shift = if may_shift { here - slot(then) } else { 0 };
            let half = i64::from(per_day) / 2;
            let shift = (shift + half).rem_euclid(i64::from(per_day)) - half;
            let then = u32::try_from(i64::from(then) + shift).ok()?;
            let is_same_kind = is_weekend(then) == kind;
            Some(Place { day, then, is_same_kind, is_shifted: shift != 0 })
        })
    }
}
