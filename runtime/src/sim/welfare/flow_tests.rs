//! The flow against every flow there is, on networks small enough to try them all.

use proptest::prelude::*;

use super::Network;

/// Source, two inner nodes, sink; every arc but the way back.
const ARCS: [(usize, usize); 6] = [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3), (0, 3)];

fn network(arcs: &[(u64, i64)]) -> Network {
    let mut network = Network::default();
    for _ in 0..4 {
        network.node();
    }
    for ((from, to), (capacity, cost)) in ARCS.iter().zip(arcs) {
        network.arc(*from, *to, *capacity, *cost);
    }
    network
}

/// Most profit over all whole flows.
fn by_trying(arcs: &[(u64, i64)]) -> i128 {
    let mut best = 0;
    let mut flow = [0_u64; 6];
    loop {
        let into =
            |node: usize| -> u64 { (0..6).filter(|a| ARCS[*a].1 == node).map(|a| flow[a]).sum() };
        let out =
            |node: usize| -> u64 { (0..6).filter(|a| ARCS[*a].0 == node).map(|a| flow[a]).sum() };
        if into(1) == out(1) && into(2) == out(2) {
            let profit: i128 = flow
                .iter()
                .zip(arcs)
                .map(|(wh, (_, cost))| -i128::from(*cost) * i128::from(*wh))
                .sum();
            best = best.max(profit);
        }
        let Some(arc) = (0..6).find(|arc| flow[*arc] < arcs[*arc].0) else { return best };
        flow[..arc].fill(0);
        flow[arc] += 1;
    }
}

proptest! {
    #[test]
    fn no_other_flow_pays_more(arcs in prop::collection::vec((0_u64..4, -6_i64..7), 6)) {
        let mut flow = network(&arcs);
        prop_assert_eq!(flow.fill(0, 3), by_trying(&arcs));
        prop_assert!(flow.is_optimal(0, 3));
    }
}

#[test]
fn an_earlier_choice_is_taken_back_when_another_pays_more() {
    // The best path first runs through both inner nodes; the most profit needs them apart.
    let arcs = [(2, -5), (2, -1), (2, -5), (2, -1), (2, -5), (0, 0)];
    let mut flow = network(&arcs);
    assert_eq!(flow.fill(0, 3), by_trying(&arcs));
}

#[test]
fn a_flow_that_leaves_profit_behind_is_not_called_the_best() {
    let mut network = Network::default();
    let (source, sink) = (network.node(), network.node());
    network.arc(source, sink, 5, -1);
    assert!(!network.is_optimal(source, sink));
    assert_eq!(network.fill(source, sink), 5);
    assert!(network.is_optimal(source, sink));
}
