//! From registers to energy: one [`Reading`] per market interval, from differences of what a meter has counted.
//!
//! The register at a boundary between two samples is read off the straight line through them, rounded
//! down. So every reading is a difference of two points of one line that never falls: no energy is
//! negative, and whatever the sampling, the readings add up to the difference of the registers. A
//! boundary on which a sample lies is exact; one that lies between two makes both its neighbours
//! [`Quality::Estimated`]. Where no sample lies near an end, as in a silence, the reading is marked as
//! shared: its part of the sum is even, and no shape can be learnt from it.
//!
//! Samples are refused for what they are, each with its reason, and change nothing but this: when
//! registers run backwards, jump, or fall silent for too long, the sample is remembered in doubt,
//! and the next one decides. If that goes on from the last good sample, there was a slip and nothing
//! is lost; if it goes on from the doubted one, the meter was exchanged: a new base begins there,
//! nothing is invented for the time between, and the readings that were metered in part only are
//! [`Quality::Suspect`].

use gridpact_chain::terms::{Interval, Timestamp};
use serde::{Deserialize, Serialize};

use super::nature::Nature;
use super::reading::{Counts, Quality, Reading, Telemetry};
use super::{Refusal, check};

/// A sample older than this many intervals when it arrives is stale: what it could tell is over.
pub const STALE_AFTER_INTERVALS: u32 = 2;
/// Most intervals over which energy is shared out after a silence: 208 days of half hours. A longer
/// silence starts a new base.
pub const GAP_INTERVALS_MAX: u32 = 10_000;
/// A boundary counts as known where a sample lies within this part of an interval of it.
const NEAR_PART: u64 = 6;

impl Counts {
    /// What was counted since `earlier`; none when a register has gone backwards.
    #[must_use]
    pub fn since(self, earlier: Self) -> Option<Self> {
        Some(Self {
            import_wh: self.import_wh.checked_sub(earlier.import_wh)?,
            export_wh: self.export_wh.checked_sub(earlier.export_wh)?,
            curtailed_wh: self.curtailed_wh.checked_sub(earlier.curtailed_wh)?,
        })
    }

    fn plus(self, more: Self) -> Self {
        Self {
            import_wh: self.import_wh.saturating_add(more.import_wh),
            export_wh: self.export_wh.saturating_add(more.export_wh),
            curtailed_wh: self.curtailed_wh.saturating_add(more.curtailed_wh),
        }
    }

    /// The share of it that belongs to the first `part_ms` of `whole_ms`, rounded down.
    fn share(self, part_ms: u64, whole_ms: u64) -> Self {
        let of = |wh: u64| {
            let share = u128::from(wh) * u128::from(part_ms) / u128::from(whole_ms.max(1));
            u64::try_from(share).unwrap_or(wh)
        };
        Self {
            import_wh: of(self.import_wh),
            export_wh: of(self.export_wh),
            curtailed_wh: of(self.curtailed_wh),
        }
    }
}

/// The last good sample, and what it leaves open: all that a later life needs to go on counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// When it was taken.
    pub at: Timestamp,
    /// What the registers said.
    pub registers: Counts,
    /// Energy counted so far in the interval that contains `at`.
    pub part: Counts,
    /// What that part is worth.
    pub quality: Quality,
    /// Whether the beginning of that interval lies too far from any sample to be known.
    #[serde(default)]
    pub is_open: bool,
}

impl Base {
    /// A base without a past: its interval is metered from here on only.
    fn fresh(at: Timestamp, registers: Counts, interval_s: u32) -> Self {
        let starts = Interval::containing(at, interval_s).starts_at(interval_s);
        let quality = if starts == at { Quality::Measured } else { Quality::Suspect };
        Self { at, registers, part: Counts::default(), quality, is_open: false }
    }
}

/// The register arithmetic of one device.
#[derive(Debug, Clone)]
pub struct Registers {
    interval_s: u32,
    base: Option<Base>,
    /// A sample that did not go on from the base; the next one decides whose fault that was.
    doubted: Option<(Timestamp, Counts)>,
}

impl Registers {
    /// Registers that go on from `base`, or from the first sample without one; intervals last
    /// `interval_s` seconds, at least 1.
    #[must_use]
    pub fn new(interval_s: u32, base: Option<Base>) -> Self {
        Self { interval_s: interval_s.max(1), base, doubted: None }
    }

    /// The last good sample.
    #[must_use]
    pub fn base(&self) -> Option<Base> {
        self.base
    }

