//! Where a verifier reads: stored bytes by height and by segment, wherever they are kept.
//!
//! A simulation keeps them in memory that its nodes share ([`Shared`]); a node keeps them in files
//! and reads those in windows of bounded size. The verifier is the same over both.

use std::sync::Arc;

use super::{Damage, PairBytes, index};
use crate::block::{Pair, Proof};
use crate::digest::Digest;

/// A pair with what proves it.
pub type Kept = (Arc<Pair>, Arc<Proof>);

/// What a source made of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    /// First height in it.
    pub first: u64,
    /// Last height in it; below `first` where it holds no pair.
    pub last: u64,
    /// Bytes read.
    pub bytes: usize,
    /// Whether its bytes have the digest that was recorded when they were proven.
    pub is_same: bool,
}

/// Stored pairs of one chain, from height 1 without gaps.
///
/// Everything is read from the stored bytes as they are now; nothing is answered from memory but
/// the segment digests.
pub trait Source {
    /// Number of pairs.
    fn height(&self) -> u64;

    /// Takes the next pair, which the store holds or is about to hold.
    fn join(&mut self, pair: &Arc<Pair>, proof: &Arc<Proof>);

    /// Hands the stored pairs from `first` on to `each`, ascending, an unreadable one as damage:
    /// at least one if there is one, and about `budget` bytes of them. Returns the bytes read.
    fn read(
        &mut self,
        first: u64,
        budget: usize,
        each: &mut dyn FnMut(Result<PairBytes<'_>, Damage>),
    ) -> usize;

    /// Everything that the last [`read`](Self::read) went over was proven: its digests may be
    /// recorded.
    fn proven(&mut self);

    /// Compares a segment's stored bytes with its digest; none where no digest is recorded for it
    /// or for one before it.
    fn compare(&mut self, segment: usize) -> Option<Compared>;

    /// Height up to which segments with digests reach, without a gap from the first.
    fn sealed(&self) -> u64;

    /// Pairs with their proofs from `first` on, ascending, an unreadable one as damage; about
    /// `budget` bytes of them, none at the end.
    fn proofs(&mut self, first: u64, budget: usize) -> Vec<Result<Kept, Damage>>;

    /// The whole of a proof sweep was proven: digests over the bytes of proofs may be recorded.
    fn proofs_proven(&mut self) {}

    /// Damage that the last calls found in stored bytes that hold no pair, each with the height it
    /// lies above or at.
    fn strays(&mut self) -> Vec<u64> {
        Vec::new()
    }

    /// The pair of `height`; damage where it cannot be read or there is none.
    ///
    /// # Errors
    /// The [`Damage`] it is in.
    fn pair(&mut self, height: u64) -> Result<Arc<Pair>, Damage>;

    /// The pair of `height` with its proof; damage where one cannot be read or there is none.
    ///
    /// # Errors
    /// The [`Damage`] it is in.
    fn get(&mut self, height: u64) -> Result<Kept, Damage>;

    /// Takes a pair and its proof in place of those of `height`, unproven.
    fn put(&mut self, height: u64, kept: Kept);

    /// The stored pair of `height` was mended: what was derived from its bytes is made again.
    fn renew(&mut self, height: u64);
}

/// Consecutive pairs with one digest over their bytes.
#[derive(Debug, Clone, Copy)]
struct Segment {
    first: u64,
    last: u64,
    digest: Digest,
}

/// Pairs in memory, shared by the nodes of one process.
#[derive(Debug)]
pub struct Shared {
    pairs: Vec<Kept>,
    segments: Vec<Segment>,
    segment_bytes: usize,
    tail_bytes: usize,
    scratch: Vec<u8>,
}

impl Shared {
    /// No pair yet; digests over about `segment_bytes` each.
    #[must_use]
    pub fn new(segment_bytes: usize) -> Self {
        let (pairs, segments, scratch) = (Vec::new(), Vec::new(), Vec::new());
        Self { pairs, segments, segment_bytes, tail_bytes: 0, scratch }
    }

    fn at(&self, height: u64) -> Option<&Kept> {
        self.pairs.get(index(height)?)
    }

    /// BLAKE3 over the consecutive bytes of some pairs, which `scratch` holds afterwards.
    fn digest_of(&mut self, first: u64, last: u64) -> Digest {
        self.scratch.clear();
        let (from, to) = (index(first).unwrap_or(0), index(last).map_or(0, |at| at + 1));
        for (pair, _) in self.pairs.get(from..to).unwrap_or_default() {
            self.scratch.extend_from_slice(pair.contract.bytes());
            self.scratch.extend_from_slice(pair.ledger.bytes());
        }
        Digest::content(&self.scratch)
    }
}

impl Source for Shared {
    fn height(&self) -> u64 {
        self.pairs.len() as u64
    }

    fn join(&mut self, pair: &Arc<Pair>, proof: &Arc<Proof>) {
        self.tail_bytes += pair.len();
        self.pairs.push((Arc::clone(pair), Arc::clone(proof)));
        if self.tail_bytes >= self.segment_bytes {
            let (first, last) = (self.sealed() + 1, self.height());
            let digest = self.digest_of(first, last);
            self.segments.push(Segment { first, last, digest });
            self.tail_bytes = 0;
        }
    }

    fn read(
        &mut self,
        first: u64,
        budget: usize,
        each: &mut dyn FnMut(Result<PairBytes<'_>, Damage>),
    ) -> usize {
        let mut bytes = 0;
        for (pair, _) in self.pairs.iter().skip(index(first).unwrap_or(0)) {
            each(Ok(PairBytes::of(pair)));
            bytes += pair.len();
            if bytes >= budget {
                break;
            }
        }
        bytes
    }

    /// Nothing: here digests are recorded as soon as a segment is full.
    fn proven(&mut self) {}

    fn compare(&mut self, segment: usize) -> Option<Compared> {
        let Segment { first, last, digest } = *self.segments.get(segment)?;
        let is_same = self.digest_of(first, last) == digest;
        Some(Compared { first, last, bytes: self.scratch.len(), is_same })
    }

    fn sealed(&self) -> u64 {
        self.segments.last().map_or(0, |segment| segment.last)
    }

    fn proofs(&mut self, first: u64, budget: usize) -> Vec<Result<Kept, Damage>> {
        let (mut kept, mut room) = (Vec::new(), budget);
        for (pair, proof) in self.pairs.iter().skip(index(first).unwrap_or(0)) {
            if room == 0 {
                break;
            }
            room = room.saturating_sub(pair.len() + super::proofs::len(proof));
            kept.push(Ok((Arc::clone(pair), Arc::clone(proof))));
        }
        kept
    }

    fn pair(&mut self, height: u64) -> Result<Arc<Pair>, Damage> {
        self.at(height).map(|(pair, _)| Arc::clone(pair)).ok_or(Damage::Sequence)
    }

    fn get(&mut self, height: u64) -> Result<Kept, Damage> {
        self.at(height).cloned().ok_or(Damage::Sequence)
    }

    fn put(&mut self, height: u64, kept: Kept) {
        if let Some(slot) = index(height).and_then(|at| self.pairs.get_mut(at)) {
            *slot = kept;
        }
    }

    fn renew(&mut self, height: u64) {
        for at in 0..self.segments.len() {
            let Segment { first, last, .. } = self.segments[at];
            if (first..=last).contains(&height) {
                self.segments[at].digest = self.digest_of(first, last);
            }
        }
    }
}
