//! Tactics: how an agent chooses its price in each round of a session (protocol 6.6).
//!
//! A tactic sees limits, counts and the round, and is lent the chance its agent was born with; it
//! never sees a message. All prices are integers; a seller rounds up and a buyer down. Whatever it
//! or the pricing behind it wishes for, a seller stays in [cost, ceiling] and a buyer below its
//! reservation: [`Rules`] sees to that.

use std::fmt::Debug;
use std::sync::Arc;

use gridpact_chain::terms::Price;
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;

use super::curve;
use super::pricing::{self, Pricing};
pub use super::pricing::{AskStand, BidStand};
use crate::params::{NegotiateParams, PPM, TacticName};

/// One way to choose prices, for both sides of the market.
pub trait Tactic: Debug + Send + Sync {
    /// The seller's price for the offer of `stand.round`, wanted in [cost, ceiling].
    fn ask(&self, rules: &Rules<'_>, stand: &AskStand, chance: &mut ChaCha8Rng) -> Price;

    /// The buyer's price in answer to the offer of `stand.round`, wanted below the reservation.
    fn bid(&self, rules: &Rules<'_>, stand: &BidStand, chance: &mut ChaCha8Rng) -> Price;

    /// Whether time alone moves its prices: then a seller waits for a better counter while rounds
    /// are left. Otherwise waiting brings nothing, and it takes whatever rule 6.4 lets it take.
    fn waits(&self) -> bool;
}

/// The tactic of that name.
#[must_use]
pub fn named(name: TacticName) -> Arc<dyn Tactic> {
    match name {
        TacticName::Resource => Arc::new(Resource),
        TacticName::Boulware | TacticName::Linear | TacticName::Conceder => Arc::new(TimeDependent),
        TacticName::ZeroIntelligence => Arc::new(ZeroIntelligence),
    }
}

/// What an SCA bargains by. Every price it says comes from here, so that the limits of protocol 6.5
/// hold whoever wrote the tactic and the pricing.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The settings.
    pub params: &'a NegotiateParams,
    /// What moves its prices from round to round.
    pub tactic: &'a dyn Tactic,
    /// What its temporary contracts do to its prices, for the tactic that asks.
    pub pricing: &'a dyn Pricing,
}

impl Rules<'_> {
    /// The seller's price, never below cost nor above the ceiling; `None` when the cost reaches the
    /// ceiling, for then nobody is asked.
    #[must_use]
    pub fn ask(&self, stand: &AskStand, chance: &mut ChaCha8Rng) -> Option<Price> {
        let is_affordable = stand.cost < stand.ceiling;
        is_affordable.then(|| self.tactic.ask(self, stand, chance).clamp(stand.cost, stand.ceiling))
    }

    /// The buyer's price, one micro-currency below its reservation at most; `None` where there is no
    /// such price.
    #[must_use]
    pub fn bid(&self, stand: &BidStand, chance: &mut ChaCha8Rng) -> Option<Price> {
        let top = stand.reservation.0.checked_sub(1).map(Price)?;
        Some(self.tactic.bid(self, stand, chance).min(top))
    }
}

/// Rules 6.2 and 6.3: Faratin's resource-dependent family with the temporary contracts in hand as
/// the resource (Luo 2019).
#[derive(Debug, Clone, Copy)]
pub struct Resource;

impl Tactic for Resource {
    fn ask(&self, rules: &Rules<'_>, stand: &AskStand, _: &mut ChaCha8Rng) -> Price {
        rules.pricing.ask(rules.params, stand)
    }

    fn bid(&self, rules: &Rules<'_>, stand: &BidStand, _: &mut ChaCha8Rng) -> Price {
        rules.pricing.bid(rules.params, stand)
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
    fn ask(&self, rules: &Rules<'_>, stand: &AskStand, _: &mut ChaCha8Rng) -> Price {
        let (low, span) = seller_room(stand);
        let kept = curve::WHOLE - curve::alpha(rules.params, stand.round);
        price(low + pricing::ceil_div(span * kept, curve::WHOLE))
    }

    fn bid(&self, rules: &Rules<'_>, stand: &BidStand, _: &mut ChaCha8Rng) -> Price {
        let (low, span) = buyer_room(rules.params, stand);
        price(low + span * curve::alpha(rules.params, stand.round) / curve::WHOLE)
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
    fn ask(&self, _: &Rules<'_>, stand: &AskStand, chance: &mut ChaCha8Rng) -> Price {
        let (low, span) = seller_room(stand);
        price(low + drawn(span, chance))
    }

    fn bid(&self, rules: &Rules<'_>, stand: &BidStand, chance: &mut ChaCha8Rng) -> Price {
        let (low, span) = buyer_room(rules.params, stand);
        price(low + drawn(span, chance))
    }

    fn waits(&self) -> bool {
        true
    }
}

/// The seller's lowest price and the room above it.
fn seller_room(stand: &AskStand) -> (i128, i128) {
    let (low, high) = (i128::from(stand.cost.0), i128::from(stand.ceiling.0));
    (low, (high - low).max(0))
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
