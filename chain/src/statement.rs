//! Statement: everything a node can be asked to sign, each with its own digest.
//!
//! A mind never holds a secret key: it emits the statement as an effect and gets the signature
//! back as an input. Votes are statements with their signer and signature.

use serde::{Deserialize, Serialize};

use crate::batch::BatchHead;
use crate::contract::{ContractBody, ContractId};
use crate::digest::{Digest, tag};
use crate::encode::{Encoded, encode};
use crate::keyring::Keys;
use crate::membership::Change;
use crate::refusal::Refusal;
use crate::registry::RegistryVersion;
use crate::sign::Signature;
use crate::terms::PartyId;

/// A node's answer to a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Answer {
    /// Valid.
    Yes,
    /// Not valid, and why.
    No(Refusal),
}

/// Something to be signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Statement {
    /// A party agrees to a contract.
    Contract(Box<ContractBody>),
    /// A voter answers a contract; once per contract id.
    Approve {
        /// The contract.
        contract_id: ContractId,
        /// Digest of its body.
        body: Digest,
        /// The answer.
        answer: Answer,
        /// Registry version the vote counts in.
        registry: RegistryVersion,
    },
    /// A voter states its own ledger; once per height.
    Ledger {
        /// The height.
        height: u64,
        /// Hash of the ledger block this node computed.
        ledger: Digest,
        /// Registry version the vote counts in.
        registry: RegistryVersion,
    },
    /// The sequencer fixes a batch; once per index.
    Batch(Encoded<BatchHead>),
    /// The sequencer hands a group key to members; one letter per number and version.
    Keys(Encoded<Keys>),
    /// The operator asks for a change of the members.
    Change {
        /// Version it makes.
        version: RegistryVersion,
        /// The change.
        change: Box<Change>,
    },
}

impl Statement {
    /// What is signed, in `community`.
    #[must_use]
    pub fn digest(&self, community: &Digest) -> Digest {
        match self {
            Self::Contract(body) => body.digest(),
            Self::Approve { contract_id, body, answer, registry } => {
                let bytes = encode(&(contract_id, body, answer, registry));
                Digest::of(tag::APPROVE, community, &[&bytes])
            }
            Self::Ledger { height, ledger, registry } => {
                let bytes = encode(&(height, ledger, registry));
                Digest::of(tag::LEDGER_VOTE, community, &[&bytes])
            }
            Self::Batch(head) => head.digest(community),
            Self::Keys(keys) => keys.digest(community),
            Self::Change { version, change } => {
                Digest::of(tag::MEMBERSHIP, community, &[&encode(&(version, change))])
            }
        }
    }
}

/// A voter's signed answer to a contract (protocol 8.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The contract.
    pub contract_id: ContractId,
    /// Digest of the body that was answered.
    pub body: Digest,
    /// The answer.
    pub answer: Answer,
    /// Registry version the vote counts in.
    pub registry: RegistryVersion,
    /// Who answers.
    pub voter: PartyId,
    /// Its signature over the statement.
    pub signature: Signature,
}

impl Approval {
    /// What was signed.
    #[must_use]
    pub fn statement(&self) -> Statement {
        Statement::Approve {
            contract_id: self.contract_id,
            body: self.body,
            answer: self.answer,
            registry: self.registry,
        }
    }
}

/// A voter's signed ledger result (protocol 8.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerVote {
    /// The height.
    pub height: u64,
    /// Hash of the ledger block the voter computed.
    pub ledger: Digest,
    /// Registry version the vote counts in.
    pub registry: RegistryVersion,
    /// Who votes.
    pub voter: PartyId,
    /// Its signature over the statement.
    pub signature: Signature,
}

impl LedgerVote {
    /// What was signed.
    #[must_use]
    pub fn statement(&self) -> Statement {
        Statement::Ledger { height: self.height, ledger: self.ledger, registry: self.registry }
    }
}
