//! Homes that do not bargain as the others do (`[[scenario.strategies]]`): they misstate their cost
//! or worth, or press harder. Minds are honest and alike unless a scenario says otherwise.

use std::sync::Arc;

use gridpact_agents::local::manner::Manner;
use gridpact_agents::params::{Params, TacticName};
use serde::{Deserialize, Serialize};

use super::ScenarioError;
use super::decimal::Millionths;
use super::file::range;

/// One, in millionths.
const HONEST: Millionths = Millionths(1_000_000);
/// Most that cost or worth is misstated by, either way.
const FACTOR_MAX: i64 = 10_000_000;

/// How some homes bargain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Strategy {
    /// Their numbers, from 0.
    pub homes: Vec<u32>,
    /// Stated over true cost of what they sell; 1 = honest.
    pub cost: Millionths,
    /// Stated over true worth of what they buy; 1 = honest.
    pub worth: Millionths,
    /// Their margin on stated cost, if it is not everybody's (`negotiate.margin`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub margin: Option<Millionths>,
    /// Their first discount as buyers, if it is not everybody's (`negotiate.disc`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disc: Option<Millionths>,
    /// Their tactic, if it is not everybody's (`negotiate.tactic`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tactic: Option<TacticName>,
}

impl Default for Strategy {
    fn default() -> Self {
        Self {
            homes: Vec::new(),
            cost: HONEST,
            worth: HONEST,
            margin: None,
            disc: None,
            tactic: None,
        }
    }
}

impl Strategy {
    /// What such a home says of its cost and worth.
    #[must_use]
    pub fn manner(&self) -> Manner {
        Manner { cost_ppm: self.cost.0, worth_ppm: self.worth.0 }
    }

    /// The parameters of such a home's mind, which are `all`'s where nothing is said.
    #[must_use]
    pub fn params(&self, all: &Arc<Params>) -> Arc<Params> {
        let own = &mut Arc::clone(all);
        if self.margin.or(self.disc).is_some() || self.tactic.is_some() {
            let negotiate = &mut Arc::make_mut(own).negotiate;
            negotiate.margin_ppm = self.margin.map_or(negotiate.margin_ppm, |share| share.0);
            negotiate.disc_ppm = self.disc.map_or(negotiate.disc_ppm, |share| share.0);
            negotiate.tactic = self.tactic.unwrap_or(negotiate.tactic);
        }
        Arc::clone(own)
    }

    /// Checks every range; `prosumers` is 0 where measured files say how many there are.
    pub(super) fn check(&self, prosumers: u32, all: &Params) -> Result<(), ScenarioError> {
        let key = |name: &str| format!("scenario.strategies.{name}");
        if let Some(home) = self.homes.iter().find(|home| prosumers > 0 && **home >= prosumers) {
            let allowed = format!("numbers of homes, 0 to {}", prosumers - 1);
            return Err(range(&key("homes"), home, &allowed));
        }
        for (name, factor) in [("cost", self.cost), ("worth", self.worth)] {
            if !(1..=FACTOR_MAX).contains(&factor.0) {
                return Err(range(&key(name), factor, "above 0 up to 10; 1 is honest"));
            }
        }
        let own = self.params(&Arc::new(all.clone()));
        own.validate().map_err(|e| {
            let name = e.key.trim_start_matches("negotiate.").trim_end_matches("_ppm");
            range(&key(name), e.found, e.allowed)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_everybodys() {
        let all = Arc::new(Params::default());
        assert!(Arc::ptr_eq(&Strategy::default().params(&all), &all));
        assert_eq!(Strategy::default().manner(), Manner::default());
        let hard = Strategy { margin: Some(Millionths(400_000)), ..Strategy::default() };
        let own = hard.params(&all);
        assert_eq!((own.negotiate.margin_ppm, own.negotiate.disc_ppm), (400_000, 100_000));
    }

    #[test]
    fn a_strategy_nobody_can_have_is_refused_by_its_key() {
        let refused = |strategy: Strategy| {
            let error = strategy.check(10, &Params::default()).expect_err("out of range");
            error.to_string()
        };
        let homes = Strategy { homes: vec![3, 10], ..Strategy::default() };
        assert!(refused(homes).contains("scenario.strategies.homes = 10"));
        let cost = Strategy { cost: Millionths(0), ..Strategy::default() };
        assert!(refused(cost).contains("scenario.strategies.cost = 0"));
        let disc = Strategy { disc: Some(Millionths(1_000_001)), ..Strategy::default() };
        assert!(refused(disc).contains("scenario.strategies.disc"));
        let edge = Strategy { homes: vec![9], cost: Millionths(FACTOR_MAX), ..Strategy::default() };
        assert_eq!(edge.check(10, &Params::default()), Ok(()));
    }
}
