//! What is said while a coalition forms (protocol 5).

use std::sync::Arc;

use gridpact_chain::terms::{Energy, PartyId, Power, Timestamp};
use serde::{Deserialize, Serialize};

use super::{About, Reason};
use crate::local::door::Block;

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

/// Member to buyer: how much of the block it could serve, or why it would serve none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoalitionReply {
    /// Epoch and task.
    pub about: About,
    /// Why it has nothing worth a trade; none when it has.
    pub declined: Option<Reason>,
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
    /// At most [`NEIGHBOURS_MAX`](crate::social::limits::NEIGHBOURS_MAX) are read.
    pub neighbours: Vec<PartyId>,
}
