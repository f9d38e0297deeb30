//! The network between the members: who is connected where, and what that costs a kWh they trade.
//!
//! Charges, levies and taxes stay due on peer-to-peer energy, by how near the two parties are
//! (protocol 12.2). They are paid outside the chain, so no contract names them; both sides look
//! them up in the same directory.

use gridpact_chain::terms::{PartyId, Price};

/// How near two members are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// Behind the same connection.
    SameSite,
    /// On the same feeder.
    SameFeeder,
    /// Anywhere else, or at a place nobody knows.
    Other,
}

/// Where a member is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its connection; members behind one connection share the number.
    pub site: u32,
    /// The feeder the connection hangs on.
    pub feeder: u32,
}

/// Network fee by relation, per kWh (`tariff.p2p_fee`); all 0 by default, as in the paper.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NetworkFees {
    /// Between members behind one connection.
    pub same_site: Price,
    /// Between members on one feeder.
    pub same_feeder: Price,
    /// Between all others.
    pub other: Price,
}

impl NetworkFees {
    /// The same fee wherever energy crosses the network, none behind one connection.
    #[must_use]
    pub const fn uniform(fee: Price) -> Self {
        Self { same_site: Price::ZERO, same_feeder: fee, other: fee }
    }

    /// The fee between two members that are so near.
    #[must_use]
    pub const fn of(&self, relation: Relation) -> Price {
        match relation {
            Relation::SameSite => self.same_site,
            Relation::SameFeeder => self.same_feeder,
            Relation::Other => self.other,
        }
    }
}

/// The directory of places with the fees between them; the same for every member.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    fees: NetworkFees,
    /// By the member's number.
    places: Vec<Place>,
}

impl Network {
    /// A network of members, place by place in the order of their numbers.
    #[must_use]
    pub fn new(fees: NetworkFees, places: Vec<Place>) -> Self {
        Self { fees, places }
    }

    /// How near two members are; whoever is not in the directory is [`Relation::Other`].
    #[must_use]
    pub fn relation(&self, a: PartyId, b: PartyId) -> Relation {
        let place = |party: PartyId| self.places.get(party.0 as usize);
        match (place(a), place(b)) {
            (Some(a), Some(b)) if a.site == b.site => Relation::SameSite,
            (Some(a), Some(b)) if a.feeder == b.feeder => Relation::SameFeeder,
            _ => Relation::Other,
        }
    }

    /// What stays due on each kWh that one of them sells to the other.
    #[must_use]
    pub fn fee(&self, a: PartyId, b: PartyId) -> Price {
        self.fees.of(self.relation(a, b))
    }

    /// The lowest fee at which `party` can trade with anybody; the same-feeder fee when there is
    /// nobody else.
    #[must_use]
    pub fn least_fee(&self, party: PartyId) -> Price {
        let others = (0..).map(PartyId).take(self.places.len()).filter(|other| *other != party);
        others.map(|other| self.fee(party, other)).min().unwrap_or(self.fees.same_feeder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Members 0 and 1 behind one connection, 2 on their feeder, 3 on one of its own.
    fn network() -> Network {
        let fees =
            NetworkFees { same_site: Price(1), same_feeder: Price(30_000), other: Price(80_000) };
        let place = |(site, feeder)| Place { site, feeder };
        Network::new(fees, [(0, 0), (0, 0), (1, 0), (2, 1)].map(place).to_vec())
    }

    #[test]
    fn a_fee_depends_on_how_near_the_two_are_and_not_on_who_sells() {
        let network = network();
        let fee = |a, b| network.fee(PartyId(a), PartyId(b)).0;
        assert_eq!([fee(0, 1), fee(0, 2), fee(0, 3)], [1, 30_000, 80_000]);
        for (a, b) in [(0, 1), (0, 2), (1, 3), (2, 3)] {
            assert_eq!(fee(a, b), fee(b, a));
        }
    }

    #[test]
    fn a_stranger_is_at_no_known_place() {
        assert_eq!(network().relation(PartyId(0), PartyId(9)), Relation::Other);
        assert_eq!(network().relation(PartyId(9), PartyId(9)), Relation::Other);
    }

    #[test]
    fn the_least_fee_is_that_of_the_nearest_neighbour() {
        let least = |party| network().least_fee(PartyId(party)).0;
        assert_eq!([least(0), least(2), least(3)], [1, 30_000, 80_000]);
        let alone = Network::new(NetworkFees::uniform(Price(5)), Vec::new());
        assert_eq!(alone.least_fee(PartyId(0)), Price(5));
    }

    #[test]
    fn one_number_is_due_wherever_energy_crosses_the_network() {
        let fees = NetworkFees::uniform(Price(7));
        let due = [Relation::SameSite, Relation::SameFeeder, Relation::Other];
        assert_eq!(due.map(|relation| fees.of(relation).0), [0, 7, 7]);
    }
}
