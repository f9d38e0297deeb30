//! What the storages of a plan could give beyond it, worked out once per plan.
//!
//! Hundreds of quotes are read from one plan; what depends on the plan alone is not computed again
//! for each of them.

pub(super) mod power;

use super::schedule::{Plan, Problem, Store, StorePlan};

/// One source of spare energy, and what the quote at hand has taken of it.
pub(super) struct Spare {
    line: usize,
    used_wh: f64,
}

/// One source of spare energy at the meter, by the interval in which it is wanted.
#[derive(Debug, Clone)]
struct Line {
    store: usize,
    /// What a kWh of it is worth otherwise.
    unit: Vec<f64>,
    left_wh: Vec<f64>,
    /// Whether the plan would feed it into the grid.
    is_fed: bool,
}

/// All sources of a plan, cheapest first: energy that no later floor, departure or trip needs, and
/// what the plan would feed into the grid from the storages.
#[derive(Debug, Clone)]
pub(super) struct Stock {
    lines: Vec<Line>,
    /// What each storage could give in all, and what the plan feeds into the grid from it.
    whole_wh: Vec<Vec<f64>>,
    fed_wh: Vec<Vec<f64>>,
}

/// What a walk through the intervals has used up; kept between walks to spare the allocator.
#[derive(Default)]
pub(super) struct Drawn {
    spares: Vec<Spare>,
    /// By storage, Wh at the meter.
    by_store: Vec<f64>,
    power: Vec<f64>,
    room: Vec<f64>,
    rations: power::Spent,
}

impl Stock {
    pub fn of(problem: &Problem, plan: &Plan) -> Self {
        let n = problem.horizon();
        let mut stock = Self { lines: Vec::new(), whole_wh: Vec::new(), fed_wh: Vec::new() };
        for (number, (store, path)) in problem.stores.iter().zip(&plan.stores).enumerate() {
            let fed = fed_in(problem, plan, number);
            let free = headroom(store, path, &[]);
            let unit = path.terminal_value / store.eta_discharge + store.wear;
            let mut whole = free.clone();
            // Given to a neighbour instead of the grid: what is lost is the feed-in.
            if fed.iter().any(|wh| *wh > 0.0) {
                whole = headroom(store, path, &fed);
                let left_wh = whole.iter().zip(&free).map(|(all, free)| (all - free).max(0.0));
                let left_wh = left_wh.collect();
                let unit = fed_worth(problem, store, path, &fed);
                stock.lines.push(Line { store: number, unit, left_wh, is_fed: true });
            }
            let unit = vec![unit; n];
            stock.lines.push(Line { store: number, unit, left_wh: free, is_fed: false });
            stock.whole_wh.push(whole);
            stock.fed_wh.push(fed);
        }
        stock
    }

    /// Forgets what was drawn, for a walk that begins with interval `first`.
    pub fn lay_out(&self, first: usize, drawn: &mut Drawn) {
        drawn.spares.clear();
        drawn.spares.extend((0..self.lines.len()).map(|line| Spare { line, used_wh: 0.0 }));
        let unit = |spare: &Spare| self.lines[spare.line].unit.get(first).copied().unwrap_or(0.0);
        drawn.spares.sort_by(|a, b| unit(a).total_cmp(&unit(b)));
        drawn.by_store.clear();
        drawn.by_store.resize(self.whole_wh.len(), 0.0);
        drawn.rations.clear();
    }

    /// What leaves in `t` of what the plan feeds in from the storages is no longer there to be kept.
    pub fn pass_on(&self, t: usize, wh: f64, drawn: &mut Drawn) {
        let all: f64 = self.fed_wh.iter().map(|fed| fed[t]).sum();
        for spare in drawn.spares.iter_mut().filter(|s| self.lines[s.line].is_fed) {
            let store = self.lines[spare.line].store;
            let part = if all > 0.0 { wh.min(all) * self.fed_wh[store][t] / all } else { 0.0 };
            spare.used_wh += part;
            drawn.by_store[store] += part;
        }
    }

