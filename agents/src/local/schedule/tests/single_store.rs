//! The dynamic programme against the linear one: the same optimum wherever it applies.

use super::*;
use crate::params::Terminal;

/// A site with one storage and prices that are never odd.
fn any_single(n: usize) -> impl Strategy<Value = Problem> {
    let terminal = prop_oneof![
        Just((Terminal::Replacement, None)),
        Just((Terminal::Hold, None)),
        Just((Terminal::FeedIn, None)),
        (-100_000.0..600_000.0).prop_map(|v| (Terminal::Replacement, Some(v))),
    ];
    let shape = prop_oneof![Just(0.0), Just(1.0), 0.0..1.0];
    (any_problem(n), terminal, shape, any::<bool>(), 0.3..1.0, 0.0..0.9).prop_filter_map(
        "one storage",
        |(mut p, (terminal, worth), feed, is_tilted, eta, stored)| {
            p.stores.truncate(1);
            p.jobs.clear();
            p.feed_in = p.retail.iter().map(|r| r * feed).collect();
            p.terminal = terminal;
            p.is_tilted = is_tilted;
            let store = p.stores.first_mut()?;
            store.rules.terminal = worth;
            (store.eta_charge, store.stored_wh) = (eta, stored * store.capacity_wh);
            Some(p)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn one_storage_costs_the_same_by_either_way(problem in any_single(12)) {
        let frame = Frame::new(&problem);
        if let Some(plan) = single::solve(&frame) {
            let other = solve_by_models(&frame, Effort::default()).expect("solves");
            let scale = frame.price_unit * (1.0 + (other.objective / frame.price_unit).abs());
            prop_assert!(
                (plan.objective - other.objective).abs() < 1e-6 * scale,
                "{} against {}", plan.objective, other.objective
            );
            keeps_the_laws(&problem, &plan)?;
        }
    }
}

/// A day of half-hours with a battery, priced by the hour.
fn a_day() -> Problem {
    let mut p = Problem::empty(Interval(0), 1800, 48);
    for t in 0..48 {
        p.load_wh[t] = 300.0 + 40.0 * (t % 7) as f64;
        p.solar_wh[t] = if (14..34).contains(&t) { 900.0 } else { 0.0 };
        p.retail[t] = [130_000.0, 210_000.0, 520_000.0][t / 16];
        p.feed_in[t] = 80_000.0;
    }
    (p.import_limit_wh, p.export_limit_wh) = (7_500.0, 2_500.0);
    p.stores.push(Store {
        capacity_wh: 10_000.0,
        charge_wh: 2_500.0,
        discharge_wh: 2_500.0,
        eta_charge: 0.95,
        eta_discharge: 0.95,
        floor_wh: 1_000.0,
        wear: 20_000.0,
        stored_wh: 4_000.0,
        plugged: Vec::new(),
        departures: Vec::new(),
        rules: StoreRules::default(),
    });
    p
}

#[test]
fn a_battery_alone_takes_the_dynamic_programme() {
    assert_eq!(solve(&a_day()).expect("solves").method, Method::Dynamic);
}

#[test]
fn odd_prices_a_job_or_a_lost_sale_go_the_longer_way() {
    let mut odd = a_day();
    odd.feed_in[3] = -1.0;
    let mut job = a_day();
    job.jobs.push(Job { from: 0, until: 9, energy_wh: 900.0, power_wh: 500.0, is_run_once: false });
    let mut lost = a_day();
    lost.sold_wh[0] = 9_000.0;
    for problem in [odd, job, lost] {
        assert_ne!(solve(&problem).expect("solves").method, Method::Dynamic);
    }
}

#[test]
fn the_slopes_are_what_one_more_kilowatt_hour_saves() {
    let problem = Problem { is_tilted: false, ..a_day() };
    let plan = solve(&problem).expect("solves");
    for t in 0..48 {
        let mut more = problem.clone();
        more.load_wh[t] -= 1.0;
        let saved = (plan.objective - solve(&more).expect("solves").objective) * 1e3;
        assert!(
            (saved - plan.marginal[t]).abs() < 1.0,
            "{t}: {saved} against {}",
            plan.marginal[t]
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn the_marginal_value_is_the_slope_on_the_side_of_more(mut problem in any_problem(8)) {
        problem.is_tilted = false;
        problem.sold_wh.fill(0.0);
        let plan = solve(&problem).expect("solves");
        for t in 0..8 {
            let mut more = problem.clone();
            more.load_wh[t] -= 0.5;
            let saved = (plan.objective - solve(&more).expect("solves").objective) * 2e3;
            // A corner nearer than half a watt-hour may lie in between: then less is saved.
            let limit = plan.marginal[t].abs().max(problem.retail[t]);
            prop_assert!(
                saved < plan.marginal[t] + 1e-3 * limit + 5.0,
                "{t}: {saved} against {}", plan.marginal[t]
            );
        }
    }
}
