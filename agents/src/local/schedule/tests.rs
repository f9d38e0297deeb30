//! Laws of the schedule.

use super::*;
use gridpact_chain::terms::Interval;
use proptest::prelude::*;

/// A small site with everything in it, from seeds.
fn any_problem(n: usize) -> impl Strategy<Value = Problem> {
    let series = |max: f64| proptest::collection::vec(0.0..max, n);
    let store =
        (2_000.0..20_000.0, 500.0..4_000.0, 0.0..0.4, 0.0..1.0, any::<bool>(), 0..n, 0.2..1.0);
    let job = (0..n, 1..n, 100.0..4_000.0, 200.0..1_500.0);
    (
        (series(2_500.0), series(3_000.0), series(1_000.0)),
        (proptest::collection::vec(100_000.0..500_000.0, n), 0.0..90_000.0),
        proptest::collection::vec(store, 0..3),
        proptest::collection::vec(job, 0..2),
        (
            proptest::collection::vec(prop_oneof![3 => Just(0.0), 1 => 0.0..800.0], n),
            any::<bool>(),
            any::<u64>(),
        ),
        (1_000.0..8_000.0, 500.0..4_000.0),
    )
        .prop_map(move |(flows, prices, stores, jobs, contracts, line)| {
            let mut p = Problem::empty(Interval(1000), 1800, n);
            (p.load_wh, p.solar_wh, p.wind_wh) = flows;
            p.retail = prices.0;
            p.feed_in = vec![prices.1; n];
            if contracts.1 {
                p.bought_wh = contracts.0
            } else {
                p.sold_wh = contracts.0
            }
            p.tilt_seed = contracts.2;
            (p.import_limit_wh, p.export_limit_wh) = line;
            p.jobs = (jobs.into_iter())
                .map(|(from, len, energy_wh, power_wh)| Job {
                    from,
                    until: from + len,
                    energy_wh,
                    power_wh,
                })
                .collect();
            p.stores = stores.into_iter().map(|s| any_store(n, s)).collect();
            p
        })
}

fn any_store(
    n: usize,
    (capacity, power, floor, stored, is_car, away, due): (f64, f64, f64, f64, bool, usize, f64),
) -> Store {
    let mut store = Store {
        capacity_wh: capacity,
        charge_wh: power,
        discharge_wh: power,
        eta_charge: 0.933,
        eta_discharge: 0.9,
        floor_wh: floor * capacity,
        wear: 30_000.0,
        stored_wh: stored * capacity,
        plugged: Vec::new(),
        departures: Vec::new(),
    };
    if is_car {
        store.plugged = (0..n).map(|t| t < away || t > away + 2).collect();
        store.departures =
            vec![Departure { at: away, due_wh: due * capacity, trip_wh: 0.15 * capacity }];
    }
    store
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_quick_model_equals_the_full_one(problem in any_problem(12)) {
        let frame = Frame::new(&problem);
        if let Ok(found) = linear::solve(&frame) {
            let full = integer::solve(&frame, &Choices::default()).expect("solves").expect("ends");
            prop_assert!((found.1 - full.1).abs() < 1e-5 * (1.0 + full.1.abs()), "{} {}", found.1, full.1);
            let plan = solve(&problem).expect("solves");
            prop_assert!(plan.objective / frame.price_unit > full.1 - 1e-4 * (1.0 + full.1.abs()));
        } else {
            prop_assert!(false, "no answer");
        }
    }
}
