//! Law 2 against a buyer who publishes late on purpose: a seller holds what it has confirmed until the
//! chain's own time says that the contract is void, and never sells it twice.

use gridpact::chain::terms::PartyId;
use gridpact::sim::faults::{Faults, Late};
use gridpact_tests::{Lived, a_street, a_street_of_seers, live_with};

use crate::feasibility::check_meters;
use crate::{SEERS, STREET, assert_lawful};

fn dawdlers(parties: impl IntoIterator<Item = u32>, by_ms: u64) -> Faults {
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