    /// Takes a sample that arrives at `now` and returns the readings of all intervals it completes,
    /// in order.
    ///
    /// # Errors
    /// The reason for which the sample is refused.
    pub fn take(
        &mut self,
        now: Timestamp,
        nature: &Nature,
        sample: &Telemetry,
    ) -> Result<Vec<Reading>, Refusal> {
        self.admit(now, sample)?;
        check::state(nature, sample)?;
        let Some(base) = self.base else {
            self.base = Some(Base::fresh(sample.at, sample.registers, self.interval_s));
            return Ok(Vec::new());
        };
        let (readings, next) = match self.go_on(nature, &base, sample) {
            Ok(counted) => counted,
            Err(refusal) => self.exchanged(nature, &base, sample).ok_or_else(|| {
                self.doubted = Some((sample.at, sample.registers));
                refusal
            })?,
        };
        (self.base, self.doubted) = (Some(next), None);
        Ok(readings)
    }

    /// Whether its time and its own word speak for a sample.
    fn admit(&self, now: Timestamp, sample: &Telemetry) -> Result<(), Refusal> {
        let stale_ms = u64::from(STALE_AFTER_INTERVALS) * u64::from(self.interval_s) * 1000;
        match self.base {
            _ if sample.at > now => Err(Refusal::FromTheFuture),
            _ if now.ms_since(sample.at) > stale_ms => Err(Refusal::Stale),
            Some(base) if sample.at == base.at => Err(Refusal::Duplicate),
            Some(base) if sample.at < base.at => Err(Refusal::OutOfOrder),
            _ if sample.quality == Quality::Suspect => Err(Refusal::Suspect),
            _ => Ok(()),
        }
    }

    /// What was counted from `base` to `sample`: the readings it completes, and the next base.
    fn go_on(
        &self,
        nature: &Nature,
        base: &Base,
        sample: &Telemetry,
    ) -> Result<(Vec<Reading>, Base), Refusal> {
        let counted = sample.registers.since(base.registers).ok_or(Refusal::Backwards)?;
        let whole_ms = sample.at.ms_since(base.at);
        check::flow(nature, counted, whole_ms)?;
        let (first, open) = (self.containing(base.at), self.containing(sample.at));
        if open.0 - first.0 > GAP_INTERVALS_MAX {
            return Err(Refusal::Gap);
        }
        let mut readings = Vec::with_capacity((open.0 - first.0) as usize);
        let (mut before, mut part, mut from) = (Counts::default(), base.part, base.quality);
        let mut is_open = base.is_open;
        for interval in (first.0..open.0).map(Interval) {
            let ends = interval.plus(1).starts_at(self.interval_s);
            let until = counted.share(ends.ms_since(base.at), whole_ms);
            let energy = part.plus(until.since(before).unwrap_or_default());
            let to = if ends == sample.at { Quality::Measured } else { Quality::Estimated };
            let mut reading = reading(interval, energy, from.max(to).max(sample.quality));
            let nearest_ms = ends.ms_since(base.at).min(sample.at.ms_since(ends));
            let was_open = std::mem::replace(&mut is_open, nearest_ms > self.near_ms());
            reading.is_shared = was_open || is_open;
            check::energy(nature, &reading, self.interval_s)?;
            readings.push(reading);
            (before, part, from) = (until, Counts::default(), to);
        }
        if let Some(last) = readings.last_mut() {
            last.stored_wh = sample.stored_wh;
            (last.stays, last.jobs) = (sample.stays.clone(), sample.jobs.clone());
            last.wish = sample.wish;
        }
        let part = part.plus(counted.since(before).unwrap_or_default());
        let quality = from.max(sample.quality);
        let (at, registers) = (sample.at, sample.registers);
        Ok((readings, Base { at, registers, part, quality, is_open }))
    }

    /// What was counted if the meter was exchanged before the doubted sample, from which this one
    /// goes on; none if it does not.
    fn exchanged(
        &self,
        nature: &Nature,
        base: &Base,
        sample: &Telemetry,
    ) -> Option<(Vec<Reading>, Base)> {
        let (at, registers) = self.doubted.filter(|(at, _)| *at < sample.at)?;
        let (first, open) = (self.containing(base.at), self.containing(at));
        let mut readings = Vec::new();
        let mut fresh = Base::fresh(at, registers, self.interval_s);
        if first == open {
            (fresh.part, fresh.quality) = (base.part, Quality::Suspect);
        } else {
            readings.push(reading(first, base.part, Quality::Suspect));
        }
        let (counted, next) = self.go_on(nature, &fresh, sample).ok()?;
        readings.extend(counted);
        Some((readings, next))
    }

    /// How far from a boundary a sample may lie for it to be known: what is guessed is then little.
    fn near_ms(&self) -> u64 {
        u64::from(self.interval_s) * 1000 / NEAR_PART
    }

    fn containing(&self, at: Timestamp) -> Interval {
        Interval::containing(at, self.interval_s)
    }
}

fn reading(interval: Interval, energy: Counts, quality: Quality) -> Reading {
    Reading {
        interval,
        quality,
        consumed_wh: energy.import_wh,
        produced_wh: energy.export_wh,
        curtailed_wh: energy.curtailed_wh,
        ..Reading::default()
    }
}

#[cfg(test)]
#[path = "registers_tests.rs"]
mod tests;
