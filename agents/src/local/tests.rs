//! Laws of the LCA, told through a small world that answers for devices, solver and SCA.

mod buying;
mod clock;
mod cycle;
mod driving;
mod lacking;
mod law;
mod learning;
mod screen;
mod selling;
mod sites;

use std::sync::Arc;

use gridpact_chain::contract::ContractId;
use gridpact_chain::terms::{Energy, Interval, PartyId, Price, Profile, Timestamp};

use super::door::*;
use super::forecast::{FixedOffset, Perfect, SeriesId};
use super::setup::{Connection, LocalSetup};
use super::speech::{LocalEffect, LocalInput};
use super::tariff::Repeating;
use super::*;
use crate::params::Params;
use crate::resource::nature::{Nature, Stay, Storage};

/// A local midnight: 1970-01-21.
const MIDNIGHT: u32 = 960;

const BATTERY: Storage = Storage {
    capacity_wh: 10_000,
    charge_w: 5_000,
    discharge_w: 5_000,
    eta_charge_ppm: 950_000,
    eta_discharge_ppm: 950_000,
    floor_ppm: 100_000,
    wear: Price(30_000),
};

/// One site whose future is what its forecaster says.
struct World {
    mind: LocalAgent,
    params: Params,
    load: Arc<[u32]>,
    sun: Arc<[u32]>,
    /// Stored energy of the battery, Wh.
    stored: f64,
    /// Makes the battery a vehicle that is away between these.
    stays: Vec<Stay>,
    told: BTreeMap<DeviceIndex, Setpoint>,
    epoch: u32,
    out: Vec<LocalEffect>,
}

/// Three days of a flat load and a sun from 8 to 16 h, from [`MIDNIGHT`].
fn days(load: u32, sun: u32) -> (Arc<[u32]>, Arc<[u32]>) {
    let sun = |t: u32| if (16..32).contains(&(t % 48)) { sun } else { 0 };
    ((0..144).map(|_| load).collect(), (0..144).map(sun).collect())
}

/// Off-peak 13 c, peak 52 c from 14 to 20 h, shoulder 21 c; 8 c for exports.
fn tariff() -> Repeating {
    let price = |slot: u32| match slot {
        0..14 | 44.. => 130_000,
        28..40 => 520_000,
        _ => 210_000,
    };
    Repeating { prices: (0..48).map(|s| (Price(price(s)), Price(80_000))).collect() }
}

impl World {
    fn new(params: Params, series: (Arc<[u32]>, Arc<[u32]>), stored: Option<f64>) -> Self {
        let mut devices = vec![Nature::Load, Nature::Solar { rated_w: 8_000 }];
        devices.extend(stored.map(|_| Nature::Battery(BATTERY)));
        let (load, sun) = series;
        let from = Interval(MIDNIGHT);
        let perfect = Perfect::new().with(SeriesId::Device(0), from, load.clone()).with(
            SeriesId::Device(1),
            from,
            sun.clone(),
        );
        let setup = LocalSetup {
            party: PartyId(7),
            params: params.clone(),
            devices,
            connection: Connection::default(),
            tariff: Arc::new(tariff()),
            calendar: Arc::new(FixedOffset { slots_per_day: 48, ahead: 0 }),
            forecaster: Box::new(perfect),
            p2p_fee: Price(0),
            seed: 3,
            trading: true,
            trade_until: None,
            manner: super::manner::Manner::default(),
        };
        Self {
            mind: LocalAgent::new(setup),
            params,
            load,
            sun,
            stored: stored.unwrap_or(0.0),
            stays: Vec::new(),
            told: BTreeMap::new(),
            epoch: MIDNIGHT - 1,
            out: Vec::new(),
        }
    }

    /// Makes the battery a vehicle with these stays.
    fn drive(&mut self, stays: Vec<Stay>) {
        self.mind.setup.devices[2] = Nature::vehicle(BATTERY);
        self.stays = stays;
    }

    fn start_of(&self, epoch: u32) -> Timestamp {
        Interval(epoch).starts_at(1800)
    }

    fn deadlines(&self, epoch: u32) -> Deadlines {
        self.params.epoch.deadlines(self.start_of(epoch))
    }

