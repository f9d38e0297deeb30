//! Seasons and trend taken apart (MSTL of `augurs`), the trend held at its newest value. Its errors
//! at the same distance on earlier days are its spread.

use augurs_core::{Fit as _, Predict as _};
use augurs_mstl::MSTLModel;

use super::method::{Method, View, Walk};
use super::scenario::Scenario;

/// Days whose errors are remembered.
const DAYS: u32 = 14;

/// Days from which a week's season can be told from a day's.
const WEEKLY_DAYS: usize = 21;

/// Days ahead that one decomposition serves.
const AHEAD_DAYS: u32 = 3;

/// One decomposition.
#[derive(Debug, Clone, Default)]
struct Taken {
    newest: u32,
    /// What is expected from `newest + 1` on; empty where there was too little to take apart.
    ahead: Vec<f64>,
    /// First interval of `level`.
    first: u32,
    /// Trend and remainder: the series without its seasons.
    level: Vec<f64>,
}

/// Half-hours for which a decomposition serves: it takes milliseconds, a reading is worth less.
const SERVES: u32 = 4;

/// The method.
#[derive(Debug, Default)]
pub(super) struct Mstl {
    taken: Option<Taken>,
}

impl Mstl {
    fn take(&mut self, view: &View<'_>) {
        let Some(newest) = view.past.newest() else { return };
        let serves = SERVES * view.clock.half_hour();
        if self.taken.as_ref().is_some_and(|taken| newest < taken.newest.saturating_add(serves)) {
            return;
        }
        let mut last = 0.0;
        // A gap is filled with the value before it.
        let fill = |wh: f32| {
            last = if wh.is_nan() { last } else { f64::from(wh) };
            last
        };
        let wh: Vec<f64> = view.past.all().map(fill).collect();
        let day = view.clock.per_day() as usize;
        let mut periods = vec![day];
        if wh.len() >= WEEKLY_DAYS * day {
            periods.push(7 * day);
        }
        let ahead = (AHEAD_DAYS * view.clock.per_day()) as usize;
        let mut taken = Taken { newest, first: view.past.first(), ..Taken::default() };
        if wh.len() > 2 * day
            && let Ok(fit) = MSTLModel::naive(periods).fit(&wh)
            && let Ok(forecast) = fit.predict(ahead, None)
        {
            let parts = fit.fit().trend().iter().zip(fit.fit().remainder());
            taken.level = parts.map(|(trend, rest)| f64::from(trend + rest)).collect();
            taken.ahead = forecast.point;
        }
        self.taken = Some(taken);
    }
}

impl Method for Mstl {
    fn learn(&mut self, view: &View<'_>, _at: u32, _wh: f64) {
        self.take(view);
    }

    fn walk<'a>(&'a self, view: View<'a>) -> Walk<'a> {
        Box::new(move |at, out| {
            out.clear();
            out.resize(DAYS as usize, Scenario::UNKNOWN);
            let Some(point) = self.point(&view, at) else { return };
            let Some(taken) = &self.taken else { return };
            let level = |t: u32| taken.level.get(t.checked_sub(taken.first)? as usize).copied();
            let lead = at.saturating_sub(taken.newest);
            for place in view.days_back(at, DAYS) {
                let then = place.then.checked_sub(lead).and_then(level);
                let Some((now, then)) = level(place.then).zip(then) else { continue };
                let wh = point + now - then;
                out[place.day as usize - 1] = Scenario { wh, weight: 1.0 };
            }
        })
    }

    fn point(&self, _view: &View<'_>, at: u32) -> Option<f64> {
        let taken = self.taken.as_ref()?;
        taken.ahead.get(at.checked_sub(taken.newest + 1)? as usize).copied()
    }
}
