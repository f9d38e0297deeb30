//! Membership: a change of the members, who may ask for it, and the registry version it makes.
//!
//! A change is a record like any other: proposed by anybody, signed by the operator or carried by
//! evidence, approved by the voters of the version it replaces, and in force from the height after
//! its own (protocol 8.6).

use serde::{Deserialize, Serialize};

use crate::contract::ContractId;
use crate::digest::Digest;
use crate::fault::Fault;
use crate::genesis::{Member, Quorum};
use crate::refusal::Refusal;
use crate::registry::{Registries, Registry, RegistryVersion};
use crate::sign::{PublicKey, Signature, Verdicts};
use crate::statement::Statement;
use crate::terms::PartyId;

/// What changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Somebody joins, under a number above all that were ever used.
    Add(Member),
    /// Somebody leaves.
    Remove(PartyId),
    /// A member signs and opens with other keys from now on.
    ReplaceKey {
        /// Who.
        member: PartyId,
        /// Its new Ed25519 key.
        sign_key: PublicKey,
        /// Its new X25519 key.
        #[serde(with = "crate::encode::fixed")]
        seal_key: [u8; 32],
    },
    /// A member gets or loses its vote.
    SetVoter {
        /// Who.
        member: PartyId,
        /// Whether it votes.
        voter: bool,
    },
    /// Another member orders records, from the batch after this one.
    SetSequencer(PartyId),
    /// Another key signs changes; approved by more than two thirds, whatever the genesis says.
    SetOperator(PublicKey),
    /// Somebody is put out for a misdeed; the evidence stands in for the operator's signature.
    Exclude {
        /// Who.
        member: PartyId,
        /// What it did.
        evidence: Box<Fault>,
    },
}

/// A change of the members, as a record of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// Version it makes: one above the one that approves it.
    pub version: RegistryVersion,
    /// The change.
    pub change: Change,
    /// The operator's signature over [`digest`](Self::digest); none for an exclusion.
    pub operator_sig: Option<Signature>,
}

impl Membership {
    /// What the operator signs and the voters approve.
    #[must_use]
    pub fn digest(&self, community: &Digest) -> Digest {
        let (version, change) = (self.version, Box::new(self.change.clone()));
        Statement::Change { version, change }.digest(community)
    }

    /// The name under which it is voted on: its digest.
    #[must_use]
    pub fn id(&self, community: &Digest) -> ContractId {
        ContractId(self.digest(community))
    }

    /// Votes of `registry` that approve it.
    #[must_use]
    pub fn quorum(&self, registry: &Registry) -> usize {
        match self.change {
            Change::SetOperator(_) => Quorum::TwoThirds.of(registry.voters().len()),
            _ => registry.quorum(),
        }
    }

    /// Whether it may follow the version `registry`, one of `registries`: its number, whoever
    /// stands for it, and the change itself. Votes are not looked at.
    ///
    /// # Errors
    /// The first [`Refusal`] that applies.
    pub fn check(
        &self,
        registry: &Registry,
        registries: &Registries,
        verdicts: &dyn Verdicts,
    ) -> Result<(), Refusal> {
        let expected = registry.version().saturating_add(1);
        if self.version != expected {
            return Err(Refusal::WrongVersion { expected });
        }
        registry.next(&self.change)?;
        let community = registry.community();
        let is_backed = match (&self.change, &self.operator_sig) {
            (Change::Exclude { member, evidence }, None) => {
                return if evidence.accuses(*member, registries)
                    && evidence.is_proven(&community, registries, verdicts)
                {
                    Ok(())
                } else {
                    Err(Refusal::NoEvidence(*member))
                };
            }
            (Change::Exclude { .. }, Some(_)) | (_, None) => false,
            (_, Some(signature)) => {
                verdicts.check(registry.operator(), &self.digest(&community), signature)
            }
        };
        if is_backed { Ok(()) } else { Err(Refusal::NotTheOperator) }
    }
}

impl Registry {
    /// The members after `change`: the next version.
    ///
    /// # Errors
    /// Why there is none: the first [`Refusal`] that applies.
    pub fn next(&self, change: &Change) -> Result<Self, Refusal> {
        let mut next = self.clone();
        match change {
            Change::Add(member) => {
                if member.id <= self.highest {
                    return Err(Refusal::ReusedId(member.id));
                }
                self.check_key(&member.sign_key)?;
                next.members.push(member.clone());
            }
            Change::Remove(id) | Change::Exclude { member: id, .. } => {
                let at = self.place_of(*id)?;
                if *id == self.sequencer {
                    return Err(Refusal::SequencerNeeded(*id));
                }
                next.members.remove(at);
            }
            Change::ReplaceKey { member, sign_key, seal_key } => {
                let at = self.place_of(*member)?;
                if self.members[at].sign_key != *sign_key {
                    self.check_key(sign_key)?;
                }
                next.members[at].sign_key = *sign_key;
                next.members[at].seal_key = *seal_key;
            }
            Change::SetVoter { member, voter } => {
                let at = self.place_of(*member)?;
                next.members[at].voter = *voter;
            }
            Change::SetSequencer(id) => {
                self.place_of(*id)?;
                next.sequencer = *id;
            }
            Change::SetOperator(key) => next.operator = *key,
        }
        if !next.members.iter().any(|member| member.voter) {
            return Err(Refusal::LastVoter);
        }
        let is_same = next.members == self.members
            && next.sequencer == self.sequencer
            && next.operator == self.operator;
        if is_same { Err(Refusal::NothingChanges) } else { Ok(next.finished()) }
    }

    fn place_of(&self, id: PartyId) -> Result<usize, Refusal> {
        self.members.binary_search_by_key(&id, |m| m.id).map_err(|_| Refusal::NotAMember(id))
    }

    fn check_key(&self, key: &PublicKey) -> Result<(), Refusal> {
        match self.members.iter().find(|member| member.sign_key == *key) {
            Some(member) => Err(Refusal::SharedKey(member.id)),
            None => Ok(()),
        }
    }
}
