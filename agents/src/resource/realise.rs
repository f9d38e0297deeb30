//! From energy per interval to what a device can be told: a power it can hold, for part of the time.
//!
//! Power ranges are lists, so that "0 or 1.4 to 11 kW" is said exactly; the plan is energy per
//! interval. What would run at less than a range's least power runs at that power for part of the
//! interval; what would run for less than the least time moves on to the next interval, and that is
//! stated. Nothing here exceeds what was asked.

use serde::{Deserialize, Serialize};

/// Shortest time a device switches on for, s; the whole interval where that is shorter.
pub const MIN_ON_S: u32 = 300;
/// Smallest power a vehicle's charger can hold, W.
pub const CHARGER_MIN_W: u64 = 1_400;
/// Most ranges of one device.
pub const RANGES_MAX: usize = 32;

/// Why a list of power ranges is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RangesError {
    /// A range runs backwards.
    #[error("power range {lo} to {hi} W runs backwards, give the smaller power first")]
    Backwards {
        /// Its first power.
        lo: u64,
        /// Its second power.
        hi: u64,
    },
    /// A range begins within the one before it.
    #[error("power range that begins at {lo} W does not lie above {hi} W, list ranges in order")]
    Overlap {
        /// Where it begins.
        lo: u64,
        /// Where the one before ends.
        hi: u64,
    },
    /// Too many.
    #[error("{0} power ranges exceed the limit of 32, join neighbouring ones")]
    TooMany(usize),
}

/// The powers a device can hold in one direction, W: ranges in order, none touching another. Off is
/// always possible and need not be listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub struct PowerRanges(Vec<(u64, u64)>);

/// How an interval's energy is realised; `energy_wh + carried_wh + clipped_wh` is what was asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Realised {
    /// The power to hold while on, W.
    pub power_w: u64,
    /// For how long, from the start of the interval, s.
    pub on_s: u32,
    /// What comes of that, whole Wh.
    pub energy_wh: u64,
    /// Too little to switch on for: moves on to the next interval, Wh.
    pub carried_wh: u64,
    /// Above the greatest power: not realised, Wh.
    pub clipped_wh: u64,
}

impl TryFrom<Vec<(u64, u64)>> for PowerRanges {
    type Error = RangesError;

    fn try_from(ranges: Vec<(u64, u64)>) -> Result<Self, RangesError> {
        if ranges.len() > RANGES_MAX {
            return Err(RangesError::TooMany(ranges.len()));
        }
        if let Some((lo, hi)) = ranges.iter().find(|(lo, hi)| lo > hi) {
            return Err(RangesError::Backwards { lo: *lo, hi: *hi });
        }
        match ranges.windows(2).find(|two| two[1].0 <= two[0].1) {
            Some(two) => Err(RangesError::Overlap { lo: two[1].0, hi: two[0].1 }),
            None => Ok(Self(ranges)),
        }
    }
}

impl From<PowerRanges> for Vec<(u64, u64)> {
    fn from(ranges: PowerRanges) -> Self {
        ranges.0
    }
}

impl PowerRanges {
    /// Any power up to `most_w`.
    #[must_use]
    pub fn up_to(most_w: u64) -> Self {
        Self(vec![(0, most_w)])
    }

    /// A vehicle's charger: off, or from its least power to `most_w`.
    #[must_use]
    pub fn charger(most_w: u64) -> Self {
        Self(vec![(CHARGER_MIN_W.min(most_w), most_w)])
    }

    /// Whether a device can hold `power_w`; 0 is off.
    #[must_use]
    pub fn holds(&self, power_w: u64) -> bool {
        power_w == 0 || self.0.iter().any(|(lo, hi)| (*lo..=*hi).contains(&power_w))
    }

    /// What of them lies at or below `most_w`.
    #[must_use]
    pub fn below(&self, most_w: u64) -> Self {
        let kept = self.0.iter().filter(|(lo, _)| *lo <= most_w);
        Self(kept.map(|(lo, hi)| (*lo, (*hi).min(most_w))).collect())
    }

    /// The smallest energy above 0 that can be realised in an interval, Wh, rounded up.
    #[must_use]
    pub fn least_wh(&self, interval_s: u32) -> u64 {
        let on_s = u128::from(MIN_ON_S.min(interval_s));
        let least = self.0.first().map_or(0, |(lo, _)| (u128::from(*lo) * on_s).div_ceil(3600));
        u64::try_from(least).unwrap_or(u64::MAX)
    }

    /// How `wanted_wh` is realised in an interval of `interval_s` seconds (at most an hour, so that
    /// whole watts can tell whole Wh apart).
    #[must_use]
    pub fn realise(&self, wanted_wh: u64, interval_s: u32) -> Realised {
        let interval_s = interval_s.clamp(1, 3600);
        let most_w = self.0.last().map_or(0, |(_, hi)| *hi);
        let asked_wh = wanted_wh.min(energy_wh(most_w, interval_s));
        let mean_w = power_w(asked_wh, interval_s);
        let (power_w, on_s) = self.choose(asked_wh, mean_w, interval_s);
        let energy = energy_wh(power_w, on_s).min(asked_wh);
        let is_off = energy == 0;
        Realised {
            power_w: if is_off { 0 } else { power_w },
            on_s: if is_off { 0 } else { on_s },
            energy_wh: energy,
            carried_wh: asked_wh - energy,
            clipped_wh: wanted_wh - asked_wh,
        }
    }

    /// The mean power where the device can hold it; else the range above for part of the time; else,
    /// when that is too short, the range below for all of it.
    fn choose(&self, asked_wh: u64, mean_w: u64, interval_s: u32) -> (u64, u32) {
        if asked_wh == 0 {
            return (0, 0);
        }
        if self.0.iter().any(|(lo, hi)| (*lo..=*hi).contains(&mean_w)) {
            return (mean_w, interval_s);
        }
        if let Some((lo, hi)) = self.0.iter().find(|(lo, _)| *lo > mean_w) {
            let on_s = u128::from(asked_wh) * 3600 / u128::from(*lo);
            let on_s = u32::try_from(on_s).unwrap_or(u32::MAX).min(interval_s);
            if on_s >= MIN_ON_S.min(interval_s) {
                return (power_w(asked_wh, on_s).clamp(*lo, *hi), on_s);
            }
        }
        let below = self.0.iter().rev().find(|(_, hi)| *hi < mean_w);
        below.map_or((0, 0), |(_, hi)| (*hi, interval_s))
    }
}

/// Whole Wh of `power_w` over `on_s` seconds.
fn energy_wh(power_w: u64, on_s: u32) -> u64 {
    u64::try_from(u128::from(power_w) * u128::from(on_s) / 3600).unwrap_or(u64::MAX)
}

/// The power that gives `wh` in `on_s` seconds, rounded up: within an hour its whole Wh are `wh`.
fn power_w(wh: u64, on_s: u32) -> u64 {
    let power = (u128::from(wh) * 3600).div_ceil(u128::from(on_s.max(1)));
    u64::try_from(power).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "realise_tests.rs"]
mod tests;
