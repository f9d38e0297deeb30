//! Fault: somebody else's misdeed, as evidence a third party can check from its bytes alone.
//!
//! Our own trouble is not here; that is an [`crate::replica::Alarm`].

use serde::{Deserialize, Serialize};

use crate::ballot::check_parties;
use crate::batch::{BatchHead, OrderProof, is_ordered};
use crate::contract::SignedContract;
use crate::digest::Digest;
use crate::encode::Encoded;
use crate::keyring::KeyLetter;
use crate::registry::{Registries, RegistryVersion};
use crate::sign::{PublicKey, Verdicts};
use crate::statement::{Approval, LedgerVote};
use crate::terms::PartyId;

/// Evidence of a misdeed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// A voter answered one contract id in two ways.
    DoubleApproval(Approval, Approval),
    /// A voter stated two ledgers at one height.
    DoubleLedgerVote(LedgerVote, LedgerVote),
    /// The sequencer signed two batches for one index.
    DoubleBatch((Encoded<BatchHead>, OrderProof), (Encoded<BatchHead>, OrderProof)),
    /// The sequencer signed a batch whose time is below that of the batch before it.
    BackwardsBatch((Encoded<BatchHead>, OrderProof), (Encoded<BatchHead>, OrderProof)),
    /// A sequencer signed letters that name two group keys under one number: what some members seal
    /// others could not read.
    TwoKeys(Box<KeyLetter>, Box<KeyLetter>),
    /// Both parties signed two bodies under one contract id.
    TwoBodies(Box<SignedContract>, Box<SignedContract>),
    /// A voter stated a ledger that does not follow from the order; `expected` is the right hash.
    WrongLedger {
        /// What the voter signed.
        vote: LedgerVote,
        /// What every honest node computes at this height.
        expected: Digest,
    },
}

impl Fault {
    /// Whose misdeed it is.
    #[must_use]
    pub fn culprit(&self, registries: &Registries) -> Option<PartyId> {
        match self {
            Self::DoubleApproval(vote, _) => Some(vote.voter),
            Self::DoubleLedgerVote(vote, _) | Self::WrongLedger { vote, .. } => Some(vote.voter),
            Self::DoubleBatch(_, (head, _)) | Self::BackwardsBatch(_, (head, _)) => {
                Some(registries.of_batch(head.index).sequencer())
            }
            Self::TwoBodies(contract, _) => Some(contract.body.buyer),
            Self::TwoKeys(letter, _) => Some(letter.signer(registries)?.sequencer()),
        }
    }

    /// Whether it is a misdeed of `party`. Two bodies are one of everybody who signed both.
    #[must_use]
    pub fn accuses(&self, party: PartyId, registries: &Registries) -> bool {
        match self {
            Self::TwoBodies(a, b) => a.body.is_between(party) && b.body.is_between(party),
            _ => self.culprit(registries) == Some(party),
        }
    }

    /// Whether the evidence proves the misdeed, each signature judged by the registry version it
    /// names. For [`WrongLedger`](Self::WrongLedger) the signature is proven; that `expected` is right follows
    /// from recomputing the chain.
    #[must_use]
    pub fn is_proven(
        &self,
        community: &Digest,
        registries: &Registries,
        verdicts: &dyn Verdicts,
    ) -> bool {
        match self {
            Self::DoubleApproval(a, b) => {
                a.voter == b.voter
                    && a.contract_id == b.contract_id
                    && (a.body, a.answer) != (b.body, b.answer)
                    && [a, b].iter().all(|vote| {
                        let message = vote.statement().digest(community);
                        key_of(registries, vote.registry, vote.voter)
                            .is_some_and(|key| verdicts.check(key, &message, &vote.signature))
                    })
            }
            Self::DoubleLedgerVote(a, b) => {
                a.voter == b.voter
                    && a.height == b.height
                    && a.ledger != b.ledger
                    && [a, b].iter().all(|vote| is_signed(vote, community, registries, verdicts))
            }
            Self::DoubleBatch(a, b) => {
                a.0.index == b.0.index
                    && a.0 != b.0
                    && are_ordered([a, b], community, registries, verdicts)
            }
            Self::BackwardsBatch(a, b) => {
                a.0.index.checked_add(1) == Some(b.0.index)
                    && a.0.time_ms > b.0.time_ms
                    && are_ordered([a, b], community, registries, verdicts)
            }
            Self::TwoBodies(a, b) => are_two_bodies(a, b, registries, verdicts),
            Self::TwoKeys(a, b) => {
                let signers = [a, b].map(|letter| Some(letter.signer(registries)?.sequencer()));
                // Another sequencer may have been handed another key: that is no proof against it.
                a.is_rival_of(b)
                    && signers[0] == signers[1]
                    && [a, b].iter().all(|letter| letter.is_sound(registries, verdicts))
            }
            Self::WrongLedger { vote, expected } => {
                vote.ledger != *expected && is_signed(vote, community, registries, verdicts)
            }
        }
    }
}

fn are_ordered(
    heads: [&(Encoded<BatchHead>, OrderProof); 2],
    community: &Digest,
    registries: &Registries,
    verdicts: &dyn Verdicts,
) -> bool {
    heads.iter().all(|(head, proof)| {
        let registry = registries.of_batch(head.index);
        is_ordered(head, proof, community, registry, verdicts)
    })
}

fn key_of(registries: &Registries, version: RegistryVersion, party: PartyId) -> Option<&PublicKey> {
    registries.version(version)?.key(party)
}

fn is_signed(
    vote: &LedgerVote,
    community: &Digest,
    registries: &Registries,
    verdicts: &dyn Verdicts,
) -> bool {
    let message = vote.statement().digest(community);
    key_of(registries, vote.registry, vote.voter)
        .is_some_and(|key| verdicts.check(key, &message, &vote.signature))
}

fn are_two_bodies(
    first: &SignedContract,
    second: &SignedContract,
    registries: &Registries,
    verdicts: &dyn Verdicts,
) -> bool {
    first.body.contract_id == second.body.contract_id
        && first.body != second.body
        // A contract names no version: both must have been signed under one and the same.
        && registries.newest_first().any(|registry| {
            [first, second]
                .iter()
                .all(|c| check_parties(c, &c.body.digest(), registry, verdicts).is_ok())
        })
}
