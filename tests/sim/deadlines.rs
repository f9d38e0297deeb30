//! Law 4: nothing changes after its deadline, judged by the chain's own time.

use gridpact_tests::{Lived, a_street, live};

use crate::{SEERS, STREET};

/// A contract is on the chain by the settle time of its epoch or never, and delivers only after the
/// gate of the epoch that made it.
pub fn check(lived: &Lived) {
    let params = &lived.scenario.params.epoch;
    let mut last = 0;
    for (pair, body) in lived.contracts() {
        let deadlines = params.deadlines(body.epoch.starts_at(params.interval_s()));
        let at = pair.contract.time_ms;
        assert_eq!(body.valid_until, deadlines.settle, "height {}", pair.height());
        assert!(at <= body.valid_until, "height {} at {} ms", pair.height(), at.0);
        assert!(at >= deadlines.start, "height {} before its epoch", pair.height());
        assert!(body.start.starts_at(params.interval_s()) >= deadlines.gate);
        assert!(at.0 >= last, "chain time goes on");
        last = at.0;
    }
}

#[test]
fn contracts_settle_in_time_and_deliver_after_the_gate() {
    for lived in [&*STREET, &*SEERS] {
        check(lived);
    }
}

#[test]
fn without_early_finish_every_phase_lasts_until_its_deadline() {
    let mut scenario = a_street(12);
    scenario.params.epoch.early_finish = false;
    let lived = live(&scenario);
    check(&lived);
    assert!(!lived.run.contracts.is_empty());
    let params = &scenario.params.epoch;
    for (pair, body) in lived.contracts() {
        let deadlines = params.deadlines(body.epoch.starts_at(params.interval_s()));
        let at = pair.contract.time_ms;
        assert!(at >= deadlines.d2, "no contract is final before negotiation has ended");
    }
}

#[test]
fn short_intervals_shorten_the_deadlines() {
    let mut scenario = a_street(6);
    scenario.params.epoch.interval_min = 5;
    scenario.params.epoch.horizon_h = 4;
    scenario.params.epoch.d3_ms = 400_000;
    scenario.params.epoch.settle_ms = 500_000;
    scenario.params.epoch.early_finish = false;
    let lived = live(&scenario);
    lived.assert_proved();
    check(&lived);
    assert!(!lived.run.contracts.is_empty());
}
