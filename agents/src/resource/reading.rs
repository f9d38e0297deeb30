//! What devices report: registers when they like, and what the RA makes of them per interval.

use gridpact_chain::terms::{Interval, Timestamp};
use serde::{Deserialize, Serialize};

use super::nature::{Deferrable, FullNow, Stay};

/// Index of a device within its site.
pub type DeviceIndex = u16;

/// How much a sample or a reading is worth; the later the worse.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Quality {
    /// Metered, at both ends of the interval.
    #[default]
    Measured,
    /// Metered, but an end of the interval lies between two samples: the energy is shared out by
    /// time, and its sum is exact.
    Estimated,
    /// Only part of the interval was metered, or the device doubts its own sample. Such a sample is
    /// refused; such a reading is kept for the account and never reaches a plan.
    Suspect,
}

/// What a meter has counted, Wh: it only ever grows, until the meter is exchanged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Energy taken from the site.
    pub import_wh: u64,
    /// Energy given to the site.
    pub export_wh: u64,
    /// Energy a generator could have given but was told not to; 0 for what cannot count that.
    pub curtailed_wh: u64,
}

/// One sample of a device (protocol 2, Telemetry): registers, never energies of an interval.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Telemetry {
    /// When it was taken, by the node's clock.
    pub at: Timestamp,
    /// Its registers.
    pub registers: Counts,
    /// What the device thinks of it.
    pub quality: Quality,
    /// Energy stored now, Wh (storage only).
    pub stored_wh: Option<u64>,
    /// Known stays from the current one on, in order (vehicle only).
    pub stays: Vec<Stay>,
    /// Jobs not finished yet (deferrable load only).
    pub jobs: Vec<Deferrable>,
    /// What its driver wishes (vehicle only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wish: Option<FullNow>,
}

/// What a device did in one interval and how it stands at its end (protocol 2, Telemetry).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The interval that has ended.
    pub interval: Interval,
    /// How it was come by.
    pub quality: Quality,
    /// Whether an end of the interval lies too far from any sample: its energy is then an even share
    /// of a sum that is exact, and says nothing of when it was used.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_shared: bool,
    /// Energy taken from the site in it, Wh.
    pub consumed_wh: u64,
    /// Energy given to the site in it, Wh.
    pub produced_wh: u64,
    /// Energy a generator could have given but was told not to, Wh.
    pub curtailed_wh: u64,
    /// Energy stored at its end, Wh (storage only); unknown within a gap.
    pub stored_wh: Option<u64>,
    /// Known stays from the current one on, in order (vehicle only); none within a gap.
    pub stays: Vec<Stay>,
    /// Jobs not finished yet (deferrable load only); none within a gap.
    pub jobs: Vec<Deferrable>,
    /// What its driver wishes (vehicle only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wish: Option<FullNow>,
}

/// What a device shall do in one interval; lapses at its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setpoint {
    /// The interval it is meant for.
    pub interval: Interval,
    /// Energy to take from the site (charging, running a job), Wh.
    pub consume_wh: u64,
    /// Energy to give to the site (discharging), Wh; for a generator the most it may give.
    pub produce_wh: u64,
    /// Whether a sale of this interval depends on it: the RA adds nothing that has moved on.
    #[serde(default)]
    pub is_firm: bool,
}
