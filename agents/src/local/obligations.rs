//! The contracts and reservations that bind later plans.
//!
//! A reservation counts from the moment it is confirmed until it is released or its time has
//! passed; it never lapses by waiting, because a buyer may publish late on purpose.

use std::collections::{BTreeMap, BTreeSet};

use gridpact_chain::contract::ContractId;
use gridpact_chain::terms::{Interval, Profile};

use super::door::{Obligation, Side};
use super::speech::Held;

/// Obligations by contract.
#[derive(Debug, Clone, Default)]
pub(super) struct Obligations {
    held: BTreeMap<ContractId, Held>,
}

impl Obligations {
    /// Takes news from the SCA; says whether any plan is affected.
    pub fn hear(&mut self, obligation: Obligation) -> bool {
        match obligation {
            Obligation::Signed { contract_id, side, profile } => {
                if let Some(held) = self.held.get_mut(&contract_id) {
                    held.is_signed = true;
                    if side == Side::Seller && held.profile.energy() >= profile.energy() {
                        // Signed for less, or for the same energy at hours left to the seller.
                        let changed = held.profile.energy() != profile.energy();
                        if changed {
                            held.profile = held.profile.first(profile.energy());
                        }
                        return changed;
                    }
                }
                self.held.insert(contract_id, Held { contract_id, side, profile, is_signed: true });
                true
            }
            Obligation::Released { contract_id } => self.held.remove(&contract_id).is_some(),
        }
    }

    /// Holds a sale that was just confirmed.
    pub fn reserve(&mut self, contract_id: ContractId, profile: Profile) {
        let held = Held { contract_id, side: Side::Seller, profile, is_signed: false };
        self.held.insert(contract_id, held);
    }

    /// Forgets what lies entirely before `now`.
    pub fn roll(&mut self, now: Interval) {
        self.held.retain(|_, held| held.profile.end() > now);
    }

    /// Energy per interval of `start..start + n` on one side, Wh.
    pub fn energies(&self, side: Side, start: Interval, n: usize) -> Vec<f64> {
        let mut wh = vec![0.0; n];
        for held in self.held.values().filter(|h| h.side == side) {
            for (at, energy) in held.profile.iter() {
                let t = at.0.checked_sub(start.0).map(|t| t as usize);
                if let Some(slot) = t.and_then(|t| wh.get_mut(t)) {
                    *slot += energy as f64;
                }
            }
        }
        wh
    }

    /// Intervals with energy on one side.
    pub fn intervals(&self, side: Side) -> BTreeSet<Interval> {
        let profiles = self.held.values().filter(|h| h.side == side).map(|h| &h.profile);
        profiles.flat_map(|p| p.iter()).filter(|(_, wh)| *wh > 0).map(|(at, _)| at).collect()
    }

    /// Whether there is energy on one side in `at`.
    pub fn reaches(&self, side: Side, at: Interval) -> bool {
        self.held.values().any(|held| held.side == side && held.profile.at(at) > 0)
    }

    /// On which side of `contract_id` this site is, if it holds it.
    pub fn side(&self, contract_id: &ContractId) -> Option<Side> {
        self.held.get(contract_id).map(|held| held.side)
    }

    /// The same without one contract.
    pub fn without(&self, contract_id: &ContractId) -> Self {
        let mut others = self.clone();
        others.held.remove(contract_id);
        others
    }

    /// Everything held, by contract.
    pub fn all(&self) -> Vec<Held> {
        self.held.values().cloned().collect()
    }

    /// Energy held under `contract_id`.
    #[cfg(test)]
    pub fn energy_of(&self, contract_id: ContractId) -> Option<gridpact_chain::terms::Energy> {
        self.held.get(&contract_id).map(|h| h.profile.energy())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gridpact_chain::terms::Energy;

    fn sale(id: u8, wh: Vec<u64>) -> (ContractId, Profile) {
        (ContractId(gridpact_chain::digest::Digest([id; 32])), Profile { start: Interval(10), wh })
    }

    #[test]
    fn a_reservation_becomes_a_contract_and_stays_until_released_or_past() {
        let mut book = Obligations::default();
        let (id, profile) = sale(1, vec![100, 200]);
        book.reserve(id, profile.clone());
        assert_eq!(book.energies(Side::Seller, Interval(9), 3), [0.0, 100.0, 200.0]);
        let signed = Obligation::Signed { contract_id: id, side: Side::Seller, profile };
        assert!(!book.hear(signed.clone()), "already planned with");
        assert!(!book.hear(signed), "said twice");
        book.roll(Interval(11));
        assert_eq!(book.all().len(), 1);
        assert!(book.hear(Obligation::Released { contract_id: id }));
        assert!(!book.hear(Obligation::Released { contract_id: id }));
        assert!(book.all().is_empty());
    }

    #[test]
    fn signed_for_less_frees_the_rest() {
        let mut book = Obligations::default();
        let (id, profile) = sale(1, vec![100, 200]);
        book.reserve(id, profile);
        let (_, less) = sale(1, vec![100, 50]);
        assert!(book.hear(Obligation::Signed {
            contract_id: id,
            side: Side::Seller,
            profile: less
        }));
        assert_eq!(book.energy_of(id), Some(Energy(150)));
    }

    #[test]
    fn what_has_passed_is_forgotten() {
        let mut book = Obligations::default();
        let (id, profile) = sale(1, vec![100, 200]);
        book.reserve(id, profile);
        book.roll(Interval(12));
        assert!(book.all().is_empty());
        assert!(book.intervals(Side::Seller).is_empty());
    }
}
