//! R6: what trading saves, and that nobody is made worse off.

use gridpact_tests::{a_street, a_street_of_seers};

use crate::figure_r3_share::{contracts, numbers};
use crate::lives;

#[test]
fn figure_r6_ex_ante_no_contract_makes_a_party_worse_off() {
    for lived in lives(&a_street(12), 3) {
        let table = contracts(&lived);
        let column = |name: &str| numbers(&table, name);
        let prices = column("price_microcurrency_per_kwh");
        let (retail, cost) =
            (column("retail_microcurrency_per_kwh"), column("cost_microcurrency_per_kwh"));
        for (price, (retail, cost)) in prices.iter().zip(retail.iter().zip(&cost)) {
            assert!(cost <= price && price < retail, "{cost} <= {price} < {retail}");
        }
    }
}

/// With perfect forecasts and full delivery nobody pays more than with the grid alone; whole
/// watt-hours and re-planning may cost a home a fraction of a cent.
#[test]
fn figure_r6_ex_post_who_knew_the_future_pays_no_more() {
    for lived in lives(&a_street_of_seers(12), 3) {
        let report = lived.report();
        for (site, bills) in lived.run.sites.iter().zip(report.bills()) {
            let (gain, bill) = (bills.gain(), bills.local.total());
            let slack = 20_000.max(bill.abs() / 200);
            assert!(gain >= -slack, "{}: {gain} of {bill} micro-currency", site.name);
        }
    }
}

#[test]
fn figure_r6_the_community_saves_by_trading() {
    let lives: Vec<_> = lives(&a_street_of_seers(12), 3);
    for lived in &lives {
        let report = lived.report();
        let summary = report.summary();
        assert!(summary.cost_microcurrency < summary.baseline_cost_microcurrency);
        let ratio = summary.savings_ratio.expect("the baseline costs something");
        assert!(ratio > 0.0 && ratio < 1.0, "{ratio}");
        let own = report.bills().iter().map(|bills| bills.trading.trade).sum::<i64>();
        assert_eq!(own, 0, "what prosumers pay each other cancels");
    }
}

/// Three runs of one community: local schedules save against none, before any trade.
#[test]
fn figure_r6_local_schedules_alone_save_already() {
    for lived in lives(&a_street_of_seers(12), 2) {
        let report = lived.report();
        let total = |of: fn(&gridpact::report::bill::Bills) -> i64| -> i64 {
            report.bills().iter().map(of).sum()
        };
        let (a, b) =
            (total(|bills| bills.uncontrolled.total()), total(|bills| bills.local.total()));
        assert!(b < a, "uncontrolled {a}, local {b}");
    }
}
