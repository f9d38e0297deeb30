//! The Resource Agent (RA): one per device; registers in, readings out; plans in, orders out.
//!
//! It stands between a driver and the LCA and trusts neither: it makes energy per interval from what
//! the device's registers say, refuses with a reason what the device's nature rules out or what
//! comes too late, turns a setpoint into power for a time that the device can follow, lets a grid
//! operator's limit go first, and when no setpoint comes in time has the device fall back to its
//! safe state. It decides nothing about price or trade.

mod check;
mod control;
pub mod moved;
pub mod nature;
pub mod priority;
pub mod reading;
pub mod realise;
pub mod registers;
pub mod speech;

use std::collections::{BTreeMap, VecDeque};

use gridpact_chain::terms::{Epoch, Interval, Timestamp};
use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::params::Deadlines;
use control::Asked;
use moved::Moved;
use nature::Nature;
use priority::GridLimit;
use reading::{DeviceIndex, Quality, Reading, Telemetry};
use realise::PowerRanges;
use registers::{Base, Registers};
pub use speech::{Order, Refusal, ResourceEffect, ResourceInput, ResourceSnapshot};

/// Readings kept for whoever looks.
pub const READINGS_KEPT: usize = 96;

/// What an RA is and can, the same in every life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceSetup {
    /// Its device's number within the site.
    pub device: DeviceIndex,
    /// What the device is.
    pub nature: Nature,
    /// Length of a market interval in seconds.
    pub interval_s: u32,
    /// The powers at which it can take energy.
    pub consume: PowerRanges,
    /// The powers at which it can give energy; for a generator the limits it can keep.
    pub produce: PowerRanges,
}

impl ResourceSetup {
    /// A device that holds any power up to its rating.
    #[must_use]
    pub fn new(device: DeviceIndex, nature: Nature, interval_s: u32) -> Self {
        let (consume_w, produce_w) = check::ratings(&nature);
        let produce_w = match nature {
            // A generator's limit may lie above its rating: it is then free.
            Nature::Solar { .. } | Nature::Wind { .. } => u64::MAX,
            _ => produce_w,
        };
        let (consume, produce) = (PowerRanges::up_to(consume_w), PowerRanges::up_to(produce_w));
        Self { device, nature, interval_s, consume, produce }
    }
}

/// How a device stood when its RA last wrote: beside the readings, what a later life needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The last good sample whose readings are kept.
    pub base: Option<Base>,
    /// The grid operator's limit.
    pub limit: Option<GridLimit>,
}

/// The mind of one device.
#[derive(Debug, Clone)]
pub struct ResourceAgent {
    setup: ResourceSetup,

    registers: Registers,
    /// The base as it was last recorded.
    recorded: Option<Base>,
    readings: VecDeque<Reading>,
    refused: BTreeMap<Refusal, u64>,

    epoch: Option<(Epoch, Deadlines)>,
    limit: Option<GridLimit>,
    /// What the device was last asked to do, and the order that came of it.
    asked: Option<(Asked, Order)>,
    has_lapsed: bool,
    moved: Moved,
}

impl ResourceAgent {
    /// The mind of a device that has never been metered.
    #[must_use]
    pub fn new(setup: ResourceSetup) -> Self {
        Self::restore(setup, Vec::new(), Standing::default())
    }

    /// A mind that goes on counting where an earlier life has stopped: its readings (the newest few
    /// are enough), oldest first, and how it stood when it wrote them.
    #[must_use]
    pub fn restore(setup: ResourceSetup, readings: Vec<Reading>, standing: Standing) -> Self {
        let newest = readings.len().saturating_sub(READINGS_KEPT);
        Self {
            registers: Registers::new(setup.interval_s, standing.base),
            recorded: standing.base,
            readings: readings.into_iter().skip(newest).collect(),
            refused: BTreeMap::new(),
            epoch: None,
            limit: standing.limit,
            asked: None,
            has_lapsed: false,
            moved: Moved::default(),
            setup,
        }
    }

    /// Looks at the device; without a base also at how it stood when the last interval began.
    fn start(
        &mut self,
        now: Timestamp,
        epoch: Epoch,
        deadlines: Deadlines,
        out: &mut Vec<ResourceEffect>,
    ) {
        if self.epoch.is_some_and(|(known, _)| epoch <= known) {
            return;
        }
        self.epoch = Some((epoch, deadlines));
        self.has_lapsed = false;
        let begins = |at: Interval| at.starts_at(self.setup.interval_s);
        if let (None, Some(ended)) = (self.registers.base(), epoch.0.checked_sub(1)) {
            out.push(ResourceEffect::Sense { at: begins(Interval(ended)) });
        }
        out.push(ResourceEffect::Sense { at: begins(epoch) });
        self.hold(now, out);
    }

    /// Takes a sample; what it completes is recorded before it is spoken of.
    fn sample(
        &mut self,
        now: Timestamp,
        sample: &Telemetry,
        out: &mut Vec<ResourceEffect>,
    ) -> Result<(), Refusal> {
        let readings = self.registers.take(now, &self.setup.nature, sample)?;
        if self.recorded.is_some() && readings.is_empty() {
            // A sample within an interval: if it is forgotten, the next one tells the same.
            return Ok(());
        }
        self.recorded = self.registers.base();
        out.push(ResourceEffect::Record { readings: readings.clone(), standing: self.standing() });
        for reading in readings {
            if self.readings.len() == READINGS_KEPT {
                self.readings.pop_front();
            }
            self.readings.push_back(reading.clone());
            if reading.quality != Quality::Suspect {
                out.push(ResourceEffect::Report(reading));
            }
        }
        Ok(())
    }

    fn standing(&self) -> Standing {
        Standing { base: self.recorded, limit: self.limit }
    }

    /// The newest reading; what it does not know of the device's state is unknown.
    fn last(&self) -> Option<&Reading> {
        self.readings.back()
    }
}

impl Machine for ResourceAgent {
    type Input = ResourceInput;
    type Effect = ResourceEffect;
    type Snapshot = ResourceSnapshot;

    fn handle(&mut self, now: Timestamp, input: ResourceInput, out: &mut Vec<ResourceEffect>) {
        let answer = match input {
            ResourceInput::EpochStart { epoch, deadlines } => {
                self.start(now, epoch, deadlines, out);
                Ok(())
            }
            ResourceInput::Wake => {
                self.lapse(now, out);
                Ok(())
            }
            ResourceInput::Telemetry(sample) => self.sample(now, &sample, out),
            ResourceInput::Setpoint(wish) => self.follow(now, wish, out),
            ResourceInput::Limit(limit) => self.limit(now, limit, out),
        };
        if let Err(refusal) = answer {
            *self.refused.entry(refusal).or_default() += 1;
            out.push(ResourceEffect::Refuse(refusal));
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.waits_until().into_iter().chain(self.holds_until()).min()
    }

    fn snapshot(&self) -> ResourceSnapshot {
        ResourceSnapshot {
            device: self.setup.device,
            nature: self.setup.nature.clone(),
            readings: self.readings.clone(),
            order: self.asked.map(|(_, order)| order),
            limit: self.limit,
            has_lapsed: self.has_lapsed,
            refused: self.refused.clone(),
        }
    }
}

#[cfg(test)]
#[path = "resource_tests.rs"]
mod tests;
