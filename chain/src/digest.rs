//! Digests: SHA-256 for everything that is linked, signed or voted on, BLAKE3 for content ids.
//!
//! Every SHA-256 covers a tag, the community and the bytes, so that a digest of one kind or one
//! community can never stand for another. This file knows nothing about what is hashed.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Domain-separation tags; one for each kind of thing that is hashed (protocol 8.1).
pub mod tag {
    /// Genesis, whose digest names the community.
    pub const GENESIS: &str = "gridpact/1/genesis";
    /// Identity of a contract.
    pub const CONTRACT_ID: &str = "gridpact/1/contract-id";
    /// Contract body, signed by both parties.
    pub const CONTRACT: &str = "gridpact/1/contract";
    /// Salted commitment to a profile.
    pub const PROFILE: &str = "gridpact/1/profile";
    /// Record of a contract block.
    pub const RECORD: &str = "gridpact/1/record";
    /// Contract block.
    pub const CONTRACT_BLOCK: &str = "gridpact/1/contract-block";
    /// Ledger block.
    pub const LEDGER_BLOCK: &str = "gridpact/1/ledger-block";
    /// Approval of a contract.
    pub const APPROVE: &str = "gridpact/1/approve";
    /// Vote on a ledger block.
    pub const LEDGER_VOTE: &str = "gridpact/1/ledger-vote";
    /// Collected votes.
    pub const VOTES: &str = "gridpact/1/votes";
    /// Head of a batch, signed by the sequencer.
    pub const BATCH: &str = "gridpact/1/batch";
    /// Draw of the ledger broadcaster.
    pub const LOTTERY: &str = "gridpact/1/lottery";
    /// Which peer is asked first for a good copy.
    pub const REPAIR: &str = "gridpact/1/repair";
    /// Change of the members, signed by the operator.
    pub const MEMBERSHIP: &str = "gridpact/1/membership";
    /// Registry version.
    pub const REGISTRY: &str = "gridpact/1/registry";
    /// Salted commitment to a sealed contract.
    pub const SEAL: &str = "gridpact/1/seal";
    /// Sealed contract as stored: what its approvals are about.
    pub const SEALED: &str = "gridpact/1/sealed";
    /// Group key on its way to members, signed by the sequencer.
    pub const KEYS: &str = "gridpact/1/keys";
    /// Leaf of a checkpoint tree.
    pub const LEAF: &str = "gridpact/1/leaf";
    /// Inner node of a checkpoint tree.
    pub const NODE: &str = "gridpact/1/node";
}

/// A 256-bit digest; 34 bytes when encoded, 64 lower-case hex digits when printed.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(#[serde(with = "crate::encode::fixed")] pub [u8; 32]);

impl Digest {
    /// SHA-256 over `tag || community || parts`, the tag preceded by its length in one byte.
    #[must_use]
    pub fn of(tag: &str, community: &Self, parts: &[&[u8]]) -> Self {
        let mut hasher = begin(tag);
        hasher.update(community.0);
        for part in parts {
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// SHA-256 over `tag || bytes`: only for genesis, which is hashed before a community exists.
    #[must_use]
    pub fn of_founding(tag: &str, bytes: &[u8]) -> Self {
        let mut hasher = begin(tag);
        hasher.update(bytes);
        Self(hasher.finalize().into())
    }

    /// BLAKE3 over `bytes`: a fast content id, never a link of a chain.
    #[must_use]
    pub fn content(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The first 64 bits, most significant first: enough to draw a lot or pick a table slot.
    #[must_use]
    pub fn leading_u64(&self) -> u64 {
        self.0.iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte))
    }
}

/// A key for tags under which a node knows its own files again; wiped by whoever holds the secret.
#[derive(Clone, Copy)]
pub struct MacKey([u8; 32]);

impl MacKey {
    /// The key for `purpose` that `secret` gives: BLAKE3's key derivation, one way.
    #[must_use]
    pub fn derive(purpose: &str, secret: &[u8]) -> Self {
        Self(blake3::derive_key(purpose, secret))
    }

    /// The tag of `bytes`: keyed BLAKE3.
    #[must_use]
    pub fn tag(&self, bytes: &[u8]) -> Digest {
        Digest(*blake3::keyed_hash(&self.0, bytes).as_bytes())
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey(..)")
    }
}

/// Hashes many contents under one tag: tag and community are fed once.
#[derive(Debug, Clone)]
pub(crate) struct Hasher(Sha256);

impl Hasher {
    pub(crate) fn of(tag: &str, community: &Digest) -> Self {
        Self(begin(tag).chain_update(community.0))
    }

    pub(crate) fn hash(&self, bytes: &[u8]) -> Digest {
        Digest(self.0.clone().chain_update(bytes).finalize().into())
    }
}

fn begin(tag: &str) -> Sha256 {
    let length = u8::try_from(tag.len()).unwrap_or(u8::MAX);
    let mut hasher = Sha256::new();
    hasher.update([length]);
    hasher.update(tag.as_bytes());
    hasher
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(6).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_community_and_bytes_each_change_the_digest() {
        let (home, away) = (Digest([1; 32]), Digest([2; 32]));
        let base = Digest::of(tag::CONTRACT, &home, &[b"x"]);
        assert_ne!(base, Digest::of(tag::RECORD, &home, &[b"x"]));
        assert_ne!(base, Digest::of(tag::CONTRACT, &away, &[b"x"]));
        assert_ne!(base, Digest::of(tag::CONTRACT, &home, &[b"y"]));
        assert_eq!(
            Digest::of(tag::NODE, &home, &[b"ab"]),
            Digest::of(tag::NODE, &home, &[b"a", b"b"])
        );
    }

    #[test]
    fn content_ids_are_plain_blake3() {
        assert!(Digest::content(b"").to_string().starts_with("af1349b9f5f9a1a6"));
    }

    #[test]
    fn leading_bits_are_big_endian() {
        let mut bytes = [0; 32];
        bytes[7] = 5;
        assert_eq!(Digest(bytes).leading_u64(), 5);
    }
}
