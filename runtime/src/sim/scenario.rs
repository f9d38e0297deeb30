//! A scenario: everything that decides a run, in one value that can be written down and read back.
//!
//! Presets are scenarios by name; flags change single settings. The same scenario gives the same
//! run, so a run writes its scenario beside its results. It knows settings, not homes: homes are made
//! from it by `profiles` or `dataset`.

mod checks;
mod decimal;
mod fee;
mod file;
mod members;
mod minds;
mod mode;
mod presets;
mod settings;
mod sites;
mod strategy;
mod words;

use std::path::PathBuf;

use gridpact_agents::network::NetworkFees;
use gridpact_agents::params::{Forecast, Params};
use serde::{Deserialize, Serialize};

use super::community::EvKnowledge;

pub use decimal::{DecimalError, Millionths};
pub use file::ScenarioFile;
pub use members::{Fate, MemberChange};
pub use mode::Mode;
pub use presets::{PRESETS, PresetLine};
pub use settings::{
    ChainSettings, DataSettings, Fanout, FeederSettings, Graph, Host, Layout, Quorum,
    ScenarioSettings, Season, TariffSettings, VerifierSettings,
};
pub use sites::{GenerationSettings, SiteMix};
pub use strategy::Strategy;

/// Everything that decides a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "ScenarioFile", try_from = "ScenarioFile")]
pub struct Scenario {
    /// Its name in reports.
    pub name: String,
    /// Homes; 0 with measured files = every home that was measured on the chosen days.
    pub prosumers: u32,
    /// Simulated days.
    pub days: u32,
    /// Recorded days before the first simulated one.
    pub history_days: u32,
    /// Seed of every draw.
    pub seed: u64,
    /// Homes that vote on the chain; none = all.
    pub validators: Option<u32>,
    /// First simulated local day, `YYYY-MM-DD`; none = chosen from the measured files.
    pub start: Option<jiff::civil::Date>,
    /// Time zone of tariffs, day profiles and weekdays, such as `Europe/London`.
    pub zone: String,
    /// Currency code.
    pub currency: String,
    /// Parameters of the minds.
    pub params: Params,
    /// The chain.
    pub chain: ChainSettings,
    /// Prices.
    pub tariff: TariffSettings,
    /// The common transformer.
    pub feeder: FeederSettings,
    /// What the homes know and how they are connected.
    pub scenario: ScenarioSettings,
    /// What the homes own.
    pub sites: SiteMix,
    /// Weather of generated days.
    pub generation: GenerationSettings,
    /// Measured files.
    pub data: DataSettings,
    /// The verifier.
    pub verifier: VerifierSettings,
}

impl Default for Scenario {
    fn default() -> Self {
        presets::reference()
    }
}

/// Settings changed by flags; `None` leaves the scenario's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--prosumers`.
    pub prosumers: Option<u32>,
    /// `--days`.
    pub days: Option<u32>,
    /// `--seed`.
    pub seed: Option<u64>,
    /// `--validators`.
    pub validators: Option<u32>,
    /// `--fee`, currency per kWh, as written; due between all sites, whatever their feeders.
    pub fee: Option<String>,
    /// `--mode`.
    pub mode: Option<Mode>,
    /// `--season`.
    pub season: Option<Season>,
    /// `--turbine`, kW.
    pub turbine_kw: Option<u32>,
    /// `--host`.
    pub host: Option<Host>,
    /// `--data DIR`.
    pub data: Option<PathBuf>,
    /// `--meters DIR`.
    pub meters: Option<PathBuf>,
}

/// A scenario that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// No preset has this name.
    #[error("no scenario is named `{name}`{near}; `--scenario list` shows all")]
    Preset {
        /// What was asked for.
        name: String,
        /// A suggestion, or nothing.
        near: String,
    },
    /// A setting is outside its range.
    #[error("{key} = {found} is out of range: {allowed}")]
    Range {
        /// The key as written in a scenario file.
        key: String,
        /// What was found.
        found: String,
        /// What is allowed.
        allowed: String,
    },
    /// Two settings do not go together.
    #[error("{0}")]
    Conflict(String),
}

impl Scenario {
    /// The preset with this name.
    ///
    /// # Errors
    /// [`ScenarioError::Preset`] with the nearest name when there is none.
    pub fn preset(name: &str) -> Result<Self, ScenarioError> {
        presets::by_name(name)
    }

    /// Changes what the flags name; `--data` and `--meters` also bring the settings that go with
    /// measured files, unless the scenario already has them.
    ///
    /// # Errors
    /// When two flags exclude each other or a value is out of range.
    pub fn apply(mut self, flags: &Overrides) -> Result<Self, ScenarioError> {
        presets::use_files(&mut self, flags)?;
        self.prosumers = flags.prosumers.unwrap_or(self.prosumers);
        self.days = flags.days.unwrap_or(self.days);
        self.seed = flags.seed.unwrap_or(self.seed);
        self.validators = flags.validators.or(self.validators);
        if let Some(fee) = &flags.fee {
            let fee = fee.parse::<Millionths>().map_err(|e| e.at("--fee"))?.price();
            self.tariff.p2p_fee = NetworkFees::uniform(fee);
        }
        if let Some(mode) = flags.mode {
            mode.set(&mut self.params);
        }
        if flags.season.is_some() {
            self.data.season = flags.season;
        }
        self.scenario.community_turbine_kw =
            flags.turbine_kw.unwrap_or(self.scenario.community_turbine_kw);
        self.scenario.host = flags.host.unwrap_or(self.scenario.host);
        self.validate()?;
        Ok(self)
    }

    /// The same homes and days, lived by minds that know every load, cloud and departure to come.
    #[must_use]
    pub fn with_foresight(&self) -> Self {
        let mut all_knowing = self.clone();
        all_knowing.params.lca.forecast = Forecast::Perfect;
        all_knowing.scenario.ev_knowledge = EvKnowledge::Perfect;
        all_knowing
    }
}

#[cfg(test)]
mod tests;
