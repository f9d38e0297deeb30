//! How prosumers bargain (`[negotiate]`, protocol 6), with the ranges in which it makes sense.
//!
//! Names and numbers only; what is done with them is in `social/pricing.rs` and `social/tactic.rs`.

use gridpact_chain::terms::Price;
use serde::{Deserialize, Serialize};

use super::{PPM, ParamsError};

/// How a seller marks up (protocol 6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PricingName {
    /// Cost times (1 + margin) times (1 + a_s n).
    Linear,
    /// Between cost and ceiling, nearing the ceiling with each temporary contract.
    Bounded,
}

/// How a buyer turns offers into contracts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Award {
    /// Each offer is judged as it comes, whole, and promised to any number of buyers: the source's
    /// rule.
    FirstCome,
    /// Offers are gathered, then claimed from the cheapest on, each for the part still needed and at
    /// the offered price. A seller holds what it grants, names one source of energy at a time, the
    /// cheapest first, and is asked again while something is left to buy.
    Cheapest,
}

/// What moves an agent's price from round to round (protocol 6.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TacticName {
    /// The temporary contracts in hand (rules 6.2 and 6.3): the source's protocol.
    Resource,
    /// Time, with concessions at the end: beta below 1.
    Boulware,
    /// Time, with even concessions: beta is 1.
    Linear,
    /// Time, with concessions at the beginning: beta above 1.
    Conceder,
    /// Nothing: prices are drawn between the limits. The baseline that any wit must beat.
    ZeroIntelligence,
}

/// The family of a time-dependent tactic (protocol 6.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Curve {
    /// `kappa + (1 - kappa) u^(1/beta)`.
    Polynomial,
    /// `exp((1 - u)^beta ln kappa)`.
    Exponential,
}

/// Bargaining (`[negotiate]`, protocol 6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NegotiateParams {
    /// Seller's margin on cost.
    pub margin_ppm: i64,
    /// First step between cost and ceiling under bounded pricing.
    pub mu0_ppm: i64,
    /// Smallest cost the margin is taken of.
    pub c_min: Price,
    /// Seller's markup per overlapping temporary contract.
    pub a_s_ppm: i64,
    /// Buyer's opening discount on the reservation price.
    pub disc_ppm: i64,
    /// Buyer's discount per temporary contract of the task.
    pub a_b_ppm: i64,
    /// Floor of the buyer's discount factor.
    pub floor_b_ppm: i64,
    /// Temporary energy over available energy from which a seller counts as saturated.
    pub omega_ppm: i64,
    /// Temporary energy over need from which a buyer has enough.
    pub overbook_ppm: i64,
    /// Whether a seller never goes below its cost.
    pub cost_floor: bool,
    /// Offers per session, 1 to 100; 1 is the source's protocol.
    pub max_rounds: u32,
    /// The seller's rule under the resource tactic.
    pub pricing: PricingName,
    /// What moves prices from round to round.
    pub tactic: TacticName,
    /// The family of `boulware`, `linear` and `conceder`.
    pub curve: Curve,
    /// Shape of `boulware` (below one whole) and `conceder` (above it); none for their defaults.
    pub beta_ppm: Option<i64>,
    /// Share of its room that a time-dependent tactic concedes in its first price.
    pub kappa_ppm: i64,
    /// How offers become contracts.
    pub award: Award,
}

impl Default for NegotiateParams {
    fn default() -> Self {
        Self {
            margin_ppm: 150_000,
            mu0_ppm: 250_000,
            c_min: Price(10_000),
            a_s_ppm: 50_000,
            disc_ppm: 100_000,
            a_b_ppm: 30_000,
            floor_b_ppm: 500_000,
            omega_ppm: PPM,
            overbook_ppm: 2 * PPM,
            cost_floor: true,
            max_rounds: 1,
            pricing: PricingName::Linear,
            tactic: TacticName::Resource,
            curve: Curve::Polynomial,
            beta_ppm: None,
            kappa_ppm: 100_000,
            award: Award::FirstCome,
        }
    }
}

