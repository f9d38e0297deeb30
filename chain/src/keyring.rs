//! Keyring: the group keys a node holds, the letters in which they travel, and what may be shown.
//!
//! A letter carries one group key to the members of one registry version, signed by the sequencer of
//! that version. The key itself is made when the registry's version takes somebody away, and goes to
//! newcomers in later letters. Who has left keeps what he could read.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, tag};
use crate::encode::{Canonical, Encoded};
use crate::genesis::Member;
use crate::registry::{Registries, Registry, RegistryVersion};
use crate::seal::{EpochKey, GroupKey, KeyNumber, Wrapped};
use crate::sign::{Signature, Verdicts};
use crate::statement::Statement;
use crate::terms::{Epoch, PartyId};

/// The keys that one node holds. Clones share them; nothing of it is ever shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Keyring(Arc<Held>);

#[derive(Clone, Default, PartialEq, Eq)]
struct Held {
    groups: BTreeMap<KeyNumber, GroupKey>,
    /// Epochs that somebody disclosed.
    epochs: BTreeMap<(KeyNumber, Epoch), EpochKey>,
}

impl Keyring {
    /// The key of `epoch` under group key `number`, as far as it is held.
    #[must_use]
    pub fn epoch(&self, community: &Digest, number: KeyNumber, epoch: Epoch) -> Option<EpochKey> {
        match self.0.groups.get(&number) {
            Some(group) => Some(group.epoch(community, epoch)),
            None => self.0.epochs.get(&(number, epoch)).cloned(),
        }
    }

    /// Group key `number`.
    #[must_use]
    pub fn group(&self, number: KeyNumber) -> Option<&GroupKey> {
        self.0.groups.get(&number)
    }

    /// Takes over a group key, unless there is one of that number.
    pub fn add(&mut self, number: KeyNumber, key: GroupKey) {
        Arc::make_mut(&mut self.0).groups.entry(number).or_insert(key);
    }

    /// Takes over the key of one epoch, as it was disclosed.
    pub fn disclose(&mut self, number: KeyNumber, epoch: Epoch, key: EpochKey) {
        Arc::make_mut(&mut self.0).epochs.insert((number, epoch), key);
    }

    /// Numbers of the group keys held, ascending.
    pub fn numbers(&self) -> impl Iterator<Item = KeyNumber> + '_ {
        self.0.groups.keys().copied()
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.groups.is_empty() && self.0.epochs.is_empty()
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({} keys, {} epochs)", self.0.groups.len(), self.0.epochs.len())
    }
}

/// A group key for those members of a registry version that cannot have it yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys {
    /// The version: its sequencer signs, and members it has over the version before are those the
    /// key is wrapped for; all of them where the key is new.
    pub registry: RegistryVersion,
    /// [`GroupKey::commitment`] of the key: all copies are of one key, and so are all letters of a
    /// number, or their signer is caught.
    pub commitment: Digest,
    /// The key.
    pub wrapped: Wrapped,
}

impl Canonical for Keys {
    const TAG: &'static str = tag::KEYS;
    const BYTES_MAX: usize = 1 << 20;
}

/// [`Keys`] and the signature of the sequencer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyLetter {
    /// What was signed.
    pub keys: Encoded<Keys>,
    /// The sequencer's signature.
    pub signature: Signature,
}

impl KeyLetter {
    /// Number of the key in it.
    #[must_use]
    pub fn number(&self) -> KeyNumber {
        self.keys.wrapped.number
    }

    /// Number and version: what tells one letter from another.
    #[must_use]
    pub fn name(&self) -> (KeyNumber, RegistryVersion) {
        (self.number(), self.keys.registry)
    }

    /// Whether a copy in it is for `party`.
    #[must_use]
    pub fn is_for(&self, party: PartyId) -> bool {
        self.keys.wrapped.keys.binary_search_by_key(&party, |(party, _)| *party).is_ok()
    }

    /// The group key, for `party`, whose X25519 secret is `secret`; none where no copy in it is for the
    /// party, or the copy is not of the key that the letter names.
    #[must_use]
    pub fn unwrap_for(
        &self,
        community: &Digest,
        party: PartyId,
        secret: &[u8; 32],
    ) -> Option<GroupKey> {
        let key = self.keys.wrapped.unwrap_for(community, party, secret)?;
        let is_named = key.commitment(community, self.number()) == self.keys.commitment;
        is_named.then_some(key)
    }

    /// Whether both name a key of one number and not the same one.
    #[must_use]
    pub fn is_rival_of(&self, other: &Self) -> bool {
        self.number() == other.number() && self.keys.commitment != other.keys.commitment
    }

    /// The version whose sequencer signs it, where it is known.
    #[must_use]
    pub fn signer<'r>(&self, registries: &'r Registries) -> Option<&'r Registry> {
        registries.version(self.keys.registry).map(|registry| &**registry)
    }

    /// Whether the sequencer of its version signed it and its number is one that seals.
    #[must_use]
    pub fn is_sound(&self, registries: &Registries, verdicts: &dyn Verdicts) -> bool {
        let (number, version) = self.name();
        let Some(registry) = self.signer(registries) else { return false };
        let Some(key) = registry.key(registry.sequencer()) else { return false };
        let seals = registries.seal_numbers().any(|seals| seals == number);
        let message = Statement::Keys(self.keys.clone()).digest(&registries.community());
        seals && number <= version && verdicts.check(key, &message, &self.signature)
    }
}

impl Registry {
    /// Members with a seal key that `before` does not have under their number.
    pub(crate) fn gained<'r>(
        &'r self,
        before: Option<&'r Self>,
    ) -> impl Iterator<Item = &'r Member> {
        let known = move |member: &Member| {
            let old = before.and_then(|before| before.member(member.id));
            old.is_some_and(|old| old.seal_key == member.seal_key)
        };
        self.members().iter().filter(move |member| !known(member))
    }
}
