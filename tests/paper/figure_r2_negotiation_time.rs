//! R2: negotiation time is work, not waiting.

use gridpact_tests::{a_street, live};

#[test]
fn figure_r2_negotiation_time_excludes_waiting_for_the_deadline() {
    for early_finish in [true, false] {
        let mut scenario = a_street(12);
        scenario.params.epoch.early_finish = early_finish;
        let lived = live(&scenario);
        let spread = lived.report().summary().negotiation_ms;
        let mean = spread.mean.expect("measured");
        assert!(mean > 0.0);
        // D2 lies 30 s after the start of the epoch.
        assert!(mean < 5_000.0, "{mean} ms with early finish {early_finish}");
        assert!(spread.p50 <= spread.p95 && spread.p95 <= spread.p99);
    }
}

#[test]
fn figure_r2_only_epochs_that_negotiated_are_measured() {
    let lived = live(&a_street(12));
    for epoch in &lived.run.epochs {
        assert_eq!(epoch.negotiation_us.is_some(), epoch.negotiation_messages > 0, "{epoch:?}");
        if epoch.tasks == 0 {
            assert_eq!(epoch.negotiation_us, None);
        }
    }
}
