//! Section 5: coalitions grow step by step among neighbours.

use std::collections::BTreeSet;

use gridpact::chain::terms::PartyId;
use gridpact_tests::{Lived, a_street};

use crate::{lives, mean};

/// Steps from neighbour to neighbour between two homes.
fn distance(lived: &Lived, from: PartyId, to: PartyId) -> u32 {
    let mut reached = BTreeSet::from([from]);
    let mut steps = 0;
    while !reached.contains(&to) {
        let next = reached.iter().flat_map(|party| &lived.community.neighbours[party.0 as usize]);
        reached = next.copied().chain(reached.iter().copied()).collect();
        steps += 1;
        assert!(steps < 100, "the graph is connected");
    }
    steps
}

#[test]
fn section_5_a_coalition_reaches_no_further_than_its_depth() {
    for depth in [1, 2, 3] {
        let mut scenario = a_street(16);
        scenario.params.coalition.depth_max = depth;
        for lived in lives(&scenario, 2) {
            let steps =
                lived.contracts().map(|(_, body)| distance(&lived, body.buyer, body.seller));
            let furthest = steps.max().expect("contracts");
            assert!(furthest <= depth, "depth {depth}: a contract over {furthest} steps");
            if depth > 1 {
                assert!(furthest > 1, "depth {depth} reaches beyond the neighbours");
            }
        }
    }
}

#[test]
fn section_5_deeper_coalitions_trade_more_and_talk_more() {
    let of_depth = |depth| {
        let mut scenario = a_street(16);
        scenario.params.coalition.depth_max = depth;
        let lives = lives(&scenario, 3);
        let share = mean(&lives, |_, report| report.summary().p2p_share);
        (share, mean(&lives, |_, report| report.summary().negotiation_messages as f64))
    };
    let ((near, quiet), (far, loud)) = (of_depth(1), of_depth(3));
    assert!(far > near, "share {near:.3} at depth 1, {far:.3} at depth 3");
    assert!(loud > quiet, "{quiet} messages at depth 1, {loud} at depth 3");
}
