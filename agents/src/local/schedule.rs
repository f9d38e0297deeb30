//! The local scheduling model (LSM, protocol 3.2): an exact linear programme through `microlp`.
//!
//! [`solve`] is a pure function from a [`Problem`] to a [`Plan`]. It is never infeasible for
//! ordinary input: what cannot be had is stated in the plan as a shortfall. It knows nothing of
//! contracts, devices or time; the caller says what is due in which interval.

mod dual;
mod frame;
mod integer;
mod linear;
pub mod plan;
pub mod problem;
mod settle;

pub use frame::terminal_value;
pub use plan::{Method, Plan, Shortfall, SolveError, StorePlan};
pub use problem::{Departure, Job, PooledSale, Problem, Store};

#[cfg(test)]
mod tests;

use frame::Frame;
use integer::Choices;
use settle::{Decisions, settle};

/// Flows below this many kWh do not count as doing two things at once.
const OVERLAP: f64 = 1e-5;

/// A settled plan may cost this much other than the solver said, relative, before it counts.
const GAP: f64 = 1e-6;

/// Rounds of the integer model; each adds the choices that the last one showed to be missing.
const CHOICE_ROUNDS: usize = 8;

/// Finds the cheapest schedule.
///
/// # Errors
/// [`SolveError::Malformed`] when series differ in length or hold a NaN or an infinity,
/// [`SolveError::Solver`] when the solver gives up.
pub fn solve(problem: &Problem) -> Result<Plan, SolveError> {
    check(problem)?;
    let frame = Frame::new(problem);
    if (0..frame.horizon()).all(|t| !frame.is_open(t)) {
        return Ok(settle(&frame, &Decisions::idle(&frame), Method::ClosedForm));
    }
    if problem.pooled.is_some() {
        let found = integer::solve(&frame, &Choices::default())?;
        return match found {
            Some(found) => choose(&frame, found, Method::Linear),
            None => Err(SolveError::Solver("no answer to a linear programme".into())),
        };
    }
    let found = match linear::solve(&frame) {
        Ok(found) => found,
        // Two ways to write one programme: where the simplex loses itself in one, it may not in the other.
        Err(error) => integer::solve(&frame, &Choices::default())?.ok_or(error)?,
    };
    choose(&frame, found, Method::Linear)
}

/// Settles an answer, and asks for an integer one while it does two opposite things at once.
fn choose(
    frame: &Frame<'_>,
    (mut decisions, mut claimed): (Decisions, f64),
    mut method: Method,
) -> Result<Plan, SolveError> {
    let mut choices = Choices::default();
    let mut best: Option<Plan> = None;
    for _ in 0..CHOICE_ROUNDS {
        let grown = extend(frame, &decisions, &choices);
        decisions.net_out(frame);
        let plan = settle(frame, &decisions, method);
        let gap = plan.objective / frame.price_unit - claimed;
        let is_exact = gap.abs() <= GAP * (1.0 + claimed.abs());
        if best.as_ref().is_none_or(|b| plan.objective < b.objective) {
            best = Some(plan);
        }
        if is_exact || grown == choices {
            break;
        }
        choices = grown;
        match integer::solve(frame, &choices) {
            Ok(Some(found)) => (decisions, claimed) = found,
            // The plan at hand is sound, only perhaps not the cheapest.
            Ok(None) | Err(_) => break,
        }
        method = Method::Integer;
    }
    best.ok_or(SolveError::Solver("no plan".into()))
}

/// The choices this answer shows to be missing, added to those made already.
fn extend(frame: &Frame<'_>, decisions: &Decisions, choices: &Choices) -> Choices {
    let mut grown = choices.clone();
    let gives = |t: usize| frame.sold[t] + decisions.pooled.get(t).copied().unwrap_or(0.0);
    let takes = |t: usize| frame.net[t] - frame.sold[t] + decisions.drawn(t);
    // Once a sale is lost, which one is lost is a choice among all of them.
    let is_lost = (0..frame.horizon()).any(|t| gives(t) > OVERLAP && takes(t) > OVERLAP);
    for t in 0..frame.horizon() {
        for (s, (charge, discharge, _)) in decisions.stores.iter().enumerate() {
            if charge[t] > OVERLAP && discharge[t] > OVERLAP {
                grown.stores.insert((s, t));
            }
        }
        let is_odd = frame.feed_in[t] >= frame.retail[t] || frame.retail[t] < 0.0;
        if frame.is_open(t) && (is_odd || is_lost && gives(t) > OVERLAP) {
            grown.meter.insert(t);
        }
    }
    grown
}

/// Refuses what is no question.
fn check(problem: &Problem) -> Result<(), SolveError> {
    let n = problem.horizon();
    let series = [
        &problem.load_wh,
        &problem.solar_wh,
        &problem.wind_wh,
        &problem.retail,
        &problem.feed_in,
        &problem.bought_wh,
        &problem.sold_wh,
    ];
    if series.iter().any(|s| s.len() != n) {
        return Err(SolveError::Malformed("series differ in length"));
    }
    let caps = &problem.import_cap_wh;
    if !caps.is_empty() && caps.len() != n {
        return Err(SolveError::Malformed("import caps do not cover the horizon"));
    }
    if series.iter().any(|s| s.iter().any(|x| !x.is_finite())) {
        return Err(SolveError::Malformed("a series holds something that is no number"));
    }
    let stores = problem.stores.iter().flat_map(|s| {
        [s.capacity_wh, s.charge_wh, s.discharge_wh, s.floor_wh, s.wear, s.stored_wh]
    });
    let jobs = problem.jobs.iter().flat_map(|j| [j.energy_wh, j.power_wh]);
    if stores.chain(jobs).any(|x| !x.is_finite()) {
        return Err(SolveError::Malformed("a device holds something that is no number"));
    }
    if problem.stores.iter().any(|s| !s.plugged.is_empty() && s.plugged.len() != n) {
        return Err(SolveError::Malformed("a plug mask does not cover the horizon"));
    }
    Ok(())
}
