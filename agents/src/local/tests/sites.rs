//! Seeded random sites for laws that are counted, not only held: sun, wind, battery, vehicle, jobs,
//! narrow lines, obligations, and tariffs up to a feed-in price near retail.

use super::*;
use crate::local::schedule::{Departure, Job, Problem, Store, StoreRules};

/// A small generator (xorshift); sites need no better one.
pub(super) struct Draw(u64);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// In 0..1.
    pub fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    pub fn below(&mut self, end: u32) -> u32 {
        (self.unit() * f64::from(end)) as u32
    }

    pub fn is(&mut self, share: f64) -> bool {
        self.unit() < share
    }
}

/// One site at a random hour of its day, 48 half-hours ahead.
pub(super) fn site(seed: u64) -> Problem {
    let mut draw = Draw::new(seed);
    let slot = draw.below(48);
    let mut problem = Problem::empty(Interval(MIDNIGHT + slot), 1800, 48);
    problem.tilt_seed = seed;
    flows(&mut problem, &mut draw, slot);
    prices(&mut problem, &mut draw, slot);
    (problem.import_limit_wh, problem.export_limit_wh) = if draw.is(0.25) {
        (draw.between(1_500.0, 3_000.0), draw.between(200.0, 1_200.0))
    } else {
        (7_500.0, 2_500.0)
    };
    if draw.is(0.65) {
        let capacity = draw.between(5_000.0, 15_000.0);
        let power = draw.between(1_000.0, 2_500.0);
        let stored = capacity * draw.between(0.05, 1.0);
        problem.stores.push(a_store(capacity, power, 0.1, stored));
    }
    if draw.is(0.45) {
        let car = vehicle(&mut draw, slot);
        problem.stores.push(car);
    }
    if draw.is(0.3) {
        let from = draw.below(30) as usize;
        problem.jobs.push(Job {
            from,
            until: from + 6 + draw.below(14) as usize,
            energy_wh: draw.between(800.0, 3_000.0),
            power_wh: draw.between(400.0, 1_100.0),
            is_run_once: false,
        });
    }
    if draw.is(0.4) {
        obligations(&mut problem, &mut draw);
    }
    problem
}

fn flows(problem: &mut Problem, draw: &mut Draw, slot: u32) {
    let daily = draw.between(6_000.0, 28_000.0);
    let (has_sun, has_wind) = (draw.is(0.6), draw.is(0.25));
    let rated = draw.between(2_000.0, 8_000.0);
    for t in 0..48 {
        let hour = f64::from((slot + t as u32) % 48) / 2.0;
        let bump = |at: f64, width: f64| (-((hour - at) / width).powi(2)).exp();
        let shape = 0.6 + 0.8 * bump(7.3, 1.5) + 1.6 * bump(19.0, 2.5);
        problem.load_wh[t] = daily / 48.0 * shape * draw.between(0.6, 1.4);
        let sun = (std::f64::consts::PI * (hour - 5.8) / 13.2).sin().max(0.0);
        if has_sun && (5.8..19.0).contains(&hour) {
            problem.solar_wh[t] = rated * 0.39 * sun * draw.between(0.5, 1.0);
        }
        if has_wind {
            problem.wind_wh[t] = rated * 0.2 * draw.unit();
        }
    }
}

fn prices(problem: &mut Problem, draw: &mut Draw, slot: u32) {
    let (kind, feed) = (draw.below(4), draw.between(0.1, 0.6));
    for t in 0..48 {
        let hour = f64::from((slot + t as u32) % 48) / 2.0;
        let tou = match hour {
            h if !(7.0..22.0).contains(&h) => 130_000.0,
            h if (14.0..20.0).contains(&h) => 520_000.0,
            _ => 210_000.0,
        };
        (problem.retail[t], problem.feed_in[t]) = match kind {
            0 => (270_000.0, 270_000.0 * feed),
            1 => (tou, 80_000.0),
            // Export pays nearly what import costs, hour by hour.
            2 => (tou, tou * 0.95),
            _ => {
                let spot = draw.between(30_000.0, 400_000.0);
                (spot + 80_000.0, spot * draw.between(0.2, 1.0))
            }
        };
    }
}

pub(super) fn a_store(capacity_wh: f64, power_wh: f64, floor: f64, stored_wh: f64) -> Store {
    Store {
        capacity_wh,
        charge_wh: power_wh,
        discharge_wh: power_wh,
        eta_charge: 0.95,
        eta_discharge: 0.95,
        floor_wh: floor * capacity_wh,
        wear: 30_000.0,
        stored_wh,
        plugged: Vec::new(),
        departures: Vec::new(),
        rules: StoreRules::default(),
    }
}

/// Home in the evening and at night; two thirds may give energy back.
fn vehicle(draw: &mut Draw, slot: u32) -> Store {
    let capacity = draw.between(20_000.0, 70_000.0);
    let mut car = a_store(capacity, 3_700.0, 0.2, capacity * draw.between(0.25, 0.9));
    if draw.is(0.33) {
        car.discharge_wh = 0.0;
    }
    let (leaves, comes) = (14 + draw.below(5), 33 + draw.below(6));
    let is_here = |t: u32| !(leaves..comes).contains(&((slot + t) % 48));
    car.plugged = (0..48).map(is_here).collect();
    let away = (1..48).find(|t| !is_here(*t) && is_here(*t - 1));
    let due_wh = capacity * draw.between(0.4, 0.9);
    let trip_wh = draw.between(2_000.0, 9_000.0).min(due_wh - car.floor_wh);
    car.departures.extend(away.map(|at| Departure { at: at as usize, due_wh, trip_wh }));
    car
}

/// A few signed hours: bought ones and sold ones, never both in one interval.
fn obligations(problem: &mut Problem, draw: &mut Draw) {
    for _ in 0..3 {
        let (from, n) = (1 + draw.below(44) as usize, 1 + draw.below(4) as usize);
        let (wh, is_sale) = (draw.between(100.0, 900.0).round(), draw.is(0.6));
        for t in from..(from + n).min(48) {
            let (mine, other) = match is_sale {
                true => (&mut problem.sold_wh, &problem.bought_wh),
                false => (&mut problem.bought_wh, &problem.sold_wh),
            };
            if other[t] == 0.0 {
                mine[t] = wh;
            }
        }
    }
}
