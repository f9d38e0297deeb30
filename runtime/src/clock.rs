//! The only place that asks what time it is.
//!
//! Market time is an origin plus what the runtime's monotonic clock has counted since, so the same
//! code lives on the real clock and on tokio's paused one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gridpact_chain::terms::Timestamp;
use tokio::time::Instant;

/// Market time of one process.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Timestamp,
    anchor: Instant,
}

impl Clock {
    /// A clock that shows `origin` now and runs with the runtime's clock, real or paused.
    #[must_use]
    pub fn starting_at(origin: Timestamp) -> Self {
        Self { origin, anchor: Instant::now() }
    }

    /// A clock that starts at the machine's wall-clock time.
    #[must_use]
    pub fn system() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self::starting_at(Timestamp(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)))
    }

    /// The present market time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let elapsed = u64::try_from(self.anchor.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.origin.after_ms(elapsed)
    }

    /// The runtime's instant at which this clock will show `at`; the past maps to the anchor.
    #[must_use]
    pub fn instant_of(&self, at: Timestamp) -> Instant {
        self.anchor + Duration::from_millis(at.ms_since(self.origin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn market_time_follows_the_paused_clock() {
        let clock = Clock::starting_at(Timestamp(1_000_000));
        assert_eq!(clock.now(), Timestamp(1_000_000));
        tokio::time::sleep_until(clock.instant_of(Timestamp(1_005_000))).await;
        assert_eq!(clock.now(), Timestamp(1_005_000));
    }
}
