//! The workshop: an actor that has heavy jobs (linear programs, signatures in bulk) done by other threads.
//!
//! On virtual time the jobs that are in its mailbox at one instant are done fork-join inside one handler, and the
//! deliveries follow in the order of submission, so that the number of threads changes nothing but the wall clock.
//! On real time the jobs go to a few threads of their own, and each delivery is made as soon as its job is done.
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::actor::{Actor, Handler, Message};
use super::context::Context;
use super::hands::{Batch, Hands};
use super::mailbox::Overflow;
use super::policy::text_of;
use super::spec::ChildSpec;
use super::system::is_virtual;

/// What is left to do when a job is done, on the workshop's own thread under virtual time: usually one `tell`.
pub type Delivery = Box<dyn FnOnce() + Send>;

/// From anybody: one piece of heavy work.
pub struct Job {
    work: Box<dyn FnOnce() -> Delivery + Send>,
    on_panic: Option<Box<dyn FnOnce(String) + Send>>,
}

impl Job {
    /// Work that ends in a delivery.
    pub fn new(work: impl FnOnce() -> Delivery + Send + 'static) -> Self {
        Self { work: Box::new(work), on_panic: None }
    }

    /// What is delivered instead when the work panics: the panic's text.
    pub fn on_panic(mut self, tell: impl FnOnce(String) + Send + 'static) -> Self {
        self.on_panic = Some(Box::new(tell));
        self
    }

    /// Does the work; what comes back is to be delivered, whether it went well or not.
    pub(crate) fn perform(self, tally: &Tally) -> Delivery {
        match catch_unwind(AssertUnwindSafe(self.work)) {
            Ok(delivery) => {
                tally.done.fetch_add(1, Ordering::Relaxed);
                delivery
            }
            Err(payload) => {
                tally.panicked.fetch_add(1, Ordering::Relaxed);
                let text = text_of(payload.as_ref());
                self.on_panic.map_or_else(
                    || Box::new(|| ()) as Delivery,
                    |tell| Box::new(move || tell(text)),
                )
            }
        }
    }
}

impl Message for Job {
    type Reply = ();
}

/// From the workshop to itself: everything that was in the mailbox with the first job has been collected.
struct Run;
impl Message for Run {
    type Reply = ();
}

/// Counts of a workshop over all its lives; clones share them.
#[derive(Clone, Default)]
pub struct WorkshopTally(pub(crate) Arc<Tally>);

#[derive(Default)]
pub(crate) struct Tally {
    done: AtomicU64,
    panicked: AtomicU64,
}

impl WorkshopTally {
    /// Jobs done well.
    pub fn done(&self) -> u64 {
        self.0.done.load(Ordering::Relaxed)
    }

    /// Jobs and deliveries that panicked.
    pub fn panicked(&self) -> u64 {
        self.0.panicked.load(Ordering::Relaxed)
    }
}

/// Makes a delivery; one that panics costs itself only.
pub(crate) fn deliver(delivery: Delivery, tally: &Tally) {
    if catch_unwind(AssertUnwindSafe(delivery)).is_err() {
        tally.panicked.fetch_add(1, Ordering::Relaxed);
    }
}

/// See the file's head.
pub struct Workshop {
    collected: Vec<Job>,
    hands: Hands,
    tally: WorkshopTally,
}

impl Workshop {
    /// A permanent workshop. `threads` do the work (on virtual time the arbiter's own is one of them); none means as
    /// many as the machine has. On real time at most `capacity` jobs wait in the mailbox and as many at the threads.
    pub fn spec(
        name: impl Into<Arc<str>>,
        threads: Option<usize>,
        capacity: u32,
    ) -> (ChildSpec<Self>, WorkshopTally) {
        let tally = WorkshopTally::default();
        let machine = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = threads.unwrap_or(machine).max(1);
        let shared = tally.clone();
        let factory = move |_: &_| {
            let spawned = if is_virtual() { threads - 1 } else { threads };
            let hands = Hands::new(spawned, capacity as usize, Arc::clone(&shared.0));
            Ok::<_, Infallible>(Self { collected: Vec::new(), hands, tally: shared.clone() })
        };
        (ChildSpec::new(name, factory).mailbox(capacity, Overflow::Wait), tally)
    }
}

impl Actor for Workshop {
    const KIND: &'static str = "workshop";

    fn dump(&self) -> String {
        format!("{} done, {} panicked", self.tally.done(), self.tally.panicked())
    }
}

impl Handler<Job> for Workshop {
    fn handle(&mut self, job: Job, cx: &mut Context<Self>) {
        if !is_virtual() {
            self.hands.take(job, &cx.control());
            return;
        }
        if self.collected.is_empty() {
            cx.tell_self(Run);
        }
        self.collected.push(job);
    }
}

impl Handler<Run> for Workshop {
    fn handle(&mut self, _: Run, _: &mut Context<Self>) {
        let batch = Batch::new(std::mem::take(&mut self.collected));
        for delivery in self.hands.fork_join(batch) {
            deliver(delivery, &self.tally.0);
        }
    }
}
