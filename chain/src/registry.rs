//! Registry: members, voters and keys by version; version 0 is genesis.
//!
//! A proof is judged by the version it names, however old. Until Membership records are
//! processed there is version 0 only.

use std::sync::Arc;

use crate::digest::{Digest, tag};
use crate::encode::encode;
use crate::genesis::{Genesis, Member, Quorum};
use crate::sign::PublicKey;
use crate::terms::PartyId;

/// Number of a registry version; 0 is genesis.
pub type RegistryVersion = u32;

/// One version of the members.
#[derive(Debug, Clone)]
pub struct Registry {
    version: RegistryVersion,
    community: Digest,
    digest: Digest,
    members: Vec<Member>,
    voters: Vec<PartyId>,
    quorum: Quorum,
    sequencer: PartyId,
}

impl Registry {
    /// Version 0, from a genesis that passed [`Genesis::check`].
    #[must_use]
    pub fn founding(genesis: &Genesis) -> Arc<Self> {
        let community = genesis.community();
        let bytes = encode(&(0_u32, &genesis.members, genesis.quorum, genesis.sequencer));
        Arc::new(Self {
            version: 0,
            community,
            digest: Digest::of(tag::REGISTRY, &community, &[&bytes]),
            members: genesis.members.clone(),
            voters: genesis.members.iter().filter(|m| m.voter).map(|m| m.id).collect(),
            quorum: genesis.quorum,
            sequencer: genesis.sequencer,
        })
    }

    /// Its number.
    #[must_use]
    pub fn version(&self) -> RegistryVersion {
        self.version
    }

    /// Digest of the genesis it goes back to.
    #[must_use]
    pub fn community(&self) -> Digest {
        self.community
    }

    /// Its digest, over members, quorum and sequencer.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The member numbered `id`.
    #[must_use]
    pub fn member(&self, id: PartyId) -> Option<&Member> {
        let guess = id.0 as usize;
        if let Some(member) = self.members.get(guess).filter(|m| m.id == id) {
            return Some(member);
        }
        let at = self.members.binary_search_by_key(&id, |m| m.id).ok()?;
        self.members.get(at)
    }

    /// The signing key of member `id`.
    #[must_use]
    pub fn key(&self, id: PartyId) -> Option<&PublicKey> {
        self.member(id).map(|m| &m.sign_key)
    }

    /// The signing key of `id` if it has a vote.
    #[must_use]
    pub fn voter_key(&self, id: PartyId) -> Option<&PublicKey> {
        self.member(id).filter(|m| m.voter).map(|m| &m.sign_key)
    }

    /// All members, in ascending order of id.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// All voters, in ascending order.
    #[must_use]
    pub fn voters(&self) -> &[PartyId] {
        &self.voters
    }

    /// Whether `id` has a vote.
    #[must_use]
    pub fn is_voter(&self, id: PartyId) -> bool {
        self.member(id).is_some_and(|m| m.voter)
    }

    /// Votes that make a decision.
    #[must_use]
    pub fn quorum(&self) -> usize {
        self.quorum.of(self.voters.len())
    }

    /// Who orders records.
    #[must_use]
    pub fn sequencer(&self) -> PartyId {
        self.sequencer
    }
}
