//! Law 11: killing any RA, LCA, SCA or replica in mid-phase ends the epoch on time with a consistent
//! chain, and the community goes on trading.

use std::collections::BTreeSet;

use gridpact::chain::terms::{Interval, PartyId};
use gridpact::sim::faults::{Crash, Faults, Role};
use gridpact::sim::scenario::Scenario;
use gridpact_tests::{Lived, a_street, a_street_of_seers, live_with};

use crate::{SEERS, STREET, assert_lawful, feasibility};

const ROLES: [Role; 4] = [Role::Resource(0), Role::Local, Role::Social, Role::Replica];

/// Crashes in the epochs before each tender window opens, when everybody trades; another home each
/// time, another number of letters into the round.
fn crashes(scenario: &Scenario, roles: &[Role], turns: &[u32], homes: &[u32]) -> Faults {
    let community = gridpact::sim::build(scenario).expect("possible");
    let window = scenario.params.epoch.trade_window_min / scenario.params.epoch.interval_min;
    let epochs = (0..).map(|n| Interval(community.start.0 - 1 + n * window));
    let epochs: Vec<Interval> = epochs.take_while(|epoch| *epoch < community.end()).collect();
    let mut crashes = Vec::new();
    for (turn, (index, role)) in turns.iter().zip(roles.iter().cycle().enumerate()) {
        let epoch = epochs[(index / roles.len()) % epochs.len()];
        let party = PartyId(homes[index % homes.len()]);
        crashes.push(Crash { epoch, after_ms: 0, after_turns: *turn, party, role: *role });
    }
    Faults { crashes, ..Faults::default() }
}

/// Every epoch of the run ended, in order and none twice; the laws hold; people traded to the end.
pub fn assert_on_time(lived: &Lived, faults: &Faults, unbroken: &Lived) {
    assert_eq!(lived.broken as usize, faults.crashes.len(), "what should break broke");
    let first = lived.community.start.0 - 1;
    let expected: Vec<u32> = (first..lived.community.end().0).collect();
    let ended: Vec<u32> = lived.run.epochs.iter().map(|epoch| epoch.interval).collect();
    assert_eq!(ended, expected, "every epoch ended");
    assert_lawful(lived);
    let last = faults.crashes.iter().map(|crash| crash.epoch).max().expect("a crash");
    let later = |lived: &Lived| lived.contracts().filter(|(_, body)| body.epoch > last).count();
    if later(unbroken) > 0 {
        assert!(later(lived) > 0, "nobody trades after {last}");
    }
    let (now, before) = (lived.contracts().count(), unbroken.contracts().count());
    assert!(now * 2 > before, "{now} contracts instead of {before}");
}

fn broken(scenario: &Scenario, faults: &Faults) -> Lived {
    let lived = live_with(scenario, faults).expect("the epoch ends on time");
    let again = live_with(scenario, faults).expect("the epoch ends on time");
    assert_eq!(lived.run.chain.tip, again.run.chain.tip, "same seed, same faults, same tip");
    assert_eq!(lived.run.contracts, again.run.contracts);
    lived
}

/// Letters into a round at which an actor breaks: before it, within it, and when it is long over.
const TURNS: [u32; 16] = [0, 1, 2, 3, 5, 8, 12, 17, 23, 30, 40, 55, 75, 100, 150, 400];

#[test]
fn any_actor_may_break_at_any_moment_of_a_round() {
    let scenario = a_street(12);
    for shift in 0..4 {
        let mut turns = TURNS;
        turns.rotate_left(shift * 5);
        let homes: Vec<u32> = (0..12).map(|home| (home + shift as u32) % 12).collect();
        let mut roles = ROLES;
        roles.rotate_left(shift);
        let faults = crashes(&scenario, &roles, &turns, &homes);
        assert_on_time(&broken(&scenario, &faults), &faults, &STREET);
    }
}

#[test]
fn the_sequencers_own_home_may_break() {
    let scenario = a_street(12);
    let faults = crashes(&scenario, &ROLES, &TURNS, &[0]);
    assert_on_time(&broken(&scenario, &faults), &faults, &STREET);
}

#[test]
fn every_actor_of_one_kind_may_break_at_once() {
    let scenario = a_street(12);
    for role in ROLES {
        for turns in [4, 20] {
            let community = gridpact::sim::build(&scenario).expect("possible");
            let epoch = community.start.plus(15);
            let crash = |party| {
                let party = PartyId(party);
                Crash { epoch, after_ms: 0, after_turns: turns, party, role }
            };
            let faults = Faults { crashes: (0..12).map(crash).collect(), ..Faults::default() };
            let lived = live_with(&scenario, &faults).expect("the epoch ends on time");
            assert_on_time(&lived, &faults, &STREET);
        }
    }
}

