//! From decisions to a plan: what the meter sees when the storages and jobs do what was decided.
//!
//! Import, export, spill and shortfalls follow from the decisions by one meter that nets (protocol
//! 3.2), so no plan can import and export at once, whatever a solver believed.

use super::frame::Frame;
use super::plan::{Method, Plan, Shortfall, StorePlan};
use super::problem::Station;
use super::{OVERLAP, dual, frame};

/// What a solver decided, kWh.
#[derive(Debug, Clone, Default)]
pub(super) struct Decisions {
    /// Per store: charge, discharge per interval, and trip energy left out per departure.
    pub stores: Vec<(Vec<f64>, Vec<f64>, Vec<f64>)>,
    /// Per job: energy per interval.
    pub jobs: Vec<Vec<f64>>,
    /// Pooled sale per interval; empty without one.
    pub pooled: Vec<f64>,
    /// Generation held back per interval although it could be used: sensible only where importing
    /// pays. Surplus that finds no outlet is spilled without being decided.
    pub held_back: Vec<f64>,
}

impl Decisions {
    /// Nothing moves.
    pub fn idle(frame: &Frame<'_>) -> Self {
        let n = frame.horizon();
        Self {
            stores: (frame.stores.iter())
                .map(|s| (vec![0.0; n], vec![0.0; n], vec![0.0; s.departures.len()]))
                .collect(),
            jobs: vec![vec![0.0; n]; frame.problem.jobs.len()],
            pooled: if frame.problem.pooled.is_some() { vec![0.0; n] } else { Vec::new() },
            held_back: vec![0.0; n],
        }
    }

    /// Cancels charging against discharging in the same interval where the stored energy stays.
    pub fn net_out(&mut self, frame: &Frame<'_>) {
        for ((charge, discharge, _), store) in self.stores.iter_mut().zip(&frame.stores) {
            for (c, d) in charge.iter_mut().zip(discharge.iter_mut()) {
                if *c > 0.0 && *d > 0.0 {
                    let stored = store.eta_c * *c - *d / store.eta_d;
                    *c = (stored / store.eta_c).max(0.0);
                    *d = (-stored * store.eta_d).max(0.0);
                }
            }
        }
    }

    /// What storages and jobs take from the site in interval `t`.
    pub fn drawn(&self, t: usize) -> f64 {
        let stores: f64 = self.stores.iter().map(|(c, d, _)| c[t] - d[t]).sum();
        stores + self.jobs.iter().map(|j| j[t]).sum::<f64>()
    }
}

impl Decisions {
    /// The first shared line, and the interval, that carries more than it can.
    pub fn broken_line<'f>(&self, frame: &'f Frame<'_>) -> Option<(&'f Station, usize)> {
        let is_broken = |(station, t): &(&Station, usize)| {
            self.through(station, *t).abs() > station.limit_wh.max(0.0) * 1e-3 + OVERLAP
        };
        frame.station_intervals().find(is_broken)
    }

    /// What goes through a station's line in interval `t`; below 0 it gives.
    pub fn through(&self, station: &Station, t: usize) -> f64 {
        station.stores.iter().map(|s| self.stores[*s].0[t] - self.stores[*s].1[t]).sum()
    }
}

/// One interval at the meter, kWh.
struct Meter {
    import: f64,
    export: f64,
    spill: f64,
    short: f64,
    pooled: f64,
    overload: f64,
    untaken: f64,
}

impl Meter {
    /// Tilted cost and penalties.
    fn cost(&self, frame: &Frame<'_>, t: usize) -> f64 {
        frame.retail[t] * self.import - frame.feed_in[t] * self.export
            + frame.penalty.sale * (self.short + self.untaken)
            + frame.penalty.overload
                * (self.overload + (self.export - frame.export_max[t]).max(0.0))
    }
}

fn meter(frame: &Frame<'_>, t: usize, drawn: f64, pooled: f64, held_back: f64) -> Meter {
    let held_back = if frame.retail[t] < 0.0 { held_back.min(frame.generation[t]) } else { 0.0 };
    let (sold, net) = (frame.sold[t], frame.net[t] + drawn + held_back);
    // `out` is what leaves the site when no sale is served: positive is export.
    let out = sold - net;
    let line = frame.export_limit;
    let served = out.clamp(0.0, sold.min(line));
    let pooled_served = (out - served).clamp(0.0, pooled.min((line - served).max(0.0)));
    let surplus = (out - served - pooled_served).max(0.0);
    let wanted = if frame.feed_in[t] < 0.0 { 0.0 } else { frame.export_max[t] - pooled_served };
    let rest = (surplus + held_back - frame.spill_max[t]).max(0.0);
    let untaken = (rest - frame.export_max[t]).clamp(0.0, frame.untaken_max[t]);
    let export = surplus.min(wanted.max(0.0)).max(rest - untaken);
    let import = (-out).max(0.0);
    Meter {
        import,
        export,
        spill: surplus - export - untaken + held_back,
        untaken,
        short: sold - served,
        pooled: pooled_served,
        overload: (import - frame.import_max[t]).max(0.0),
    }
}

/// Generation held back in an interval with nothing to decide: all that makes way for paid import,
/// or none where giving it away pays better.
fn held_when_closed(frame: &Frame<'_>, t: usize) -> f64 {
    if frame.retail[t] >= 0.0 {
        return 0.0;
    }
    let most = (frame.import_max[t] - frame.net[t]).clamp(0.0, frame.generation[t]);
    let cost = |held: f64| meter(frame, t, 0.0, 0.0, held).cost(frame, t);
    if cost(most) < cost(0.0) { most } else { 0.0 }
}

