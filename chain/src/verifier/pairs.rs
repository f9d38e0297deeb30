//! The structural check of one pair, and the sweep over all of them.

use super::{Compared, Damage, Finding, Source, Sweep, Verifier};
use crate::block::{CHECKPOINT_EVERY, Entry, Pair};
use crate::digest::Digest;
use crate::ledger::Ledger;
use crate::refusal::Refusal;
use crate::terms::Money;

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
pub(super) fn check_entries(below: &Ledger, pair: &Pair) -> Result<(), Damage> {
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
        // Which root it should be is not known, but there is one.
        return if pair.ledger.checkpoint.is_some() { Ok(()) } else { Err(Damage::Checkpoint) };
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

impl<S: Source> Verifier<S> {
    /// Compares one segment; on a difference looks for the damaged pairs in it. `None` where the
    /// sweep is structural or past the last segment with a digest.
    pub(super) fn step_segment(&mut self, found: &mut Vec<Finding>) -> Option<usize> {
        if self.sweep.is_structural {
            return None;
        }
        let compared = self.chain.compare(self.sweep.next_segment)?;
        let Compared { first, last, bytes, is_same } = compared;
        if !is_same {
            let before = found.len();
            for height in first..=last {
                let checked = self.check_named(height);
                found.extend(checked.err().and_then(|damage| self.suspect(height, damage)));
            }
            let is_known = (first..=last).any(|height| self.suspects.contains(&height));
            if found.len() == before && !is_known {
                // The bytes changed where no pair lies: whatever it is, it is not what was proven.
                found.extend(self.suspect(last.max(1), Damage::Stored));
            }
        }
        self.stray(found);
        self.counters.pairs_checked += (last + 1).saturating_sub(first);
        self.sweep.next_segment += 1;
        if last >= self.chain.sealed() {
            self.sweep.state = self.sealed.clone();
            self.sweep.next = self.sealed.height() + 1;
        }
        Some(bytes)
    }

    /// What the source found beside pairs.
    pub(super) fn stray(&mut self, found: &mut Vec<Finding>) {
        for height in self.chain.strays() {
            found.extend(self.suspect(height, Damage::Stored));
        }
    }

    /// Whether a pair has the hashes that the pair above it names.
    fn check_named(&mut self, height: u64) -> Result<(), Damage> {
        if height == 0 || height > self.chain.height() {
            return Ok(());
        }
        let pair = self.chain.pair(height)?;
        let Some((contract, tip)) = self.named(height) else { return Ok(()) };
        if pair.contract.rehash(&self.community) != contract {
            return Err(Damage::ContractHash);
        }
        if pair.ledger.rehash(&self.community) != tip {
            return Err(Damage::LedgerHash);
        }
        check_values(&pair, &mut Vec::new())
    }

    /// Proves the next pairs; `None` at the end of the chain.
    pub(super) fn step_pairs(&mut self, budget: usize, found: &mut Vec<Finding>) -> Option<usize> {
        if self.sweep.next > self.chain.height() {
            return None;
        }
        let (next, state) = (self.sweep.next, &mut self.sweep.state);
        let (roots, is_clean) = (&mut self.roots, self.sweep.is_clean);
        let (mut wrong, mut others) = (Vec::new(), Vec::new());
        let mut height = next;
        let bytes = self.chain.read(next, budget, &mut |piece| {
            let known = |height| roots.get(checkpoint(height)?).copied();
            let checked = match piece {
                Ok(bytes) => state.take(bytes, &mut |height| known(height)),
                Err(damage) => {
                    state.skip();
                    Err(damage)
                }
            };
            others.extend(state.was_other().then_some(height));
            match checked {
                Err(damage) => wrong.push((height, damage)),
                Ok(()) if is_clean && checkpoint(height) == Some(roots.len()) => {
                    // Take it as computed: the check has compared it with what is stored.
                    roots.extend(piece.ok().and_then(|bytes| bytes.checkpoint()));
                }
                Ok(()) => {}
            }
            height += 1;
        });
        self.stray(found);
        if height == next {
            return None;
        }
        self.sweep.next = height;
        self.counters.pairs_checked += height - next;
        self.follow_members(&others);
        if wrong.is_empty() && self.sweep.is_clean {
            self.chain.proven();
            if self.chain.sealed() == self.sweep.state.height() {
                self.sealed = self.sweep.state.clone();
            }
        }
        for (height, damage) in wrong {
            self.accuse(height, damage, found);
        }
        Some(bytes)
    }

    /// Lets the registries follow changes of the members that were read for the first time.
    pub(super) fn follow_members(&mut self, heights: &[u64]) {
        for height in heights.iter().filter(|height| **height > self.followed) {
            if let Ok((pair, proof)) = self.chain.get(*height) {
                self.registries.follow(&pair, &proof);
            }
        }
        self.followed = self.followed.max(self.sweep.next.saturating_sub(1));
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
        let last = self.chain.height();
        if self.head.height != last && self.sweep.is_clean && self.sweep.state.height() == last {
            // Opened from stored bytes: they are all that is known of the newest pair.
            self.head = self.sweep.state.ledger();
        }
        if self.is_open() && self.sweep.state.tip() != self.head.tip {
            found.extend(self.suspect(last, Damage::Tip));
        }
        self.counters.sweeps += 1;
        let (community, started) = (self.community, self.sweep.started.take());
        self.swept = started;
        let every = self.params.structural_every.max(1);
        let is_structural = self.counters.sweeps.is_multiple_of(every);
        self.sweep = Sweep { is_structural, ..Sweep::anew(community, &self.head.keys) };
    }
}

/// Where the root of a checkpoint stands in a list of all of them.
fn checkpoint(height: u64) -> Option<usize> {
    if !height.is_multiple_of(CHECKPOINT_EVERY) {
        return None;
    }
    usize::try_from(height / CHECKPOINT_EVERY).ok()?.checked_sub(1)
}