impl NegotiateParams {
    /// The exponent of a time-dependent tactic: as set, else 0.5, 1 and 2 for `boulware`, `linear`
    /// and `conceder`; 1 for tactics that know no time.
    #[must_use]
    pub fn beta_in_use_ppm(&self) -> i64 {
        self.beta_ppm.unwrap_or(match self.tactic {
            TacticName::Boulware => PPM / 2,
            TacticName::Conceder => 2 * PPM,
            TacticName::Linear | TacticName::Resource | TacticName::ZeroIntelligence => PPM,
        })
    }

    /// Checks every range.
    pub(super) fn validate(&self) -> Result<(), ParamsError> {
        let whole = (0, PPM, "0 to 1 000 000 ppm");
        let overbook = (PPM, 100 * PPM, "1 000 000 to 100 000 000 ppm");
        for (key, found, (least, most, allowed)) in [
            ("negotiate.margin_ppm", self.margin_ppm, (0, 10 * PPM, "0 to 10 000 000 ppm")),
            ("negotiate.mu0_ppm", self.mu0_ppm, whole),
            ("negotiate.a_s_ppm", self.a_s_ppm, whole),
            ("negotiate.disc_ppm", self.disc_ppm, whole),
            ("negotiate.a_b_ppm", self.a_b_ppm, whole),
            ("negotiate.overbook_ppm", self.overbook_ppm, overbook),
            ("negotiate.max_rounds", self.max_rounds.into(), (1, 100, "1 to 100")),
            ("negotiate.kappa_ppm", self.kappa_ppm, (1, PPM - 1, "1 to 999 999 ppm")),
        ] {
            if !(least..=most).contains(&found) {
                return Err(ParamsError { key, found: found.to_string(), allowed });
            }
        }
        self.check_beta()
    }

    fn check_beta(&self) -> Result<(), ParamsError> {
        let Some(beta) = self.beta_ppm else { return Ok(()) };
        let (ok, allowed) = match self.tactic {
            TacticName::Boulware => ((10_000..PPM).contains(&beta), "10 000 to 999 999 ppm"),
            TacticName::Conceder => {
                ((PPM + 1..=100 * PPM).contains(&beta), "1 000 001 to 100 000 000 ppm")
            }
            TacticName::Linear => (beta == PPM, "none, or tactic = boulware or conceder"),
            TacticName::Resource | TacticName::ZeroIntelligence => {
                (false, "none, or tactic = boulware or conceder")
            }
        };
        let (key, found) = ("negotiate.beta_ppm", beta.to_string());
        if ok { Ok(()) } else { Err(ParamsError { key, found, allowed }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beta(tactic: TacticName, beta_ppm: i64) -> NegotiateParams {
        NegotiateParams { tactic, beta_ppm: Some(beta_ppm), ..NegotiateParams::default() }
    }

    #[test]
    fn beta_belongs_to_its_tactic() {
        for (tactic, inside, outside) in [
            (TacticName::Boulware, [10_000, PPM - 1], [9_999, PPM]),
            (TacticName::Conceder, [PPM + 1, 100 * PPM], [PPM, 100 * PPM + 1]),
            (TacticName::Linear, [PPM, PPM], [PPM - 1, PPM + 1]),
        ] {
            for ppm in inside {
                assert_eq!(beta(tactic, ppm).validate(), Ok(()), "{tactic:?} {ppm}");
            }
            for ppm in outside {
                let error = beta(tactic, ppm).validate().expect_err("outside");
                assert_eq!(error.key, "negotiate.beta_ppm", "{tactic:?} {ppm}");
            }
        }
        for idle in [TacticName::Resource, TacticName::ZeroIntelligence] {
            assert!(beta(idle, PPM).validate().is_err(), "it would change nothing");
        }
    }

    #[test]
    fn rounds_and_kappa_are_bounded_at_both_ends() {
        let rounds = |max_rounds| NegotiateParams { max_rounds, ..NegotiateParams::default() };
        let kappa = |kappa_ppm| NegotiateParams { kappa_ppm, ..NegotiateParams::default() };
        for good in [rounds(1), rounds(100), kappa(1), kappa(PPM - 1)] {
            assert_eq!(good.validate(), Ok(()));
        }
        for bad in [rounds(0), rounds(101), kappa(0), kappa(PPM)] {
            assert!(bad.validate().is_err(), "{bad:?}");
        }
    }
}
