//! Law 3: every agreed price lies in [cost at signing, R - fee).

use gridpact::agents::params::Pricing;
use gridpact::chain::terms::{Interval, Price};
use gridpact_tests::{Lived, a_street, live};

use crate::{SEERS, STREET};

/// Every contract gains both: the seller at least its cost, the buyer less than the grid would ask,
/// in each interval of the delivery.
pub fn check(lived: &Lived) {
    let fee = lived.scenario.tariff.p2p_fee.0;
    for (index, contract) in lived.run.contracts.iter().enumerate() {
        let (price, id) = (contract.price_microcurrency_per_kwh, &contract.contract_id);
        let cost = contract.cost_microcurrency_per_kwh;
        assert!(cost <= price, "{id}: price {price} is below the cost {cost}");
        let reservation = contract.retail_microcurrency_per_kwh - fee;
        assert!(price < reservation, "{id}: price {price} is not below R - fee = {reservation}");
        assert_eq!(contract.fee_microcurrency_per_kwh, fee);
        let tariff = &lived.community.sites[contract.buyer].tariff;
        let profile = lived.profile(index);
        for (at, wh) in profile.iter().filter(|(_, wh)| *wh > 0) {
            let Price(retail) = tariff.retail(Interval(at.0));
            assert!(price + fee < retail, "{id}: {wh} Wh at {at} for {price}, the grid {retail}");
        }
    }
}

#[test]
fn prices_lie_between_cost_and_what_the_grid_asks() {
    for lived in [&*STREET, &*SEERS] {
        check(lived);
    }
}

#[test]
fn a_fee_narrows_the_room_from_above() {
    let mut scenario = a_street(12);
    scenario.tariff.p2p_fee = Price(50_000);
    let lived = live(&scenario);
    assert!(!lived.run.contracts.is_empty());
    check(&lived);
    assert!(lived.report().summary().network_fee_microcurrency > 0);
}

#[test]
fn both_markups_and_many_rounds_keep_to_it() {
    let mut bounded = a_street(12);
    bounded.params.negotiate.pricing = Pricing::Bounded;
    let mut rounds = a_street(12);
    rounds.params.negotiate.max_rounds = 4;
    for scenario in [bounded, rounds] {
        let lived = live(&scenario);
        assert!(!lived.run.contracts.is_empty());
        check(&lived);
    }
}

/// Without margin, scarcity or a penny of slack the quote is all that stands between price and cost:
/// only the exact re-plan at signing keeps a seller from a loss.
#[test]
fn a_seller_without_margin_still_loses_nothing() {
    for seed in 1..=3 {
        let mut scenario = a_street(12);
        scenario.seed = seed;
        let negotiate = &mut scenario.params.negotiate;
        negotiate.margin_ppm = 0;
        negotiate.a_s_ppm = 0;
        negotiate.disc_ppm = 600_000;
        let lived = live(&scenario);
        assert!(!lived.run.contracts.is_empty());
        check(&lived);
    }
}
