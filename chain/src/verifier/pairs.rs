//! The structural check of one pair, and the sweep over all of them.

use super::{Damage, Finding, Segment, Verifier, index};
use crate::block::{CHECKPOINT_EVERY, Entry, Pair};
use crate::digest::Digest;
use crate::ledger::Ledger;
use crate::refusal::Refusal;
use crate::terms::{Money, Timestamp};

/// Proves that `pair` follows from the state `below` it, from its bytes: both hashes, both links,
/// the cross-link, amount, entries, balances and the checkpoint, for which `root` is asked with
/// the state after the pair (`None` skips it).
///
/// # Errors
/// The first [`Damage`] found.
pub fn check_pair(
    below: &Ledger,
    pair: &Pair,
    root: impl Fn(&Ledger) -> Option<Digest>,
) -> Result<(), Damage> {
    check_values(pair, &mut Vec::with_capacity(1024))?;
    check_links(below, pair, root)
}

/// [`check_pair`] without proving again that the values kept in memory are those of the bytes,
/// which the slow sweep does.
pub(super) fn check_links(
    below: &Ledger,
    pair: &Pair,
    root: impl Fn(&Ledger) -> Option<Digest>,
) -> Result<(), Damage> {
    check_hashes(pair, &below.community)?;
    let (contract, ledger) = (&*pair.contract, &*pair.ledger);
    if contract.prev_contract_hash != below.contract {
        return Err(Damage::ContractLink);
    }
    if ledger.prev_ledger_hash != below.tip {
        return Err(Damage::LedgerLink);
    }
    if ledger.contract_block_hash != pair.contract.digest(&below.community) {
        return Err(Damage::CrossLink);
    }
    let height = below.height + 1;
    let version = contract.record.version();
    if (contract.version, ledger.version) != (version, version)
        || (contract.height, ledger.height) != (height, height)
        || contract.time_ms < below.time_ms
    {
        return Err(Damage::Sequence);
    }
    check_entries(below, pair)?;

    check_root(below, pair, height, root)
}

/// Whether the entries are those of the record: nothing where members change. What is sealed for
/// others cannot be judged; above it only what is added is, not what accounts hold.
fn check_entries(below: &Ledger, pair: &Pair) -> Result<(), Damage> {
    let record = match pair.contract.record.opened(&below.community, &below.keys) {
        Ok(record) => record,
        Err(Refusal::NoKey { .. }) => {
            let is_sealed = pair.ledger.entries.is_sealed();
            return if is_sealed { Ok(()) } else { Err(Damage::Entries) };
        }
        Err(_) => return Err(Damage::Record),
    };
    if let Some(body) = record.body()
        && Money::of(body.energy, body.unit_price) != Ok(body.amount)
    {
        return Err(Damage::Entries);
    }
    let is_same_form = pair.ledger.entries.is_sealed() == record.sealed().is_some();
    let found = below.read(pair).filter(|_| is_same_form).ok_or(Damage::Entries)?;
    let expected = below.entries_of(&record).map_err(|reason| match reason {
        Refusal::Unsupported => Damage::Record,
        _ => Damage::Entries,
    })?;
    let added = |entry: &Entry| (entry.party, entry.delta);
    let is_right = match below.unread {
        0 => found[..] == expected[..],
        _ => found.iter().map(added).eq(expected.iter().map(added)),
    };
    if is_right { Ok(()) } else { Err(Damage::Entries) }
}

fn check_root(
    below: &Ledger,
    pair: &Pair,
    height: u64,
    root: impl Fn(&Ledger) -> Option<Digest>,
) -> Result<(), Damage> {
    if !height.is_multiple_of(CHECKPOINT_EVERY) {
        let is_none = pair.ledger.checkpoint.is_none();
        return if is_none { Ok(()) } else { Err(Damage::Checkpoint) };
    }
    let mut after = below.clone();
    follow(&mut after, pair);
    if after.unread > 0 {
        return Ok(());
    }
    match root(&after) {
        Some(root) if pair.ledger.checkpoint != Some(root) => Err(Damage::Checkpoint),
        Some(_) | None => Ok(()),
    }
}

/// Whether the bytes of both blocks still have the blocks' hashes.
fn check_hashes(pair: &Pair, community: &Digest) -> Result<(), Damage> {
    if pair.contract.rehash(community) != pair.contract.digest(community) {
        return Err(Damage::ContractHash);
    }
    if pair.ledger.rehash(community) != pair.ledger.digest(community) {
        return Err(Damage::LedgerHash);
    }
    Ok(())
}

/// Whether the values in memory are still those of the bytes; `scratch` is overwritten.
pub(super) fn check_values(pair: &Pair, scratch: &mut Vec<u8>) -> Result<(), Damage> {
    let is_faithful = pair.contract.is_faithful(scratch)
        && pair.contract.record.is_faithful(scratch)
        && pair.ledger.is_faithful(scratch);
    if is_faithful { Ok(()) } else { Err(Damage::Bytes) }
}

