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

/// Powers a device can hold, in W. "0 or 1.4 to 11 kW" is one range, from 1 400 to 11 000: off is
/// always possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PowerRange {
    /// The least of them.
    pub least_w: u64,
    /// The most of them.
    pub most_w: u64,
}

/// How a device realises the energy of an interval: one power, from the interval's start on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Power in W.
    pub power_w: u64,
    /// How long, in seconds; at most the interval.
    pub seconds: u32,
}

/// Shorter than this no device is switched on (protocol 3.2).
pub const ON_TIME_MIN_S: u32 = 300;

/// Realises `energy_wh` within an interval of `interval_s` seconds: at one power throughout where a
/// range holds it, else at the next higher least power for part of the interval, or at the highest
/// power throughout where that is too little. `None` where it would run less than
/// [`ON_TIME_MIN_S`]: the energy moves on to a later interval.
#[must_use]
pub fn realise(ranges: &[PowerRange], energy_wh: u64, interval_s: u32) -> Option<Run> {
    if energy_wh == 0 || interval_s == 0 {
        return None;
    }
    let watt_seconds = u128::from(energy_wh) * 3600;
    let throughout = u64::try_from(watt_seconds / u128::from(interval_s)).unwrap_or(u64::MAX);
    let holds = |range: &&PowerRange| range.least_w <= throughout && throughout <= range.most_w;
    if ranges.iter().any(|range| holds(&range)) {
        return Some(Run { power_w: throughout, seconds: interval_s });
    }
    let above = ranges.iter().map(|range| range.least_w).filter(|w| *w > throughout).min();
    let Some(power_w) = above else {
        let most = ranges.iter().map(|range| range.most_w).max().filter(|w| *w > 0)?;
        return Some(Run { power_w: most, seconds: interval_s });
    };
    let seconds = u32::try_from(watt_seconds / u128::from(power_w)).unwrap_or(interval_s);
    (seconds >= ON_TIME_MIN_S).then_some(Run { power_w, seconds })
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

#[cfg(test)]
mod tests {
    use super::*;

    const CHARGER: [PowerRange; 1] = [PowerRange { least_w: 1_400, most_w: 11_000 }];

    #[test]
    fn energy_within_the_range_is_one_power_throughout() {
        let run = realise(&CHARGER, 2_000, 1_800);
        assert_eq!(run, Some(Run { power_w: 4_000, seconds: 1_800 }));
    }

    #[test]
    fn less_than_the_least_runs_part_of_the_interval() {
        let run = realise(&CHARGER, 350, 1_800);
        assert_eq!(run, Some(Run { power_w: 1_400, seconds: 900 }));
    }

    #[test]
    fn less_than_the_least_time_moves_on() {
        // 1 400 W for five minutes are 116.7 Wh.
        assert_eq!(realise(&CHARGER, 116, 1_800), None);
        assert_eq!(realise(&CHARGER, 117, 1_800).map(|run| run.seconds), Some(300));
        assert_eq!(realise(&CHARGER, 0, 1_800), None);
    }

    #[test]
    fn between_two_ranges_the_higher_one_runs_shorter() {
        let steps = [
            PowerRange { least_w: 1_000, most_w: 1_000 },
            PowerRange { least_w: 3_000, most_w: 3_000 },
        ];
        let run = realise(&steps, 1_000, 1_800);
        assert_eq!(run, Some(Run { power_w: 3_000, seconds: 1_200 }));
    }

    #[test]
    fn more_than_the_most_is_the_most() {
        let run = realise(&CHARGER, 9_000, 1_800);
        assert_eq!(run, Some(Run { power_w: 11_000, seconds: 1_800 }));
        assert_eq!(realise(&[], 100, 1_800), None, "a device without power");
    }
}
