//! What an RA can be told, wants done, and shows of itself.

use std::collections::{BTreeMap, VecDeque};

use gridpact_chain::terms::{Epoch, Timestamp};

use super::Standing;
use super::nature::Nature;
use super::priority::{Claim, GridLimit};
use super::reading::{DeviceIndex, Reading, Setpoint, Telemetry};
use crate::params::Deadlines;

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
    /// From the driver: a sample, asked for or pushed.
    Telemetry(Telemetry),
    /// From the LCA: what the device shall do.
    Setpoint(Setpoint),
    /// From the grid operator: a limit that binds from now on; it replaces the earlier one.
    Limit(GridLimit),
    /// From the body: the time asked for by `wake_at` has come.
    Wake,
}

/// Why a sample, a setpoint or a limit is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// It is about a time that lies ahead.
    FromTheFuture,
    /// It is about an interval that has passed, or it has lapsed before it came.
    OutOfDate,
    /// The sample is too old: it arrives more than
    /// [`STALE_AFTER_INTERVALS`](super::registers::STALE_AFTER_INTERVALS) intervals after it was taken.
    Stale,
    /// A sample of this very moment has been taken.
    Duplicate,
    /// A later sample has been taken.
    OutOfOrder,
    /// The device itself doubts the sample.
    Suspect,
    /// A register has gone backwards: a slip, or the meter was exchanged; the next sample decides.
    Backwards,
    /// The device was silent for more than
    /// [`GAP_INTERVALS_MAX`](super::registers::GAP_INTERVALS_MAX) intervals; the next sample begins anew.
    Gap,
    /// A device of this nature cannot consume that much.
    Consumption,
    /// A device of this nature cannot produce that much.
    Production,
    /// The stored energy is missing, or above the capacity.
    Storage,
    /// Stays overlap, run backwards, or the device is no vehicle.
    Stays,
    /// Jobs run backwards, or the device has none.
    Jobs,
    /// A device of this nature cannot be told anything.
    NotControllable,
    /// A driver's wish, from a device that is no vehicle.
    Wish,
}

impl Refusal {
    /// The reason in a word, as summaries say it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::FromTheFuture => "from_the_future",
            Self::OutOfDate => "out_of_date",
            Self::Stale => "stale",
            Self::Duplicate => "duplicate",
            Self::OutOfOrder => "out_of_order",
            Self::Suspect => "suspect",
            Self::Backwards => "backwards",
            Self::Gap => "gap",
            Self::Consumption => "consumption",
            Self::Production => "production",
            Self::Storage => "storage",
            Self::Stays => "stays",
            Self::Jobs => "jobs",
            Self::NotControllable => "not_controllable",
            Self::Wish => "wish",
        }
    }
}

/// What a device is told: energy, and the power and time that make it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// The energies of the interval; for a generator `produce_wh` is the most it may give.
    pub setpoint: Setpoint,
    /// Power to hold while on, W; into the device is positive. For a generator the least of it, that
    /// is minus the most it may give.
    pub power_w: i64,
    /// For how long from the start of the interval, s.
    pub on_s: u32,
    /// Energy that was too little to switch on for and moves on to the next interval, Wh.
    pub carried_wh: u64,
    /// Whose word it is.
    pub by: Claim,
}

/// What a Resource Agent wants done, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResourceEffect {
    /// To the driver: sample the device as it stood at this time, which has come.
    Sense {
        /// The beginning of an interval.
        at: Timestamp,
    },
    /// To the store: keep these readings and this standing, both or neither, before what follows is
    /// performed.
    Record {
        /// New readings in order, suspect ones too.
        readings: Vec<Reading>,
        /// How the device stands after them.
        standing: Standing,
    },
    /// To the LCA: a checked reading.
    Report(Reading),
    /// To the driver: do this; it lapses at the end of its interval.
    Command(Order),
    /// To the driver: no setpoint came in time; this is the safe state instead.
    Lapse(Order),
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
    pub order: Option<Order>,
    /// The grid operator's limit in force.
    pub limit: Option<GridLimit>,
    /// Whether it is in its safe state for want of a setpoint.
    pub has_lapsed: bool,
    /// How often samples, setpoints and limits were refused, by reason.
    pub refused: BTreeMap<Refusal, u64>,
}
