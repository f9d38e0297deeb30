//! Property tests of the plant: whatever is wished, energy is conserved and limits hold.

#![allow(clippy::unwrap_used)]

use gridpact_agents::resource::nature::Nature;
use proptest::prelude::*;

use super::*;
use crate::sim::profiles::generate;
use crate::sim::scenario::Scenario;

fn community(prosumers: u32, seed: u64, interval_min: u32) -> Arc<Community> {
    let mut scenario = Scenario { prosumers, seed, ..Scenario::default() };
    scenario.params.epoch.interval_min = interval_min;
    Arc::new(generate(&scenario).unwrap())
}

fn check_row(row: &SiteInterval, site: &Site, interval_s: u32) {
    let (drawn, given) = (row.consumed_wh(), row.produced_wh());
    assert_eq!(
        i128::from(row.import) - i128::from(row.export),
        i128::from(drawn) - i128::from(given)
    );
    assert!(row.import == 0 || row.export == 0);
    assert!(row.export <= site.export_w * u64::from(interval_s) / 3600);
}

/// Plays all intervals with wishes and returns the plant; checks power and charge on the way.
fn play(community: &Arc<Community>, wishes: impl Fn(u32, u16) -> Option<(u64, u64)>) -> Plant {
    let mut plant = Plant::new(Arc::clone(community));
    let hours = u64::from(community.interval_s);
    for at in community.start.0..community.end().0 {
        for (i, site) in community.sites.iter().enumerate() {
            let party = PartyId(i as u32);
            for (d, device) in (0..).zip(&site.devices) {
                let wish = wishes(at, d).map(|(consume_wh, produce_wh)| Setpoint {
                    interval: Interval(at),
                    consume_wh,
                    produce_wh,
                    is_firm: false,
                });
                let reading = plant.step(party, d, Interval(at), wish);
                assert!(reading.consumed_wh == 0 || reading.produced_wh == 0);
                if let Some(nature) = device.nature.storage() {
                    assert!(reading.consumed_wh <= nature.charge_w * hours / 3600);
                    assert!(reading.produced_wh <= nature.discharge_w * hours / 3600);
                    assert!(reading.stored_wh.is_some_and(|wh| wh <= nature.capacity_wh));
                }
            }
        }
    }
    for (i, site) in community.sites.iter().enumerate() {
        let rows = plant.rows(PartyId(i as u32));
        assert_eq!(rows.len(), community.intervals as usize);
        rows.iter().for_each(|row| check_row(row, site, community.interval_s));
    }
    plant
}

/// Energy that has entered a home's storage minus what has left it equals what is held, within
/// the rounding of one Wh per interval and device.
fn check_storage(plant: &Plant, community: &Community) {
    for (i, site) in community.sites.iter().enumerate() {
        let party = PartyId(i as u32);
        let mut held = 0.0;
        let mut road = 0.0;
        for device in &site.devices {
            match &device.data {
                DeviceData::Battery { initial_wh } => held += *initial_wh as f64,
                DeviceData::Vehicle { initial_wh, stays, .. } => {
                    held += *initial_wh as f64;
                    let gone = stays.iter().filter(|stay| {
                        community.start < stay.departure && stay.departure < community.end()
                    });
                    road += gone.map(|stay| stay.trip_wh as f64).sum::<f64>();
                }
                _ => {}
            }
        }
        let rows = plant.rows(party);
        let sum = |of: fn(&SiteInterval) -> u64| rows.iter().map(of).sum::<u64>() as f64;
        let inflow = 0.933 * (sum(|r| r.battery_charge) + sum(|r| r.ev_charge));
        let outflow = (sum(|r| r.battery_discharge) + sum(|r| r.ev_discharge)) / 0.933;
        let wanted = held + inflow - outflow - road + plant.missing_wh(party) as f64;
        let found = plant.stored_wh(party) as f64;
        let slack = 4.0;
        assert!((wanted - found).abs() <= slack, "home {i}: {wanted} is not {found}");
    }
}

