//! Law 5: the same seed gives the same tip, and the tip does not depend on which votes arrived first.

use gridpact::sim::scenario::Fanout;
use gridpact_tests::{a_street, live};

use crate::STREET;

#[test]
fn the_same_seed_gives_the_same_files() {
    let again = live(&a_street(12));
    assert_eq!(again.run.chain.tip, STREET.run.chain.tip);
    assert_eq!(again.run.contracts, STREET.run.contracts);
    assert_eq!(again.run.sites, STREET.run.sites);
    assert!(again.files == STREET.files, "the chain's files are the same byte for byte");
}

#[test]
fn another_seed_gives_another_tip() {
    let mut scenario = a_street(12);
    scenario.seed += 1;
    assert_ne!(live(&scenario).run.chain.tip, STREET.run.chain.tip);
}

/// With a tally every voter answers one node; with all to all everybody hears everybody, in another
/// order. Whose votes count differs, what they say does not.
#[test]
fn the_tip_does_not_depend_on_how_votes_travel() {
    let mut scenario = a_street(12);
    scenario.chain.fanout = Fanout::AllToAll;
    let lived = live(&scenario);
    lived.assert_proved();
    assert_eq!(lived.run.chain.tip, STREET.run.chain.tip);
    assert_eq!(lived.run.contracts, STREET.run.contracts);
}

#[test]
fn the_verifiers_pace_changes_nothing() {
    let mut scenario = a_street(12);
    scenario.verifier.slice_bytes = 1_024;
    scenario.verifier.signature_sweep = false;
    assert_eq!(live(&scenario).run.chain.tip, STREET.run.chain.tip);
}
