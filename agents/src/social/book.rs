//! Book: the temporary contracts a seller holds, promised against capacity nobody has reserved.
//!
//! They bind nobody; they only move the price and mark saturation. Final contracts are not here.

use std::collections::BTreeMap;
use std::sync::Arc;

use gridpact_chain::contract::ContractId;
use gridpact_chain::terms::{Energy, Interval, PartyId, Price, Profile};
use serde::{Deserialize, Serialize};

use super::message::TaskId;

/// A session as its seller knows it: whose task it is about.
pub(crate) type SessionKey = (PartyId, TaskId);

/// What both sides keep after an accept (protocol 6.1); not binding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TempContract {
    /// Identity, the same on both sides.
    pub contract_id: ContractId,
    /// The task it serves.
    pub task: TaskId,
    /// Who takes the energy.
    pub buyer: PartyId,
    /// Who delivers it.
    pub seller: PartyId,
    /// Round of the offer it came from.
    pub round: u32,
    /// Energy per interval.
    pub profile: Arc<Profile>,
    /// Sum of the profile.
    pub energy: Energy,
    /// Agreed price.
    pub unit_price: Price,
    /// The seller's feed-in price.
    pub surplus_price: Price,
}

/// Temporary contracts that touch a range of intervals, summed up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Overlap {
    /// How many.
    pub count: u32,
    /// Their energy in Wh.
    pub energy_wh: u128,
    /// Sum of energy times price, in Wh x micro-currency/kWh.
    pub weighted: i128,
}

impl Overlap {
    /// Whether `price` is below the energy-weighted mean price; never with nothing in hand.
    #[must_use]
    pub fn mean_is_above(&self, price: Price) -> bool {
        let energy = i128::try_from(self.energy_wh).unwrap_or(i128::MAX);
        i128::from(price.0).saturating_mul(energy) < self.weighted
    }
}

/// A seller's temporary contracts.
#[derive(Debug, Default)]
pub(crate) struct Book {
    held: BTreeMap<SessionKey, TempContract>,
}

impl Book {
    /// Sums up what touches `start..end`.
    pub(crate) fn overlap(&self, start: Interval, end: Interval) -> Overlap {
        let mut sum = Overlap::default();
        for temp in self.held.values().filter(|temp| temp.profile.overlaps(start, end)) {
            sum.count += 1;
            sum.energy_wh += u128::from(temp.energy.0);
            sum.weighted += i128::from(temp.energy.0) * i128::from(temp.unit_price.0);
        }
        sum
    }

    pub(crate) fn hold(&mut self, temp: TempContract) {
        self.held.insert((temp.buyer, temp.task), temp);
    }

    pub(crate) fn get(&self, key: &SessionKey) -> Option<&TempContract> {
        self.held.get(key)
    }

    pub(crate) fn drop_held(&mut self, key: &SessionKey) -> Option<TempContract> {
        self.held.remove(key)
    }

    /// Drops what is held for this session, if it is that contract.
    pub(crate) fn drop_contract(
        &mut self,
        key: &SessionKey,
        id: &ContractId,
    ) -> Option<TempContract> {
        let is_it = self.get(key).is_some_and(|temp| temp.contract_id == *id);
        is_it.then(|| self.held.remove(key)).flatten()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &TempContract> {
        self.held.values()
    }

    pub(crate) fn clear(&mut self) {
        self.held.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }
}

/// Energy of all `profiles` together.
pub(super) fn sum<'a>(profiles: impl Iterator<Item = &'a Profile> + Clone) -> Profile {
    let start = profiles.clone().map(|profile| profile.start).min().unwrap_or_default();
    let end = profiles.clone().map(Profile::end).max().unwrap_or(start);
    let mut sum = Profile::zeros(start, end);
    for (at, wh) in profiles.flat_map(Profile::iter) {
        if let Some(all) = sum.wh.get_mut((at.0 - start.0) as usize) {
            *all = all.saturating_add(wh);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn temp(buyer: u32, start: u32, wh: &[u64], price: i64) -> TempContract {
        let profile = Profile { start: Interval(start), wh: wh.to_vec() };
        TempContract {
            contract_id: ContractId::default(),
            task: TaskId::default(),
            buyer: PartyId(buyer),
            seller: PartyId(0),
            round: 0,
            energy: profile.energy(),
            profile: Arc::new(profile),
            unit_price: Price(price),
            surplus_price: Price(0),
        }
    }

    #[test]
    fn only_overlapping_contracts_count_and_the_mean_weighs_energy() {
        let mut book = Book::default();
        book.hold(temp(1, 10, &[100, 100], 100));
        book.hold(temp(2, 11, &[600], 300));
        book.hold(temp(3, 20, &[900], 900));
        let both = book.overlap(Interval(11), Interval(12));
        assert_eq!((both.count, both.energy_wh), (2, 800));
        // (200 * 100 + 600 * 300) / 800 = 250.
        assert!(both.mean_is_above(Price(249)) && !both.mean_is_above(Price(250)));
        assert_eq!(book.overlap(Interval(10), Interval(11)).count, 1);
        let none = book.overlap(Interval(12), Interval(20));
        assert!(!none.mean_is_above(Price(i64::MIN)), "no mean, no refusal");
    }
}