/// Tilted cost with penalties of all that no decision changes.
pub(super) fn closed_cost(frame: &Frame<'_>) -> f64 {
    let closed = (0..frame.horizon()).filter(|t| !frame.is_open(*t));
    let meter = |t| meter(frame, t, 0.0, 0.0, held_when_closed(frame, t));
    closed.map(|t| meter(t).cost(frame, t)).sum::<f64>() + frame.lost() * frame.penalty.sale
}

/// Everything that follows from `decisions`.
pub(super) fn settle(frame: &Frame<'_>, decisions: &Decisions, method: Method) -> Plan {
    let mut plan = reckon(frame, decisions, method);
    plan.marginal = dual::marginal(frame, decisions, &plan);
    plan
}

/// The same without the marginal values.
pub(super) fn reckon(frame: &Frame<'_>, decisions: &Decisions, method: Method) -> Plan {
    let n = frame.horizon();
    let mut plan = Plan {
        start: frame.problem.start,
        method,
        penalty_rates: frame.penalty.times(frame.price_unit),
        ..Plan::default()
    };
    let (mut tilted, mut cost) = (0.0, 0.0);
    let mut pooled_left = frame.problem.pooled.map_or(0.0, |p| p.energy_wh * 1e-3);
    for t in 0..n {
        let pooled = decisions.pooled.get(t).copied().unwrap_or(0.0);
        let held = match frame.is_open(t) {
            true => decisions.held_back[t],
            false => held_when_closed(frame, t),
        };
        let m = meter(frame, t, decisions.drawn(t), pooled, held);
        pooled_left -= m.pooled;
        tilted += m.cost(frame, t);
        cost += frame.problem.retail[t] * m.import - frame.problem.feed_in[t] * m.export;
        plan.import_wh.push(clean(m.import));
        plan.export_wh.push(clean(m.export));
        plan.curtailed_wh.push(clean(m.spill));
        plan.shortfall.sale_wh.push(clean(m.short + frame.undeliverable[t]));
        plan.shortfall.purchase_wh.push(clean(m.untaken + frame.unreceivable[t]));
        plan.shortfall.overload_wh.push(clean(m.overload));
        if frame.problem.pooled.is_some() {
            plan.pooled_wh.push(clean(m.pooled));
        }
    }
    plan.shortfall.pooled_wh = clean(pooled_left.max(0.0));
    let lost = frame.lost() + pooled_left.max(0.0);
    let penalty = frame.penalty.sale * lost;
    let (stores, jobs) = (stores(frame, decisions, &mut plan), jobs(frame, decisions, &mut plan));
    plan.cost = cost + (stores.0 + jobs.0) * frame.price_unit;
    plan.objective = (tilted + penalty + stores.0 + jobs.0 + stores.1 + jobs.1) * frame.price_unit;
    plan
}

/// Fills the storages' schedules; returns their cost and their penalties.
fn stores(frame: &Frame<'_>, decisions: &Decisions, plan: &mut Plan) -> (f64, f64) {
    let (mut cost, mut penalty) = (0.0, 0.0);
    for (s, (store, (charge, discharge, relief))) in
        frame.stores.iter().zip(&decisions.stores).enumerate()
    {
        let path = store.path(charge, discharge, relief);
        let last = path.last().copied().unwrap_or(store.initial);
        let missing = store_shortfall(store, &path, relief, &mut plan.shortfall);
        cost += store.wear * discharge.iter().sum::<f64>() - store.terminal * last;
        cost += store.hold.map_or(0.0, |price| price * (store.initial - last).max(0.0));
        penalty += frame.penalty.departure * missing.0
            + frame.penalty.floor * missing.1
            + frame.penalty.trip * relief.iter().sum::<f64>();
        let wh = |v: &[f64]| v.iter().map(|kwh| clean(*kwh)).collect();
        plan.stores.push(StorePlan {
            charge_wh: wh(charge),
            discharge_wh: wh(discharge),
            stored_wh: wh(&path),
            terminal_value: frame::terminal_value(frame.problem, &frame.problem.stores[s]),
        });
    }
    (cost, penalty)
}

/// Adds what a storage lacks; returns what departures and the floor lack, kWh.
fn store_shortfall(
    store: &frame::StoreFrame,
    path: &[f64],
    relief: &[f64],
    shortfall: &mut Shortfall,
) -> (f64, f64) {
    let departure: f64 = store.departures.iter().map(|d| (d.due_wh - path[d.at]).max(0.0)).sum();
    // Below the floor counts only while it could be helped.
    let floor: f64 =
        (0..store.charge.len()).filter_map(|t| Some((store.owes(t)? - path[t + 1]).max(0.0))).sum();
    shortfall.departure_wh += clean(departure);
    shortfall.floor_wh += clean(floor);
    shortfall.trip_wh += clean(relief.iter().sum());
    (departure, floor)
}

/// Fills the jobs' schedules; returns the cost of waiting and the penalties.
fn jobs(frame: &Frame<'_>, decisions: &Decisions, plan: &mut Plan) -> (f64, f64) {
    let (mut cost, mut penalty) = (0.0, 0.0);
    for (j, energies) in decisions.jobs.iter().enumerate() {
        let (energy, _, later) = frame.job(j);
        let open = (energy - energies.iter().sum::<f64>()).max(0.0);
        let waits = open.min(later);
        cost += waits * frame.later_price();
        penalty += (open - waits) * frame.penalty.job;
        plan.shortfall.job_wh += clean(open - waits);
        plan.jobs_wh.push(energies.iter().map(|kwh| clean(*kwh)).collect());
    }
    (cost, penalty)
}

/// kWh to Wh, with the solver's round-off (below a hundredth of a watt-hour) taken off.
fn clean(kwh: f64) -> f64 {
    let wh = kwh * 1e3;
    if wh.abs() < 0.01 { 0.0 } else { wh }
}
