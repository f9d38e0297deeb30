//! The words every room speaks: energy, power, price, money, intervals, parties.
//!
//! All are integers with their unit in the type, and all arithmetic is checked, because these
//! values are hashed, signed and balanced on every node. This file knows no clock and no float.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a calculation on terms has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    /// The result does not fit the integer that holds it.
    #[error("{what} overflows its 64-bit integer")]
    Overflow {
        /// The quantity that was being computed.
        what: &'static str,
    },
    /// An interval range is empty or runs backwards.
    #[error("interval range {start}..{end} is empty or reversed")]
    EmptyRange {
        /// First interval.
        start: u32,
        /// One past the last interval.
        end: u32,
    },
}

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident($int:ty), $unit:literal) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub $int);

        impl $name {
            /// Nothing of it.
            pub const ZERO: Self = Self(0);

            /// Sum, or `None` when it leaves the integer's range.
            #[must_use]
            pub fn checked_add(self, other: Self) -> Option<Self> {
                self.0.checked_add(other.0).map(Self)
            }

            /// Difference, or `None` when it leaves the integer's range.
            #[must_use]
            pub fn checked_sub(self, other: Self) -> Option<Self> {
                self.0.checked_sub(other.0).map(Self)
            }

            /// Difference, stopping at the integer's lowest value.
            #[must_use]
            pub fn saturating_sub(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!("{} ", $unit), self.0)
            }
        }

        impl std::iter::Sum for $name {
            fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
                Self(iter.map(|q| q.0).sum())
            }
        }
    };
}

quantity!(
    /// Energy in watt-hours.
    Energy(u64),
    "Wh"
);
quantity!(
    /// Power in watts; into the site (import, charging) is positive.
    Power(i64),
    "W"
);
quantity!(
    /// Price in micro-currency per kilowatt-hour.
    Price(i64),
    "micro-currency/kWh"
);
quantity!(
    /// Money in micro-currency.
    Money(i64),
    "micro-currency"
);

impl Energy {
    /// The smaller of two energies.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self(self.0.min(other.0))
    }
}

impl Money {
    /// What `energy` costs at `price`: Wh x micro-currency/kWh / 1000, rounded half to even.
    ///
    /// Computed once per contract and used for both sides, so that nothing is made or lost by
    /// rounding.
    ///
    /// # Errors
    /// [`TermsError::Overflow`] when the amount does not fit 64 bits.
    pub fn of(energy: Energy, price: Price) -> Result<Self, TermsError> {
        // Nearly all products fit 64 bits, in which dividing is many times faster.
        let narrow = i64::try_from(energy.0).ok().and_then(|wh| wh.checked_mul(price.0));
        if let Some(product) = narrow {
            let (floor, rest) = (product.div_euclid(1000), product.rem_euclid(1000));
            let round_up = rest > 500 || (rest == 500 && floor.rem_euclid(2) == 1);
            return Ok(Self(floor + i64::from(round_up)));
        }
        let product = i128::from(energy.0) * i128::from(price.0);
        let (floor, rest) = (product.div_euclid(1000), product.rem_euclid(1000));
        let round_up = rest > 500 || (rest == 500 && floor.rem_euclid(2) == 1);
        i64::try_from(floor + i128::from(round_up))
            .map(Self)
            .map_err(|_| TermsError::Overflow { what: "amount" })
    }

    /// The opposite amount, or `None` for the one value that has none.
    #[must_use]
    pub fn checked_neg(self) -> Option<Self> {
        self.0.checked_neg().map(Self)
    }
}

/// A point in time: milliseconds since the Unix epoch, UTC.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// This point moved later by `ms` milliseconds, stopping at the end of time.
    #[must_use]
    pub fn after_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this point; zero when `earlier` is later.
    #[must_use]
    pub fn ms_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Number of a market interval: intervals of the community's length since the Unix epoch, UTC.
///
/// With 1-minute intervals the 32 bits last until the year 10136.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Interval(pub u32);

impl Interval {
    /// The interval that contains `at`, for intervals of `interval_s` seconds (at least 1).
    #[must_use]
    pub fn containing(at: Timestamp, interval_s: u32) -> Self {
        let length_ms = u64::from(interval_s.max(1)) * 1000;
        Self(u32::try_from(at.0 / length_ms).unwrap_or(u32::MAX))
    }

    /// When this interval begins.
    #[must_use]
    pub fn starts_at(self, interval_s: u32) -> Timestamp {
        Timestamp(u64::from(self.0) * u64::from(interval_s) * 1000)
    }

