//! The local scheduling model (LSM, protocol 3.2): an exact linear programme through `microlp`.
//!
//! [`solve`] is a pure function from a [`Problem`] to a [`Plan`]. It is never infeasible for
//! ordinary input: what cannot be had is stated in the plan as a shortfall. It knows nothing of
//! contracts, devices or time; the caller says what is due in which interval.

mod check;
mod dual;
mod frame;
mod integer;
mod linear;
pub mod plan;
pub mod problem;
mod settle;
mod single;
pub mod yardstick;
mod yielding;

pub use frame::terminal_value;
pub use plan::{Method, PenaltyRates, Plan, Shortfall, SolveError, StorePlan};
pub use problem::{Departure, Job, PooledSale, Problem, Ration, Station, Store, StoreRules};

#[cfg(test)]
mod tests;

use std::time::Duration;

use frame::Frame;
use integer::{Choices, Found};
use settle::{Decisions, settle};

/// Flows below this many kWh do not count as doing two things at once.
const OVERLAP: f64 = 1e-5;

/// A settled plan may cost this much other than the solver said, relative, before it counts.
const GAP: f64 = 1e-6;

/// Rounds of the integer model; each adds the choices that the last one showed to be missing.
const CHOICE_ROUNDS: usize = 6;

/// How long the search of an integer model may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Nodes per search; none = no bound. A bound on nodes gives the same plan on every machine.
    pub nodes: Option<u64>,
    /// Time per search by the machine's clock; none = no bound.
    pub time: Option<Duration>,
}

impl Default for Effort {
    /// What a mind may spend: 2 000 nodes and, so that twins agree, no clock.
    fn default() -> Self {
        Self { nodes: Some(2_000), time: None }
    }
}

/// Finds the cheapest schedule with the effort a mind may spend.
///
/// # Errors
/// As [`solve_within`].
pub fn solve(problem: &Problem) -> Result<Plan, SolveError> {
    solve_within(problem, Effort::default())
}

/// Finds the cheapest schedule; where `effort` ends first, the best found with its gap.
///
/// # Errors
/// [`SolveError::Malformed`] when series differ in length or hold a NaN or an infinity,
/// [`SolveError::Solver`] when the solver gives up.
pub fn solve_within(problem: &Problem, effort: Effort) -> Result<Plan, SolveError> {
    check::check(problem)?;
    let frame = Frame::new(problem);
    if (0..frame.horizon()).all(|t| !frame.is_open(t)) {
        return Ok(settle(&frame, &Decisions::idle(&frame), Method::ClosedForm));
    }
    if let Some(plan) = single::solve(&frame) {
        return Ok(plan);
    }
    solve_by_models(&frame, effort)
}

/// What [`solve_within`] does where no quicker way is exact.
fn solve_by_models(frame: &Frame<'_>, effort: Effort) -> Result<Plan, SolveError> {
    let none = Choices::default();
    let missing = || SolveError::Solver("no answer to a linear programme".into());
    let is_integer = frame.problem.jobs.iter().any(|job| job.is_run_once);
    if frame.problem.pooled.is_some() || is_integer {
        let found = integer::solve(frame, &none, effort)?.ok_or_else(missing)?;
        let method = if is_integer { Method::Integer } else { Method::Linear };
        return choose(frame, found, method, effort);
    }
    let found = match linear::solve(frame) {
        Ok((decisions, claimed)) => Found { decisions, claimed, bound: claimed },
        // Two ways to write one programme: where the simplex loses itself in one, it may not in the other.
        Err(error) => integer::solve(frame, &none, effort)?.ok_or(error)?,
    };
    choose(frame, found, Method::Linear, effort)
}

