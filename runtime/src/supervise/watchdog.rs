//! The watchdog: a thread that notices an arbiter whose thread is stuck while somebody waits for it. It can only
//! report, for a blocked thread cannot be killed. On virtual time there is none: there the wall clock has no meaning.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::pulse::{Look, Pulse};
use super::system::is_virtual;

/// Heartbeats an arbiter may miss before it is reported.
const MISSED: u32 = 3;

/// An arbiter that polls nobody although letters wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stall {
    /// The name it is watched under.
    pub arbiter: String,
    /// For about how long.
    pub span: Duration,
    /// The actor whose poll does not end; none when it is something else that holds the thread.
    pub inside: Option<Arc<str>>,
    /// Letters that wait meanwhile in mailboxes of this arbiter.
    pub waiting: u64,
}

/// Watches until it is dropped.
pub struct Watchdog {
    over: Arc<AtomicBool>,
}

/// Counts the heartbeats at which nothing has moved although there was work.
#[derive(Default)]
struct Watch {
    polls: u64,
    missed: u32,
}

impl Watch {
    /// Whether this look makes it a stall. Said once, and again only after the arbiter has moved.
    fn is_stalled(&mut self, look: &Look) -> bool {
        let has_work = look.waiting > 0 || look.inside.is_some();
        let moved = look.polls != self.polls;
        self.polls = look.polls;
        self.missed = if moved || !has_work { 0 } else { self.missed.saturating_add(1) };
        self.missed == MISSED
    }
}

impl Watchdog {
    /// Watches the current arbiter; none on virtual time, or if the machine refuses a thread. A stall is reported
    /// once, after three heartbeats in which no actor was polled although letters waited or a poll did not end, and
    /// again only after the arbiter has moved. Letters of paused and resting actors do not count.
    pub fn start(
        arbiter: impl Into<String>,
        heartbeat: Duration,
        report: impl Fn(Stall) + Send + 'static,
    ) -> Option<Self> {
        if is_virtual() {
            return None;
        }
        let (over, pulse) = (Arc::new(AtomicBool::new(false)), Pulse::current());
        let (watching, arbiter) = (Arc::clone(&over), arbiter.into());
        let watch = move || {
            let mut watch = Watch::default();
            while !watching.load(Ordering::Relaxed) {
                std::thread::sleep(heartbeat);
                // An arbiter that moves is not asked who lives there.
                let polls = pulse.polls();
                let look = if polls == watch.polls {
                    pulse.look()
                } else {
                    Look { polls, ..Look::default() }
                };
                if watch.is_stalled(&look) {
                    let Look { inside, waiting, .. } = look;
                    let span = heartbeat * MISSED;
                    report(Stall { arbiter: arbiter.clone(), span, inside, waiting });
                }
            }
        };
        std::thread::Builder::new().name("watchdog".into()).spawn(watch).ok()?;
        Some(Self { over })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(polls: u64, waiting: u64, inside: Option<&str>) -> Look {
        Look { polls, waiting, inside: inside.map(Into::into) }
    }

    #[test]
    fn three_heartbeats_without_a_poll_while_letters_wait_are_a_stall_said_once() {
        let mut watch = Watch::default();
        let said: Vec<bool> = [7, 7, 7, 7, 7, 8, 8, 8, 8]
            .into_iter()
            .map(|polls| watch.is_stalled(&look(polls, 1, None)))
            .collect();
        assert_eq!(said, [false, false, false, true, false, false, false, false, true]);
    }

    #[test]
    fn an_arbiter_with_nothing_to_do_may_stand_still() {
        let mut watch = Watch::default();
        assert!((0..10).all(|_| !watch.is_stalled(&look(7, 0, None))));
        let said: Vec<bool> =
            [1, 1, 0, 1, 1, 1].into_iter().map(|n| watch.is_stalled(&look(7, n, None))).collect();
        assert_eq!(said, [false, false, false, false, false, true], "counted afresh");
    }

    #[test]
    fn a_poll_that_does_not_end_is_work() {
        let mut watch = Watch::default();
        let stuck = look(0, 0, Some("home/1/sca"));
        let said: Vec<bool> = (0..4).map(|_| watch.is_stalled(&stuck)).collect();
        assert_eq!(said, [false, false, true, false]);
    }
}
