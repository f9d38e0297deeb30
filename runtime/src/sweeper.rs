//! The verifiers' thread on the real clock: one per process, at the lowest priority, never resting.
//!
//! It serves the verifiers of all nodes of the process in turn, one slice each. What a node's store
//! has taken meanwhile comes first and is checked at once; who has nothing new gets the next slice
//! of its sweep. Letters wait in a bounded queue; a full one says so, and the sender says it again.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use gridpact_chain::block::{Pair, Proof};
use gridpact_chain::digest::{Digest, MacKey};
use gridpact_chain::keyring::Keyring;
use gridpact_chain::registry::Registries;
use gridpact_chain::terms::{PartyId, Timestamp};
use gridpact_chain::verifier::{Finding, Params, Snapshot, Verifier};

use crate::store::files::{Files, Place, Reach, seals};
use crate::verdicts::ProcessVerdicts;

/// Letters that wait at most.
const QUEUE: usize = 4_096;
/// How long the thread waits where no node has a single pair to prove.
const IDLE: Duration = Duration::from_millis(5);
/// One slice of signatures follows so many slices of pairs, and every whole sweep.
const SIGNATURES_EVERY: u32 = 512;

/// A node whose store is to be guarded.
pub struct Guarded {
    /// Whose store it is.
    pub node: PartyId,
    /// Where it lies.
    pub dir: PathBuf,
    /// How far it is durable; none for a store that nobody writes.
    pub reach: Option<Reach>,
    /// Who may have signed.
    pub registries: Registries,
    /// What the node reads of sealed pairs; without a key their amounts are not proven.
    pub keys: Keyring,
    /// How it is swept; its segments are the windows that are read.
    pub params: Params,
    /// Where segment digests outlive the process, and the key they are known by.
    pub seals: Option<(PathBuf, MacKey)>,
}

/// What the thread is told.
pub enum Letter {
    /// Guard this store as well: it is opened and proven once.
    Guard(Box<Guarded>),
    /// The store holds a new pair, durable up to `reach`.
    Appended {
        /// Whose store.
        node: PartyId,
        /// The pair.
        pair: Arc<Pair>,
        /// Approvals and order.
        proof: Arc<Proof>,
        /// How far it is durable now.
        reach: Reach,
    },
    /// The store holds the ledger votes of a pair, durable up to `reach`.
    Closed {
        /// Whose store.
        node: PartyId,
        /// Height of the pair.
        height: u64,
        /// The whole proof.
        proof: Arc<Proof>,
        /// How far it is durable now.
        reach: Reach,
    },
    /// The node has another group key: from the next sweep, what was sealed so far is proven with it.
    Reads {
        /// Whose store.
        node: PartyId,
        /// All its keys.
        keys: Keyring,
    },
    /// The store has a good copy of this height again.
    Mended {
        /// Whose store.
        node: PartyId,
        /// The height.
        height: u64,
    },
    /// Guard this node's store no more.
    Leave(PartyId),
}

/// What the thread has to say of one node, after every slice that found something or ended a sweep.
#[derive(Debug)]
pub struct Said {
    /// Whose store.
    pub node: PartyId,
    /// What was found in this slice; each damaged pair once, until it is mended.
    pub found: Vec<Finding>,
    /// Where in the files.
    pub places: Vec<Place>,
    /// What is published.
    pub snapshot: Snapshot,
    /// Why the store could not be guarded at all.
    pub refused: Option<String>,
}

/// The thread, from outside. Dropping it stops it.
pub struct Sweeper {
    letters: SyncSender<Letter>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Sweeper {
    /// Starts the thread. `now` tells the time, `say` hears what is found and published; it is
    /// called on that thread and must not wait.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        slice_bytes: usize,
        verdicts: Arc<ProcessVerdicts>,
        now: impl Fn() -> Timestamp + Send + 'static,
        say: impl FnMut(Said) + Send + 'static,
    ) -> io::Result<Self> {
        let (letters, inbox) = sync_channel(QUEUE);
        let stop = Arc::new(AtomicBool::new(false));
        let mut round = Round {
            slice_bytes: slice_bytes.max(1),
            verdicts,
            now: Box::new(now),
            say: Box::new(say),
            stop: Arc::clone(&stop),
            nodes: BTreeMap::new(),
        };
        let work = move || {
            lower_priority();
            round.run(&inbox);
        };
        let thread = thread::Builder::new().name("verifiers".to_owned()).spawn(work)?;
        Ok(Self { letters, stop, thread: Some(thread) })
    }

    /// Tells the thread something; gives it back where the queue is full or the thread is gone.
    ///
    /// # Errors
    /// The letter, to be said again.
    pub fn tell(&self, letter: Letter) -> Result<(), Box<Letter>> {
        self.letters.try_send(letter).map_err(|refused| match refused {
            std::sync::mpsc::TrySendError::Full(letter)
            | std::sync::mpsc::TrySendError::Disconnected(letter) => Box::new(letter),
        })
    }

    /// Stops it after the slice it is in, and waits for that.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // What it panicked with was printed; there is nothing to be saved here.
            let _ = thread.join();
        }
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        self.end();
    }
}

/// Everybody else goes first.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    {
        // On Linux a thread has a priority of its own. Where it is refused, the sweep is as true.
        let _ = rustix::process::nice(19);
    }
}

