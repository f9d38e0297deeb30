//! The Resource Agent (RA): one per device; readings in, status and limits out.
//!
//! It stands between a driver and the LCA and trusts neither: a reading that the device's nature
//! rules out is refused with a reason, a setpoint is clipped to what the device can follow, and when
//! none comes in time the device falls back to its safe state. It decides nothing.

mod check;
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

/// Readings kept for whoever looks.
const READINGS_KEPT: usize = 96;

/// The mind of one device.
#[derive(Debug, Clone)]
pub struct ResourceAgent {
    device: DeviceIndex,
    nature: Nature,
    interval_s: u32,
    epoch: Option<(Epoch, Deadlines)>,
    readings: VecDeque<Reading>,
    setpoint: Option<Setpoint>,
    has_lapsed: bool,
    refused: u64,
}

impl ResourceAgent {
    /// The mind of device number `device`, in a market of `interval_s` seconds per interval.
    #[must_use]
    pub fn new(device: DeviceIndex, nature: Nature, interval_s: u32) -> Self {
        Self {
            device,
            nature,
            interval_s,
            epoch: None,
            readings: VecDeque::new(),
            setpoint: None,
            has_lapsed: false,
            refused: 0,
        }
    }

    fn start(&mut self, epoch: Epoch, deadlines: Deadlines, out: &mut Vec<ResourceEffect>) {
        if self.epoch.is_some_and(|(known, _)| epoch <= known) {
            return;
        }
        self.epoch = Some((epoch, deadlines));
        self.has_lapsed = false;
        if let Some(ended) = epoch.0.checked_sub(1) {
            out.push(ResourceEffect::Sense { interval: Interval(ended) });
        }
    }

    fn read(&mut self, reading: Reading) -> Result<ResourceEffect, Refusal> {
        let current = self.epoch.map(|(epoch, _)| epoch);
        if current.is_some_and(|current| reading.interval >= current) {
            return Err(Refusal::FromTheFuture);
        }
        if self.readings.back().is_some_and(|last| reading.interval <= last.interval) {
            return Err(Refusal::OutOfDate);
        }
        check::reading(&self.nature, &reading, self.interval_s)?;
        if self.readings.len() == READINGS_KEPT {
            self.readings.pop_front();
        }
        self.readings.push_back(reading.clone());
        Ok(ResourceEffect::Telemetry(reading))
    }

    fn follow(&mut self, wish: Setpoint) -> Result<ResourceEffect, Refusal> {
        match self.epoch.map(|(epoch, _)| epoch) {
            Some(current) if wish.interval < current => return Err(Refusal::OutOfDate),
            Some(current) if wish.interval > current => return Err(Refusal::FromTheFuture),
            None => return Err(Refusal::FromTheFuture),
            Some(_) => {}
        }
        let setpoint = check::follow(&self.nature, wish, self.readings.back(), self.interval_s)?;
        self.setpoint = Some(setpoint);
        self.has_lapsed = false;
        Ok(ResourceEffect::Command(setpoint))
    }

    /// Whether the device still waits for its setpoint of the current interval, and until when.
    fn waits_until(&self) -> Option<Timestamp> {
        let (epoch, deadlines) = self.epoch?;
        let is_told = self.setpoint.is_some_and(|setpoint| setpoint.interval == epoch);
        let is_controllable = !matches!(self.nature, Nature::Load | Nature::Meter);
        (is_controllable && !is_told && !self.has_lapsed).then_some(deadlines.d1)
    }

    /// What is safe without instructions: battery idle, vehicle charging gently, generator free,
    /// jobs as they come.
    fn safe(&self, interval: Interval) -> Setpoint {
        let most = |power_w| check::energy_wh(power_w, self.interval_s);
        let (consume_wh, produce_wh) = match &self.nature {
            Nature::Vehicle(store) => (most(store.charge_w.min(check::LEAST_CHARGE_W)), 0),
            Nature::Solar { rated_w } | Nature::Wind { rated_w } => (0, most(*rated_w) * 2),
            Nature::Deferrable => (u64::MAX, 0),
            Nature::Battery(_) | Nature::Load | Nature::Meter => (0, 0),
        };
        Setpoint { interval, consume_wh, produce_wh }
    }

    fn lapse(&mut self, now: Timestamp, out: &mut Vec<ResourceEffect>) {
        if let (Some(until), Some((epoch, _))) = (self.waits_until(), self.epoch)
            && until <= now
        {
            self.has_lapsed = true;
            out.push(ResourceEffect::Lapse(self.safe(epoch)));
        }
    }
}

impl Machine for ResourceAgent {
    type Input = ResourceInput;
    type Effect = ResourceEffect;
    type Snapshot = ResourceSnapshot;

    fn handle(&mut self, now: Timestamp, input: ResourceInput, out: &mut Vec<ResourceEffect>) {
        let answer = match input {
            ResourceInput::EpochStart { epoch, deadlines } => {
                self.start(epoch, deadlines, out);
                return;
            }
            ResourceInput::Wake => {
                self.lapse(now, out);
                return;
            }
            ResourceInput::Reading(reading) => self.read(reading),
            ResourceInput::Setpoint(wish) => self.follow(wish),
        };
        out.push(answer.unwrap_or_else(|refusal| {
            self.refused += 1;
            ResourceEffect::Refuse(refusal)
        }));
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.waits_until()
    }

    fn snapshot(&self) -> ResourceSnapshot {
        ResourceSnapshot {
            device: self.device,
            nature: self.nature.clone(),
            readings: self.readings.clone(),
            setpoint: self.setpoint,
            has_lapsed: self.has_lapsed,
            refused: self.refused,
        }
    }
}

#[cfg(test)]
#[path = "resource_tests.rs"]
mod tests;
