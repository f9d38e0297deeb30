//! What a device can do, never what brand it is.

use gridpact_chain::terms::{Interval, Price};
use serde::{Deserialize, Serialize};

/// A store of energy: stationary battery, or the traction battery of a vehicle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    /// Usable capacity in Wh.
    pub capacity_wh: u64,
    /// Charging power limit at the meter in W.
    pub charge_w: u64,
    /// Discharging power limit at the meter in W; 0 where it may not discharge.
    pub discharge_w: u64,
    /// Stored over drawn energy, ppm.
    pub eta_charge_ppm: u32,
    /// Delivered over stored energy, ppm.
    pub eta_discharge_ppm: u32,
    /// Energy never given away, ppm of capacity.
    pub floor_ppm: u32,
    /// Wear per kWh discharged.
    pub wear: Price,
}

/// A job that may run at any time of its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deferrable {
    /// First interval in which it may run.
    pub from: Interval,
    /// One past the last interval in which it may run.
    pub until: Interval,
    /// Energy it still needs, Wh.
    pub energy_wh: u64,
    /// Power limit in W.
    pub power_w: u64,
    /// Whether, once started, it runs at full power until its energy is spent; else it may pause.
    /// Of one that runs the driver reports the rest, in a window just long enough for it.
    #[serde(default)]
    pub is_run_once: bool,
}

/// One stay of a vehicle at the charger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    /// First interval in which it is plugged in.
    pub arrival: Interval,
    /// One past the last interval in which it is plugged in.
    pub departure: Interval,
    /// Energy that must be in the battery at departure, Wh.
    pub departure_wh: u64,
    /// Energy used on the road between this departure and the next arrival, Wh.
    pub trip_wh: u64,
}

/// What a device can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Nature {
    /// Consumes as it likes.
    Load,
    /// Runs jobs that can wait.
    Deferrable,
    /// Photovoltaic generator of this many W peak; can be curtailed.
    Solar {
        /// Rated power in W.
        rated_w: u64,
    },
    /// Wind turbine of this many W; can be curtailed.
    Wind {
        /// Rated power in W.
        rated_w: u64,
    },
    /// Stationary battery.
    Battery(Storage),
    /// Electric vehicle behind its charger; discharges (V2G) where its `discharge_w` is above 0.
    Vehicle(Storage),
    /// Measures the connection only.
    Meter,
}
