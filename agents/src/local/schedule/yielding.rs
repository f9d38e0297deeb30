//! A plan where the search for the best has found none: storages whose sale floor is in the way give
//! less.
//!
//! Nothing may be discharged below a sale floor, but driving may go below it, so that whether a
//! storage may give is a choice of every interval. Here each interval in which the linear answer
//! breaks the floor is closed for giving until none is left: a plan that keeps every rule, perhaps
//! not the cheapest.

use super::frame::Frame;
use super::integer::{self, Choices};
use super::plan::{Method, Plan, SolveError};
use super::settle::{Decisions, settle};
use super::{Effort, OVERLAP, linear};

/// Rounds that close single intervals; then storages with such a floor give nothing at all.
const ROUNDS: usize = 8;

/// A plan that keeps every rule.
///
/// # Errors
/// [`SolveError::Solver`] when even the linear programme has no answer.
pub(super) fn solve(frame: &Frame<'_>, effort: Effort) -> Result<Plan, SolveError> {
    let mut frame = Frame::new(frame.problem);
    for round in 0..=ROUNDS {
        if round == ROUNDS {
            for store in frame.stores.iter_mut().filter(|store| store.sale_floor > 0.0) {
                store.discharge.fill(0.0);
            }
        }
        let mut decisions = answer(&frame, effort)?;
        decisions.net_out(&frame);
        let broken = broken(&frame, &decisions);
        if broken.is_empty() {
            return Ok(settle(&frame, &decisions, Method::Linear));
        }
        for (s, t) in broken {
            frame.stores[s].discharge[t] = 0.0;
        }
    }
    Err(SolveError::Solver("a storage that gives nothing is below its sale floor".into()))
}

fn answer(frame: &Frame<'_>, effort: Effort) -> Result<Decisions, SolveError> {
    let is_linear =
        frame.problem.pooled.is_none() && frame.problem.jobs.iter().all(|job| !job.is_run_once);
    if is_linear && let Ok(decisions) = linear::solve(frame).map(|(decisions, _)| decisions) {
        return Ok(decisions);
    }
    let missing = || SolveError::Solver("no answer to a linear programme".into());
    Ok(integer::solve(frame, &Choices::default(), effort)?.ok_or_else(missing)?.decisions)
}

/// The (storage, interval) pairs in which something is discharged below the sale floor.
fn broken(frame: &Frame<'_>, decisions: &Decisions) -> Vec<(usize, usize)> {
    let mut broken = Vec::new();
    for (s, (store, (charge, discharge, relief))) in
        frame.stores.iter().zip(&decisions.stores).enumerate()
    {
        let path = store.path(charge, discharge, relief);
        let gives = (0..frame.horizon()).filter(|t| discharge[*t] > OVERLAP);
        let is_below = |t: &usize| path[*t + 1] < store.sale_floor - OVERLAP;
        broken.extend(gives.filter(is_below).map(|t| (s, t)));
    }
    broken
}
