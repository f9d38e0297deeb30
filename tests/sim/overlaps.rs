//! Epochs that overlap: the next one plans and trades while the last one settles. Nothing of either is
//! lost, whoever is slow and whoever breaks, and each ends at its own time.

use gridpact::chain::terms::PartyId;
use gridpact::sim::faults::{Crash, Faults, Role};
use gridpact::sim::scenario::{Host, Scenario};
use gridpact_tests::{Lived, a_street, a_street_of_seers, live, live_with};

use crate::crashes::assert_on_time;
use crate::late_buyers::{check_bound, dawdlers};
use crate::{assert_lawful, feasibility};

/// Contracts of an epoch reach the chain twenty minutes into the next one.
const SETTLE_MS: u64 = 3_000_000;

fn overlapping(mut scenario: Scenario) -> Scenario {
    scenario.params.epoch.overlap = true;
    scenario.params.epoch.settle_ms = SETTLE_MS;
    scenario
}

/// Contracts came on the chain while the epoch after their own was under way (some with those of the
/// epoch before, which settles first); none was lost, none was kept that is not there, and none is
/// delivered before it is settled.
fn assert_settled_in_the_next_epoch(lived: &Lived) {
    assert_lawful(lived);
    check_bound(lived);
    let interval_s = lived.community.interval_s;
    let mut later = 0;
    for (pair, body) in lived.contracts() {
        let next = body.epoch.plus(1).starts_at(interval_s);
        later += usize::from(pair.contract.time_ms >= next);
        assert!(body.start >= body.epoch.plus(2), "height {}", pair.height());
    }
    assert!(later > 0, "no settling reached into the next epoch");
    let signed: usize = lived.run.ends.iter().map(|end| end.finals.len()).sum();
    assert!(signed > 10, "{signed} contracts were signed");
    assert_eq!(lived.contracts().count(), signed, "what is signed is settled");
}

#[test]
fn the_next_epoch_trades_while_the_last_one_settles() {
    for early_finish in [true, false] {
        let mut scenario = overlapping(a_street(12));
        scenario.params.epoch.early_finish = early_finish;
        let lived = live(&scenario);
        assert_settled_in_the_next_epoch(&lived);
        let epochs: Vec<u32> = lived.run.epochs.iter().map(|epoch| epoch.interval).collect();
        let all: Vec<u32> = (lived.community.start.0 - 1..lived.community.end().0).collect();
        assert_eq!(epochs, all, "every epoch ended, in order and once");
        assert_eq!(lived.run.chain.tip, live(&scenario).run.chain.tip);
    }
}

/// Who publishes when the next epoch has begun is still in time for its own.
#[test]
fn what_is_published_in_the_next_epoch_is_settled_and_delivered() {
    for by_ms in [1_790_000, 1_900_000, SETTLE_MS - 1_000] {
        let faults = dawdlers((0..12).step_by(2), by_ms);
        let lived = live_with(&overlapping(a_street_of_seers(12)), &faults).expect("sound");
        assert_settled_in_the_next_epoch(&lived);
        feasibility::check_meters(&lived, |_| true);
        assert!(lived.contracts().any(|(_, body)| body.buyer.0 % 2 == 0), "{by_ms} ms late");
    }
}

#[test]
fn what_is_published_after_the_settle_time_is_void_and_sold_again() {
    let faults = dawdlers((0..12).step_by(2), SETTLE_MS + 1_000);
    let lived = live_with(&overlapping(a_street_of_seers(12)), &faults).expect("sound");
    assert_lawful(&lived);
    check_bound(&lived);
    feasibility::check_meters(&lived, |_| true);
    assert!(lived.contracts().all(|(_, body)| body.buyer.0 % 2 == 1));
    assert!(lived.contracts().count() > 0, "the others trade on");
}

/// Somebody of this role breaks in the epoch after each of two that trade much.
fn broken_twice(scenario: &Scenario, role: Role, moments: [u64; 2]) -> Faults {
    let community = gridpact::sim::build(scenario).expect("possible");
    let crash = |(index, after_ms): (u32, u64)| Crash {
        epoch: community.start.plus(7 + 8 * index),
        after_ms,
        after_turns: 1,
        party: PartyId(index),
        role,
    };
    Faults { crashes: (0..).zip(moments).map(crash).collect(), ..Faults::default() }
}

/// Before D1, after D1, D2 and D3 of the one, and just before, at and after the settling of the other.
#[test]
fn a_coordinator_that_breaks_while_two_epochs_are_alive_ends_both_on_time() {
    let mut scenario = overlapping(a_street(8));
    scenario.params.epoch.early_finish = false;
    let unbroken = live(&scenario);
    for moments in [[0, 4_999], [5_000, 29_999], [30_000, 50_000], [1_199_999, 1_200_000]] {
        let faults = broken_twice(&scenario, Role::Coordinator, moments);
        let lived = live_with(&scenario, &faults).expect("both epochs end");
        assert_on_time(&lived, &faults, &unbroken);
        assert_settled_in_the_next_epoch(&lived);
        let same = lived.run.contracts == unbroken.run.contracts;
        assert!(same, "its deadlines bind without it: {moments:?}");
    }
}

#[test]
fn anybody_may_break_while_two_epochs_are_alive() {
    let scenario = overlapping(a_street(12));
    let unbroken = live(&scenario);
    for role in [Role::Resource(0), Role::Local, Role::Social, Role::Replica, Role::Coordinator] {
        let faults = broken_twice(&scenario, role, [0, 600_000]);
        let lived = live_with(&scenario, &faults).expect("both epochs end");
        assert_on_time(&lived, &faults, &unbroken);
        check_bound(&lived);
    }
}

#[test]
fn epochs_overlap_in_shards_too() {
    let mut scenario = overlapping(a_street(12));
    scenario.scenario.host = Host::Shards;
    scenario.validators = Some(3);
    let lived = live(&scenario);
    assert_settled_in_the_next_epoch(&lived);
    assert_eq!(lived.run.chain.tip, live(&scenario).run.chain.tip);
}
