//! The question in the solver's units: kWh, and prices divided by the largest of them.
//!
//! Keeping every coefficient near one keeps the simplex out of its round-off; keeping the
//! derivations (limits left, terminal values, tilt, penalties) in one place lets the linear and
//! the integer model share them.

use super::plan::PenaltyRates;
use super::problem::{Departure, Problem, Ration, Station, Store};
use crate::params::Terminal;

/// Shares of a price by which equal prices are told apart (protocol 3.2).
const TILT: f64 = 1e-4;

/// How far above the largest price a broken promise is valued. Delivering through a storage and
/// back costs at most about twice the largest price, so ten keeps every promise that can be kept.
const PENALTY: f64 = 10.0;

/// Penalty weights by rank: the grid's limit before the driver's need before a contract (the
/// device's own refusals are hard bounds).
const RANKS: PenaltyRates =
    PenaltyRates { overload: 32.0, trip: 16.0, departure: 8.0, floor: 4.0, job: 2.0, sale: 1.0 };

/// At most this much is a penalty raised where an ordinary one might not keep a promise.
const RAISED_MAX: f64 = 1e3;

/// A storage in kWh.
#[derive(Debug, Clone)]
pub(super) struct StoreFrame {
    pub capacity: f64,
    pub floor: f64,
    pub initial: f64,
    /// Hard lower bound: the floor, or what is there when it is less.
    pub lowest: f64,
    /// Stored energy below which nothing is discharged, where `lowest` does not see to it; else 0.
    pub sale_floor: f64,
    pub rations: Vec<Ration>,
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

/// The question, ready for a solver.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub problem: &'a Problem,
    /// Micro-currency per kWh that count as one.
    pub price_unit: f64,
    /// `L + S - B - PV - W` with the sales that can be delivered: what the site needs when nothing is moved.
    pub net: Vec<f64>,
    pub generation: Vec<f64>,
    /// Sales that the connection can carry.
    pub sold: Vec<f64>,
    /// Sold energy above the connection's limit: lost whatever is decided.
    pub undeliverable: Vec<f64>,
    /// Bought energy above the connection's limit: never taken, whatever is decided.
    pub unreceivable: Vec<f64>,
    /// Tilted prices.
    pub retail: Vec<f64>,
    pub feed_in: Vec<f64>,
    /// Most that may be imported beside the purchases.
    pub import_max: Vec<f64>,
    /// Most that may be exported beside the sales.
    pub export_max: Vec<f64>,
    /// Most that may leave at all.
    pub export_limit: f64,
    /// Most that may be left unused.
    pub spill_max: Vec<f64>,
    /// Most purchased energy that finds no use on the site by itself.
    pub untaken_max: Vec<f64>,
    pub stores: Vec<StoreFrame>,
    /// Whether emptying a storage may pay by itself, because some price is below zero: then
    /// generation may have to make way for it.
    pub may_drain: bool,
    pub penalty: PenaltyRates,
}

const KILO: f64 = 1e-3;

/// What a flow is bounded by where the connection has no limit: no site comes near it in an
/// interval, and a finite bound keeps every start of the simplex dual feasible.
const NO_LIMIT_KWH: f64 = 1e4;

impl<'a> Frame<'a> {
    pub fn new(problem: &'a Problem) -> Self {
        let n = problem.horizon();
        let wear = problem.stores.iter().map(|s| s.wear);
        let worth = problem.stores.iter().filter_map(|s| s.rules.terminal);
        let prices = problem.retail.iter().chain(&problem.feed_in).copied();
        let prices = prices.chain(wear).chain(worth);
        let price_unit = prices.fold(0.0_f64, |most, p| most.max(p.abs())).max(1.0);
        let limit = |wh: f64| (wh.max(0.0) * KILO).min(NO_LIMIT_KWH);
        let (import_limit, export_limit) =
            (limit(problem.import_limit_wh), limit(problem.export_limit_wh));
        let mut frame = Self {
            problem,
            price_unit,
            net: Vec::with_capacity(n),
            generation: Vec::with_capacity(n),
            sold: problem.sold_wh.iter().map(|wh| (wh * KILO).min(export_limit)).collect(),
            undeliverable: (problem.sold_wh.iter())
                .map(|wh| (wh * KILO - export_limit).max(0.0))
                .collect(),
            unreceivable: (problem.bought_wh.iter())
                .map(|wh| (wh * KILO - import_limit).max(0.0))
                .collect(),
            retail: Vec::with_capacity(n),
            feed_in: Vec::with_capacity(n),
            import_max: Vec::with_capacity(n),
            export_max: Vec::with_capacity(n),
            export_limit,
            spill_max: Vec::with_capacity(n),
            untaken_max: Vec::with_capacity(n),
            stores: problem.stores.iter().map(|s| store_frame(problem, s, price_unit)).collect(),
            may_drain: false,
            penalty: RANKS,
        };
        for t in 0..n {
            let bought = (problem.bought_wh[t] * KILO).min(import_limit);
            let sold = frame.sold[t];
            let load = problem.load_wh[t] * KILO;
            let generation = (problem.solar_wh[t] + problem.wind_wh[t]) * KILO;
            let cap = problem.import_cap_wh.get(t).map_or(f64::INFINITY, |wh| wh * KILO);
            let share = if problem.is_tilted { TILT } else { 0.0 };
            let tilt = share * unit_draw(problem.tilt_seed, problem.start.0.wrapping_add(t as u32));
            let (retail, feed_in) =
                (problem.retail[t] / price_unit, problem.feed_in[t] / price_unit);
            frame.net.push(load + sold - bought - generation);
            frame.generation.push(generation);
            frame.retail.push(retail + tilt * retail.abs());
            frame.feed_in.push(feed_in - tilt * feed_in.abs());
            frame.import_max.push((import_limit - bought).max(0.0).min(cap));
            frame.export_max.push((export_limit - sold).max(0.0));
            frame.spill_max.push(generation);
            frame.untaken_max.push((bought - load).max(0.0));
        }
        let prices = frame.retail.iter().chain(&frame.feed_in).copied();
        let worths = frame.stores.iter().map(|s| s.terminal);
        frame.may_drain = prices.chain(worths).any(|price| price < 0.0);
        frame.penalty = RANKS.times(PENALTY * frame.raised());
        frame
    }

