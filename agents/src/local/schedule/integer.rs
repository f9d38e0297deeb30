//! The model in full, row by row as protocol 3.2 writes it, with yes-or-no columns where asked.
//!
//! Needed only where the linear model does two opposite things at once: charges and discharges, or
//! imports and exports (prices below zero, or feed-in not below retail), or imports while a sale is
//! due. It also carries pooled sales. Slower than the linear model; without yes-or-no columns it
//! is the same programme, which the tests use as a second opinion.

use std::collections::BTreeSet;

use microlp::{
    ComparisonOp, LinearExpr, OptimizationDirection, Solution, SolutionStatus, SolveOptions,
    Variable,
};

use super::frame::Frame;
use super::linear::solver_error;
use super::settle::{Decisions, closed_cost};
use super::{Effort, SolveError};

mod meter;

/// Where a choice must be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Choices {
    /// Intervals in which the site either takes from the grid or gives.
    pub meter: BTreeSet<usize>,
    /// (store, interval) in which it either charges or discharges.
    pub stores: BTreeSet<(usize, usize)>,
    /// (store, interval) in which it discharges only if the sale floor stays in it.
    pub floors: BTreeSet<(usize, usize)>,
}

impl Choices {
    /// Every choice there can be.
    pub fn all(frame: &Frame<'_>) -> Self {
        let n = frame.horizon();
        let pairs = || (0..frame.stores.len()).flat_map(move |s| (0..n).map(move |t| (s, t)));
        let both = |(s, t): &(usize, usize)| {
            frame.stores[*s].charge[*t] > 0.0 && frame.stores[*s].discharge[*t] > 0.0
        };
        Self {
            meter: (0..n).filter(|t| frame.is_open(*t)).collect(),
            stores: pairs().filter(both).collect(),
            floors: pairs().filter(|(s, _)| frame.stores[*s].sale_floor > 0.0).collect(),
        }
    }
}

/// What the search found.
pub(super) struct Found {
    pub decisions: Decisions,
    /// What the model says it costs.
    pub claimed: f64,
    /// No answer costs less.
    pub bound: f64,
}

/// Relative gap at which the search stops.
const MIP_GAP: f64 = 1e-7;

struct Full<'f, 'p> {
    frame: &'f Frame<'p>,
    choices: &'f Choices,
    lp: microlp::Problem,
    balance: Vec<LinearExpr>,
    stores: Vec<(Vec<Variable>, Vec<Variable>, Vec<Variable>)>,
    jobs: Vec<Vec<Option<Variable>>>,
    pooled: Vec<Option<Variable>>,
    spill: Vec<Option<Variable>>,
}

/// Solves the full model; `None` when the search ends without an answer.
///
/// # Errors
/// When microlp gives up.
pub(super) fn solve(
    frame: &Frame<'_>,
    choices: &Choices,
    effort: Effort,
) -> Result<Option<Found>, SolveError> {
    let n = frame.horizon();
    let mut model = Full {
        frame,
        choices,
        lp: microlp::Problem::new(OptimizationDirection::Minimize),
        balance: vec![LinearExpr::empty(); n],
        stores: Vec::new(),
        jobs: Vec::new(),
        pooled: vec![None; n],
        spill: vec![None; n],
    };
    model.add_pooled();
    for s in 0..frame.stores.len() {
        model.add_store(s);
    }
    model.add_jobs();
    model.add_stations();
    for t in 0..n {
        model.add_meter(t);
    }
    let mut options = SolveOptions::default();
    options.node_limit = effort.nodes;
    options.time_limit = effort.time;
    options.mip_gap = MIP_GAP;
    let outcome = model.lp.solve_with(options).map_err(solver_error)?;
    let Ok(solution) = outcome.into_solution() else { return Ok(None) };
    let constant = closed_cost(frame);
    let claimed = solution.objective() + constant;
    let is_proved = solution.status() == SolutionStatus::Optimal;
    let bound = match solution.stats().best_bound {
        Some(bound) => bound + constant,
        None if is_proved => claimed,
        None => f64::NEG_INFINITY,
    };
    Ok(Some(Found { decisions: model.read(&solution), claimed, bound: bound.min(claimed) }))
}

impl Full<'_, '_> {
    fn row(&mut self, terms: &[(Variable, f64)], op: ComparisonOp, bound: f64) {
        self.lp.add_constraint(terms, op, bound);
    }

    fn add_pooled(&mut self) {
        let f = self.frame;
        let Some(pool) = f.problem.pooled else { return };
        let mut sum = LinearExpr::empty();
        for t in pool.from..pool.until.min(f.horizon()) {
            let out = self.lp.add_var(0.0, (0.0, f.export_max[t]));
            self.balance[t].add(out, -1.0);
            self.pooled[t] = Some(out);
            sum.add(out, 1.0);
        }
        let energy = pool.energy_wh * 1e-3;
        sum.add(self.lp.add_var(f.penalty.sale, (0.0, energy)), 1.0);
        self.lp.add_constraint(sum, ComparisonOp::Eq, energy);
    }

