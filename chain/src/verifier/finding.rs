//! What a verifier finds, counts and may choose: data only.

use serde::{Deserialize, Serialize};

/// What is wrong with a pair or its proof.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    thiserror::Error,
)]
pub enum Damage {
    /// Bytes of the contract block do not have its hash.
    #[error("contract block does not have its hash")]
    ContractHash,
    /// Bytes of the ledger block do not have its hash.
    #[error("ledger block does not have its hash")]
    LedgerHash,
    /// Bytes and value differ.
    #[error("bytes are not those of the value")]
    Bytes,
    /// Version, height or time is wrong.
    #[error("version, height or time is out of order")]
    Sequence,
    /// The contract block does not name the one below it.
    #[error("contract block does not name the block below it")]
    ContractLink,
    /// The ledger block does not name the one below it.
    #[error("ledger block does not name the block below it")]
    LedgerLink,
    /// The ledger block does not name its contract block.
    #[error("ledger block does not name its contract block")]
    CrossLink,
    /// Amount, entries or balances are not what the record gives.
    #[error("entries are not what the record gives")]
    Entries,
    /// The checkpoint is not the root of the balances.
    #[error("checkpoint is not the root of the balances")]
    Checkpoint,
    /// The record is not one that could have been settled.
    #[error("record could not have been settled")]
    Record,
    /// A party's signature does not verify.
    #[error("signature of a party does not verify")]
    Party,
    /// Approvals do not reach the quorum or do not verify.
    #[error("approvals do not prove the record")]
    Approvals,
    /// The batch does not hold the record or is not signed.
    #[error("order is not proven")]
    Order,
    /// Ledger votes do not reach the quorum or do not verify.
    #[error("ledger votes do not prove the ledger block")]
    LedgerVotes,
    /// The chain does not end at the tip that was recorded.
    #[error("chain does not end at its tip")]
    Tip,
}

/// A pair that failed a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Its height.
    pub height: u64,
    /// What is wrong.
    pub damage: Damage,
}

/// What was done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Pairs checked, in new pairs and sweeps.
    pub pairs_checked: u64,
    /// Full sweeps over all pairs.
    pub sweeps: u64,
    /// Proofs checked.
    pub proofs_checked: u64,
    /// Full sweeps over all proofs.
    pub proof_sweeps: u64,
    /// Pairs found damaged.
    pub faults: u64,
}

/// What a verifier chooses for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Params {
    /// Every how many sweeps each pair is proven again instead of only its segment; at least 1.
    pub structural_every: u64,
    /// Bytes of a segment.
    pub segment_bytes: usize,
}

impl Default for Params {
    fn default() -> Self {
        Self { structural_every: 8, segment_bytes: 65_536 }
    }
}