    /// How much dearer than usual a broken promise must be so that it never pays: storages that
    /// lose much, and sales due while importing is paid for (dropping a small one frees the line).
    fn raised(&self) -> f64 {
        let lossy = self.stores.iter().map(|s| 0.5 / (s.eta_c * s.eta_d));
        let paid = (0..self.horizon())
            .filter(|t| self.retail[*t] < 0.0 && self.sold[*t] > 0.0)
            .map(|t| 0.3 * self.import_max[t] / self.sold[t]);
        lossy.chain(paid).fold(1.0, f64::max).min(RAISED_MAX)
    }

    pub fn horizon(&self) -> usize {
        self.net.len()
    }

    /// Energy of contracts that the connection's limits rule out, kWh.
    pub fn lost(&self) -> f64 {
        self.undeliverable.iter().chain(&self.unreceivable).sum()
    }

    /// Whether anything can be decided in interval `t`.
    pub fn is_open(&self, t: usize) -> bool {
        self.stores.iter().any(|s| s.is_active(t))
            || self.problem.jobs.iter().any(|j| j.from <= t && t < j.until)
            || self.problem.pooled.is_some_and(|p| p.from <= t && t < p.until)
    }

    /// Each shared line in each interval.
    pub fn station_intervals(&self) -> impl Iterator<Item = (&Station, usize)> {
        let n = self.horizon();
        self.problem.stations.iter().flat_map(move |station| (0..n).map(move |t| (station, t)))
    }

    /// The job's energy, most per interval, and how much may wait beyond the horizon, kWh.
    pub fn job(&self, j: usize) -> (f64, f64, f64) {
        let job = &self.problem.jobs[j];
        let after = job.until.saturating_sub(self.horizon().max(job.from));
        let (energy, power) = (job.energy_wh * KILO, job.power_wh * KILO);
        (energy, power, (power * after as f64).min(energy))
    }

    /// What a run-once job takes in each interval from its start on, kWh: full power, then the rest.
    pub fn run(&self, j: usize) -> Vec<f64> {
        let (mut left, power, _) = self.job(j);
        let mut run = Vec::new();
        while left > 1e-9 && power > 0.0 && run.len() < self.horizon() {
            run.push(left.min(power));
            left -= power;
        }
        run
    }

    /// What a kWh of a job costs that waits beyond the horizon: the cheapest hour in sight.
    pub fn later_price(&self) -> f64 {
        self.retail.iter().copied().fold(f64::INFINITY, f64::min).min(1.0)
    }
}

impl PenaltyRates {
    /// Every rate, so many times.
    pub(super) fn times(self, factor: f64) -> Self {
        Self {
            overload: self.overload * factor,
            trip: self.trip * factor,
            departure: self.departure * factor,
            floor: self.floor * factor,
            job: self.job * factor,
            sale: self.sale * factor,
        }
    }
}

fn store_frame(problem: &Problem, store: &Store, price_unit: f64) -> StoreFrame {
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
        rations: store.rules.rations.clone(),
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

/// `v_s` of protocol 3.2, micro-currency per stored kWh. [`Terminal::Hold`] plans without it; there
/// it is what a stored kWh is worth to a seller's quote, as under [`Terminal::Replacement`].
pub fn terminal_value(problem: &Problem, store: &Store) -> f64 {
    if let Some(value) = store.rules.terminal {
        return value;
    }
    let n = problem.horizon().max(1) as f64;
    let mean_feed_in = problem.feed_in.iter().sum::<f64>() / n;
    let (eta_c, eta_d) = (store.eta_charge.clamp(0.01, 1.0), store.eta_discharge.clamp(0.01, 1.0));
    let low = mean_feed_in / eta_c;
    if problem.terminal == Terminal::FeedIn {
        return low;
    }
    let cheapest = problem.retail.iter().copied().fold(f64::INFINITY, f64::min);
    let dearest = problem.retail.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !cheapest.is_finite() {
        return low;
    }
    0.98 * (cheapest / eta_c).max(low).min(eta_d * (dearest - store.wear))
}

/// A number in 0..1 that depends on the site and the interval only (splitmix64's finaliser).
fn unit_draw(seed: u64, interval: u32) -> f64 {
    let mut z = seed ^ u64::from(interval).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}