    fn add_store(&mut self, s: usize) {
        let (f, n) = (self.frame, self.frame.horizon());
        let store = &f.stores[s];
        let charge: Vec<_> = store.charge.iter().map(|c| self.lp.add_var(0.0, (0.0, *c))).collect();
        let discharge: Vec<_> =
            store.discharge.iter().map(|d| self.lp.add_var(store.wear, (0.0, *d))).collect();
        let relief: Vec<_> = (store.departures.iter())
            .map(|d| self.lp.add_var(f.penalty.trip, (0.0, d.trip_wh)))
            .collect();
        let mut stored = Vec::with_capacity(n);
        for t in 0..n {
            let price = if t + 1 == n { -store.terminal } else { 0.0 };
            stored.push(self.lp.add_var(price, (store.least(t + 1), store.capacity)));
            self.balance[t].add(discharge[t], 1.0);
            self.balance[t].add(charge[t], -1.0);
            let mut row = vec![
                (stored[t], 1.0),
                (charge[t], -store.eta_c),
                (discharge[t], 1.0 / store.eta_d),
            ];
            let mut bound = 0.0;
            match t.checked_sub(1) {
                Some(before) => row.push((stored[before], -1.0)),
                None => bound = store.initial,
            }
            for (departure, relief) in store.departures.iter().zip(&relief) {
                if departure.at == t {
                    row.push((*relief, -1.0));
                    bound -= departure.trip_wh;
                }
            }
            self.row(&row, ComparisonOp::Eq, bound);
            if self.choices.stores.contains(&(s, t)) {
                let charges = self.lp.add_binary_var(0.0);
                self.row(&[(charge[t], 1.0), (charges, -store.charge[t])], ComparisonOp::Le, 0.0);
                let most = store.discharge[t];
                self.row(&[(discharge[t], 1.0), (charges, most)], ComparisonOp::Le, most);
            }
        }
        self.add_soft_rows(s, &stored);
        self.add_rules(s, &discharge, &stored);
        self.stores.push((charge, discharge, relief));
    }

    /// What is discharged in each ration's range, and nothing below the sale floor where asked.
    fn add_rules(&mut self, s: usize, discharge: &[Variable], stored: &[Variable]) {
        let store = &self.frame.stores[s];
        for ration in &store.rations {
            let range = ration.from..ration.until.min(discharge.len());
            let sum: Vec<_> = range.map(|t| (discharge[t], 1.0)).collect();
            self.row(&sum, ComparisonOp::Le, ration.energy_wh.max(0.0) * 1e-3);
        }
        let mut before: Option<(usize, Variable)> = None;
        for (_, t) in self.choices.floors.iter().filter(|(of, _)| *of == s) {
            let gives = self.lp.add_binary_var(0.0);
            let (most, room) = (store.discharge[*t], store.sale_floor - store.lowest);
            self.row(&[(discharge[*t], 1.0), (gives, -most)], ComparisonOp::Le, 0.0);
            self.row(&[(stored[*t], 1.0), (gives, -room)], ComparisonOp::Ge, store.lowest);
            // Above the floor it stays above until it drives: whoever may give may do so on.
            if let Some((at, earlier)) = before
                && store.stay(at).contains(t)
            {
                self.row(&[(gives, 1.0), (earlier, -1.0)], ComparisonOp::Ge, 0.0);
            }
            before = Some((*t, gives));
        }
    }

    /// What goes through each shared line stays within it, either way.
    fn add_stations(&mut self) {
        let f = self.frame;
        for (station, t) in f.station_intervals() {
            let flows = |s: &usize| [(self.stores[*s].0[t], 1.0), (self.stores[*s].1[t], -1.0)];
            let sum: Vec<_> = station.stores.iter().flat_map(flows).collect();
            let most = station.limit_wh.max(0.0) * 1e-3;
            self.row(&sum, ComparisonOp::Le, most);
            self.row(&sum, ComparisonOp::Ge, -most);
        }
    }

    fn add_soft_rows(&mut self, s: usize, stored: &[Variable]) {
        let (f, store) = (self.frame, &self.frame.stores[s]);
        let mut soft: Vec<(usize, f64, f64)> =
            store.departures.iter().map(|d| (d.at, d.due_wh, f.penalty.departure)).collect();
        let floors =
            (0..f.horizon()).filter_map(|t| Some((t + 1, store.owes(t)?, f.penalty.floor)));
        soft.extend(floors);
        soft.extend(store.hold.map(|price| (f.horizon(), store.initial, price)));
        for (boundary, wanted, price) in soft {
            let Some(before) = boundary.checked_sub(1) else {
                // What is there at the start cannot be changed, only counted.
                let missing = (wanted - store.initial).max(0.0);
                self.lp.add_var(price, (missing, missing));
                continue;
            };
            let slack = self.lp.add_var(price, (0.0, wanted));
            self.row(&[(stored[before], 1.0), (slack, 1.0)], ComparisonOp::Ge, wanted);
        }
    }

    fn read(&self, solution: &Solution) -> Decisions {
        let pick = |v: &Variable| solution.var_value(*v).max(0.0);
        let maybe = |v: &Option<Variable>| v.as_ref().map_or(0.0, pick);
        let all = |v: &[Variable]| v.iter().map(pick).collect::<Vec<f64>>();
        Decisions {
            stores: self.stores.iter().map(|(c, d, r)| (all(c), all(d), all(r))).collect(),
            jobs: self.jobs.iter().map(|j| j.iter().map(maybe).collect()).collect(),
            held_back: self.spill.iter().map(maybe).collect(),
            pooled: match self.frame.problem.pooled {
                Some(_) => self.pooled.iter().map(maybe).collect(),
                None => Vec::new(),
            },
        }
    }
}
