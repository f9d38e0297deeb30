//! The physical truth of a community: what its devices really do with what they are told.
//!
//! One call of [`Plant::step`] moves one device through one interval. A setpoint is a wish: limits of
//! power, charge, plug and export are obeyed first and less is realised where they bind; import above
//! the connection's limit happens and is counted as overload. Energy
//! is whole Wh at the meters; what storage holds is kept in micro-Wh, so that no efficiency is lost
//! in rounding. The line of a charging station is one more such limit: its connectors share it in the
//! order in which they are stepped. The plant never plans and never sees a price.

pub mod jobs;
pub mod line;
pub mod row;
pub mod store;
pub mod vehicle;

use std::sync::Arc;

use gridpact_agents::resource::nature::Nature;
use gridpact_agents::resource::reading::{DeviceIndex, Reading, Setpoint};
use gridpact_chain::terms::{Interval, PartyId};

use self::jobs::Jobs;
use self::line::Line;
pub use self::row::SiteInterval;
use self::store::Store;
use self::vehicle::{Room, Vehicle};
use super::community::{Community, Device, DeviceData, Site};

/// The devices of a community in motion.
#[derive(Debug, Clone)]
pub struct Plant {
    community: Arc<Community>,
    sites: Vec<SitePlant>,
}

#[derive(Debug, Clone)]
struct SitePlant {
    devices: Vec<DevicePlant>,
    lines: Vec<Line>,
    rows: Vec<SiteInterval>,
}

#[derive(Debug, Clone)]
struct DevicePlant {
    state: State,
    /// The interval it has reached; earlier ones are over.
    next: Interval,
}

#[derive(Debug, Clone)]
enum State {
    Load(Arc<[u32]>),
    Solar(Arc<[u32]>),
    Wind(Arc<[u32]>),
    Jobs(Jobs),
    Battery(Store),
    Vehicle(Vehicle),
    Idle,
}

impl Plant {
    /// All devices as they stand at the first simulated interval.
    #[must_use]
    pub fn new(community: Arc<Community>) -> Self {
        let device = |device: &Device| DevicePlant {
            state: State::new(device, &community),
            next: community.start,
        };
        let site = |site: &Site| SitePlant {
            devices: site.devices.iter().map(device).collect(),
            lines: Line::all(site, community.interval_s),
            rows: Vec::new(),
        };
        let sites = community.sites.iter().map(site).collect();
        Self { community, sites }
    }

    /// Plays all simulated intervals without any setpoint: batteries idle, vehicles charge when they
    /// are plugged in, jobs run when their window opens (run A of protocol section 11, R6).
    #[must_use]
    pub fn uncontrolled(community: Arc<Community>) -> Self {
        let mut plant = Self::new(community);
        let (start, end) = (plant.community.start, plant.community.end());
        for at in start.0..end.0 {
            for site in 0..plant.sites.len() {
                plant.step_site(PartyId(site as u32), Interval(at), &[]);
            }
        }
        plant
    }

    /// Moves all devices of a home through one interval, each with its setpoint if it has one, and
    /// returns what they did, by device. Behind a shared line those that give go first, then those
    /// that came first.
    pub fn step_site(
        &mut self,
        site: PartyId,
        interval: Interval,
        setpoints: &[Option<Setpoint>],
    ) -> Vec<Reading> {
        let Some(plant) = self.sites.get(site.0 as usize) else { return Vec::new() };
        let wish = |device: usize| {
            let wish = setpoints.get(device).copied().flatten();
            wish.filter(|wish| wish.interval == interval)
        };
        let order = line::order(&plant.lines, plant.devices.len(), |device| {
            let gives = wish(device).is_some_and(|wish| wish.produce_wh > wish.consume_wh);
            let arrival = match &plant.devices[device].state {
                State::Vehicle(vehicle) => vehicle.arrival(),
                _ => None,
            };
            (!gives, arrival)
        });
        let mut readings = vec![Reading { interval, ..Reading::default() }; plant.devices.len()];
        for device in order {
            readings[device] = self.step(site, device as DeviceIndex, interval, wish(device));
        }
        readings
    }

