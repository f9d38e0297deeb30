//! Devices by what they can do: drivers' conditions, a station's line and "full now" hold in a mixed
//! street, on an ordinary day and on one of 23 hours, whatever breaks.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use gridpact::agents::resource::nature::{Nature, V2g, Vehicle};
use gridpact::chain::terms::{Interval, PartyId};
use gridpact::sim::faults::{Crash, Faults, Role};
use gridpact::sim::plant::Plant;
use gridpact::sim::scenario::{Millionths, Scenario};
use gridpact::sim::tariff::local;
use gridpact_tests::{Lived, a_street, live, live_with};

use crate::assert_lawful;

/// Cars without consent, cars with conditions, drivers in a hurry, and a station at the end.
fn mixed() -> Scenario {
    let mut scenario = a_street(8);
    scenario.name = "mixed street".to_owned();
    // The clock is put forward in the second night.
    scenario.start = "2013-10-05".parse().ok();
    scenario.days = 2;
    let sites = &mut scenario.sites;
    sites.ev_share = 0.9;
    sites.v2g_consent_share = 0.6;
    sites.v2g_floor = 0.3;
    sites.v2g_never_sold = 0.4;
    sites.v2g_kw = Some(5.0);
    sites.v2g_hours = vec![[16.0, 22.0], [23.0, 1.0]];
    sites.v2g_kwh_per_day = Some(3.0);
    sites.v2g_price_floor = Some(Millionths(150_000));
    sites.ev_full_now_share = 0.3;
    sites.stations = 1;
    sites.station_line_kw = 9.0;
    scenario
}

static MIXED: LazyLock<Lived> = LazyLock::new(|| live(&mixed()));

/// The vehicles of a site.
fn cars(lived: &Lived, site: usize) -> Vec<&Vehicle> {
    let devices = &lived.community.sites[site].devices;
    devices
        .iter()
        .filter_map(|device| match &device.nature {
            Nature::Vehicle(vehicle) => Some(vehicle),
            _ => None,
        })
        .collect()
}

/// No row of the plant breaks a condition or the line; returns what was given in all, Wh.
fn check_rows(lived: &Lived) -> u64 {
    let (community, mut all) = (&lived.community, 0);
    for (number, site) in lived.run.sites.iter().enumerate() {
        let cars = cars(lived, number);
        let consents: Vec<&V2g> = cars.iter().filter_map(|car| car.v2g.as_ref()).collect();
        let line_w = community.sites[number].devices.iter().find_map(|d| match d.nature {
            Nature::Station { line_w, .. } => Some(line_w),
            _ => None,
        });
        let mut days: BTreeMap<_, u64> = BTreeMap::new();
        for (t, row) in (0..).zip(&site.rows) {
            let at = community.start.plus(t);
            if let Some(line_w) = line_w {
                let through = row.ev_charge_wh.abs_diff(row.ev_discharge_wh);
                assert!(through <= line_w / 2, "{}: {through} Wh at {at}", site.name);
            }
            let given = row.ev_discharge_wh;
            if given == 0 {
                continue;
            }
            let clock = local(at, community.interval_s, &community.zone);
            let minute = u32::from(clock.hour().unsigned_abs()) * 60
                + u32::from(clock.minute().unsigned_abs());
            let v2g = consents.first().expect("somebody has consented");
            assert!(v2g.allows(minute, 30), "{} gives at {clock}", site.name);
            let retail = community.sites[number].tariff.retail(at);
            assert!(v2g.price_floor.is_some_and(|floor| retail >= floor), "{} at {at}", site.name);
            assert!(given <= 2_500 * consents.len() as u64, "{}: {given} Wh", site.name);
            if let [car] = cars[..] {
                assert!(
                    row.ev_soc_wh + 1 >= car.kept_wh(),
                    "{}: {} Wh left",
                    site.name,
                    row.ev_soc_wh
                );
            }
            *days.entry(clock.date()).or_default() += given;
            all += given;
        }
        for (day, given) in days {
            let most = 3_000 * consents.len() as u64;
            assert!(given <= most, "{} gives {given} Wh on {day}", site.name);
        }
    }
    all
}