/// Settles an answer, and asks for an integer one while it does two opposite things at once.
fn choose(
    frame: &Frame<'_>,
    mut found: Found,
    mut method: Method,
    effort: Effort,
) -> Result<Plan, SolveError> {
    let mut choices = Choices::default();
    let mut best: Option<Plan> = None;
    let mut bound = f64::NEG_INFINITY;
    for round in 1..=CHOICE_ROUNDS {
        let is_lost = loses_a_sale(frame, &found.decisions);
        let mut grown = extend(frame, &found.decisions, &choices, is_lost);
        let keeps_floors = grown.floors == choices.floors;
        found.decisions.net_out(frame);
        // What charged and discharged at once to spare a shared line does not spare it any more.
        let keeps_rules = keeps_floors && found.decisions.broken_line(frame).is_none();
        let plan = settle(frame, &found.decisions, method);
        let cost = plan.objective / frame.price_unit;
        // Where a sale is lost the linear model prices importing beside it too high: no bound yet.
        let is_bound = !is_lost || grown.meter == choices.meter;
        let is_exact =
            keeps_rules && is_bound && (cost - found.claimed).abs() <= GAP * (1.0 + cost.abs());
        // Each model allows all that the true one does, so each one's bound holds.
        if is_bound {
            bound = bound.max(found.bound);
        }
        if keeps_rules && best.as_ref().is_none_or(|b| plan.objective < b.objective) {
            best = Some(plan);
        }
        if is_exact || grown == choices {
            break;
        }
        if round + 1 == CHOICE_ROUNDS {
            grown = Choices::all(frame);
        }
        choices = grown;
        match integer::solve(frame, &choices, effort) {
            Ok(Some(next)) => found = next,
            // The plan at hand is sound, only perhaps not the cheapest.
            Ok(None) | Err(_) => break,
        }
        method = Method::Integer;
    }
    let gap = |plan: &Plan| {
        let cost = plan.objective / frame.price_unit;
        // Without any bound all of it is in doubt.
        ((cost - bound) / (1.0 + cost.abs())).clamp(0.0, 1.0)
    };
    let mut best = match best {
        Some(plan) if !has_rules(frame) || gap(&plan) <= GAP => plan,
        best => cheaper(best, yielding::solve(frame, effort))?,
    };
    let gap = gap(&best);
    best.gap = if gap <= GAP { 0.0 } else { gap };
    Ok(best)
}

/// Whether there is anything that a search may break: sale floors and shared lines.
fn has_rules(frame: &Frame<'_>) -> bool {
    !frame.problem.stations.is_empty() || frame.stores.iter().any(|store| store.sale_floor > 0.0)
}

/// The cheaper of what a search has found and what was made without one.
fn cheaper(found: Option<Plan>, made: Result<Plan, SolveError>) -> Result<Plan, SolveError> {
    match (found, made) {
        (Some(found), Ok(made)) if made.objective < found.objective => Ok(made),
        (Some(found), _) => Ok(found),
        (None, made) => made,
    }
}

/// Whether this answer leaves any of a sale undelivered, by importing beside it or by want of energy.
fn loses_a_sale(frame: &Frame<'_>, decisions: &Decisions) -> bool {
    let takes = |t: usize| frame.net[t] - frame.sold[t] + decisions.drawn(t);
    let is_short = |t: usize, due: f64| due > OVERLAP && takes(t) > OVERLAP - due;
    (0..frame.horizon()).any(|t| is_short(t, gives(frame, decisions, t)))
}

/// What is due out of the site in interval `t`.
fn gives(frame: &Frame<'_>, decisions: &Decisions, t: usize) -> f64 {
    frame.sold[t] + decisions.pooled.get(t).copied().unwrap_or(0.0)
}

/// The choices this answer shows to be missing, added to those made already.
fn extend(frame: &Frame<'_>, decisions: &Decisions, choices: &Choices, is_lost: bool) -> Choices {
    let mut grown = choices.clone();
    for (s, ((charge, discharge, relief), store)) in
        decisions.stores.iter().zip(&frame.stores).enumerate()
    {
        let path = store.path(charge, discharge, relief);
        for t in (0..frame.horizon()).filter(|t| discharge[*t] > OVERLAP) {
            if charge[t] > OVERLAP {
                grown.stores.insert((s, t));
            }
            if path[t + 1] < store.sale_floor - OVERLAP {
                grown.floors.extend(store.stay(t).map(|at| (s, at)));
            }
        }
    }
    for t in (0..frame.horizon()).filter(|t| frame.is_open(*t)) {
        let is_odd = frame.feed_in[t] >= frame.retail[t] || frame.retail[t] < 0.0;
        // Once a sale is lost, which one is lost is a choice among all of them.
        if is_odd || is_lost && gives(frame, decisions, t) > OVERLAP {
            grown.meter.insert(t);
        }
    }
    grown
}
