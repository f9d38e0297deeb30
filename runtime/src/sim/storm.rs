//! Weather on the wire: letters between members get lost, come twice, come late, or find nobody.
//!
//! Chance is seeded and drawn letter by letter, so a storm is the same every time. A letter that is
//! delayed may be overtaken: nothing here keeps an order.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use gridpact_agents::social::message::Message as SocialMessage;
use gridpact_chain::message::Message as ChainMessage;
use gridpact_chain::terms::PartyId;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::net::Transport;
use crate::supervise;

/// What the wire does to letters; the default does nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Storm {
    /// Letters that are lost, of a million.
    pub drop_ppm: u32,
    /// Letters that come twice, of a million.
    pub repeat_ppm: u32,
    /// Longest delay of a letter, ms; drawn evenly from 0.
    pub delay_max_ms: u64,
    /// Whether letters between replicas meet the same weather as those between SCAs.
    pub chain_too: bool,
    /// Members who hear no other SCA and are heard by none: stuck, or cut off.
    pub deaf: Vec<PartyId>,
}

impl Storm {
    /// Whether it leaves every letter as it is.
    #[must_use]
    pub fn is_calm(&self) -> bool {
        *self == Self::default()
    }
}

/// Carries letters through a [`Storm`].
pub(super) struct Stormy {
    inner: Rc<dyn Transport>,
    storm: Storm,
    chance: RefCell<ChaCha8Rng>,
}

impl Stormy {
    pub(super) fn new(inner: Rc<dyn Transport>, storm: Storm, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(STORMS);
        Self { inner, storm, chance: RefCell::new(rng) }
    }

    /// When each copy of a letter arrives; none of a lost one.
    fn arrivals(&self) -> Vec<Duration> {
        let mut chance = self.chance.borrow_mut();
        let mut happens = |ppm: u32| (chance.next_u32() % 1_000_000) < ppm;
        if happens(self.storm.drop_ppm) {
            return Vec::new();
        }
        let copies = 1 + usize::from(happens(self.storm.repeat_ppm));
        let span = self.storm.delay_max_ms + 1;
        (0..copies).map(|_| Duration::from_millis(chance.next_u64() % span)).collect()
    }

    fn carry(&self, deliver: impl Fn(&dyn Transport) + Clone + 'static) {
        for delay in self.arrivals() {
            if delay.is_zero() {
                deliver(&*self.inner);
                continue;
            }
            let (inner, deliver) = (Rc::clone(&self.inner), deliver.clone());
            supervise::task(async move {
                tokio::time::sleep(delay).await;
                deliver(&*inner);
            });
        }
    }
}

/// Keeps the storm's chance apart from all others of one seed.
const STORMS: u64 = 1 << 57;

impl Transport for Stormy {
    fn social(&self, from: PartyId, to: PartyId, message: SocialMessage) {
        if self.storm.deaf.contains(&from) || self.storm.deaf.contains(&to) {
            return;
        }
        self.carry(move |inner| inner.social(from, to, message.clone()));
    }

    fn chain(&self, from: PartyId, to: PartyId, message: ChainMessage) {
        if self.storm.chain_too {
            self.carry(move |inner| inner.chain(from, to, message.clone()));
        } else {
            self.inner.chain(from, to, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nowhere;

    impl Transport for Nowhere {
        fn social(&self, _: PartyId, _: PartyId, _: SocialMessage) {}
        fn chain(&self, _: PartyId, _: PartyId, _: ChainMessage) {}
    }

    #[test]
    fn a_storm_loses_repeats_and_delays_as_often_as_it_says() {
        let storm = Storm {
            drop_ppm: 200_000,
            repeat_ppm: 250_000,
            delay_max_ms: 2_000,
            ..Storm::default()
        };
        let wire = Stormy::new(Rc::new(Nowhere), storm, 7);
        let letters: Vec<Vec<Duration>> = (0..10_000).map(|_| wire.arrivals()).collect();
        let share = |n: usize| letters.iter().filter(|copies| copies.len() == n).count();
        assert!((1_900..2_100).contains(&share(0)), "{} lost", share(0));
        assert!((1_900..2_100).contains(&share(2)), "{} twice", share(2));
        let longest = letters.iter().flatten().max().expect("some arrive");
        assert!((1_900..=2_000).contains(&longest.as_millis()), "{longest:?}");
    }

    #[test]
    fn calm_air_hands_every_letter_on_at_once() {
        assert!(Storm::default().is_calm());
        let wire = Stormy::new(Rc::new(Nowhere), Storm::default(), 7);
        assert!((0..100).all(|_| wire.arrivals() == [Duration::ZERO]));
    }
}
