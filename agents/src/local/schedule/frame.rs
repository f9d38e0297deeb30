//! The question in the solver's units: kWh, and prices divided by the largest of them.
//!
//! Keeping every coefficient near one keeps the simplex out of its round-off; keeping the
//! derivations (limits left, terminal values, tilt, penalties) in one place lets the linear and
//! the integer model share them.

use super::plan::PenaltyRates;
use super::problem::{Problem, Station, Store};
use crate::params::Terminal;

mod store;

pub(super) use store::StoreFrame;

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

/// The question, ready for a solver.
#[derive(Debug, Clone)]
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

/// kWh per Wh.
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
            stores: problem
                .stores
                .iter()
                .map(|s| StoreFrame::new(problem, s, price_unit))
                .collect(),
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
    /// lose much, and sales that are small beside what could be imported once they are dropped
    /// (one meter nets; a kWh is worth two of the largest price at most, through a storage).
    fn raised(&self) -> f64 {
        let lossy = self.stores.iter().map(|s| 0.5 / (s.eta_c * s.eta_d));
        let small = (0..self.horizon()).filter(|t| self.sold[*t] > 0.0).map(|t| {
            let import = self.import_max[t].min(self.needs(t));
            import * (2.0 - self.retail[t]).max(0.0) / (PENALTY * self.sold[t])
        });
        lossy.chain(small).fold(1.0, f64::max).min(RAISED_MAX)
    }

    /// Most that the site can use in interval `t`, with its generation held back.
    pub fn needs(&self, t: usize) -> f64 {
        let stores: f64 = self.stores.iter().map(|s| s.charge[t]).sum();
        let jobs: f64 = (0..self.problem.jobs.len()).map(|j| self.job(j).1).sum();
        (self.net[t] + self.spill_max[t] + stores + jobs).max(0.0)
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

/// `v_s` of protocol 3.2, micro-currency per stored kWh; the cheapest interval is one in which the
/// storage is plugged in, if there is any. [`Terminal::Hold`] plans without it; there
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
    // It is put back where it is plugged in: a vehicle that is out at noon has nothing of cheap noons.
    let at_hand = |t: &usize| store.is_plugged(*t);
    let is_ever = (0..problem.horizon()).any(|t| at_hand(&t));
    let prices = (0..problem.horizon()).filter(|t| !is_ever || at_hand(t));
    let cheapest = prices.map(|t| problem.retail[t]).fold(f64::INFINITY, f64::min);
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
