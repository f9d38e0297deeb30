//! Who neighbours whom.

mod nearest;

use std::collections::BTreeSet;

use gridpact_chain::terms::PartyId;

use super::chance::{COMMON, Chance, Purpose};
use crate::sim::scenario::{Graph, Scenario, ScenarioError, ScenarioSettings};

/// Pairs of homes that know each other; knowing is mutual, and nobody neighbours itself.
struct Links(Vec<BTreeSet<PartyId>>);

impl Links {
    fn tie(&mut self, a: u32, b: u32) {
        if a != b {
            self.0[a as usize].insert(PartyId(b));
            self.0[b as usize].insert(PartyId(a));
        }
    }
}

/// Neighbours of each of the `n` homes of a scenario, ascending.
///
/// # Errors
/// [`ScenarioError::Conflict`] where `scenario.links` names a home that does not exist.
pub fn of(scenario: &Scenario, n: u32) -> Result<Vec<Vec<PartyId>>, ScenarioError> {
    let ScenarioSettings { links, .. } = &scenario.scenario;
    if let Some([a, b]) = links.iter().find(|[a, b]| *a >= n || *b >= n) {
        return Err(ScenarioError::Conflict(format!(
            "scenario.links has [{a}, {b}], and the homes are numbered 0 to {}: take the link out, \
             or have more homes",
            n.saturating_sub(1)
        )));
    }
    Ok(neighbours(&scenario.scenario, scenario.feeder.sites, n, scenario.seed))
}

/// Neighbours of each of `n` homes, ascending, `feeder` of them on each feeder (0 = all on one).
/// Links to homes that do not exist are left out.
#[must_use]
pub fn neighbours(
    settings: &ScenarioSettings,
    feeder: u32,
    n: u32,
    seed: u64,
) -> Vec<Vec<PartyId>> {
    let mut known = Links(vec![BTreeSet::new(); n as usize]);
    let degree = settings.degree;
    match settings.graph {
        Graph::Ring => ring(&mut known, 0, n, degree / 2),
        Graph::SmallWorld => {
            ring(&mut known, 0, n, 1);
            let mut chance = Chance::new(seed, COMMON, Purpose::Mix);
            for a in 0..n {
                for _ in 0..degree.saturating_sub(2) / 2 {
                    known.tie(a, u32::try_from(chance.below(n as usize)).unwrap_or(0));
                }
            }
        }
        Graph::Nearest => {
            for (a, b) in nearest::pairs(n, degree, seed) {
                known.tie(a, b);
            }
        }
        Graph::Feeder => by_feeder(&mut known, feeder, n, degree / 2),
        Graph::List => {
            for [a, b] in settings.links.iter().filter(|[a, b]| *a < n && *b < n) {
                known.tie(*a, *b);
            }
        }
    }
    known.0.into_iter().map(|set| set.into_iter().collect()).collect()
}

/// Homes `from..until` in a ring in which everybody knows the next `reach` on both sides.
fn ring(known: &mut Links, from: u32, until: u32, reach: u32) {
    let n = until - from;
    for a in 0..n {
        (1..=reach).for_each(|step| known.tie(from + a, from + (a + step) % n));
    }
}

/// A ring on each feeder, and the first homes of all feeders in a ring of their own.
fn by_feeder(known: &mut Links, sites: u32, n: u32, reach: u32) {
    let size = if sites == 0 { n.max(1) } else { sites };
    let starts: Vec<u32> = (0..n).step_by(size as usize).collect();
    for (i, start) in starts.iter().enumerate() {
        ring(known, *start, (start + size).min(n), reach);
        known.tie(*start, starts[(i + 1) % starts.len()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(graph: Graph) -> ScenarioSettings {
        ScenarioSettings { graph, ..ScenarioSettings::default() }
    }

    fn known(graph: Graph, n: u32, seed: u64) -> Vec<Vec<PartyId>> {
        neighbours(&settings(graph), 0, n, seed)
    }

    #[test]
    fn a_ring_has_degree_six_and_small_ones_know_everybody() {
        let ring = known(Graph::Ring, 50, 1);
        assert!(ring.iter().all(|known| known.len() == 6));
        assert_eq!(ring[0], [1, 2, 3, 47, 48, 49].map(PartyId));
        assert_eq!(known(Graph::Ring, 3, 1)[1], [0, 2].map(PartyId));
        assert_eq!(known(Graph::Ring, 1, 1)[0], []);
        assert_eq!(known(Graph::Ring, 0, 1).len(), 0);
    }

    #[test]
    fn knowing_is_mutual_whatever_the_graph() {
        for graph in [Graph::Ring, Graph::SmallWorld, Graph::Nearest, Graph::Feeder] {
            for n in [0, 1, 2, 7, 40] {
                let world = neighbours(&settings(graph), 9, n, 1);
                assert_eq!(world.len(), n as usize);
                for (a, known) in (0..).map(PartyId).zip(&world) {
                    let is_mutual = |b: &PartyId| world[b.0 as usize].contains(&a);
                    assert!(known.iter().all(|b| is_mutual(b) && *b != a), "{graph:?} of {n}");
                }
            }
        }
    }

    #[test]
    fn a_small_world_has_the_degree_of_the_ring() {
        let world = known(Graph::SmallWorld, 40, 1);
        let degree = world.iter().map(Vec::len).sum::<usize>() as f64 / 40.0;
        assert!((4.5..=6.0).contains(&degree), "{degree}");
    }

    #[test]
    fn homes_know_their_own_feeder_and_the_first_of_each_the_next_one() {
        let world = neighbours(&settings(Graph::Feeder), 10, 30, 1);
        assert_eq!(world[15], [12, 13, 14, 16, 17, 18].map(PartyId));
        assert_eq!(world[10], [0, 11, 12, 13, 17, 18, 19, 20].map(PartyId));
        assert_eq!(neighbours(&settings(Graph::Feeder), 0, 50, 1), known(Graph::Ring, 50, 1));
    }

    #[test]
    fn a_list_is_taken_as_it_stands_and_must_name_homes() {
        let mut scenario = Scenario { prosumers: 4, ..Scenario::default() };
        scenario.scenario.graph = Graph::List;
        scenario.scenario.links = vec![[0, 1], [1, 0], [1, 3], [2, 2]];
        let known = of(&scenario, 4).expect("all four exist");
        assert_eq!(
            known,
            [vec![1], vec![0, 3], vec![], vec![1]]
                .map(|k| { k.into_iter().map(PartyId).collect::<Vec<_>>() })
        );
        let refused = of(&scenario, 3).expect_err("home 3 does not exist");
        assert!(refused.to_string().contains("[1, 3]"), "{refused}");
    }
}
