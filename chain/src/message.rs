//! What replicas say to each other: data only. Big things are shared, so that telling 300 nodes
//! of one process copies pointers.
//!
//! Every message names its contract, height or index and is idempotent.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::batch::{Approved, Batch, BatchHead, OrderProof};
use crate::block::{Pair, Proof, Record, Votes};
use crate::contract::ContractId;
use crate::digest::Digest;
use crate::encode::Encoded;
use crate::keyring::KeyLetter;
use crate::refusal::Refusal;
use crate::seal::KeyNumber;
use crate::statement::{Approval, LedgerVote};

/// Most bytes of pairs and proofs in one [`Message::Range`].
pub const RANGE_BYTES_MAX: usize = 262_144;

/// A letter between replicas (protocol section 2 and 8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// From a buyer to every voter: is this contract valid? (protocol 8.2, step 1)
    Ask {
        /// The signed contract.
        record: Encoded<Record>,
    },
    /// From a voter to the asker, or to all: its one answer (protocol 8.2, step 3).
    Approval(Approval),
    /// From a voter to the asker: no vote was spent, and why.
    Refused {
        /// The contract.
        contract_id: ContractId,
        /// The cause.
        reason: Refusal,
    },
    /// From a buyer to the sequencer: an approved record that waits for its order.
    Approved(Arc<Approved>),
    /// From the orderer to every member.
    Batch(Arc<Batch>),
    /// From the drawn broadcaster to every voter: its ledger (protocol 8.4, step 2).
    LedgerProposal {
        /// The broadcaster's own signed result.
        vote: LedgerVote,
        /// The draw that chose it, from 0.
        attempt: u32,
    },
    /// From a voter to the broadcaster, or to all: its own result (protocol 8.4, step 3).
    LedgerVote(LedgerVote),
    /// From a broadcaster to every member: the pair is closed (protocol 8.4, step 4).
    Certified {
        /// Height of the pair.
        height: u64,
        /// Hash of its ledger block.
        ledger: Digest,
        /// A quorum of votes on it.
        votes: Encoded<Votes>,
    },
    /// From the sequencer to members, and from whoever has it to whoever asks: a group key.
    Keys(Arc<KeyLetter>),
    /// From a node that met a group key it does not have.
    KeysRequest {
        /// Number of the key.
        number: KeyNumber,
    },
    /// From a node that misses proofs or repairs pairs.
    RangeRequest {
        /// First height.
        from: u64,
        /// Last height.
        to: u64,
    },
    /// To a voter whose ledger differs, and to all once the sequencer is caught: a batch this node
    /// followed. Beside another one for the same index it is evidence against the sequencer.
    Order {
        /// Its head.
        head: Encoded<BatchHead>,
        /// Who fixed it.
        proof: OrderProof,
    },
    /// From a node that may have been away: how far are you?
    TipRequest,
    /// The answer: every pair up to this height is closed here. A claim, not a proof.
    Tip {
        /// The height; 0 before the first pair.
        height: u64,
    },
    /// The answer to a range request: closed pairs with their proofs, ascending, as many as fit.
    Range(Vec<(Arc<Pair>, Arc<Proof>)>),
}
