//! Devices of a simulated community: all drivers share one [`Field`], which moves the plant.
//!
//! The first question about an interval moves every device of the community through it, so that a
//! device goes on living while its agent is down. What a device does is counted in registers that
//! never fall, and drivers report nothing but these. A device does what it is ordered, power for a
//! time, and nothing at a power it cannot hold.

use std::cell::RefCell;
use std::rc::Rc;

use gridpact_agents::resource::nature::Nature;
use gridpact_agents::resource::reading::{
    Counts, DeviceIndex, Quality, Reading, Setpoint, Telemetry,
};
use gridpact_agents::resource::{Order, ResourceSetup};
use gridpact_chain::terms::{Interval, PartyId, Timestamp};

use super::Driver;
use crate::sim::community::Community;
use crate::sim::homes::setups;
use crate::sim::plant::Plant;

/// The plant of a community with the commands that wait for it.
#[derive(Debug)]
pub struct Field {
    plant: Plant,
    interval_s: u32,
    start: Interval,
    next: Interval,
    orders: Vec<Vec<Option<Order>>>,
    setups: Vec<Vec<ResourceSetup>>,
    unable: u64,
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
        let orders = sites.map(|site| shape(site).map(|_| None).collect()).collect();
        let setups = community.sites.iter().map(|site| setups(site, interval_s)).collect();
        Self { plant, interval_s, start, next: start, orders, setups, unable: 0, meters }
    }

    /// Moves every device through all intervals up to and including `last`.
    pub fn advance_through(&mut self, last: Interval) {
        while self.next <= last {
            let now = self.next;
            for site in 0..self.orders.len() {
                let told = self.told(site, now);
                let all = self.plant.step_site(party(site), now, &told);
                for (meter, did) in self.meters[site].iter_mut().zip(all) {
                    meter.count(&did);
                    meter.stands = did;
                }
            }
            self.next = now.plus(1);
        }
    }

    /// What the devices of a site have been told for `now`.
    fn told(&mut self, site: usize, now: Interval) -> Vec<Option<Setpoint>> {
        let mut told = Vec::with_capacity(self.orders[site].len());
        for device in 0..self.orders[site].len() {
            let order = self.orders[site][device].take();
            let order = order.filter(|order| order.setpoint.interval == now);
            told.push(order.map(|order| self.obey(site, device, &order)));
        }
        told
    }

    /// The energies that come of an order. A storage holds the power it is told for the time it is
    /// told; one that cannot hold that power stays off. A generator is told a limit, and jobs what
    /// they may draw.
    fn obey(&mut self, site: usize, device: usize, order: &Order) -> Setpoint {
        let setup = &self.setups[site][device];
        if !matches!(setup.nature, Nature::Battery(_) | Nature::Vehicle(_)) {
            return order.setpoint;
        }
        let ranges = if order.power_w < 0 { &setup.produce } else { &setup.consume };
        let power_w = order.power_w.unsigned_abs();
        let is_able = ranges.holds(power_w);
        self.unable += u64::from(!is_able);
        let held_s = u64::from(order.on_s.min(self.interval_s));
        let wh = if is_able { power_w.saturating_mul(held_s) / 3600 } else { 0 };
        let (consume_wh, produce_wh) = if order.power_w < 0 { (0, wh) } else { (wh, 0) };
        Setpoint { interval: order.setpoint.interval, consume_wh, produce_wh, is_firm: false }
    }

    /// Orders at a power that the device could not hold, so that it stayed off.
    #[must_use]
    pub fn unable(&self) -> u64 {
        self.unable
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
            field.orders.get_mut(self.site).and_then(|site| site.get_mut(self.device))
        {
            *slot = Some(*order);
        }
    }
}
