//! What a device can do, never what brand it is.

use gridpact_chain::terms::{Interval, Money, Price};
use serde::{Deserialize, Serialize};

use super::reading::DeviceIndex;

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

/// A vehicle behind its charger, with what its driver lets others have of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vehicle {
    /// Its battery and charger.
    pub store: Storage,
    /// Under what conditions it gives energy back; without consent it never does.
    #[serde(default)]
    pub v2g: Option<V2g>,
}

/// A driver's consent to give energy back, and its conditions; the default has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct V2g {
    /// Nothing is discharged below this much stored energy, Wh; driving may go below it.
    #[serde(default)]
    pub floor_wh: u64,
    /// The energy of a range that is never sold, Wh: a second floor, the larger one counts.
    #[serde(default)]
    pub never_sold_wh: u64,
    /// Most power it gives, W; the charger's where it is left out.
    #[serde(default)]
    pub discharge_w: Option<u64>,
    /// Minutes of the local clock, `[from, until]` of 0 to 1 440, between which it may give; one whose
    /// end comes first goes past midnight. Without any it may at all times. An interval counts only
    /// as a whole.
    #[serde(default)]
    pub hours: Vec<[u32; 2]>,
    /// Most it gives within a local day, Wh at the meter.
    #[serde(default)]
    pub energy_per_day_wh: Option<u64>,
    /// It gives only in intervals whose retail price is at least this.
    #[serde(default)]
    pub price_floor: Option<Price>,
}

impl Vehicle {
    /// One whose driver lets it give all that its powers allow.
    #[must_use]
    pub fn consenting(store: Storage) -> Self {
        Self { store, v2g: Some(V2g::default()) }
    }

    /// Most power it gives, W; 0 without consent.
    #[must_use]
    pub fn discharge_w(&self) -> u64 {
        let Some(v2g) = &self.v2g else { return 0 };
        v2g.discharge_w.map_or(self.store.discharge_w, |w| w.min(self.store.discharge_w))
    }

    /// Stored energy below which it gives nothing, Wh.
    #[must_use]
    pub fn kept_wh(&self) -> u64 {
        let part =
            u128::from(self.store.capacity_wh) * u128::from(self.store.floor_ppm) / 1_000_000;
        let own = u64::try_from(part).unwrap_or(u64::MAX);
        own.max(self.v2g.as_ref().map_or(0, V2g::kept_wh))
    }
}

impl V2g {
    /// Stored energy below which its conditions let nothing go, Wh.
    #[must_use]
    pub fn kept_wh(&self) -> u64 {
        self.floor_wh.max(self.never_sold_wh)
    }

    /// Whether all of `length` minutes from minute `minute` of the local day lie in its hours.
    #[must_use]
    pub fn allows(&self, minute: u32, length: u32) -> bool {
        let end = minute.saturating_add(length);
        let holds = |[from, until]: &[u32; 2]| match from <= until {
            true => *from <= minute && end <= *until,
            false => *from <= minute || end <= *until,
        };
        self.hours.is_empty() || self.hours.iter().any(holds)
    }

    /// Whether it may not give at some time at which it is plugged in and full.
    #[must_use]
    pub fn is_timed(&self) -> bool {
        !self.hours.is_empty() || self.energy_per_day_wh.is_some() || self.price_floor.is_some()
    }
}

/// A driver's wish to have the battery full as soon as can be, until the present stay ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FullNow {
    /// Most extra cost he accepts; none = he only asks what it would cost.
    #[serde(default)]
    pub at_most: Option<Money>,
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
    /// Electric vehicle behind its charger; discharges (V2G) where its `discharge_w` is above 0 and
    /// its driver consents.
    Vehicle(Vehicle),
    /// Charging station: connectors behind one line. It meters nothing itself.
    Station {
        /// Most through the line, either way, W.
        line_w: u64,
        /// The storages behind it, by their numbers within the site.
        connectors: Vec<DeviceIndex>,
    },
    /// Measures the connection only.
    Meter,
}

impl Nature {
    /// A vehicle whose driver lets it give all that its powers allow.
    #[must_use]
    pub fn vehicle(store: Storage) -> Self {
        Self::Vehicle(Vehicle::consenting(store))
    }

    /// The storage in it, if it is one.
    #[must_use]
    pub fn storage(&self) -> Option<&Storage> {
        match self {
            Self::Battery(store) | Self::Vehicle(Vehicle { store, .. }) => Some(store),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_may_pass_midnight_and_hold_whole_intervals_only() {
        let evening = V2g { hours: vec![[1_020, 1_260]], ..V2g::default() };
        assert!(evening.allows(1_020, 30) && evening.allows(1_230, 30));
        assert!(!evening.allows(1_005, 30) && !evening.allows(1_245, 30));
        let night = V2g { hours: vec![[1_320, 360]], ..V2g::default() };
        assert!(night.allows(1_410, 30) && night.allows(0, 30) && night.allows(330, 30));
        assert!(!night.allows(345, 30) && !night.allows(720, 30));
        assert!(V2g::default().allows(720, 30), "without hours at all times");
    }

    #[test]
    fn without_consent_nothing_is_given() {
        let store = Storage {
            capacity_wh: 40_000,
            charge_w: 7_400,
            discharge_w: 7_400,
            eta_charge_ppm: 933_000,
            eta_discharge_ppm: 933_000,
            floor_ppm: 200_000,
            wear: Price(0),
        };
        assert_eq!(Vehicle { store, v2g: None }.discharge_w(), 0);
        assert_eq!(Vehicle::consenting(store).discharge_w(), 7_400);
        let v2g = V2g { floor_wh: 9_000, discharge_w: Some(3_000), ..V2g::default() };
        let vehicle = Vehicle { store, v2g: Some(v2g) };
        assert_eq!((vehicle.discharge_w(), vehicle.kept_wh()), (3_000, 9_000));
    }
}
