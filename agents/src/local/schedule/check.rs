//! What is no question at all: series that do not fit together, numbers that are none.

use super::{Problem, SolveError};

/// Refuses what is no question.
pub(super) fn check(problem: &Problem) -> Result<(), SolveError> {
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
    let beside =
        problem.stations.iter().any(|s| s.stores.iter().any(|i| *i >= problem.stores.len()));
    if beside {
        return Err(SolveError::Malformed("a station names a storage that is not there"));
    }
    if problem.stores.iter().any(|s| !s.plugged.is_empty() && s.plugged.len() != n) {
        return Err(SolveError::Malformed("a plug mask does not cover the horizon"));
    }
    Ok(())
}
