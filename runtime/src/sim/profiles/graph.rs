//! Who neighbours whom.

use std::collections::BTreeSet;

use gridpact_chain::terms::PartyId;

use super::chance::{COMMON, Chance, Purpose};
use crate::sim::scenario::Graph;

/// Neighbours of each of `n` homes, ascending; nobody neighbours itself, and knowing is mutual.
#[must_use]
pub fn neighbours(graph: Graph, n: u32, seed: u64) -> Vec<Vec<PartyId>> {
    let mut known = vec![BTreeSet::new(); n as usize];
    let mut link = |a: u32, b: u32| {
        if a != b {
            known[a as usize].insert(PartyId(b));
            known[b as usize].insert(PartyId(a));
        }
    };
    let reach = match graph {
        Graph::Ring => 3,
        Graph::SmallWorld => 1,
    };
    for a in 0..n {
        (1..=reach).for_each(|step| link(a, (a + step) % n));
    }
    if graph == Graph::SmallWorld {
        let mut chance = Chance::new(seed, COMMON, Purpose::Mix);
        for a in 0..n {
            for _ in 0..2 {
                link(a, u32::try_from(chance.below(n as usize)).unwrap_or(0));
            }
        }
    }
    known.into_iter().map(|set| set.into_iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_has_degree_six_and_small_ones_know_everybody() {
        let ring = neighbours(Graph::Ring, 50, 1);
        assert!(ring.iter().all(|known| known.len() == 6));
        assert_eq!(ring[0], [1, 2, 3, 47, 48, 49].map(PartyId));
        assert_eq!(neighbours(Graph::Ring, 3, 1)[1], [0, 2].map(PartyId));
        assert_eq!(neighbours(Graph::Ring, 1, 1)[0], []);
        assert_eq!(neighbours(Graph::Ring, 0, 1).len(), 0);
    }

    #[test]
    fn shortcuts_are_mutual() {
        let world = neighbours(Graph::SmallWorld, 40, 1);
        for (a, known) in (0..).map(PartyId).zip(&world) {
            assert!(known.iter().all(|b| world[b.0 as usize].contains(&a) && *b != a));
        }
        let degree = world.iter().map(Vec::len).sum::<usize>() as f64 / 40.0;
        assert!((4.5..=6.0).contains(&degree), "{degree}");
    }
}
