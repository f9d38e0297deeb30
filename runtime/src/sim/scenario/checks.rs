//! What a scenario must satisfy before anything is built from it; every refusal names the key, what
//! was found and what is allowed.

use gridpact_agents::local::forecast::DAYS_KEPT;
use gridpact_agents::network::NetworkFees;
use gridpact_chain::terms::Price;

use super::decimal::Millionths;
use super::file::range;
use super::settings::{Fanout, Graph, Layout};
use super::{Scenario, ScenarioError, members};
use crate::sim::calendar::zone;

/// Most homes of one run.
pub const PROSUMERS_MAX: u32 = 100_000;
/// Most days of one run.
pub const DAYS_MAX: u32 = 366;
/// Most recorded days before a run.
pub const HISTORY_DAYS_MAX: u32 = 60;
/// Most homes with which everybody may tell everybody.
pub const ALL_TO_ALL_MAX: u32 = 32;
/// Highest price or fee, currency per kWh.
const PRICE_MAX: i64 = 100;

/// Most connectors of one charging station.
pub const CONNECTORS_MAX: u32 = 64;

/// A century of days.
const RETENTION_DAYS_MAX: u32 = 36_500;

impl Scenario {
    /// Checks every range and combination once.
    ///
    /// # Errors
    /// The first setting that is out of range, with what is allowed.
    pub fn validate(&self) -> Result<(), ScenarioError> {
        self.params.validate().map_err(|e| ScenarioError::Range {
            key: e.key.trim_end_matches("_ppm").to_owned(),
            found: if e.key.ends_with("_ppm") { in_decimals(&e.found) } else { e.found },
            allowed: if e.key.ends_with("_ppm") {
                in_decimals(e.allowed)
            } else {
                e.allowed.into()
            },
        })?;
        self.check_run()?;
        self.check_chain()?;
        self.check_prices()?;
        self.check_sites()?;
        self.check_charging()?;
        self.check_weather()
    }

    fn check_run(&self) -> Result<(), ScenarioError> {
        let least = u32::from(self.data.layout == Layout::None);
        if !(least..=PROSUMERS_MAX).contains(&self.prosumers) {
            let allowed = format!("{least} to {PROSUMERS_MAX} homes");
            return Err(range("prosumers", self.prosumers, &allowed));
        }
        if !(1..=DAYS_MAX).contains(&self.days) {
            return Err(range("days", self.days, &format!("1 to {DAYS_MAX} days")));
        }
        if self.history_days > HISTORY_DAYS_MAX {
            let allowed = format!("0 to {HISTORY_DAYS_MAX} days");
            return Err(range("history_days", self.history_days, &allowed));
        }
        if i64::try_from(self.seed).is_err() {
            return Err(range("seed", self.seed, &format!("0 to {}", i64::MAX)));
        }
        if let Some(voters) = self.validators {
            let most = if self.prosumers == 0 { PROSUMERS_MAX } else { self.homes_max() };
            if !(1..=most).contains(&voters) {
                return Err(range("validators", voters, &format!("none, or 1 to {most} homes")));
            }
        }
        if (self.scenario.graph == Graph::List) == self.scenario.links.is_empty() {
            return Err(ScenarioError::Conflict(
                "scenario.links and scenario.graph = \"list\" go together: give both or neither"
                    .to_owned(),
            ));
        }
        let homes = if self.prosumers == 0 { 0 } else { self.homes_max() };
        members::check(&self.scenario.members, homes)?;
        for strategy in &self.scenario.strategies {
            strategy.check(self.prosumers, &self.params)?;
        }
        if self.data.layout == Layout::None && self.data.season.is_some() {
            return Err(ScenarioError::Conflict(
                "data.season chooses among measured days and generated homes have none: \
                 leave out --season, or give --data DIR"
                    .to_owned(),
            ));
        }
        zone(&self.zone).map(drop)
    }

    /// Homes and turbine.
    fn homes_max(&self) -> u32 {
        self.prosumers + u32::from(self.scenario.community_turbine_kw > 0)
    }

