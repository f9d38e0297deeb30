//! Section 7: which temporary contracts become final.

use gridpact::agents::params::FinalOrder;
use gridpact_tests::{Lived, a_street};

use crate::{lives, mean};

fn mean_price(lived: &Lived) -> f64 {
    let (energy, money) = lived
        .contracts()
        .fold((0.0, 0.0), |(e, m), (_, b)| (e + b.energy.0 as f64, m + b.amount.0 as f64));
    1000.0 * money / energy
}

#[test]
fn section_7_2_taking_the_cheapest_first_pays_less() {
    let of_order = |order| {
        let mut scenario = a_street(16);
        scenario.params.finals.order = order;
        scenario.params.negotiate.overbook_ppm = 4_000_000;
        mean(&lives(&scenario, 4), |lived, _| mean_price(lived))
    };
    let (cheapest, dearest) =
        (of_order(FinalOrder::CheapestFirst), of_order(FinalOrder::DearestFirst));
    assert!(cheapest < dearest, "{cheapest:.0} cheapest first, {dearest:.0} dearest first");
}

#[test]
fn section_7_1_what_is_left_is_tendered_again() {
    for lived in lives(&a_street(12), 2) {
        assert!(lived.run.tasks.retendered_tasks > 0);
        assert!(lived.run.tasks.tasks > 0);
    }
}
