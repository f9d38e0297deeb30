//! Members that price in a way of their own, and in the worst there is: no law of the others, and
//! none of their own, gives way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gridpact_agents::params::{Award, Growth, NegotiateParams, Params, TacticName};
use gridpact_agents::social::pricing::{AskStand, BidStand, Pricing};
use gridpact_chain::terms::Price;
use proptest::prelude::*;

use crate::laws::{CALM, STORM, assert_laws};
use crate::street::{Net, Street};

/// Prices from the ends of the integer, from around the limit, and from anywhere; another one each
/// time it is asked.
#[derive(Debug)]
struct Hostile(AtomicU64);

impl Hostile {
    fn any(&self, limit: Price) -> Price {
        let n = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mixed = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = mixed ^ (mixed >> 27);
        Price(match mixed % 8 {
            0 => i64::MIN,
            1 => i64::MAX,
            2 => 0,
            3 => limit.0,
            4 => limit.0.saturating_sub(1),
            5 => limit.0.saturating_add(1),
            6 => limit.0 / 2,
            _ => mixed as i64,
        })
    }
}

impl Pricing for Hostile {
    fn ask(&self, _: &NegotiateParams, stand: &AskStand) -> Price {
        self.any(stand.cost)
    }

    fn bid(&self, _: &NegotiateParams, stand: &BidStand) -> Price {
        self.any(stand.reservation)
    }
}

/// A street in which every house but each `honest`-th prices with hostility.
fn street(params: Params, net: Net, seed: u64, honest: usize) -> Street {
    let mut street = Street::new(24, params, net, seed);
    let hostile: Arc<dyn Pricing> = Arc::new(Hostile(AtomicU64::new(seed)));
    for i in (0..24).filter(|i| i % honest != 0) {
        street.houses[i].pricing = Some(Arc::clone(&hostile));
        street.rebirth(i);
    }
    street.run();
    street
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_hostile_pricing_breaks_no_law(
        seed in any::<u64>(), honest in 2_usize..6, rounds in 1_u32..5, stormy in any::<bool>(),
        claims in any::<bool>(),
    ) {
        let mut params = Params::default();
        params.negotiate.max_rounds = rounds;
        if claims {
            params.negotiate.award = Award::Cheapest;
            params.coalition.growth = Growth::All;
        }
        let net = if stormy { STORM } else { CALM };
        let street = street(params, net, seed, honest);
        assert_laws(&street);
        for (buyer, outcome) in &street.outcomes {
            for deal in &outcome.finals {
                let cost = street.houses[deal.seller.0 as usize].local.unit_cost;
                let most = outcome.retail.0 - street.network.fee(*buyer, deal.seller).0;
                let price = deal.unit_price.0;
                prop_assert!((cost..most).contains(&price), "{cost} <= {price} < {most}");
            }
        }
    }
}

#[test]
fn among_hostile_prices_there_are_still_deals() {
    let deals: usize =
        (0..6).map(|seed| street(Params::default(), CALM, seed, 3).published.len()).sum();
    assert!(deals > 20, "else the law above is tested on nothing: {deals}");
}

/// Asks the ceiling; bids as everybody does.
#[derive(Debug)]
struct Greedy;

impl Pricing for Greedy {
    fn ask(&self, _: &NegotiateParams, stand: &AskStand) -> Price {
        stand.ceiling
    }
}

#[test]
fn an_own_pricing_moves_the_prices_of_its_house_alone() {
    let prices = |own: bool, tactic| {
        let mut params = Params::default();
        params.negotiate.tactic = tactic;
        let mut street = Street::new(24, params, CALM, 2);
        let seller = (0..24).find(|i| !street.houses[*i].local.surplus.is_empty());
        let seller = seller.expect("somebody sells");
        if own {
            street.houses[seller].pricing = Some(Arc::new(Greedy));
        }
        street.rebirth(seller);
        street.run();
        assert_laws(&street);
        let sold = street.published.values().filter(|c| c.body.seller.0 as usize == seller);
        sold.map(|contract| contract.body.unit_price).collect::<Vec<_>>()
    };
    let (usual, greedy) = (prices(false, TacticName::Resource), prices(true, TacticName::Resource));
    assert!(!usual.is_empty() && usual != greedy, "{usual:?} {greedy:?}");
    let by_time = |own| prices(own, TacticName::Conceder);
    assert_eq!(by_time(false), by_time(true), "a tactic of time asks no pricing");
}
