//! Charging sessions of real drivers, and the cars that can give back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::DatasetError;
use super::table::Table;

/// One stay of a vehicle at its charger.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Session {
    /// Plugged in, seconds since 1970.
    pub arrival_s: i64,
    /// Unplugged, seconds since 1970.
    pub departure_s: i64,
    /// Metered energy, kWh.
    pub energy_kwh: f64,
    /// Estimated power, kW.
    pub power_kw: f64,
    /// Estimated charge at arrival plus estimated gain, share of the battery, at most 1.
    pub departure_share: f64,
}

/// A car model.
#[derive(Debug, Clone, PartialEq)]
pub struct CarModel {
    /// Its name.
    pub name: String,
    /// Battery, kWh.
    pub battery_kwh: f64,
    /// Charging limit, kW.
    pub charge_kw: f64,
    /// Discharging limit, kW.
    pub discharge_kw: f64,
}

/// Sessions of every user, by user and then by arrival, and how many were left out because they
/// overlap the same user's session before.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sessions {
    /// Sessions by user.
    pub by_user: BTreeMap<String, Vec<Session>>,
    /// Sessions left out.
    pub overlapping: u32,
}

/// Longest stay, hours; a vehicle that is plugged in for longer is parked, not charged.
const CONNECTED_MAX_H: f64 = 24.0 * 31.0;

/// Reads `sessions.csv`.
///
/// # Errors
/// Any cell that is missing or impossible, or an arrival before the one above it.
pub fn read(file: &Path) -> Result<Sessions, DatasetError> {
    let needs = [
        "session",
        "user",
        "site",
        "arrival_utc",
        "departure_utc",
        "energy_kWh",
        "connected_h",
        "est_charge_power_kW",
        "est_battery_kWh",
        "est_soc_arrival_pct",
        "est_soc_gain_pct",
    ];
    let table = Table::read(file, &needs)?;
    let mut columns = Vec::new();
    for need in needs {
        columns.push(table.column(need)?);
    }
    let mut seen = BTreeSet::new();
    let mut sessions = Sessions::default();
    let mut last_s = i64::MIN;
    for row in table.rows() {
        let id = row.text(columns[0])?;
        if !seen.insert(id) {
            return Err(row.error(columns[0], format!("`{id}` is there twice")));
        }
        let (user, _) = (row.text(columns[1])?, row.text(columns[2])?);
        let (arrival_s, departure_s) = (row.instant(columns[3])?, row.instant(columns[4])?);
        if arrival_s < last_s {
            return Err(row.error(columns[3], "the arrival is before the row above"));
        }
        last_s = arrival_s;
        if departure_s <= arrival_s {
            return Err(row.error(columns[4], "the departure is not after the arrival"));
        }
        // The same bound as for meters: 100 kWh per half hour, and never more than a lorry holds.
        let hours = (departure_s - arrival_s) as f64 / 3600.0;
        let energy_kwh = row.number(columns[5], 0.0, (200.0 * hours).min(1_000.0))?;
        if hours > CONNECTED_MAX_H {
            let problem = format!("the stay is longer than {CONNECTED_MAX_H} h");
            return Err(row.error(columns[4], problem));
        }
        row.number(columns[6], 0.0, CONNECTED_MAX_H)?;
        let power_kw = row.number(columns[7], 0.0, 400.0)?;
        row.number(columns[8], 0.1, 1_000.0)?;
        let arrival_pct = row.number(columns[9], 0.0, 100.0)?;
        let gain_pct = row.number(columns[10], 0.0, 200.0)?;
        let session = Session {
            arrival_s,
            departure_s,
            energy_kwh,
            power_kw,
            departure_share: ((arrival_pct + gain_pct) / 100.0).min(1.0),
        };
        let earlier = sessions.by_user.entry(user.to_owned()).or_default();
        if earlier.last().is_some_and(|before| before.departure_s > arrival_s) {
            sessions.overlapping += 1;
        } else {
            earlier.push(session);
        }
    }
    Ok(sessions)
}

/// Reads `v2g_models.csv`.
///
/// # Errors
/// Any cell that is missing or impossible.
pub fn read_models(file: &Path) -> Result<Vec<CarModel>, DatasetError> {
    let needs = [
        "model",
        "battery_kWh",
        "ac_charge_kW",
        "dc_charge_kW",
        "ac_discharge_kW",
        "dc_discharge_kW",
    ];
    let table = Table::read(file, &needs)?;
    let mut columns = Vec::new();
    for need in needs {
        columns.push(table.column(need)?);
    }
    let mut models = Vec::new();
    for row in table.rows() {
        row.number(columns[3], 0.0, 2_000.0)?;
        row.number(columns[5], 0.0, 2_000.0)?;
        models.push(CarModel {
            name: row.text(columns[0])?.to_owned(),
            battery_kwh: row.number(columns[1], 0.1, 1_000.0)?,
            charge_kw: row.number(columns[2], 0.1, 400.0)?,
            discharge_kw: row.number(columns[4], 0.0, 400.0)?,
        });
    }
    Ok(models)
}
