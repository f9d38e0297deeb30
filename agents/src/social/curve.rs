//! Concession over time (protocol 6.6), in integers only: the same share on every machine.
//!
//! Logarithm and power of two are computed bit by bit in binary fixed point with 60 digits behind
//! the point, with an error below 2^-50; the share is then rounded to twelve decimals, so that round
//! settings give round prices.

use crate::params::{Curve, NegotiateParams, PPM};

/// Digits behind the binary point.
const BITS: u32 = 60;
/// One whole, inside.
const ONE: i128 = 1 << BITS;
/// One whole of a share.
pub(super) const WHOLE: i128 = 1_000_000_000_000;
/// ln 2, rounded down to [`BITS`] digits.
const LN_2: i128 = 799_144_290_325_165_978;

/// The share alpha in [0, [`WHOLE`]] of its room that an agent has conceded at `round` of
/// `max_rounds`: kappa at the first price, everything once all rounds are over.
pub(super) fn alpha(params: &NegotiateParams, round: u32) -> i128 {
    let rounds = i128::from(params.max_rounds.max(1));
    let u = i128::from(round).min(rounds) * ONE / rounds;
    let beta = i128::from(params.beta_in_use_ppm().max(1));
    let one_ppm = i128::from(PPM);
    let kappa = i128::from(params.kappa_ppm) * ONE / one_ppm;
    let share = match params.curve {
        Curve::Polynomial => kappa + (ONE - kappa) * power(u, one_ppm, beta) / ONE,
        Curve::Exponential => {
            let left = power(ONE - u, beta, one_ppm);
            exp2_neg(left * neg_log2(kappa) / ONE)
        }
    };
    (share.clamp(0, ONE) * WHOLE + ONE / 2) / ONE
}

/// `x^(numerator/denominator)` for x in [0, 1] and a positive exponent.
fn power(x: i128, numerator: i128, denominator: i128) -> i128 {
    if x <= 0 { 0 } else { exp2_neg(neg_log2(x).saturating_mul(numerator) / denominator) }
}

/// `-log2 x` for x in (0, 1]: whole digits by shifting, the others by squaring.
fn neg_log2(x: i128) -> i128 {
    let mut mantissa = x.clamp(1, ONE);
    let mut log = 0;
    while mantissa < ONE {
        mantissa *= 2;
        log += ONE;
    }
    let mut digit = ONE;
    while digit > 1 {
        digit /= 2;
        mantissa = mantissa * mantissa / ONE;
        if mantissa >= 2 * ONE {
            mantissa /= 2;
            log -= digit;
        }
    }
    log
}

/// `2^-y` for y at least 0: whole digits by shifting, the others by the series of e^-z.
fn exp2_neg(y: i128) -> i128 {
    let whole = y / ONE;
    if whole >= i128::from(BITS) {
        return 0;
    }
    let z = (y % ONE) * LN_2 / ONE;
    let (mut sum, mut term) = (ONE, ONE);
    for n in 1..=24 {
        term = term * z / (ONE * n);
        sum += if n % 2 == 1 { -term } else { term };
    }
    sum >> whole
}

#[cfg(test)]
#[path = "curve_tests.rs"]
mod tests;
