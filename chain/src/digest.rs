//! Digests: SHA-256 for everything that is linked, signed or voted on, BLAKE3 for content ids.
//!
//! Every SHA-256 covers a tag, the community and the bytes, so that a digest of one kind or one
//! community can never stand for another. This file knows nothing about what is hashed.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::block_api::compress256;
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
    /// Group key: what a letter says of the key in it, so that there is one under each number.
    pub const GROUP_KEY: &str = "gridpact/1/group-key";
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
pub(crate) struct Hasher {
    plain: Sha256,
    lane: Lane,
}

impl Hasher {
    pub(crate) fn of(tag: &str, community: &Digest) -> Self {
        let plain = begin(tag).chain_update(community.0);
        Self { plain, lane: Lane::of(tag, community) }
    }

    pub(crate) fn hash(&self, bytes: &[u8]) -> Digest {
        Digest(self.plain.clone().chain_update(bytes).finalize().into())
    }

    /// [`hash`](Self::hash) of `bytes` by this one and of `others` by the other, block by block in turn:
    /// a processor that hashes in hardware waits for each step of one hash, and does a step of the
    /// other meanwhile.
    pub(crate) fn hash_both(&self, bytes: &[u8], other: &Self, others: &[u8]) -> (Digest, Digest) {
        let (Some(mut one), Some(mut two)) = (self.lane.on(bytes), other.lane.on(others)) else {
            return (self.hash(bytes), other.hash(others));
        };
        let together = one.blocks().min(two.blocks());
        for at in 0..together {
            one.compress(at);
            two.compress(at);
        }
        (one.finish(together), two.finish(together))
    }
}

/// Bytes that SHA-256 takes in at once.
const BLOCK: usize = 64;

/// State of SHA-256 before its first block (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// What all contents under one tag begin with, when it is shorter than a block.
#[derive(Debug, Clone)]
struct Lane {
    head: [u8; BLOCK],
    /// Bytes of the head; a whole block where there is no room for a content behind them.
    filled: usize,
}

impl Lane {
    fn of(tag: &str, community: &Digest) -> Self {
        let length = u8::try_from(tag.len()).unwrap_or(u8::MAX);
        let all = [&[length], tag.as_bytes(), &community.0].concat();
        let (mut head, filled) = ([0; BLOCK], all.len().min(BLOCK));
        head[..filled].copy_from_slice(&all[..filled]);
        Self { head, filled }
    }

    /// The hash of `bytes` under way; none where they do not fill the first block.
    #[inline]
    fn on<'b>(&self, bytes: &'b [u8]) -> Option<Course<'b>> {
        let (first, rest) = bytes.split_at_checked(BLOCK - self.filled)?;
        if first.is_empty() {
            return None;
        }
        let (mut head, (whole, left)) = (self.head, rest.as_chunks());
        head[self.filled..].copy_from_slice(first);
        // What is left, a one, zeros, the length in bits (FIPS 180-4, 5.1.1): one block or two.
        let mut tail = [[0; BLOCK]; 2];
        let last = if left.len() < BLOCK - 8 { BLOCK } else { 2 * BLOCK };
        let flat = tail.as_flattened_mut();
        flat[..left.len()].copy_from_slice(left);
        flat[left.len()] = 0x80;
        let bits = 8 * (self.filled + bytes.len()) as u64;
        flat[last - 8..last].copy_from_slice(&bits.to_be_bytes());
        Some(Course { state: INITIAL, head, whole, tail, tails: last / BLOCK })
    }
}

/// One hash under way, and the blocks that it takes in.
struct Course<'b> {
    state: [u32; 8],
    head: [u8; BLOCK],
    whole: &'b [[u8; BLOCK]],
    tail: [[u8; BLOCK]; 2],
    tails: usize,
}

impl Course<'_> {
    #[inline]
    fn blocks(&self) -> usize {
        1 + self.whole.len() + self.tails
    }

    #[inline]
    fn compress(&mut self, at: usize) {
        let block = match at.checked_sub(1) {
            None => &self.head,
            Some(at) => self.whole.get(at).unwrap_or_else(|| &self.tail[at - self.whole.len()]),
        };
        compress256(&mut self.state, std::slice::from_ref(block));
    }

    /// The digest, the first `done` blocks being taken in.
    #[inline]
    fn finish(mut self, done: usize) -> Digest {
        if done == 0 {
            compress256(&mut self.state, std::slice::from_ref(&self.head));
        }
        let done = done.max(1) - 1;
        compress256(&mut self.state, self.whole.get(done..).unwrap_or_default());
        let done = done.saturating_sub(self.whole.len());
        compress256(&mut self.state, self.tail.get(done..self.tails).unwrap_or_default());
        let mut digest = [0; 32];
        for (bytes, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(self.state) {
            *bytes = word.to_be_bytes();
        }
        Digest(digest)
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
    fn two_hashes_in_turn_are_those_of_each_alone_at_every_length() {
        let community = Digest([3; 32]);
        let (one, two) = (Hasher::of(tag::CONTRACT_BLOCK, &community), Hasher::of("x", &community));
        let long = "t".repeat(40);
        let none = Hasher::of(&long, &community);
        let bytes: Vec<u8> = (0..=255).cycle().take(300).collect();
        for (n, m) in (0..300).flat_map(|n| [(n, 299 - n), (n, n), (n, 150), (299, n)]) {
            let (a, b) = (&bytes[..n], &bytes[..m]);
            assert_eq!(one.hash_both(a, &two, b), (one.hash(a), two.hash(b)), "{n} and {m} bytes");
            assert_eq!(
                none.hash_both(a, &two, b),
                (none.hash(a), two.hash(b)),
                "{n} and {m} bytes"
            );
            assert_eq!(one.hash(a), Digest::of(tag::CONTRACT_BLOCK, &community, &[a]));
        }
    }

    #[test]
    fn leading_bits_are_big_endian() {
        let mut bytes = [0; 32];
        bytes[7] = 5;
        assert_eq!(Digest(bytes).leading_u64(), 5);
    }
}
