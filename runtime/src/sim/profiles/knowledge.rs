//! What a charger is told about a stay: the truth, a statement with an error, or a habit.

use gridpact_agents::resource::nature::Stay;
use gridpact_chain::terms::Interval;

use super::chance::Chance;
use crate::sim::calendar::Calendar;
use crate::sim::community::{EvKnowledge, Knowledge};
use crate::sim::scenario::Scenario;
use gridpact_agents::params::Forecast;

/// Days of habit a charger remembers.
const HABIT_STAYS: usize = 14;

/// How stays are known in a scenario.
#[must_use]
pub fn knowledge(scenario: &Scenario) -> Knowledge {
    Knowledge {
        departure: scenario.scenario.ev_knowledge,
        future: scenario.params.lca.forecast == Forecast::Perfect,
    }
}

/// What is told of each stay; only departures differ from the truth.
pub fn tell(
    scenario: &Scenario,
    calendar: &Calendar,
    stays: &[Stay],
    chance: &mut Chance,
) -> Vec<Stay> {
    let stated = |stay: &Stay, error_h: f64| {
        let shift = (error_h * calendar.per_hour()).round() as i64;
        let departure = i64::from(stay.departure.0) + shift;
        let departure = u32::try_from(departure.max(0)).unwrap_or(u32::MAX);
        Stay { departure: Interval(departure).max(stay.arrival.plus(1)), ..*stay }
    };
    let tell_one = |(i, stay): (usize, &Stay)| {
        // Drawn for every stay, so that the way of knowing does not shift later errors.
        let error_h = chance.normal();
        match scenario.scenario.ev_knowledge {
            EvKnowledge::Perfect => *stay,
            EvKnowledge::Stated => stated(stay, error_h),
            EvKnowledge::Learned => {
                let seen = &stays[i.saturating_sub(HABIT_STAYS)..i];
                habit(calendar, seen, stay).unwrap_or_else(|| stated(stay, error_h))
            }
        }
    };
    let mut told: Vec<Stay> = stays.iter().enumerate().map(tell_one).collect();
    for (told, next) in told.iter_mut().zip(stays.iter().skip(1)) {
        told.departure = told.departure.min(next.arrival);
    }
    told
}

/// The stay as the median hour of earlier departures has it: the first such hour after arrival.
fn habit(calendar: &Calendar, seen: &[Stay], stay: &Stay) -> Option<Stay> {
    let day = 86_400 / calendar.interval_s;
    let mut hours: Vec<u32> = seen.iter().map(|past| past.departure.0 % day).collect();
    hours.sort_unstable();
    let usual = *hours.get(hours.len() / 2)?;
    let now = stay.arrival.0;
    let departure = now - now % day + usual;
    let departure = if departure > now { departure } else { departure + day };
    Some(Stay { departure: Interval(departure), ..*stay })
}
