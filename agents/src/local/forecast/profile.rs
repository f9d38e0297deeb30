//! The profile of a day from the same time of earlier days: each day alike, the newer the heavier,
//! or days of the same kind first and moved by the most recent error.

use super::method::{Method, View, Walk};
use super::scenario::{self, Scenario};

/// Days of the plain profile (protocol 3.1).
const DAYS: u32 = 14;

/// How much more a day of the same kind (working day, weekend) counts.
const SAME_KIND: f64 = 1.5;

/// How fast the memory of how errors fade is renewed, per interval.
const FORGET: f64 = 0.998;

/// Share of an error that is left one interval later, until that has been seen.
const FADE_FIRST: f64 = 0.5;

/// Most of it that can be left: an error is no new habit.
const FADE_MAX: f64 = 0.95;

/// Earlier days with weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Profile {
    days: u32,
    /// Weight of a day over that of the day after it.
    keeps: f64,
    /// Weight of a day of the same kind over that of another.
    same_kind: f64,
}

impl Profile {
    /// The last 14 days alike.
    pub const EVEN: Self = Self { days: DAYS, keeps: 1.0, same_kind: 1.0 };
    /// Each day worth 30 % less than the one after it.
    pub const EXPONENTIAL: Self = Self { days: 28, keeps: 0.7, same_kind: 1.0 };
    /// The last 14 days, those of the same kind first.
    const WEEKDAY: Self = Self { days: DAYS, keeps: 1.0, same_kind: SAME_KIND };

    fn fill(&self, view: &View<'_>, at: u32, out: &mut Vec<Scenario>) {
        out.clear();
        out.resize(self.days as usize, Scenario::UNKNOWN);
        for place in view.days_back(at, self.days) {
            let Some(wh) = view.past.at(place.then) else { continue };
            let kind = if place.is_same_kind { self.same_kind } else { 1.0 };
            let weight = kind * self.keeps.powi(place.day as i32 - 1);
            out[place.day as usize - 1] = Scenario { wh, weight };
        }
    }
}

impl Method for Profile {
    fn walk<'a>(&'a self, view: View<'a>) -> Walk<'a> {
        Box::new(move |at, out| self.fill(&view, at, out))
    }
}

/// The most recent error of the profile, against its median and its mean.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Recent {
    at: u32,
    median: f64,
    mean: f64,
    wh: f64,
}

/// The weekday-aware profile, moved by the most recent error as fast as such errors have faded.
#[derive(Debug, Clone, Default)]
pub(super) struct Weekday {
    recent: Option<Recent>,
    /// Sums of products of successive errors, and of their squares.
    lagged: f64,
    squares: f64,
}

impl Weekday {
    fn fade(&self) -> f64 {
        if self.squares > 0.0 {
            (self.lagged / self.squares).clamp(0.0, FADE_MAX)
        } else {
            FADE_FIRST
        }
    }

    /// What is left of the recent error at `at`, where the profile is `there`. Carried as a share
    /// where the profile is smaller, so that nothing falls below zero by it.
    fn carried(&self, view: &View<'_>, at: u32, there: f64, of: fn(&Recent) -> f64) -> f64 {
        let Some(recent) = self.recent.filter(|r| r.at < at) else { return 0.0 };
        let here = of(&recent);
        let share =
            if view.is_signed || here <= 0.0 { 1.0 } else { (there / here).clamp(0.0, 1.0) };
        (recent.wh - here) * share * self.fade().powi((at - recent.at).min(10_000) as i32)
    }
}

impl Method for Weekday {
    fn learn(&mut self, view: &View<'_>, at: u32, wh: f64) {
        if self.recent.is_some_and(|recent| recent.at >= at) {
            return;
        }
        let mut days = Vec::new();
        Profile::WEEKDAY.fill(view, at, &mut days);
        let Some((mean, median)) = scenario::mean(&days).zip(scenario::quantile(&mut days, 0.5))
        else {
            return;
        };
        if let Some(before) = self.recent.filter(|r| r.at + 1 == at) {
            let (last, error) = (before.wh - before.mean, wh - mean);
            self.lagged = FORGET * self.lagged + last * error;
            self.squares = FORGET * self.squares + last * last;
        }
        self.recent = Some(Recent { at, median, mean, wh });
    }

    fn walk<'a>(&'a self, view: View<'a>) -> Walk<'a> {
        let mut days = Vec::new();
        Box::new(move |at, out| {
            Profile::WEEKDAY.fill(&view, at, out);
            days.clone_from(out);
            let median = scenario::quantile(&mut days, 0.5).unwrap_or(0.0);
            let more = self.carried(&view, at, median, |recent| recent.median);
            for scenario in out.iter_mut() {
                scenario.wh += more;
            }
        })
    }

    fn tilt(&self, view: &View<'_>, at: u32) -> f64 {
        let mut days = Vec::new();
        Profile::WEEKDAY.fill(view, at, &mut days);
        let mean = scenario::mean(&days).unwrap_or(0.0);
        let median = scenario::quantile(&mut days, 0.5).unwrap_or(0.0);
        self.carried(view, at, mean, |recent| recent.mean)
            - self.carried(view, at, median, |recent| recent.median)
    }
}
