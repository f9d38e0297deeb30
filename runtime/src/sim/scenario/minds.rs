//! The parameters of the minds as they stand in a scenario file: shares and prices as decimals.

use gridpact_agents::params::{
    Award, BlockShape, BuyQuantile, CoalitionParams, Curve, Forecast, Growth, LcaParams,
    NegotiateParams, PricingName, TacticName, Terminal,
};
use gridpact_chain::terms::Energy;
use serde::{Deserialize, Serialize};

use super::ScenarioError;
use super::decimal::Millionths;
use super::file::range;
use super::words::or_none;

/// `[lca]` as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LcaFile {
    max_block_min: u32,
    block_shape: BlockShape,
    terminal: Terminal,
    buy_quantile: QuantileFile,
    pub(super) forecast: Forecast,
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
    growth: Growth,
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
    pricing: PricingName,
    tactic: TacticName,
    curve: Curve,
    #[serde(with = "or_none")]
    beta: Option<Millionths>,
    kappa: Millionths,
    award: Award,
}

impl From<&LcaParams> for LcaFile {
    fn from(lca: &LcaParams) -> Self {
        Self {
            max_block_min: lca.max_block_min,
            block_shape: lca.block_shape,
            terminal: lca.terminal,
            buy_quantile: match lca.buy_quantile {
                BuyQuantile::Newsvendor => QuantileFile::Word(QuantileWord::Newsvendor),
                BuyQuantile::FixedPpm(ppm) => QuantileFile::Fixed(Millionths(ppm.into())),
            },
            forecast: lca.forecast,
        }
    }
}

impl LcaFile {
    pub(super) fn params(&self) -> Result<LcaParams, ScenarioError> {
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
        if let Some(method) = self.forecast.method().filter(|method| !method.is_available()) {
            let allowed = "a method of this build: build with `--features mstl`, or say auto";
            return Err(ScenarioError::Range {
                key: "lca.forecast".to_owned(),
                found: method.word().to_owned(),
                allowed: allowed.to_owned(),
            });
        }
        Ok(LcaParams {
            max_block_min: self.max_block_min,
            block_shape: self.block_shape,
            terminal: self.terminal,
            buy_quantile,
            forecast: self.forecast,
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
            growth: c.growth,
        }
    }
}

impl CoalitionFile {
    pub(super) fn params(&self) -> Result<CoalitionParams, ScenarioError> {
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
            growth: self.growth,
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
            tactic: n.tactic,
            curve: n.curve,
            beta: n.beta_ppm.map(Millionths),
            kappa: Millionths(n.kappa_ppm),
            award: n.award,
        }
    }
}

impl NegotiateFile {
    pub(super) fn params(&self) -> NegotiateParams {
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
            tactic: self.tactic,
            curve: self.curve,
            beta_ppm: self.beta.map(|beta| beta.0),
            kappa_ppm: self.kappa.0,
            award: self.award,
        }
    }
}
