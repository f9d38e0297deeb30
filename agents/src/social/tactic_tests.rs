//! Prices of each tactic: within their limits, in the order of beta, even when drawn.

use proptest::prelude::*;
use rand_core::SeedableRng;

use super::*;
use crate::params::Curve;

const TIMED: [TacticName; 3] = [TacticName::Boulware, TacticName::Linear, TacticName::Conceder];
const ALL: [TacticName; 5] = [
    TacticName::Resource,
    TacticName::Boulware,
    TacticName::Linear,
    TacticName::Conceder,
    TacticName::ZeroIntelligence,
];

fn params(tactic: TacticName, max_rounds: u32) -> NegotiateParams {
    NegotiateParams { tactic, max_rounds, ..NegotiateParams::default() }
}

/// A named tactic with its pricing, as an SCA has them.
fn with_rules<R>(params: &NegotiateParams, look: impl FnOnce(&Rules<'_>) -> R) -> R {
    let (tactic, pricing) = (named(params.tactic), pricing::named(params.pricing));
    look(&Rules { params, tactic: &*tactic, pricing: &*pricing })
}

fn ask(params: &NegotiateParams, cost: i64, ceiling: i64, round: u32) -> Option<i64> {
    let (cost, ceiling) = (Price(cost), Price(ceiling));
    let stand = AskStand { cost, ceiling, temporary: 0, round };
    let chance = &mut ChaCha8Rng::seed_from_u64(7);
    with_rules(params, |rules| rules.ask(&stand, chance)).map(|price| price.0)
}

fn bid(params: &NegotiateParams, reservation: i64, round: u32) -> i64 {
    let stand = BidStand { reservation: Price(reservation), temporary: 0, round };
    let chance = &mut ChaCha8Rng::seed_from_u64(7);
    with_rules(params, |rules| rules.tactic.bid(rules, &stand, chance)).0
}

#[test]
fn worked_examples_of_the_linear_tactic() {
    let linear = params(TacticName::Linear, 4);
    // kappa 0.1 and u = 1/2: alpha 0.55; the seller keeps 0.45 of the 30 c between 10 c and 40 c.
    assert_eq!(ask(&linear, 100_000, 400_000, 0), Some(370_000));
    assert_eq!(ask(&linear, 100_000, 400_000, 2), Some(235_000));
    assert_eq!(ask(&linear, 100_000, 400_000, 4), Some(100_000), "its cost when time is over");
    assert_eq!(ask(&linear, 400_000, 400_000, 0), None);
    // floor_b 0.5: from 15 c to just below 30 c.
    assert_eq!(bid(&linear, 300_000, 0), 164_999);
    assert_eq!(bid(&linear, 300_000, 2), 232_499);
    assert_eq!(bid(&linear, 300_000, 4), 299_999);
}

#[test]
fn a_smaller_beta_asks_more_and_bids_less_in_every_middle_round() {
    for curve in [Curve::Polynomial, Curve::Exponential] {
        for round in 1..8 {
            let of = |tactic| NegotiateParams { curve, ..params(tactic, 8) };
            let asks = TIMED.map(|name| ask(&of(name), 100_000, 400_000, round));
            let bids = TIMED.map(|name| bid(&of(name), 300_000, round));
            assert!(asks[0] > asks[1] && asks[1] > asks[2], "{curve:?} {round}: {asks:?}");
            assert!(bids[0] < bids[1] && bids[1] < bids[2], "{curve:?} {round}: {bids:?}");
        }
    }
}

#[test]
fn zero_intelligence_draws_evenly_and_from_its_own_chance_alone() {
    let params = params(TacticName::ZeroIntelligence, 1);
    let stand = AskStand { cost: Price(0), ceiling: Price(9), temporary: 3, round: 0 };
    let draws = |seed| -> Vec<i64> {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let draw = |_| with_rules(&params, |rules| rules.ask(&stand, &mut chance)).expect("room").0;
        (0..10_000).map(draw).collect()
    };
    let seen = draws(1);
    for price in 0..=9 {
        let times = seen.iter().filter(|seen| **seen == price).count();
        assert!((850..1_150).contains(&times), "{price} drawn {times} times");
    }
    assert_eq!(seen, draws(1));
    assert_ne!(seen, draws(2));
}

#[test]
fn only_zero_intelligence_touches_chance() {
    for name in ALL {
        let mut chance = ChaCha8Rng::seed_from_u64(3);
        let stand = AskStand { cost: Price(0), ceiling: Price(9), temporary: 0, round: 0 };
        with_rules(&params(name, 4), |rules| rules.ask(&stand, &mut chance));
        let is_untouched = chance.next_u64() == ChaCha8Rng::seed_from_u64(3).next_u64();
        assert_eq!(is_untouched, name != TacticName::ZeroIntelligence, "{name:?}");
    }
}

#[test]
fn extreme_prices_do_not_overflow() {
    for name in ALL {
        let params = params(name, 8);
        for round in [0, 3, 8, u32::MAX] {
            for cost in [i64::MIN, -1, 0, 1, i64::MAX - 1] {
                let asked = ask(&params, cost, i64::MAX, round).expect("below the ceiling");
                assert!(asked >= cost, "{name:?}");
            }
            for reservation in [i64::MIN, -1, 0, 1, i64::MAX] {
                assert!(bid(&params, reservation, round) <= reservation, "{name:?}");
            }
        }
    }
}

proptest! {
    #[test]
    fn time_only_ever_softens_a_price_and_never_past_the_limit(
        cost in -2_000_000_i64..2_000_000, span in 1_i64..2_000_000,
        reservation in -2_000_000_i64..2_000_000, rounds in 1_u32..=8, round in 0_u32..8,
        kappa_ppm in 1..PPM, polynomial in any::<bool>(),
    ) {
        let curve = if polynomial { Curve::Polynomial } else { Curve::Exponential };
        for name in TIMED {
            let params = NegotiateParams { curve, kappa_ppm, ..params(name, rounds) };
            let [now, next] = [round, round + 1].map(|at| ask(&params, cost, cost + span, at));
            prop_assert!(Some(cost) <= next && next <= now && now <= Some(cost + span));
            let [now, next] = [round, round + 1].map(|at| bid(&params, reservation, at));
            prop_assert!(now <= next && next < reservation);
        }
    }
}
