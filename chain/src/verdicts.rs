//! The two keepers of verdicts: one that always computes, one that remembers within a bound.
//!
//! Remembering changes no answer, only how often it is computed: the tables are direct-mapped, so
//! their size is fixed and a forgotten verdict is computed again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};

use crate::block::{Pair, Proof};
use crate::digest::Digest;
use crate::sign::{Claim, ProofKey, PublicKey, Signature, Verdicts};

/// Verifies every signature every time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Strict;

impl Verdicts for Strict {
    fn check(&self, key: &PublicKey, message: &Digest, signature: &Signature) -> bool {
        key.verifies(message, signature)
    }
}

/// How many verdicts were computed and how many remembered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VerdictCounts {
    /// Signatures verified with the curve.
    pub checked: u64,
    /// Signatures answered from memory, those inside a remembered proof not counted.
    pub remembered: u64,
    /// Whole proofs answered from memory.
    pub proofs_remembered: u64,
}

/// Remembers verdicts, and shares equal pairs and proofs, for all nodes of one process.
#[derive(Debug)]
pub struct Remembered {
    verdicts: Mutex<Slots<bool>>,
    wholes: Mutex<Slots<bool>>,
    pairs: Mutex<Slots<Arc<Pair>>>,
    proofs: Mutex<Slots<Arc<Proof>>>,
    checked: AtomicU64,
    remembered: AtomicU64,
    proofs_remembered: AtomicU64,
}

impl Default for Remembered {
    /// 65 536 verdicts (3 MB): more than one epoch of 300 homes needs.
    fn default() -> Self {
        Self::with_slots(1 << 16)
    }
}

impl Remembered {
    /// Remembers at most `slots` verdicts on signatures (at least 1), 4 096 on proofs, and
    /// shares the last 1 024 pairs and 2 048 proofs.
    #[must_use]
    pub fn with_slots(slots: usize) -> Self {
        Self {
            verdicts: Mutex::new(Slots::new(slots)),
            wholes: Mutex::new(Slots::new(4096)),
            pairs: Mutex::new(Slots::new(1024)),
            proofs: Mutex::new(Slots::new(2048)),
            checked: AtomicU64::new(0),
            remembered: AtomicU64::new(0),
            proofs_remembered: AtomicU64::new(0),
        }
    }

    /// What was computed and remembered so far.
    #[must_use]
    pub fn counts(&self) -> VerdictCounts {
        VerdictCounts {
            checked: self.checked.load(Ordering::Relaxed),
            remembered: self.remembered.load(Ordering::Relaxed),
            proofs_remembered: self.proofs_remembered.load(Ordering::Relaxed),
        }
    }

    /// The verdict on `claim` if it is remembered; for callers that verify the rest in parallel.
    #[must_use]
    pub fn recall(&self, claim: &Claim<'_>) -> Option<bool> {
        let verdict = open(&self.verdicts).get(&claim_key(claim)).copied();
        if verdict.is_some() {
            self.remembered.fetch_add(1, Ordering::Relaxed);
        }
        verdict
    }

    /// The verdict on a whole proof if it is remembered; nothing is counted.
    #[must_use]
    pub fn recall_proof(&self, proof: &ProofKey) -> Option<bool> {
        open(&self.wholes).get(&proof_key(proof)).copied()
    }

    /// Remembers a verdict that was computed strictly.
    pub fn learn(&self, claim: &Claim<'_>, verdict: bool) {
        self.checked.fetch_add(1, Ordering::Relaxed);
        open(&self.verdicts).put(claim_key(claim), verdict);
    }
}

impl Verdicts for Remembered {
    fn check(&self, key: &PublicKey, message: &Digest, signature: &Signature) -> bool {
        let claim = Claim { key, message: *message, signature: *signature };
        self.recall(&claim).unwrap_or_else(|| {
            let verdict = key.verifies(message, signature);
            self.learn(&claim, verdict);
            verdict
        })
    }

    fn check_once(&self, proof: &ProofKey, full: &mut dyn FnMut() -> bool) -> bool {
        let key = proof_key(proof);
        let known = open(&self.wholes).get(&key).copied();
        if let Some(verdict) = known {
            self.proofs_remembered.fetch_add(1, Ordering::Relaxed);
            return verdict;
        }
        let verdict = full();
        open(&self.wholes).put(key, verdict);
        verdict
    }

    fn share_pair(&self, pair: Arc<Pair>) -> Arc<Pair> {
        open(&self.pairs).share(pair.ledger.content(), pair)
    }

    fn share_proof(&self, ledger: &Digest, proof: Arc<Proof>) -> Arc<Proof> {
        let half = u8::from(proof.ledger_votes.is_some());
        let mut key = *ledger;
        key.0[0] ^= half;
        open(&self.proofs).share(key, proof)
    }
}

