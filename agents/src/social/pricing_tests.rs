//! Properties of protocol 6.5 that concern prices alone, and worked examples.

use proptest::prelude::*;

use super::*;

/// The ask by name, as an SCA computes it.
fn ask(params: &NegotiateParams, cost: Price, ceiling: Price, temporary: u32) -> Option<Price> {
    let stand = AskStand { cost, ceiling, temporary, round: 0 };
    (cost < ceiling).then(|| named(params.pricing).ask(params, &stand))
}

fn bid(params: &NegotiateParams, reservation: Price, temporary: u32) -> Price {
    named(params.pricing).bid(params, &BidStand { reservation, temporary, round: 0 })
}

fn params(pricing: PricingName) -> NegotiateParams {
    NegotiateParams { pricing, ..NegotiateParams::default() }
}

#[test]
fn worked_examples_of_both_sides() {
    let linear = params(PricingName::Linear);
    // 10 c/kWh, margin 15 %, two overlapping contracts: 10 * 1.15 * 1.10 = 12.65 c.
    assert_eq!(ask(&linear, Price(100_000), Price(400_000), 2), Some(Price(126_500)));
    assert_eq!(ask(&linear, Price(0), Price(400_000), 0), Some(Price(1_500)), "c_min");
    assert_eq!(ask(&linear, Price(400_000), Price(400_000), 0), None);
    let bounded = params(PricingName::Bounded);
    assert_eq!(ask(&bounded, Price(100_000), Price(300_000), 0), Some(Price(150_000)));
    // 30 c/kWh: 30 * 0.9 = 27 c, and 27 * 0.97 = 26.19 c with one contract in hand.
    assert_eq!(bid(&linear, Price(300_000), 0), Price(270_000));
    assert_eq!(bid(&linear, Price(300_000), 1), Price(261_900));
    assert_eq!(bid(&linear, Price(300_000), 1_000), Price(135_000), "floor_b");
    assert_eq!(bid(&linear, Price(-100_000), 0), Price(-110_000));
}

#[test]
fn extremes_do_not_overflow() {
    let steep = NegotiateParams {
        margin_ppm: 10 * PPM,
        a_s_ppm: PPM,
        a_b_ppm: PPM,
        floor_b_ppm: 0,
        ..NegotiateParams::default()
    };
    for pricing in [PricingName::Linear, PricingName::Bounded] {
        let steep = NegotiateParams { pricing, ..steep.clone() };
        for cost in [i64::MIN, -1, 0, 1, i64::MAX - 1] {
            let asked = ask(&steep, Price(cost), Price(i64::MAX), u32::MAX);
            assert!(asked.is_some_and(|p| p.0 >= cost));
        }
        for reservation in [i64::MIN, -1, 0, i64::MAX] {
            assert!(bid(&steep, Price(reservation), u32::MAX).0 <= reservation);
        }
    }
}

fn any_params() -> impl Strategy<Value = NegotiateParams> {
    (0..=2 * PPM, 0..=PPM, 0..=PPM, 0..=PPM, 0..=PPM, 0..=PPM, any::<bool>()).prop_map(
        |(margin_ppm, mu0_ppm, a_s_ppm, disc_ppm, a_b_ppm, floor_b_ppm, linear)| NegotiateParams {
            margin_ppm,
            mu0_ppm,
            a_s_ppm,
            disc_ppm,
            a_b_ppm,
            floor_b_ppm,
            pricing: if linear { PricingName::Linear } else { PricingName::Bounded },
            ..NegotiateParams::default()
        },
    )
}

proptest! {
    #[test]
    fn an_ask_never_falls_with_contracts_and_stays_between_cost_and_ceiling(
        params in any_params(), cost in -2_000_000_i64..2_000_000, span in 1_i64..2_000_000,
        count in 0_u32..60,
    ) {
        let (cost, ceiling) = (Price(cost), Price(cost + span));
        let now = ask(&params, cost, ceiling, count).expect("cost is below the ceiling");
        let then = ask(&params, cost, ceiling, count + 1).expect("cost is below the ceiling");
        prop_assert!(cost <= now && now <= then && then <= ceiling);
    }

    #[test]
    fn a_bid_never_rises_with_contracts_and_stays_at_or_below_the_reservation(
        params in any_params(), reservation in -2_000_000_i64..2_000_000, count in 0_u32..60,
    ) {
        let now = bid(&params, Price(reservation), count);
        let then = bid(&params, Price(reservation), count + 1);
        prop_assert!(then <= now && now <= Price(reservation));
    }

    #[test]
    fn linear_is_the_plain_product_for_ordinary_costs(
        cost in 10_000_i64..1_000_000, count in 0_i64..40,
    ) {
        let params = params(PricingName::Linear);
        let count_u32 = u32::try_from(count).expect("small");
        let asked = ask(&params, Price(cost), Price(i64::MAX), count_u32).expect("below");
        let exact = i128::from(cost) * 1_150_000 * i128::from(PPM + 50_000 * count);
        let up = (exact + ONE * ONE - 1) / (ONE * ONE);
        prop_assert_eq!(i128::from(asked.0), up);
    }
}