    /// What the plan feeds into the grid from the storages in `t`, Wh.
    pub fn fed_wh(&self, t: usize) -> f64 {
        self.fed_wh.iter().map(|fed| fed[t]).sum()
    }

    /// Goes through what the storages could give in `t` beyond the plan, cheapest first: `take` is
    /// told how much, at what cost per kWh, and says how much it takes, Wh at the meter. What is
    /// only looked at is still there afterwards.
    pub fn draw(
        &self,
        (problem, plan): (&Problem, &Plan),
        t: usize,
        drawn: &mut Drawn,
        is_taken: bool,
        mut take: impl FnMut(f64, f64) -> f64,
    ) {
        let Drawn { spares, by_store, power, room, rations } = drawn;
        power::left((problem, plan), t, rations, power);
        room.clear();
        room.extend(self.whole_wh.iter().zip(by_store.iter()).map(|(whole, used)| whole[t] - used));
        for spare in spares {
            let line = &self.lines[spare.line];
            let (s, store) = (line.store, &problem.stores[line.store]);
            // What is not charged need not come back: less is lost, and nothing wears.
            let is_charging = plan.stores[s].charge_wh[t] > 0.0;
            let share = if is_charging { store.eta_charge * store.eta_discharge } else { 1.0 };
            let unit = line.unit[t] - if is_charging { store.wear } else { 0.0 };
            let left = (line.left_wh[t] - spare.used_wh).min(room[s]).max(0.0);
            let taken = take((left / share).min(power[s]), unit * share);
            power[s] -= taken;
            room[s] -= taken * share;
            if is_taken {
                by_store[s] += taken * share;
                spare.used_wh += taken * share;
                power::spend(store, s, t, taken, rations);
            }
        }
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

/// What the grid would pay, by interval, for a kWh of what it gets from this storage: what was kept
/// for it until then, and what it would get from then on.
fn fed_worth(problem: &Problem, store: &Store, path: &StorePlan, fed: &[f64]) -> Vec<f64> {
    let worth = |t: usize| fed[t] * problem.feed_in[t];
    let mut later = (fed.iter().sum::<f64>(), (0..fed.len()).map(worth).sum::<f64>());
    let (mut kept, mut unit, mut last) = ((0.0_f64, 0.0_f64), Vec::new(), 0.0);
    for (t, wh) in fed.iter().enumerate() {
        let most = (store.capacity_wh - path.stored_wh[t]).max(0.0) * store.eta_discharge;
        if kept.0 > most {
            kept = (most, kept.1 * most / kept.0);
        }
        let sum = kept.0 + later.0;
        last = if sum > 1e-9 { (kept.1 + later.1) / sum } else { last };
        unit.push(last);
        (kept.0, kept.1) = (kept.0 + wh, kept.1 + worth(t));
        (later.0, later.1) = (later.0 - wh, later.1 - worth(t));
    }
    unit
}

/// For each interval, the energy at the meter that no floor, departure or trip after it needs, if
/// `fed`, which the plan gives to the grid, stayed in the storage. What is given in an interval is
/// missing from its end on.
fn headroom(store: &Store, path: &StorePlan, fed: &[f64]) -> Vec<f64> {
    let mut kept = 0.0_f64;
    let mut left: Vec<f64> = (path.stored_wh.iter().enumerate())
        .map(|(tau, stored)| {
            // A storage that comes to be full has lost what was kept beyond that.
            kept = kept.min((store.capacity_wh - stored).max(0.0));
            let above = stored + kept - store.kept_wh(tau);
            kept += fed.get(tau).copied().unwrap_or(0.0) / store.eta_discharge;
            above
        })
        .skip(1)
        .collect();
    let mut least = f64::INFINITY;
    for above in left.iter_mut().rev() {
        least = least.min(*above);
        *above = if least.is_finite() { store.eta_discharge * least.max(0.0) } else { 0.0 };
    }
    left
}
