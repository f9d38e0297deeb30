//! The body of a verifier: re-proves the chain of one node without rest.
//!
//! Its replica and the coordinator write to it; it counts what it finds and names damaged pairs to
//! its replica, which asks peers for good copies. A new pair is proved at once. On virtual time one
//! full sweep follows at the end of every epoch, so that the number of sweeps is a function of the
//! seed. Sweeps are done in a workshop whose threads all verifiers of a process share. It takes no
//! copy that it has not judged itself, and never votes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use gridpact_chain::journal::JournalEntry;
use gridpact_chain::verifier::{Counters, Damage, Finding, Verifier};

use super::replica::{KeysRead, PairAppended, PairClosed, PairReloaded, PairsFetched, Suspected};
use super::{Door, EpochEnded};
use crate::clock::Clock;
use crate::store::Entry;
use crate::supervise::{Actor, Context, Delivery, Handler, Job, Message, Ref};
use crate::verdicts::{ProcessVerdicts, SweepVerdicts};

/// Work of all verifiers of a process.
#[derive(Debug, Clone, Default)]
pub struct VerifierTally(Rc<RefCell<Tally>>);

#[derive(Debug, Default)]
struct Tally {
    pairs_checked: u64,
    sweeps: u64,
    age_max_ms: u64,
    findings: Vec<Finding>,
}

