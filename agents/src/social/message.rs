//! What SCAs say to each other (protocol 2, 5, 6, 7): data only.
//!
//! Every letter names its epoch and task; a session is one task and one seller. Requests may be
//! repeated with the same content; the receiver then repeats its answer. Blocks and profiles are
//! shared, so that fan-out inside one process copies nothing. Who sent a letter is not in it: the
//! courier has proved it and hands it over beside the letter. Every refusal says its [`Reason`].

mod bargain;
mod closing;
mod coalition;

use std::sync::Arc;

use gridpact_chain::terms::Epoch;
use serde::{Deserialize, Serialize};

pub use super::reason::Reason;
use crate::session::Phase;

pub use bargain::{
    Answer, Claim, CounterResponse, Hold, NegotiationReply, NegotiationRequest, Offer,
    OfferResponse, Verdict,
};
pub use closing::{Cancel, Confirm, Expired, TransactionRequest};
pub use coalition::{CoalitionReply, CoalitionRequest, NeighbourQuery, NeighbourReply};

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
