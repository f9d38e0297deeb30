//! Network fees by relation: each session bargains below what is left after its own.

use gridpact_agents::network::{Network, NetworkFees, Place, Relation};
use gridpact_agents::params::{FinalOrder, Params};
use gridpact_chain::terms::{PartyId, Price};
use proptest::prelude::*;

use crate::laws::{CALM, STORM, assert_laws};
use crate::street::{Net, Street};

/// Houses two to a building and `feeder` buildings to a feeder.
fn network(fees: [i64; 3], houses: u32, feeder: u32) -> Network {
    let [same_site, same_feeder, other] = fees.map(Price);
    let place = |house: u32| Place { site: house / 2, feeder: house / 2 / feeder };
    Network::new(NetworkFees { same_site, same_feeder, other }, (0..houses).map(place).collect())
}

fn lived(network: Network, houses: usize, params: Params, net: Net, seed: u64) -> Street {
    let mut street = Street::on(network, houses, params, net, seed);
    street.run();
    street
}

/// The price law in words of its own: the cost at signing, the grid's price, and the fee.
fn assert_prices(street: &Street) {
    for (buyer, outcome) in &street.outcomes {
        for deal in &outcome.finals {
            let cost = street.houses[deal.seller.0 as usize].local.unit_cost;
            let most = outcome.retail.0 - street.network.fee(*buyer, deal.seller).0;
            let price = deal.unit_price.0;
            assert!((cost..most).contains(&price), "{cost} <= {price} < {most}");
        }
    }
}

/// Energy sold over each relation, Wh.
fn sold(street: &Street) -> [u64; 3] {
    let mut sums = [0; 3];
    for (buyer, outcome) in &street.outcomes {
        for deal in &outcome.finals {
            sums[street.network.relation(*buyer, deal.seller) as usize] += deal.energy.0;
        }
    }
    sums
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_price_lies_between_cost_and_what_the_fee_of_its_relation_leaves(
        fees in [0_i64..30_000, 0_i64..150_000, 0_i64..250_000],
        feeder in 1_u32..6,
        seed in any::<u64>(),
        stormy in any::<bool>(),
        dearest in any::<bool>(),
    ) {
        let mut params = Params::default();
        if dearest {
            params.finals.order = FinalOrder::DearestFirst;
        }
        let net = if stormy { STORM } else { CALM };
        let street = lived(network(fees, 20, feeder), 20, params, net, seed);
        assert_laws(&street);
        assert_prices(&street);
    }
}

#[test]
fn trade_crosses_every_relation_where_the_law_is_tested() {
    let mut sums = [0; 3];
    for seed in 0..6 {
        let street = lived(network([0, 20_000, 60_000], 20, 3), 20, Params::default(), CALM, seed);
        assert_prices(&street);
        for (sum, wh) in sums.iter_mut().zip(sold(&street)) {
            *sum += wh;
        }
    }
    assert!(sums.iter().all(|wh| *wh > 0), "{sums:?}");
}

#[test]
fn a_higher_fee_between_feeders_moves_trade_into_them() {
    let outside = |other: i64| {
        let mut sums = [0; 3];
        for seed in 0..8 {
            let network = network([0, 20_000, other], 40, 5);
            let street = lived(network, 40, Params::default(), CALM, seed);
            for (sum, wh) in sums.iter_mut().zip(sold(&street)) {
                *sum += wh;
            }
        }
        let [site, feeder, other] = sums;
        (site + feeder, other)
    };
    let (near, far) = outside(20_000);
    let (nearer, less_far) = outside(80_000);
    let (nearest, none) = outside(1_000_000);
    assert!(near < nearer && less_far < far, "{near} {far} -> {nearer} {less_far} Wh");
    assert!(nearer < nearest && none == 0, "beyond R nothing crosses: {nearest} {none} Wh");
}

#[test]
fn a_fee_without_feeders_is_the_same_number_for_all() {
    let run = |network| {
        let mut street = Street::on(network, 20, Params::default(), CALM, 3);
        street.transcript = Some(1);
        street.run();
        (street.transcript, sold(&street).iter().sum::<u64>())
    };
    let alone = |feeder| {
        let place = |house| Place { site: house, feeder: house / feeder };
        Network::new(NetworkFees::uniform(Price(50_000)), (0..20).map(place).collect())
    };
    assert_eq!(run(alone(20)), run(alone(4)));
    assert_eq!(alone(4).relation(PartyId(0), PartyId(4)), Relation::Other);
}
