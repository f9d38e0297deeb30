//! Whether a device can have said that, and how much of a wish it can follow.
//!
//! Margins are wide: a meter's rounding is no fault, an impossible value is.

use gridpact_chain::terms::Interval;

use super::Refusal;
use super::nature::{Nature, Storage, Vehicle};
use super::priority::{Bounds, Need};
use super::reading::{Counts, Reading, Setpoint, Telemetry};

/// Most energy a device without a rating may take in an hour, Wh: 100 kWh per half hour.
const ABSURD_WH_PER_H: u64 = 200_000;
/// Registers that count in tenths of a kWh move by this much at once, Wh.
const REGISTER_STEP_WH: u64 = 100;
/// A plan and a battery count differently; a departure that misses by this much is not missed, Wh.
const NEED_TOLERANCE_WH: u64 = 50;
/// Parts in a whole.
const PPM: u32 = 1_000_000;

/// Energy of `power_w` over an interval, Wh.
#[must_use]
pub fn energy_wh(power_w: u64, interval_s: u32) -> u64 {
    power_w.saturating_mul(u64::from(interval_s)) / 3600
}

/// Checks how a device says it stands against what it is.
///
/// # Errors
/// The first thing in it that cannot be.
pub fn state(nature: &Nature, sample: &Telemetry) -> Result<(), Refusal> {
    match nature.storage() {
        Some(store) => stored(store, sample)?,
        None if sample.stored_wh.is_some() => return Err(Refusal::Storage),
        None => {}
    }
    stays(nature, sample)?;
    if sample.wish.is_some() && !matches!(nature, Nature::Vehicle(_)) {
        return Err(Refusal::Wish);
    }
    jobs(nature, sample)
}

/// Checks what was counted in `elapsed_ms` against what the device is.
///
/// # Errors
/// The direction in which it is too much.
pub fn flow(nature: &Nature, counted: Counts, elapsed_ms: u64) -> Result<(), Refusal> {
    let (consume_w, produce_w) = ratings(nature);
    if counted.import_wh > generous(consume_w, elapsed_ms) {
        return Err(Refusal::Consumption);
    }
    let produced_wh = counted.export_wh.saturating_add(counted.curtailed_wh);
    if produced_wh > generous(produce_w, elapsed_ms) {
        return Err(Refusal::Production);
    }
    Ok(())
}

/// Checks the energy of a whole interval against what the device is.
///
/// # Errors
/// The direction in which it is too much.
pub fn energy(nature: &Nature, reading: &Reading, interval_s: u32) -> Result<(), Refusal> {
    let counted = Counts {
        import_wh: reading.consumed_wh,
        export_wh: reading.produced_wh,
        curtailed_wh: reading.curtailed_wh,
    };
    flow(nature, counted, u64::from(interval_s) * 1000)
}

/// Whether a device of this nature can be told anything.
#[must_use]
pub fn is_controllable(nature: &Nature) -> bool {
    !matches!(nature, Nature::Load | Nature::Meter | Nature::Station { .. })
}

/// One direction at a time for storage: the smaller wish is taken off the larger.
#[must_use]
pub fn one_way(nature: &Nature, wish: Setpoint) -> Setpoint {
    let both = nature.storage().map_or(0, |_| wish.consume_wh.min(wish.produce_wh));
    Setpoint { consume_wh: wish.consume_wh - both, produce_wh: wish.produce_wh - both, ..wish }
}

/// What the device itself can do in `at`, as it stood at its last reading. How full a storage is may
/// be unknown: then it is not emptied. For a generator the production is a limit, which may lie
/// above what it can do.
#[must_use]
pub fn bounds(nature: &Nature, last: Option<&Reading>, at: Interval, interval_s: u32) -> Bounds {
    let (consume_w, produce_w) = ratings(nature);
    let consume_wh = energy_wh(consume_w, interval_s);
    let Some(store) = nature.storage() else { return Bounds { consume_wh, produce_wh: u64::MAX } };
    if matches!(nature, Nature::Vehicle(_)) && !is_plugged(last, at) {
        return Bounds { consume_wh: 0, produce_wh: 0 };
    }
    let Some(stored_wh) = last.and_then(|reading| reading.stored_wh) else {
        return Bounds { consume_wh, produce_wh: 0 };
    };
    let room_wh = store.capacity_wh.saturating_sub(stored_wh);
    // What a driver keeps for himself is the vehicle's own refusal, and so is his want of consent.
    let (kept_wh, produce_w) = match nature {
        Nature::Vehicle(vehicle) => (vehicle.kept_wh(), vehicle.discharge_w()),
        _ => (part(store.capacity_wh, store.floor_ppm, PPM), produce_w),
    };
    let spare_wh = stored_wh.saturating_sub(kept_wh);
    let produce_wh = energy_wh(produce_w, interval_s);
    Bounds {
        consume_wh: consume_wh.min(part(room_wh, PPM, store.eta_charge_ppm)),
        produce_wh: produce_wh.min(part(spare_wh, store.eta_discharge_ppm, PPM)),
    }
}

