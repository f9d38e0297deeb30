//! What SCAs say to each other (protocol 2, 5, 6, 7): data only.
//!
//! Every letter names its epoch and task; a session is one task and one seller. Requests may be
//! repeated with the same content; the receiver then repeats its answer. Blocks and profiles are
//! shared, so that fan-out inside one process copies nothing. Who sent a letter is not in it: the
//! courier has proved it and hands it over beside the letter.

use std::sync::Arc;

use gridpact_chain::contract::{ContractBody, ContractId};
use gridpact_chain::sign::Signature;
use gridpact_chain::terms::{Energy, Epoch, PartyId, Power, Price, Profile, Timestamp};
use serde::{Deserialize, Serialize};

pub use super::reason::Reason;
use crate::local::door::Block;
use crate::session::Phase;

/// A task: the 16-byte nonce its buyer drew for one purchase block (protocol 8.1).
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct TaskId(pub [u8; 16]);

/// What a letter is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct About {
    /// The trading round.
    pub epoch: Epoch,
    /// The purchase block under discussion.
    pub task: TaskId,
}

/// Buyer to a possible member: could you serve this block?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoalitionRequest {
    /// Epoch and task.
    pub about: About,
    /// The block.
    pub block: Arc<Block>,
    /// The buyer's D1.
    pub d1: Timestamp,
    /// The buyer's D2.
    pub d2: Timestamp,
    /// Propagation step in which the member was found, from 1.
    pub depth: u32,
    /// The buyer's connection limit.
    pub line_limit: Power,
}

/// Member to buyer: whether, and how much of, the block it could serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoalitionReply {
    /// Epoch and task.
    pub about: About,
    /// Whether `available_energy` is worth a trade.
    pub available: bool,
    /// Energy it could deliver inside the block.
    pub available_energy: Energy,
}

/// Buyer to a member: whom do you know?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeighbourQuery {
    /// Epoch and task.
    pub about: About,
}

/// Member to buyer: its neighbours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeighbourReply {
    /// Epoch and task.
    pub about: About,
    /// At most [`NEIGHBOURS_MAX`](super::limits::NEIGHBOURS_MAX) are read.
    pub neighbours: Vec<PartyId>,
}

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

/// Buyer to seller: make this temporary contract final (protocol 7.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionRequest {
    /// Epoch and task.
    pub about: About,
    /// The temporary contract.
    pub contract_id: ContractId,
    /// Round of the offer it came from.
    pub round: u32,
    /// Energy per interval, at most the temporary contract's.
    pub profile_final: Arc<Profile>,
    /// The agreed price, repeated.
    pub unit_price: Price,
    /// Salt of the profile commitment.
    pub salt: [u8; 32],
    /// Price of what is not delivered: the buyer's retail price, capped by genesis.
    pub shortfall_price: Price,
}

/// Seller to buyer: reserved, written down and signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirm {
    /// Epoch and task.
    pub about: About,
    /// What both sign.
    pub body: ContractBody,
    /// The profile the body commits to.
    pub profile_final: Arc<Profile>,
    /// The seller's signature; checked by whoever let the letter in.
    pub seller_sig: Signature,
}

/// Either side: this contract will not be. Never answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// Epoch and task.
    pub about: About,
    /// The contract.
    pub contract_id: ContractId,
    /// Why.
    pub reason: Reason,
}

/// Either side: your letter belongs to a phase or session that is over here. Never answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expired {
    /// Epoch and task of the late letter.
    pub about: About,
    /// Phase it belonged to.
    pub phase: Phase,
}

/// Everything one SCA can say to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// Could you serve this block?
    CoalitionRequest(CoalitionRequest),
    /// Whether and how much.
    CoalitionReply(CoalitionReply),
    /// Whom do you know?
    NeighbourQuery(NeighbourQuery),
    /// These.
    NeighbourReply(NeighbourReply),
    /// Make me an offer.
    NegotiationRequest(NegotiationRequest),
    /// No offer.
    NegotiationReply(NegotiationReply),
    /// An offer.
    Offer(Offer),
    /// The buyer's answer.
    OfferResponse(OfferResponse),
    /// The seller's answer to a counter.
    CounterResponse(CounterResponse),
    /// Make it final.
    TransactionRequest(Box<TransactionRequest>),
    /// Done, signed.
    Confirm(Arc<Confirm>),
    /// It will not be.
    Cancel(Cancel),
    /// Too late.
    Expired(Expired),
    /// Hold this part of your offer.
    Claim(Claim),
    /// So much is held.
    Hold(Hold),
}

impl Message {
    /// Epoch and task of the letter.
    #[must_use]
    pub fn about(&self) -> About {
        match self {
            Self::CoalitionRequest(m) => m.about,
            Self::CoalitionReply(m) => m.about,
            Self::NeighbourQuery(m) => m.about,
            Self::NeighbourReply(m) => m.about,
            Self::NegotiationRequest(m) => m.about,
            Self::NegotiationReply(m) => m.about,
            Self::Offer(m) => m.about,
            Self::OfferResponse(m) => m.about,
            Self::CounterResponse(m) => m.about,
            Self::TransactionRequest(m) => m.about,
            Self::Confirm(m) => m.about,
            Self::Cancel(m) => m.about,
            Self::Expired(m) => m.about,
            Self::Claim(m) => m.about,
            Self::Hold(m) => m.about,
        }
    }

    /// The phase it belongs to; `None` for the two that only end things.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        match self {
            Self::CoalitionRequest(_)
            | Self::CoalitionReply(_)
            | Self::NeighbourQuery(_)
            | Self::NeighbourReply(_) => Some(Phase::Coalition),
            Self::NegotiationRequest(_)
            | Self::NegotiationReply(_)
            | Self::Offer(_)
            | Self::OfferResponse(_)
            | Self::CounterResponse(_)
            | Self::Claim(_)
            | Self::Hold(_) => Some(Phase::Negotiation),
            Self::TransactionRequest(_) | Self::Confirm(_) => Some(Phase::Final),
            Self::Cancel(_) | Self::Expired(_) => None,
        }
    }
}
