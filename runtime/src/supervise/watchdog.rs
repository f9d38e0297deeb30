//! The watchdog: a thread that notices an arbiter whose thread is stuck. It can only report, for a blocked thread
//! cannot be killed. On virtual time there is none: there the wall clock has no meaning.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::system::is_virtual;

/// Heartbeats an arbiter may miss before it is reported.
const MISSED: u32 = 3;

/// An arbiter that does not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stall {
    /// The name it is watched under.
    pub arbiter: String,
    /// For about how long.
    pub span: Duration,
}

/// Watches until it is dropped.
pub struct Watchdog {
    over: Arc<AtomicBool>,
}

impl Watchdog {
    /// Watches the current arbiter; none on virtual time, or if the machine refuses a thread. A stall is reported
    /// once, after three missed heartbeats, and again only after the arbiter has moved.
    pub fn start(
        arbiter: impl Into<String>,
        heartbeat: Duration,
        report: impl Fn(Stall) + Send + 'static,
    ) -> Option<Self> {
        if is_virtual() {
            return None;
        }
        let (over, pulse) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (beating, beat) = (Arc::clone(&over), Arc::clone(&pulse));
        actix_rt::spawn(async move {
            let mut tick = tokio::time::interval(heartbeat);
            while !beating.load(Ordering::Relaxed) {
                tick.tick().await;
                beat.fetch_add(1, Ordering::Relaxed);
            }
        });
        let (watching, arbiter) = (Arc::clone(&over), arbiter.into());
        let watch = move || {
            let (mut seen, mut missed) = (0, 0);
            while !watching.load(Ordering::Relaxed) {
                std::thread::sleep(heartbeat);
                let now = pulse.load(Ordering::Relaxed);
                missed = if now == seen { missed + 1 } else { 0 };
                seen = now;
                if missed == MISSED {
                    report(Stall { arbiter: arbiter.clone(), span: heartbeat * MISSED });
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