/// What the departure of a vehicle that is plugged in lets go in `at`: no more than the rest of its
/// stay can put back. The charging itself is left to the plan, which knows the site's line.
#[must_use]
pub fn need(
    nature: &Nature,
    last: Option<&Reading>,
    at: Interval,
    interval_s: u32,
) -> Option<Need> {
    let Nature::Vehicle(Vehicle { store, .. }) = nature else { return None };
    let reading = last?;
    let stay = reading.stays.iter().find(|stay| stay.arrival <= at && at < stay.departure)?;
    let later = u64::from(stay.departure.0.saturating_sub(at.0 + 1));
    let drawn_wh = later.saturating_mul(energy_wh(store.charge_w, interval_s));
    let back_wh = part(drawn_wh, store.eta_charge_ppm, PPM);
    let held_wh = reading.stored_wh?.saturating_add(back_wh).saturating_add(NEED_TOLERANCE_WH);
    let spare_wh = held_wh.saturating_sub(stay.departure_wh.min(store.capacity_wh));
    let produce_most_wh = part(spare_wh, store.eta_discharge_ppm, PPM);
    Some(Need { consume_least_wh: 0, produce_most_wh })
}

fn part(wh: u64, num: u32, den: u32) -> u64 {
    let scaled = u128::from(wh) * u128::from(num) / u128::from(den.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// Whether a vehicle is at its charger in `at`, as far as it has said.
fn is_plugged(last: Option<&Reading>, at: Interval) -> bool {
    last.is_some_and(|r| r.stays.iter().any(|stay| stay.arrival <= at && at < stay.departure))
}

/// Charging and discharging power, or the rating; W.
pub fn ratings(nature: &Nature) -> (u64, u64) {
    match nature {
        Nature::Load | Nature::Deferrable => (ABSURD_WH_PER_H, 0),
        Nature::Solar { rated_w } | Nature::Wind { rated_w } => (0, *rated_w),
        Nature::Battery(store) => (store.charge_w, store.discharge_w),
        Nature::Vehicle(vehicle) => (vehicle.store.charge_w, vehicle.store.discharge_w),
        Nature::Station { line_w, .. } => (*line_w, *line_w),
        Nature::Meter => (ABSURD_WH_PER_H, ABSURD_WH_PER_H),
    }
}

/// Twice the rating and one step of a register: a name-plate is no ceiling, and what gives also
/// takes a little in standby.
fn generous(power_w: u64, elapsed_ms: u64) -> u64 {
    let most = u128::from(power_w) * 2 * u128::from(elapsed_ms) / 3_600_000;
    u64::try_from(most).unwrap_or(u64::MAX).saturating_add(REGISTER_STEP_WH)
}

fn stored(store: &Storage, sample: &Telemetry) -> Result<(), Refusal> {
    let most = store.capacity_wh + store.capacity_wh / 50 + 10;
    match sample.stored_wh {
        Some(wh) if wh <= most => Ok(()),
        _ => Err(Refusal::Storage),
    }
}

fn stays(nature: &Nature, sample: &Telemetry) -> Result<(), Refusal> {
    let is_vehicle = matches!(nature, Nature::Vehicle(_));
    let in_order = sample.stays.windows(2).all(|two| two[0].departure <= two[1].arrival);
    let forward = sample.stays.iter().all(|stay| stay.arrival < stay.departure);
    let is_sound = sample.stays.is_empty() || (is_vehicle && in_order && forward);
    if is_sound { Ok(()) } else { Err(Refusal::Stays) }
}

fn jobs(nature: &Nature, sample: &Telemetry) -> Result<(), Refusal> {
    let is_deferrable = matches!(nature, Nature::Deferrable);
    let forward = sample.jobs.iter().all(|job| job.from < job.until);
    let is_sound = sample.jobs.is_empty() || (is_deferrable && forward);
    if is_sound { Ok(()) } else { Err(Refusal::Jobs) }
}
