//! Devices that can be commanded: jobs, batteries and vehicles, with sizes drawn from the mix.

use std::sync::Arc;

use gridpact_agents::resource::nature::{Deferrable, Nature, Stay, Storage, Vehicle};
use gridpact_chain::terms::Price;

use super::chance::{Chance, Purpose};
use super::knowledge::{knowledge, tell};
use crate::sim::calendar::Calendar;
use crate::sim::community::{Device, DeviceData};
use crate::sim::scenario::{Millionths, Scenario};

/// A stationary battery drawn from the mix, between 30 and 70 % full.
pub fn battery(scenario: &Scenario, chance: &mut Chance) -> Device {
    let mix = &scenario.sites;
    let capacity_wh = wh(chance.within(mix.bess_kwh));
    let storage = Storage {
        capacity_wh,
        charge_w: wh(mix.bess_kw),
        discharge_w: wh(mix.bess_kw),
        eta_charge_ppm: ppm(mix.eta_charge),
        eta_discharge_ppm: ppm(mix.eta_discharge),
        floor_ppm: share_ppm(mix.bess_floor),
        wear: Price(mix.wear.0),
    };
    let initial_wh = (capacity_wh as f64 * chance.within([0.3, 0.7])) as u64;
    Device { nature: Nature::Battery(storage), data: DeviceData::Battery { initial_wh } }
}

/// One job a day whose window begins at about the same hour.
pub fn jobs(scenario: &Scenario, calendar: &Calendar, stream: u32) -> Device {
    let mix = &scenario.sites;
    let mut chance = Chance::new(scenario.seed, stream, Purpose::Jobs);
    let kwh = chance.within(mix.deferrable_kwh);
    let window_h = chance.within(mix.deferrable_window_h);
    let kw = chance.within(mix.deferrable_kw);
    let begins_h = chance.within([6.0, 16.0]);
    let jobs = calendar.days().map(|day| {
        let from = calendar.at(day, begins_h + 0.5 * chance.normal().clamp(-2.0, 2.0));
        let length = ((window_h * calendar.per_hour()) as u32).max(1);
        let energy_wh = wh(kwh * chance.within([0.8, 1.2]));
        let least_w = (energy_wh as f64 * calendar.per_hour() / f64::from(length)).ceil() as u64;
        Deferrable {
            from,
            until: from.plus(length),
            energy_wh,
            power_w: wh(kw).max(least_w),
            is_run_once: false,
        }
    });
    let jobs: Vec<_> = jobs.filter(|job| job.from >= calendar.first).collect();
    Device { nature: Nature::Deferrable, data: DeviceData::Jobs(jobs.into()) }
}

/// A commuting vehicle drawn from the mix, with its stays of every day.
pub fn vehicle(scenario: &Scenario, calendar: &Calendar, stream: u32) -> Device {
    let mix = &scenario.sites;
    let mut chance = Chance::new(scenario.seed, stream, Purpose::Vehicle);
    let capacity_wh = wh(chance.within(mix.ev_kwh));
    let reserve = chance.within(mix.ev_reserve);
    let initial_wh = (capacity_wh as f64 * chance.within(mix.ev_initial)) as u64;
    let (leaves_h, back_h) = (chance.within(mix.ev_leaves_h), chance.within(mix.ev_back_h));
    let floor_wh = (capacity_wh as f64 * reserve) as u64;
    let trip_wh = wh(mix.ev_trip_kwh).min((capacity_wh - floor_wh) * 9 / 10);
    let storage = Storage {
        capacity_wh,
        charge_w: wh(mix.ev_kw),
        discharge_w: if mix.v2g { wh(mix.ev_kw) } else { 0 },
        eta_charge_ppm: ppm(mix.ev_eta_charge),
        eta_discharge_ppm: ppm(mix.ev_eta_discharge),
        floor_ppm: share_ppm(reserve),
        wear: Price(mix.wear.0),
    };
    let mut arrival = calendar.first;
    let mut stays = Vec::new();
    let days = calendar.days();
    // One day more, so that the last evening has a stay.
    for day in days.start..=days.end {
        let mut jitter = || 0.25 * chance.normal().clamp(-2.0, 2.0);
        let departure = calendar.at(day, leaves_h + jitter()).max(arrival.plus(1));
        let back = calendar.at(day, back_h + jitter()).max(departure.plus(1));
        let departure_wh = floor_wh + trip_wh;
        stays.push(Stay { arrival, departure, departure_wh, trip_wh });
        arrival = back;
    }
    let told =
        tell(scenario, calendar, &stays, &mut Chance::new(scenario.seed, stream, Purpose::Told));
    Device {
        nature: Nature::Vehicle(driven(scenario, storage, stream)),
        data: DeviceData::Vehicle {
            initial_wh: initial_wh.max(floor_wh),
            asking: asking(scenario, calendar, &stays, stream),
            stays: Arc::from(stays),
            told: told.into(),
            knowledge: knowledge(scenario),
        },
    }
}

/// A vehicle with what its driver allows.
pub fn driven(scenario: &Scenario, store: Storage, stream: u32) -> Vehicle {
    let mix = &scenario.sites;
    let mut chance = Chance::new(scenario.seed, stream, Purpose::Driver);
    let consents = chance.unit() < mix.v2g_consent_share;
    Vehicle { store, v2g: consents.then(|| mix.v2g_conditions(store.capacity_wh)) }
}

/// Which of these stays, of those that begin in the run, have a driver in a hurry.
pub fn asking(
    scenario: &Scenario,
    calendar: &Calendar,
    stays: &[Stay],
    stream: u32,
) -> Arc<[bool]> {
    let share = scenario.sites.ev_full_now_share;
    let mut chance = Chance::new(scenario.seed, stream, Purpose::Hurry);
    let asks = |stay: &Stay| chance.unit() < share && stay.arrival >= calendar.start;
    stays.iter().map(asks).collect()
}

/// Kilowatts or kilowatt-hours as whole W or Wh.
#[must_use]
pub fn wh(kilo: f64) -> u64 {
    (kilo * 1000.0).round().max(0.0) as u64
}

/// A share of a scenario as ppm.
#[must_use]
pub fn ppm(share: Millionths) -> u32 {
    u32::try_from(share.0).unwrap_or(0)
}

fn share_ppm(share: f64) -> u32 {
    (share * 1e6).round() as u32
}
