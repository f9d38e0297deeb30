//! Experiment `strategy`: what lying about cost or worth, pressing harder, or a cartel brings.
//!
//! Each draw lives the same homes and days several times: once with all homes honest and alike, then
//! with one seller, one buyer or a tenth of the sellers bargaining otherwise. Who that is, is drawn
//! among those who traded in the honest life; draws differ in homes, weather and who is drawn. Lives
//! without trading know no market, so they are lived once a draw.

use std::collections::BTreeMap;
use std::path::Path;

use gridpact_agents::params::{Award, Params, TacticName};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use crate::report::Run;
use crate::sim::baseline::Lives;
use crate::sim::scenario::{Millionths, Scenario, ScenarioError, Strategy};
use crate::sim::world::{self, Asked, Progress, WorldError};

/// Draws of an experiment: the scenario's seed and the following ones.
pub const DRAWS: u64 = 10;
/// Stated over true cost of lying sellers and of a cartel, ppm; buyers divide their worth by it.
pub const FACTORS_PPM: [i64; 4] = [1_100_000, 1_250_000, 1_500_000, 2_000_000];
/// One in so many sellers is in the cartel.
pub const CARTEL_PART: usize = 10;
/// Offers of a session where a bargainer's patience is tried.
const ROUNDS: u32 = 5;
/// Margin of a greedy seller on its cost, where the others have 0.15.
const GREEDY_MARGIN: Millionths = Millionths(400_000);
/// First discount of a greedy buyer, where the others have 0.1.
const GREEDY_DISC: Millionths = Millionths(300_000);
/// Keeps this experiment's stream of chance apart from all others.
const STREAM: u64 = 3 << 56;

/// Who bargains otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// One of those who sold in the honest life.
    Seller,
    /// One of those who bought.
    Buyer,
    /// A tenth of those who sold, two at least.
    Cartel,
}

/// One way to bargain, beside the honest life it is held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    /// Its name, e.g. `seller_states_cost`.
    pub word: &'static str,
    /// Who does it.
    pub who: Who,
    /// By how much, ppm; none where it is no matter of degree.
    pub factor_ppm: Option<i64>,
    /// Whether everybody bargains over several rounds with even concessions, and the deviant holds
    /// out (`boulware`).
    pub in_rounds: bool,
    /// What the deviant does.
    pub strategy: Strategy,
}

/// Everything that is tried in a market with these rules: where offers are claimed at their price
/// there are no counters, so nobody can press as a buyer or over rounds.
#[must_use]
pub fn deviations(params: &Params) -> Vec<Deviation> {
    let cost = |factor| Strategy { cost: Millionths(factor), ..Strategy::default() };
    let worth = |factor| {
        let worth = Millionths(1_000_000_i64.saturating_mul(1_000_000) / factor);
        Strategy { worth, ..Strategy::default() }
    };
    let mut all = Vec::new();
    for (word, who) in [
        ("seller_states_cost", Who::Seller),
        ("buyer_states_worth", Who::Buyer),
        ("cartel_states_cost", Who::Cartel),
    ] {
        all.extend(FACTORS_PPM.map(|factor| Deviation {
            word,
            who,
            factor_ppm: Some(factor),
            in_rounds: false,
            strategy: if who == Who::Buyer { worth(factor) } else { cost(factor) },
        }));
    }
    let greedy = Strategy { margin: Some(GREEDY_MARGIN), ..Strategy::default() };
    all.push(plain("seller_asks_margin", Who::Seller, false, greedy));
    if params.negotiate.award == Award::FirstCome {
        let low = Strategy { disc: Some(GREEDY_DISC), ..Strategy::default() };
        let patient = Strategy { tactic: Some(TacticName::Boulware), ..Strategy::default() };
        all.push(plain("buyer_bids_low", Who::Buyer, false, low));
        all.push(plain("seller_holds_out", Who::Seller, true, patient.clone()));
        all.push(plain("buyer_holds_out", Who::Buyer, true, patient));
    }
    all
}

fn plain(word: &'static str, who: Who, in_rounds: bool, strategy: Strategy) -> Deviation {
    Deviation { word, who, factor_ppm: None, in_rounds, strategy }
}

/// One draw: homes and days that are lived again and again.
pub struct Draw {
    scenario: Scenario,
    lives: Lives,
}

/// Who sold and who bought in a run, by number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traders {
    /// Sellers of at least one contract.
    pub sellers: Vec<u32>,
    /// Buyers of at least one.
    pub buyers: Vec<u32>,
}

impl Traders {
    /// Of a run.
    #[must_use]
    pub fn of(run: &Run) -> Self {
        let numbers = |side: &dyn Fn(&crate::report::run::Contract) -> usize| {
            let all: BTreeMap<usize, ()> =
                run.contracts.iter().map(|contract| (side(contract), ())).collect();
            all.into_keys().filter_map(|home| u32::try_from(home).ok()).collect()
        };
        Self { sellers: numbers(&|c| c.seller), buyers: numbers(&|c| c.buyer) }
    }
}

impl Draw {
    /// The `nth` draw of `scenario`.
    ///
    /// # Errors
    /// When its homes cannot be made.
    pub fn new(scenario: &Scenario, nth: u64) -> Result<Self, crate::sim::BuildError> {
        let mut scenario = scenario.clone();
        scenario.seed = scenario.seed.saturating_add(nth);
        scenario.scenario.strategies.clear();
        let lives = world::lives(&scenario, crate::sim::build(&scenario)?);
        Ok(Self { scenario, lives })
    }

