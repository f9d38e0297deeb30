//! Law 2 against a buyer who publishes late on purpose: a seller holds what it has confirmed until the
//! chain's own time says that the contract is void, and never sells it twice.

use std::collections::BTreeSet;

use gridpact::chain::terms::{Interval, PartyId};
use gridpact::sim::faults::{Crash, Faults, Late, Role};
use gridpact::sim::scenario::Scenario;
use gridpact_tests::{Lived, a_street, a_street_of_seers, live_with};

use crate::feasibility::check_meters;
use crate::{SEERS, STREET, assert_lawful};

pub fn dawdlers(parties: impl IntoIterator<Item = u32>, by_ms: u64) -> Faults {
    let late = |party| Late { party: PartyId(party), by_ms };
    Faults { late: parties.into_iter().map(late).collect(), ..Faults::default() }
}

fn bought(lived: &Lived, is_late: impl Fn(u32) -> bool) -> usize {
    lived.contracts().filter(|(_, body)| is_late(body.buyer.0)).count()
}

/// In time, but as late as can be: the contract counts and the seller delivers it.
#[test]
fn who_publishes_in_the_last_moment_gets_what_was_promised() {
    for by_ms in [10_000, 40_000, 55_000] {
        let faults = dawdlers((0..12).step_by(2), by_ms);
        let lived = live_with(&a_street_of_seers(12), &faults).expect("sound");
        assert_lawful(&lived);
        check_meters(&lived, |_| true);
        assert!(bought(&lived, |party| party % 2 == 0) > 0, "{by_ms} ms late is in time");
    }
}

/// After the settle time it is void on every node, and what it held back is sold again.
#[test]
fn who_publishes_after_the_settle_time_gets_nothing() {
    for by_ms in [60_001, 90_000, 1_800_000, 9_000_000] {
        let faults = dawdlers((0..12).step_by(2), by_ms);
        let lived = live_with(&a_street_of_seers(12), &faults).expect("sound");
        assert_lawful(&lived);
        check_meters(&lived, |_| true);
        assert_eq!(bought(&lived, |party| party % 2 == 0), 0, "{by_ms} ms late");
        let punctual = bought(&lived, |party| party % 2 == 1);
        let before = bought(&SEERS, |party| party % 2 == 1);
        assert!(
            punctual * 2 > before,
            "{punctual} instead of {before}: lapsed energy is sold again"
        );
    }
}

#[test]
fn if_nobody_publishes_in_time_nobody_trades_and_all_goes_on() {
    let faults = dawdlers(0..12, 70_000);
    let lived = live_with(&a_street(12), &faults).expect("sound");
    assert_lawful(&lived);
    assert_eq!(lived.contracts().count(), 0);
    assert_eq!(lived.run.epochs.len(), STREET.run.epochs.len());
    assert!(lived.run.tasks.retendered_tasks > 0, "what was not bought is tendered again");
}

#[test]
fn the_same_dawdling_gives_the_same_tip() {
    let live = || live_with(&a_street(12), &dawdlers([1, 4, 6], 45_000)).expect("sound");
    assert_eq!(live().run.chain.tip, live().run.chain.tip);
}

/// At the end of a run every home plans with its contracts on the chain and with nothing else: what
/// lapsed is let go, what was settled is kept.
pub fn check_bound(lived: &Lived) {
    let on_chain = lived.run.contracts.iter().flat_map(|contract| {
        [contract.buyer, contract.seller].map(|home| (home, contract.contract_id.clone()))
    });
    let on_chain: BTreeSet<(usize, String)> = on_chain.collect();
    let bound: BTreeSet<(usize, String)> = lived.run.bound.iter().cloned().collect();
    let phantom = bound.difference(&on_chain).count();
    let forgotten = on_chain.difference(&bound).count();
    assert_eq!((phantom, forgotten), (0, 0), "(held and void, settled and forgotten)");
}

/// Every SCA breaks between its confirms and the settle time, in every epoch that trades.
fn broken_after_confirm(scenario: &Scenario, by_ms: u64) -> Faults {
    let community = gridpact::sim::build(scenario).expect("possible");
    let epochs = (community.start.0 - 1..community.end().0).step_by(8).map(Interval);
    let crash = |epoch| {
        (0..12).map(move |party| Crash {
            epoch,
            after_ms: 5_000,
            after_turns: 0,
            party: PartyId(party),
            role: Role::Social,
        })
    };
    Faults { crashes: epochs.flat_map(crash).collect(), ..dawdlers(0..12, by_ms) }
}

/// Protocol 4 and 7.4: a reborn SCA knows from its journal what it has confirmed. With an empty one
/// it would hold for ever what its buyers let lapse, since nobody could tell it what is void.
#[test]
fn a_seller_reborn_after_its_confirm_lets_go_of_what_lapses() {
    let scenario = a_street_of_seers(12);
    let faults = broken_after_confirm(&scenario, 90_000);
    let lived = live_with(&scenario, &faults).expect("sound");
    assert_eq!(lived.broken as usize, faults.crashes.len());
    assert_lawful(&lived);
    let signed: usize = lived.run.ends.iter().map(|end| end.finals.len()).sum();
    assert!(signed > 10, "{signed} contracts were confirmed and lapsed");
    check_bound(&lived);
}

/// What is published after the rebirth binds it all the same: it delivers, and sells nothing twice.
#[test]
fn a_seller_reborn_after_its_confirm_keeps_what_is_published_later() {
    let scenario = a_street_of_seers(12);
    let faults = broken_after_confirm(&scenario, 40_000);
    let lived = live_with(&scenario, &faults).expect("sound");
    assert_lawful(&lived);
    assert!(lived.contracts().count() > 10);
    check_bound(&lived);
    check_meters(&lived, |_| true);
}

#[test]
fn with_nothing_broken_everybody_plans_with_the_chain_and_nothing_else() {
    for lived in [&*STREET, &*SEERS] {
        check_bound(lived);
    }
}
