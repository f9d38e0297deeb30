//! When a failed life is rebuilt, how long it rests before, and when the failures are too many.
use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::timers::Instant;

/// What went wrong in a life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The type of the letter at fault, or the place: `started`, `factory`, `stream`, `wake`.
    pub at: &'static str,
    /// The panic's text or the error's.
    pub text: Arc<str>,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in {}", self.text, self.at)
    }
}

/// Which ends of a life are followed by another life. A deliberate stop never is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// After a failure and after [`super::Context::finish`].
    Permanent,
    /// After a failure only.
    Transient,
    /// Never.
    Temporary,
}

/// The rest between a failure and the next life: `min`, doubled with every failure in the window, at most `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The rest after the first failure.
    pub min: Duration,
    /// The longest rest.
    pub max: Duration,
    /// How much of each rest chance may take away, in percent.
    pub jitter_percent: u8,
    /// The seed of that chance; mixed with the actor's path, so that one seed serves a whole node.
    pub seed: u64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            min: Duration::from_millis(10),
            max: Duration::from_secs(10),
            jitter_percent: 20,
            seed: 0,
        }
    }
}

impl Backoff {
    /// The rest before the life that follows the `failure`-th failure in a row (from 1). `chance` moves on.
    pub fn rest(&self, failure: u32, chance: &mut u64) -> Duration {
        let doubled = 1u32
            .checked_shl(failure.saturating_sub(1))
            .and_then(|times| self.min.checked_mul(times));
        let rest = doubled.map_or(self.max, |rest| rest.min(self.max));
        let share = u32::from(self.jitter_percent.min(100));
        let drawn = ((split_mix(chance) >> 32) * u64::from(share)) >> 32;
        rest.saturating_sub(rest.mul_f64(drawn as f64 / 100.0))
    }
}

/// How many failures are borne within a window; one more escalates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intensity {
    /// Restarts borne.
    pub max: u32,
    /// Within this time.
    pub within: Duration,
}

impl Default for Intensity {
    fn default() -> Self {
        Self { max: 5, within: Duration::from_secs(60) }
    }
}

/// The failures still inside a window.
#[derive(Default)]
pub(crate) struct Window {
    recent: VecDeque<Instant>,
}

impl Window {
    /// Counts one more failure: its number within the window, or none when that is one too many.
    pub(crate) fn count(&mut self, limit: Intensity, now: Instant) -> Option<u32> {
        while self.recent.front().is_some_and(|first| now.duration_since(*first) > limit.within) {
            self.recent.pop_front();
        }
        if self.recent.len() >= limit.max as usize {
            return None;
        }
        self.recent.push_back(now);
        u32::try_from(self.recent.len()).ok()
    }

    pub(crate) fn clear(&mut self) {
        self.recent.clear();
    }
}

/// The stream of chance of one actor: the node's seed moved by the actor's path (FNV-1a).
pub(crate) fn chance_of(seed: u64, path: &str) -> u64 {
    path.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The text of a panic.
pub(crate) fn text_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a text".to_owned())
}

/// SplitMix64: one word of state per actor is all that jitter is worth.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_bears_its_maximum_and_not_one_more() {
        let (mut window, limit) =
            (Window::default(), Intensity { max: 2, within: Duration::from_secs(1) });
        let start = Instant::now();
        assert_eq!(window.count(limit, start), Some(1));
        assert_eq!(window.count(limit, start + Duration::from_millis(900)), Some(2));
        assert_eq!(window.count(limit, start + Duration::from_millis(1000)), None);
        assert_eq!(
            window.count(limit, start + Duration::from_millis(1001)),
            Some(2),
            "the first one is forgotten"
        );
    }

    #[test]
    fn one_seed_gives_every_path_its_own_chance() {
        assert_eq!(chance_of(1, "home/1"), chance_of(1, "home/1"));
        assert_ne!(chance_of(1, "home/1"), chance_of(1, "home/2"));
        assert_ne!(chance_of(1, "home/1"), chance_of(2, "home/1"));
    }
}
