//! Blocks: the contract block, the ledger block that settles it, and the proof beside the pair.
//!
//! Exactly one record per contract block; ledger block h settles contract block h. No signature
//! of a vote is inside a hash, so any set that reaches the quorum proves the same pair.

use serde::{Deserialize, Serialize};

use crate::batch::{BatchHead, OrderProof};
use crate::contract::{ContractBody, ContractId, SignedContract};
use crate::digest::{Digest, tag};
use crate::encode::{Canonical, Encoded, encode};
use crate::entries::Entries;
use crate::genesis::VERSION;
use crate::membership::Membership;
use crate::registry::RegistryVersion;
use crate::sealed::SealedContract;
use crate::sign::Signature;
use crate::terms::{Energy, Epoch, Interval, Money, PartyId, Timestamp};

/// Version of the two blocks that hold a change of the members.
pub const VERSION_OF_CHANGES: u8 = 2;

/// Version of the two blocks that hold a sealed contract.
pub const VERSION_OF_SEALS: u8 = 3;

/// Heights between two checkpoints.
pub const CHECKPOINT_EVERY: u64 = 256;

/// What a contract block states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// A contract that both parties signed.
    Contract(SignedContract),
    /// What was delivered of a contract; refused until deliveries are processed.
    Delivery(Delivery),
    /// A change of the members.
    Membership(Membership),
    /// The hash of a block of the layered chain; refused until anchors are processed.
    Anchor(Anchor),
    /// A contract that only members can read.
    Sealed(SealedContract),
}

impl Canonical for Record {
    const TAG: &'static str = tag::RECORD;
    const BYTES_MAX: usize = 4096;
}

impl Record {
    /// The contract, when the record is one that this node can read.
    #[must_use]
    pub fn contract(&self) -> Option<&SignedContract> {
        match self {
            Self::Contract(contract) => Some(contract),
            Self::Sealed(sealed) => sealed.contract(),
            Self::Delivery(_) | Self::Membership(_) | Self::Anchor(_) => None,
        }
    }

    /// The sealed form of a contract, when the record is one.
    #[must_use]
    pub fn sealed(&self) -> Option<&SealedContract> {
        match self {
            Self::Sealed(sealed) => Some(sealed),
            _ => None,
        }
    }

    /// Identity of the contract, readable or not, when the record is one.
    #[must_use]
    pub fn contract_id(&self) -> Option<ContractId> {
        match self {
            Self::Contract(contract) => Some(contract.body.contract_id),
            Self::Sealed(sealed) => Some(sealed.contract_id),
            Self::Delivery(_) | Self::Membership(_) | Self::Anchor(_) => None,
        }
    }

    /// Epoch and deadline of the contract, readable or not, when the record is one.
    #[must_use]
    pub fn lifetime(&self) -> Option<(Epoch, Timestamp)> {
        match self {
            Self::Contract(contract) => Some((contract.body.epoch, contract.body.valid_until)),
            Self::Sealed(sealed) => Some((sealed.epoch, sealed.valid_until)),
            Self::Delivery(_) | Self::Membership(_) | Self::Anchor(_) => None,
        }
    }

    /// The change of the members, when the record is one.
    #[must_use]
    pub fn membership(&self) -> Option<&Membership> {
        match self {
            Self::Membership(membership) => Some(membership),
            _ => None,
        }
    }

    /// Version of the blocks that hold the record: what a reader must know to judge them.
    /// Contracts are of version 1, changes of the members came with version 2, seals with version 3.
    #[must_use]
    pub fn version(&self) -> u8 {
        match self {
            Self::Membership(_) => VERSION_OF_CHANGES,
            Self::Sealed(_) => VERSION_OF_SEALS,
            Self::Contract(_) | Self::Delivery(_) | Self::Anchor(_) => VERSION,
        }
    }