    /// Who bargains otherwise, drawn with the seed of the draw: the same home for each degree of the
    /// same lie. Nobody where nobody traded on that side.
    #[must_use]
    pub fn drawn(&self, who: Who, traders: &Traders) -> Vec<u32> {
        let mut rng = ChaCha20Rng::seed_from_u64(self.scenario.seed);
        rng.set_stream(STREAM);
        let (among, many) = match who {
            Who::Seller => (&traders.sellers, 1),
            Who::Buyer => (&traders.buyers, 1),
            Who::Cartel => (&traders.sellers, traders.sellers.len().div_ceil(CARTEL_PART).max(2)),
        };
        let mut left = among.clone();
        let mut drawn = Vec::new();
        while drawn.len() < many && !left.is_empty() {
            let at = rng.next_u64() % left.len() as u64;
            drawn.push(left.swap_remove(usize::try_from(at).unwrap_or(0)));
        }
        drawn.sort_unstable();
        drawn
    }

    /// The scenario in which `homes` do this, or nobody.
    ///
    /// # Errors
    /// When the scenario does not allow it.
    pub fn scenario(
        &self,
        in_rounds: bool,
        deviant: Option<(&Deviation, Vec<u32>)>,
    ) -> Result<Scenario, ScenarioError> {
        let mut scenario = self.scenario.clone();
        if in_rounds {
            scenario.params.negotiate.tactic = TacticName::Linear;
            scenario.params.negotiate.beta_ppm = None;
            scenario.params.negotiate.max_rounds = ROUNDS;
        }
        if let Some((deviation, homes)) = deviant {
            let strategy = Strategy { homes, ..deviation.strategy.clone() };
            scenario.scenario.strategies = vec![strategy];
        }
        scenario.validate()?;
        Ok(scenario)
    }

    /// Lives a scenario of this draw; its chain goes to `chain`.
    ///
    /// # Errors
    /// As [`world::run`].
    pub fn live(
        &self,
        scenario: &Scenario,
        chain: &Path,
        progress: Progress<'_>,
    ) -> Result<Run, StrategyError> {
        let community = crate::sim::build(scenario)?;
        let asked = Asked { welfare: false, lives: Some(&self.lives) };
        Ok(world::run_asked(scenario, community, chain, asked, progress)?)
    }
}

/// Why an experiment came to no end.
#[derive(Debug, thiserror::Error)]
pub enum StrategyError {
    /// Its homes cannot be made.
    #[error(transparent)]
    Build(#[from] crate::sim::BuildError),
    /// The scenario does not allow what is to be tried.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// A world broke down.
    #[error(transparent)]
    World(#[from] WorldError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::scenario::Mode;

    fn a_draw() -> Draw {
        Draw {
            scenario: Scenario { prosumers: 40, ..Scenario::default() },
            lives: Lives { uncontrolled: Vec::new(), local: Vec::new() },
        }
    }

    #[test]
    fn a_cartel_is_a_tenth_of_the_sellers_and_everybody_drawn_has_traded() {
        let traders = Traders { sellers: (0..32).collect(), buyers: vec![33, 38] };
        let draw = a_draw();
        let cartel = draw.drawn(Who::Cartel, &traders);
        assert_eq!(cartel.len(), 4, "3.2, rounded up");
        assert!(cartel.windows(2).all(|pair| pair[0] < pair[1]), "each once: {cartel:?}");
        assert_eq!(draw.drawn(Who::Cartel, &traders), cartel, "the same seed draws the same");
        assert!(traders.buyers.contains(&draw.drawn(Who::Buyer, &traders)[0]));
        assert_eq!(draw.drawn(Who::Seller, &Traders::default()), Vec::<u32>::new());
        let three = Traders { sellers: vec![1, 2, 3], ..Traders::default() };
        assert_eq!(draw.drawn(Who::Cartel, &three).len(), 2, "one alone is no cartel");
    }

    #[test]
    fn every_deviation_is_a_scenario_that_can_be() {
        for mode in Mode::ALL {
            let mut draw = a_draw();
            mode.set(&mut draw.scenario.params);
            let all = deviations(&draw.scenario.params);
            for deviation in &all {
                let scenario = draw.scenario(deviation.in_rounds, Some((deviation, vec![3])));
                let scenario = scenario.expect("it can be");
                assert_eq!(scenario.scenario.strategies[0].homes, [3], "{}", deviation.word);
            }
            let presses = all.iter().any(|deviation| deviation.word == "buyer_bids_low");
            assert_eq!(presses, mode == Mode::Paper, "where nobody counters nobody presses");
            assert_eq!(all.iter().filter(|deviation| deviation.factor_ppm.is_some()).count(), 12);
        }
        let honest = a_draw().scenario(false, None).expect("it can be");
        assert_eq!(honest, a_draw().scenario);
    }

    #[test]
    fn a_buyers_lie_is_the_inverse_of_a_sellers() {
        let all = deviations(&Params::default());
        let of = |word, factor| {
            let found = all.iter().find(|d| d.word == word && d.factor_ppm == Some(factor));
            found.map(|d| (d.strategy.cost.0, d.strategy.worth.0))
        };
        assert_eq!(of("seller_states_cost", 2_000_000), Some((2_000_000, 1_000_000)));
        assert_eq!(of("buyer_states_worth", 2_000_000), Some((1_000_000, 500_000)));
    }
}
