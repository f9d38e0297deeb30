//! What a method of forecasting is, and which there are.

use serde::{Deserialize, Serialize};

use super::clock::{Clock, Place};
use super::naive::Naive;
use super::past::Past;
use super::profile::{Profile, Weekday};
use super::scenario::Scenario;
use super::similar::Similar;

/// The methods that learn from readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MethodName {
    /// The newest value goes on.
    Persistence,
    /// As at the same time yesterday.
    SeasonalDay,
    /// As at the same time a week ago.
    SeasonalWeek,
    /// The same time of the last 14 days, each day alike.
    Profile,
    /// The same time of earlier days, each day worth 30 % less than the one after it.
    Exponential,
    /// The profile with days of the same kind first, moved by the most recent error.
    Weekday,
    /// Earlier days in proportion to how much they were like today until now.
    Similar,
    /// Seasons and trend taken apart (MSTL), the trend held; in builds with feature `mstl`.
    Mstl,
}

impl MethodName {
    /// All that this build has, the preferred one first.
    #[must_use]
    pub fn available() -> &'static [Self] {
        &[
            Self::Similar,
            Self::Weekday,
            Self::Profile,
            Self::Exponential,
            Self::SeasonalDay,
            Self::SeasonalWeek,
            Self::Persistence,
            #[cfg(feature = "mstl")]
            Self::Mstl,
        ]
    }

    /// Whether this build has it.
    #[must_use]
    pub fn is_available(self) -> bool {
        Self::available().contains(&self)
    }

    /// Its name as it stands in settings.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Persistence => "persistence",
            Self::SeasonalDay => "seasonal_day",
            Self::SeasonalWeek => "seasonal_week",
            Self::Profile => "profile",
            Self::Exponential => "exponential",
            Self::Weekday => "weekday",
            Self::Similar => "similar",
            Self::Mstl => "mstl",
        }
    }

    /// The method itself. Where this build lacks it, the preferred one: settings refuse the name
    /// before.
    pub(super) fn build(self) -> Box<dyn Method> {
        match self {
            Self::Persistence => Box::new(Naive::Persistence),
            Self::SeasonalDay => Box::new(Naive::Days(1)),
            Self::SeasonalWeek => Box::new(Naive::Days(7)),
            Self::Profile => Box::new(Profile::EVEN),
            Self::Exponential => Box::new(Profile::EXPONENTIAL),
            Self::Weekday => Box::new(Weekday::default()),
            #[cfg(feature = "mstl")]
            Self::Mstl => Box::new(super::mstl::Mstl::default()),
            #[cfg(not(feature = "mstl"))]
            Self::Mstl => Box::new(Similar),
            Self::Similar => Box::new(Similar),
        }
    }
}

/// What a method may look at.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    /// The series until now.
    pub past: &'a Past,
    /// Local time.
    pub clock: Clock<'a>,
    /// Whether the series may be negative.
    pub is_signed: bool,
}

impl<'a> View<'a> {
    /// The intervals of the last `days` days at the same local time as `at`, newest first, as far
    /// back as anything is known.
    pub fn days_back(&self, at: u32, days: u32) -> impl Iterator<Item = Place> + use<'a> {
        let known = at.saturating_sub(self.past.first()) / self.clock.per_day() + 1;
        self.clock.days_back(at, days.min(known))
    }

    /// Intervals from the newest reading to `at`, at least 1.
    pub fn lead(&self, at: u32) -> u32 {
        self.past.newest().map_or(1, |newest| at.saturating_sub(newest)).max(1)
    }
}

/// Fills in the scenarios of one interval. Scenario `i` of each interval belongs to one and the same
/// course of things, so that sums over a block can be taken scenario by scenario.
pub(super) type Walk<'a> = Box<dyn FnMut(u32, &mut Vec<Scenario>) + 'a>;

/// A way to tell what may come from what has been.
pub(super) trait Method: Send {
    /// Is told of a value before it becomes the past.
    fn learn(&mut self, _view: &View<'_>, _at: u32, _wh: f64) {}

    /// The scenarios of any interval after the past.
    fn walk<'a>(&'a self, view: View<'a>) -> Walk<'a>;

    /// The method's own word for one interval, which is then its P50; none where the P50 is that of
    /// the scenarios.
    fn point(&self, _view: &View<'_>, _at: u32) -> Option<f64> {
        None
    }

    /// By how much the mean of the scenarios misses the expectation.
    fn tilt(&self, _view: &View<'_>, _at: u32) -> f64 {
        0.0
    }
}
