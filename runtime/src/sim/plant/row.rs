//! What one home did in one interval, and how readings are booked into it.

use gridpact_agents::resource::reading::Reading;
use gridpact_chain::terms::Interval;
use serde::{Deserialize, Serialize};

use super::State;

/// What one home did in one interval; all energies in Wh, states at its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteInterval {
    /// Consumption as it would be without shifting: fixed load, and jobs at the start of their window.
    pub load: u64,
    /// Consumption as it was: fixed load, and jobs when they ran.
    pub shifted_load: u64,
    /// Photovoltaic output, after curtailment.
    pub pv: u64,
    /// Wind output, after curtailment.
    pub wind: u64,
    /// Drawn by stationary batteries.
    pub battery_charge: u64,
    /// Given by stationary batteries.
    pub battery_discharge: u64,
    /// Drawn by vehicles.
    pub ev_charge: u64,
    /// Given by vehicles.
    pub ev_discharge: u64,
    /// Held by stationary batteries at the end.
    pub battery_soc: u64,
    /// Held by vehicles at the end, also while they are away.
    pub ev_soc: u64,
    /// Taken from the network.
    pub import: u64,
    /// Given to the network.
    pub export: u64,
    /// Possible output that was not generated.
    pub curtailed: u64,
}

impl SiteInterval {
    /// All that the devices drew, Wh.
    #[must_use]
    pub fn consumed_wh(&self) -> u64 {
        self.shifted_load + self.battery_charge + self.ev_charge
    }

    /// All that the devices gave, Wh.
    #[must_use]
    pub fn produced_wh(&self) -> u64 {
        self.pv + self.wind + self.battery_discharge + self.ev_discharge
    }

    /// The meter nets: import and export are what is left, and one of them is 0.
    pub(super) fn close(&mut self) {
        self.import = self.consumed_wh().saturating_sub(self.produced_wh());
        self.export = self.produced_wh().saturating_sub(self.consumed_wh());
    }
}

impl State {
    /// Adds what the device did to the row of its home.
    pub(super) fn book(&self, reading: &Reading, row: &mut SiteInterval) {
        row.curtailed += reading.curtailed_wh;
        match self {
            Self::Load(_) => {
                row.load += reading.consumed_wh;
                row.shifted_load += reading.consumed_wh;
            }
            Self::Jobs(_) => row.shifted_load += reading.consumed_wh,
            Self::Solar(_) => row.pv += reading.produced_wh,
            Self::Wind(_) => row.wind += reading.produced_wh,
            Self::Battery(store) => {
                row.battery_charge += reading.consumed_wh;
                row.battery_discharge += reading.produced_wh;
                row.battery_soc += store.held_wh();
            }
            Self::Vehicle(vehicle) => {
                row.ev_charge += reading.consumed_wh;
                row.ev_discharge += reading.produced_wh;
                row.ev_soc += vehicle.held_wh();
            }
            Self::Idle => {}
        }
    }

    /// Completes a reading with how the device stands at the beginning of `now` and what it knows
    /// before `horizon`.
    pub(super) fn describe(&self, reading: &mut Reading, now: Interval, horizon: Interval) {
        reading.stored_wh = self.stored_wh();
        match self {
            Self::Vehicle(vehicle) => {
                reading.stays = vehicle.known(now, horizon);
                reading.wish = vehicle.wish(now);
            }
            Self::Jobs(jobs) => reading.jobs = jobs.pending(now, horizon),
            Self::Load(_) | Self::Solar(_) | Self::Wind(_) | Self::Battery(_) | Self::Idle => {}
        }
    }

    /// Energy held, for storage.
    pub(super) fn stored_wh(&self) -> Option<u64> {
        match self {
            Self::Battery(store) => Some(store.held_wh()),
            Self::Vehicle(vehicle) => Some(vehicle.held_wh()),
            Self::Load(_) | Self::Solar(_) | Self::Wind(_) | Self::Jobs(_) | Self::Idle => None,
        }
    }

    /// What the device did in an interval of the history.
    pub(super) fn recorded(&self, at: Interval, index: usize) -> Option<Reading> {
        let value = |series: &[u32]| u64::from(series.get(index).copied().unwrap_or(0));
        let (consumed_wh, produced_wh) = match self {
            Self::Load(series) => (value(series), 0),
            Self::Solar(series) | Self::Wind(series) => (0, value(series)),
            Self::Jobs(jobs) => (jobs.unshifted_wh(at), 0),
            Self::Battery(_) | Self::Vehicle(_) | Self::Idle => return None,
        };
        Some(Reading { interval: at, consumed_wh, produced_wh, ..Reading::default() })
    }
}