    fn check_chain(&self) -> Result<(), ScenarioError> {
        let chain = &self.chain;
        if chain.fanout == Fanout::AllToAll && self.prosumers > ALL_TO_ALL_MAX {
            return Err(ScenarioError::Conflict(format!(
                "chain.fanout = all_to_all is for at most {ALL_TO_ALL_MAX} homes and the scenario \
                 has {}: use tally, or fewer prosumers",
                self.prosumers
            )));
        }
        let limits = [
            ("chain.ledger_timeout_ms", chain.ledger_timeout_ms, 10, 3_600_000),
            ("chain.batch_bytes", chain.batch_bytes, 1_024, 16 << 20),
            ("verifier.slice_bytes", self.verifier.slice_bytes, 1_024, 64 << 20),
            ("verifier.threads", self.verifier.threads.into(), 1, 256),
            ("sites.import_limit_w", self.sites.import_limit_w, 100, 10_000_000),
            ("sites.export_limit_w", self.sites.export_limit_w, 0, 10_000_000),
            (
                "scenario.community_turbine_kw",
                self.scenario.community_turbine_kw.into(),
                0,
                100_000,
            ),
            ("feeder.sites", self.feeder.sites.into(), 0, PROSUMERS_MAX.into()),
            ("scenario.degree", self.scenario.degree.into(), 2, 64),
            ("scenario.copies_from", self.scenario.copies_from.into(), 0, PROSUMERS_MAX.into()),
        ];
        if !(DAYS_KEPT..=RETENTION_DAYS_MAX).contains(&chain.retention_days) {
            let allowed = format!(
                "{DAYS_KEPT} to {RETENTION_DAYS_MAX} days: forecasts are learned from the last \
                 {DAYS_KEPT} days, which must not be destroyed before"
            );
            return Err(range("chain.retention_days", chain.retention_days, &allowed));
        }
        for (key, found, least, most) in limits {
            if !(least..=most).contains(&found) {
                return Err(range(key, found, &format!("{least} to {most}")));
            }
        }
        Ok(())
    }

    fn check_prices(&self) -> Result<(), ScenarioError> {
        let most = PRICE_MAX * 1_000_000;
        let NetworkFees { same_site, same_feeder, other } = self.tariff.p2p_fee;
        let positive = if self.tariff.p2p_fee == NetworkFees::uniform(other) {
            vec![("tariff.p2p_fee", other)]
        } else {
            vec![
                ("tariff.p2p_fee.same_site", same_site),
                ("tariff.p2p_fee.same_feeder", same_feeder),
                ("tariff.p2p_fee.other", other),
            ]
        };
        let any = [("tariff.flat", self.tariff.flat), ("tariff.feed_in", self.tariff.feed_in)];
        let wear = Price(self.sites.wear.0);
        for (key, price) in positive.into_iter().chain([("sites.wear", wear)]) {
            if !(0..=most).contains(&price.0) {
                let allowed = format!("0 to {PRICE_MAX} per kWh");
                return Err(range(key, Millionths::from(price), &allowed));
            }
        }
        for (key, price) in any {
            if !(-most..=most).contains(&price.0) {
                let allowed = format!("-{PRICE_MAX} to {PRICE_MAX} per kWh");
                return Err(range(key, Millionths::from(price), &allowed));
            }
        }
        Ok(())
    }

    fn check_sites(&self) -> Result<(), ScenarioError> {
        let mix = &self.sites;
        for (key, found) in [
            ("sites.pv_share", mix.pv_share),
            ("sites.wind_share", mix.wind_share),
            ("sites.deferrable_share", mix.deferrable_share),
            ("sites.bess_share", mix.bess_share),
            ("sites.bess_floor", mix.bess_floor),
            ("sites.ev_share", mix.ev_share),
            ("sites.v2g_consent_share", mix.v2g_consent_share),
            ("sites.v2g_floor", mix.v2g_floor),
            ("sites.v2g_never_sold", mix.v2g_never_sold),
            ("sites.ev_full_now_share", mix.ev_full_now_share),
        ] {
            within(key, found, 0.0, 1.0)?;
        }
        if mix.pv_share + mix.wind_share > 1.0 + 1e-9 {
            return Err(ScenarioError::Conflict(format!(
                "sites.pv_share + sites.wind_share is {}: a home has one generator, so at most 1",
                mix.pv_share + mix.wind_share
            )));
        }
        within("sites.load_kwh_day", mix.load_kwh_day, 0.0, 10_000.0)?;
        within("sites.load_sigma", mix.load_sigma, 0.0, 3.0)?;
        within("sites.bess_kw", mix.bess_kw, 0.0, 10_000.0)?;
        within("sites.ev_kw", mix.ev_kw, 0.0, 400.0)?;
        within("sites.ev_trip_kwh", mix.ev_trip_kwh, 0.0, 500.0)?;
        for (key, [low, high], least, most) in [
            ("sites.pv_kwp", mix.pv_kwp, 0.0, 10_000.0),
            ("sites.wind_kw", mix.wind_kw, 0.0, 10_000.0),
            ("sites.deferrable_kwh", mix.deferrable_kwh, 0.0, 1_000.0),
            ("sites.deferrable_window_h", mix.deferrable_window_h, 0.5, 22.0),
            ("sites.deferrable_kw", mix.deferrable_kw, 0.01, 100.0),
            ("sites.bess_kwh", mix.bess_kwh, 0.1, 10_000.0),
            ("sites.ev_kwh", mix.ev_kwh, 1.0, 1_000.0),
            ("sites.ev_initial", mix.ev_initial, 0.0, 1.0),
            ("sites.ev_reserve", mix.ev_reserve, 0.0, 1.0),
            ("sites.ev_leaves_h", mix.ev_leaves_h, 0.0, 23.0),
            ("sites.ev_back_h", mix.ev_back_h, 1.0, 24.0),
            ("generation.sun_h", self.generation.sun_h, 0.0, 24.0),
        ] {
            within(key, low, least, most)?;
            within(key, high, low, most)?;
        }
        for (key, found) in [
            ("sites.eta_charge", mix.eta_charge),
            ("sites.eta_discharge", mix.eta_discharge),
            ("sites.ev_eta_charge", mix.ev_eta_charge),
            ("sites.ev_eta_discharge", mix.ev_eta_discharge),
        ] {
            if !(500_000..=1_000_000).contains(&found.0) {
                return Err(range(key, found, "0.5 to 1"));
            }
        }
        Ok(())
    }