impl VerifierTally {
    /// Pairs checked and full sweeps, over all nodes.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        let tally = self.0.borrow();
        (tally.pairs_checked, tally.sweeps)
    }

    /// Longest verification age that any node has reached, in ms: no pair stayed unchecked longer.
    #[must_use]
    pub fn age_max_ms(&self) -> u64 {
        self.0.borrow().age_max_ms
    }

    /// Damaged pairs found, by what was wrong with them.
    #[must_use]
    pub fn faults_by_kind(&self) -> BTreeMap<Damage, u64> {
        let mut kinds = BTreeMap::new();
        for finding in &self.0.borrow().findings {
            *kinds.entry(finding.damage).or_insert(0) += 1;
        }
        kinds
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

/// From the workshop: a sweep is done, and the mind is back.
pub struct Swept {
    mind: Box<Verifier>,
    before: Counters,
    found: Vec<Finding>,
}

/// From the workshop: a sweep panicked, and the mind is lost.
#[derive(Debug)]
pub struct SweepLost(String);

impl Message for Swept {
    type Reply = ();
}
impl Message for SweepLost {
    type Reply = ();
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
    /// What the store holds after a decay.
    pub reloaded: Door<PairReloaded>,
    /// What the node can read.
    pub reads: Door<KeysRead>,
    /// An epoch has ended.
    pub ended: Door<EpochEnded>,
    /// A sweep is done.
    pub swept: Door<Swept>,
    /// A sweep was lost.
    pub lost: Door<SweepLost>,
}

impl VerifierInbox {
    /// Opens all of them onto `actor`.
    pub fn open(&self, actor: &Ref<VerifierActor>) {
        self.appended.open(actor.port());
        self.closed.open(actor.port());
        self.fetched.open(actor.port());
        self.reloaded.open(actor.port());
        self.reads.open(actor.port());
        self.ended.open(actor.port());
        self.swept.open(actor.port());
        self.lost.open(actor.port());
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

/// What every life of a verifier is given besides its mind.
#[derive(Clone)]
pub struct VerifierMeans {
    /// How it is driven.
    pub slices: Slices,
    /// Where sweeps are done: the threads that all verifiers of a process share.
    pub workshop: Door<Job>,
    /// Its own doors, for what comes back.
    pub inbox: VerifierInbox,
    /// The own replica: damaged pairs.
    pub suspected: Door<Suspected>,
    /// Where it counts.
    pub tally: VerifierTally,
    /// Verdicts on signatures of new pairs.
    pub verdicts: Arc<ProcessVerdicts>,
    /// Verdicts on signatures in sweeps.
    pub sweeping: Arc<SweepVerdicts>,
    /// What time it is.
    pub clock: Clock,
}

/// One node's verifier.
pub struct VerifierActor {
    /// None while a sweep has it.
    mind: Option<Box<Verifier>>,
    means: VerifierMeans,
    /// What came meanwhile, in its order.
    waiting: Vec<Letter>,
}

/// What a verifier is told.
enum Letter {
    Appended(PairAppended),
    Closed(PairClosed),
    Fetched(PairsFetched),
    Reloaded(PairReloaded),
    Reads(KeysRead),
    Ended,
}

impl VerifierActor {
    /// A body for `mind`, which is shown the pairs its node has written down.
    #[must_use]
    pub fn new(mind: Verifier, written: &[Entry], means: VerifierMeans) -> Self {
        let mut actor = Self { mind: Some(Box::new(mind)), means, waiting: Vec::new() };
        for entry in written {
            if let Entry::Chain(JournalEntry::Pair { pair, proof }) = entry {
                let (pair, proof) = (pair.clone(), proof.clone());
                actor.take(Letter::Appended(PairAppended { pair, proof }));
            }
        }
        actor
    }

    fn take(&mut self, letter: Letter) {
        let Some(mut mind) = self.mind.take() else { return self.waiting.push(letter) };
        let (before, verdicts) = (mind.counters(), &*self.means.verdicts);
        let found = match letter {
            Letter::Appended(PairAppended { pair, proof }) => mind.push(pair, proof, verdicts),
            Letter::Closed(PairClosed { height, proof }) => mind.close(height, proof, verdicts),
            Letter::Fetched(PairsFetched(pairs)) => {
                for (pair, proof) in pairs {
                    mind.repair(pair.height(), pair, proof, verdicts);
                }
                None
            }
            Letter::Reloaded(PairReloaded { pair, proof }) => {
                mind.reload(pair.height(), pair, proof);
                None
            }
            Letter::Reads(KeysRead(keys)) => {
                mind.learn(&keys);
                None
            }
            Letter::Ended => return self.sweep(mind),
        };
        self.report(before, mind.counters(), found.into_iter().collect());
        self.mind = Some(mind);
    }

    /// One full sweep over the pairs and one slice of the proofs, in the workshop.
    fn sweep(&self, mut mind: Box<Verifier>) {
        let (now, slices) = (self.means.clock.now(), self.means.slices);
        // The age is greatest just before the sweep that ends it.
        let age = mind.age_ms(now).filter(|_| mind.height() > 0).unwrap_or(0);
        let mut tally = self.means.tally.0.borrow_mut();
        tally.age_max_ms = tally.age_max_ms.max(age);
        drop(tally);
        let (verdicts, inbox) = (Arc::clone(&self.means.sweeping), &self.means.inbox);
        let (back, lost) = (inbox.swept.clone(), inbox.lost.clone());
        let work = move || {
            let (before, mut found) = (mind.counters(), Vec::new());
            while !mind.step(now, slices.bytes, &mut found) {}
            if slices.signatures {
                // The slow sweep: one slice of proofs an epoch, round and round.
                mind.step_proofs(slices.bytes, &*verdicts, &mut found);
            }
            let swept = Swept { mind, before, found };
            Box::new(move || back.tell(swept)) as Delivery
        };
        self.means.workshop.tell(Job::new(work).on_panic(move |text| lost.tell(SweepLost(text))));
    }

    /// Counts what was done; what is damaged is the replica's to repair.
    fn report(&self, before: Counters, after: Counters, found: Vec<Finding>) {
        for finding in &found {
            self.means.suspected.tell(Suspected(finding.height));
        }
        self.means.tally.add(before, after, found);
    }
}

impl Actor for VerifierActor {
    const KIND: &'static str = "verifier";
}

impl Handler<PairAppended> for VerifierActor {
    fn handle(&mut self, letter: PairAppended, _: &mut Context<Self>) {
        self.take(Letter::Appended(letter));
    }
}

impl Handler<PairClosed> for VerifierActor {
    fn handle(&mut self, letter: PairClosed, _: &mut Context<Self>) {
        self.take(Letter::Closed(letter));
    }
}

impl Handler<PairsFetched> for VerifierActor {
    fn handle(&mut self, letter: PairsFetched, _: &mut Context<Self>) {
        self.take(Letter::Fetched(letter));
    }
}

impl Handler<PairReloaded> for VerifierActor {
    fn handle(&mut self, letter: PairReloaded, _: &mut Context<Self>) {
        self.take(Letter::Reloaded(letter));
    }
}

impl Handler<KeysRead> for VerifierActor {
    fn handle(&mut self, letter: KeysRead, _: &mut Context<Self>) {
        self.take(Letter::Reads(letter));
    }
}

impl Handler<EpochEnded> for VerifierActor {
    fn handle(&mut self, _: EpochEnded, _: &mut Context<Self>) {
        self.take(Letter::Ended);
    }
}

impl Handler<Swept> for VerifierActor {
    fn handle(&mut self, Swept { mind, before, found }: Swept, _: &mut Context<Self>) {
        self.report(before, mind.counters(), found);
        // Said again after every sweep: the replica may have been born again meanwhile.
        for height in mind.suspects() {
            self.means.suspected.tell(Suspected(*height));
        }
        self.mind = Some(mind);
        for letter in std::mem::take(&mut self.waiting) {
            self.take(letter);
        }
    }
}

impl Handler<SweepLost> for VerifierActor {
    fn handle(&mut self, SweepLost(text): SweepLost, cx: &mut Context<Self>) {
        cx.fail(format!("a sweep panicked: {text}"));
    }
}
