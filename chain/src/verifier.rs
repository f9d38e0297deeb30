//! Verifier: re-proves pairs for ever, in bounded steps, and yields findings (protocol 8.7).
//!
//! A new pair is checked at once and then joins the sweep. Segment digests make most sweeps cheap;
//! they live in memory only and are a speed-up, never a proof, so every few sweeps each pair is
//! proven again from its bytes. Signatures and proofs have a slower sweep of their own. It never
//! decides when it runs, and repairs nothing by itself.

mod audit;
mod copy;
mod finding;
mod pairs;
mod proofs;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use self::audit::{Report, audit, audit_reading};
pub use self::copy::{Named, check_copy};
pub use self::finding::{Counters, Damage, Finding, Params};
pub use self::pairs::check_pair;
pub use self::proofs::{check_proof, claims_of};

use crate::block::{Pair, Proof};
use crate::digest::Digest;
use crate::keyring::Keyring;
use crate::ledger::Ledger;
use crate::registry::Registries;
use crate::sign::Verdicts;
use crate::terms::Timestamp;

/// Consecutive pairs with one digest over their bytes.
#[derive(Debug, Clone, Copy)]
struct Segment {
    first: u64,
    last: u64,
    digest: Digest,
}

/// Where the running sweep stands.
#[derive(Debug)]
struct Sweep {
    /// State below the next pair; of no meaning while segments are compared.
    ledger: Ledger,
    next: u64,
    next_segment: usize,
    is_structural: bool,
    started: Option<Timestamp>,
}

/// One node's verifier.
pub struct Verifier {
    registries: Registries,
    community: Digest,
    params: Params,

    pairs: Vec<(Arc<Pair>, Arc<Proof>)>,
    /// State after the newest pair.
    head: Ledger,
    /// State after the last full segment.
    sealed: Ledger,
    segments: Vec<Segment>,
    tail_bytes: usize,
    roots: Vec<Digest>,

    sweep: Sweep,
    next_proof: u64,
    swept: Option<Timestamp>,
    suspects: BTreeSet<u64>,
    counters: Counters,
}

impl Verifier {
    /// A verifier of the chain that `registries` founded, before its first pair.
    #[must_use]
    pub fn new(registries: impl Into<Registries>, params: Params) -> Self {
        let registries = registries.into();
        let community = registries.community();
        let start = Ledger::new(community);
        Self {
            registries,
            community,
            params,
            pairs: Vec::new(),
            head: start.clone(),
            sealed: start.clone(),
            segments: Vec::new(),
            tail_bytes: 0,
            roots: Vec::new(),
            sweep: Sweep {
                ledger: start,
                next: 1,
                next_segment: 0,
                is_structural: true,
                started: None,
            },
            next_proof: 1,
            swept: None,
            suspects: BTreeSet::new(),
            counters: Counters::default(),
        }
    }

    /// Checks a new pair at once, its signatures and approvals included; it then joins the sweep
    /// whatever came out.
    pub fn push(
        &mut self,
        pair: Arc<Pair>,
        proof: Arc<Proof>,
        verdicts: &dyn Verdicts,
    ) -> Option<Finding> {
        let height = self.height() + 1;
        let root = |ledger: &Ledger| Some(ledger.balances.root(&self.community));
        let checked = check_pair(&self.head, &pair, root)
            .and_then(|()| check_proof(&pair, &proof, &self.registries, verdicts));
        self.counters.pairs_checked += 1;
        self.counters.proofs_checked += 1;
        self.join(pair, proof);
        checked.err().and_then(|damage| self.suspect(height, damage))
    }

    /// Reads with `keys` from now on: from the next sweep, what was sealed so far as well.
    pub fn learn(&mut self, keys: &Keyring) {
        for state in [&mut self.head, &mut self.sealed, &mut self.sweep.ledger] {
            state.keys = keys.clone();
        }
    }

    /// Takes the next pair from the own journal, unchecked: the sweeps prove it.
    pub fn reload_next(&mut self, pair: Arc<Pair>, proof: Arc<Proof>) {
        self.join(pair, proof);
    }

    fn join(&mut self, pair: Arc<Pair>, proof: Arc<Proof>) {
        self.roots.extend(pair.ledger.checkpoint);
        pairs::follow(&mut self.head, &pair);
        self.registries.follow(&pair, &proof);
        self.tail_bytes += pair.len();
        self.pairs.push((pair, proof));
        if self.tail_bytes >= self.params.segment_bytes {
            self.seal();
        }
    }

    /// Takes the whole proof of a closed pair and checks its ledger votes.
    pub fn close(
        &mut self,
        height: u64,
        proof: Arc<Proof>,
        verdicts: &dyn Verdicts,
    ) -> Option<Finding> {
        let slot = self.pairs.get_mut(index(height)?)?;
        slot.1 = proof;
        self.counters.proofs_checked += 1;
        let checked = proofs::check_ledger_votes(&slot.0, &slot.1, &self.registries, verdicts);
        checked.err().and_then(|damage| self.suspect(height, damage))
    }

    /// Takes pair and proof as the store holds them now, unchecked: the sweeps judge them.
    pub fn reload(&mut self, height: u64, pair: Arc<Pair>, proof: Arc<Proof>) {
        if let Some(slot) = index(height).and_then(|at| self.pairs.get_mut(at)) {
            *slot = (pair, proof);
        }
    }

