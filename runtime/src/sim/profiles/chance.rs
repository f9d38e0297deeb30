//! Seeded chance with the few distributions that homes are drawn from.
//!
//! Every home has its own stream of one seed, and every purpose its own stream within the home, so
//! that adding a home, or a draw for one device, shifts nothing else.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// What is being drawn; each purpose has a stream of its own within a home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Which devices a home has, and their sizes.
    Mix,
    /// Its consumption.
    Load,
    /// Its generation.
    Generation,
    /// Its jobs.
    Jobs,
    /// Its vehicle.
    Vehicle,
    /// What is said about the vehicle.
    Told,
    /// How a copy differs from its model.
    Copy,
    /// What the vehicle's driver allows.
    Driver,
    /// Whether its driver is in a hurry.
    Hurry,
    /// Where the homes lie.
    Place,
}

/// A stream of chance.
#[derive(Debug, Clone)]
pub struct Chance(ChaCha8Rng);

/// The stream number of what all homes share, such as the sky.
pub const COMMON: u32 = u32::MAX;

impl Chance {
    /// The stream of one purpose of one home.
    #[must_use]
    pub fn new(seed: u64, site: u32, purpose: Purpose) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(u64::from(site) << 8 | purpose as u64);
        Self(rng)
    }

    /// Evenly from 0 to below 1.
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Evenly within a range.
    pub fn within(&mut self, range: [f64; 2]) -> f64 {
        range[0] + (range[1] - range[0]) * self.unit()
    }

    /// Evenly one of `0..n`; 0 when `n` is.
    pub fn below(&mut self, n: usize) -> usize {
        ((self.unit() * n as f64) as usize).min(n.saturating_sub(1))
    }

    /// Whether something of this probability happens.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Normal with mean 0 and deviation 1 (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Lognormal with this median and sigma.
    pub fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.normal()).exp()
    }

    /// Lognormal with mean 1.
    pub fn factor(&mut self, sigma: f64) -> f64 {
        (sigma * self.normal() - sigma * sigma / 2.0).exp()
    }
}

/// A level that strays and comes back: mean 0, deviation 1, forgetting half in `half_h` hours.
#[derive(Debug, Clone)]
pub struct Straying {
    level: f64,
    keep: f64,
}

impl Straying {
    /// Starts anywhere in its usual range.
    #[must_use]
    pub fn new(chance: &mut Chance, half_h: f64, per_hour: f64) -> Self {
        Self { level: chance.normal(), keep: (-1.0 / (half_h * per_hour)).exp2() }
    }

    /// The level one interval later.
    pub fn next(&mut self, chance: &mut Chance) -> f64 {
        self.level =
            self.level * self.keep + (1.0 - self.keep * self.keep).sqrt() * chance.normal();
        self.level
    }
}

/// Turns energies in Wh into whole Wh, handing each remainder on to the next interval.
pub fn whole_wh(energies: impl Iterator<Item = f64>) -> Vec<u32> {
    let mut rest = 0.0;
    energies
        .map(|wh| {
            let due = wh.max(0.0) + rest;
            let whole = due.floor();
            rest = due - whole;
            whole as u32
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_home_and_purpose_and_repeat() {
        let draw = |site, purpose| Chance::new(7, site, purpose).unit();
        assert_eq!(draw(0, Purpose::Load), draw(0, Purpose::Load));
        assert_ne!(draw(0, Purpose::Load), draw(1, Purpose::Load));
        assert_ne!(draw(0, Purpose::Load), draw(0, Purpose::Mix));
    }

    #[test]
    fn distributions_have_their_moments() {
        let mut chance = Chance::new(1, 0, Purpose::Mix);
        let n = 20_000;
        let draws: Vec<f64> = (0..n).map(|_| chance.normal()).collect();
        let mean = draws.iter().sum::<f64>() / f64::from(n);
        let variance = draws.iter().map(|x| x * x).sum::<f64>() / f64::from(n);
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
        let factor = (0..n).map(|_| chance.factor(0.35)).sum::<f64>() / f64::from(n);
        assert!((factor - 1.0).abs() < 0.02, "{factor}");
        let mut straying = Straying::new(&mut chance, 2.0, 2.0);
        let spread = (0..n).map(|_| straying.next(&mut chance).powi(2)).sum::<f64>() / f64::from(n);
        assert!((spread - 1.0).abs() < 0.15, "{spread}");
    }

    #[test]
    fn rounding_to_whole_wh_loses_nothing() {
        let whole = whole_wh((0..1000).map(|_| 12.345));
        assert!((f64::from(whole.iter().sum::<u32>()) - 12_345.0).abs() <= 1.0);
    }
}