/// One node as the thread sees it.
struct Node {
    mind: Verifier<Files>,
    community: Digest,
    seals: Option<(PathBuf, MacKey)>,
    /// Slices of pairs since the last one of signatures.
    slices: u32,
}

struct Round {
    slice_bytes: usize,
    verdicts: Arc<ProcessVerdicts>,
    now: Box<dyn Fn() -> Timestamp + Send>,
    say: Box<dyn FnMut(Said) + Send>,
    stop: Arc<AtomicBool>,
    nodes: BTreeMap<PartyId, Node>,
}

impl Round {
    fn run(&mut self, inbox: &Receiver<Letter>) {
        let mut last = None;
        let mut idle = 0;
        while !self.is_stopping() {
            loop {
                match inbox.try_recv() {
                    Ok(letter) => self.take(letter),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return self.leave_all(),
                }
            }
            // Whoever is next in turn, round and round.
            let after = self.nodes.range((
                last.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded),
                std::ops::Bound::Unbounded,
            ));
            last = after.map(|(node, _)| *node).next();
            let has_work = last.is_some_and(|node| self.slice(node));
            idle = if has_work { 0 } else { idle + 1 };
            if idle > self.nodes.len() + 1 {
                match inbox.recv_timeout(IDLE) {
                    Ok(letter) => self.take(letter),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return self.leave_all(),
                }
            }
        }
        self.leave_all();
    }

    fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// One slice for one node; false where it has nothing to prove.
    fn slice(&mut self, node: PartyId) -> bool {
        let now = (self.now)();
        let Some(own) = self.nodes.get_mut(&node) else { return false };
        if own.mind.height() == 0 {
            return false;
        }
        let mut found = Vec::new();
        let is_over = own.mind.step(now, self.slice_bytes, &mut found);
        own.slices += 1;
        if is_over || own.slices >= SIGNATURES_EVERY {
            own.slices = 0;
            own.mind.step_signatures(self.slice_bytes, &mut found);
        }
        if is_over || !found.is_empty() {
            self.report(node, found);
        }
        true
    }

    fn report(&mut self, node: PartyId, found: Vec<Finding>) {
        let now = (self.now)();
        let Some(own) = self.nodes.get_mut(&node) else { return };
        let (places, snapshot) = (own.mind.chain_mut().take_places(), own.mind.snapshot(now));
        (self.say)(Said { node, found, places, snapshot, refused: None });
    }

    fn take(&mut self, letter: Letter) {
        match letter {
            Letter::Guard(guarded) => self.guard(*guarded),
            Letter::Appended { node, pair, proof, reach } => {
                let verdicts = Arc::clone(&self.verdicts);
                self.with(node, |mind| {
                    mind.chain_mut().extend(reach);
                    mind.push(pair, proof, &*verdicts)
                });
            }
            Letter::Closed { node, height, proof, reach } => {
                let verdicts = Arc::clone(&self.verdicts);
                self.with(node, |mind| {
                    mind.chain_mut().extend(reach);
                    mind.close(height, proof, &*verdicts)
                });
            }
            Letter::Reads { node, keys } => self.with(node, |mind| {
                mind.learn(&keys);
                None
            }),
            Letter::Mended { node, height } => self.with(node, |mind| {
                mind.mended(height);
                None
            }),
            Letter::Leave(node) => self.leave(node),
        }
    }

    fn with(&mut self, node: PartyId, work: impl FnOnce(&mut Verifier<Files>) -> Option<Finding>) {
        let Some(own) = self.nodes.get_mut(&node) else { return };
        let found = work(&mut own.mind);
        if found.is_some() {
            self.report(node, found.into_iter().collect());
        }
    }

    /// Opens a store: proves it once, or compares it where this node has sealed it before.
    fn guard(&mut self, guarded: Guarded) {
        let Guarded { node, dir, reach, registries, keys, params, seals } = guarded;
        let window = params.segment_bytes;
        let files = match reach {
            Some(reach) => Files::live(&dir, window, reach),
            None => Files::open(&dir, window),
        };
        let files = match files {
            Ok(files) => files,
            Err(error) => {
                let snapshot = Snapshot::default();
                let refused = Some(error.to_string());
                let (found, places) = (Vec::new(), Vec::new());
                return (self.say)(Said { node, found, places, snapshot, refused });
            }
        };
        let community = registries.community();
        let mut mind = Verifier::over(files, registries, params);
        mind.learn(&keys);
        if let Some((path, key)) = &seals {
            seals::resume(path, key, community, &mut mind);
        }
        let mut found = Vec::new();
        while !self.is_stopping() && !mind.step((self.now)(), self.slice_bytes, &mut found) {}
        self.nodes.insert(node, Node { mind, community, seals, slices: 0 });
        self.report(node, found);
    }

    fn leave(&mut self, node: PartyId) {
        let Some(own) = self.nodes.remove(&node) else { return };
        if let Some((path, key)) = own.seals.filter(|_| own.mind.suspects().is_empty()) {
            // Without them the next start proves every pair, which is as true.
            let _ = seals::save(&path, &key, own.community, &own.mind);
        }
    }

    fn leave_all(&mut self) {
        let nodes: Vec<PartyId> = self.nodes.keys().copied().collect();
        nodes.into_iter().for_each(|node| self.leave(node));
    }
}
