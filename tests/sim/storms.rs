//! Letters that are lost, repeated, late or overtaken break no law, and cost little trade.

use gridpact::chain::terms::PartyId;
use gridpact::sim::faults::Faults;
use gridpact::sim::storm::Storm;
use gridpact_tests::{Lived, a_street, live_with};

use crate::{STREET, assert_lawful};

/// A fifth of all letters is lost, a fifth comes twice, and any may take two seconds.
fn a_storm() -> Storm {
    Storm { drop_ppm: 200_000, repeat_ppm: 200_000, delay_max_ms: 2_000, ..Storm::default() }
}

fn lived_in(storm: Storm, homes: u32) -> Lived {
    let faults = Faults { storm, ..Faults::default() };
    live_with(&a_street(homes), &faults).expect("every epoch ends on time")
}

fn share(lived: &Lived) -> f64 {
    lived.report().summary().p2p_share
}

#[test]
fn a_storm_breaks_no_law_and_costs_less_than_ten_points_of_the_share() {
    let stormy = lived_in(a_storm(), 12);
    assert_lawful(&stormy);
    let (calm, stormy) = (share(&STREET), share(&stormy));
    assert!(stormy > calm - 0.10, "share {stormy:.3} in the storm, {calm:.3} in calm air");
}

#[test]
fn the_same_storm_is_the_same_twice() {
    let (one, other) = (lived_in(a_storm(), 8), lived_in(a_storm(), 8));
    assert_eq!(one.run.chain.tip, other.run.chain.tip);
}

#[test]
fn replicas_agree_in_the_same_weather() {
    let lived = lived_in(Storm { chain_too: true, ..a_storm() }, 8);
    assert_lawful(&lived);
    assert!(lived.contracts().count() > 0, "contracts reach the chain");
}

/// Somebody who is stuck makes nobody else late: every epoch ends, and the others trade on.
#[test]
fn a_prosumer_that_hears_nothing_delays_nobody() {
    let deaf = vec![PartyId(3), PartyId(7)];
    let lived = lived_in(Storm { deaf: deaf.clone(), ..Storm::default() }, 12);
    assert_lawful(&lived);
    let ended: Vec<u32> = lived.run.epochs.iter().map(|epoch| epoch.interval).collect();
    let first = lived.community.start.0 - 1;
    assert_eq!(ended, (first..lived.community.end().0).collect::<Vec<u32>>());
    assert!(lived.contracts().all(|(_, body)| deaf.iter().all(|p| !body.is_between(*p))));
    let others = |lived: &Lived| {
        let apart =
            |p: &PartyId, body: &gridpact::chain::contract::ContractBody| !body.is_between(*p);
        lived.contracts().filter(|(_, body)| deaf.iter().all(|p| apart(p, body))).count()
    };
    assert!(others(&lived) * 10 >= others(&STREET) * 8, "the others trade as before");
}
