//! Verifier: re-proves pairs for ever, in bounded steps, and yields findings (protocol 8.7).
//!
//! A new pair is checked at once and then joins the sweep. Segment digests make most sweeps cheap;
//! they are a speed-up, never a proof, so every few sweeps each pair is proven again from its
//! stored bytes, which are decoded where they lie. Signatures and proofs have a slower sweep of
//! their own. Where the bytes are kept is a [`Source`]'s business. A verifier never decides when it
//! runs, and repairs nothing by itself.

mod audit;
mod copy;
mod cursor;
mod finding;
mod pairs;
mod proofs;
mod rechecks;
mod repair;
mod slices;
mod source;
mod state;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use self::audit::{Audit, Report, audit, audit_reading};
pub use self::copy::{Named, check_copy};
pub use self::finding::{Counters, Damage, Finding, Params, Snapshot};
pub use self::pairs::check_pair;
pub use self::proofs::{check_proof, claims_of};
pub use self::slices::PairBytes;
pub use self::source::{Compared, Kept, Shared, Source};
pub use self::state::{PairHasher, State};

use crate::block::{Pair, Proof};
use crate::digest::Digest;
use crate::keyring::Keyring;
use crate::ledger::Ledger;
use crate::registry::Registries;
use crate::sign::Verdicts;
use crate::terms::Timestamp;

/// Where the running sweep stands.
#[derive(Debug)]
struct Sweep {
    /// State below the next pair; of no meaning while segments are compared.
    state: State,
    next: u64,
    next_segment: usize,
    is_structural: bool,
    /// Whether anything was found wrong in it.
    is_clean: bool,
    started: Option<Timestamp>,
}

impl Sweep {
    /// A structural sweep from the first pair.
    fn anew(community: Digest, keys: &Keyring) -> Self {
        Self {
            state: State::new(community).reading(keys.clone()),
            next: 1,
            next_segment: 0,
            is_structural: true,
            is_clean: true,
            started: None,
        }
    }
}

/// One node's verifier over the chain that `S` keeps.
pub struct Verifier<S = Shared> {
    registries: Registries,
    community: Digest,
    params: Params,
    chain: S,
    /// State after the newest pair.
    head: Ledger,
    /// State after the last segment with a digest.
    sealed: State,
    /// Roots of the checkpoints, in their order, as computed or as admitted.
    roots: Vec<Digest>,

    sweep: Sweep,
    /// Height up to which the registries have followed the changes of the members.
    followed: u64,
    next_proof: u64,
    /// Whether the running sweep of proofs found nothing wrong so far.
    proofs_clean: bool,
    swept: Option<Timestamp>,
    suspects: BTreeSet<u64>,
    counters: Counters,
}

impl Verifier {
    /// A verifier of the chain that `registries` founded, before its first pair, in shared memory.
    #[must_use]
    pub fn new(registries: impl Into<Registries>, params: Params) -> Self {
        let chain = Shared::new(params.segment_bytes);
        Self::over(chain, registries, params)
    }
}

impl<S: Source> Verifier<S> {
    /// A verifier of the chain that `registries` founded, whose pairs `chain` keeps. Pairs that are
    /// there already are unproven; [`open`](Self::open) proves them.
    #[must_use]
    pub fn over(chain: S, registries: impl Into<Registries>, params: Params) -> Self {
        let registries = registries.into();
        let community = registries.community();
        Self {
            registries,
            community,
            params,
            chain,
            head: Ledger::new(community),
            sealed: State::new(community),
            roots: Vec::new(),
            sweep: Sweep::anew(community, &Keyring::default()),
            followed: 0,
            next_proof: 1,
            proofs_clean: true,
            swept: None,
            suspects: BTreeSet::new(),
            counters: Counters::default(),
        }
    }

    /// Proves every pair that is there, as the first sweep does, and takes the state they give for
    /// that of the newest pair.
    pub fn open(&mut self, now: Timestamp, found: &mut Vec<Finding>) {
        self.sweep = Sweep::anew(self.community, &self.head.keys);
        while !self.step(now, usize::MAX, found) {}
    }

    /// Goes on from a state that was proven earlier, up to the last segment with a digest: the next
    /// sweep compares digests up to there, proves the pairs above, and takes the state they give for
    /// that of the newest pair. `roots` are those of the checkpoints up to there.
    ///
    /// It is the caller's to know that the state, the roots and the digests are its own.
    pub fn resume(&mut self, sealed: State, roots: Vec<Digest>) {
        (self.sealed, self.roots) = (sealed.reading(self.head.keys.clone()), roots);
        self.sweep = Sweep { is_structural: false, ..Sweep::anew(self.community, &self.head.keys) };
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
        self.join(&pair, &proof);
        checked.err().and_then(|damage| self.suspect(height, damage))
    }

    /// Reads with `keys` from now on: from the next sweep, what was sealed so far as well.
    pub fn learn(&mut self, keys: &Keyring) {
        self.head.keys = keys.clone();
        for state in [&mut self.sealed, &mut self.sweep.state] {
            *state = state.clone().reading(keys.clone());
        }
    }

