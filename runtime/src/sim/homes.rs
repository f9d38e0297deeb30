//! What each home of a simulated community is born with: its LCA's setup, its SCA's, its drivers.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use gridpact_agents::local::forecast::{
    Calendar, Forecaster, LearnedForecaster, Perfect, SeriesId,
};
use gridpact_agents::local::setup::{Connection, LocalSetup};
use gridpact_agents::network::{Network, Place};
use gridpact_agents::params::{Forecast, Params};
use gridpact_agents::resource::ResourceSetup;
use gridpact_agents::resource::nature::Nature;
use gridpact_agents::resource::reading::{DeviceIndex, Reading};
use gridpact_agents::resource::realise::PowerRanges;
use gridpact_agents::social::{SocialSetup, pricing, tactic};
use gridpact_chain::digest::Digest;
use gridpact_chain::terms::{Interval, PartyId, Power, Price};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::community::{Community, DeviceData, Site};
use super::localtime::ZoneCalendar;
use super::plant::Plant;
use super::scenario::{FeederSettings, Scenario};
use crate::device::Driver;
use crate::device::simulated::{Field, SimulatedDriver};

/// Epochs before the first simulated interval: its first tender window is traded in the one before.
pub const LEAD: u32 = 1;

/// Everything homes are made from.
pub struct Nursery {
    /// The community.
    pub community: Arc<Community>,
    /// Validated parameters of the minds.
    pub params: Arc<Params>,
    calendar: Arc<dyn Calendar>,
    network: Arc<Network>,
    feeder: FeederSettings,
    seed: u64,
    /// The devices before anything happened, for what they have recorded; made once for all homes.
    unmoved: OnceLock<Plant>,
}

impl Nursery {
    /// A nursery for the homes of `community`.
    #[must_use]
    pub fn new(scenario: &Scenario, community: Arc<Community>) -> Self {
        let intervals = community.series_len();
        let zone = &community.zone;
        let calendar = ZoneCalendar::new(community.first(), intervals, community.interval_s, zone);
        Self {
            params: Arc::new(scenario.params.clone()),
            calendar: Arc::new(calendar),
            network: Arc::new(network(scenario, &community)),
            feeder: scenario.feeder.clone(),
            seed: scenario.seed,
            unmoved: OnceLock::new(),
            community,
        }
    }

    /// What the LCA of a home is born with; the same in every life.
    #[must_use]
    pub fn local(&self, party: PartyId, trading: bool) -> Option<LocalSetup> {
        let site = self.community.site(party)?;
        Some(LocalSetup {
            party,
            params: (*self.params).clone(),
            devices: natures(site),
            connection: self.connection(site),
            tariff: Arc::clone(&site.tariff) as _,
            calendar: Arc::clone(&self.calendar),
            forecaster: self.forecaster(party, site),
            p2p_fee: self.network.least_fee(party),
            seed: self.seed ^ u64::from(party.0),
            trading,
            trade_until: Some(self.community.end()),
        })
    }

    /// The home's line, and its share of the transformer where the grid operator enforces that
    /// (protocol 12.35): in proportion to the lines behind it.
    fn connection(&self, site: &Site) -> Connection {
        let share = |limit_w: Option<u64>, own_w: u64, line: fn(&Site) -> u64| match limit_w {
            Some(limit_w) if self.feeder.enforce => {
                let all: u128 = self.community.sites.iter().map(|s| u128::from(line(s))).sum();
                let share = u128::from(limit_w) * u128::from(own_w) / all.max(1);
                u64::try_from(share).unwrap_or(u64::MAX).min(own_w)
            }
            _ => own_w,
        };
        Connection {
            import_w: share(self.feeder.import_limit_w, site.import_w, |s| s.import_w),
            export_w: share(self.feeder.export_limit_w, site.export_w, |s| s.export_w),
        }
    }

    fn forecaster(&self, party: PartyId, site: &Site) -> Box<dyn Forecaster> {
        let forecast = self.params.lca.forecast;
        if forecast == Forecast::Perfect {
            return self.perfect(site);
        }
        let calendar = Arc::clone(&self.calendar);
        let learning = match forecast.method() {
            Some(method) => LearnedForecaster::with_method(calendar, method),
            None => LearnedForecaster::new(calendar),
        };
        self.learned(party, site, learning)
    }

    fn perfect(&self, site: &Site) -> Box<dyn Forecaster> {
        let mut known = Perfect::new();
        for (device, given) in (0..).zip(&site.devices) {
            if let DeviceData::Series(series) = &given.data {
                let (device, first) = (SeriesId::Device(device), self.community.first());
                known = known.with(device, first, Arc::clone(series));
            }
        }
        Box::new(known)
    }

    /// With the history up to the readings that the first epochs will bring.
    fn learned(
        &self,
        party: PartyId,
        site: &Site,
        mut learning: LearnedForecaster,
    ) -> Box<dyn Forecaster> {
        let plant = self.unmoved.get_or_init(|| Plant::new(Arc::clone(&self.community)));
        let unheard = self.community.start.0.saturating_sub(1 + LEAD);
        let mut net: Vec<f64> = Vec::new();
        for (device, given) in (0..).zip(&site.devices) {
            if !matches!(given.data, DeviceData::Series(_)) {
                continue;
            }
            let series = SeriesId::Device(device);
            let sign = match rated_wh(&given.nature, self.community.interval_s) {
                Some(rated_wh) => {
                    learning = learning.with_rated(series, rated_wh);
                    -1.0
                }
                None => 1.0,
            };
            let recorded = plant.recorded(party, device);
            let heard: Vec<f64> =
                recorded.iter().filter(|r| r.interval.0 < unheard).map(energy_wh).collect();
            learning.preload(series, self.community.first(), &heard);
            net.resize(net.len().max(heard.len()), 0.0);
            for (net, wh) in net.iter_mut().zip(&heard) {
                *net += sign * wh;
            }
        }
        // What is to be bought is a quantile of the net load: it needs a past as well.
        learning.preload(SeriesId::Net, self.community.first(), &net);
        Box::new(learning)
    }

