//! What the storages of a plan could give beyond it, worked out once per plan.
//!
//! Hundreds of quotes are read from one plan; what depends on the plan alone is not computed again
//! for each of them.

use super::schedule::{Plan, Problem, Store, StorePlan};

/// Energy at the meter that a storage could give, and what a kWh of it is worth otherwise.
pub(super) struct Spare {
    pub store: usize,
    pub wh: f64,
    pub unit: f64,
}

/// One source of spare energy, by the interval from which on it is wanted.
#[derive(Debug, Clone)]
struct Line {
    store: usize,
    unit: f64,
    left_wh: Vec<f64>,
}

/// All sources of a plan, cheapest first: energy that no later floor, departure or trip needs, and
/// what the plan would feed into the grid from the storages.
#[derive(Debug, Clone)]
pub(super) struct Stock {
    lines: Vec<Line>,
}

impl Stock {
    pub fn of(problem: &Problem, plan: &Plan) -> Self {
        let mut lines = Vec::new();
        for (number, (store, path)) in problem.stores.iter().zip(&plan.stores).enumerate() {
            let fed = fed_in(problem, plan, number);
            let free = headroom(store, path, &[]);
            let unit = path.terminal_value / store.eta_discharge + store.wear;
            let (sum, worth) = fed
                .iter()
                .zip(&problem.feed_in)
                .fold((0.0, 0.0), |(sum, worth), (wh, price)| (sum + wh, worth + wh * price));
            // Given to a neighbour instead of the grid: what is lost is the feed-in.
            let instead = (sum > 0.0).then(|| {
                let all = headroom(store, path, &fed);
                let left_wh = all.iter().zip(&free).map(|(all, free)| (all - free).max(0.0));
                Line { store: number, unit: worth / sum, left_wh: left_wh.collect() }
            });
            lines.push(Line { store: number, unit, left_wh: free });
            lines.extend(instead);
        }
        lines.sort_by(|a, b| a.unit.total_cmp(&b.unit));
        Self { lines }
    }

    /// What is there from interval `first` on, in place of what was in `spares`.
    pub fn lay_out(&self, first: usize, spares: &mut Vec<Spare>) {
        spares.clear();
        spares.extend(self.lines.iter().map(|line| Spare {
            store: line.store,
            wh: line.left_wh.get(first).copied().unwrap_or(0.0),
            unit: line.unit,
        }));
    }
}

/// What the plan feeds into the grid from storage `number`, per interval, Wh.
fn fed_in(problem: &Problem, plan: &Plan, number: usize) -> Vec<f64> {
    let stored = |t: usize| plan.stores.iter().map(|path| path.discharge_wh[t]).sum::<f64>();
    (0..problem.horizon())
        .map(|t| {
            let all = stored(t);
            let own = plan.stores[number].discharge_wh[t];
            if all > 0.0 { plan.export_wh[t].min(all).max(0.0) * own / all } else { 0.0 }
        })
        .collect()
}

/// For each interval, the energy at the meter that no floor, departure or trip from there on needs,
/// if `fed`, which the plan gives to the grid, stayed in the storage.
fn headroom(store: &Store, path: &StorePlan, fed: &[f64]) -> Vec<f64> {
    let mut kept = 0.0;
    // What is not to be sold is there for driving: after a trip it may be gone.
    let stay_ends = store.trip().unwrap_or(usize::MAX);
    let mut left: Vec<f64> = (path.stored_wh.iter().enumerate())
        .map(|(tau, stored)| {
            let due = store.departures.iter().filter(|d| d.at == tau).map(|d| d.due_wh);
            let sale_floor = if tau <= stay_ends { store.rules.sale_floor_wh } else { 0.0 };
            let floor = due.fold(store.floor_wh.max(sale_floor), f64::max);
            let above = (stored + kept).min(store.capacity_wh) - floor;
            kept += fed.get(tau).copied().unwrap_or(0.0) / store.eta_discharge;
            above
        })
        .collect();
    let mut least = f64::INFINITY;
    for above in left.iter_mut().rev() {
        least = least.min(*above);
        *above = if least.is_finite() { store.eta_discharge * least.max(0.0) } else { 0.0 };
    }
    left
}
