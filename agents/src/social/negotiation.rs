//! One bargaining session (protocol 6): who may say what, and the decision rules of 6.4.
//!
//! The rules are pure functions of numbers; `Bargain` is the buyer's side of a session. What a
//! seller keeps is in `seller.rs`. Final contracts are unknown here.

use gridpact_chain::terms::{Energy, Price};

use super::book::Overlap;
use super::message::{Answer, Offer, OfferResponse, Reason, Verdict};
use super::pricing;
use super::resend::Attempt;
use crate::params::{NegotiateParams, PPM};

/// What the buyer knows when an offer arrives.
#[derive(Debug, Clone, Copy)]
pub struct BuyerStand {
    /// Reservation price R, net of the network fee between buyer and seller.
    pub reservation: Price,
    /// Energy of the task.
    pub need: Energy,
    /// Temporary contracts of the task in hand.
    pub temporary: u32,
    /// Their energy in Wh.
    pub temporary_wh: u128,
}

/// Buyer on an offer (Luo 2019; protocol 6.4): never pay the grid price, never gather more than
/// `overbook` times the need, accept at or below the intended price, else counter with it.
#[must_use]
pub fn judge_offer(params: &NegotiateParams, stand: &BuyerStand, price: Price) -> Answer {
    if price >= stand.reservation {
        return Answer::Reject { reason: Reason::NoGain };
    }
    let enough = u128::from(stand.need.0) * u128::from(params.overbook_ppm.unsigned_abs());
    if stand.temporary_wh * u128::from(PPM.unsigned_abs()) >= enough {
        return Answer::Reject { reason: Reason::Enough };
    }
    let intended = pricing::bid(params, stand.reservation, stand.temporary);
    if price <= intended { Answer::Accept } else { Answer::Counter { unit_price: intended } }
}

/// What the seller knows when a counter arrives, from a fresh quote.
#[derive(Debug, Clone, Copy)]
pub struct SellerStand {
    /// Unit cost c.
    pub cost: Price,
    /// Energy available for the offered profile.
    pub available: Energy,
    /// Energy available in the whole range of the block.
    pub capacity: Energy,
    /// Smallest energy worth a contract.
    pub min_trade: Energy,
    /// Own temporary contracts that overlap the block.
    pub overlap: Overlap,
}

/// Seller on a counter (Luo 2019; protocol 6.4): accept unless saturated and below the own mean
/// price; two guards of ours: never below cost, never without energy.
#[must_use]
pub fn judge_counter(params: &NegotiateParams, stand: &SellerStand, price: Price) -> Verdict {
    let promised = stand.overlap.energy_wh * u128::from(PPM.unsigned_abs());
    let saturation = u128::from(stand.capacity.0) * u128::from(params.omega_ppm.unsigned_abs());
    if promised >= saturation && stand.overlap.mean_is_above(price) {
        return Verdict::Reject { reason: Reason::Saturated };
    }
    if params.cost_floor && price < stand.cost {
        return Verdict::Reject { reason: Reason::BelowCost };
    }
    if stand.available < stand.min_trade || stand.available == Energy::ZERO {
        return Verdict::Reject { reason: Reason::NoEnergy };
    }
    Verdict::Accept
}

/// The buyer's side of one session.
#[derive(Debug)]
pub(crate) enum Bargain {
    /// Asked for an offer.
    Asked(Attempt),
    /// Countered an offer and waits for the seller's word.
    Countered {
        /// The offer.
        offer: Box<Offer>,
        /// The counter, as sent.
        said: OfferResponse,
        /// The counter's price.
        unit_price: Price,
        /// The unanswered counter.
        attempt: Attempt,
    },
    /// Over; what was said last, for a repeated offer.
    Closed(Option<OfferResponse>),
}

impl Bargain {
    /// Whether an answer is still awaited.
    pub(crate) fn is_waiting(&self) -> bool {
        match self {
            Self::Asked(attempt) | Self::Countered { attempt, .. } => !attempt.is_silent(),
            Self::Closed(_) => false,
        }
    }

    /// What this side has answered so far: a repeated offer gets it again.
    pub(crate) fn said(&self) -> Option<&OfferResponse> {
        match self {
            Self::Asked(_) => None,
            Self::Countered { said, .. } => Some(said),
            Self::Closed(said) => said.as_ref(),
        }
    }
}

#[cfg(test)]
#[path = "negotiation_tests.rs"]
mod tests;
