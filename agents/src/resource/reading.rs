//! What devices report, once per market interval.

use gridpact_chain::terms::Interval;
use serde::{Deserialize, Serialize};

use super::nature::{Deferrable, Stay};

/// Index of a device within its site.
pub type DeviceIndex = u16;

/// What a device did in one interval and how it stands at its end (protocol 2, Telemetry).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The interval that has ended.
    pub interval: Interval,
    /// Energy taken from the site in it, Wh.
    pub consumed_wh: u64,
    /// Energy given to the site in it, Wh.
    pub produced_wh: u64,
    /// Energy a generator could have given but was told not to, Wh.
    pub curtailed_wh: u64,
    /// Energy stored at its end, Wh (storage only).
    pub stored_wh: Option<u64>,
    /// Known stays from the current one on, in order (vehicle only).
    pub stays: Vec<Stay>,
    /// Jobs not finished yet (deferrable load only).
    pub jobs: Vec<Deferrable>,
}

/// What a device shall do in one interval; lapses at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setpoint {
    /// The interval it is meant for.
    pub interval: Interval,
    /// Energy to take from the site (charging, running a job), Wh.
    pub consume_wh: u64,
    /// Energy to give to the site (discharging), Wh; for a generator the most it may give.
    pub produce_wh: u64,
}
