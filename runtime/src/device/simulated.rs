//! Devices of a simulated community: all drivers share one [`Field`], which moves the plant.
//!
//! The first question about an interval moves every device of the community through it, so that a
//! device goes on living while its agent is down.

use std::cell::RefCell;
use std::rc::Rc;

use gridpact_agents::resource::reading::{DeviceIndex, Reading, Setpoint};
use gridpact_chain::terms::{Interval, PartyId};

use super::Driver;
use crate::sim::community::Community;
use crate::sim::plant::Plant;

/// The plant of a community with the commands that wait for it.
#[derive(Debug)]
pub struct Field {
    plant: Plant,
    start: Interval,
    next: Interval,
    commands: Vec<Vec<Option<Setpoint>>>,
    readings: Vec<Vec<Reading>>,
}

/// How a device stood when `interval`, one of the recorded history, had ended.
#[must_use]
pub fn recorded(plant: &Plant, site: PartyId, device: DeviceIndex, interval: Interval) -> Reading {
    let history = plant.recorded(site, device);
    let seen = history.into_iter().find(|reading| reading.interval == interval);
    let opening = plant.opening(site, device);
    let Reading { consumed_wh, produced_wh, curtailed_wh, .. } = seen.unwrap_or_default();
    Reading { interval, consumed_wh, produced_wh, curtailed_wh, ..opening }
}

impl Field {
    /// All devices as they stand at the first simulated interval.
    #[must_use]
    pub fn new(community: &std::sync::Arc<Community>) -> Self {
        let plant = Plant::new(std::sync::Arc::clone(community));
        let shape = |site: usize| 0..community.sites[site].devices.len();
        let sites = 0..community.sites.len();
        let readings = sites
            .clone()
            .map(|site| {
                shape(site).map(|device| plant.opening(party(site), index(device))).collect()
            })
            .collect();
        let commands = sites.map(|site| shape(site).map(|_| None).collect()).collect();
        Self { plant, start: community.start, next: community.start, commands, readings }
    }

    /// Moves every device through all intervals up to and including `last`.
    pub fn advance_through(&mut self, last: Interval) {
        while self.next <= last {
            let now = self.next;
            for site in 0..self.commands.len() {
                for device in 0..self.commands[site].len() {
                    let command = self.commands[site][device].take().filter(|c| c.interval == now);
                    self.readings[site][device] =
                        self.plant.step(party(site), index(device), now, command);
                }
            }
            self.next = now.plus(1);
        }
    }

    /// The plant, for reports.
    #[must_use]
    pub fn plant(&self) -> &Plant {
        &self.plant
    }
}

fn party(site: usize) -> PartyId {
    PartyId(u32::try_from(site).unwrap_or(u32::MAX))
}

fn index(device: usize) -> DeviceIndex {
    DeviceIndex::try_from(device).unwrap_or(DeviceIndex::MAX)
}

/// The driver of one simulated device.
#[derive(Debug)]
pub struct SimulatedDriver {
    field: Rc<RefCell<Field>>,
    site: usize,
    device: usize,
}

impl SimulatedDriver {
    /// The driver of device number `device` of `site`.
    #[must_use]
    pub fn new(field: Rc<RefCell<Field>>, site: usize, device: usize) -> Self {
        Self { field, site, device }
    }
}

impl Driver for SimulatedDriver {
    fn sense(&mut self, interval: Interval) -> Option<Reading> {
        let mut field = self.field.borrow_mut();
        if interval < field.start {
            return Some(recorded(&field.plant, party(self.site), index(self.device), interval));
        }
        field.advance_through(interval);
        let reading = field.readings.get(self.site)?.get(self.device)?;
        Some(Reading { interval, ..reading.clone() })
    }

    fn command(&mut self, setpoint: Setpoint) {
        let mut field = self.field.borrow_mut();
        if let Some(slot) =
            field.commands.get_mut(self.site).and_then(|site| site.get_mut(self.device))
        {
            *slot = Some(setpoint);
        }
    }
}