fn proof_key(proof: &ProofKey) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update(proof.proof.0);
    hasher.update(proof.subject.0);
    hasher.update(proof.registry.0);
    Digest(hasher.finalize().into())
}

fn claim_key(claim: &Claim<'_>) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update(claim.key.as_bytes());
    hasher.update(claim.message.0);
    hasher.update(claim.signature.0);
    Digest(hasher.finalize().into())
}

fn open<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A direct-mapped table: a digest has one slot, a newcomer takes it.
#[derive(Debug)]
struct Slots<V> {
    slots: Vec<Option<(Digest, V)>>,
}

impl<V> Slots<V> {
    fn new(slots: usize) -> Self {
        let mut table = Vec::new();
        table.resize_with(slots.max(1), || None);
        Self { slots: table }
    }

    fn slot(&self, key: &Digest) -> usize {
        let slots = self.slots.len() as u64;
        usize::try_from(key.leading_u64() % slots).unwrap_or(0)
    }

    fn get(&self, key: &Digest) -> Option<&V> {
        let (known, value) = self.slots[self.slot(key)].as_ref()?;
        (known == key).then_some(value)
    }

    fn put(&mut self, key: Digest, value: V) {
        let slot = self.slot(&key);
        self.slots[slot] = Some((key, value));
    }
}

impl<V: Clone + PartialEq> Slots<V> {
    fn share(&mut self, key: Digest, value: V) -> V {
        match self.get(&key) {
            Some(known) if *known == value => known.clone(),
            _ => {
                self.put(key, value.clone());
                value
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use ed25519_dalek::{Signer, SigningKey};

    use super::*;

    fn a_key(seed: u8) -> (PublicKey, impl Fn(&Digest) -> Signature) {
        let secret = SigningKey::from_bytes(&[seed; 32]);
        let public = PublicKey::from_bytes(secret.verifying_key().as_bytes()).expect("honest");
        (public, move |message: &Digest| Signature(secret.sign(&message.0).to_bytes()))
    }

    #[test]
    fn a_verdict_is_computed_once_and_stays_what_it_was() {
        let (key, sign) = a_key(1);
        let (message, verdicts) = (Digest([2; 32]), Remembered::default());
        let good = sign(&message);
        let mut bad = good;
        bad.0[3] ^= 1;
        for _ in 0..3 {
            assert!(verdicts.check(&key, &message, &good));
            assert!(!verdicts.check(&key, &message, &bad));
            assert!(!verdicts.check(&key, &Digest([3; 32]), &good));
        }
        let seen = verdicts.counts();
        assert_eq!((seen.checked, seen.remembered), (3, 6));
    }

    #[test]
    fn a_full_table_forgets_but_never_errs() {
        let (key, sign) = a_key(1);
        let verdicts = Remembered::with_slots(1);
        for round in 0..2 {
            for i in 0..10 {
                let message = Digest([i; 32]);
                assert!(verdicts.check(&key, &message, &sign(&message)), "round {round}");
                assert!(!verdicts.check(&key, &message, &Signature([i; 64])));
            }
        }
        assert_eq!(verdicts.counts().checked, 40);
    }

    #[test]
    fn a_whole_proof_is_looked_at_once_for_each_subject_and_registry() {
        let verdicts = Remembered::default();
        let (asked, whole) = (
            Cell::new(0),
            ProofKey {
                proof: Digest([1; 32]),
                subject: Digest([2; 32]),
                registry: Digest([3; 32]),
            },
        );
        let ask = |key: &ProofKey| {
            verdicts.check_once(key, &mut || {
                asked.set(asked.get() + 1);
                true
            })
        };
        assert!(ask(&whole) && ask(&whole) && ask(&whole));
        assert_eq!(asked.get(), 1);
        assert!(ask(&ProofKey { subject: Digest([9; 32]), ..whole }));
        assert!(ask(&ProofKey { registry: Digest([9; 32]), ..whole }));
        assert!(ask(&ProofKey { proof: Digest([9; 32]), ..whole }));
        assert_eq!((asked.get(), verdicts.counts().proofs_remembered), (4, 2));
    }

    #[test]
    fn strict_and_remembered_agree_on_many_claims() {
        let (key, sign) = a_key(7);
        let claims: Vec<_> = (0..20)
            .map(|i| {
                let message = Digest([i; 32]);
                let mut signature = sign(&message);
                signature.0[usize::from(i)] ^= i % 2;
                Claim { key: &key, message, signature }
            })
            .collect();
        let expected: Vec<_> = (0..20).map(|i| i % 2 == 0).collect();
        assert_eq!(Strict.check_all(&claims), expected);
        assert_eq!(Remembered::default().check_all(&claims), expected);
    }
}
