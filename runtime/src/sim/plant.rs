//! The physical truth of a community: what its devices really do with what they are told.
//!
//! One call of [`Plant::step`] moves one device through one interval. A setpoint is a wish: limits of
//! power, charge, plug and connection are obeyed first and less is realised where they bind. Energy
//! is whole Wh at the meters; what storage holds is kept in micro-Wh, so that no efficiency is lost
//! in rounding. The plant never plans and never sees a price.

use std::sync::Arc;

use gridpact_agents::resource::reading::{DeviceIndex, Reading, Setpoint};
use gridpact_chain::terms::{Interval, PartyId};
use serde::{Deserialize, Serialize};

use super::community::Community;

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

/// The devices of a community in motion.
#[derive(Debug)]
pub struct Plant {
    community: Arc<Community>,
}

impl Plant {
    /// All devices as they stand at the first simulated interval.
    #[must_use]
    pub fn new(community: Arc<Community>) -> Self {
        Self { community }
    }

    /// Moves one device through one interval and returns what it did; without a setpoint it does
    /// what it would do on its own. Each device must be stepped once per interval, in order of time.
    pub fn step(
        &mut self,
        site: PartyId,
        device: DeviceIndex,
        interval: Interval,
        setpoint: Option<Setpoint>,
    ) -> Reading {
        let _ = (site, device, setpoint, &self.community);
        Reading { interval, ..Reading::default() }
    }

    /// How a device stands before the first simulated interval (no energy, but charge, stays, jobs).
    #[must_use]
    pub fn opening(&self, site: PartyId, device: DeviceIndex) -> Reading {
        let _ = (site, device);
        Reading::default()
    }

    /// The recorded readings of a device over the history, in order of time.
    #[must_use]
    pub fn recorded(&self, site: PartyId, device: DeviceIndex) -> Vec<Reading> {
        let _ = (site, device);
        Vec::new()
    }

    /// What a home did, one row per simulated interval that has been stepped.
    #[must_use]
    pub fn rows(&self, site: PartyId) -> &[SiteInterval] {
        let _ = site;
        &[]
    }
}
