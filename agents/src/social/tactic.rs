//! Tactics: how an agent chooses its price in each round of a session (protocol 6.6).
//!
//! A tactic sees limits, counts and the round, and is lent the chance its agent was born with; it
//! never sees a message. All prices are integers; a seller rounds up and a buyer down. Whatever it
//! wishes for, a seller stays in [cost, ceiling] and a buyer below its reservation.

use gridpact_chain::terms::Price;
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;

use super::curve;
use super::pricing;
use crate::params::{NegotiateParams, PPM, TacticName};

/// What a seller's price depends on.
#[derive(Debug, Clone, Copy)]
pub struct AskStand {
    /// Unit cost c, from the newest quote.
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

/// One way to choose prices, for both sides of the market.
pub trait Tactic {
    /// The seller's price for the offer of `stand.round`, in [cost, ceiling]; `None` when the cost
    /// reaches the ceiling.
    fn ask(
        &self,
        params: &NegotiateParams,
        stand: &AskStand,
        chance: &mut ChaCha8Rng,
    ) -> Option<Price>;

    /// The buyer's price in answer to the offer of `stand.round`, at most the reservation price.
    fn bid(&self, params: &NegotiateParams, stand: &BidStand, chance: &mut ChaCha8Rng) -> Price;

    /// Whether time alone moves its prices: then a seller waits for a better counter while rounds
    /// are left. Otherwise waiting brings nothing, and it takes whatever rule 6.4 lets it take.
    fn waits(&self) -> bool;
}

/// The tactic of that name.
#[must_use]
pub fn named(name: TacticName) -> &'static dyn Tactic {
    match name {
        TacticName::Resource => &Resource,
        TacticName::Boulware | TacticName::Linear | TacticName::Conceder => &TimeDependent,
        TacticName::ZeroIntelligence => &ZeroIntelligence,
    }
}

/// Rules 6.2 and 6.3: Faratin's resource-dependent family with the temporary contracts in hand as
/// the resource (Luo 2019).
#[derive(Debug, Clone, Copy)]
pub struct Resource;

impl Tactic for Resource {
    fn ask(&self, params: &NegotiateParams, stand: &AskStand, _: &mut ChaCha8Rng) -> Option<Price> {
        pricing::ask(params, stand.cost, stand.ceiling, stand.temporary)
    }

    fn bid(&self, params: &NegotiateParams, stand: &BidStand, _: &mut ChaCha8Rng) -> Price {
        pricing::bid(params, stand.reservation, stand.temporary)
    }

    fn waits(&self) -> bool {
        false
    }
}

/// Faratin's time-dependent family: Boulware, linear and conceder by beta, kappa for the first
/// price. A seller moves from the ceiling to its cost, a buyer from `floor_b` of its reservation
/// price to just below it; time is the round over `max_rounds`.
#[derive(Debug, Clone, Copy)]
pub struct TimeDependent;

impl Tactic for TimeDependent {
    fn ask(&self, params: &NegotiateParams, stand: &AskStand, _: &mut ChaCha8Rng) -> Option<Price> {
        let (low, span) = seller_room(stand)?;
        let kept = curve::WHOLE - curve::alpha(params, stand.round);
        Some(price(low + pricing::ceil_div(span * kept, curve::WHOLE)))
    }

    fn bid(&self, params: &NegotiateParams, stand: &BidStand, _: &mut ChaCha8Rng) -> Price {
        let (low, span) = buyer_room(params, stand);
        price(low + span * curve::alpha(params, stand.round) / curve::WHOLE)
    }

    fn waits(&self) -> bool {
        true
    }
}

/// Prices drawn evenly between the limits: what a market does without any thought (Gode and
/// Sunder's constrained zero intelligence).
#[derive(Debug, Clone, Copy)]
pub struct ZeroIntelligence;

impl Tactic for ZeroIntelligence {
    fn ask(&self, _: &NegotiateParams, stand: &AskStand, chance: &mut ChaCha8Rng) -> Option<Price> {
        let (low, span) = seller_room(stand)?;
        Some(price(low + drawn(span, chance)))
    }

    fn bid(&self, params: &NegotiateParams, stand: &BidStand, chance: &mut ChaCha8Rng) -> Price {
        let (low, span) = buyer_room(params, stand);
        price(low + drawn(span, chance))
    }

    fn waits(&self) -> bool {
        true
    }
}

/// The seller's lowest price and the room above it.
fn seller_room(stand: &AskStand) -> Option<(i128, i128)> {
    let (low, high) = (i128::from(stand.cost.0), i128::from(stand.ceiling.0));
    (low < high).then_some((low, high - low))
}

/// The buyer's lowest price and the room up to one micro-currency below its reservation.
fn buyer_room(params: &NegotiateParams, stand: &BidStand) -> (i128, i128) {
    let reservation = i128::from(stand.reservation.0);
    let whole = i128::from(PPM);
    let discount = whole - i128::from(params.floor_b_ppm).clamp(0, whole);
    let off = pricing::ceil_div(reservation.abs() * discount, whole).max(1);
    (reservation - off, off - 1)
}

/// A whole number in [0, `span`], each equally likely; `span` is at most 2^64.
fn drawn(span: i128, chance: &mut ChaCha8Rng) -> i128 {
    (span + 1).saturating_mul(i128::from(chance.next_u64() >> 2)) >> 62
}

fn price(wide: i128) -> Price {
    let bound = if wide < 0 { i64::MIN } else { i64::MAX };
    Price(i64::try_from(wide).unwrap_or(bound))
}

#[cfg(test)]
#[path = "tactic_tests.rs"]
mod tests;