#[test]
fn crashes_between_the_phases_of_a_slow_epoch_end_it_on_time() {
    let mut scenario = a_street(8);
    scenario.params.epoch.early_finish = false;
    let unbroken = live_with(&scenario, &Faults::default()).expect("sound");
    let community = gridpact::sim::build(&scenario).expect("possible");
    // Before D1, at D1, before D2, at D2, at D3, at settling.
    let moments = [2_000, 5_000, 29_999, 30_000, 45_000, 60_000];
    let crash = |(index, after_ms): (u32, u64)| Crash {
        epoch: community.start.plus(7 + 8 * (index % 5)),
        after_ms,
        after_turns: index % 3,
        party: PartyId(index % 8),
        role: ROLES[index as usize % 4],
    };
    let faults = Faults {
        crashes: (0..).zip(moments.into_iter().cycle().take(18)).map(crash).collect(),
        ..Faults::default()
    };
    assert_on_time(&broken(&scenario, &faults), &faults, &unbroken);
}

/// Who breaks is born again with its contracts: what a seller has confirmed it still delivers.
#[test]
fn a_seller_that_broke_still_keeps_its_contracts() {
    let scenario = a_street_of_seers(12);
    let homes: Vec<u32> = (0..12).collect();
    let faults = crashes(&scenario, &[Role::Social, Role::Replica], &TURNS, &homes);
    let lived = broken(&scenario, &faults);
    assert_on_time(&lived, &faults, &SEERS);
    feasibility::check_meters(&lived, |_| true);
}

#[test]
fn a_planner_that_broke_still_keeps_its_contracts() {
    let scenario = a_street_of_seers(12);
    let homes: Vec<u32> = (0..12).collect();
    let faults = crashes(&scenario, &[Role::Local], &TURNS, &homes);
    let lived = broken(&scenario, &faults);
    assert_on_time(&lived, &faults, &SEERS);
    feasibility::check_meters(&lived, |_| true);
}

#[test]
fn who_broke_trades_again() {
    let scenario = a_street(12);
    let homes: Vec<u32> = (0..12).collect();
    for role in ROLES {
        let faults = crashes(&scenario, &[role], &TURNS[..8], &homes);
        let lived = live_with(&scenario, &faults).expect("the epoch ends on time");
        let traded_after = |crash: &&Crash| {
            lived
                .contracts()
                .any(|(_, body)| body.epoch > crash.epoch && body.is_between(crash.party))
        };
        let back: BTreeSet<u32> =
            faults.crashes.iter().filter(traded_after).map(|crash| crash.party.0).collect();
        assert!(back.len() >= 3, "{role:?}: only {back:?} traded after they broke");
    }
}

/// A coordinator that breaks is rebuilt and ends its epoch at the deadlines; nobody else notices.
/// It breaks twice a world: letters that broke three lives in a row would be parked.
#[test]
fn the_coordinator_may_break_in_any_phase() {
    let mut scenario = a_street(8);
    scenario.params.epoch.early_finish = false;
    let unbroken = live_with(&scenario, &Faults::default()).expect("sound");
    let community = gridpact::sim::build(&scenario).expect("possible");
    for moments in [[0, 4_999], [5_000, 29_999], [30_000, 45_000], [59_999, 60_000]] {
        let crash = |(index, after_ms): (u32, u64)| Crash {
            epoch: community.start.plus(7 + 8 * index),
            after_ms,
            after_turns: 1,
            party: PartyId(0),
            role: Role::Coordinator,
        };
        let crashes = (0..).zip(moments).map(crash).collect();
        let faults = Faults { crashes, ..Faults::default() };
        let lived = live_with(&scenario, &faults).expect("the epoch ends on time");
        assert_on_time(&lived, &faults, &unbroken);
        let same = lived.run.contracts == unbroken.run.contracts;
        assert!(same, "its deadlines bind without it: {moments:?}");
    }
}

/// With early finish the whole round happens at one moment, and the coordinator breaks in its midst.
#[test]
fn the_coordinator_may_break_within_an_early_round() {
    let scenario = a_street(12);
    for turns in [[0, 3], [12, 40]] {
        let faults = crashes(&scenario, &[Role::Coordinator], &turns, &[0]);
        assert_on_time(&broken(&scenario, &faults), &faults, &STREET);
    }
}