    /// What voters approve: the name under which each of them has one chance, and the digest that
    /// the votes carry: of a sealed contract that of its stored bytes, so that who cannot read it can
    /// count them all the same. None for records that are not processed.
    #[must_use]
    pub fn subject(&self, community: &Digest) -> Option<(ContractId, Digest)> {
        match self {
            Self::Contract(contract) => Some((contract.body.contract_id, contract.body.digest())),
            Self::Membership(change) => Some((change.id(community), change.digest(community))),
            Self::Sealed(sealed) => {
                Some((sealed.contract_id, Digest::of(tag::SEALED, community, &[&encode(self)])))
            }
            Self::Delivery(_) | Self::Anchor(_) => None,
        }
    }

    /// The body of the contract, when the record is one that this node can read.
    #[must_use]
    pub fn body(&self) -> Option<&ContractBody> {
        self.contract().map(|contract| &contract.body)
    }
}

/// A metered delivery (protocol 8.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The contract delivered.
    pub contract_id: crate::contract::ContractId,
    /// First interval reported.
    pub start: Interval,
    /// One past the last interval reported.
    pub end: Interval,
    /// Energy delivered.
    pub delivered: Energy,
    /// Digest of the metering transactions.
    pub metering: Digest,
    /// Signatures of those who report.
    pub signatures: Vec<(PartyId, Signature)>,
}

/// A block hash of the layered chain, held fast here (protocol 14).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Height on the layered chain.
    pub height: u64,
    /// Its block hash.
    pub block: Digest,
}

/// One record at its height (protocol 8.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractBlock {
    /// [`Record::version`] of the record.
    pub version: u8,
    /// From 1 without gaps.
    pub height: u64,
    /// Hash of the contract block below; the community digest below height 1.
    pub prev_contract_hash: Digest,
    /// Time of the batch; never decreases.
    pub time_ms: Timestamp,
    /// Registry version in force.
    pub registry: RegistryVersion,
    /// The record.
    pub record: Encoded<Record>,
}

impl Canonical for ContractBlock {
    const TAG: &'static str = tag::CONTRACT_BLOCK;
    const BYTES_MAX: usize = 8192;
}

/// The change of one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Whose account.
    pub party: PartyId,
    /// What is added.
    pub delta: Money,
    /// What the account holds after it.
    pub balance: Money,
}

/// What contract block h changes (protocol 8.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerBlock {
    /// [`Record::version`] of the record.
    pub version: u8,
    /// Height of the contract block it settles.
    pub height: u64,
    /// Hash of the ledger block below; the community digest below height 1.
    pub prev_ledger_hash: Digest,
    /// Hash of the contract block it settles.
    pub contract_block_hash: Digest,
    /// Changed accounts: buyer, then seller; sealed where the record is.
    pub entries: Entries,
    /// Merkle root over all balances, at every 256th height.
    pub checkpoint: Option<Digest>,
}

impl Canonical for LedgerBlock {
    const TAG: &'static str = tag::LEDGER_BLOCK;
    const BYTES_MAX: usize = 4096;
}

/// A contract block and its ledger block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// The record.
    pub contract: Encoded<ContractBlock>,
    /// What it changes.
    pub ledger: Encoded<LedgerBlock>,
}

impl Pair {
    /// Height of both blocks.
    #[must_use]
    pub fn height(&self) -> u64 {
        self.ledger.height
    }

    /// Bytes of both blocks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.contract.bytes().len() + self.ledger.bytes().len()
    }

    /// Never: a pair has bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Signatures of voters over one digest: the compact form of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Votes {
    /// Registry version they are counted over.
    pub registry: RegistryVersion,
    /// Each voter's signature, in ascending order of voter.
    pub signatures: Vec<(PartyId, Signature)>,
}

impl Canonical for Votes {
    const TAG: &'static str = tag::VOTES;
    const BYTES_MAX: usize = 1 << 20;
}

/// Where the order of a pair comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Head of the batch that held the record.
    pub head: Encoded<BatchHead>,
    /// Position of the record in the batch, from 0.
    pub position: u32,
    /// Who fixed the batch.
    pub proof: OrderProof,
}

/// What proves a pair; kept beside it, never inside a hash (protocol 8.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Approvals of the record.
    pub approvals: Encoded<Votes>,
    /// Votes on the ledger block; none until the pair is closed.
    pub ledger_votes: Option<Encoded<Votes>>,
    /// The order.
    pub order: Order,
}
