//! Similar days: what came on earlier days at this time, in proportion to how much each day until
//! then was like today until now, and each moved to today's level.
//!
//! A day counts the less, the older it is, if it is a weekend and today is not, if it is read half
//! an hour off, and the more the last half hour, two hours and day before it differed from what they
//! are now. The near future looks for a like evening; tomorrow only for a like week. What still
//! differs moves the day by a factor, the recent half hour's share of which fades within hours.
//! The constants were set on the London homes; on generated ones it is the best as well
//! (`gridpact bench forecast`).

use super::method::{Method, View, Walk};
use super::past::State;
use super::scenario::Scenario;

/// Days that are compared with today.
const DAYS: u32 = 28;

/// Days after which a day counts half.
const HALF_LIFE_DAYS: f64 = 14.0;

/// Weight of a day of the other kind (working day, weekend).
const OTHER_KIND: f64 = 0.5;

/// Weight of a day read half an hour earlier or later: habits are not punctual.
const BESIDE: f64 = 0.4;

/// Difference of states (natural logarithms of energy) that is no longer alike.
const ALIKE: f64 = 0.4;

/// Half-hours ahead after which the last hours' likeness counts half.
const LIKENESS_LASTS: f64 = 4.0;

/// Least weight of an unlike day beside one just alike: some spread remains on odd days.
const UNLIKE: f64 = 0.01;

/// How far a day is moved to the last half hour's, two hours' and day's level, and how much of that
/// is left after each further half hour.
const FOLLOWS: [(f64, f64); 3] = [(0.4, 0.6), (0.1, 0.9), (0.2, 1.0)];

/// Most that a day is moved, as a natural logarithm.
const MOVE_MAX: f64 = 2.0;

/// Half-hours ahead at which likeness is weighed anew; in between it hardly changes.
const KNOTS: [u32; 11] = [0, 1, 2, 3, 4, 6, 8, 12, 20, 32, 48];

/// Readings of one day: half an hour early, in time, half an hour late.
const BESIDES: [i64; 3] = [-1, 0, 1];

/// The method; it has no state of its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Similar;

/// How much a past moment counts, and what moves it to today's level.
#[derive(Debug, Clone, Copy)]
struct Likeness {
    weight: f64,
    factor: f64,
}

/// How likeness is weighed some half-hours ahead.
#[derive(Debug, Clone, Copy)]
struct Scale {
    recent: f64,
    follows: [f64; 3],
}

impl Scale {
    fn at(half_hours: f64) -> Self {
        Self {
            recent: 1.0 / (1.0 + half_hours / LIKENESS_LASTS),
            follows: FOLLOWS.map(|(share, left)| share * left.powf(half_hours)),
        }
    }

    fn weigh(&self, now: &State, then: Option<&State>) -> Likeness {
        let Some(then) = then else { return Likeness { weight: 1.0, factor: 1.0 } };
        let differs = |i: usize| {
            let differs = f64::from(now[i] - then[i]);
            if differs.is_nan() { 0.0 } else { differs }
        };
        let [short, hours, day] = [differs(0), differs(1), differs(2)];
        let far = (self.recent * (short * short + hours * hours) + day * day) / (ALIKE * ALIKE);
        let [f_short, f_hours, f_day] = self.follows;
        let moved = f_short * short + f_hours * hours + f_day * day;
        Likeness {
            weight: (-far / 2.0).exp().max(UNLIKE),
            factor: moved.clamp(-MOVE_MAX, MOVE_MAX).exp(),
        }
    }
}

/// `wh` at another level. What is zero stays zero, unless the series may cross it: then it is moved
/// on the curve that looks like a logarithm on both sides and like a line between them.
fn moved(wh: f64, factor: f64, view: &View<'_>) -> f64 {
    if !view.is_signed {
        return wh * factor;
    }
    let (up, down) = (factor, 1.0 / factor);
    let scale = view.past.scale();
    wh * (up + down) / 2.0 + (wh * wh + scale * scale).sqrt() * (up - down) / 2.0
}

impl Method for Similar {
    fn walk<'a>(&'a self, view: View<'a>) -> Walk<'a> {
        let newest = view.past.newest().unwrap_or(0);
        let now = view.past.state(newest).copied().unwrap_or([f32::NAN; 3]);
        let half_hour = view.clock.half_hour();
        let ages: Vec<f64> =
            (0..=DAYS).map(|d| 0.5_f64.powf(f64::from(d) / HALF_LIFE_DAYS)).collect();
        // Likeness by knot; it is the same until the next one, as long as no clock was changed.
        let mut known: Vec<Option<Likeness>> = Vec::new();
        let mut knot_known = usize::MAX;
        let mut scale = Scale::at(0.0);
        Box::new(move |at, out| {
            let lead = view.lead(at);
            let half_hours = (lead - 1) / half_hour;
            let knot = KNOTS.partition_point(|k| *k <= half_hours);
            if knot != knot_known {
                let next = KNOTS.get(knot).map_or(half_hours, |next| next - 1);
                let here = knot.checked_sub(1).and_then(|k| KNOTS.get(k)).copied();
                let here = here.unwrap_or(0);
                scale = Scale::at(f64::from(here + next.max(here)) / 2.0);
                known.clear();
                known.resize(DAYS as usize * BESIDES.len(), None);
                knot_known = knot;
            }
            out.clear();
            out.resize(DAYS as usize * BESIDES.len(), Scenario::UNKNOWN);
            for place in view.days_back(at, DAYS) {
                let kind = if place.is_same_kind { 1.0 } else { OTHER_KIND };
                for (number, beside) in BESIDES.iter().enumerate() {
                    let index = (place.day as usize - 1) * BESIDES.len() + number;
                    let then = i64::from(place.then) + beside * i64::from(half_hour);
                    let Ok(then) = u32::try_from(then) else { continue };
                    let Some(wh) = view.past.at(then) else { continue };
                    let fresh = || {
                        let before = then.checked_sub(lead).and_then(|t| view.past.state(t));
                        scale.weigh(&now, before)
                    };
                    let likeness = match known[index] {
                        Some(likeness) if !place.is_shifted => likeness,
                        _ => fresh(),
                    };
                    if !place.is_shifted {
                        known[index] = Some(likeness);
                    }
                    let off = if *beside == 0 { 1.0 } else { BESIDE };
                    out[index] = Scenario {
                        wh: moved(wh, likeness.factor, &view),
                        weight: ages[place.day as usize] * kind * off * likeness.weight,
                    };
                }
            }
        })
    }
}
