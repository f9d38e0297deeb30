//! What the homes of a scenario own, and the weather they live in.

use gridpact_agents::resource::nature::V2g;
use serde::{Deserialize, Serialize};

use super::decimal::Millionths;
use super::words::or_none;

/// What the homes own (`[sites]`); shares are of all homes, ranges are drawn evenly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SiteMix {
    /// Share of homes with photovoltaics.
    pub pv_share: f64,
    /// Size of a photovoltaic generator, kWp.
    pub pv_kwp: [f64; 2],
    /// Share of homes with a wind turbine; none of them has photovoltaics.
    pub wind_share: f64,
    /// Size of a wind turbine, kW.
    pub wind_kw: [f64; 2],
    /// Median consumption of a generated home, kWh a day.
    pub load_kwh_day: f64,
    /// Spread of that consumption between homes (sigma of a lognormal).
    pub load_sigma: f64,
    /// Share of generated homes with a load that can wait.
    pub deferrable_share: f64,
    /// Energy of such a load, kWh a day.
    pub deferrable_kwh: [f64; 2],
    /// Length of its window, hours.
    pub deferrable_window_h: [f64; 2],
    /// Its power, kW.
    pub deferrable_kw: [f64; 2],
    /// Share of homes with a battery.
    pub bess_share: f64,
    /// Capacity of a battery, kWh.
    pub bess_kwh: [f64; 2],
    /// Power of a battery, kW.
    pub bess_kw: f64,
    /// Charge a battery never gives away, as a share of its capacity.
    pub bess_floor: f64,
    /// Share of homes with a vehicle.
    pub ev_share: f64,
    /// Capacity of a generated vehicle, kWh.
    pub ev_kwh: [f64; 2],
    /// Power of its charger, kW.
    pub ev_kw: f64,
    /// Its charge at the first midnight, as a share.
    pub ev_initial: [f64; 2],
    /// Charge it never gives away, as a share.
    pub ev_reserve: [f64; 2],
    /// Hour at which it leaves.
    pub ev_leaves_h: [f64; 2],
    /// Hour at which it is back.
    pub ev_back_h: [f64; 2],
    /// Energy of a day's driving, kWh.
    pub ev_trip_kwh: f64,
    /// Whether vehicles may discharge.
    pub v2g: bool,
    /// Share of vehicles whose drivers consent to that.
    pub v2g_consent_share: f64,
    /// Charge below which they give nothing, as a share of the capacity.
    pub v2g_floor: f64,
    /// Charge of a range that they never sell, as a share of the capacity; the larger one counts.
    pub v2g_never_sold: f64,
    /// Most power they give, kW; none = the charger's.
    #[serde(with = "or_none")]
    pub v2g_kw: Option<f64>,
    /// Hours of the local clock between which they may give, such as `[[17.0, 21.0]]`; a range whose
    /// end comes first goes past midnight; without any at all hours.
    pub v2g_hours: Vec<[f64; 2]>,
    /// Most they give on a local day, kWh; none = no limit.
    #[serde(with = "or_none")]
    pub v2g_kwh_per_day: Option<f64>,
    /// They give only while the retail price is at least this, currency per kWh; none = always.
    #[serde(with = "or_none")]
    pub v2g_price_floor: Option<Millionths>,
    /// Share of stays whose driver wants the battery full now: told what that costs on arrival, he
    /// accepts it an interval later.
    pub ev_full_now_share: f64,
    /// How many sites, the last ones, are charging stations instead of homes.
    pub stations: u32,
    /// Connectors of a station, each with a vehicle of its own.
    pub station_connectors: u32,
    /// Most through a station's line, kW.
    pub station_line_kw: f64,
    /// Efficiency of charging a battery.
    pub eta_charge: Millionths,
    /// Efficiency of discharging a battery.
    pub eta_discharge: Millionths,
    /// Efficiency of charging a vehicle.
    pub ev_eta_charge: Millionths,
    /// Efficiency of discharging a vehicle.
    pub ev_eta_discharge: Millionths,
    /// Wear, currency per kWh discharged.
    pub wear: Millionths,
    /// Most a home may take from the network, W.
    pub import_limit_w: u64,
    /// Most a home may give to the network, W.
    pub export_limit_w: u64,
}

