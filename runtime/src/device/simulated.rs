//! Devices of a simulated community: all drivers share one [`Field`], which moves the plant.
//!
//! The first question about an interval moves every device of the community through it, so that a
//! device goes on living while its agent is down. What a device does is counted in registers that
//! never fall, and drivers report nothing but these.

use std::cell::RefCell;
use std::rc::Rc;

use gridpact_agents::resource::Order;
use gridpact_agents::resource::reading::{
    Counts, DeviceIndex, Quality, Reading, Setpoint, Telemetry,
};
use gridpact_chain::terms::{Interval, PartyId, Timestamp};

use super::Driver;
use crate::sim::community::Community;
use crate::sim::plant::Plant;

/// The plant of a community with the commands that wait for it.
#[derive(Debug)]
pub struct Field {
    plant: Plant,
    interval_s: u32,
    start: Interval,
    next: Interval,
    commands: Vec<Vec<Option<Setpoint>>>,
    meters: Vec<Vec<Meter>>,
}

/// What a device's meter has counted since the recorded history began, and how the device stands.
#[derive(Debug, Clone)]
struct Meter {
    registers: Counts,
    stands: Reading,
}

impl Meter {
    /// The meter of a device when the interval before `at`, one of the recorded history or the first
    /// simulated one, had ended.
    fn recorded(plant: &Plant, site: PartyId, device: DeviceIndex, at: Interval) -> Self {
        let stands = plant.opening(site, device);
        let mut meter = Self { registers: Counts::default(), stands };
        let history = plant.recorded(site, device);
        history.iter().filter(|did| did.interval < at).for_each(|did| meter.count(did));
        meter
    }

    fn count(&mut self, did: &Reading) {
        self.registers.import_wh += did.consumed_wh;
        self.registers.export_wh += did.produced_wh;
        self.registers.curtailed_wh += did.curtailed_wh;
    }

    fn sample(&self, at: Timestamp) -> Telemetry {
        Telemetry {
            at,
            registers: self.registers,
            quality: Quality::Measured,
            stored_wh: self.stands.stored_wh,
            stays: self.stands.stays.clone(),
            jobs: self.stands.jobs.clone(),
            wish: self.stands.wish,
        }
    }
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
        let (start, interval_s) = (community.start, community.interval_s);
        let meter = |site, device| Meter::recorded(&plant, party(site), index(device), start);
        let meters = sites
            .clone()
            .map(|site| shape(site).map(|device| meter(site, device)).collect())
            .collect();
        let commands = sites.map(|site| shape(site).map(|_| None).collect()).collect();
        Self { plant, interval_s, start, next: start, commands, meters }
    }

    /// Moves every device through all intervals up to and including `last`.
    pub fn advance_through(&mut self, last: Interval) {
        while self.next <= last {
            let now = self.next;
            for site in 0..self.commands.len() {
                let all = self.plant.step_site(party(site), now, &self.commands[site]);
                self.commands[site].fill(None);
                for (meter, did) in self.meters[site].iter_mut().zip(all) {
                    meter.count(&did);
                    meter.stands = did;
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
    fn sense(&mut self, at: Timestamp) -> Option<Telemetry> {
        let mut field = self.field.borrow_mut();
        let asked = Interval::containing(at, field.interval_s);
        if asked < field.start {
            let (site, device) = (party(self.site), index(self.device));
            let meter = Meter::recorded(&field.plant, site, device, asked);
            return Some(meter.sample(asked.starts_at(field.interval_s)));
        }
        if let Some(ended) = asked.0.checked_sub(1) {
            field.advance_through(Interval(ended));
        }
        let stands_at = field.next.starts_at(field.interval_s);
        Some(field.meters.get(self.site)?.get(self.device)?.sample(stands_at))
    }

    fn command(&mut self, order: &Order) {
        let mut field = self.field.borrow_mut();
        if let Some(slot) =
            field.commands.get_mut(self.site).and_then(|site| site.get_mut(self.device))
        {
            *slot = Some(order.setpoint);
        }
    }
}