/// Moves `state` past `pair`, damaged or not, so that a sweep can go on.
pub(super) fn follow(state: &mut Ledger, pair: &Pair) {
    state.height += 1;
    state.contract = pair.contract.digest(&state.community);
    state.tip = pair.ledger.digest(&state.community);
    state.time_ms = pair.contract.time_ms;
    state.settle(pair);
}

impl Verifier {
    /// Closes the running segment with a digest over its bytes.
    pub(super) fn seal(&mut self) {
        let first = self.segments.last().map_or(1, |segment| segment.last + 1);
        let last = self.pairs.len() as u64;
        let digest = self.digest_of(first, last, &mut Vec::with_capacity(self.tail_bytes));
        self.segments.push(Segment { first, last, digest });
        self.sealed = self.head.clone();
        self.tail_bytes = 0;
    }

    /// BLAKE3 over the consecutive bytes of some pairs; `scratch` holds them afterwards.
    pub(super) fn digest_of(&self, first: u64, last: u64, scratch: &mut Vec<u8>) -> Digest {
        scratch.clear();
        let (from, to) = (index(first).unwrap_or(0), index(last).map_or(0, |at| at + 1));
        for (pair, _) in &self.pairs[from..to] {
            scratch.extend_from_slice(pair.contract.bytes());
            scratch.extend_from_slice(pair.ledger.bytes());
        }
        Digest::content(scratch)
    }

    pub(super) fn is_on_segments(&self) -> bool {
        !self.sweep.is_structural && self.sweep.next_segment < self.segments.len()
    }

    /// Compares one segment; on a difference looks for the damaged pairs in it.
    pub(super) fn step_segment(
        &mut self,
        scratch: &mut Vec<u8>,
        found: &mut Vec<Finding>,
    ) -> Option<usize> {
        let segment = *self.segments.get(self.sweep.next_segment)?;
        if self.digest_of(segment.first, segment.last, scratch) != segment.digest {
            for height in segment.first..=segment.last {
                let checked = self.check_named(height);
                found.extend(checked.err().and_then(|damage| self.suspect(height, damage)));
            }
        }
        self.counters.pairs_checked += segment.last - segment.first + 1;
        self.sweep.next_segment += 1;
        self.sweep.next = segment.last + 1;
        if self.sweep.next_segment == self.segments.len() {
            self.sweep.ledger = self.sealed.clone();
        }
        Some(scratch.len())
    }

    /// Whether a pair has the hashes that the pair above it names.
    fn check_named(&self, height: u64) -> Result<(), Damage> {
        let Some((pair, _)) = index(height).and_then(|at| self.pairs.get(at)) else {
            return Ok(());
        };
        let (contract, tip) = self.named(height);
        if pair.contract.rehash(&self.community) != contract {
            return Err(Damage::ContractHash);
        }
        if pair.ledger.rehash(&self.community) != tip {
            return Err(Damage::LedgerHash);
        }
        check_values(pair, &mut Vec::new())
    }

    /// Proves the next pair; `None` at the end of the chain.
    pub(super) fn step_pair(&mut self, found: &mut Vec<Finding>) -> Option<usize> {
        let height = self.sweep.next;
        let (pair, _) = self.pairs.get(index(height)?)?;
        let known = usize::try_from(height / CHECKPOINT_EVERY).ok()?.checked_sub(1);
        let root = |_: &Ledger| self.roots.get(known?).copied();
        let checked = check_links(&self.sweep.ledger, pair, root);
        let bytes = pair.len();
        follow(&mut self.sweep.ledger, pair);
        self.sweep.next += 1;
        self.counters.pairs_checked += 1;
        if let Err(damage) = checked {
            self.accuse(height, damage, found);
        }
        Some(bytes)
    }

    /// A pair that does not follow from the one below it: whichever of the two does not have its
    /// name is suspect, and when both have theirs, the upper one.
    fn accuse(&mut self, height: u64, damage: Damage, found: &mut Vec<Finding>) {
        let mut is_explained = false;
        for candidate in height.saturating_sub(1).max(1)..=height {
            if let Err(named) = self.check_named(candidate) {
                is_explained = true;
                let damage = if candidate == height { damage } else { named };
                found.extend(self.suspect(candidate, damage));
            }
        }
        if !is_explained {
            found.extend(self.suspect(height, damage));
        }
    }

    pub(super) fn end_sweep(&mut self, found: &mut Vec<Finding>) {
        let last = self.pairs.len() as u64;
        if self.sweep.ledger.tip != self.head.tip {
            found.extend(self.suspect(last, Damage::Tip));
        }
        self.counters.sweeps += 1;
        self.swept = self.sweep.started.take();
        let every = self.params.structural_every.max(1);
        self.sweep.is_structural = self.counters.sweeps.is_multiple_of(every);
        self.sweep.next_segment = 0;
        let has_segments = !self.sweep.is_structural && !self.segments.is_empty();
        if !has_segments {
            self.sweep.ledger = Ledger::new(self.community).reading(self.head.keys.clone());
            self.sweep.ledger.time_ms = Timestamp(0);
            self.sweep.next = 1;
        }
    }
}