    /// What drivers allow, and stations.
    fn check_charging(&self) -> Result<(), ScenarioError> {
        let mix = &self.sites;
        mix.v2g_kw.map_or(Ok(()), |kw| within("sites.v2g_kw", kw, 0.0, 400.0))?;
        let daily = mix.v2g_kwh_per_day;
        daily.map_or(Ok(()), |kwh| within("sites.v2g_kwh_per_day", kwh, 0.0, 10_000.0))?;
        if let Some(floor) = mix.v2g_price_floor
            && !(0..=PRICE_MAX * 1_000_000).contains(&floor.0)
        {
            let allowed = format!("none, or 0 to {PRICE_MAX} per kWh");
            return Err(range("sites.v2g_price_floor", floor, &allowed));
        }
        for [from, until] in &mix.v2g_hours {
            let are_hours = (0.0..=24.0).contains(from) && (0.0..=24.0).contains(until);
            if !are_hours || from == until {
                let found = format!("[{from}, {until}]");
                let allowed = "ranges of two different hours from 0 to 24";
                return Err(range("sites.v2g_hours", found, allowed));
            }
        }
        if mix.stations > self.prosumers {
            let allowed = format!("0 to {}, the number of prosumers", self.prosumers);
            return Err(range("sites.stations", mix.stations, &allowed));
        }
        if mix.stations > 0 && self.data.layout != Layout::None {
            return Err(ScenarioError::Conflict(
                "sites.stations are generated and data.layout names measured homes: \
                 leave out one of them"
                    .to_owned(),
            ));
        }
        if !(1..=CONNECTORS_MAX).contains(&mix.station_connectors) {
            let allowed = format!("1 to {CONNECTORS_MAX} connectors");
            return Err(range("sites.station_connectors", mix.station_connectors, &allowed));
        }
        within("sites.station_line_kw", mix.station_line_kw, 1.4, 10_000.0)
    }

    fn check_weather(&self) -> Result<(), ScenarioError> {
        let weather = &self.generation;
        within("generation.cloud_factor", weather.cloud_factor, 0.0, 1.0)?;
        within("generation.performance", weather.performance, 0.0, 1.0)?;
        within("generation.wind_level", weather.wind_level, 0.0, 1.0)?;
        within("generation.wind_common", weather.wind_common, 0.0, 1.0)?;
        within("generation.load_noise", weather.load_noise, 0.0, 2.0)?;
        within("generation.day_noise", weather.day_noise, 0.0, 2.0)
    }
}

fn within(key: &str, found: f64, least: f64, most: f64) -> Result<(), ScenarioError> {
    if (least..=most).contains(&found) {
        Ok(())
    } else {
        Err(range(key, found, &format!("{least} to {most}")))
    }
}

/// Rewrites every number of a sentence about ppm as a decimal: `0 to 1 000 000 ppm` is `0 to 1`.
fn in_decimals(text: &str) -> String {
    let words = text.trim_end_matches(" ppm").split(" to ").map(|word| {
        let number = word.replace(' ', "").parse().map(|ppm| Millionths(ppm).to_string());
        number.unwrap_or_else(|_| word.to_owned())
    });
    words.collect::<Vec<_>>().join(" to ")
}
