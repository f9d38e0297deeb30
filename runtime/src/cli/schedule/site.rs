//! One site as its JSON file says it. Powers are W at the meter, energies Wh, prices in the currency
//! per kWh; intervals are indices from 0, ranges end before their second number.

use serde::Deserialize;

/// A site and its horizon of `import_price.len()` intervals.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Site {
    /// Length of an interval in hours, above 0 and at most 24.
    pub dt_h: f64,
    /// What a kWh from the grid costs, per interval.
    pub import_price: Vec<f64>,
    /// What a kWh into the grid earns, per interval.
    pub export_price: Vec<f64>,
    /// Fixed load per interval.
    pub load_w: Vec<f64>,
    /// Photovoltaic output per interval before curtailment; none where it is left out.
    #[serde(default)]
    pub solar_w: Vec<f64>,
    /// Wind output per interval before curtailment; none where it is left out.
    #[serde(default)]
    pub wind_w: Vec<f64>,
    /// Most the connection imports.
    pub import_limit_w: f64,
    /// Most the connection exports.
    pub export_limit_w: f64,
    /// Batteries and vehicles.
    #[serde(default)]
    pub storages: Vec<Storage>,
    /// Loads that can wait.
    #[serde(default)]
    pub deferrables: Vec<Deferrable>,
    /// Signed contracts.
    #[serde(default)]
    pub obligations: Vec<Obligation>,
    /// Charging stations: storages behind one line.
    #[serde(default)]
    pub stations: Vec<Station>,
    /// Intervals at which a local day begins, for rations per day; every 24 hours from interval 0
    /// where it is left out. Days of 23 and 25 hours are said here.
    #[serde(default)]
    pub day_starts: Option<Vec<usize>>,
}

/// What kind of storage it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Always there.
    #[serde(alias = "bess", alias = "stationary", alias = "stationary_battery")]
    Battery,
    /// There while a session lasts.
    #[serde(alias = "ev")]
    Vehicle,
}

/// A battery or a vehicle.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Storage {
    pub kind: Kind,
    pub capacity_wh: f64,
    /// Powers it can take, charging above 0 and discharging below; 0 is always among them. A range
    /// that begins above 0 is met by running part of an interval.
    pub power_ranges_w: Vec<[f64; 2]>,
    /// Stored over drawn energy, above 0 and at most 1.
    pub eta_c: f64,
    /// Delivered over stored energy, above 0 and at most 1.
    pub eta_d: f64,
    /// Stored energy it never goes below.
    #[serde(default)]
    pub floor_wh: f64,
    /// Stored energy at the start; needless where a session's arrival says it.
    #[serde(default)]
    pub initial_wh: Option<f64>,
    /// Wear per kWh discharged, at the meter.
    #[serde(default)]
    pub wear_per_kwh: f64,
    /// Worth of each kWh stored at the end of the horizon.
    #[serde(default)]
    pub terminal_value_per_kwh: f64,
    /// When a vehicle is plugged in; always where it is left out.
    #[serde(default)]
    pub sessions: Option<Vec<Session>>,
    /// Under what conditions it gives energy back; as its powers say where it is left out.
    #[serde(default)]
    pub v2g: Option<V2g>,
    /// Charge to the full at once, whatever it costs; no V2G.
    #[serde(default)]
    pub full_now: bool,
}

/// One stay at the charger.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Session {
    /// First interval in which it is plugged in.
    pub arrive: usize,
    /// First interval in which it is gone; at most the number of intervals.
    pub depart: usize,
    /// Stored energy on arrival. Left out, it is `initial_wh` in the first session, and in a later
    /// one what the trip before it left.
    #[serde(default)]
    pub arrival_wh: Option<f64>,
    /// Stored energy due at departure.
    #[serde(default)]
    pub departure_wh: f64,
    /// Energy the trip after this session takes; only where the next session says no arrival.
    #[serde(default)]
    pub trip_wh: Option<f64>,
}

/// The driver's consent to give energy back, and its conditions.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct V2g {
    /// Without it nothing is ever discharged.
    pub consent: bool,
    /// Nothing is discharged below this much stored energy.
    #[serde(default)]
    pub floor_wh: f64,
    /// The energy of a range that is never sold: a second floor, the larger one counts.
    #[serde(default)]
    pub never_sold_wh: f64,
    /// Most it gives; its powers say it where it is left out.
    #[serde(default)]
    pub discharge_w: Option<f64>,
    /// Ranges of intervals in which it may give; all where it is left out.
    #[serde(default)]
    pub hours: Option<Vec<[usize; 2]>>,
    /// Most it gives within a day, at the meter.
    #[serde(default)]
    pub energy_per_day_wh: Option<f64>,
    /// It gives only in intervals whose import price is at least this.
    #[serde(default)]
    pub price_floor_per_kwh: Option<f64>,
}

/// A load that can wait.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deferrable {
    pub energy_wh: f64,
    /// First interval in which it may run.
    pub from: usize,
    /// One past the last; at most the number of intervals.
    pub to: usize,
    pub power_w: f64,
    /// Whether, once started, it runs at full power until its energy is spent.
    #[serde(default)]
    pub run_once: bool,
}

/// A signed contract in one interval; several in one interval add up.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Obligation {
    pub interval: usize,
    /// Bought above 0, sold below.
    pub wh: f64,
}

/// Connectors under one line limit.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Station {
    /// Most through the line, either way.
    pub limit_w: f64,
    /// Indices of the storages behind it.
    pub storages: Vec<usize>,
}

impl Site {
    /// Number of intervals.
    pub fn horizon(&self) -> usize {
        self.import_price.len()
    }

    /// Ranges of intervals that are local days.
    pub fn days(&self) -> Vec<[usize; 2]> {
        let n = self.horizon();
        let per_day = ((24.0 / self.dt_h).round() as usize).max(1);
        let mut starts = match &self.day_starts {
            Some(starts) => starts.clone(),
            None => (0..n).step_by(per_day).collect(),
        };
        if starts.first() != Some(&0) {
            starts.insert(0, 0);
        }
        let ends = starts[1..].iter().copied().chain([n]);
        starts.iter().copied().zip(ends).map(|(from, until)| [from, until]).collect()
    }
}
