//! What re-planning by increments could gain: the same re-plan cold, as the schedule does it, and warm,
//! from the last optimum, by `microlp`'s own means; and how much of the dynamic programme is the walk
//! of which a part could be kept.
//!
//! Not built into the minds, and this is why: with one storage the walk is half of a re-plan, and a sale
//! somewhere in the day spares half of its backward part at most, less than a fifth; with several, warm
//! is some twice as fast as cold, but a site re-plans for a sale once in five epochs, and an optimum to
//! start from costs more in each of them than that saves.
//!
//! `cargo bench -p gridpact-agents --bench replan`. The warm model is the smallest that could serve:
//! the bare balance, one sale column per interval that is fixed to what is sold, its import to none.
#![allow(missing_docs, clippy::disallowed_methods)]

use std::time::Instant;

use gridpact_agents::local::schedule::{Problem, Store, StoreRules, solve, yardstick};
use gridpact_chain::terms::Interval;
use microlp::{ComparisonOp, OptimizationDirection, Solution, Variable};

const SITES: u64 = 200;
const N: usize = 48;

fn site(seed: u64, batteries: usize) -> Problem {
    let mut draw = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut between = |low: f64, high: f64| {
        draw ^= draw << 13;
        draw ^= draw >> 7;
        draw ^= draw << 17;
        low + (high - low) * (draw >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut problem = Problem::empty(Interval(0), 1800, N);
    problem.is_tilted = false;
    for t in 0..N {
        problem.load_wh[t] = between(150.0, 900.0);
        problem.solar_wh[t] = if (14..34).contains(&t) { between(0.0, 2_000.0) } else { 0.0 };
        problem.retail[t] = between(120_000.0, 520_000.0);
        problem.feed_in[t] = 80_000.0;
    }
    (problem.import_limit_wh, problem.export_limit_wh) = (7_500.0, 2_500.0);
    for _ in 0..batteries {
        let capacity_wh = between(5_000.0, 15_000.0);
        problem.stores.push(Store {
            capacity_wh,
            charge_wh: 2_500.0,
            discharge_wh: 2_500.0,
            eta_charge: 0.933,
            eta_discharge: 0.933,
            floor_wh: 0.1 * capacity_wh,
            wear: 60_000.0,
            stored_wh: capacity_wh * between(0.2, 0.9),
            plugged: Vec::new(),
            departures: Vec::new(),
            rules: StoreRules { terminal: Some(150_000.0), ..StoreRules::default() },
        });
    }
    problem
}

/// The bare model, with a column per interval for what is sold in it.
fn model(problem: &Problem) -> (Solution, Vec<[Variable; 2]>) {
    let mut lp = microlp::Problem::new(OptimizationDirection::Minimize);
    let import = |t: usize| problem.retail[t] * 1e-6;
    let flows: Vec<[Variable; 2]> =
        (0..N).map(|t| [lp.add_var(import(t), (0.0, 7.5)), lp.add_var(0.0, (0.0, 2.5))]).collect();
    let mut rows: Vec<Vec<(Variable, f64)>> =
        flows.iter().map(|[import, sale]| vec![(*import, 1.0), (*sale, -1.0)]).collect();
    for (t, row) in rows.iter_mut().enumerate() {
        row.push((lp.add_var(-problem.feed_in[t] * 1e-6, (0.0, 2.5)), -1.0));
        row.push((lp.add_var(0.0, (0.0, problem.solar_wh[t] * 1e-3)), -1.0));
    }
    for store in &problem.stores {
        let (least, most) = (store.floor_wh * 1e-3, store.capacity_wh * 1e-3);
        let mut before = lp.add_var(0.0, (store.stored_wh * 1e-3, store.stored_wh * 1e-3));
        for (t, row) in rows.iter_mut().enumerate() {
            let worth = if t + 1 == N { -0.15 } else { 0.0 };
            let stored = lp.add_var(worth, (least, most));
            let charge = lp.add_var(0.0, (0.0, store.charge_wh * 1e-3));
            let discharge = lp.add_var(store.wear * 1e-6, (0.0, store.discharge_wh * 1e-3));
            let path = [
                (stored, 1.0),
                (before, -1.0),
                (charge, -store.eta_charge),
                (discharge, 1.0 / store.eta_discharge),
            ];
            lp.add_constraint(path, ComparisonOp::Eq, 0.0);
            row.extend([(charge, -1.0), (discharge, 1.0)]);
            before = stored;
        }
    }
    for (t, row) in rows.iter().enumerate() {
        lp.add_constraint(row.as_slice(), ComparisonOp::Eq, problem.net_wh(t) * 1e-3);
    }
    let mut solution = lp.solve().expect("solves").into_solution().expect("ends");
    for [_, sale] in &flows {
        solution = solution.fix_var(*sale, 0.0).expect("fixes").into_solution().expect("ends");
    }
    (solution, flows)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Microseconds of one call.
fn timed<T>(call: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let answer = call();
    (start.elapsed().as_secs_f64() * 1e6, answer)
}

fn main() {
    for batteries in [1, 2] {
        let (mut cold, mut warm, mut copy, mut walk) = (vec![], vec![], vec![], vec![]);
        let mut keep = vec![];
        for seed in 1..=SITES {
            let problem = site(seed, batteries);
            let (us, (base, flows)) = timed(|| model(&problem));
            keep.push(us);
            let first = 10 + (seed % 30) as usize;
            let mut sold = problem.clone();
            sold.sold_wh[first..first + 2].fill(300.0);
            let plain = solve(&problem).expect("solves");
            let (us, plan) = timed(|| solve(&sold).expect("solves"));
            cold.push(us);
            walk.push(timed(|| yardstick::recursion(&sold)).0);
            let (us, mut with) = timed(|| base.clone());
            copy.push(us);
            warm.push(
                us + timed(|| {
                    for flow in &flows[first..first + 2] {
                        // One meter nets: what is sold is not imported.
                        for (column, kwh) in flow.iter().zip([0.0, 0.3]) {
                            let fixed = with.clone().fix_var(*column, kwh).expect("fixes");
                            with = fixed.into_solution().expect("ends");
                        }
                    }
                })
                .0,
            );
            let added = [(plan.cost - plain.cost) * 1e-6, with.objective() - base.objective()];
            assert!((added[0] - added[1]).abs() < 1e-6, "{seed}: the same answer: {added:?}");
        }
        println!(
            "{batteries} storage(s): cold {:.1} us (of it the dynamic programme's walk {:.1}), \
             warm {:.1} us (of it one copy of the last optimum {:.1}), \
             and {:.1} us to have an optimum to start from",
            median(cold),
            median(walk),
            median(warm),
            median(copy),
            median(keep)
        );
    }
}