    /// Moves one device through one interval and returns what it did.
    ///
    /// Without a setpoint for this very interval it does what it would do on its own. Each device is
    /// stepped once per interval, in order of time and, within an interval, of devices (the export
    /// limiter acts on what the devices before have left); an interval that is over is not played
    /// again.
    pub fn step(
        &mut self,
        site: PartyId,
        device: DeviceIndex,
        interval: Interval,
        setpoint: Option<Setpoint>,
    ) -> Reading {
        let silent = Reading { interval, ..Reading::default() };
        let Some(limit_wh) = self.export_limit_wh(site) else { return silent };
        let Some(index) = self.community.index(interval) else { return silent };
        let row_index = interval.0.checked_sub(self.community.start.0).map(|i| i as usize);
        let Some(plant) = self.sites.get_mut(site.0 as usize) else { return silent };
        let number = device;
        let (Some(row_index), Some(device)) = (row_index, plant.devices.get_mut(device as usize))
        else {
            return silent;
        };
        if interval < device.next || index >= self.community.series_len() {
            return silent;
        }
        device.next = interval.plus(1);
        if plant.rows.len() <= row_index {
            plant.rows.resize(row_index + 1, SiteInterval::default());
        }
        let row = &mut plant.rows[row_index];
        let wish = setpoint.filter(|wish| wish.interval == interval);
        let spare_wh = (row.consumed_wh() + limit_wh).saturating_sub(row.produced_wh());
        let line = plant.lines.iter_mut().find(|line| line.holds(number));
        let mut room = Room { take_wh: u64::MAX, give_wh: spare_wh };
        if let Some(line) = &line {
            room = line.within(room, interval);
        }
        let mut reading = device.state.step(interval, index, wish, room, row);
        if let Some(line) = line {
            line.carry(interval, &reading);
        }
        row.close();
        let now = interval.plus(1);
        device.state.describe(&mut reading, now, now.plus(self.community.beyond));
        reading
    }

    /// How a device stands before the first simulated interval: no energy, but charge, stays, jobs.
    #[must_use]
    pub fn opening(&self, site: PartyId, device: DeviceIndex) -> Reading {
        let now = self.community.start;
        let mut reading =
            Reading { interval: Interval(now.0.saturating_sub(1)), ..Reading::default() };
        if let Some(device) = self.device(site, device) {
            device.state.describe(&mut reading, now, now.plus(self.community.beyond));
        }
        reading
    }

    /// The recorded readings of a load, a generator or jobs over the history, in order of time;
    /// storage has none, because nobody has commanded it before.
    #[must_use]
    pub fn recorded(&self, site: PartyId, device: DeviceIndex) -> Vec<Reading> {
        let Some(device) = self.device(site, device) else { return Vec::new() };
        let first = self.community.first();
        let history = 0..self.community.history;
        history.filter_map(|i| device.state.recorded(first.plus(i), i as usize)).collect()
    }

    /// What a home did, one row per simulated interval that has been stepped.
    #[must_use]
    pub fn rows(&self, site: PartyId) -> &[SiteInterval] {
        self.sites.get(site.0 as usize).map_or(&[], |plant| &plant.rows)
    }

    /// Energy a home took above its connection's import limit so far, Wh.
    #[must_use]
    pub fn overload_wh(&self, site: PartyId) -> u64 {
        let limit_w = self.community.site(site).map_or(u64::MAX, |site| site.import_w);
        let limit_wh = limit_w.saturating_mul(self.community.interval_s.into()) / 3600;
        self.rows(site).iter().map(|row| row.import.saturating_sub(limit_wh)).sum()
    }

    /// Energy in all storage of a home now, Wh.
    #[must_use]
    pub fn stored_wh(&self, site: PartyId) -> u64 {
        let devices = self.sites.get(site.0 as usize).map_or(&[][..], |plant| &plant.devices);
        devices.iter().filter_map(|device| device.state.stored_wh()).sum()
    }

