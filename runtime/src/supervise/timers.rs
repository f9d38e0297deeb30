//! One timer service per arbiter: an ordered queue keyed (instant, sequence) and a single `Sleep`.
//!
//! Never a timer future per session: actix polls each of them at every wake-up. Equal instants fire in the order
//! in which they were set, so virtual time is deterministic although tokio rounds to milliseconds.
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context as Task, Poll, Waker};

use tokio::time::{Sleep, sleep_until};

/// The kit's instant: tokio's clock, which stands still and jumps under virtual time.
pub type Instant = tokio::time::Instant;

/// Something that can be woken by number; a block is.
pub(crate) trait Sleeper: Send + Sync {
    fn wake_up(&self, sequence: u64);
}

enum Action {
    Wake(Arc<dyn Sleeper>),
    Letter(Box<dyn FnOnce() + Send>),
}

/// Names a timer: when it is due, and its sequence number.
pub(crate) type Key = (Instant, u64);

#[derive(Default)]
struct Queue {
    due: BTreeMap<Key, Action>,
    sequence: u64,
    driver: Option<Waker>,
    dead: bool,
}

/// The timer service of one arbiter.
#[derive(Default)]
pub(crate) struct Timers {
    queue: Mutex<Queue>,
}

thread_local! {
    static SERVICE: RefCell<Option<Arc<Timers>>> = const { RefCell::new(None) };
}

impl Timers {
    /// The service of the arbiter this thread runs, started when first asked for.
    pub(crate) fn current() -> Arc<Self> {
        SERVICE.with_borrow_mut(|service| {
            if let Some(alive) = service.as_ref().filter(|known| !known.queue().dead) {
                return Arc::clone(alive);
            }
            let fresh = Arc::new(Self::default());
            actix_rt::spawn(Driver { service: Arc::clone(&fresh), sleep: None });
            *service = Some(Arc::clone(&fresh));
            fresh
        })
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Arms a wake; the sequence number of the key identifies it.
    pub(crate) fn wake(self: &Arc<Self>, at: Instant, sleeper: Arc<dyn Sleeper>) -> Timer {
        self.insert(at, Action::Wake(sleeper))
    }

    /// Runs a closure at an instant.
    pub(crate) fn letter(self: &Arc<Self>, at: Instant, send: Box<dyn FnOnce() + Send>) -> Timer {
        self.insert(at, Action::Letter(send))
    }

    fn insert(self: &Arc<Self>, at: Instant, action: Action) -> Timer {
        let (key, driver) = {
            let mut queue = self.queue();
            queue.sequence += 1;
            let key = (at, queue.sequence);
            let earliest = queue.due.first_key_value().is_none_or(|(first, _)| key < *first);
            if !queue.dead {
                queue.due.insert(key, action);
            }
            (key, if earliest { queue.driver.take() } else { None })
        };
        if let Some(driver) = driver {
            driver.wake();
        }
        Timer { service: Arc::clone(self), key }
    }

    /// Takes a timer back; false when it has fired already.
    pub(crate) fn cancel(&self, key: Key) -> bool {
        let action = self.queue().due.remove(&key);
        action.is_some()
    }

    /// What is due, and when to look again.
    fn take_due(&self, now: Instant, waker: &Waker) -> (Vec<(Key, Action)>, Option<Instant>) {
        let mut queue = self.queue();
        let mut due = Vec::new();
        while let Some(first) = queue.due.first_entry() {
            if first.key().0 > now {
                break;
            }
            due.push(first.remove_entry());
        }
        queue.driver = Some(waker.clone());
        let next = queue.due.first_key_value().map(|((at, _), _)| *at);
        (due, next)
    }
}

/// A timer that has been set; dropping it does not cancel.
#[derive(Clone)]
pub struct Timer {
    service: Arc<Timers>,
    key: Key,
}

impl Timer {
    /// When it is due.
    pub fn at(&self) -> Instant {
        self.key.0
    }

    /// The timer without its service, for an owner that knows the service anyway.
    pub(crate) fn key(&self) -> Key {
        self.key
    }

    /// Takes it back; false when it has fired already.
    pub fn cancel(&self) -> bool {
        self.service.cancel(self.key)
    }
}

impl std::fmt::Debug for Timer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Timer(#{})", self.key.1)
    }
}

/// The task that waits for the first timer.
struct Driver {
    service: Arc<Timers>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<()> {
        loop {
            let (due, next) = self.service.take_due(Instant::now(), task.waker());
            let fired = !due.is_empty();
            for ((_, sequence), action) in due {
                // A letter whose drop panics must not take every other timer of the arbiter with it.
                let _ = catch_unwind(AssertUnwindSafe(|| match action {
                    Action::Wake(sleeper) => sleeper.wake_up(sequence),
                    Action::Letter(send) => send(),
                }));
            }
            if fired {
                continue;
            }
            let Some(at) = next else { return Poll::Pending };
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(at)));
            if sleep.deadline() != at {
                sleep.as_mut().reset(at);
            }
            if sleep.as_mut().poll(task).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let left = {
            let mut queue = self.service.queue();
            queue.dead = true;
            queue.driver = None;
            std::mem::take(&mut queue.due)
        };
        drop(left);
    }
}
