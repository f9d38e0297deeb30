//! The best mode of a market keeps every law of the paper's, and nearly no request of it is refused.

use gridpact::agents::params::Tender;
use gridpact::report::settle::settle;
use gridpact::sim::scenario::{Mode, Scenario};
use gridpact_tests::{a_street, a_street_of_seers, live};

use crate::{STREET, assert_lawful, feasibility};

fn at_best(mut scenario: Scenario) -> Scenario {
    Mode::Best.set(&mut scenario.params);
    scenario
}

#[test]
fn claims_keep_every_law_and_the_same_seed_the_same_tip() {
    let lived = live(&at_best(a_street(12)));
    assert_lawful(&lived);
    let again = live(&at_best(a_street(12)));
    assert_eq!(lived.run.chain.tip, again.run.chain.tip);
    assert_ne!(lived.run.chain.tip, STREET.run.chain.tip, "it is another market");
    let tasks = &lived.run.tasks;
    let requests = lived.run.contracts.len() as u64 + tasks.cancelled_requests;
    assert!(requests > 20 && tasks.cancelled_requests * 10 <= requests, "{tasks:?}");
}

#[test]
fn what_is_claimed_leaves_through_the_sellers_meter() {
    let lived = live(&at_best(a_street_of_seers(12)));
    assert_lawful(&lived);
    feasibility::check_meters(&lived, |_| true);
}

#[test]
fn the_papers_mode_is_the_default() {
    let mut scenario = a_street(12);
    Mode::Paper.set(&mut scenario.params);
    assert_eq!(scenario.params, a_street(12).params);
}

#[test]
fn one_pass_a_day_stays_one_pass_a_day_in_every_mode() {
    for mode in Mode::ALL {
        let mut scenario = a_street(12);
        mode.set(&mut scenario.params);
        let rolling = scenario.params.epoch.tender;
        assert_eq!(rolling == Tender::LastChance, mode == Mode::Best);
        scenario.params.epoch.tender = Tender::DayAhead;
        mode.set(&mut scenario.params);
        assert_eq!(scenario.params.epoch.tender, Tender::DayAhead);
    }
}

/// What is bought at the last chance is what is then missing: of what is bought hours ahead more is
/// never taken.
#[test]
fn more_of_what_is_bought_at_the_last_chance_is_delivered() {
    let delivered = |tender| {
        let (mut given, mut promised) = (0, 0);
        for seed in 1..=4 {
            let mut scenario = at_best(a_street(12));
            (scenario.seed, scenario.params.epoch.tender) = (seed, tender);
            for done in settle(&live(&scenario).run).fulfilments {
                (given, promised) = (given + done.delivered_wh, promised + done.contracted_wh);
            }
        }
        given as f64 / promised as f64
    };
    let (last, ahead) = (delivered(Tender::LastChance), delivered(Tender::Rolling));
    assert!(last > ahead, "{last} instead of {ahead}");
}
