//! Law 2: no seller is committed beyond what its stores, generators and line can deliver, with all
//! its final contracts on the table and its departures and trips kept.

use gridpact::agents::local::schedule::{Departure, Job, Problem, Store, StoreRules, solve};
use gridpact::agents::resource::nature::{Deferrable, Nature, Stay, Storage};
use gridpact::chain::terms::Interval;
use gridpact::sim::community::{Device, DeviceData};
use gridpact_tests::Lived;

use crate::SEERS;
use crate::need::committed;

/// Wh that whole-Wh setpoints and meters may lose in one interval.
const ROUNDING_WH: i64 = 3;

/// Under true knowledge every sale leaves through the seller's meter, in its interval.
pub fn check_meters(lived: &Lived, is_checked: impl Fn(usize) -> bool) {
    let (_, sold) = committed(lived);
    for (site, sold) in sold.iter().enumerate().filter(|(site, _)| is_checked(*site)) {
        for (at, sold) in sold.iter().enumerate() {
            let given = -lived.run.sites[site].rows[at].net_import_wh;
            let lost = *sold as i64 - given.max(0);
            assert!(lost <= ROUNDING_WH, "home {site}, interval {at}: sold {sold}, gave {given}");
        }
    }
}

/// What a home was in truth, as one scheduling question for the whole run.
fn question(lived: &Lived, site: usize, bought: &[u64], sold: &[u64]) -> Problem {
    let community = &lived.community;
    let (start, n) = (community.start, community.intervals as usize);
    let mut problem = Problem::empty(start, community.interval_s, n);
    let home = &community.sites[site];
    let per_interval = |w: u64| w as f64 * f64::from(community.interval_s) / 3600.0;
    problem.import_limit_wh = per_interval(home.import_w);
    problem.export_limit_wh = per_interval(home.export_w);
    problem.bought_wh = bought.iter().map(|wh| *wh as f64).collect();
    problem.sold_wh = sold.iter().map(|wh| *wh as f64).collect();
    for t in 0..n {
        problem.retail[t] = home.tariff.retail(start.plus(t as u32)).0 as f64;
        problem.feed_in[t] = home.tariff.feed_in(start.plus(t as u32)).0 as f64;
    }
    for device in &home.devices {
        add(&mut problem, community.history as usize, device, per_interval);
    }
    problem
}

fn add(problem: &mut Problem, skip: usize, device: &Device, per_interval: impl Fn(u64) -> f64) {
    let (start, n) = (problem.start, problem.horizon());
    match (&device.nature, &device.data) {
        (nature, DeviceData::Series(wh)) => {
            let sum = match nature {
                Nature::Solar { .. } => &mut problem.solar_wh,
                Nature::Wind { .. } => &mut problem.wind_wh,
                _ => &mut problem.load_wh,
            };
            for (sum, wh) in sum.iter_mut().zip(&wh[skip..]) {
                *sum += f64::from(*wh);
            }
        }
        (Nature::Battery(nature), DeviceData::Battery { initial_wh }) => {
            problem.stores.push(store(nature, *initial_wh, &per_interval));
        }
        (Nature::Vehicle(nature), DeviceData::Vehicle { initial_wh, stays, .. }) => {
            let mut car = store(&nature.store, *initial_wh, &per_interval);
            plug(&mut car, stays, start, n);
            problem.stores.push(car);
        }
        (_, DeviceData::Jobs(jobs)) => {
            problem.jobs.extend(jobs.iter().filter_map(|job| due(job, start, n, &per_interval)));
        }
        other => panic!("a device without its data: {other:?}"),
    }
}

fn store(nature: &Storage, initial_wh: u64, per_interval: &impl Fn(u64) -> f64) -> Store {
    Store {
        capacity_wh: nature.capacity_wh as f64,
        charge_wh: per_interval(nature.charge_w),
        discharge_wh: per_interval(nature.discharge_w),
        eta_charge: f64::from(nature.eta_charge_ppm) / 1e6,
        eta_discharge: f64::from(nature.eta_discharge_ppm) / 1e6,
        floor_wh: nature.capacity_wh as f64 * f64::from(nature.floor_ppm) / 1e6,
        wear: nature.wear.0 as f64,
        stored_wh: initial_wh as f64,
        plugged: Vec::new(),
        departures: Vec::new(),
        rules: StoreRules::default(),
    }
}

