//! The Resource Agent (RA): one per device; readings in, status and limits out.

pub mod nature;
pub mod reading;

use std::collections::VecDeque;

use gridpact_chain::terms::{Epoch, Interval, Timestamp};

use crate::machine::Machine;
use crate::params::Deadlines;
use nature::Nature;
use reading::{DeviceIndex, Reading, Setpoint};

/// What a Resource Agent can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResourceInput {
    /// From the coordinator: an epoch begins, in the interval of the same number.
    EpochStart {
        /// The epoch.
        epoch: Epoch,
        /// Its deadlines.
        deadlines: Deadlines,
    },
    /// From the driver: what the device did.
    Reading(Reading),
    /// From the LCA: what the device shall do.
    Setpoint(Setpoint),
    /// From the body: the time asked for by `wake_at` has come.
    Wake,
}

/// Why a reading or a setpoint is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is about an interval that lies ahead.
    FromTheFuture,
    /// It is about an interval that has been reported, or that has passed.
    OutOfDate,
    /// A device of this nature cannot consume, or not that much.
    Consumption,
    /// A device of this nature cannot produce, or not that much.
    Production,
    /// The stored energy is missing, or above the capacity.
    Storage,
    /// Stays overlap, run backwards, or the device is no vehicle.
    Stays,
    /// Jobs run backwards, or the device has none.
    Jobs,
    /// A device of this nature cannot be told anything.
    NotControllable,
}

/// What a Resource Agent wants done, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResourceEffect {
    /// To the driver: read the device; the interval has ended.
    Sense {
        /// The interval that has ended.
        interval: Interval,
    },
    /// To the LCA: a checked reading.
    Telemetry(Reading),
    /// To the driver: do this; it lapses at the end of its interval.
    Command(Setpoint),
    /// To the driver: no setpoint came in time; this is the safe state instead.
    Lapse(Setpoint),
    /// To whoever watches: something impossible was said, and ignored.
    Refuse(Refusal),
}

/// What a Resource Agent shows of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceSnapshot {
    /// The device.
    pub device: DeviceIndex,
    /// What it can do.
    pub nature: Nature,
    /// Its last readings, oldest first.
    pub readings: VecDeque<Reading>,
    /// What it was last told.
    pub setpoint: Option<Setpoint>,
    /// Whether it is in its safe state for want of a setpoint.
    pub has_lapsed: bool,
    /// Readings and setpoints refused so far.
    pub refused: u64,
}

/// The mind of one device.
#[derive(Debug, Clone)]
pub struct ResourceAgent {
    device: DeviceIndex,
    nature: Nature,
}

impl ResourceAgent {
    /// The mind of device number `device`, in a market of `interval_s` seconds per interval.
    #[must_use]
    pub fn new(device: DeviceIndex, nature: Nature, interval_s: u32) -> Self {
        let _ = interval_s;
        Self { device, nature }
    }
}

impl Machine for ResourceAgent {
    type Input = ResourceInput;
    type Effect = ResourceEffect;
    type Snapshot = ResourceSnapshot;

    fn handle(&mut self, _now: Timestamp, _input: ResourceInput, _out: &mut Vec<ResourceEffect>) {}

    fn wake_at(&self) -> Option<Timestamp> {
        None
    }

    fn snapshot(&self) -> ResourceSnapshot {
        ResourceSnapshot {
            device: self.device,
            nature: self.nature.clone(),
            readings: VecDeque::new(),
            setpoint: None,
            has_lapsed: false,
            refused: 0,
        }
    }
}
