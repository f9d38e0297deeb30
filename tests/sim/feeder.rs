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

/// The street behind a transformer of `import_w`.
fn behind(import_w: u64, enforce: bool) -> Scenario {
    let mut scenario = a_street_of_seers(12);
    scenario.feeder.import_limit_w = Some(import_w);
    scenario.feeder.enforce = enforce;
    scenario
}

#[test]
fn an_enforced_limit_keeps_the_transformer_from_what_homes_can_move() {
    let free = Report::new(SEERS.run.clone()).expect("a run that hangs together");
    let free = free.summary().feeder.clone();
    assert_eq!(free.trading.overload_minutes, None, "no limit, no overload");
    let limit =
        u64::try_from(free.trading.peak_w.min(free.local.peak_w)).expect("it draws") * 6 / 10;
    let (told, kept) = (feeder(&behind(limit, false)), feeder(&behind(limit, true)));
    // Without enforcement the limit is a line on a chart and nothing else.
    for (one, other) in [(&told.local, &free.local), (&told.trading, &free.trading)] {
        assert_eq!((one.peak_w, &one.peak_at), (other.peak_w, &other.peak_at));
        assert!(one.overload_minutes.is_some_and(|minutes| minutes > 0), "{told:?}");
    }
    assert!(!told.enforced && kept.enforced);
    assert_eq!(told.no_control, kept.no_control, "nobody tells run A");
    for (kept, told) in [(&kept.local, &told.local), (&kept.trading, &told.trading)] {
        assert!(kept.overload_minutes < told.overload_minutes, "{kept:?} beside {told:?}");
        assert!(kept.peak_w < told.peak_w, "{kept:?} beside {told:?}");
    }
}
