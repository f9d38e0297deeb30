//! The life of a community whose devices only serve their own home: greedy self-consumption.
//!
//! Nobody forecasts, nobody knows a price. A battery takes what the generators leave over and gives
//! it back as soon as the home draws; a vehicle charges at once what its departure needs and takes
//! surplus beyond that; jobs run when their window opens. It is what inverters do on their own, and
//! the line a schedule has to beat.

use std::sync::Arc;

use gridpact_agents::resource::nature::Nature;
use gridpact_agents::resource::reading::{Reading, Setpoint};
use gridpact_agents::resource::realise::PowerRanges;
use gridpact_chain::terms::{Interval, PartyId};

use super::baseline::Life;
use super::community::{Community, Device, DeviceData};
use super::homes::{device_index, party_of};
use super::plant::Plant;

/// What every home does when its devices only look at its own meter.
#[must_use]
pub fn self_consumption(community: &Arc<Community>) -> Vec<Life> {
    let mut plant = Plant::new(Arc::clone(community));
    (0..community.sites.len()).map(|site| alone(&mut plant, community, party_of(site))).collect()
}

fn alone(plant: &mut Plant, community: &Arc<Community>, party: PartyId) -> Life {
    let Some(site) = community.site(party) else { return Life::new() };
    let devices: Vec<(usize, &Device)> = site.devices.iter().enumerate().collect();
    let mut last: Vec<Reading> =
        devices.iter().map(|(n, _)| plant.opening(party, device_index(*n))).collect();
    // A meter sees what flows now, so whoever cannot choose goes first, and the export limiter,
    // which acts on generators, comes last.
    let mut order = devices.clone();
    order.sort_by_key(|(_, device)| rank(&device.nature));
    for at in (community.start.0..community.end().0).map(Interval) {
        let mut surplus_wh: i64 =
            devices.iter().map(|(_, device)| possible_wh(community, device, at)).sum();
        for (number, device) in &order {
            let wish = wish(&device.nature, &last[*number], at, surplus_wh);
            let wish = wish.map(|wish| held(&device.nature, wish, community.interval_s));
            let did = plant.step(party, device_index(*number), at, wish);
            surplus_wh -= flow_wh(&device.nature, &did);
            last[*number] = did;
        }
    }
    plant.rows(party).to_vec()
}

/// Loads, then vehicles, then batteries, then generators.
fn rank(nature: &Nature) -> u8 {
    match nature {
        Nature::Load | Nature::Deferrable | Nature::Meter | Nature::Station { .. } => 0,
        Nature::Vehicle(_) => 1,
        Nature::Battery(_) => 2,
        Nature::Solar { .. } | Nature::Wind { .. } => 3,
    }
}

/// What a generator could give in `at`, Wh.
fn possible_wh(community: &Community, device: &Device, at: Interval) -> i64 {
    match (&device.nature, &device.data) {
        (Nature::Solar { .. } | Nature::Wind { .. }, DeviceData::Series(series)) => {
            community.index(at).and_then(|i| series.get(i)).map_or(0, |wh| i64::from(*wh))
        }
        _ => 0,
    }
}

/// What a device took from the site; generators are in the surplus already.
fn flow_wh(nature: &Nature, did: &Reading) -> i64 {
    let signed = |wh: u64| i64::try_from(wh).unwrap_or(i64::MAX);
    match nature {
        Nature::Solar { .. } | Nature::Wind { .. } => 0,
        _ => signed(did.consumed_wh) - signed(did.produced_wh),
    }
}

/// What a storage wants to do about the surplus; `None` leaves a device to itself.
fn wish(nature: &Nature, last: &Reading, at: Interval, surplus_wh: i64) -> Option<Setpoint> {
    let wish = |consume_wh, produce_wh| {
        Some(Setpoint { interval: at, consume_wh, produce_wh, is_firm: false })
    };
    let (over, short) = (surplus_wh.max(0).unsigned_abs(), surplus_wh.min(0).unsigned_abs());
    match nature {
        Nature::Battery(_) => wish(over, short),
        Nature::Vehicle(_) => {
            let needed = last.stays.first().map_or(0, |stay| stay.departure_wh);
            // Short of its departure it charges as without control; what is more is surplus only.
            if last.stored_wh.unwrap_or(0) < needed { None } else { wish(over, 0) }
        }
        _ => None,
    }
}

/// What a charger can hold of a wish; all else holds any power.
fn held(nature: &Nature, wish: Setpoint, interval_s: u32) -> Setpoint {
    match nature {
        Nature::Vehicle(car) => {
            let run = PowerRanges::charger(car.store.charge_w).realise(wish.consume_wh, interval_s);
            Setpoint { consume_wh: run.energy_wh, ..wish }
        }
        _ => wish,
    }
}

#[cfg(test)]
mod tests {
    use super::super::scenario::Scenario;
    use super::*;
    use crate::sim::baseline;

    fn lives() -> (Arc<Community>, Vec<Life>, Vec<Life>) {
        let scenario = Scenario { prosumers: 40, ..Scenario::default() };
        let community = Arc::new(crate::sim::build(&scenario).expect("a generated community"));
        let greedy = self_consumption(&community);
        let uncontrolled = baseline::uncontrolled(&community);
        (community, greedy, uncontrolled)
    }

    #[test]
    fn a_battery_never_feeds_the_grid_and_never_draws_from_it() {
        let (_, greedy, _) = lives();
        let rows = || greedy.iter().flatten();
        assert!(
            rows().any(|row| row.battery_charge > 0) && rows().any(|r| r.battery_discharge > 0)
        );
        assert!(rows().all(|row| row.battery_discharge == 0 || row.export == 0));
        assert!(rows().all(|row| row.battery_charge == 0 || row.import == 0));
    }

    #[test]
    fn it_uses_more_of_its_own_than_without_control() {
        let (_, greedy, uncontrolled) = lives();
        let import = |lives: &[Life]| lives.iter().flatten().map(|row| row.import).sum::<u64>();
        let export = |lives: &[Life]| lives.iter().flatten().map(|row| row.export).sum::<u64>();
        assert!(import(&greedy) < import(&uncontrolled));
        assert!(export(&greedy) < export(&uncontrolled));
    }

    #[test]
    fn loads_and_jobs_are_as_without_control() {
        let (community, greedy, uncontrolled) = lives();
        assert_eq!(greedy.len(), community.sites.len());
        for (one, other) in greedy.iter().flatten().zip(uncontrolled.iter().flatten()) {
            assert_eq!(one.shifted_load, other.shifted_load);
        }
    }
}
