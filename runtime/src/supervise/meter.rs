//! Samples of the two times an actor can waste: how long letters wait in its mailbox and how long its polls take.
//!
//! One in 64 is measured, because reading the clock costs as much as handling a small letter. On virtual time nothing
//! is measured: the machine's own time must not show in what a run yields.
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Of so many letters, and of so many polls, one is measured.
const ONE_IN: u32 = 64;

/// Measured times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sampled {
    /// How many were measured: about one in 64 of those there were, none on virtual time.
    pub count: u64,
    /// Their sum.
    pub sum: Duration,
    /// The longest of them.
    pub longest: Duration,
}

impl Sampled {
    /// The mean; zero where nothing was measured.
    pub fn mean(&self) -> Duration {
        let count = u32::try_from(self.count).unwrap_or(u32::MAX);
        self.sum.checked_div(count).unwrap_or_default()
    }

    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self {
            count: self.count.saturating_add(other.count),
            sum: self.sum.saturating_add(other.sum),
            longest: self.longest.max(other.longest),
        }
    }
}

/// Says which ones are measured.
pub(crate) struct Sampler {
    left: u32,
    on: bool,
}

impl Sampler {
    /// `phase` spreads the first sample, so that a role of many quiet actors is measured too.
    pub(crate) fn new(on: bool, phase: u64) -> Self {
        // The remainder is below ONE_IN.
        Self { left: (phase % u64::from(ONE_IN)) as u32 + 1, on }
    }

    /// The time, for one call of 64.
    #[inline]
    pub(crate) fn tick(&mut self) -> Option<Instant> {
        self.left -= 1;
        if self.left == 0 { self.sample() } else { None }
    }

    #[cold]
    fn sample(&mut self) -> Option<Instant> {
        self.left = ONE_IN;
        self.on.then(Instant::now)
    }
}

/// What has been measured of one actor. Only its own task writes, so plain stores are enough.
#[derive(Default)]
pub(crate) struct Meter {
    wait: Sum,
    poll: Sum,
}

#[derive(Default)]
struct Sum {
    count: AtomicU64,
    nanos: AtomicU64,
    longest: AtomicU64,
}

impl Sum {
    fn add(&self, span: Duration) {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        let bump = |of: &AtomicU64, by: u64| {
            of.store(of.load(Ordering::Relaxed).saturating_add(by), Ordering::Relaxed);
        };
        bump(&self.count, 1);
        bump(&self.nanos, nanos);
        self.longest.fetch_max(nanos, Ordering::Relaxed);
    }

    fn read(&self) -> Sampled {
        Sampled {
            count: self.count.load(Ordering::Relaxed),
            sum: Duration::from_nanos(self.nanos.load(Ordering::Relaxed)),
            longest: Duration::from_nanos(self.longest.load(Ordering::Relaxed)),
        }
    }
}

impl Meter {
    pub(crate) fn waited(&self, since: Instant) {
        self.wait.add(since.elapsed());
    }

    pub(crate) fn polled(&self, since: Instant) {
        self.poll.add(since.elapsed());
    }

    pub(crate) fn wait(&self) -> Sampled {
        self.wait.read()
    }

    pub(crate) fn poll(&self) -> Sampled {
        self.poll.read()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_64_is_measured_and_the_first_depends_on_the_phase() {
        let picked = |phase| {
            let mut sampler = Sampler::new(true, phase);
            (0..200).filter(|_| sampler.tick().is_some()).collect::<Vec<u32>>()
        };
        assert_eq!(picked(0), [0, 64, 128, 192]);
        assert_eq!(picked(63), [63, 127, 191]);
        assert_eq!(picked(64), picked(0));
        let mut off = Sampler::new(false, 0);
        assert!((0..200).all(|_| off.tick().is_none()));
    }

    #[test]
    fn samples_are_summed_and_the_longest_is_kept() {
        let sum = Sum::default();
        sum.add(Duration::from_nanos(10));
        sum.add(Duration::from_nanos(30));
        let both = sum.read().and(Sampled::default());
        assert_eq!((both.count, both.mean().as_nanos(), both.longest.as_nanos()), (2, 20, 30));
        assert_eq!(Sampled::default().mean(), Duration::ZERO);
    }
}