    /// Puts a good copy in place of a suspect pair. It must have the hashes that the next pair, or
    /// the ledger votes, names ([`check_copy`]); otherwise nothing changes and the answer is false.
    /// With the last suspect healed, what was derived from the pairs is made again.
    pub fn repair(
        &mut self,
        height: u64,
        pair: Arc<Pair>,
        proof: Arc<Proof>,
        verdicts: &dyn Verdicts,
    ) -> bool {
        // A suspect pair above names nothing; the ledger votes do, which are always asked for.
        let above = index(height + 1).and_then(|at| self.pairs.get(at));
        let named = above
            .filter(|_| !self.suspects.contains(&(height + 1)))
            .map(|(above, _)| (above.contract.prev_contract_hash, above.ledger.prev_ledger_hash));
        let judged = check_copy(height, named, (&pair, &proof), &self.registries, verdicts);
        let slot = index(height).and_then(|at| self.pairs.get_mut(at));
        let (Ok(()), Some(slot)) = (judged, slot) else { return false };
        *slot = (pair, proof);
        self.suspects.remove(&height);
        if self.suspects.is_empty() {
            self.rebuild(height);
        }
        true
    }

    /// Makes states, roots and segment digests again, from the last checkpoint below `height`. The
    /// next sweep starts anew and proves every pair.
    fn rebuild(&mut self, height: u64) {
        self.roots = self.pairs.iter().filter_map(|(pair, _)| pair.ledger.checkpoint).collect();
        self.registries.restart();
        self.pairs.iter().for_each(|(pair, proof)| self.registries.follow(pair, proof));
        let sealed = self.segments.last().map_or(0, |segment| segment.last);
        let (below, all) = (index(sealed + 1).unwrap_or(0), self.pairs.len());
        match (self.state_after(below, height), self.state_after(all, height)) {
            (Ok(sealed), Ok(head)) => (self.sealed, self.head) = (sealed, head),
            (Err(height), _) | (_, Err(height)) => _ = self.suspects.insert(height),
        }
        let mut scratch = Vec::new();
        for at in 0..self.segments.len() {
            let Segment { first, last, .. } = self.segments[at];
            if (first..=last).contains(&height) {
                self.segments[at].digest = self.digest_of(first, last, &mut scratch);
            }
        }
        self.sweep = Sweep {
            ledger: Ledger::new(self.community).reading(self.head.keys.clone()),
            next: 1,
            next_segment: 0,
            is_structural: true,
            started: None,
        };
    }

    fn state_after(&self, pairs: usize, doubtful: u64) -> Result<Ledger, u64> {
        let pairs = self.pairs[..pairs].iter().map(|(pair, _)| pair);
        Ledger::rebuild(self.community, pairs, doubtful, &self.head.keys)
    }

    /// Both hashes of `height` as the pair above, or the tip, names them.
    fn named(&self, height: u64) -> (Digest, Digest) {
        match index(height + 1).and_then(|at| self.pairs.get(at)) {
            Some((above, _)) => (above.contract.prev_contract_hash, above.ledger.prev_ledger_hash),
            None => (self.head.contract, self.head.tip),
        }
    }

    /// Checks at most about `budget_bytes` of pairs, stopping at the end of the sweep; true when a
    /// full sweep ended. Findings are appended to `found`, each damaged pair once.
    pub fn step(&mut self, now: Timestamp, budget_bytes: usize, found: &mut Vec<Finding>) -> bool {
        self.sweep.started.get_or_insert(now);
        let mut room = budget_bytes;
        let mut scratch = Vec::new();
        while room > 0 {
            let spent = if self.is_on_segments() {
                self.step_segment(&mut scratch, found)
            } else {
                self.step_pair(found)
            };
            match spent {
                Some(bytes) => room = room.saturating_sub(bytes),
                None => {
                    self.end_sweep(found);
                    return true;
                }
            }
        }
        false
    }

    /// Checks at most about `budget_bytes` of proofs; true when a full proof sweep ended. With
    /// remembered verdicts only the bytes are checked again, with strict ones every signature.
    pub fn step_proofs(
        &mut self,
        budget_bytes: usize,
        verdicts: &dyn Verdicts,
        found: &mut Vec<Finding>,
    ) -> bool {
        let mut room = budget_bytes;
        let mut scratch = Vec::new();
        while room > 0 {
            let height = self.next_proof;
            let Some((pair, proof)) = index(height).and_then(|at| self.pairs.get(at)) else {
                self.next_proof = 1;
                self.counters.proof_sweeps += 1;
                return true;
            };
            room = room.saturating_sub(pair.len() + proofs::len(proof));
            let checked = pairs::check_values(pair, &mut scratch)
                .and_then(|()| proofs::check_bytes(proof))
                .and_then(|()| check_proof(pair, proof, &self.registries, verdicts));
            self.next_proof += 1;
            self.counters.proofs_checked += 1;
            if let Err(damage) = checked {
                found.extend(self.suspect(height, damage));
            }
        }
        false
    }

    /// Milliseconds since every pair known then had been checked: the verification age. `None`
    /// before the first full sweep.
    #[must_use]
    pub fn age_ms(&self, now: Timestamp) -> Option<u64> {
        self.swept.map(|swept| now.ms_since(swept))
    }

    /// What was done so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Heights found damaged and not repaired.
    #[must_use]
    pub fn suspects(&self) -> &BTreeSet<u64> {
        &self.suspects
    }

    /// Number of pairs.
    #[must_use]
    pub fn height(&self) -> u64 {
        self.pairs.len() as u64
    }

    /// The hash the chain ends with.
    #[must_use]
    pub fn tip(&self) -> Digest {
        self.head.tip
    }

    /// A finding for a pair that was not suspect before.
    fn suspect(&mut self, height: u64, damage: Damage) -> Option<Finding> {
        self.suspects.insert(height).then(|| {
            self.counters.faults += 1;
            Finding { height, damage }
        })
    }
}

/// Where `height` stands in a list of all pairs.
fn index(height: u64) -> Option<usize> {
    usize::try_from(height.checked_sub(1)?).ok()
}
