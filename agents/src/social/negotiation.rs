//! One bargaining session (protocol 6): who may say what, and the decision rules of 6.4.
//!
//! The rules are pure functions of numbers; `Bargain` is the buyer's side of a session. What a
//! seller keeps is in `seller.rs`. Final contracts are unknown here.

use gridpact_chain::terms::{Energy, Price};
use rand_chacha::ChaCha8Rng;

use super::book::Overlap;
use super::message::{Answer, Claim, Offer, OfferResponse, Reason, Verdict};
use super::resend::Attempt;
use super::tactic::{AskStand, BidStand, Rules};
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
    /// Number of the offer in its session, from 0.
    pub round: u32,
    /// The own last counter of the session.
    pub said: Option<Price>,
}

/// Whether no offer may follow the one of `round`.
#[must_use]
pub fn is_last(params: &NegotiateParams, round: u32) -> bool {
    round.saturating_add(1) >= params.max_rounds
}

/// Buyer on an offer (Luo 2019; protocol 6.4, 6.6): never agree to the grid price, never gather
/// more than `overbook` times the need, accept what is at least as good as the counter it would
/// send, else send that counter. An offer that reaches the grid price is countered too while
/// another may follow. What it has once bid it does not take back.
#[must_use]
pub fn judge_offer(
    rules: &Rules<'_>,
    stand: &BuyerStand,
    price: Price,
    chance: &mut ChaCha8Rng,
) -> Answer {
    let params = rules.params;
    let no_gain = Answer::Reject { reason: Reason::NoGain };
    // The highest price that is still a gain.
    let Some(top) = stand.reservation.0.checked_sub(1).map(Price) else { return no_gain };
    if price > top && is_last(params, stand.round) {
        return no_gain;
    }
    let enough = u128::from(stand.need.0) * u128::from(params.overbook_ppm.unsigned_abs());
    if stand.temporary_wh * u128::from(PPM.unsigned_abs()) >= enough {
        return Answer::Reject { reason: Reason::Enough };
    }
    let BuyerStand { reservation, temporary, round, said, .. } = *stand;
    let wish = BidStand { reservation, temporary, round };
    let Some(wished) = rules.bid(&wish, chance) else { return no_gain };
    let intended = said.map_or(wished, |said| said.max(wished)).min(top);
    if price <= intended { Answer::Accept } else { Answer::Counter { unit_price: intended } }
}

/// What the seller knows when a counter arrives, from a fresh quote.
#[derive(Debug, Clone, Copy)]
pub struct SellerStand {
    /// Unit cost c.
    pub cost: Price,
    /// Public retail ceiling.
    pub ceiling: Price,
    /// Energy available for the offered profile.
    pub available: Energy,
    /// Energy available in the whole range of the block.
    pub capacity: Energy,
    /// Smallest energy worth a contract.
    pub min_trade: Energy,
    /// Own temporary contracts that overlap the block.
    pub overlap: Overlap,
    /// Number of the countered offer in its session, from 0.
    pub round: u32,
    /// Price of the countered offer.
    pub said: Price,
}

/// Seller on a counter (Luo 2019; protocol 6.4): refuse when saturated and below the own mean
/// price; two guards of ours: never below cost, never without energy.
fn refusal(params: &NegotiateParams, stand: &SellerStand, price: Price) -> Option<Reason> {
    let promised = stand.overlap.energy_wh * u128::from(PPM.unsigned_abs());
    let saturation = u128::from(stand.capacity.0) * u128::from(params.omega_ppm.unsigned_abs());
    if promised >= saturation && stand.overlap.mean_is_above(price) {
        return Some(Reason::Saturated);
    }
    if params.cost_floor && price < stand.cost {
        return Some(Reason::BelowCost);
    }
    let scarce = stand.available < stand.min_trade || stand.available == Energy::ZERO;
    scarce.then_some(Reason::NoEnergy)
}

/// Seller on a counter. In the last round rule 6.4 alone decides. Before it (protocol 6.6) the
/// seller accepts what is at least as good as the offer it would make next, else makes that offer,
/// never dearer than its last one. A tactic that does not wait takes whatever 6.4 lets it take, and
/// makes a new offer only if it is cheaper.
#[must_use]
pub fn judge_counter(
    rules: &Rules<'_>,
    stand: &SellerStand,
    price: Price,
    chance: &mut ChaCha8Rng,
) -> Verdict {
    let (params, tactic) = (rules.params, rules.tactic);
    let refused = refusal(params, stand, price);
    let settled = refused.map_or(Verdict::Accept, |reason| Verdict::Reject { reason });
    let done = refused == Some(Reason::NoEnergy) || (refused.is_none() && !tactic.waits());
    if done || is_last(params, stand.round) {
        return settled;
    }
    let SellerStand { cost, ceiling, overlap, round, said, .. } = *stand;
    let wish = AskStand { cost, ceiling, temporary: overlap.count, round: round + 1 };
    let Some(wished) = rules.ask(&wish, chance) else { return settled };
    let next = wished.min(said);
    let is_affordable = !params.cost_floor || next >= cost;
    if refused.is_none() && price >= next {
        Verdict::Accept
    } else if is_affordable && (next < said || tactic.waits()) {
        Verdict::NewOffer { unit_price: next }
    } else {
        settled
    }
}

/// The buyer's side of one session.
#[derive(Debug)]
pub(crate) enum Bargain {
    /// Asked for an offer.
    Asked(Attempt),
    /// An offer is in hand; it is claimed or refused when all have been heard.
    Standing {
        /// The offer.
        offer: Box<Offer>,
        /// Decides between equal costs, so that not all buyers run to the same seller.
        lot: u64,
    },
    /// Claimed (part of) an offer and waits for the seller's word.
    Claimed {
        /// The offer.
        offer: Box<Offer>,
        /// The claim, as sent.
        claim: Claim,
        /// The unanswered claim.
        attempt: Attempt,
    },
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
            Self::Asked(attempt)
            | Self::Countered { attempt, .. }
            | Self::Claimed { attempt, .. } => !attempt.is_silent(),
            Self::Standing { .. } | Self::Closed(_) => false,
        }
    }

    /// What this side has answered so far: a repeated offer gets it again.
    pub(crate) fn said(&self) -> Option<&OfferResponse> {
        match self {
            Self::Asked(_) | Self::Standing { .. } | Self::Claimed { .. } => None,
            Self::Countered { said, .. } => Some(said),
            Self::Closed(said) => said.as_ref(),
        }
    }
}

#[cfg(test)]
#[path = "negotiation_tests.rs"]
mod tests;
