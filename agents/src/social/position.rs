//! Position: in one interval a prosumer buys or sells, never both (protocol 3.2).
//!
//! The LCA plans so, but only the SCA sees a purchase and a sale being signed in the same moment.
//! Counted here are requests and orders under way and signed contracts not yet delivered.

use std::collections::BTreeMap;

use gridpact_chain::terms::{Epoch, Interval, Profile};

use crate::local::door::Side;

/// How many contracts buy and sell in each interval.
#[derive(Debug, Default)]
pub(crate) struct Position {
    buys: BTreeMap<Interval, u32>,
    sells: BTreeMap<Interval, u32>,
}

impl Position {
    fn of(&mut self, side: Side) -> &mut BTreeMap<Interval, u32> {
        match side {
            Side::Buyer => &mut self.buys,
            Side::Seller => &mut self.sells,
        }
    }

    /// Counts the intervals in which `profile` has energy.
    pub(crate) fn take(&mut self, side: Side, profile: &Profile) {
        let counts = self.of(side);
        for (at, _) in profile.iter().filter(|(_, wh)| *wh > 0) {
            *counts.entry(at).or_default() += 1;
        }
    }

    /// Takes back what [`take`](Self::take) counted.
    pub(crate) fn give_back(&mut self, side: Side, profile: &Profile) {
        let counts = self.of(side);
        for (at, _) in profile.iter().filter(|(_, wh)| *wh > 0) {
            if let Some(count) = counts.get_mut(&at) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&at);
                }
            }
        }
    }

    /// Whether `profile`, delivered, would meet an own purchase in some interval.
    pub(crate) fn meets_purchase(&self, profile: &Profile) -> bool {
        !self.buys.is_empty()
            && profile.iter().any(|(at, wh)| wh > 0 && self.buys.contains_key(&at))
    }

    /// `profile` without the intervals in which something is sold.
    pub(crate) fn without_sales(&self, profile: &Profile) -> Profile {
        let keep = |(at, wh)| if self.sells.contains_key(&at) { 0 } else { wh };
        Profile { start: profile.start, wh: profile.iter().map(keep).collect() }
    }

    /// Forgets the intervals before `epoch`.
    pub(crate) fn prune(&mut self, epoch: Epoch) {
        self.buys.retain(|at, _| *at >= epoch);
        self.sells.retain(|at, _| *at >= epoch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_free_again_only_when_the_last_contract_has_gone() {
        let profile = Profile { start: Interval(5), wh: vec![10, 0, 20] };
        let mut position = Position::default();
        position.take(Side::Seller, &profile);
        position.take(Side::Seller, &profile);
        position.give_back(Side::Seller, &profile);
        assert_eq!(position.without_sales(&profile).wh, [0, 0, 0]);
        position.give_back(Side::Seller, &profile);
        assert_eq!(position.without_sales(&profile).wh, [10, 0, 20]);
        position.take(Side::Buyer, &profile);
        assert!(position.meets_purchase(&profile));
        let between = Profile { start: Interval(6), wh: vec![10] };
        assert!(!position.meets_purchase(&between));
        position.prune(Interval(8));
        assert!(!position.meets_purchase(&profile));
    }
}