    /// The interval `n` later.
    #[must_use]
    pub fn plus(self, n: u32) -> Self {
        Self(self.0.saturating_add(n))
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Number of a trading round; an epoch carries the number of the interval in which it runs.
pub type Epoch = Interval;

/// A member of the community, numbered by genesis and then by Membership records; never reused.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct PartyId(pub u32);

impl fmt::Display for PartyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{:04}", self.0)
    }
}

/// Energy per interval over a consecutive run of intervals (protocol 3.3: a block carries a profile).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Profile {
    /// First interval.
    pub start: Interval,
    /// Energy in Wh of each interval from `start` on.
    pub wh: Vec<u64>,
}

impl Profile {
    /// A profile of zeros over `start..end`; empty when the range is.
    #[must_use]
    pub fn zeros(start: Interval, end: Interval) -> Self {
        Self { start, wh: vec![0; end.0.saturating_sub(start.0) as usize] }
    }

    /// One past the last interval.
    #[must_use]
    pub fn end(&self) -> Interval {
        self.start.plus(u32::try_from(self.wh.len()).unwrap_or(u32::MAX))
    }

    /// Sum over all intervals, stopping at the largest energy.
    #[must_use]
    pub fn energy(&self) -> Energy {
        Energy(self.wh.iter().fold(0, |sum, wh| sum.saturating_add(*wh)))
    }

    /// Energy in interval `at`; zero outside the profile.
    #[must_use]
    pub fn at(&self, at: Interval) -> u64 {
        at.0.checked_sub(self.start.0).and_then(|i| self.wh.get(i as usize).copied()).unwrap_or(0)
    }

    /// Whether both cover at least one common interval.
    #[must_use]
    pub fn overlaps(&self, start: Interval, end: Interval) -> bool {
        self.start < end && start < self.end()
    }

    /// Interval by interval, the smaller of this and `other`; covers this profile's range.
    #[must_use]
    pub fn capped_by(&self, other: &Self) -> Self {
        let wh = self.iter().map(|(at, wh)| wh.min(other.at(at))).collect();
        Self { start: self.start, wh }
    }

    /// Interval by interval, what remains of this after `other`; never below zero.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let wh = self.iter().map(|(at, wh)| wh.saturating_sub(other.at(at))).collect();
        Self { start: self.start, wh }
    }

    /// The earliest energy of this profile up to a total of `limit`; the rest is zero.
    #[must_use]
    pub fn first(&self, limit: Energy) -> Self {
        let mut left = limit.0;
        let wh = self
            .wh
            .iter()
            .map(|wh| {
                let taken = (*wh).min(left);
                left -= taken;
                taken
            })
            .collect();
        Self { start: self.start, wh }
    }

    /// Each interval with its energy in Wh.
    pub fn iter(&self) -> impl Iterator<Item = (Interval, u64)> + '_ {
        (self.start.0..).zip(&self.wh).map(|(at, wh)| (Interval(at), *wh))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_round_half_to_even_on_both_sides_of_zero() {
        let of = |wh, price| Money::of(Energy(wh), Price(price)).map(|m| m.0);
        assert_eq!(of(1, 500), Ok(0));
        assert_eq!(of(1, 1500), Ok(2));
        assert_eq!(of(1, 2500), Ok(2));
        assert_eq!(of(1, -500), Ok(0));
        assert_eq!(of(1, -1500), Ok(-2));
        assert_eq!(of(1000, 123_456), Ok(123_456));
        assert!(of(u64::MAX, i64::MAX).is_err());
    }

    #[test]
    fn profiles_are_cut_interval_by_interval() {
        let need = Profile { start: Interval(10), wh: vec![100, 200, 300] };
        let have = Profile { start: Interval(11), wh: vec![150, 400] };
        assert_eq!(need.capped_by(&have).wh, [0, 150, 300]);
        assert_eq!(need.minus(&have).wh, [100, 50, 0]);
        assert_eq!(need.first(Energy(250)).wh, [100, 150, 0]);
        assert!(need.overlaps(Interval(12), Interval(20)));
        assert!(!need.overlaps(Interval(13), Interval(20)));
    }

    #[test]
    fn intervals_follow_the_utc_grid() {
        assert_eq!(Interval::containing(Timestamp(1_799_999), 1800), Interval(0));
        assert_eq!(Interval::containing(Timestamp(1_800_000), 1800), Interval(1));
        assert_eq!(Interval(2).starts_at(1800), Timestamp(3_600_000));
    }
}
