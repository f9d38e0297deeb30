//! The decision rules of protocol 6.4, line by line, and whole sessions of 6.6.

use proptest::prelude::*;
use rand_core::SeedableRng;

use super::*;
use crate::params::{Curve, PricingName, TacticName};
use crate::social::pricing::{self, Pricing};
use crate::social::tactic::{self, Tactic};

fn buyer() -> BuyerStand {
    BuyerStand {
        reservation: Price(300_000),
        need: Energy(1_000),
        temporary: 0,
        temporary_wh: 0,
        round: 0,
        said: None,
    }
}

/// The tactic and the pricing that `params` name, as an SCA has them.
fn with_rules<R>(params: &NegotiateParams, look: impl FnOnce(&Rules<'_>) -> R) -> R {
    let (tactic, pricing) = (tactic::named(params.tactic), pricing::named(params.pricing));
    look(&Rules { params, tactic: &*tactic, pricing: &*pricing })
}

fn judge_offer(params: &NegotiateParams, stand: &BuyerStand, price: Price) -> Answer {
    let chance = &mut ChaCha8Rng::seed_from_u64(1);
    with_rules(params, |rules| super::judge_offer(rules, stand, price, chance))
}

fn judge_counter(params: &NegotiateParams, stand: &SellerStand, price: Price) -> Verdict {
    let chance = &mut ChaCha8Rng::seed_from_u64(1);
    with_rules(params, |rules| super::judge_counter(rules, stand, price, chance))
}

fn seller() -> SellerStand {
    SellerStand {
        round: 0,
        said: Price(400_000),
        ceiling: Price(400_000),
        cost: Price(100_000),
        available: Energy(500),
        capacity: Energy(1_000),
        min_trade: Energy(50),
        overlap: Overlap::default(),
    }
}

#[test]
fn a_buyer_never_pays_the_grid_price() {
    let params = NegotiateParams::default();
    let no_gain = Answer::Reject { reason: Reason::NoGain };
    assert_eq!(judge_offer(&params, &buyer(), Price(300_000)), no_gain);
    let counter = Answer::Counter { unit_price: Price(270_000) };
    assert_eq!(judge_offer(&params, &buyer(), Price(299_999)), counter);
    assert_eq!(judge_offer(&params, &buyer(), Price(270_001)), counter);
    assert_eq!(judge_offer(&params, &buyer(), Price(270_000)), Answer::Accept);
}

#[test]
fn a_buyer_has_enough_at_exactly_overbook_times_its_need() {
    let params = NegotiateParams::default();
    let holding = |temporary_wh| BuyerStand { temporary: 1, temporary_wh, ..buyer() };
    let price = Price(100_000);
    let enough = Answer::Reject { reason: Reason::Enough };
    assert_eq!(judge_offer(&params, &holding(1_999), price), Answer::Accept);
    assert_eq!(judge_offer(&params, &holding(2_000), price), enough);
}

#[test]
fn a_seller_is_saturated_only_below_its_own_mean() {
    let params = NegotiateParams::default();
    let overlap = Overlap { count: 2, energy_wh: 1_000, weighted: 1_000 * 150_000 };
    let stand = SellerStand { overlap, ..seller() };
    let saturated = Verdict::Reject { reason: Reason::Saturated };
    assert_eq!(judge_counter(&params, &stand, Price(149_999)), saturated);
    assert_eq!(judge_counter(&params, &stand, Price(150_000)), Verdict::Accept);
    let roomy = SellerStand { capacity: Energy(1_001), ..stand };
    assert_eq!(judge_counter(&params, &roomy, Price(149_999)), Verdict::Accept);
}

#[test]
fn the_guards_of_cost_and_energy_come_last() {
    let params = NegotiateParams::default();
    let below = Verdict::Reject { reason: Reason::BelowCost };
    assert_eq!(judge_counter(&params, &seller(), Price(99_999)), below);
    assert_eq!(judge_counter(&params, &seller(), Price(100_000)), Verdict::Accept);
    let literal = NegotiateParams { cost_floor: false, ..params.clone() };
    assert_eq!(judge_counter(&literal, &seller(), Price(-5)), Verdict::Accept);
    let none = Verdict::Reject { reason: Reason::NoEnergy };
    for (available, verdict) in [(49, none), (50, Verdict::Accept), (51, Verdict::Accept)] {
        let stand = SellerStand { available: Energy(available), ..seller() };
        assert_eq!(judge_counter(&params, &stand, Price(100_000)), verdict);
    }
}

/// One session between two agents with nothing else in hand.
#[derive(Debug, Default)]
struct Played {
    asks: Vec<Price>,
    bids: Vec<Price>,
    letters: u32,
    agreed: Option<Price>,
}

fn play(
    params: &NegotiateParams,
    prices: (i64, i64, i64),
    in_hand: (u32, Overlap),
    seed: u64,
) -> Played {
    with_rules(params, |rules| play_by(rules, prices, in_hand, seed))
}

fn play_by(
    rules: &Rules<'_>,
    (cost, ceiling, reservation): (i64, i64, i64),
    (temporary, overlap): (u32, Overlap),
    seed: u64,
) -> Played {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let (cost, ceiling) = (Price(cost), Price(ceiling));
    let mut played = Played::default();
    let opening = AskStand { cost, ceiling, temporary: overlap.count, round: 0 };
    let Some(mut ask) = rules.ask(&opening, &mut chance) else { return played };
    let mut said = None;
    for round in 0.. {
        played.asks.push(ask);
        let reservation = Price(reservation);
        let stand = BuyerStand { reservation, temporary, round, said, ..buyer() };
        let answer = super::judge_offer(rules, &stand, ask, &mut chance);
        played.letters += 2;
        let Answer::Counter { unit_price: bid } = answer else {
            played.agreed = (answer == Answer::Accept).then_some(ask);
            return played;
        };
        played.bids.push(bid);
        said = Some(bid);
        let stand = SellerStand { cost, ceiling, overlap, round, said: ask, ..seller() };
        match super::judge_counter(rules, &stand, bid, &mut chance) {
            Verdict::NewOffer { unit_price } => ask = unit_price,
            verdict => {
                played.letters += 1;
                played.agreed = (verdict == Verdict::Accept).then_some(bid);
                return played;
            }
        }
    }
    played
}

fn any_tactic() -> impl Strategy<Value = NegotiateParams> {
    let names = prop_oneof![
        Just(TacticName::Resource),
        Just(TacticName::Boulware),
        Just(TacticName::Linear),
        Just(TacticName::Conceder),
        Just(TacticName::ZeroIntelligence),
    ];
    (names, any::<bool>(), any::<bool>(), 1..PPM, 0..=PPM, 0..=PPM, 1_u32..=8).prop_map(
        |(tactic, linear, polynomial, kappa_ppm, disc_ppm, floor_b_ppm, max_rounds)| {
            NegotiateParams {
                tactic,
                pricing: if linear { PricingName::Linear } else { PricingName::Bounded },
                curve: if polynomial { Curve::Polynomial } else { Curve::Exponential },
                kappa_ppm,
                disc_ppm,
                floor_b_ppm,
                max_rounds,
                ..NegotiateParams::default()
            }
        },
    )
}

fn any_overlap() -> impl Strategy<Value = Overlap> {
    (0_u32..6, -500_000_i128..1_000_000).prop_map(|(count, mean)| Overlap {
        count,
        energy_wh: u128::from(count) * 400,
        weighted: i128::from(count) * 400 * mean,
    })
}

proptest! {
    #[test]
    fn every_agreed_price_lies_between_cost_and_reservation_under_all_tactics_and_rounds(
        params in any_tactic(), reservation in -500_000_i64..1_000_000,
        cost in -500_000_i64..1_000_000, ceiling in 0_i64..1_000_000, temporary in 0_u32..20,
        overlap in any_overlap(), seed in any::<u64>(),
    ) {
        let played = play(&params, (cost, ceiling, reservation), (temporary, overlap), seed);
        if let Some(price) = played.agreed {
            prop_assert!(cost <= price.0 && price.0 < reservation, "{played:?}");
        }
        prop_assert!(played.asks.iter().all(|ask| cost <= ask.0 && ask.0 <= ceiling));
        prop_assert!(played.bids.iter().all(|bid| bid.0 < reservation));
    }

    #[test]
    fn a_session_is_bounded_and_nobody_takes_back_a_concession(
        params in any_tactic(), reservation in -500_000_i64..1_000_000,
        cost in -500_000_i64..1_000_000, ceiling in 0_i64..1_000_000,
        overlap in any_overlap(), seed in any::<u64>(),
    ) {
        let played = play(&params, (cost, ceiling, reservation), (0, overlap), seed);
        let rounds = params.max_rounds;
        prop_assert!(played.letters <= 2 * rounds + 1, "{played:?}");
        prop_assert!(played.asks.len() <= rounds as usize);
        prop_assert!(rounds > 1 || played.letters <= 4);
        prop_assert!(played.asks.windows(2).all(|pair| pair[1] <= pair[0]), "{played:?}");
        prop_assert!(played.bids.windows(2).all(|pair| pair[0] <= pair[1]), "{played:?}");
    }

    /// Where there is room for a deal, the last counter of a conceding buyer reaches it.
    #[test]
    fn more_rounds_close_no_fewer_deals_under_a_linear_tactic(
        cost in 0_i64..400_000, reservation in 0_i64..400_000, rounds in 1_u32..8,
    ) {
        let agreed = |max_rounds| {
            let tactic = TacticName::Linear;
            let params = NegotiateParams { tactic, max_rounds, ..NegotiateParams::default() };
            let played = play(&params, (cost, 400_000, reservation), (0, Overlap::default()), 1);
            played.agreed.is_some()
        };
        prop_assert!(!agreed(rounds) || agreed(rounds + 1));
    }
}

/// A pricing, and a tactic, that say what they are told to say.
#[derive(Debug)]
struct Says {
    ask: i64,
    bid: i64,
    waits: bool,
}

impl Pricing for Says {
    fn ask(&self, _: &NegotiateParams, _: &AskStand) -> Price {
        Price(self.ask)
    }

    fn bid(&self, _: &NegotiateParams, _: &BidStand) -> Price {
        Price(self.bid)
    }
}

impl Tactic for Says {
    fn ask(&self, _: &Rules<'_>, _: &AskStand, _: &mut ChaCha8Rng) -> Price {
        Price(self.ask)
    }

    fn bid(&self, _: &Rules<'_>, _: &BidStand, _: &mut ChaCha8Rng) -> Price {
        Price(self.bid)
    }

    fn waits(&self) -> bool {
        self.waits
    }
}

/// Any price, and the ends of the integer far more often than chance would.
fn any_price() -> impl Strategy<Value = i64> {
    prop_oneof![Just(i64::MIN), Just(i64::MAX), -2_000_000_i64..2_000_000, any::<i64>(),]
}

proptest! {
    #[test]
    fn whatever_an_own_pricing_or_tactic_says_the_limits_hold(
        params in any_tactic(), own_tactic in any::<bool>(), waits in any::<bool>(),
        ask in any_price(), bid in any_price(), reservation in any_price(), cost in any_price(),
        ceiling in any_price(), temporary in any::<u32>(), overlap in any_overlap(),
    ) {
        let says = Says { ask, bid, waits };
        let named = tactic::named(TacticName::Resource);
        let tactic: &dyn Tactic = if own_tactic { &says } else { &*named };
        let rules = Rules { params: &params, tactic, pricing: &says };
        let played = play_by(&rules, (cost, ceiling, reservation), (temporary, overlap), 1);
        if let Some(price) = played.agreed {
            prop_assert!(cost <= price.0 && price.0 < reservation, "{played:?}");
        }
        prop_assert!(played.asks.iter().all(|ask| cost <= ask.0 && ask.0 <= ceiling));
        prop_assert!(played.bids.iter().all(|bid| bid.0 < reservation), "{played:?}");
        prop_assert!(played.letters <= 2 * params.max_rounds + 1, "{played:?}");
        prop_assert!(cost < ceiling || played.asks.is_empty());
    }
}

#[test]
fn an_own_pricing_is_what_the_resource_tactic_asks_and_bids() {
    let says = Says { ask: 222_222, bid: 111_111, waits: false };
    let params = NegotiateParams::default();
    let tactic = tactic::named(TacticName::Resource);
    let rules = Rules { params: &params, tactic: &*tactic, pricing: &says };
    let played = play_by(&rules, (100_000, 400_000, 300_000), (0, Overlap::default()), 1);
    assert_eq!((played.asks, played.bids), (vec![Price(222_222)], vec![Price(111_111)]));
    assert_eq!(played.agreed, Some(Price(111_111)));
}

fn plain(tactic: TacticName, max_rounds: u32) -> NegotiateParams {
    NegotiateParams { tactic, max_rounds, ..NegotiateParams::default() }
}

/// Cost 25 c, reservation 30 c, grid ceiling 40 c: narrow room, which one round misses.
const NARROW: (i64, i64, i64) = (250_000, 400_000, 300_000);

#[test]
fn more_rounds_close_a_deal_that_one_round_did_not() {
    for tactic in [TacticName::Boulware, TacticName::Linear, TacticName::Conceder] {
        let agreed = |rounds| {
            play(&plain(tactic, rounds), NARROW, (0, Overlap::default()), 1).agreed.is_some()
        };
        assert!(!agreed(1), "{tactic:?}");
        assert!(agreed(8), "{tactic:?}");
    }
    // Under the resource tactic an opening offer above the grid is no longer the end.
    let dear = (250_000, 400_000, 280_000);
    let by_resource = |rounds| {
        play(&plain(TacticName::Resource, rounds), dear, (0, Overlap::default()), 1).agreed
    };
    assert_eq!((by_resource(1), by_resource(2)), (None, Some(Price(252_000))));
}

#[test]
fn who_concedes_later_gets_its_deal_later_and_on_worse_offers_first() {
    let bids = |tactic| play(&plain(tactic, 8), NARROW, (0, Overlap::default()), 1).bids;
    let (late, even, early) =
        (bids(TacticName::Boulware), bids(TacticName::Linear), bids(TacticName::Conceder));
    assert_eq!((late[0], even[0]), (early[0], early[0]), "kappa fixes the first price");
    assert!(late[1] < even[1] && even[1] < early[1], "{late:?} {even:?} {early:?}");
    assert!(early.len() < even.len() && even.len() <= late.len(), "{late:?} {even:?} {early:?}");
}

#[test]
fn in_the_middle_a_seller_waits_for_its_next_price_and_in_the_end_takes_its_cost() {
    let params = plain(TacticName::Linear, 2);
    // Cost 10 c, ceiling 40 c, kappa 0.1: the offer of round 1 is 10 + 30 * 0.45 = 23.5 c.
    let stand = |round| SellerStand { round, ..seller() };
    let new = Verdict::NewOffer { unit_price: Price(235_000) };
    assert_eq!(judge_counter(&params, &stand(0), Price(234_999)), new);
    assert_eq!(judge_counter(&params, &stand(0), Price(235_000)), Verdict::Accept);
    assert_eq!(judge_counter(&params, &stand(1), Price(100_000)), Verdict::Accept);
    let below = Verdict::Reject { reason: Reason::BelowCost };
    assert_eq!(judge_counter(&params, &stand(1), Price(99_999)), below);
    let none = SellerStand { available: Energy(49), ..stand(0) };
    let no_energy = Verdict::Reject { reason: Reason::NoEnergy };
    assert_eq!(judge_counter(&params, &none, Price(235_000)), no_energy, "nothing to offer");
    let risen = SellerStand { cost: Price(300_000), said: Price(290_000), ..stand(0) };
    assert_eq!(judge_counter(&params, &risen, Price(280_000)), below, "no offer below its cost");
}

#[test]
fn a_resource_seller_makes_a_new_offer_only_if_it_is_cheaper() {
    let params = plain(TacticName::Resource, 3);
    let stand = |said| SellerStand { said: Price(said), ..seller() };
    let below = Verdict::Reject { reason: Reason::BelowCost };
    assert_eq!(judge_counter(&params, &stand(115_000), Price(99_999)), below);
    let new = Verdict::NewOffer { unit_price: Price(115_000) };
    assert_eq!(judge_counter(&params, &stand(115_001), Price(99_999)), new);
}
