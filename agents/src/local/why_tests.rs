use super::super::schedule::{Job, StoreRules, solve};
use super::*;
use crate::resource::nature::Storage;

const CHEAP: f64 = 130_000.0;
const DEAR: f64 = 520_000.0;

const STORAGE: Storage = Storage {
    capacity_wh: 10_000,
    charge_w: 5_000,
    discharge_w: 5_000,
    eta_charge_ppm: 950_000,
    eta_discharge_ppm: 950_000,
    floor_ppm: 100_000,
    wear: Price(30_000),
};

fn store(stored_wh: f64) -> Store {
    Store {
        capacity_wh: 10_000.0,
        charge_wh: 2_500.0,
        discharge_wh: 2_500.0,
        eta_charge: 0.95,
        eta_discharge: 0.95,
        floor_wh: 1_000.0,
        wear: 30_000.0,
        stored_wh,
        plugged: Vec::new(),
        departures: Vec::new(),
        rules: StoreRules::default(),
    }
}

/// Eight half-hours of a load of 400 Wh, the first four cheap, the rest dear.
fn problem(stores: Vec<Store>) -> Problem {
    let mut problem = Problem::empty(Interval(100), 1_800, 8);
    problem.load_wh = vec![400.0; 8];
    problem.retail = (0..8).map(|t| if t < 4 { CHEAP } else { DEAR }).collect();
    problem.feed_in = vec![80_000.0; 8];
    problem.stores = stores;
    problem
}

/// What the only device of a site does and why.
fn told(nature: Nature, problem: &Problem) -> Reasoned {
    let plan = solve(problem).expect("a sound problem");
    let roster = Roster {
        stores: problem.stores.iter().map(|_| 0).collect(),
        jobs: problem.jobs.iter().map(|_| 0).collect(),
    };
    reasons(&[nature], &roster, (problem, &plan), &Wishes::default())[0]
}

fn battery(problem: &Problem) -> Reasoned {
    told(Nature::Battery(STORAGE), problem)
}

fn car(problem: &Problem) -> Reasoned {
    told(Nature::vehicle(STORAGE), problem)
}

#[test]
fn a_battery_fills_while_energy_is_cheap_and_says_for_when() {
    let mut night = problem(vec![store(1_000.0)]);
    assert!(
        matches!(battery(&night).why, Why::Waits { then: Price(130_000), .. }),
        "as cheap later"
    );
    night.retail[0] = 100_000.0;
    let said = battery(&night);
    let Why::Later { at, then, now } = said.why else { panic!("{said:?}") };
    assert!(said.consume_wh > 0 && at >= Interval(104));
    assert_eq!((then, now), (Price(520_000), Price(100_000)));
}

#[test]
fn a_battery_gives_while_energy_is_dear() {
    let mut dear = problem(vec![store(5_000.0)]);
    dear.retail.reverse();
    let said = battery(&dear);
    assert_eq!((said.produce_wh, said.why), (400, Why::Dear { now: Price(DEAR as i64) }));
}

#[test]
fn a_battery_takes_surplus_rather_than_feeding_it_in() {
    let mut sunny = problem(vec![store(1_000.0)]);
    sunny.solar_wh[0] = 2_000.0;
    sunny.retail = vec![CHEAP; 8];
    let said = battery(&sunny);
    assert_eq!((said.consume_wh, said.why), (1_600, Why::Surplus { feed_in: Price(80_000) }));
}

#[test]
fn a_battery_says_that_it_serves_a_contract() {
    let mut sold = problem(vec![store(5_000.0)]);
    sold.sold_wh[0] = 700.0;
    let said = battery(&sold);
    assert_eq!(said.why, Why::Contract { sold_wh: 700 });
    assert!(said.produce_wh >= 700);
}

#[test]
fn an_idle_battery_says_what_holds_it() {
    let mut flat = problem(vec![store(1_000.0)]);
    flat.retail = vec![CHEAP; 8];
    assert_eq!(battery(&flat).why, Why::Floor { floor_wh: 1_000 });
    flat.stores = vec![store(10_000.0)];
    flat.load_wh = vec![0.0; 8];
    flat.feed_in = vec![-1_000.0; 8];
    assert_eq!(battery(&flat).why, Why::Full);
    flat.stores = vec![store(5_000.0)];
    assert_eq!(battery(&flat).why, Why::NoGain);
}

#[test]
fn a_vehicle_names_the_departure_it_charges_for() {
    let mut leaving = store(2_000.0);
    leaving.departures = vec![Departure { at: 2, due_wh: 6_000.0, trip_wh: 3_000.0 }];
    leaving.plugged = vec![true, true, false, false, false, false, false, false];
    let said = car(&problem(vec![leaving.clone()]));
    assert_eq!(said.why, Why::Need { at: Interval(102), due_wh: 6_000 });
    leaving.stored_wh = 6_000.0;
    let mut dear = problem(vec![leaving.clone()]);
    dear.retail = vec![DEAR; 8];
    assert_eq!(car(&dear).why, Why::Kept { at: Interval(102), due_wh: 6_000 });
    leaving.plugged = vec![false; 8];
    leaving.departures.clear();
    assert_eq!(car(&problem(vec![leaving])).why, Why::Away);
}

#[test]
fn a_bound_that_holds_is_named() {
    let mut narrow = problem(vec![store(1_000.0)]);
    assert_eq!(battery(&problem(vec![store(1_000.0)])).bound, None);
    narrow.import_limit_wh = 900.0;
    narrow.load_wh = vec![2_000.0; 8];
    narrow.load_wh[0] = 400.0;
    narrow.load_wh[1] = 800.0;
    let said = battery(&narrow);
    assert_eq!((said.consume_wh, said.bound), (500, Some(Bound::Import)));
}

#[test]
fn a_generator_says_why_it_is_curtailed() {
    let solar = |problem: &Problem| told(Nature::Solar { rated_w: 8_000 }, problem).why;
    let mut sunny = problem(Vec::new());
    sunny.solar_wh[0] = 3_000.0;
    assert_eq!(solar(&sunny), Why::Free);
    sunny.export_limit_wh = 1_000.0;
    assert_eq!(solar(&sunny), Why::NoRoom { limit_wh: 1_000 });
    sunny.feed_in[0] = -50_000.0;
    assert_eq!(solar(&sunny), Why::Negative { feed_in: Price(-50_000) });
}

#[test]
fn a_job_says_whether_it_runs_or_waits() {
    let job =
        |from, until| Job { from, until, energy_wh: 600.0, power_wh: 600.0, is_run_once: false };
    let mut washing = problem(Vec::new());
    washing.jobs = vec![job(0, 8)];
    washing.retail = (0..8).map(|t| if t == 3 { CHEAP } else { DEAR }).collect();
    let waits = told(Nature::Deferrable, &washing).why;
    assert_eq!(waits, Why::Waits { at: Interval(103), then: Price(CHEAP as i64) });
    washing.jobs = vec![job(0, 1)];
    let runs = told(Nature::Deferrable, &washing).why;
    assert_eq!(runs, Why::Runs { now: Price(DEAR as i64), until: Interval(101) });
    washing.jobs.clear();
    assert_eq!(told(Nature::Deferrable, &washing).why, Why::NoJob);
}
