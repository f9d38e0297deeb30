//! The threads of a workshop. They are kept alive between batches, because starting a thread costs more than most
//! jobs; a batch is cut into chunks that idle threads take by index.
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::control::Control;
use super::workshop::{Delivery, Job, Tally, deliver};

/// Chunks per thread: enough that a slow job does not leave the other threads idle for long.
const CHUNKS_PER_THREAD: usize = 8;

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A job, and later what it yields.
enum Place {
    Waiting(Job),
    Taken,
    Done(Delivery),
}

/// Jobs that are done together.
pub(crate) struct Batch {
    places: Vec<Mutex<Place>>,
    next: AtomicUsize,
    left: Mutex<usize>,
    done: Condvar,
}

impl Batch {
    pub(crate) fn new(jobs: Vec<Job>) -> Self {
        let places: Vec<_> = jobs.into_iter().map(|job| Mutex::new(Place::Waiting(job))).collect();
        let left = Mutex::new(places.len());
        Self { places, next: AtomicUsize::new(0), left, done: Condvar::new() }
    }

    /// Takes chunks until none is left.
    fn work(&self, chunk: usize, tally: &Tally) {
        loop {
            let from = self.next.fetch_add(chunk, Ordering::Relaxed);
            let to = self.places.len().min(from.saturating_add(chunk));
            let Some(mine) = self.places.get(from..to).filter(|mine| !mine.is_empty()) else {
                return;
            };
            for place in mine {
                let taken = std::mem::replace(&mut *lock(place), Place::Taken);
                if let Place::Waiting(job) = taken {
                    *lock(place) = Place::Done(job.perform(tally));
                }
            }
            let mut left = lock(&self.left);
            *left -= mine.len();
            if *left == 0 {
                self.done.notify_all();
            }
        }
    }

    /// Waits for the chunks others have taken, then yields everything in order.
    fn join(&self) -> Vec<Delivery> {
        let mut left = lock(&self.left);
        while *left > 0 {
            left = self.done.wait(left).unwrap_or_else(PoisonError::into_inner);
        }
        let yielded =
            self.places.iter().map(|place| std::mem::replace(&mut *lock(place), Place::Taken));
        yielded
            .filter_map(
                |place| if let Place::Done(delivery) = place { Some(delivery) } else { None },
            )
            .collect()
    }
}

enum Errand {
    Join(Arc<Batch>, usize),
    Single(Job),
}

#[derive(Default)]
struct Table {
    errands: VecDeque<Errand>,
    /// The workshop whose mailbox is held back while too many jobs lie here.
    held_back: Option<Control>,
    closed: bool,
}

struct Shared {
    table: Mutex<Table>,
    rung: Condvar,
    limit: usize,
    tally: Arc<Tally>,
}

/// The threads, which end when this is dropped and the table is empty.
pub(crate) struct Hands {
    shared: Arc<Shared>,
    threads: usize,
}

impl Hands {
    /// Threads the machine refuses are done without.
    pub(crate) fn new(threads: usize, limit: usize, tally: Arc<Tally>) -> Self {
        let shared = Arc::new(Shared {
            table: Mutex::default(),
            rung: Condvar::new(),
            limit: limit.max(1),
            tally,
        });
        let started = (0..threads).filter(|number| {
            let shared = Arc::clone(&shared);
            let builder = std::thread::Builder::new().name(format!("workshop-{number}"));
            builder.spawn(move || shared.serve()).is_ok()
        });
        let threads = started.count();
        Self { shared, threads }
    }

    /// Does a batch on all threads and this one.
    pub(crate) fn fork_join(&self, batch: Batch) -> Vec<Delivery> {
        let batch = Arc::new(batch);
        let jobs = batch.places.len();
        let chunk = (jobs / ((self.threads + 1) * CHUNKS_PER_THREAD)).max(1);
        let helpers = self.threads.min(jobs.saturating_sub(1));
        if helpers > 0 {
            let mut table = lock(&self.shared.table);
            table.errands.extend((0..helpers).map(|_| Errand::Join(Arc::clone(&batch), chunk)));
            drop(table);
            self.shared.rung.notify_all();
        }
        batch.work(chunk, &self.shared.tally);
        batch.join()
    }

    /// Has one job done and delivered by some thread, and holds the mailbox back while too many lie here.
    pub(crate) fn take(&self, job: Job, workshop: &Control) {
        if self.threads == 0 {
            deliver(job.perform(&self.shared.tally), &self.shared.tally);
            return;
        }
        let mut table = lock(&self.shared.table);
        table.errands.push_back(Errand::Single(job));
        if table.errands.len() >= self.shared.limit && table.held_back.is_none() {
            workshop.pause();
            table.held_back = Some(workshop.clone());
        }
        drop(table);
        self.shared.rung.notify_one();
    }
}

impl Shared {
    fn next(&self) -> Option<Errand> {
        let mut table = lock(&self.table);
        loop {
            if let Some(errand) = table.errands.pop_front() {
                if table.errands.len() <= self.limit / 2
                    && let Some(workshop) = table.held_back.take()
                {
                    workshop.resume();
                }
                return Some(errand);
            }
            if table.closed {
                return None;
            }
            table = self.rung.wait(table).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn serve(&self) {
        while let Some(errand) = self.next() {
            match errand {
                Errand::Join(batch, chunk) => batch.work(chunk, &self.tally),
                Errand::Single(job) => deliver(job.perform(&self.tally), &self.tally),
            }
        }
    }
}

impl Drop for Hands {
    fn drop(&mut self) {
        lock(&self.shared.table).closed = true;
        self.shared.rung.notify_all();
    }
}
