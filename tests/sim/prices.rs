//! Law 3: every agreed price lies in [cost at signing, R - fee).

use std::collections::BTreeMap;

use gridpact::agents::network::NetworkFees;
use gridpact::agents::params::{PricingName, TacticName};
use gridpact::chain::terms::{Interval, Price};
use gridpact::sim::homes::{network, party_of};
use gridpact_tests::{Lived, a_street, live};

use crate::{SEERS, STREET, assert_lawful};

/// Every contract gains both: the seller at least its cost, the buyer less than the grid would ask,
/// in each interval of the delivery.
pub fn check(lived: &Lived) {
    let network = network(&lived.scenario, &lived.community);
    for (index, contract) in lived.run.contracts.iter().enumerate() {
        let (price, id) = (contract.price_microcurrency_per_kwh, &contract.contract_id);
        let cost = contract.cost_microcurrency_per_kwh;
        assert!(cost <= price, "{id}: price {price} is below the cost {cost}");
        let (buyer, seller) = (party_of(contract.buyer), party_of(contract.seller));
        let Price(fee) = network.fee(buyer, seller);
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
    scenario.tariff.p2p_fee = NetworkFees::uniform(Price(50_000));
    let lived = live(&scenario);
    assert!(!lived.run.contracts.is_empty());
    check(&lived);
    assert!(lived.report().summary().network_fee_microcurrency > 0);
}

/// Fees of protocol 12.2 in the three relations, and what they came to.
#[test]
fn each_contract_pays_the_fee_of_its_own_relation() {
    let mut scenario = a_street(12);
    scenario.feeder.sites = 4;
    scenario.tariff.p2p_fee =
        NetworkFees { same_site: Price(0), same_feeder: Price(10_000), other: Price(50_000) };
    let lived = live(&scenario);
    check(&lived);
    let mut kinds: Vec<i64> =
        lived.run.contracts.iter().map(|c| c.fee_microcurrency_per_kwh).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, [10_000, 50_000], "trade within feeders and between them");
    let report = lived.report();
    let (due, delivered) = (report.summary().network_fee_microcurrency, report.summary());
    let most = delivered.p2p_wh as i64 * 50;
    assert!(0 < due && due < most, "{due} of at most {most}");
}

#[test]
fn bounded_markups_keep_to_it() {
    let mut bounded = a_street(12);
    bounded.params.negotiate.pricing = PricingName::Bounded;
    let lived = live(&bounded);
    assert!(!lived.run.contracts.is_empty());
    check(&lived);
    assert_ne!(lived.run.chain.tip, STREET.run.chain.tip, "another markup, other prices");
}

/// The rounds in which the contracts on the chain were agreed, from 0.
fn agreed_in(lived: &Lived) -> Vec<u32> {
    let told = lived.run.ends.iter().flat_map(|end| &end.finals);
    let round: BTreeMap<&str, u32> = told.map(|(id, round)| (id.as_str(), *round)).collect();
    lived.run.contracts.iter().map(|contract| round[contract.contract_id.as_str()]).collect()
}

#[test]
fn many_rounds_under_every_tactic_keep_to_it() {
    for tactic in [
        TacticName::Boulware,
        TacticName::Linear,
        TacticName::Conceder,
        TacticName::ZeroIntelligence,
    ] {
        let mut rounds = a_street(12);
        rounds.params.negotiate.tactic = tactic;
        rounds.params.negotiate.max_rounds = 4;
        let lived = live(&rounds);
        assert_lawful(&lived);
        let agreed = agreed_in(&lived);
        let later = agreed.iter().filter(|round| **round > 0).count();
        assert!(later > 0, "{tactic:?}: no contract of a later round among {}", agreed.len());
        assert!(agreed.iter().all(|round| *round < 4));
        assert!(lived.run.ends.iter().any(|end| end.rounds > 2), "{tactic:?}");
        assert!(lived.run.ends.iter().all(|end| end.rounds <= 4));
        let letters = |lived: &Lived| -> u64 {
            lived.run.epochs.iter().map(|epoch| epoch.negotiation_messages).sum()
        };
        let per_task = |lived: &Lived| letters(lived) as f64 / lived.run.ends.len() as f64;
        assert!(per_task(&lived) > per_task(&STREET), "{tactic:?}: more rounds, more letters");
    }
}

#[test]
fn the_sources_own_prices_keep_to_it_when_a_dear_offer_is_answered() {
    let mut rounds = a_street(12);
    rounds.params.negotiate.max_rounds = 4;
    rounds.params.negotiate.margin_ppm = 1_000_000;
    let answered = live(&rounds);
    check(&answered);
    rounds.params.negotiate.max_rounds = 1;
    let refused = live(&rounds);
    assert_ne!(answered.run.chain.tip, refused.run.chain.tip, "rounds change what is traded");
    let (more, fewer) = (answered.run.contracts.len(), refused.run.contracts.len());
    assert!(more > fewer, "{more} contracts with an answer to dear offers, {fewer} without");
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
