//! The curves against the textbook formulas in floating point, and their order.

use proptest::prelude::*;

use super::*;
use crate::params::TacticName;

fn params(curve: Curve, beta_ppm: i64, kappa_ppm: i64, max_rounds: u32) -> NegotiateParams {
    let tactic = TacticName::Conceder;
    let beta_ppm = Some(beta_ppm);
    NegotiateParams { tactic, curve, beta_ppm, kappa_ppm, max_rounds, ..NegotiateParams::default() }
}

fn both() -> impl Strategy<Value = Curve> {
    prop_oneof![Just(Curve::Polynomial), Just(Curve::Exponential)]
}

/// What protocol 6.6 says, in floating point: only to compare with.
fn textbook(params: &NegotiateParams, round: u32) -> f64 {
    let whole = PPM as f64;
    let u = f64::from(round.min(params.max_rounds)) / f64::from(params.max_rounds);
    let beta = params.beta_in_use_ppm() as f64 / whole;
    let kappa = params.kappa_ppm as f64 / whole;
    match params.curve {
        Curve::Polynomial => kappa + (1.0 - kappa) * u.powf(1.0 / beta),
        Curve::Exponential => ((1.0 - u).powf(beta) * kappa.ln()).exp(),
    }
}

#[test]
fn worked_examples_pin_every_digit() {
    let square_root = params(Curve::Polynomial, 2 * PPM, 1, 4);
    // kappa + (1 - kappa) * (1/4)^(1/2) = 0.0000005 + 0.5.
    assert_eq!(alpha(&square_root, 1), 500_000_500_000);
    let linear = params(Curve::Polynomial, PPM, 200_000, 4);
    assert_eq!(alpha(&linear, 2), 600_000_000_000);
    let late = params(Curve::Polynomial, PPM / 2, 100_000, 8);
    // 0.1 + 0.9 * (3/8)^2 = 0.2265625; exponential: 0.1^((5/8)^(1/2)) = 0.161968...
    assert_eq!(alpha(&late, 3), 226_562_500_000);
    let late = NegotiateParams { curve: Curve::Exponential, ..late };
    assert_eq!(alpha(&late, 3), 161_968_509_240);
    assert_eq!(exp2_neg(ONE), ONE / 2);
    assert_eq!(neg_log2(ONE / 8), 3 * ONE);
    assert_eq!(neg_log2(ONE), 0);
    assert_eq!((power(0, 1, 1), power(ONE, 7, 3)), (0, ONE));
}

proptest! {
    #[test]
    fn the_integers_follow_the_textbook(
        curve in both(), beta in 10_000_i64..100_000_000, kappa in 1_i64..1_000_000,
        rounds in 1_u32..=100, round in 0_u32..=100,
    ) {
        let params = params(curve, beta, kappa, rounds);
        let found = alpha(&params, round) as f64 / WHOLE as f64;
        let wanted = textbook(&params, round);
        prop_assert!((found - wanted).abs() < 1e-9, "{found} instead of {wanted}");
    }

    #[test]
    fn concession_begins_at_kappa_never_falls_and_ends_with_everything(
        curve in both(), beta in 10_000_i64..100_000_000, kappa in 1_i64..1_000_000,
        rounds in 1_u32..=100,
    ) {
        let params = params(curve, beta, kappa, rounds);
        let shares: Vec<i128> = (0..=rounds).map(|round| alpha(&params, round)).collect();
        prop_assert_eq!(shares[0], i128::from(kappa) * 1_000_000, "the first price concedes kappa");
        prop_assert!(shares.windows(2).all(|pair| pair[0] <= pair[1]));
        prop_assert_eq!(shares.last().copied(), Some(WHOLE));
    }

    #[test]
    fn a_smaller_beta_concedes_later(
        curve in both(), small in 10_000_i64..950_000, large in 1_050_000_i64..100_000_000,
        kappa in 1_i64..900_000, rounds in 2_u32..=100, round in 1_u32..100,
    ) {
        prop_assume!(round < rounds);
        let at = |beta| alpha(&params(curve, beta, kappa, rounds), round);
        prop_assert!(at(small) <= at(PPM) && at(PPM) <= at(large));
    }
}

#[test]
fn boulware_linear_and_conceder_part_visibly_in_mid_time() {
    for curve in [Curve::Polynomial, Curve::Exponential] {
        for round in 1..8 {
            let at = |beta| alpha(&params(curve, beta, 100_000, 8), round);
            let (late, even, early) = (at(PPM / 2), at(PPM), at(2 * PPM));
            assert!(late < even && even < early, "{curve:?} {round}: {late} {even} {early}");
        }
    }
}
