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
    /// A stored frame is not whole, or not the one that was written.
    #[error("stored bytes are not those that were written")]
    Stored,
}

impl Damage {
    /// All kinds, in their order.
    pub const ALL: [Self; 16] = [
        Self::ContractHash,
        Self::LedgerHash,
        Self::Bytes,
        Self::Sequence,
        Self::ContractLink,
        Self::LedgerLink,
        Self::CrossLink,
        Self::Entries,
        Self::Checkpoint,
        Self::Record,
        Self::Party,
        Self::Approvals,
        Self::Order,
        Self::LedgerVotes,
        Self::Tip,
        Self::Stored,
    ];
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
    /// Signatures checked again in batches.
    pub signatures_checked: u64,
    /// Pairs found damaged.
    pub faults: u64,
    /// The same by kind, in the order of [`Damage::ALL`].
    by_kind: [u64; Damage::ALL.len()],
}

impl Counters {
    /// Counts a pair found damaged.
    pub(super) fn add_fault(&mut self, damage: Damage) {
        self.faults += 1;
        self.by_kind[damage as usize] += 1;
    }

    /// Pairs found damaged in this way.
    #[must_use]
    pub fn faults_of(&self, damage: Damage) -> u64 {
        self.by_kind[damage as usize]
    }

    /// Every kind that was found, with its number.
    pub fn faults_by_kind(&self) -> impl Iterator<Item = (Damage, u64)> + '_ {
        Damage::ALL.into_iter().zip(self.by_kind).filter(|(_, count)| *count > 0)
    }
}

/// What a verifier publishes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Pairs it guards.
    pub height: u64,
    /// Milliseconds since every pair known then had been checked; none before the first sweep.
    pub age_ms: Option<u64>,
    /// What was done so far.
    pub counters: Counters,
    /// Heights found damaged and not repaired, ascending.
    pub suspects: Vec<u64>,
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
        Self { structural_every: 8, segment_bytes: 262_144 }
    }
}
