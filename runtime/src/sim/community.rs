//! A community as data: its calendar, its homes, their devices and who neighbours whom.
//!
//! Built by `profiles` or `dataset`, played by `plant`, read by the world. It holds no behaviour and
//! does not know where its numbers came from.

use std::collections::BTreeMap;
use std::sync::Arc;

use gridpact_agents::resource::nature::{Deferrable, Nature, Stay};
use gridpact_agents::social::pricing::Pricing;
use gridpact_chain::terms::{Interval, PartyId};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::tariff::SiteTariff;

/// Everything that is true of a simulated community before anybody acts.
#[derive(Debug, Clone)]
pub struct Community {
    /// First simulated interval: local midnight of the first day.
    pub start: Interval,
    /// Simulated intervals from `start` on.
    pub intervals: u32,
    /// Recorded intervals before `start`.
    pub history: u32,
    /// Intervals after the last simulated one for which series still hold values (for plans that
    /// look ahead and perfect forecasts).
    pub beyond: u32,
    /// Length of an interval in seconds.
    pub interval_s: u32,
    /// Time zone of tariffs, day profiles and weekdays.
    pub zone: TimeZone,
    /// Currency code, such as `AUD`.
    pub currency: String,
    /// The homes; the index of a home is its `PartyId`.
    pub sites: Vec<Site>,
    /// Neighbours of each home, ascending, by the home's index.
    pub neighbours: Vec<Vec<PartyId>>,
    /// What had to be decided while it was put together, one sentence each, for the report.
    pub notes: Vec<String>,
    /// Homes that price in a way of their own; the others do as `negotiate.pricing` says.
    pub pricing: BTreeMap<PartyId, Arc<dyn Pricing>>,
}

impl Community {
    /// First interval of the recorded history.
    #[must_use]
    pub fn first(&self) -> Interval {
        Interval(self.start.0.saturating_sub(self.history))
    }

    /// One past the last simulated interval.
    #[must_use]
    pub fn end(&self) -> Interval {
        self.start.plus(self.intervals)
    }

    /// Number of values in every series: history, simulated intervals and those beyond.
    #[must_use]
    pub fn series_len(&self) -> usize {
        (self.history + self.intervals + self.beyond) as usize
    }

    /// Position of `at` in every series; `None` before the history.
    #[must_use]
    pub fn index(&self, at: Interval) -> Option<usize> {
        at.0.checked_sub(self.first().0).map(|i| i as usize)
    }

    /// The home with this number.
    #[must_use]
    pub fn site(&self, party: PartyId) -> Option<&Site> {
        self.sites.get(party.0 as usize)
    }
}

/// One home, charging station or turbine behind one meter.
#[derive(Debug, Clone)]
pub struct Site {
    /// Its name in reports and in the files it came from.
    pub name: String,
    /// Most it may take from the network, W.
    pub import_w: u64,
    /// Most it may give to the network, W.
    pub export_w: u64,
    /// What its supplier charges and pays.
    pub tariff: Arc<SiteTariff>,
    /// Its devices; generators stand last, because the export limiter acts on them.
    pub devices: Vec<Device>,
}

/// One device with everything that will happen to it whatever anybody decides.
#[derive(Debug, Clone)]
pub struct Device {
    /// What it can do.
    pub nature: Nature,
    /// What is given about it.
    pub data: DeviceData,
}

/// What is given about a device.
#[derive(Debug, Clone)]
pub enum DeviceData {
    /// Energy in Wh per interval from [`Community::first`] on, [`Community::series_len`] values:
    /// consumed by a load, possible output of a generator.
    Series(Arc<[u32]>),
    /// A vehicle's calendar.
    Vehicle {
        /// Energy in the battery at [`Community::start`], Wh.
        initial_wh: u64,
        /// What really happens, by arrival, over history, simulated intervals and beyond.
        stays: Arc<[Stay]>,
        /// What the charger is told of each of `stays` while it lasts; same length.
        told: Arc<[Stay]>,
        /// How `told` came about, and whether stays to come are told as well.
        knowledge: Knowledge,
        /// Whether the driver wants it full now during each of `stays`; same length.
        asking: Arc<[bool]>,
    },
    /// Jobs in the order of their windows, over history, simulated intervals and beyond.
    Jobs(Arc<[Deferrable]>),
    /// A charging station: all that is to be known is in its nature and its connectors.
    Station,
    /// A stationary battery.
    Battery {
        /// Energy in it at [`Community::start`], Wh.
        initial_wh: u64,
    },
}

/// How a charger knows when its vehicle leaves (`scenario.ev_knowledge`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvKnowledge {
    /// The driver says so at plug-in, wrong by a seeded error with a deviation of one hour.
    #[default]
    Stated,
    /// From the hours at which this vehicle left on earlier days.
    Learned,
    /// Exactly.
    Perfect,
}

/// What is known about a vehicle's stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Knowledge {
    /// How the departure of the present stay is known.
    pub departure: EvKnowledge,
    /// Whether stays that have not begun are told too (perfect forecasts only).
    pub future: bool,
}
