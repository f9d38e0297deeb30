//! The other host: the same minds in shards keep the same laws and trade as much.

use gridpact::chain::terms::{Interval, PartyId};
use gridpact::sim::faults::{Crash, Faults, Role};
use gridpact::sim::scenario::{Host, Scenario};
use gridpact::sim::world::WorldError;
use gridpact_tests::{a_street, live, live_with};

use crate::{STREET, assert_lawful};

/// The street of the other laws, its homes in shards; three of them vote.
fn sharded(homes: u32) -> Scenario {
    let mut scenario = a_street(homes);
    scenario.scenario.host = Host::Shards;
    scenario.validators = Some(3);
    scenario
}

#[test]
fn homes_in_shards_keep_every_law() {
    let lived = live(&sharded(12));
    assert_lawful(&lived);
    assert_eq!(lived.run.chain.validators, 3);
    assert!(!lived.run.contracts.is_empty(), "they trade");
}

#[test]
fn the_same_seed_gives_the_same_files_in_shards_too() {
    let (one, other) = (live(&sharded(12)), live(&sharded(12)));
    assert_eq!(one.run.chain.tip, other.run.chain.tip);
    assert_eq!(one.run.sites, other.run.sites);
    assert!(one.files == other.files, "the chain's files are the same byte for byte");
}

/// Letters pass in another order, so single deals differ; how much is traded does not depend on
/// where the minds live.
#[test]
fn homes_in_shards_trade_about_as_much_as_homes_in_actors() {
    let energy = |run: &gridpact::report::Run| -> u64 {
        run.contracts.iter().map(|contract| contract.profile_wh.iter().sum::<u64>()).sum()
    };
    let (shards, actors) = (energy(&live(&sharded(12)).run), energy(&STREET.run));
    let (less, more) = (shards.min(actors) as f64, shards.max(actors) as f64);
    assert!(less > 0.8 * more, "{shards} Wh in shards, {actors} Wh in actors");
}

/// Where everybody votes, everybody has a node in this host as well.
#[test]
fn all_may_vote_in_shards() {
    let scenario = Scenario { validators: None, ..sharded(6) };
    let lived = live(&scenario);
    assert_lawful(&lived);
    assert_eq!(lived.run.chain.validators, 6);
}

#[test]
fn an_agent_that_shall_crash_needs_an_actor_of_its_own() {
    let crash = Crash {
        party: PartyId(1),
        role: Role::Local,
        epoch: Interval(0),
        after_ms: 0,
        after_turns: 0,
    };
    let faults = Faults { crashes: vec![crash], ..Faults::default() };
    let refused = live_with(&sharded(3), &faults);
    assert!(matches!(refused, Err(WorldError::Shards)));
}
