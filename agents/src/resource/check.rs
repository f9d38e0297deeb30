//! Whether a device can have said that, and how much of a wish it can follow.
//!
//! Margins are wide: a meter's rounding is no fault, an impossible value is.

use gridpact_chain::terms::Interval;

use super::Refusal;
use super::nature::{Nature, Storage};
use super::reading::{Reading, Setpoint};

/// Most energy a device without a rating may take in an hour, Wh: 100 kWh per half hour.
const ABSURD_WH_PER_H: u64 = 200_000;
/// Least power at which a vehicle charges, W; its safe state.
pub const LEAST_CHARGE_W: u64 = 1_400;

/// Energy of `power_w` over an interval, Wh.
#[must_use]
pub fn energy_wh(power_w: u64, interval_s: u32) -> u64 {
    power_w.saturating_mul(u64::from(interval_s)) / 3600
}

/// Checks a reading against what the device is.
///
/// # Errors
/// The first thing in it that cannot be.
pub fn reading(nature: &Nature, reading: &Reading, interval_s: u32) -> Result<(), Refusal> {
    let (consume_w, produce_w) = ratings(nature);
    if reading.consumed_wh > generous(consume_w, interval_s) {
        return Err(Refusal::Consumption);
    }
    if reading.produced_wh.saturating_add(reading.curtailed_wh) > generous(produce_w, interval_s) {
        return Err(Refusal::Production);
    }
    match storage(nature) {
        Some(store) => stored(store, reading)?,
        None if reading.stored_wh.is_some() => return Err(Refusal::Storage),
        None => {}
    }
    stays(nature, reading)?;
    jobs(nature, reading)
}

/// What of a wish this device can follow, as it stood at its last reading.
///
/// # Errors
/// [`Refusal::NotControllable`] for devices that only report.
pub fn follow(
    nature: &Nature,
    wish: Setpoint,
    last: Option<&Reading>,
    interval_s: u32,
) -> Result<Setpoint, Refusal> {
    if matches!(nature, Nature::Load | Nature::Meter) {
        return Err(Refusal::NotControllable);
    }
    let (consume_w, produce_w) = ratings(nature);
    let mut told = wish;
    if let Some(store) = storage(nature) {
        // One direction at a time: the smaller is taken off the larger.
        let both = told.consume_wh.min(told.produce_wh);
        told.consume_wh -= both;
        told.produce_wh = (told.produce_wh - both).min(energy_wh(produce_w, interval_s));
        within(store, last, &mut told);
    }
    // For a generator the production is a limit, which may lie above what it can do.
    told.consume_wh = told.consume_wh.min(energy_wh(consume_w, interval_s));
    if matches!(nature, Nature::Vehicle(_)) && !is_plugged(last, wish.interval) {
        (told.consume_wh, told.produce_wh) = (0, 0);
    }
    Ok(told)
}

/// Keeps a storage between its floor and its capacity. How full it is may be unknown: then it is
/// not emptied.
fn within(store: &Storage, last: Option<&Reading>, told: &mut Setpoint) {
    let part = |wh: u64, num: u32, den: u32| {
        let scaled = u128::from(wh) * u128::from(num) / u128::from(den.max(1));
        u64::try_from(scaled).unwrap_or(u64::MAX)
    };
    let Some(stored) = last.and_then(|reading| reading.stored_wh) else {
        told.produce_wh = 0;
        return;
    };
    let room = store.capacity_wh.saturating_sub(stored);
    let spare = stored.saturating_sub(part(store.capacity_wh, store.floor_ppm, 1_000_000));
    told.consume_wh = told.consume_wh.min(part(room, 1_000_000, store.eta_charge_ppm));
    told.produce_wh = told.produce_wh.min(part(spare, store.eta_discharge_ppm, 1_000_000));
}

/// Whether a vehicle is at its charger in `at`, as far as it has said.
fn is_plugged(last: Option<&Reading>, at: Interval) -> bool {
    last.is_some_and(|r| r.stays.iter().any(|stay| stay.arrival <= at && at < stay.departure))
}

/// Charging and discharging power, or the rating; W.
fn ratings(nature: &Nature) -> (u64, u64) {
    match nature {
        Nature::Load | Nature::Deferrable => (ABSURD_WH_PER_H, 0),
        Nature::Solar { rated_w } | Nature::Wind { rated_w } => (0, *rated_w),
        Nature::Battery(store) | Nature::Vehicle(store) => (store.charge_w, store.discharge_w),
        Nature::Meter => (ABSURD_WH_PER_H, ABSURD_WH_PER_H),
    }
}

fn storage(nature: &Nature) -> Option<&Storage> {
    match nature {
        Nature::Battery(store) | Nature::Vehicle(store) => Some(store),
        _ => None,
    }
}

/// Twice the rating and 10 Wh: a name-plate is no ceiling.
fn generous(power_w: u64, interval_s: u32) -> u64 {
    if power_w == 0 { 0 } else { energy_wh(power_w.saturating_mul(2), interval_s) + 10 }
}

fn stored(store: &Storage, reading: &Reading) -> Result<(), Refusal> {
    let most = store.capacity_wh + store.capacity_wh / 50 + 10;
    match reading.stored_wh {
        Some(wh) if wh <= most => Ok(()),
        _ => Err(Refusal::Storage),
    }
}

fn stays(nature: &Nature, reading: &Reading) -> Result<(), Refusal> {
    let is_vehicle = matches!(nature, Nature::Vehicle(_));
    let in_order = reading.stays.windows(2).all(|two| two[0].departure <= two[1].arrival);
    let forward = reading.stays.iter().all(|stay| stay.arrival < stay.departure);
    let is_sound = reading.stays.is_empty() || (is_vehicle && in_order && forward);
    if is_sound { Ok(()) } else { Err(Refusal::Stays) }
}

fn jobs(nature: &Nature, reading: &Reading) -> Result<(), Refusal> {
    let is_deferrable = matches!(nature, Nature::Deferrable);
    let forward = reading.jobs.iter().all(|job| job.from < job.until);
    let is_sound = reading.jobs.is_empty() || (is_deferrable && forward);
    if is_sound { Ok(()) } else { Err(Refusal::Jobs) }
}
