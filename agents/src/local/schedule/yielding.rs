//! A plan that keeps every sale floor without a search, perhaps not the cheapest.
//!
//! Nothing may be discharged below a sale floor, but driving may go below it, so that whether a
//! storage may give is a choice of every interval. Here the linear answer shows where the floor is
//! in the way, and of two ways out the cheaper is taken, one stay after the other: the storage
//! keeps its floor from then on until it drives, or it gives nothing before. Behind a shared line
//! that only charging and discharging at once would spare, nothing is given in that interval.

use super::frame::Frame;
use super::integer::{self, Choices};
use super::plan::{Method, Plan, SolveError};
use super::settle::{Decisions, reckon, settle};
use super::{Effort, OVERLAP, linear};

/// Choices that are made one by one; then storages with such a floor or line give nothing at all.
const ROUNDS: usize = 48;

/// A plan that keeps every rule.
///
/// # Errors
/// [`SolveError::Solver`] when even the linear programme has no answer.
pub(super) fn solve(frame: &Frame<'_>, effort: Effort) -> Result<Plan, SolveError> {
    let (original, mut frame) = (frame, frame.clone());
    let mut decisions = answer(&frame, effort)?;
    for _ in 0..ROUNDS {
        if let Some((station, t)) = decisions.broken_line(original) {
            station.stores.iter().for_each(|s| frame.stores[*s].discharge[t] = 0.0);
            decisions = answer(&frame, effort)?;
            continue;
        }
        let Some((s, t)) = broken(&frame, &decisions) else {
            return Ok(settle(&frame, &decisions, Method::Linear));
        };
        let ways = kept(&frame, s, t).into_iter().chain([closed(&frame, s, t)]);
        let cheapest = ways
            .filter_map(|way| answer(&way, effort).ok().map(|decisions| (way, decisions)))
            .map(|(way, found)| (reckon(&way, &found, Method::Linear).objective, way, found))
            .min_by(|a, b| a.0.total_cmp(&b.0));
        let Some((_, way, found)) = cheapest else { break };
        (frame, decisions) = (way, found);
    }
    for (s, store) in frame.stores.iter_mut().enumerate() {
        store.held.clear();
        let is_shared = frame.problem.stations.iter().any(|station| station.stores.contains(&s));
        if is_shared || store.sale_floor > 0.0 {
            store.discharge.fill(0.0);
        }
    }
    decisions = answer(&frame, effort)?;
    Ok(settle(&frame, &decisions, Method::Linear))
}

/// The storage keeps its floor from the end of `t` on, until it drives; none if it does already.
fn kept<'a>(frame: &Frame<'a>, s: usize, t: usize) -> Option<Frame<'a>> {
    let store = &frame.stores[s];
    let mut way = frame.clone();
    way.stores[s].held.extend(store.stay(t).skip_while(|at| *at < t).map(|at| at + 1));
    (way.stores[s].held.len() > store.held.len()).then_some(way)
}

/// The storage gives nothing in `t`, nor before it in the same stay where it keeps no floor.
fn closed<'a>(frame: &Frame<'a>, s: usize, t: usize) -> Frame<'a> {
    let store = &frame.stores[s];
    let mut way = frame.clone();
    for at in store.stay(t).filter(|at| *at <= t && !store.held.contains(&(at + 1))) {
        way.stores[s].discharge[at] = 0.0;
    }
    way
}

fn answer(frame: &Frame<'_>, effort: Effort) -> Result<Decisions, SolveError> {
    let is_linear =
        frame.problem.pooled.is_none() && frame.problem.jobs.iter().all(|job| !job.is_run_once);
    let mut decisions = if is_linear {
        linear::solve(frame)?.0
    } else {
        let missing = || SolveError::Solver("no answer to a linear programme".into());
        integer::solve(frame, &Choices::default(), effort)?.ok_or_else(missing)?.decisions
    };
    decisions.net_out(frame);
    Ok(decisions)
}

/// The first (storage, interval) in which something is discharged below the sale floor.
fn broken(frame: &Frame<'_>, decisions: &Decisions) -> Option<(usize, usize)> {
    frame.stores.iter().zip(&decisions.stores).enumerate().find_map(|(s, (store, made))| {
        let (charge, discharge, relief) = made;
        let path = store.path(charge, discharge, relief);
        let gives = (0..frame.horizon())
            .find(|t| discharge[*t] > OVERLAP && path[*t + 1] < store.sale_floor - OVERLAP);
        gives.map(|t| (s, t))
    })
}
