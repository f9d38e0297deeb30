//! How temporary contracts move the ask and the bid (protocol 6.2, 6.3), exactly, in integers.
//!
//! Shares are parts per million and products 128-bit. A seller rounds up and a buyer down, so that
//! rounding never costs the one who computes. This file sees prices and counts, never a message.

use std::fmt::Debug;
use std::sync::Arc;

use gridpact_chain::terms::Price;

use crate::params::{NegotiateParams, PPM, PricingName};

/// One whole, wide.
const ONE: i128 = PPM as i128;
/// One whole of the bounded rule's running product: 1e18, enough for any count.
const FINE: i128 = ONE * ONE * ONE;
/// Counts beyond this change no price any more; it keeps products within 128 bits.
const COUNT_MAX: u32 = 1_000_000;

/// What a seller's price depends on.
#[derive(Debug, Clone, Copy)]
pub struct AskStand {
    /// Unit cost c, from the newest quote; below `ceiling`.
    pub cost: Price,
    /// Public retail ceiling.
    pub ceiling: Price,
    /// Own temporary contracts that overlap the block.
    pub temporary: u32,
    /// Number of the offer in its session, from 0.
    pub round: u32,
}

/// What a buyer's price depends on.
#[derive(Debug, Clone, Copy)]
pub struct BidStand {
    /// Reservation price R, net of the P2P fee.
    pub reservation: Price,
    /// Temporary contracts of the task in hand.
    pub temporary: u32,
    /// Number of the offer that is answered, from 0.
    pub round: u32,
}

/// How an SCA prices what it sells and what it buys, where the tactic leaves that to its temporary
/// contracts (`negotiate.tactic` = `resource`, the default).
///
/// What an own pricing may rely on, and what is made of its answers, is in
/// [`Rules`](super::tactic::Rules): whatever it returns, a seller stays in [cost, ceiling] and a
/// buyer below its reservation. It is asked in the middle of a session: it should be quick, and the
/// same for the same facts, or a run can no longer be repeated. One that panics ends that life of
/// its SCA.
///
/// ```
/// use gridpact_agents::params::NegotiateParams;
/// use gridpact_agents::social::pricing::{AskStand, LinearMarkup, Pricing};
/// use gridpact_chain::terms::Price;
///
/// /// Nothing below 20 c/kWh, whatever it costs.
/// #[derive(Debug)]
/// struct Proud;
///
/// impl Pricing for Proud {
///     fn ask(&self, params: &NegotiateParams, stand: &AskStand) -> Price {
///         LinearMarkup.ask(params, stand).max(Price(200_000))
///     }
/// }
///
/// let stand = AskStand { cost: Price(100_000), ceiling: Price(400_000), temporary: 0, round: 0 };
/// assert_eq!(Proud.ask(&NegotiateParams::default(), &stand), Price(200_000));
/// ```
pub trait Pricing: Debug + Send + Sync {
    /// The seller's price per kWh, wanted in [cost, ceiling].
    fn ask(&self, params: &NegotiateParams, stand: &AskStand) -> Price;

    /// The buyer's price per kWh, wanted below the reservation; rule 6.3 unless it is replaced.
    fn bid(&self, params: &NegotiateParams, stand: &BidStand) -> Price {
        discount(params, stand)
    }
}

/// The pricing of that name.
#[must_use]
pub fn named(name: PricingName) -> Arc<dyn Pricing> {
    match name {
        PricingName::Linear => Arc::new(LinearMarkup),
        PricingName::Bounded => Arc::new(BoundedMarkup),
    }
}

/// Cost times (1 + margin) times (1 + a_s n) (Luo 2019: raised with the number of existing temporary
/// contracts, based on the generation cost).
#[derive(Debug, Clone, Copy)]
pub struct LinearMarkup;

impl Pricing for LinearMarkup {
    fn ask(&self, params: &NegotiateParams, stand: &AskStand) -> Price {
        let count = stand.temporary.min(COUNT_MAX);
        let base = wide(stand.cost).abs().max(wide(params.c_min));
        let scarcity = ONE + i128::from(params.a_s_ppm) * i128::from(count);
        let markup = (ONE + i128::from(params.margin_ppm)) * scarcity - ONE * ONE;
        let price = wide(stand.cost) + ceil_div(base.saturating_mul(markup), ONE * ONE);
        at_most(price, stand.ceiling)
    }
}

/// Between cost and ceiling, nearing the ceiling with each temporary contract (protocol 6.2).
#[derive(Debug, Clone, Copy)]
pub struct BoundedMarkup;

impl Pricing for BoundedMarkup {
    fn ask(&self, params: &NegotiateParams, stand: &AskStand) -> Price {
        let mut left = (ONE - i128::from(params.mu0_ppm)) * (FINE / ONE);
        for _ in 0..stand.temporary.min(COUNT_MAX) {
            if left == 0 || params.a_s_ppm == 0 {
                break;
            }
            left = left * (ONE - i128::from(params.a_s_ppm)) / ONE;
        }
        let span = (wide(stand.ceiling) - wide(stand.cost)).max(0);
        let price = wide(stand.cost) + ceil_div(span.saturating_mul(FINE - left), FINE);
        at_most(price, stand.ceiling)
    }
}

/// Rule 6.3: the buyer's price below its reservation, lower with each temporary contract of the task
/// (Luo 2019: outside options raise its bargaining power).
#[must_use]
pub fn discount(params: &NegotiateParams, stand: &BidStand) -> Price {
    let count = i128::from(stand.temporary.min(COUNT_MAX));
    let factor = (ONE - i128::from(params.a_b_ppm) * count).max(i128::from(params.floor_b_ppm));
    let discount = ONE * ONE - (ONE - i128::from(params.disc_ppm)) * factor;
    let off = ceil_div(wide(stand.reservation).abs() * discount, ONE * ONE);
    Price(i64::try_from(wide(stand.reservation) - off).unwrap_or(i64::MIN))
}

fn wide(price: Price) -> i128 {
    i128::from(price.0)
}

fn at_most(price: i128, ceiling: Price) -> Price {
    Price(i64::try_from(price.min(wide(ceiling))).unwrap_or(ceiling.0))
}

/// `numerator / divisor`, rounded up; the divisor is positive.
pub(super) fn ceil_div(numerator: i128, divisor: i128) -> i128 {
    -((-numerator).div_euclid(divisor))
}

#[cfg(test)]
#[path = "pricing_tests.rs"]
mod tests;