    /// Energy that trips of a home's vehicles needed and their batteries did not have, so far, Wh.
    #[must_use]
    pub fn missing_wh(&self, site: PartyId) -> u64 {
        let devices = self.sites.get(site.0 as usize).map_or(&[][..], |plant| &plant.devices);
        let missing = |device: &DevicePlant| match &device.state {
            State::Vehicle(vehicle) => vehicle.missing_wh(),
            _ => 0,
        };
        devices.iter().map(missing).sum()
    }

    /// The community it plays.
    #[must_use]
    pub fn community(&self) -> &Arc<Community> {
        &self.community
    }

    fn device(&self, site: PartyId, device: DeviceIndex) -> Option<&DevicePlant> {
        self.sites.get(site.0 as usize)?.devices.get(device as usize)
    }

    fn export_limit_wh(&self, site: PartyId) -> Option<u64> {
        let limit_w = self.community.site(site)?.export_w;
        Some(limit_w.saturating_mul(self.community.interval_s.into()) / 3600)
    }
}

impl State {
    fn new(device: &Device, community: &Community) -> Self {
        let (start, interval_s) = (community.start, community.interval_s);
        match (&device.nature, &device.data) {
            (Nature::Solar { .. }, DeviceData::Series(series)) => Self::Solar(Arc::clone(series)),
            (Nature::Wind { .. }, DeviceData::Series(series)) => Self::Wind(Arc::clone(series)),
            (_, DeviceData::Series(series)) => Self::Load(Arc::clone(series)),
            (_, DeviceData::Jobs(jobs)) => Self::Jobs(Jobs::new(jobs, start, interval_s)),
            (Nature::Battery(nature), DeviceData::Battery { initial_wh }) => {
                Self::Battery(Store::new(*nature, *initial_wh, interval_s))
            }
            (
                Nature::Vehicle(nature),
                DeviceData::Vehicle { initial_wh, stays, told, knowledge, asking },
            ) => {
                let stays = (stays, told);
                Self::Vehicle(Vehicle::new(
                    nature,
                    *initial_wh,
                    stays,
                    asking,
                    *knowledge,
                    start,
                    interval_s,
                ))
            }
            // A station does nothing but limit its connectors. A nature without its data: the builders
            // make none, and it does nothing.
            (_, DeviceData::Battery { .. } | DeviceData::Vehicle { .. } | DeviceData::Station) => {
                Self::Idle
            }
        }
    }

    fn step(
        &mut self,
        at: Interval,
        index: usize,
        wish: Option<Setpoint>,
        room: Room,
        row: &mut SiteInterval,
    ) -> Reading {
        let mut reading = Reading { interval: at, ..Reading::default() };
        let value = |series: &[u32]| u64::from(series.get(index).copied().unwrap_or(0));
        match self {
            Self::Load(series) => reading.consumed_wh = value(series),
            Self::Solar(series) | Self::Wind(series) => {
                let possible = value(series);
                let most = wish.map_or(possible, |wish| wish.produce_wh).min(room.give_wh);
                reading.produced_wh = possible.min(most);
                reading.curtailed_wh = possible - reading.produced_wh;
            }
            Self::Jobs(jobs) => {
                row.load += jobs.unshifted_wh(at);
                reading.consumed_wh = jobs.run(at, wish.map(|wish| wish.consume_wh));
            }
            Self::Battery(store) => {
                let (consume, produce) = wish.map_or((0, 0), |w| (w.consume_wh, w.produce_wh));
                let produce = produce.min(consume.saturating_add(room.give_wh));
                (reading.consumed_wh, reading.produced_wh) = store.follow(consume, produce);
            }
            Self::Vehicle(vehicle) => {
                (reading.consumed_wh, reading.produced_wh) = vehicle.step(at, wish, room);
            }
            Self::Idle => {}
        }
        self.book(&reading, row);
        reading
    }
}

#[cfg(test)]
mod tests;
