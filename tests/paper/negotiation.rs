//! Section 6: prices follow cost, scarcity and outside options.

use std::sync::LazyLock;

use gridpact::agents::network::NetworkFees;
use gridpact::chain::terms::Price;
use gridpact_tests::{Lived, a_street};

use crate::{lives, mean, mean_share};

/// The street as it is, under a few seeds.
static STREETS: LazyLock<Vec<Lived>> = LazyLock::new(|| lives(&a_street(12), 3));

/// Mean of agreed price over the seller's cost at signing, by energy.
fn markup(lived: &Lived) -> f64 {
    let sum = |of: fn(&gridpact::report::run::Contract) -> i64| -> f64 {
        let energy = |c: &gridpact::report::run::Contract| c.profile_wh.iter().sum::<u64>() as f64;
        lived.run.contracts.iter().map(|c| of(c) as f64 * energy(c)).sum()
    };
    sum(|c| c.price_microcurrency_per_kwh) / sum(|c| c.cost_microcurrency_per_kwh).max(1.0)
}

#[test]
fn section_6_2_a_greater_margin_raises_prices_and_costs_trade() {
    let of_margin = |ppm| {
        let mut scenario = a_street(12);
        scenario.params.negotiate.margin_ppm = ppm;
        let lives = lives(&scenario, 3);
        (mean(&lives, |lived, _| markup(lived)), mean(&lives, |_, r| r.summary().p2p_share))
    };
    let ((modest, much), (greedy, little)) = (of_margin(0), of_margin(1_500_000));
    assert!(greedy > modest, "price over cost {modest:.3} without margin, {greedy:.3} with 1.5");
    assert!(little < much, "share {much:.3} without margin, {little:.3} with 1.5");
}

#[test]
fn section_6_2_a_seller_asks_more_the_more_it_has_promised() {
    let of_slope = |ppm| {
        let mut scenario = a_street(12);
        scenario.params.negotiate.a_s_ppm = ppm;
        mean(&lives(&scenario, 3), |lived, _| markup(lived))
    };
    let (flat, steep) = (of_slope(0), of_slope(300_000));
    assert!(steep > flat, "price over cost {flat:.3} without scarcity, {steep:.3} with");
}

#[test]
fn section_6_4_both_sides_may_end_a_session() {
    let lives = &*STREETS;
    let total = |of: fn(&gridpact::report::run::Tasks) -> u64| {
        lives.iter().map(|lived| of(&lived.run.tasks)).sum::<u64>()
    };
    let finals: u64 = lives.iter().map(|lived| lived.run.contracts.len() as u64).sum();
    assert!(total(|tasks| tasks.temporary_contracts) > finals, "not every promise becomes final");
    assert!(total(|tasks| tasks.cancelled_requests) > 0, "sellers cancel what they cannot keep");
}

#[test]
fn section_6_5_a_session_is_a_handful_of_letters() {
    for lived in &*STREETS {
        for epoch in &lived.run.epochs {
            // A request, its reply, an offer, an answer, an answer to the counter: at most five
            // letters for each of the at most eleven others a task can talk to.
            let most = 5 * 11 * epoch.tasks;
            assert!(epoch.negotiation_messages <= most, "{epoch:?}");
        }
    }
}

#[test]
fn section_12_2_a_fee_on_traded_energy_costs_trade() {
    let free = mean(&STREETS, |_, report| report.summary().p2p_share);
    let mut scenario = a_street(12);
    scenario.tariff.p2p_fee = NetworkFees::uniform(Price(150_000));
    let charged = mean_share(&scenario, 3);
    assert!(charged < free, "share {free:.3} without a fee, {charged:.3} with 15 c");
}

#[test]
fn section_12_2_a_dearer_crossing_keeps_trade_within_the_feeder() {
    let within = |other: i64| {
        let mut scenario = a_street(12);
        scenario.feeder.sites = 4;
        scenario.tariff.p2p_fee =
            NetworkFees { same_feeder: Price(20_000), other: Price(other), same_site: Price(0) };
        let (mut near, mut all) = (0, 0);
        for lived in lives(&scenario, 3) {
            for contract in &lived.run.contracts {
                let wh: u64 = contract.profile_wh.iter().sum();
                all += wh;
                near += if contract.buyer / 4 == contract.seller / 4 { wh } else { 0 };
            }
        }
        near as f64 / all as f64
    };
    let (even, dear) = (within(20_000), within(100_000));
    assert!(even + 0.05 < dear, "within the feeder: {even:.3} at the same fee, {dear:.3} at 10 c");
}