    /// Whether the state of the newest pair is known, so that the next one can be checked at once.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.head.height == self.height()
    }

    /// Takes the next pair from the own journal, unchecked: the sweeps prove it.
    pub fn reload_next(&mut self, pair: Arc<Pair>, proof: Arc<Proof>) {
        self.join(&pair, &proof);
    }

    fn join(&mut self, pair: &Arc<Pair>, proof: &Arc<Proof>) {
        self.registries.follow(pair, proof);
        if self.is_open() {
            self.roots.extend(pair.ledger.checkpoint);
            pairs::follow(&mut self.head, pair);
        }
        let sealed = self.chain.sealed();
        self.chain.join(pair, proof);
        self.followed = self.followed.max(self.chain.height());
        if self.chain.sealed() != sealed {
            self.sealed = State::at(&self.head);
        }
    }

    /// Takes the whole proof of a closed pair and checks its ledger votes.
    pub fn close(
        &mut self,
        height: u64,
        proof: Arc<Proof>,
        verdicts: &dyn Verdicts,
    ) -> Option<Finding> {
        let (pair, _) = self.chain.get(height).ok()?;
        self.counters.proofs_checked += 1;
        let checked = proofs::check_ledger_votes(&pair, &proof, &self.registries, verdicts);
        self.chain.put(height, (pair, proof));
        checked.err().and_then(|damage| self.suspect(height, damage))
    }

    /// Checks at most about `budget_bytes` of pairs, stopping at the end of the sweep; true when a
    /// full sweep ended. Findings are appended to `found`, each damaged pair once.
    pub fn step(&mut self, now: Timestamp, budget_bytes: usize, found: &mut Vec<Finding>) -> bool {
        self.sweep.started.get_or_insert(now);
        let mut room = budget_bytes;
        while room > 0 {
            let spent = match self.step_segment(found) {
                Some(bytes) => Some(bytes),
                None => self.step_pairs(room, found),
            };
            match spent {
                Some(bytes) => room = room.saturating_sub(bytes.max(1)),
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
            let kept = self.chain.proofs(self.next_proof, room);
            self.stray(found);
            if kept.is_empty() {
                self.end_proofs();
                return true;
            }
            for kept in kept {
                let checked = kept.and_then(|(pair, proof)| {
                    room = room.saturating_sub(pair.len() + proofs::len(&proof));
                    pairs::check_values(&pair, &mut scratch)
                        .and_then(|()| proofs::check_bytes(&proof))
                        .and_then(|()| check_proof(&pair, &proof, &self.registries, verdicts))
                });
                self.proof_done(checked, found);
            }
        }
        false
    }

    /// Counts the next proof as checked.
    fn proof_done(&mut self, checked: Result<(), Damage>, found: &mut Vec<Finding>) {
        let height = self.next_proof;
        self.next_proof += 1;
        self.counters.proofs_checked += 1;
        if let Err(damage) = checked {
            found.extend(self.suspect(height, damage));
        }
    }

    fn end_proofs(&mut self) {
        if std::mem::replace(&mut self.proofs_clean, true) {
            self.chain.proofs_proven();
        }
        self.next_proof = 1;
        self.counters.proof_sweeps += 1;
    }

    /// Milliseconds since every pair known then had been checked: the verification age, which no
    /// pair exceeds. `None` before the first full sweep.
    #[must_use]
    pub fn age_ms(&self, now: Timestamp) -> Option<u64> {
        self.swept.map(|swept| now.ms_since(swept))
    }

    /// What was done so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// What is published of it.
    #[must_use]
    pub fn snapshot(&self, now: Timestamp) -> Snapshot {
        Snapshot {
            height: self.height(),
            age_ms: self.age_ms(now),
            counters: self.counters,
            suspects: self.suspects.iter().copied().collect(),
        }
    }

    /// Heights found damaged and not repaired.
    #[must_use]
    pub fn suspects(&self) -> &BTreeSet<u64> {
        &self.suspects
    }

    /// Number of pairs.
    #[must_use]
    pub fn height(&self) -> u64 {
        self.chain.height()
    }

    /// The hash the chain ends with.
    #[must_use]
    pub fn tip(&self) -> Digest {
        self.head.tip
    }

    /// Where the pairs are kept.
    #[must_use]
    pub fn chain(&self) -> &S {
        &self.chain
    }

    /// The same, to tell it what its store did.
    pub fn chain_mut(&mut self) -> &mut S {
        &mut self.chain
    }

    /// The state after the last segment with a digest, and the roots of all checkpoints: what
    /// [`resume`](Self::resume) wants back.
    #[must_use]
    pub fn resumable(&self) -> (&State, &[Digest]) {
        (&self.sealed, &self.roots)
    }

    /// A finding for a pair that was not suspect before.
    fn suspect(&mut self, height: u64, damage: Damage) -> Option<Finding> {
        (self.sweep.is_clean, self.proofs_clean) = (false, false);
        self.suspects.insert(height).then(|| {
            self.counters.add_fault(damage);
            Finding { height, damage }
        })
    }
}

/// Where `height` stands in a list of all pairs.
fn index(height: u64) -> Option<usize> {
    usize::try_from(height.checked_sub(1)?).ok()
}