fn check_jobs(plant: &Plant, community: &Community) {
    let end = community.end();
    for (i, site) in community.sites.iter().enumerate() {
        let open = |device: &&Device| match &device.data {
            DeviceData::Jobs(jobs) => jobs.iter().any(|job| job.from < end && job.until > end),
            _ => false,
        };
        if site.devices.iter().any(|device| open(&device)) {
            continue;
        }
        let rows = plant.rows(PartyId(i as u32));
        let (plain, shifted): (u64, u64) =
            (rows.iter().map(|r| r.load).sum(), rows.iter().map(|r| r.shifted_load).sum());
        assert_eq!(plain, shifted, "home {i}: shifting neither makes nor loses energy");
    }
}

#[test]
fn uncontrolled_homes_charge_on_arrival_and_leave_batteries_alone() {
    let community = community(40, 1, 30);
    let plant = Plant::uncontrolled(Arc::clone(&community));
    let mut charged = 0;
    for i in 0..40 {
        for row in plant.rows(PartyId(i)) {
            assert_eq!((row.battery_charge, row.battery_discharge, row.ev_discharge), (0, 0, 0));
            assert_eq!(row.load, row.shifted_load);
            charged += row.ev_charge;
        }
        assert_eq!(plant.missing_wh(PartyId(i)), 0, "every departure had its energy");
    }
    assert!(charged > 0);
    check_storage(&plant, &community);
}

#[test]
fn an_interval_is_played_once_and_a_wish_lapses() {
    let community = community(6, 3, 30);
    let mut plant = Plant::new(Arc::clone(&community));
    let at = community.start;
    let first = plant.step(PartyId(0), 0, at, None);
    assert!(first.consumed_wh > 0);
    assert_eq!(plant.step(PartyId(0), 0, at, None).consumed_wh, 0);
    assert_eq!(plant.rows(PartyId(0))[0].load, first.consumed_wh);
    assert_eq!(
        plant.step(PartyId(99), 0, at, None),
        Reading { interval: at, ..Reading::default() }
    );
    let stale = Setpoint { interval: at, consume_wh: 0, produce_wh: 0, is_firm: false };
    let generator = u16::try_from(community.sites[0].devices.len() - 1).unwrap();
    let noon = at.plus(24);
    let free = plant.clone().step(PartyId(0), generator, noon, None);
    assert_eq!(plant.step(PartyId(0), generator, noon, Some(stale)), free);
}

#[test]
fn history_is_what_was_recorded() {
    let community = community(20, 1, 30);
    let plant = Plant::new(Arc::clone(&community));
    for (i, site) in community.sites.iter().enumerate() {
        for (d, device) in (0..).zip(&site.devices) {
            let past = plant.recorded(PartyId(i as u32), d);
            let storage = matches!(device.nature, Nature::Battery(_) | Nature::Vehicle(_));
            assert_eq!(past.len(), if storage { 0 } else { community.history as usize });
            let opening = plant.opening(PartyId(i as u32), d);
            assert_eq!(opening.stored_wh.is_some(), storage);
            if matches!(device.nature, Nature::Vehicle(_)) {
                assert_eq!(opening.stays.len(), 1, "plugged in at midnight");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_is_wished_energy_is_conserved(
        seed in 0_u64..1_000,
        interval_min in prop_oneof![Just(5_u32), Just(15), Just(30), Just(60)],
        wishes in proptest::collection::vec(proptest::option::of((0_u64..6_000, 0_u64..6_000)), 97),
    ) {
        let community = community(6, seed, interval_min);
        let wish = |at: u32, device: u16| wishes[(at as usize * 7 + device as usize) % wishes.len()];
        let plant = play(&community, wish);
        check_storage(&plant, &community);
        check_jobs(&plant, &community);
    }
}
