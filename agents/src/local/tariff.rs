//! What the grid charges and pays, per market interval.
//!
//! The mind knows prices only through this trait; which preset or supplier stands behind it, and
//! in which time zone, is a circumstance.

use gridpact_chain::terms::{Interval, Price};

/// The contracted prices of a site.
pub trait Tariff: Send + Sync {
    /// Price of energy imported in `at`.
    fn retail(&self, at: Interval) -> Price;

    /// Price paid for energy exported in `at`.
    fn feed_in(&self, at: Interval) -> Price;
}

/// The same prices at all times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flat {
    /// Price of imported energy.
    pub retail: Price,
    /// Price of exported energy.
    pub feed_in: Price,
}

impl Tariff for Flat {
    fn retail(&self, _at: Interval) -> Price {
        self.retail
    }

    fn feed_in(&self, _at: Interval) -> Price {
        self.feed_in
    }
}

/// A fixed list of prices that repeats from interval 0 on; for tests and recorded days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeating {
    /// (retail, feed-in) per interval of the period; must not be empty.
    pub prices: Vec<(Price, Price)>,
}

impl Repeating {
    fn prices_at(&self, at: Interval) -> (Price, Price) {
        let n = self.prices.len().max(1);
        self.prices.get(at.0 as usize % n).copied().unwrap_or_default()
    }
}

impl Tariff for Repeating {
    fn retail(&self, at: Interval) -> Price {
        self.prices_at(at).0
    }

    fn feed_in(&self, at: Interval) -> Price {
        self.prices_at(at).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeating_tariff_starts_over() {
        let day = Repeating { prices: vec![(Price(1), Price(0)), (Price(2), Price(-1))] };
        assert_eq!(day.retail(Interval(4)), Price(1));
        assert_eq!(day.retail(Interval(5)), Price(2));
        assert_eq!(day.feed_in(Interval(7)), Price(-1));
        assert_eq!(Repeating { prices: vec![] }.retail(Interval(3)), Price(0));
    }

    #[test]
    fn a_flat_tariff_ignores_time() {
        let flat = Flat { retail: Price(270_000), feed_in: Price(80_000) };
        assert_eq!(flat.retail(Interval(0)), flat.retail(Interval(99)));
        assert_eq!(flat.feed_in(Interval(3)), Price(80_000));
    }
}