fn plug(car: &mut Store, stays: &[Stay], start: Interval, n: usize) {
    let here = |at: Interval| stays.iter().any(|stay| stay.arrival <= at && at < stay.departure);
    car.plugged = (0..n).map(|t| here(start.plus(t as u32))).collect();
    let inside = stays.iter().filter(|stay| stay.departure > start);
    car.departures = inside
        .map(|stay| Departure {
            at: (stay.departure.0 - start.0) as usize,
            due_wh: stay.departure_wh as f64,
            trip_wh: stay.trip_wh as f64,
        })
        .filter(|departure| departure.at < n)
        .collect();
}

fn due(job: &Deferrable, start: Interval, n: usize, per: &impl Fn(u64) -> f64) -> Option<Job> {
    let is_inside = job.from >= start && ((job.until.0 - start.0) as usize) <= n;
    is_inside.then(|| Job {
        from: (job.from.0 - start.0) as usize,
        until: (job.until.0 - start.0) as usize,
        energy_wh: job.energy_wh as f64,
        power_wh: per(job.power_w),
        is_run_once: job.is_run_once,
    })
}

#[test]
fn every_sale_leaves_through_the_sellers_meter_in_its_interval() {
    assert!(SEERS.run.contracts.len() > 20);
    check_meters(&SEERS, |_| true);
}

#[test]
fn all_final_contracts_together_can_be_kept() {
    let (bought, sold) = committed(&SEERS);
    let none = vec![0; SEERS.run.calendar.intervals as usize];
    let mut sellers = 0;
    for site in 0..SEERS.run.sites.len() {
        let alone = solve(&question(&SEERS, site, &none, &none)).expect("solved");
        let trading = solve(&question(&SEERS, site, &bought[site], &sold[site])).expect("solved");
        let slack_wh = ROUNDING_WH as f64 * none.len() as f64 / 10.0;
        assert!(
            !trading.shortfall.exceeds(&alone.shortfall, slack_wh),
            "home {site} cannot keep its contracts: {:?}",
            trading.shortfall
        );
        sellers += usize::from(sold[site].iter().any(|wh| *wh > 0));
    }
    assert!(sellers >= 3, "{sellers} sellers prove little");
}

/// Stored energy replayed from what the meters of battery and vehicle saw, by the efficiencies alone.
#[test]
fn the_stores_of_a_run_obey_their_efficiencies_floors_and_capacities() {
    for lived in [&*SEERS, &*crate::STREET] {
        for (site, home) in lived.community.sites.iter().enumerate() {
            for device in &home.devices {
                replay(lived, site, device);
            }
        }
    }
}

fn replay(lived: &Lived, site: usize, device: &Device) {
    let (nature, mut held, stays) = match (&device.nature, &device.data) {
        (Nature::Battery(nature), DeviceData::Battery { initial_wh }) => {
            (nature, *initial_wh, None)
        }
        (Nature::Vehicle(nature), DeviceData::Vehicle { initial_wh, stays, .. }) => {
            (&nature.store, *initial_wh, Some(stays))
        }
        _ => return,
    };
    let (eta_c, eta_d) =
        (f64::from(nature.eta_charge_ppm) / 1e6, f64::from(nature.eta_discharge_ppm) / 1e6);
    let floor_wh = nature.capacity_wh as f64 * f64::from(nature.floor_ppm) / 1e6;
    for (t, row) in (0..).zip(&lived.run.sites[site].rows) {
        let at = lived.community.start.plus(t);
        let (charge, discharge, soc) = match stays {
            None => (row.battery_charge_wh, row.battery_discharge_wh, row.battery_soc_wh),
            Some(_) => (row.ev_charge_wh, row.ev_discharge_wh, row.ev_soc_wh),
        };
        let trip: u64 = stays.map_or(0, |stays| {
            stays.iter().filter(|stay| stay.departure == at).map(|stay| stay.trip_wh).sum()
        });
        if let Some(stays) = stays
            && charge + discharge > 0
        {
            let here = stays.iter().any(|stay| stay.arrival <= at && at < stay.departure);
            assert!(here, "home {site}, interval {t}: a vehicle that is away exchanges energy");
        }
        let expected =
            held.saturating_sub(trip) as f64 + charge as f64 * eta_c - discharge as f64 / eta_d;
        assert!(
            (soc as f64 - expected).abs() <= 2.0,
            "home {site}, interval {t}: {soc} Wh held, {expected} expected"
        );
        assert!(soc <= nature.capacity_wh, "home {site}, interval {t}: above capacity");
        if discharge > 0 {
            assert!(soc as f64 >= floor_wh - 1.0, "home {site}, interval {t}: below the floor");
        }
        assert!(charge == 0 || discharge == 0, "home {site}, interval {t}: both ways at once");
        held = soc;
    }
}
