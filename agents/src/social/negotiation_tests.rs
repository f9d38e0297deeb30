//! The decision rules of protocol 6.4, line by line.

use proptest::prelude::*;

use super::*;

fn buyer() -> BuyerStand {
    BuyerStand { reservation: Price(300_000), need: Energy(1_000), temporary: 0, temporary_wh: 0 }
}

fn seller() -> SellerStand {
    SellerStand {
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

proptest! {
    #[test]
    fn every_agreed_price_lies_between_cost_and_reservation(
        reservation in -500_000_i64..1_000_000, cost in -500_000_i64..1_000_000,
        ceiling in 0_i64..1_000_000, temporary in 0_u32..20, overlapping in 0_u32..20,
    ) {
        let params = NegotiateParams::default();
        let stand = BuyerStand { reservation: Price(reservation), temporary, ..buyer() };
        let asked = pricing::ask(&params, Price(cost), Price(ceiling), overlapping);
        let agreed = asked.and_then(|price| match judge_offer(&params, &stand, price) {
            Answer::Accept => Some(price),
            Answer::Reject { .. } => None,
            Answer::Counter { unit_price } => {
                let seller = SellerStand { cost: Price(cost), ..seller() };
                let verdict = judge_counter(&params, &seller, unit_price);
                (verdict == Verdict::Accept).then_some(unit_price)
            }
        });
        if let Some(price) = agreed {
            prop_assert!(Price(cost) <= price && price < Price(reservation));
        }
    }
}
