//! What a home says of its own cost and worth when others ask: the truth, unless a study of markets
//! wants to know what lying would bring.
//!
//! Only what leaves the LCA for the bargaining changes. Its plans, its reservations and its bills go
//! by the truth, so a liar never sells below its cost by having lied.

use gridpact_chain::terms::Price;

use super::door::{Deficit, Quote};
use crate::params::PPM;

/// How a home states what only it can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// Stated cost over true cost of what it could sell, ppm; honest = 1 000 000.
    pub cost_ppm: i64,
    /// Stated worth over true worth of what it wants to buy, ppm; honest = 1 000 000.
    pub worth_ppm: i64,
}

impl Default for Manner {
    fn default() -> Self {
        Self { cost_ppm: PPM, worth_ppm: PPM }
    }
}

impl Manner {
    /// A quote as it is told: a cost below zero is overstated towards zero and beyond, as far as one
    /// above it.
    pub(super) fn told(&self, quote: Quote) -> Quote {
        Quote { unit_cost: scaled(quote.unit_cost, self.cost_ppm), ..quote }
    }

    /// Deficits as they are told: what the grid would charge is what they are worth.
    pub(super) fn tendered(&self, mut deficits: Vec<Deficit>) -> Vec<Deficit> {
        for deficit in &mut deficits {
            deficit.retail = scaled(deficit.retail, self.worth_ppm);
        }
        deficits
    }
}

/// A price moved by a share of its size, rounded up.
fn scaled(price: Price, ppm: i64) -> Price {
    let more = i128::from(price.0.unsigned_abs()) * i128::from(ppm - PPM);
    let more = -(-more).div_euclid(i128::from(PPM));
    Price(price.0.saturating_add(i64::try_from(more).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gridpact_chain::terms::{Energy, Interval, Profile};

    fn quote(cost: i64) -> Quote {
        Quote {
            ticket: 1,
            available: Profile { start: Interval(4), wh: vec![500] },
            capacity: Energy(800),
            unit_cost: Price(cost),
            ceiling: Price(300_000),
            feed_in: Price(80_000),
        }
    }

    #[test]
    fn an_honest_home_tells_what_it_knows() {
        for cost in [-50_001, 0, 1, 123_457] {
            assert_eq!(Manner::default().told(quote(cost)), quote(cost));
        }
    }

    #[test]
    fn a_liar_moves_its_cost_up_and_its_worth_down_and_nothing_else() {
        let liar = Manner { cost_ppm: 1_250_000, worth_ppm: 800_000 };
        assert_eq!(liar.told(quote(100_001)), quote(125_002), "up to the next micro-currency");
        assert_eq!(liar.told(quote(-100_000)), quote(-75_000));
        assert_eq!(scaled(Price(300_001), liar.worth_ppm), Price(240_001));
    }
}
