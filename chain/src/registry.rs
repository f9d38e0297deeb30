//! Registry: members, voters and keys by version; version 0 is genesis.
//!
//! [`Registries`] knows every version and from which height it holds, so that a proof is judged by
//! the version it names, however old, and a block by the version in force at its height.

use std::sync::Arc;

use crate::block::{Pair, Proof};
use crate::digest::{Digest, tag};
use crate::encode::encode;
use crate::genesis::{Genesis, Member, Quorum};
use crate::membership::{Change, Membership};
use crate::refusal::Refusal;
use crate::seal::KeyNumber;
use crate::sign::PublicKey;
use crate::terms::PartyId;

/// Number of a registry version; 0 is genesis.
pub type RegistryVersion = u32;

/// One version of the members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    version: RegistryVersion,
    community: Digest,
    digest: Digest,
    pub(crate) members: Vec<Member>,
    voters: Vec<PartyId>,
    quorum: Quorum,
    pub(crate) sequencer: PartyId,
    pub(crate) operator: PublicKey,
    /// The highest number that a member ever had.
    pub(crate) highest: PartyId,
    /// Heights for which approvals that name a version still count after its end.
    heights_ahead: u32,
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
            operator: genesis.operator_key,
            highest: genesis.members.last().map_or(PartyId(0), |member| member.id),
            heights_ahead: genesis.limits.heights_ahead,
        })
    }

    /// Numbers a changed copy of a version as the one after it.
    pub(crate) fn finished(mut self) -> Self {
        self.version += 1;
        self.voters = self.members.iter().filter(|m| m.voter).map(|m| m.id).collect();
        self.highest = self.members.last().map_or(self.highest, |last| last.id.max(self.highest));
        let what = (self.version, &self.members, self.quorum, self.sequencer, &self.operator);
        self.digest = Digest::of(tag::REGISTRY, &self.community, &[&encode(&what)]);
        self
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

    /// Its digest, over members, quorum and sequencer, and over the operator's key above version 0,
    /// where genesis names it.
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

    /// The key that signs changes of the members.
    #[must_use]
    pub fn operator(&self) -> &PublicKey {
        &self.operator
    }
}

/// One version and from where on it holds.
#[derive(Debug, Clone)]
struct Held {
    /// First height whose block names it.
    height: u64,
    /// First batch whose order it judges.
    batch: u64,
    /// The group key that seals while it holds: the newest version that took somebody away.
    seals: KeyNumber,
    registry: Arc<Registry>,
}

/// All versions so far, from genesis on: a function of genesis and the records ordered so far.
#[derive(Debug, Clone)]
pub struct Registries(Vec<Held>);

impl From<Arc<Registry>> for Registries {
    /// Only this version, from the first height on.
    fn from(registry: Arc<Registry>) -> Self {
        Self(vec![Held { height: 0, batch: 0, seals: registry.version(), registry }])
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

    /// All versions, the newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Arc<Registry>> {
        self.0.iter().rev().map(|held| &held.registry)
    }

    /// The version in force at `height`: what its block names and its ledger votes are counted
    /// over.
    #[must_use]
    pub fn at(&self, height: u64) -> &Arc<Registry> {
        self.last_where(|held| held.height <= height)
    }

    /// The group key that seals at `height`.
    #[must_use]
    pub fn seals_at(&self, height: u64) -> KeyNumber {
        self.held_where(|held| held.height <= height).seals
    }

    /// Every group key that ever sealed, ascending.
    pub fn seal_numbers(&self) -> impl Iterator<Item = KeyNumber> + '_ {
        let is_new = |held: &&Held| held.seals == held.registry.version();
        self.0.iter().filter(is_new).map(|held| held.seals)
    }

    /// The version that judges the order of batch `index`: the one in force where the batch begins.
    #[must_use]
    pub fn of_batch(&self, index: u64) -> &Arc<Registry> {
        self.last_where(|held| held.batch <= index)
    }

    /// The version over which approvals that name `version` are counted for a record at `height`.
    /// It need not be the one in force any more, because voters and orderer may be
    /// `heights_ahead` apart; after so many heights it is over.
    ///
    /// # Errors
    /// [`Refusal::UnknownRegistry`] or [`Refusal::StaleRegistry`].
    pub fn approving(
        &self,
        version: RegistryVersion,
        height: u64,
    ) -> Result<&Arc<Registry>, Refusal> {
        let at = self.0.binary_search_by_key(&version, |held| held.registry.version());
        let at = at.map_err(|_| Refusal::UnknownRegistry)?;
        let registry = &self.0[at].registry;
        match self.0.get(at + 1) {
            Some(heir) if height.saturating_sub(heir.height) >= registry.heights_ahead.into() => {
                Err(Refusal::StaleRegistry { version })
            }
            _ => Ok(registry),
        }
    }

    /// First height at which the newest version is in force.
    #[must_use]
    pub fn since(&self) -> u64 {
        self.newest().height
    }

    /// Takes over the change that stands at `height` in batch `batch`: its version is in force from
    /// the next height, and judges order from the next batch.
    ///
    /// # Errors
    /// Why it makes no version: nothing is changed.
    pub fn enact(
        &mut self,
        height: u64,
        batch: u64,
        membership: &Membership,
    ) -> Result<(), Refusal> {
        let expected = self.current().version().saturating_add(1);
        if membership.version != expected {
            return Err(Refusal::WrongVersion { expected });
        }
        let registry = Arc::new(self.current().next(&membership.change)?);
        let takes = matches!(membership.change, Change::Remove(_) | Change::Exclude { .. });
        let seals = if takes { registry.version() } else { self.newest().seals };
        let (height, batch) = (height + 1, batch.saturating_add(1));
        self.0.push(Held { height, batch, seals, registry });
        Ok(())
    }

    /// Back to the founding version, to follow the chain anew.
    pub fn restart(&mut self) {
        self.0.truncate(1);
    }

    /// Moves past a pair of the chain; most change nothing, and one that cannot be enacted neither.
    pub fn follow(&mut self, pair: &Pair, proof: &Proof) {
        if let Some(membership) = pair.contract.record.membership() {
            // What does not follow is found by whoever proves the pair.
            let _ = self.enact(pair.height(), proof.order.head.index, membership);
        }
    }

    fn last_where(&self, holds: impl Fn(&Held) -> bool) -> &Arc<Registry> {
        &self.held_where(holds).registry
    }

    fn held_where(&self, holds: impl Fn(&Held) -> bool) -> &Held {
        self.0.iter().rev().find(|held| holds(held)).unwrap_or(&self.0[0])
    }

    fn newest(&self) -> &Held {
        self.0.last().expect("there is a version from birth on")
    }
}
