//! The scenario as it stands in a TOML file: public keys, decimals, `none` and `all` in words.

use gridpact_agents::params::{EpochParams, FinalParams, Params};
use serde::{Deserialize, Serialize};

use super::decimal::Millionths;
use super::fee::FeeFile;
use super::minds::{CoalitionFile, LcaFile, NegotiateFile};
use super::settings::{
    ChainSettings, DataSettings, FeederSettings, ScenarioSettings, TariffSettings, VerifierSettings,
};
use super::sites::{GenerationSettings, SiteMix};
use super::words::or_none;
use super::{Scenario, ScenarioError};
use crate::sim::tariff::TariffPreset;

/// `[tariff]` as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TariffFile {
    preset: TariffPreset,
    p2p_fee: FeeFile,
    flat: Millionths,
    feed_in: Millionths,
}

/// A scenario with the keys of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioFile {
    name: String,
    prosumers: u32,
    days: u32,
    history_days: u32,
    seed: u64,
    #[serde(with = "or_none")]
    validators: Option<u32>,
    #[serde(with = "or_none")]
    start: Option<String>,
    zone: String,
    currency: String,
    epoch: EpochParams,
    lca: LcaFile,
    coalition: CoalitionFile,
    negotiate: NegotiateFile,
    #[serde(rename = "final")]
    finals: FinalParams,
    chain: ChainSettings,
    tariff: TariffFile,
    feeder: FeederSettings,
    scenario: ScenarioSettings,
    sites: SiteMix,
    generation: GenerationSettings,
    data: DataSettings,
    verifier: VerifierSettings,
}

impl From<Scenario> for ScenarioFile {
    fn from(s: Scenario) -> Self {
        Self {
            name: s.name,
            prosumers: s.prosumers,
            days: s.days,
            history_days: s.history_days,
            seed: s.seed,
            validators: s.validators,
            start: s.start.map(|date| date.to_string()),
            zone: s.zone,
            currency: s.currency,
            lca: LcaFile::from(&s.params.lca),
            coalition: CoalitionFile::from(&s.params.coalition),
            negotiate: NegotiateFile::from(&s.params.negotiate),
            epoch: s.params.epoch,
            finals: s.params.finals,
            chain: s.chain,
            tariff: TariffFile::from(&s.tariff),
            feeder: s.feeder,
            scenario: s.scenario,
            sites: s.sites,
            generation: s.generation,
            data: s.data,
            verifier: s.verifier,
        }
    }
}

impl TryFrom<ScenarioFile> for Scenario {
    type Error = ScenarioError;

    fn try_from(file: ScenarioFile) -> Result<Self, ScenarioError> {
        let start = file.start.as_deref().map(parse_date).transpose()?;
        let params = Params {
            epoch: file.epoch,
            lca: file.lca.params()?,
            coalition: file.coalition.params()?,
            negotiate: file.negotiate.params(),
            finals: file.finals,
        };
        let scenario = Self {
            name: file.name,
            prosumers: file.prosumers,
            days: file.days,
            history_days: file.history_days,
            seed: file.seed,
            validators: file.validators,
            start,
            zone: file.zone,
            currency: file.currency,
            params,
            chain: file.chain,
            tariff: TariffSettings {
                preset: file.tariff.preset,
                p2p_fee: file.tariff.p2p_fee.into(),
                flat: file.tariff.flat.price(),
                feed_in: file.tariff.feed_in.price(),
            },
            feeder: file.feeder,
            scenario: file.scenario,
            sites: file.sites,
            generation: file.generation,
            data: file.data,
            verifier: file.verifier,
        };
        scenario.validate()?;
        Ok(scenario)
    }
}

fn parse_date(text: &str) -> Result<jiff::civil::Date, ScenarioError> {
    text.parse().map_err(|_| range("start", text, "a date such as 2013-12-02, or none"))
}

pub(super) fn range(key: &str, found: impl ToString, allowed: &str) -> ScenarioError {
    ScenarioError::Range {
        key: key.to_owned(),
        found: found.to_string(),
        allowed: allowed.to_owned(),
    }
}

impl From<&TariffSettings> for TariffFile {
    fn from(t: &TariffSettings) -> Self {
        Self {
            preset: t.preset,
            p2p_fee: t.p2p_fee.into(),
            flat: t.flat.into(),
            feed_in: t.feed_in.into(),
        }
    }
}
