//! How temporary contracts move the ask and the bid (protocol 6.2, 6.3), exactly, in integers.
//!
//! Shares are parts per million and products 128-bit. A seller rounds up and a buyer down, so that
//! rounding never costs the one who computes. This file sees prices and counts, never a message.

use gridpact_chain::terms::Price;

use crate::params::{NegotiateParams, PPM, Pricing};

/// One whole, wide.
const ONE: i128 = PPM as i128;
/// One whole of the bounded rule's running product: 1e18, enough for any count.
const FINE: i128 = ONE * ONE * ONE;
/// Counts beyond this change no price any more; it keeps products within 128 bits.
const COUNT_MAX: u32 = 1_000_000;

/// The seller's price at `cost` with `temporary` contracts overlapping the block, at most
/// `ceiling`; `None` when the cost reaches the ceiling (Luo 2019: raised with the number of
/// existing temporary contracts, based on the generation cost).
#[must_use]
pub fn ask(params: &NegotiateParams, cost: Price, ceiling: Price, temporary: u32) -> Option<Price> {
    if cost >= ceiling {
        return None;
    }
    let count = temporary.min(COUNT_MAX);
    let price = match params.pricing {
        Pricing::Linear => linear(params, cost, count),
        Pricing::Bounded => bounded(params, cost, ceiling, count),
    };
    Some(Price(i64::try_from(price.min(wide(ceiling))).unwrap_or(ceiling.0)))
}

fn linear(params: &NegotiateParams, cost: Price, count: u32) -> i128 {
    let base = wide(cost).abs().max(wide(params.c_min));
    let scarcity = ONE + i128::from(params.a_s_ppm) * i128::from(count);
    let markup = (ONE + i128::from(params.margin_ppm)) * scarcity - ONE * ONE;
    wide(cost) + ceil_div(base.saturating_mul(markup), ONE * ONE)
}

fn bounded(params: &NegotiateParams, cost: Price, ceiling: Price, count: u32) -> i128 {
    let mut left = (ONE - i128::from(params.mu0_ppm)) * (FINE / ONE);
    for _ in 0..count {
        if left == 0 || params.a_s_ppm == 0 {
            break;
        }
        left = left * (ONE - i128::from(params.a_s_ppm)) / ONE;
    }
    let span = wide(ceiling) - wide(cost);
    wide(cost) + ceil_div(span.saturating_mul(FINE - left), FINE)
}

/// The buyer's intended price below `reservation` with `temporary` contracts for the task in hand
/// (Luo 2019: decreases with temporary contracts; outside options raise its bargaining power).
#[must_use]
pub fn bid(params: &NegotiateParams, reservation: Price, temporary: u32) -> Price {
    let count = i128::from(temporary.min(COUNT_MAX));
    let factor = (ONE - i128::from(params.a_b_ppm) * count).max(i128::from(params.floor_b_ppm));
    let discount = ONE * ONE - (ONE - i128::from(params.disc_ppm)) * factor;
    let off = ceil_div(wide(reservation).abs() * discount, ONE * ONE);
    Price(i64::try_from(wide(reservation) - off).unwrap_or(i64::MIN))
}

fn wide(price: Price) -> i128 {
    i128::from(price.0)
}

/// `numerator / divisor`, rounded up; the divisor is positive.
pub(super) fn ceil_div(numerator: i128, divisor: i128) -> i128 {
    -((-numerator).div_euclid(divisor))
}

#[cfg(test)]
#[path = "pricing_tests.rs"]
mod tests;
