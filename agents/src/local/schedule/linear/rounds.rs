//! Solving in rounds: each adds the left-out rows that the last answer breaks, until none is.

use microlp::{ComparisonOp, LinearExpr, Solution, SolveOptions, Variable};

use super::{Linear, SolveError, solver_error};
use crate::local::schedule::settle::Decisions;

/// An answer may pass a left-out row by this many kWh (a thousandth of a watt-hour).
const BREACH: f64 = 1e-6;

/// More rounds than there can be useful ones at any horizon; then the solver is in trouble.
const ROUNDS_MAX: usize = 2_000;

/// A row that an answer breaks.
type Broken = (LinearExpr, ComparisonOp, f64);

impl Linear<'_, '_> {
    /// The answer, and what the model says it costs.
    pub(super) fn run(mut self) -> Result<(Decisions, f64), SolveError> {
        let mut options = SolveOptions::default();
        options.presolve = false;
        let mut solution = self
            .lp
            .solve_with(options)
            .map_err(solver_error)?
            .into_solution()
            .map_err(|_| SolveError::Solver("interrupted".into()))?;
        for _ in 0..ROUNDS_MAX {
            let decisions = self.read(&solution);
            let broken = self.broken(&solution, &decisions);
            if broken.is_empty() {
                return Ok((decisions, solution.objective() + self.constant()));
            }
            for (row, op, bound) in broken {
                solution = solution
                    .add_constraint(row, op, bound)
                    .map_err(solver_error)?
                    .into_solution()
                    .map_err(|_| SolveError::Solver("interrupted".into()))?;
            }
        }
        Err(SolveError::Solver("no end of broken rows".into()))
    }

    fn read(&self, solution: &Solution) -> Decisions {
        let pick = |columns: &[Option<Variable>]| -> Vec<f64> {
            columns.iter().map(|v| v.map_or(0.0, |v| solution.var_value(v).max(0.0))).collect()
        };
        let stores = self.stores.iter().map(|s| {
            let relief = s.relief.iter().map(|v| solution.var_value(*v).max(0.0)).collect();
            (pick(&s.charge), pick(&s.discharge), relief)
        });
        Decisions {
            stores: stores.collect(),
            jobs: self.jobs.iter().map(|j| pick(j)).collect(),
            pooled: Vec::new(),
            held_back: pick(&self.spill),
        }
    }

    /// The left-out rows that this answer breaks: of each run of breaches only the worst.
    fn broken(&mut self, solution: &Solution, decisions: &Decisions) -> Vec<Broken> {
        let mut found = Vec::new();
        for (s, store) in self.frame.stores.iter().enumerate() {
            let (charge, discharge, relief) = &decisions.stores[s];
            let path = store.path(charge, discharge, relief);
            for boundary in worst_of_runs(&path, |_, stored| stored - store.capacity) {
                let (row, fixed) = self.stored(s, boundary);
                found.push((row, ComparisonOp::Le, store.capacity - fixed));
            }
            for boundary in worst_of_runs(&path, |at, stored| store.least(at) - stored) {
                let (row, fixed) = self.stored(s, boundary);
                found.push((row, ComparisonOp::Ge, store.least(boundary) - fixed));
            }
            self.broken_rations(s, discharge, &mut found);
        }
        self.broken_stations(decisions, &mut found);
        for row in self.rows.iter_mut().flatten().filter(|r| !r.is_high_in) {
            let flow: f64 = row.terms.iter().map(|(v, a)| a * solution.var_value(*v)).sum();
            if flow > row.high + BREACH {
                row.is_high_in = true;
                found.push((row.terms.as_slice().into(), ComparisonOp::Le, row.high));
            }
        }
        found
    }
}

impl Linear<'_, '_> {
    /// Ranges in which more is discharged than they allow.
    fn broken_rations(&self, s: usize, discharge: &[f64], found: &mut Vec<Broken>) {
        for ration in &self.frame.stores[s].rations {
            let range = || ration.from..ration.until.min(discharge.len());
            let most = ration.energy_wh.max(0.0) * 1e-3;
            if range().map(|t| discharge[t]).sum::<f64>() > most + BREACH {
                let columns = range().filter_map(|t| self.stores[s].discharge[t]);
                let row: LinearExpr = columns.map(|v| (v, 1.0)).collect::<Vec<_>>().into();
                found.push((row, ComparisonOp::Le, most));
            }
        }
    }

    /// Intervals in which more goes through a shared line than it carries.
    fn broken_stations(&self, decisions: &Decisions, found: &mut Vec<Broken>) {
        for (station, t) in self.frame.station_intervals() {
            let most = station.limit_wh.max(0.0) * 1e-3;
            let flow = decisions.through(station, t);
            if flow.abs() <= most + BREACH {
                continue;
            }
            let mut row = LinearExpr::empty();
            for s in &station.stores {
                for (column, side) in
                    [(self.stores[*s].charge[t], 1.0), (self.stores[*s].discharge[t], -1.0)]
                {
                    if let Some(column) = column {
                        row.add(column, side * flow.signum());
                    }
                }
            }
            found.push((row, ComparisonOp::Le, most));
        }
    }
}

/// Of each run of boundaries where `breach` is positive, the one where it is largest.
fn worst_of_runs(path: &[f64], breach: impl Fn(usize, f64) -> f64) -> Vec<usize> {
    let (mut found, mut worst) = (Vec::new(), None);
    for (boundary, stored) in path.iter().enumerate() {
        let by = breach(boundary, *stored);
        if by <= BREACH {
            found.extend(worst.take().map(|(at, _)| at));
        } else if worst.is_none_or(|(_, most)| by > most) {
            worst = Some((boundary, by));
        }
    }
    found.extend(worst.map(|(at, _)| at));
    found
}
