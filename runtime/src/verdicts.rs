//! Verdicts on signatures for one process: computed once, on all cores, and remembered.
//!
//! Fork and join inside one call, answers by position: the result does not depend on the cores.

use std::thread;

use gridpact_chain::block::{Pair, Proof};
use gridpact_chain::digest::Digest;
use gridpact_chain::sign::{Claim, ProofKey, PublicKey, Signature, Verdicts};
use gridpact_chain::verdicts::{Remembered, VerdictCounts};
use std::sync::Arc;

/// Below this many unknown signatures (about 1 ms of work) a second thread costs more than it saves.
const WORTH_A_THREAD: usize = 24;

/// The verdicts of one process.
#[derive(Debug)]
pub struct ProcessVerdicts {
    memory: Remembered,
    threads: usize,
}

impl Default for ProcessVerdicts {
    fn default() -> Self {
        let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { memory: Remembered::default(), threads }
    }
}

impl ProcessVerdicts {
    /// What was computed and remembered so far.
    #[must_use]
    pub fn counts(&self) -> VerdictCounts {
        self.memory.counts()
    }

    fn verify_all(&self, claims: &[Claim<'_>]) -> Vec<bool> {
        let verify = |part: &[Claim<'_>]| -> Vec<bool> {
            part.iter().map(|c| c.key.verifies(&c.message, &c.signature)).collect()
        };
        if claims.len() < WORTH_A_THREAD || self.threads < 2 {
            return verify(claims);
        }
        let parts = claims.chunks(claims.len().div_ceil(self.threads));
        thread::scope(|scope| {
            let workers: Vec<_> = parts.map(|part| scope.spawn(move || verify(part))).collect();
            workers
                .into_iter()
                .flat_map(|worker| worker.join().expect("verifying a signature does not panic"))
                .collect()
        })
    }
}

impl Verdicts for ProcessVerdicts {
    fn check(&self, key: &PublicKey, message: &Digest, signature: &Signature) -> bool {
        self.memory.check(key, message, signature)
    }

    fn check_all(&self, claims: &[Claim<'_>]) -> Vec<bool> {
        let known: Vec<Option<bool>> = claims.iter().map(|c| self.memory.recall(c)).collect();
        let unknown: Vec<Claim<'_>> =
            claims.iter().zip(&known).filter(|(_, k)| k.is_none()).map(|(c, _)| *c).collect();
        let fresh = self.verify_all(&unknown);
        for (claim, verdict) in unknown.iter().zip(&fresh) {
            self.memory.learn(claim, *verdict);
        }
        let mut fresh = fresh.into_iter();
        known.into_iter().map(|k| k.or_else(|| fresh.next()).unwrap_or(false)).collect()
    }

    fn check_once(&self, proof: &ProofKey, full: &mut dyn FnMut() -> bool) -> bool {
        self.memory.check_once(proof, full)
    }

    fn share_pair(&self, pair: Arc<Pair>) -> Arc<Pair> {
        self.memory.share_pair(pair)
    }

    fn share_proof(&self, ledger: &Digest, proof: Arc<Proof>) -> Arc<Proof> {
        self.memory.share_proof(ledger, proof)
    }
}

/// Verdicts for sweeps that run on several threads at once.
///
/// What the process remembers of whole proofs is only read, and what the sweeps compute themselves
/// is remembered apart and counted nowhere: so no figure of a run depends on which thread came
/// first.
#[derive(Debug)]
pub struct SweepVerdicts {
    process: Arc<ProcessVerdicts>,
    own: Remembered,
}

impl SweepVerdicts {
    /// Verdicts beside those of the process.
    #[must_use]
    pub fn beside(process: Arc<ProcessVerdicts>) -> Self {
        Self { process, own: Remembered::default() }
    }
}

impl Verdicts for SweepVerdicts {
    fn check(&self, key: &PublicKey, message: &Digest, signature: &Signature) -> bool {
        self.own.check(key, message, signature)
    }

    fn check_once(&self, proof: &ProofKey, full: &mut dyn FnMut() -> bool) -> bool {
        let known = self.process.memory.recall_proof(proof);
        known.unwrap_or_else(|| self.own.check_once(proof, full))
    }
}
