//! What is said in a bargain (protocol 6): offers, counters, claims.

use std::sync::Arc;

use gridpact_chain::terms::{Energy, Price, Profile, Timestamp};
use serde::{Deserialize, Serialize};

use super::{About, Reason};
use crate::local::door::Block;

/// Buyer to a member: make me an offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NegotiationRequest {
    /// Epoch and task.
    pub about: About,
    /// The block.
    pub block: Arc<Block>,
    /// Energy wanted of it.
    pub energy: Energy,
}

/// Seller to buyer: no offer, and why. An [`Offer`] is the other answer (protocol 6.1, 14.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NegotiationReply {
    /// Epoch and task.
    pub about: About,
    /// Why there is no offer.
    pub declined: Reason,
    /// Energy it could have delivered inside the block.
    pub max_energy: Energy,
}

/// Seller to buyer: its price for (part of) the block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Epoch and task.
    pub about: About,
    /// Number of this offer in its session, from 0.
    pub round: u32,
    /// Energy per interval of the block, at most what was asked.
    pub profile: Arc<Profile>,
    /// Price asked.
    pub unit_price: Price,
    /// The seller's feed-in price: what surplus delivery will be worth.
    pub surplus_price: Price,
    /// An answer is heard until then; never later than D2.
    pub valid_until: Timestamp,
}

/// The buyer's verdict on an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// A temporary contract at the offered price.
    Accept,
    /// No.
    Reject {
        /// Why.
        reason: Reason,
    },
    /// Yes, at this price.
    Counter {
        /// The buyer's intended price.
        unit_price: Price,
    },
}

/// Buyer to seller: answer to an [`Offer`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferResponse {
    /// Epoch and task.
    pub about: About,
    /// Round of the offer.
    pub round: u32,
    /// The verdict.
    pub answer: Answer,
}

/// The seller's verdict on a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// A temporary contract at the counter's price.
    Accept,
    /// No.
    Reject {
        /// Why.
        reason: Reason,
    },
    /// Not yet: the [`Offer`] of the next round, for the same energy until the same time, answered
    /// like any offer. Only while rounds are left.
    NewOffer {
        /// Price asked from now on, never above the last one.
        unit_price: Price,
    },
}

/// Seller to buyer: answer to a counter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterResponse {
    /// Epoch and task.
    pub about: About,
    /// Round of the offer that was countered.
    pub round: u32,
    /// The verdict.
    pub verdict: Verdict,
}

/// Buyer to seller: hold this part of your offer for me, at its price (`negotiate.award` =
/// `cheapest`). A [`Hold`] answers it, or a [`NegotiationReply`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Epoch and task.
    pub about: About,
    /// Round of the offer.
    pub round: u32,
    /// Energy per interval, at most the offer's.
    pub profile: Arc<Profile>,
}

/// Seller to buyer: so much of the claim is held as a temporary contract at the offered price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Epoch and task.
    pub about: About,
    /// Round of the offer.
    pub round: u32,
    /// Energy per interval, at most the claim's.
    pub profile: Arc<Profile>,
}
