//! The naive methods: the newest value goes on, or a day or a week repeats itself. Their own errors
//! of the last two weeks, at the same time of day and the same distance, are their spread.

use super::clock::Place;
use super::method::{Method, View, Walk};
use super::scenario::Scenario;

/// Days whose errors are remembered.
const DAYS: u32 = 14;

/// What repeats itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Naive {
    /// The newest value.
    Persistence,
    /// What was this many days ago.
    Days(u32),
}

impl Naive {
    /// The value to repeat for `at`; in a first week the newest day's, colder the newest.
    fn repeated(self, view: &View<'_>, at: u32) -> Option<f64> {
        let last = view.past.last();
        let Self::Days(period) = self else { return last };
        let newest = view.past.newest()?;
        let known = |place: Place| {
            let is_past = place.day.is_multiple_of(period) && place.then <= newest;
            if is_past { view.past.at(place.then) } else { None }
        };
        let day = |place: Place| match place.then <= newest {
            true => view.past.at(place.then),
            false => None,
        };
        let days = || view.days_back(at, DAYS + period);
        days().find_map(known).or_else(|| days().find_map(day)).or(last)
    }

    /// What the method would have said on an earlier day about `place`, `lead` intervals ahead.
    fn then(self, view: &View<'_>, place: &Place, lead: u32) -> Option<f64> {
        let past = view.past;
        match self {
            Self::Persistence => past.at(place.then.checked_sub(lead)?),
            Self::Days(period) => {
                let back = lead.div_ceil(period * view.clock.per_day()) * period;
                let then = view.clock.days_back(place.then, back).last()?;
                past.at(then.then)
            }
        }
    }
}

impl Method for Naive {
    fn walk<'a>(&'a self, view: View<'a>) -> Walk<'a> {
        Box::new(move |at, out| {
            out.clear();
            out.resize(DAYS as usize, Scenario::UNKNOWN);
            let Some(point) = self.repeated(&view, at) else { return };
            let lead = view.lead(at);
            for place in view.days_back(at, DAYS) {
                let actual = view.past.at(place.then);
                let Some((actual, said)) = actual.zip(self.then(&view, &place, lead)) else {
                    continue;
                };
                out[place.day as usize - 1] = Scenario { wh: point + actual - said, weight: 1.0 };
            }
        })
    }

    fn point(&self, view: &View<'_>, at: u32) -> Option<f64> {
        self.repeated(view, at)
    }
}