/// Weather of generated days (`[generation]`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GenerationSettings {
    /// Mean of the daily cloud factor: 0.9 is a clear summer, 0.52 a mean year.
    pub cloud_factor: f64,
    /// Output over rated power in full sun.
    pub performance: f64,
    /// Hours between which the sun shines.
    pub sun_h: [f64; 2],
    /// Level the wind returns to, 0 to 1.
    pub wind_level: f64,
    /// How much of the wind's variance all homes share, 0 to 1: 0 lets every turbine have its own
    /// weather, 1 the same.
    pub wind_common: f64,
    /// How far single intervals stray from the home's day profile (sigma of a lognormal).
    pub load_noise: f64,
    /// How far days stray from each other (sigma of a lognormal).
    pub day_noise: f64,
}

impl Default for GenerationSettings {
    fn default() -> Self {
        Self {
            cloud_factor: 0.9,
            performance: 0.78,
            sun_h: [5.8, 19.0],
            wind_level: 0.35,
            wind_common: 0.5,
            load_noise: 0.35,
            day_noise: 0.15,
        }
    }
}

impl SiteMix {
    /// The conditions of a driver who consents, for a battery of `capacity_wh`.
    #[must_use]
    pub fn v2g_conditions(&self, capacity_wh: u64) -> V2g {
        let wh = |share: f64| (capacity_wh as f64 * share).round() as u64;
        let kilo = |kilo: f64| (kilo * 1e3).round() as u64;
        let minute = |hour: f64| (hour * 60.0).round() as u32;
        V2g {
            floor_wh: wh(self.v2g_floor),
            never_sold_wh: wh(self.v2g_never_sold),
            discharge_w: self.v2g_kw.map(kilo),
            hours: self.v2g_hours.iter().map(|range| range.map(minute)).collect(),
            energy_per_day_wh: self.v2g_kwh_per_day.map(kilo),
            price_floor: self.v2g_price_floor.map(Millionths::price),
        }
    }
}

impl Default for SiteMix {
    fn default() -> Self {
        Self {
            pv_share: 0.55,
            pv_kwp: [3.0, 7.0],
            wind_share: 0.45,
            wind_kw: [2.0, 5.0],
            load_kwh_day: 18.0,
            load_sigma: 0.35,
            deferrable_share: 0.4,
            deferrable_kwh: [1.0, 3.0],
            deferrable_window_h: [6.0, 12.0],
            deferrable_kw: [0.5, 2.0],
            bess_share: 0.3,
            bess_kwh: [5.0, 15.0],
            bess_kw: 5.0,
            bess_floor: 0.1,
            ev_share: 0.5,
            ev_kwh: [15.0, 100.0],
            ev_kw: 7.4,
            ev_initial: [0.5, 0.9],
            ev_reserve: [0.3, 0.5],
            ev_leaves_h: [7.0, 9.0],
            ev_back_h: [16.0, 19.0],
            ev_trip_kwh: 8.0,
            v2g: true,
            v2g_consent_share: 1.0,
            v2g_floor: 0.0,
            v2g_never_sold: 0.0,
            v2g_kw: None,
            v2g_hours: Vec::new(),
            v2g_kwh_per_day: None,
            v2g_price_floor: None,
            ev_full_now_share: 0.0,
            stations: 0,
            station_connectors: 3,
            station_line_kw: 11.0,
            eta_charge: Millionths(933_000),
            eta_discharge: Millionths(933_000),
            ev_eta_charge: Millionths(933_000),
            ev_eta_discharge: Millionths(933_000),
            wear: Millionths(60_000),
            import_limit_w: 15_000,
            export_limit_w: 5_000,
        }
    }
}
