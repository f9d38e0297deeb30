//! Registry: members, voters and keys by version; version 0 is genesis.
//!
//! [`Registries`] knows every version and from which height it holds, so that a proof is judged by
//! the version it names, however old, and a block by the version in force at its height.

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

/// One version and from where on it holds.
#[derive(Debug, Clone)]
struct Held {
    /// First height whose block names it.
    height: u64,
    /// First batch whose order it judges.
    batch: u64,
    registry: Arc<Registry>,
}

/// All versions so far, from genesis on: a function of genesis and the records ordered so far.
#[derive(Debug, Clone)]
pub struct Registries(Vec<Held>);

impl From<Arc<Registry>> for Registries {
    /// Only this version, from the first height on.
    fn from(registry: Arc<Registry>) -> Self {
        Self(vec![Held { height: 0, batch: 0, registry }])
    }
}

impl Registries {
    /// Version 0 alone, from a genesis that passed [`Genesis::check`].
    #[must_use]
    pub fn founding(genesis: &Genesis) -> Self {
        Registry::founding(genesis).into()
    }

    /// Digest of the genesis they go back to.
    #[must_use]
    pub fn community(&self) -> Digest {
        self.current().community()
    }

    /// The newest version.
    #[must_use]
    pub fn current(&self) -> &Arc<Registry> {
        &self.newest().registry
    }

    /// The version numbered `version`, if it is known.
    #[must_use]
    pub fn version(&self, version: RegistryVersion) -> Option<&Arc<Registry>> {
        let at = self.0.binary_search_by_key(&version, |held| held.registry.version()).ok()?;
        self.0.get(at).map(|held| &held.registry)
    }

    /// The version in force at `height`: what its block names and its ledger votes are counted
    /// over.
    #[must_use]
    pub fn at(&self, height: u64) -> &Arc<Registry> {
        self.last_where(|held| held.height <= height)
    }

    /// The version that judges the order of batch `index`: the one in force where the batch begins.
    #[must_use]
    pub fn of_batch(&self, index: u64) -> &Arc<Registry> {
        self.last_where(|held| held.batch <= index)
    }

    fn last_where(&self, holds: impl Fn(&Held) -> bool) -> &Arc<Registry> {
        let found = self.0.iter().rev().find(|held| holds(held));
        &found.unwrap_or(&self.0[0]).registry
    }

    fn newest(&self) -> &Held {
        self.0.last().expect("there is a version from birth on")
    }
}
