//! Milliseconds per schedule for the typical sites, and microseconds per forecast.
//!
//! `cargo bench -p gridpact-agents --bench schedule`. Medians over seeded sites; a figure holds for
//! the machine it was taken on.
#![allow(missing_docs, clippy::disallowed_methods)]

use std::time::Instant;

use gridpact_agents::local::forecast::{FixedOffset, Forecaster, LearnedForecaster, SeriesId};
use gridpact_agents::local::schedule::{Departure, Job, Problem, Store, StoreRules, solve};
use gridpact_chain::terms::Interval;

const SITES: u64 = 200;

/// A small generator of numbers in 0..1 (xorshift); benches need no better one.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.next()
    }
}

/// A site of the `reference` scenario (protocol 12.1) at `slot` of its day.
fn site(seed: u64, slot: usize, battery: bool, vehicle: bool, job: bool) -> Problem {
    let mut draw = Draw(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let n = 48;
    let mut problem = Problem::empty(Interval(slot as u32), 1800, n);
    let daily = draw.between(11_000.0, 28_000.0);
    let rated = draw.between(3_000.0, 7_000.0);
    let has_sun = draw.next() < 0.55;
    for t in 0..n {
        let hour = ((slot + t) % 48) as f64 / 2.0;
        let bump = |at: f64, width: f64| (-((hour - at) / width).powi(2)).exp();
        let shape = 0.6 + 0.8 * bump(7.3, 1.5) + 1.6 * bump(19.0, 2.5);
        problem.load_wh[t] = daily / 48.0 * shape * draw.between(0.6, 1.4);
        let sun = (std::f64::consts::PI * (hour - 5.8) / 13.2).sin().max(0.0);
        if has_sun && (5.8..19.0).contains(&hour) {
            problem.solar_wh[t] = rated * 0.5 * 0.78 * sun * draw.between(0.7, 1.0);
        }
        if !has_sun {
            problem.wind_wh[t] = rated * 0.35 * draw.between(0.0, 1.0);
        }
        problem.retail[t] = match hour {
            h if !(7.0..22.0).contains(&h) => 130_000.0,
            h if (14.0..20.0).contains(&h) => 520_000.0,
            _ => 210_000.0,
        };
        problem.feed_in[t] = 80_000.0;
    }
    problem.import_limit_wh = 7_500.0;
    problem.export_limit_wh = 2_500.0;
    problem.tilt_seed = seed;
    if battery {
        let capacity = draw.between(5_000.0, 15_000.0);
        problem.stores.push(store(capacity, 2_500.0, 0.1, capacity * draw.between(0.1, 0.9)));
    }
    if vehicle {
        let capacity = draw.between(15_000.0, 100_000.0);
        let mut car = store(capacity, 3_700.0, 0.3, capacity * draw.between(0.5, 0.9));
        car.plugged = (0..n).map(|t| !(16..35).contains(&((slot + t) % 48))).collect();
        let away = (0..n).find(|t| *t > 0 && !car.plugged[*t] && car.plugged[*t - 1]);
        car.departures.extend(away.map(|at| Departure {
            at,
            due_wh: capacity * 0.5,
            trip_wh: 8_000.0_f64.min(capacity * 0.2),
        }));
        problem.stores.push(car);
    }
    if job {
        let from = (draw.next() * 30.0) as usize;
        problem.jobs.push(Job {
            from,
            until: from + 16,
            energy_wh: 2_000.0,
            power_wh: 500.0,
            is_run_once: false,
        });
    }
    problem
}

fn store(capacity_wh: f64, power_wh: f64, floor: f64, stored_wh: f64) -> Store {
    Store {
        capacity_wh,
        charge_wh: power_wh,
        discharge_wh: power_wh,
        eta_charge: 0.933,
        eta_discharge: 0.933,
        floor_wh: floor * capacity_wh,
        wear: 60_000.0,
        stored_wh,
        plugged: Vec::new(),
        departures: Vec::new(),
        rules: StoreRules::default(),
    }
}

fn measure(name: &str, make: impl Fn(u64, usize) -> Problem) {
    let mut times: Vec<f64> = Vec::new();
    let mut methods = std::collections::BTreeMap::new();
    for seed in 1..=SITES {
        let problem = make(seed, (seed as usize * 7) % 48);
        let start = Instant::now();
        let plan = solve(&problem);
        times.push(start.elapsed().as_secs_f64() * 1e3);
        let method = plan.map_or_else(|e| format!("{e}"), |p| format!("{:?}", p.method));
        *methods.entry(method).or_insert(0) += 1;
    }
    times.sort_by(f64::total_cmp);
    let at = |q: f64| times[((times.len() - 1) as f64 * q) as usize];
    let mean = times.iter().sum::<f64>() / times.len() as f64;
    println!(
        "{name:<28} median {:.3} ms  mean {mean:.3}  p95 {:.3}  max {:.3}  {methods:?}",
        at(0.5),
        at(0.95),
        at(1.0)
    );
}

/// Fourteen days in, 48 steps out, for each of many series.
fn forecasts() {
    let mut draw = Draw(7);
    let calendar = std::sync::Arc::new(FixedOffset { slots_per_day: 48, ahead: 0 });
    let mut forecaster = LearnedForecaster::new(calendar);
    let series: Vec<SeriesId> = (0..100).map(SeriesId::Device).collect();
    for series in &series {
        let history: Vec<f64> = (0..14 * 48).map(|_| draw.between(0.0, 900.0)).collect();
        forecaster.preload(*series, Interval(0), &history);
    }
    let (start, mut sum) = (Instant::now(), 0.0);
    for series in &series {
        sum += forecaster.expect(*series, Interval(14 * 48), 48).iter().sum::<f64>();
    }
    let expect = start.elapsed().as_secs_f64() * 1e6 / series.len() as f64;
    let start = Instant::now();
    for series in &series {
        sum += forecaster.quantile(*series, Interval(14 * 48 + 8), 8, 0.76);
    }
    let quantile = start.elapsed().as_secs_f64() * 1e6 / series.len() as f64;
    println!(
        "forecast of 48 steps {expect:.1} us, quantile of a block of 8 {quantile:.1} us ({sum:.0})"
    );
}

fn main() {
    forecasts();
    measure("load only", |s, t| site(s, t, false, false, false));
    measure("battery", |s, t| site(s, t, true, false, false));
    measure("vehicle", |s, t| site(s, t, false, true, false));
    measure("battery + vehicle", |s, t| site(s, t, true, true, false));
    measure("battery + vehicle + job", |s, t| site(s, t, true, true, true));
    measure("job", |s, t| site(s, t, false, false, true));
    measure("battery, feed-in = retail", |s, t| {
        let mut p = site(s, t, true, false, false);
        p.feed_in = p.retail.clone();
        p
    });
    measure("battery, negative midday", |s, t| {
        let mut p = site(s, t, true, false, false);
        for i in 0..48 {
            if (20..30).contains(&((t + i) % 48)) {
                p.feed_in[i] = -60_000.0;
                p.retail[i] = -20_000.0;
            }
        }
        p
    });
}
