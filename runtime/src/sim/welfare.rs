//! What a market made of its chances: the welfare of its contracts beside the most that could have
//! been made of the bids and asks its agents really had, found exactly.
//!
//! It looks at a market that has been lived (`world::market`, `world::run_asked`) and at nothing
//! else; who prints the figures is not its business.

use gridpact_agents::network::Network;

use super::community::Community;
use super::homes;
use super::scenario::Scenario;
use crate::observe::{Observations, Stand, Stands};
use crate::report::run::{Contract, Welfare};
use case::{Case, Deals};
use optimum::Outcome;

pub(crate) mod case;
mod flow;
pub(crate) mod optimum;

/// A market that has been lived, as a case and what was contracted of it.
#[derive(Debug)]
pub(crate) struct Market {
    /// What could have been traded.
    pub case: Case,
    /// What was contracted.
    pub deals: Deals,
    network: Network,
}

impl Market {
    /// The market that `seen` is of. Its observer must have kept how homes stood.
    pub fn of(
        scenario: &Scenario,
        community: &Community,
        contracts: &[Contract],
        seen: &Observations,
    ) -> Self {
        let stands: &[Stand] = seen.stands.as_ref().map_or(&[], Stands::all);
        let reach = case::reach(community, scenario.params.coalition.depth_max);
        Self {
            case: Case::of(stands, &case::sold(contracts), reach),
            deals: case::deals(contracts),
            network: homes::network(scenario, community),
        }
    }

    /// The most that could have been made of it.
    pub fn best(&self) -> Outcome {
        optimum::solve(&self.case, &self.network, None)
    }

    /// What its contracts made of it, as far as they serve it.
    pub fn made(&self) -> Outcome {
        optimum::solve(&self.case, &self.network, Some(&self.deals))
    }

    /// Both, as a run keeps them.
    pub fn welfare(&self) -> Welfare {
        let (made, best) = (self.made(), self.best());
        let micro = |currency: f64| (currency * 1e6).round() as i64;
        let wh = |kwh: f64| (kwh * 1e3).round() as u64;
        Welfare {
            made_microcurrency: micro(made.welfare),
            optimum_microcurrency: micro(best.welfare),
            made_wh: wh(made.energy),
            optimum_wh: wh(best.energy),
        }
    }
}
