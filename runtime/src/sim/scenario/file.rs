//! The scenario as it stands in a TOML file: public keys, decimals, `none` and `all` in words.

use gridpact_agents::params::{
    BlockShape, BuyQuantile, CoalitionParams, EpochParams, FinalParams, LcaParams, NegotiateParams,
    Params, Pricing, Terminal,
};
use gridpact_chain::terms::Energy;
use serde::{Deserialize, Serialize};

use super::decimal::Millionths;
use super::settings::{
    ChainSettings, DataSettings, FeederSettings, ForecastMode, GenerationSettings,
    ScenarioSettings, SiteMix, TariffSettings, VerifierSettings,
};
use super::{Scenario, ScenarioError};
use crate::sim::tariff::TariffPreset;

/// Optional values written as `"none"`, because TOML has no word for nothing.
pub(super) mod or_none {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        None,
    }

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum OrNone<T> {
        Word(Word),
        Some(T),
    }

    pub(in crate::sim::scenario) fn serialize<T: Serialize, S: Serializer>(
        value: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => value.serialize(serializer),
            None => Word::None.serialize(serializer),
        }
    }

    pub(in crate::sim::scenario) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        Ok(match OrNone::deserialize(deserializer)? {
            OrNone::Word(Word::None) => None,
            OrNone::Some(value) => Some(value),
        })
    }
}

/// `[lca]` as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LcaFile {
    max_block_min: u32,
    block_shape: BlockShape,
    terminal: Terminal,
    buy_quantile: QuantileFile,
    forecast: ForecastMode,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum QuantileWord {
    Newsvendor,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum QuantileFile {
    Word(QuantileWord),
    Fixed(Millionths),
}

/// `[coalition]` as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoalitionFile {
    depth_max: u32,
    max_dry_picks: u32,
    min_trade_wh: u64,
    #[serde(with = "or_none")]
    coverage_target: Option<Millionths>,
}

/// `[negotiate]` as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NegotiateFile {
    margin: Millionths,
    mu0: Millionths,
    c_min: Millionths,
    a_s: Millionths,
    disc: Millionths,
    a_b: Millionths,
    floor_b: Millionths,
    omega: Millionths,
    overbook: Millionths,
    cost_floor: bool,
    max_rounds: u32,
    pricing: Pricing,
}

/// `[tariff]` as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TariffFile {
    preset: TariffPreset,
    p2p_fee: Millionths,
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
            lca: LcaFile::from((&s.params.lca, s.forecast)),
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
        let forecast = file.lca.forecast;
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
            forecast,
            chain: file.chain,
            tariff: TariffSettings {
                preset: file.tariff.preset,
                p2p_fee: file.tariff.p2p_fee.price(),
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

impl From<(&LcaParams, ForecastMode)> for LcaFile {
    fn from((lca, forecast): (&LcaParams, ForecastMode)) -> Self {
        Self {
            max_block_min: lca.max_block_min,
            block_shape: lca.block_shape,
            terminal: lca.terminal,
            buy_quantile: match lca.buy_quantile {
                BuyQuantile::Newsvendor => QuantileFile::Word(QuantileWord::Newsvendor),
                BuyQuantile::FixedPpm(ppm) => QuantileFile::Fixed(Millionths(ppm.into())),
            },
            forecast,
        }
    }
}

impl LcaFile {
    fn params(&self) -> Result<LcaParams, ScenarioError> {
        let buy_quantile = match self.buy_quantile {
            QuantileFile::Word(QuantileWord::Newsvendor) => BuyQuantile::Newsvendor,
            QuantileFile::Fixed(share) => match u32::try_from(share.0) {
                Ok(ppm) if (1..1_000_000).contains(&ppm) => BuyQuantile::FixedPpm(ppm),
                _ => {
                    let allowed = "newsvendor, or a number above 0 and below 1";
                    return Err(range("lca.buy_quantile", share, allowed));
                }
            },
        };
        Ok(LcaParams {
            max_block_min: self.max_block_min,
            block_shape: self.block_shape,
            terminal: self.terminal,
            buy_quantile,
        })
    }
}

impl From<&CoalitionParams> for CoalitionFile {
    fn from(c: &CoalitionParams) -> Self {
        let share = |ppm| Millionths(i64::try_from(ppm).unwrap_or(i64::MAX));
        Self {
            depth_max: c.depth_max,
            max_dry_picks: c.max_dry_picks,
            min_trade_wh: c.min_trade_wh.0,
            coverage_target: c.coverage_target_ppm.map(share),
        }
    }
}

impl CoalitionFile {
    fn params(&self) -> Result<CoalitionParams, ScenarioError> {
        let target = |share: Millionths| {
            u64::try_from(share.0).ok().filter(|ppm| (1..=100_000_000).contains(ppm)).ok_or_else(
                || range("coalition.coverage_target", share, "none, or above 0 up to 100"),
            )
        };
        Ok(CoalitionParams {
            depth_max: self.depth_max,
            max_dry_picks: self.max_dry_picks,
            min_trade_wh: Energy(self.min_trade_wh),
            coverage_target_ppm: self.coverage_target.map(target).transpose()?,
        })
    }
}

impl From<&NegotiateParams> for NegotiateFile {
    fn from(n: &NegotiateParams) -> Self {
        Self {
            margin: Millionths(n.margin_ppm),
            mu0: Millionths(n.mu0_ppm),
            c_min: n.c_min.into(),
            a_s: Millionths(n.a_s_ppm),
            disc: Millionths(n.disc_ppm),
            a_b: Millionths(n.a_b_ppm),
            floor_b: Millionths(n.floor_b_ppm),
            omega: Millionths(n.omega_ppm),
            overbook: Millionths(n.overbook_ppm),
            cost_floor: n.cost_floor,
            max_rounds: n.max_rounds,
            pricing: n.pricing,
        }
    }
}

impl NegotiateFile {
    fn params(&self) -> NegotiateParams {
        NegotiateParams {
            margin_ppm: self.margin.0,
            mu0_ppm: self.mu0.0,
            c_min: self.c_min.price(),
            a_s_ppm: self.a_s.0,
            disc_ppm: self.disc.0,
            a_b_ppm: self.a_b.0,
            floor_b_ppm: self.floor_b.0,
            omega_ppm: self.omega.0,
            overbook_ppm: self.overbook.0,
            cost_floor: self.cost_floor,
            max_rounds: self.max_rounds,
            pricing: self.pricing,
        }
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
