//! The common transformer: an enforced limit binds what homes can move, and is told.

use gridpact::report::Report;
use gridpact::report::feeder::FeederKeys;
use gridpact::sim::scenario::Scenario;
use gridpact_tests::{a_street_of_seers, live};

use crate::SEERS;

fn feeder(scenario: &Scenario) -> FeederKeys {
    let report = Report::new(live(scenario).run).expect("a run that hangs together");
    report.summary().feeder.clone()
}

/// The street behind a transformer that takes `export_w` from it.
fn behind(export_w: u64, enforce: bool) -> Scenario {
    let mut scenario = a_street_of_seers(12);
    scenario.feeder.export_limit_w = Some(export_w);
    scenario.feeder.enforce = enforce;
    scenario
}

#[test]
fn an_enforced_limit_keeps_the_transformer_from_overload_and_is_told() {
    let free = Report::new(SEERS.run.clone()).expect("a run that hangs together");
    let free = free.summary().feeder.clone();
    assert_eq!(free.trading.overload_minutes, None, "no limit, no overload");
    let fed = free.trading.minimum_w.max(free.local.minimum_w);
    assert!(fed < -1_000, "the street has something to feed: {free:?}");
    let limit = fed.unsigned_abs() * 6 / 10;
    let (told, kept) = (feeder(&behind(limit, false)), feeder(&behind(limit, true)));
    // Without enforcement the limit is a line on a chart and nothing else.
    for (one, other) in [(&told.local, &free.local), (&told.trading, &free.trading)] {
        assert_eq!((one.minimum_w, &one.minimum_at), (other.minimum_w, &other.minimum_at));
        assert!(one.overload_minutes.is_some_and(|minutes| minutes > 0), "{told:?}");
    }
    assert!(!told.enforced && kept.enforced);
    assert_eq!(told.no_control, kept.no_control, "nobody tells run A");
    for seen in [&kept.local, &kept.trading] {
        assert_eq!(seen.overload_minutes, Some(0), "{kept:?}");
    }
}