    /// Says one thing at `ms` after the epoch's start, and answers every question it raises.
    fn tell(&mut self, ms: u64, input: LocalInput) -> Vec<LocalEffect> {
        let now = self.start_of(self.epoch).after_ms(ms);
        let mut effects = Vec::new();
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let mut out = Vec::new();
            self.mind.handle(now, input, &mut out);
            for effect in out {
                match effect {
                    LocalEffect::Solve { ticket, problem } => {
                        let plan = schedule::solve(&problem);
                        inputs.push(LocalInput::Solved { ticket, plan });
                    }
                    LocalEffect::Setpoint { device, setpoint } => {
                        self.told.insert(device, setpoint);
                        effects.push(LocalEffect::Setpoint { device, setpoint });
                    }
                    other => effects.push(other),
                }
            }
        }
        self.out.extend(effects.iter().cloned());
        effects
    }

    fn reading(&self, device: DeviceIndex, interval: u32) -> Reading {
        let at = |series: &[u32]| {
            let i = interval.checked_sub(MIDNIGHT).map(|i| i as usize);
            u64::from(i.and_then(|i| series.get(i)).copied().unwrap_or(0))
        };
        let mut reading = Reading { interval: Interval(interval), ..Reading::default() };
        match device {
            0 => reading.consumed_wh = at(&self.load),
            1 => reading.produced_wh = at(&self.sun),
            _ => {
                reading.stored_wh = Some(self.stored.round() as u64);
                let known = self.stays.iter().filter(|s| s.departure.0 > interval + 1);
                reading.stays = known.copied().collect();
            }
        }
        reading
    }

    /// Lets the current interval pass as commanded; returns what left the site net, Wh.
    fn pass(&mut self) -> f64 {
        let at = |series: &[u32]| {
            let i = self.epoch.checked_sub(MIDNIGHT).map(|i| i as usize);
            f64::from(i.and_then(|i| series.get(i)).copied().unwrap_or(0))
        };
        let mut net = at(&self.sun) - at(&self.load);
        if let Some(told) = self.told.get(&2).filter(|s| s.interval.0 == self.epoch) {
            let (c, d) = (told.consume_wh as f64, told.produce_wh as f64);
            self.stored = (self.stored + 0.95 * c - d / 0.95).clamp(0.0, 10_000.0);
            net += d - c;
        }
        for stay in self.stays.iter().filter(|s| s.departure.0 == self.epoch + 1) {
            assert!(self.stored > stay.departure_wh as f64 - 4.0, "left with {}", self.stored);
            self.stored -= stay.trip_wh as f64;
        }
        net
    }

    /// Begins the next epoch, all devices reporting.
    fn next(&mut self) -> Vec<LocalEffect> {
        self.epoch += 1;
        let epoch = Interval(self.epoch);
        let deadlines = self.deadlines(self.epoch);
        let mut out = self.tell(0, LocalInput::EpochStart { epoch, deadlines });
        for device in 0..self.mind.setup.devices.len() as DeviceIndex {
            let reading = self.reading(device, self.epoch - 1);
            out.extend(self.tell(10, LocalInput::Reading { device, reading }));
        }
        out
    }

    /// Runs to the start of `epoch`.
    fn run_to(&mut self, epoch: u32) -> Vec<LocalEffect> {
        let mut out = Vec::new();
        while self.epoch < epoch {
            self.pass();
            out = self.next();
        }
        out
    }

    fn quote(&mut self, start: u32, wh: Vec<u64>) -> Quote {
        let wanted = Profile { start: Interval(start), wh };
        let out =
            self.tell(6_000, LocalInput::Quote(QuoteRequest { ticket: 1, wanted, beside: None }));
        match out.last() {
            Some(LocalEffect::Quote(quote)) => quote.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn reserve(
        &mut self,
        id: u8,
        start: u32,
        wh: Vec<u64>,
        price: i64,
    ) -> Result<Price, CancelReason> {
        let request = ReserveRequest {
            contract_id: ContractId(gridpact_chain::digest::Digest([id; 32])),
            profile: Profile { start: Interval(start), wh },
            unit_price: Price(price),
        };
        self.out.clear();
        self.tell(35_000, LocalInput::Reserve(request));
        let replies: Vec<_> = (self.out.iter())
            .filter_map(|e| match e {
                LocalEffect::Reserved(reply) => Some(reply.outcome),
                _ => None,
            })
            .collect();
        assert_eq!(replies.len(), 1, "one answer each");
        replies[0]
    }
}

fn blocks(out: &[LocalEffect]) -> Vec<PurchaseBlocks> {
    let pick = |e: &LocalEffect| match e {
        LocalEffect::Blocks(blocks) => Some(blocks.clone()),
        _ => None,
    };
    out.iter().filter_map(pick).collect()
}
