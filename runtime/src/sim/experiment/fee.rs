//! Experiment `fee`: the same days under rising charges on peer-to-peer energy.
//!
//! Same homes, same weather, same seed; only `tariff.p2p_fee` moves, for all energy that crosses the
//! network. Lives without trading know no such fee, so they are lived once for all.

use std::path::Path;

use gridpact_agents::network::NetworkFees;
use gridpact_chain::terms::Price;

use crate::report::Run;
use crate::sim::baseline::Lives;
use crate::sim::community::Community;
use crate::sim::scenario::Scenario;
use crate::sim::world::{self, Asked, Progress, WorldError};

/// The fees, micro-currency per kWh: 0, 0.02, 0.05, 0.10, 0.15 and 0.20 in the currency.
pub const FEES: [Price; 6] = [
    Price(0),
    Price(20_000),
    Price(50_000),
    Price(100_000),
    Price(150_000),
    Price(200_000),
];

/// The same scenario with this fee on all energy that crosses the network.
#[must_use]
pub fn at(scenario: &Scenario, fee: Price) -> Scenario {
    let mut scenario = scenario.clone();
    scenario.tariff.p2p_fee = NetworkFees::uniform(fee);
    scenario
}

/// Homes that live the same days again and again.
#[derive(Debug)]
pub struct Sweep {
    scenario: Scenario,
    community: Community,
    lives: Lives,
    welfare: bool,
}

impl Sweep {
    /// Of the homes of `scenario`; with `welfare` every market is weighed against its optimum.
    #[must_use]
    pub fn new(scenario: Scenario, community: Community, welfare: bool) -> Self {
        let lives = world::lives(&scenario, community.clone());
        Self { scenario, community, lives, welfare }
    }

    /// The days under `fee`; their chain goes to `chain`.
    ///
    /// # Errors
    /// As [`world::run`].
    pub fn live(
        &self,
        fee: Price,
        chain: &Path,
        progress: Progress<'_>,
    ) -> Result<Run, WorldError> {
        let asked = Asked { welfare: self.welfare, lives: Some(&self.lives) };
        world::run_asked(
            &at(&self.scenario, fee),
            self.community.clone(),
            chain,
            asked,
            progress,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_without_trading_know_no_fee() {
        let mut scenario = Scenario { prosumers: 6, ..Scenario::default() };
        scenario.sites.bess_share = 0.5;
        let community = crate::sim::build(&scenario).expect("a generated community");
        let lives = |fee| world::lives(&at(&scenario, fee), community.clone());
        assert_eq!(lives(FEES[0]), lives(FEES[5]));
    }

    #[test]
    fn a_sweep_lives_the_days_as_a_run_alone_would() {
        let scenario = Scenario { prosumers: 6, ..Scenario::default() };
        let community = crate::sim::build(&scenario).expect("a generated community");
        let dir = tempfile::tempdir().expect("tmp");
        let sweep = Sweep::new(scenario.clone(), community.clone(), false);
        let swept = sweep.live(FEES[2], &dir.path().join("swept"), &|_, _| {}).expect("lives");
        let chain = dir.path().join("alone");
        let alone = world::run(&at(&scenario, FEES[2]), community, &chain, &|_, _| {});
        let alone = alone.expect("lives");
        assert_eq!(swept.chain.tip, alone.chain.tip);
        assert_eq!(swept.sites, alone.sites);
    }
}
