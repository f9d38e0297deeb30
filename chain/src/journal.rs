//! Journal entries: what a mind must have on disk before it speaks, and what it is rebuilt from.
//!
//! Entries carry what cannot be computed again: own signatures, the order, the votes of others.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::batch::{Batch, BatchHead, OrderProof};
use crate::block::{Pair, Proof, Record, Votes};
use crate::encode::Encoded;
use crate::keyring::KeyLetter;
use crate::statement::{Approval, LedgerVote};

/// One durable fact of one node, in the order in which it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum JournalEntry {
    /// This node's buyer published a contract: asking goes on after a restart.
    Published(Encoded<Record>),
    /// This node's one answer to a contract; `record` is what it answered.
    Approval {
        /// The answer.
        vote: Approval,
        /// The contract.
        record: Encoded<Record>,
    },
    /// This node's one ledger vote at a height.
    LedgerVote(LedgerVote),
    /// A pair was appended; its proof has no ledger votes yet.
    Pair {
        /// The pair.
        pair: Arc<Pair>,
        /// Approvals and order.
        proof: Arc<Proof>,
    },
    /// All items of a batch are applied.
    Applied {
        /// The batch.
        head: Encoded<BatchHead>,
        /// Who fixed it.
        proof: OrderProof,
    },
    /// A pair was closed.
    Closed {
        /// Its height.
        height: u64,
        /// A quorum of ledger votes.
        votes: Encoded<Votes>,
    },
    /// The sequencer signed a batch.
    Batch(Arc<Batch>),
    /// A group key came, or was made here.
    Keys(Arc<KeyLetter>),
}
