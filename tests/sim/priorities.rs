//! Who has the last word on a device: grid operator, device, driver, contract, local plan; and what
//! a charger makes of a plan.

use gridpact::agents::resource::nature::{Nature, Stay};
use gridpact::agents::resource::priority::GridLimit;
use gridpact::agents::resource::realise::PowerRanges;
use gridpact::chain::terms::{Interval, PartyId};
use gridpact::report::settle::settle;
use gridpact::sim::community::DeviceData;
use gridpact::sim::faults::{Curb, Faults};
use gridpact_tests::{Lived, a_street, live_with};

use crate::{SEERS, STREET, assert_lawful};

/// The vehicles of a run: home, device, capacity, least energy of a run, stays.
fn vehicles(lived: &Lived) -> Vec<(usize, u16, u64, u64, Vec<Stay>)> {
    let mut all = Vec::new();
    for (number, site) in lived.community.sites.iter().enumerate() {
        for (device, given) in (0..).zip(&site.devices) {
            if let (Nature::Vehicle(store), DeviceData::Vehicle { stays, .. }) =
                (&given.nature, &given.data)
            {
                let least =
                    PowerRanges::charger(store.store.charge_w).least_wh(lived.community.interval_s);
                all.push((number, device, store.store.capacity_wh, least, stays.to_vec()));
            }
        }
    }
    all
}

#[test]
fn no_charger_runs_below_its_least_power_and_a_stay_draws_what_was_planned() {
    for lived in [&*STREET, &*SEERS] {
        assert_eq!(lived.run.control.unable, 0, "no order at a power that cannot be held");
        let first = lived.run.calendar.first_interval;
        let (mut stays_seen, mut small) = (0, 0);
        for (site, device, capacity_wh, least_wh, stays) in vehicles(lived) {
            let home = &lived.run.sites[site];
            let row = |at: u32| home.rows.get(at.checked_sub(first)? as usize);
            for stay in stays {
                let (mut planned, mut drawn, mut is_full, mut n) = (0, 0, false, 0);
                for at in stay.arrival.0..stay.departure.0 {
                    let Some(row) = row(at) else { continue };
                    let reasons = home.reasons.get(&at);
                    let told = reasons.and_then(|r| r.iter().find(|r| r.device == device));
                    let wished = told.map_or(0, |told| told.consume_wh);
                    let room = capacity_wh.saturating_sub(row.ev_soc_wh);
                    is_full |= room < least_wh;
                    assert!(
                        row.ev_charge_wh == 0 || row.ev_charge_wh >= least_wh || room < least_wh,
                        "home {site} at {at}: {} Wh",
                        row.ev_charge_wh
                    );
                    small += u32::from(wished > 0 && wished < least_wh);
                    (planned, drawn, n) = (planned + wished, drawn + row.ev_charge_wh, n + 1);
                }
                if n > 0 && !is_full {
                    stays_seen += 1;
                    let off = planned.abs_diff(drawn);
                    // What waits behind sales may add up to one more until the stay is over.
                    assert!(off <= 2 * least_wh, "home {site}, {stay:?}: {drawn} of {planned} Wh");
                }
            }
        }
        assert!(stays_seen > 3, "{stays_seen}");
        println!("{stays_seen} stays, {small} wishes below the least run");
    }
}

/// The limit of nothing, in the direction asked for, from the start of `from` to that of `until`.
fn shut(is_taking: bool, until: Interval, interval_s: u32) -> GridLimit {
    let most = |is_shut: bool| is_shut.then_some(0);
    let valid_until = until.starts_at(interval_s);
    GridLimit { consume_w: most(is_taking), produce_w: most(!is_taking), valid_until }
}

#[test]
fn a_grid_limit_wins_over_a_contract_and_what_it_leaves_open_is_settled() {
    let calendar = &STREET.run.calendar;
    let settled = settle(&STREET.run);
    // A contract well delivered, some hours into the run.
    let (index, contract) = (STREET.run.contracts.iter().enumerate())
        .filter(|(_, c)| c.start > calendar.first_interval + 8)
        .find(|(i, _)| {
            let done = settled.fulfilments[*i];
            done.contracted_wh > 200 && done.delivered_wh * 10 > done.contracted_wh * 9
        })
        .expect("a contract that was delivered");
    let (start, end) = (contract.start, contract.start + contract.profile_wh.len() as u32);
    let seller = contract.seller;
    let devices = STREET.community.sites[seller].devices.len();
    let limit = shut(false, Interval(end), calendar.interval_s);
    let curb =
        |device| Curb { at: (Interval(start), 0), party: PartyId(seller as u32), device, limit };
    let faults = Faults { limits: (0..devices).map(curb).collect(), ..Faults::default() };
    let lived = live_with(&a_street(12), &faults).expect("the world goes on");
    assert_lawful(&lived);
    let again = lived.run.contracts.iter().position(|c| c.contract_id == contract.contract_id);
    let again = again.expect("what was signed before the limit stays signed");
    let done = settle(&lived.run).fulfilments[again];
    assert_eq!(done.contracted_wh, settled.fulfilments[index].contracted_wh);
    assert_eq!(done.delivered_wh, 0, "nothing leaves the seller's devices");
    for at in start..end {
        let row = &lived.run.sites[seller].rows[(at - calendar.first_interval) as usize];
        assert!(row.net_import_wh >= 0, "home {seller} gave at {at}");
        assert_eq!((row.battery_discharge_wh, row.ev_discharge_wh), (0, 0));
    }
    // What the buyer lacks is bought from the grid: metered energy is accounted for to the Wh.
    let buyer = &settle(&lived.run).flows[contract.buyer];
    let rows = &lived.run.sites[contract.buyer].rows;
    for (flow, row) in buyer.iter().zip(rows) {
        let net = flow.grid_import_wh as i64 + flow.bought_wh as i64
            - flow.grid_export_wh as i64
            - flow.sold_wh as i64;
        assert_eq!(net, row.net_import_wh);
    }
    let control = &lived.run.control;
    assert!(control.orders["grid_limit"] > 0, "{control:?}");
    // The load of the home cannot be limited, and says so.
    assert!(control.refused["not_controllable"] >= 1, "{control:?}");
    assert!(!STREET.run.control.refused.contains_key("not_controllable"));
}

#[test]
fn a_grid_limit_wins_over_what_a_driver_needs() {
    let first = STREET.run.calendar.first_interval;
    let charging = vehicles(&STREET).into_iter().find_map(|(site, device, ..)| {
        let rows = &STREET.run.sites[site].rows;
        let at = (4..rows.len()).find(|at| rows[*at].ev_charge_wh > 500)?;
        Some((site, device, first + at as u32))
    });
    let (site, device, at) = charging.expect("a vehicle charges");
    for most_w in [0, 1_399] {
        let valid_until = Interval(at + 1).starts_at(STREET.run.calendar.interval_s);
        let limit = GridLimit { consume_w: Some(most_w), produce_w: None, valid_until };
        let curb = Curb {
            at: (Interval(at), 0),
            party: PartyId(site as u32),
            device: usize::from(device),
            limit,
        };
        let faults = Faults { limits: vec![curb], ..Faults::default() };
        let lived = live_with(&a_street(12), &faults).expect("the world goes on");
        let row = &lived.run.sites[site].rows[(at - first) as usize];
        assert_eq!(row.ev_charge_wh, 0, "a charger cannot run at {most_w} W");
        assert_eq!(lived.run.control.unable, 0);
        assert_lawful(&lived);
    }
}