    /// What the SCA of a home is born with in its `life`-th life.
    #[must_use]
    pub fn social(
        &self,
        party: PartyId,
        community: Digest,
        imbalance_cap: Price,
        life: u32,
    ) -> Option<SocialSetup> {
        let site = self.community.site(party)?;
        let mut rng = ChaCha20Rng::seed_from_u64(self.seed);
        rng.set_stream(SOCIAL_STREAMS | u64::from(party.0) << 16 | u64::from(life & 0xffff));
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        Some(SocialSetup {
            party,
            community,
            params: Arc::clone(&self.params),
            tactic: tactic::named(self.params.negotiate.tactic),
            pricing: match self.community.pricing.get(&party) {
                Some(own) => Arc::clone(own),
                None => pricing::named(self.params.negotiate.pricing),
            },
            neighbours: self.community.neighbours.get(party.0 as usize)?.clone(),
            network: Arc::clone(&self.network),
            line_limit: Power(i64::try_from(site.import_w).unwrap_or(i64::MAX)),
            imbalance_cap,
            seed,
        })
    }
}

/// Where the homes are connected, each on its own, and what is due between them.
#[must_use]
pub fn network(scenario: &Scenario, community: &Community) -> Network {
    let places = (0..).take(community.sites.len());
    let places = places.map(|site| Place { site, feeder: scenario.feeder.of(site) });
    Network::new(scenario.tariff.p2p_fee, places.collect())
}

/// Keeps the SCAs' streams of chance apart from those of profiles and keys.
const SOCIAL_STREAMS: u64 = 1 << 56;

/// What a home's devices can do.
#[must_use]
pub fn natures(site: &Site) -> Vec<Nature> {
    site.devices.iter().map(|device| device.nature.clone()).collect()
}

/// What the RAs of a home's devices are born with.
#[must_use]
pub fn setups(site: &Site, interval_s: u32) -> Vec<ResourceSetup> {
    let natures = (0..).zip(natures(site));
    natures.map(|(device, nature)| setup(device, nature, interval_s)).collect()
}

/// A device as it is simulated: a vehicle's charger is off or charges from its least power on; all
/// else, and giving back, goes at any power up to the rating.
#[must_use]
pub fn setup(device: DeviceIndex, nature: Nature, interval_s: u32) -> ResourceSetup {
    let charger = match &nature {
        Nature::Vehicle(car) => Some(PowerRanges::charger(car.store.charge_w)),
        _ => None,
    };
    let any = ResourceSetup::new(device, nature, interval_s);
    ResourceSetup { consume: charger.unwrap_or_else(|| any.consume.clone()), ..any }
}

/// The drivers of a home, on the field all homes share.
#[must_use]
pub fn drivers(field: &Rc<RefCell<Field>>, party: PartyId) -> Rc<dyn Fn(usize) -> Box<dyn Driver>> {
    let field = Rc::clone(field);
    Rc::new(move |device| {
        Box::new(SimulatedDriver::new(Rc::clone(&field), party.0 as usize, device))
    })
}

/// Rated output of a generator in one interval, Wh.
fn rated_wh(nature: &Nature, interval_s: u32) -> Option<f64> {
    match nature {
        Nature::Solar { rated_w } | Nature::Wind { rated_w } => {
            Some(*rated_w as f64 * f64::from(interval_s) / 3600.0)
        }
        _ => None,
    }
}

/// What a load took or a generator could have given, Wh.
fn energy_wh(reading: &Reading) -> f64 {
    let wh = reading.consumed_wh + reading.produced_wh + reading.curtailed_wh;
    f64::from(u32::try_from(wh).unwrap_or(u32::MAX))
}

/// A device's number as minds count.
#[must_use]
pub fn device_index(device: usize) -> DeviceIndex {
    DeviceIndex::try_from(device).unwrap_or(DeviceIndex::MAX)
}

/// A home's number as minds count.
#[must_use]
pub fn party_of(site: usize) -> PartyId {
    PartyId(u32::try_from(site).unwrap_or(u32::MAX))
}

/// The first epoch of a run.
#[must_use]
pub fn first_epoch(community: &Community) -> Interval {
    Interval(community.start.0.saturating_sub(LEAD))
}

impl gridpact_agents::local::tariff::Tariff for super::tariff::SiteTariff {
    fn retail(&self, at: Interval) -> Price {
        Self::retail(self, at)
    }

    fn feed_in(&self, at: Interval) -> Price {
        Self::feed_in(self, at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_enforced_transformer_limit_is_shared_by_the_lines_behind_it() {
        let mut scenario = Scenario { prosumers: 4, ..Scenario::default() };
        scenario.feeder.import_limit_w = Some(30_000);
        let import_w = |scenario: &Scenario| {
            let community = Arc::new(super::super::build(scenario).expect("a generated community"));
            let nursery = Nursery::new(scenario, community);
            nursery.local(PartyId(0), true).expect("home 0").connection.import_w
        };
        assert_eq!(import_w(&scenario), 15_000, "reported only");
        scenario.feeder.enforce = true;
        assert_eq!(import_w(&scenario), 7_500);
    }
}
