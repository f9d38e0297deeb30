//! A storage in the solver's units.

use std::collections::BTreeSet;
use std::ops::Range;

use super::{KILO, terminal_value};
use crate::local::schedule::problem::{Departure, Problem, Ration, Store};
use crate::params::Terminal;

/// A charger switches on for no less, kWh: what lacks no more counts as full.
const FULL_WITHIN: f64 = 0.12;

/// A storage in kWh.
#[derive(Debug, Clone)]
pub(in crate::local::schedule) struct StoreFrame {
    pub capacity: f64,
    pub floor: f64,
    pub initial: f64,
    /// Hard lower bound: the floor, or what is there when it is less.
    pub lowest: f64,
    /// Stored energy below which nothing is discharged, where `lowest` does not see to it; else 0.
    pub sale_floor: f64,
    /// Boundaries at which the sale floor is kept come what may, so that giving is free there.
    pub held: BTreeSet<usize>,
    pub rations: Vec<Ration>,
    /// Until this interval it is to be full.
    pub full_until: usize,
    pub charge: Vec<f64>,
    pub discharge: Vec<f64>,
    pub eta_c: f64,
    pub eta_d: f64,
    pub wear: f64,
    /// `v_s`, zero under [`Terminal::Hold`].
    pub terminal: f64,
    /// Price of ending below the initial energy, under [`Terminal::Hold`].
    pub hold: Option<f64>,
    /// Departures with energies in kWh.
    pub departures: Vec<Departure>,
}

impl StoreFrame {
    /// A storage of the question, with prices in units of `price_unit`.
    pub fn new(problem: &Problem, store: &Store, price_unit: f64) -> Self {
        let n = problem.horizon();
        let limits = |wh: f64, may: &dyn Fn(usize) -> bool| -> Vec<f64> {
            (0..n).map(|t| if may(t) { wh.max(0.0) * KILO } else { 0.0 }).collect()
        };
        let capacity = store.capacity_wh.max(0.0) * KILO;
        let floor = (store.floor_wh.max(0.0) * KILO).min(capacity);
        let initial = (store.stored_wh * KILO).clamp(0.0, capacity);
        let kwh = |d: &Departure| Departure {
            at: d.at,
            due_wh: (d.due_wh.max(0.0) * KILO).min(capacity),
            trip_wh: d.trip_wh.max(0.0) * KILO,
        };
        let departures: Vec<Departure> =
            store.departures.iter().filter(|d| d.at <= n).map(kwh).collect();
        let dearest = problem.retail.iter().copied().fold(f64::NEG_INFINITY, f64::max) / price_unit;
        let is_hold = problem.terminal == Terminal::Hold && store.rules.terminal.is_none();
        let sale_floor = (store.rules.sale_floor_wh.max(0.0) * KILO).min(capacity);
        // Without trips only discharging lowers the stored energy: the sale floor is a bound like any.
        let is_plain = departures.iter().all(|d| d.trip_wh <= 0.0) && initial >= sale_floor;
        let lowest = if is_plain { floor.max(sale_floor).min(initial) } else { floor.min(initial) };
        StoreFrame {
            capacity,
            floor,
            initial,
            lowest,
            sale_floor: if sale_floor > lowest { sale_floor } else { 0.0 },
            held: BTreeSet::new(),
            rations: store.rules.rations.clone(),
            full_until: store.rules.full_until,
            charge: limits(store.charge_wh, &|t| store.is_plugged(t)),
            discharge: limits(store.discharge_wh, &|t| store.may_discharge(t)),
            eta_c: store.eta_charge.clamp(0.01, 1.0),
            eta_d: store.eta_discharge.clamp(0.01, 1.0),
            wear: store.wear / price_unit,
            terminal: if is_hold { 0.0 } else { terminal_value(problem, store) / price_unit },
            hold: is_hold.then_some(dearest),
            departures,
        }
    }

    /// What it lacks at the end of interval `t` if it holds less than this: the capacity while its
    /// driver wants it full, the floor while that is broken, where anything can be done about it.
    pub fn owes(&self, t: usize) -> Option<f64> {
        let wanted = if t < self.full_until {
            (self.initial + FULL_WITHIN < self.capacity).then_some(self.capacity)
        } else {
            (self.initial < self.floor).then_some(self.floor)
        };
        wanted.filter(|_| self.charge[t] > 0.0)
    }

    /// Least that it may hold at a boundary.
    pub fn least(&self, boundary: usize) -> f64 {
        if self.held.contains(&boundary) { self.sale_floor } else { self.lowest }
    }

    /// The intervals around `t` in which only discharging lowers what is stored: those between two
    /// trips, or the one that a trip is booked with.
    pub fn stay(&self, t: usize) -> Range<usize> {
        let trips = || self.departures.iter().filter(|d| d.trip_wh > 0.0).map(|d| d.at);
        if trips().any(|at| at == t) {
            return t..t + 1;
        }
        let from = trips().filter(|at| *at < t).max().map_or(0, |at| at + 1);
        from..trips().filter(|at| *at > t).min().unwrap_or(self.charge.len())
    }

    /// Whether it can do anything in interval `t`.
    pub fn is_active(&self, t: usize) -> bool {
        self.charge[t] > 0.0 || self.discharge[t] > 0.0
    }

    /// Stored energy at each boundary under a schedule; `relief` is trip energy not taken out.
    pub fn path(&self, charge: &[f64], discharge: &[f64], relief: &[f64]) -> Vec<f64> {
        let mut stored = self.initial;
        let mut path = Vec::with_capacity(charge.len() + 1);
        path.push(stored);
        for t in 0..charge.len() {
            stored += self.eta_c * charge[t] - discharge[t] / self.eta_d;
            for (k, departure) in self.departures.iter().enumerate().filter(|(_, d)| d.at == t) {
                stored -= departure.trip_wh - relief.get(k).copied().unwrap_or(0.0);
            }
            path.push(stored);
        }
        path
    }
}