#[test]
fn in_a_mixed_street_all_laws_hold_and_no_condition_is_broken() {
    let lived = &*MIXED;
    let consents = |site| cars(lived, site).iter().filter(|car| car.v2g.is_some()).count();
    let all: Vec<usize> = (0..8).map(consents).collect();
    assert!(all.contains(&0) && all.iter().any(|n| *n > 0), "{all:?}");
    assert!(lived.community.sites[7].name.starts_with("station"));
    assert_eq!(lived.community.intervals, 94, "one of the days has 23 hours");
    assert_lawful(lived);
    let given = check_rows(lived);
    assert!(given > 5_000, "conditions bind, and something is given: {given}");
    assert!(lived.contracts().count() > 5);
}

#[test]
fn drivers_in_a_hurry_are_told_the_price_before_they_pay_it() {
    let wishes = &MIXED.run.wishes;
    assert!(wishes.len() > 2, "{wishes:?}");
    for wish in wishes {
        assert!(wish.shown_microcurrency.is_some(), "{wish:?} was told nothing");
    }
    let carried = wishes.iter().filter(|wish| wish.accepted_microcurrency.is_some()).count();
    assert!(carried * 2 > wishes.len(), "{carried} of {}", wishes.len());
}

#[test]
fn conditions_hold_when_minds_and_agents_break() {
    let start = gridpact::sim::build(&mixed()).expect("possible").start.0;
    let crash = |(n, party): (u32, u32)| {
        let role = if n.is_multiple_of(2) { Role::Local } else { Role::Resource(1) };
        let (epoch, party) = (Interval(start + 33 + 3 * n), PartyId(party));
        Crash { epoch, after_ms: 0, after_turns: 3 * n, party, role }
    };
    let crashes = (0..).zip([7, 7, 1, 2, 3, 4, 5, 7, 6, 0]).map(crash).collect();
    let lived = live_with(&mixed(), &Faults { crashes, ..Faults::default() }).expect("it goes on");
    assert!(lived.broken > 5, "{} broke", lived.broken);
    assert_lawful(&lived);
    check_rows(&lived);
}

#[test]
fn uncontrolled_charging_obeys_the_line_and_those_who_came_first_are_served_first() {
    let mut scenario = mixed();
    scenario.sites.station_line_kw = 5.0;
    let community = std::sync::Arc::new(gridpact::sim::build(&scenario).expect("possible"));
    let plant = Plant::uncontrolled(std::sync::Arc::clone(&community));
    let rows = plant.rows(PartyId(7));
    assert!(rows.iter().all(|row| row.ev_charge <= 2_500 && row.ev_discharge == 0));
    assert!(rows.iter().any(|row| row.ev_charge == 2_500), "the line binds");
}

#[test]
fn stations_and_conditions_shift_no_draw_of_the_homes() {
    let plain = a_street(8);
    let mut other = plain.clone();
    other.sites.stations = 2;
    other.sites.v2g_consent_share = 0.3;
    other.sites.ev_full_now_share = 0.5;
    let (plain, other) = (gridpact::sim::build(&plain), gridpact::sim::build(&other));
    let (plain, other) = (plain.expect("possible"), other.expect("possible"));
    for (one, same) in plain.sites.iter().zip(&other.sites).take(6) {
        for (one, same) in one.devices.iter().zip(&same.devices) {
            assert_eq!(one.nature.storage(), same.nature.storage());
            use gridpact::sim::community::DeviceData::{Series, Vehicle};
            match (&one.data, &same.data) {
                (Series(one), Series(same)) => assert_eq!(one, same),
                (Vehicle { stays: one, .. }, Vehicle { stays: same, .. }) => assert_eq!(one, same),
                _ => {}
            }
        }
    }
}
