//! The body of a verifier: re-proves the chain of one node without rest.
//!
//! Its replica and the coordinator write to it; it speaks to nobody but counts what it finds. A new
//! pair is proved at once. On virtual time one full sweep follows at the end of every epoch, so that
//! the number of sweeps is a function of the seed. It never repairs and never votes.

use std::cell::RefCell;
use std::rc::Rc;

use gridpact_chain::journal::JournalEntry;
use gridpact_chain::verifier::{Counters, Finding, Verifier};

use super::replica::{PairAppended, PairClosed, PairsFetched};
use super::{Door, EpochEnded};
use crate::clock::Clock;
use crate::store::Entry;
use crate::supervise::{Actor, Context, Handler, Ref};
use crate::verdicts::ProcessVerdicts;

/// Work of all verifiers of a process.
#[derive(Debug, Clone, Default)]
pub struct VerifierTally(Rc<RefCell<Tally>>);

#[derive(Debug, Default)]
struct Tally {
    pairs_checked: u64,
    sweeps: u64,
    findings: Vec<Finding>,
}

impl VerifierTally {
    /// Pairs checked and full sweeps, over all nodes.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        let tally = self.0.borrow();
        (tally.pairs_checked, tally.sweeps)
    }

    /// Damaged pairs found, each once per node.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        self.0.borrow().findings.clone()
    }

    fn add(&self, before: Counters, after: Counters, found: Vec<Finding>) {
        let mut tally = self.0.borrow_mut();
        tally.pairs_checked += after.pairs_checked - before.pairs_checked;
        tally.sweeps += after.sweeps - before.sweeps;
        tally.findings.extend(found);
    }
}

/// The doors of a verifier.
#[derive(Clone, Default)]
pub struct VerifierInbox {
    /// A new pair.
    pub appended: Door<PairAppended>,
    /// A pair is closed.
    pub closed: Door<PairClosed>,
    /// Good copies from a peer.
    pub fetched: Door<PairsFetched>,
    /// An epoch has ended.
    pub ended: Door<EpochEnded>,
}

impl VerifierInbox {
    /// Opens all of them onto `actor`.
    pub fn open(&self, actor: &Ref<VerifierActor>) {
        self.appended.open(actor.port());
        self.closed.open(actor.port());
        self.fetched.open(actor.port());
        self.ended.open(actor.port());
    }
}

/// How a verifier is driven.
#[derive(Debug, Clone, Copy)]
pub struct Slices {
    /// Bytes proved in one go.
    pub bytes: usize,
    /// Whether signatures and approvals are swept too.
    pub signatures: bool,
}

/// One node's verifier.
pub struct VerifierActor {
    mind: Verifier,
    slices: Slices,

    verdicts: Rc<ProcessVerdicts>,

    tally: VerifierTally,
    clock: Clock,
}

impl VerifierActor {
    /// A body for `mind`, which is shown the pairs its node has written down.
    #[must_use]
    pub fn new(
        mind: Verifier,
        slices: Slices,
        written: &[Entry],
        tally: VerifierTally,
        verdicts: Rc<ProcessVerdicts>,
        clock: Clock,
    ) -> Self {
        let mut actor = Self { mind, slices, verdicts, tally, clock };
        for entry in written {
            if let Entry::Chain(JournalEntry::Pair { pair, proof }) = entry {
                let (pair, proof) = (pair.clone(), proof.clone());
                actor.work(|mind, verdicts, found| found.extend(mind.push(pair, proof, verdicts)));
            }
        }
        actor
    }

    fn work(&mut self, work: impl FnOnce(&mut Verifier, &ProcessVerdicts, &mut Vec<Finding>)) {
        let before = self.mind.counters();
        let mut found = Vec::new();
        work(&mut self.mind, &self.verdicts, &mut found);
        self.tally.add(before, self.mind.counters(), found);
    }
}

impl Actor for VerifierActor {
    const KIND: &'static str = "verifier";
}

impl Handler<PairAppended> for VerifierActor {
    fn handle(&mut self, PairAppended { pair, proof }: PairAppended, _: &mut Context<Self>) {
        self.work(|mind, verdicts, found| found.extend(mind.push(pair, proof, verdicts)));
    }
}

impl Handler<PairClosed> for VerifierActor {
    fn handle(&mut self, PairClosed { height, proof }: PairClosed, _: &mut Context<Self>) {
        self.work(|mind, verdicts, found| found.extend(mind.close(height, proof, verdicts)));
    }
}

impl Handler<PairsFetched> for VerifierActor {
    fn handle(&mut self, PairsFetched(pairs): PairsFetched, _: &mut Context<Self>) {
        for (pair, proof) in pairs {
            if self.mind.suspects().contains(&pair.height()) {
                self.mind.repair(pair.height(), pair, proof, &*self.verdicts);
            }
        }
    }
}

impl Handler<EpochEnded> for VerifierActor {
    fn handle(&mut self, _: EpochEnded, _: &mut Context<Self>) {
        let (now, slices) = (self.clock.now(), self.slices);
        self.work(|mind, verdicts, found| {
            while !mind.step(now, slices.bytes, found) {}
            if slices.signatures {
                // The slow sweep: one slice of proofs an epoch, round and round.
                mind.step_proofs(slices.bytes, verdicts, found);
            }
        });
    }
}
