//! Neighbours by location: homes lie evenly in a square, and each knows those next to it.

use super::{COMMON, Chance, Purpose};

/// Homes of a square by the cell they lie in, so that only near ones are looked at.
struct Map {
    places: Vec<[f64; 2]>,
    /// Cells along one side.
    side: usize,
    cells: Vec<Vec<u32>>,
}

/// Every home with each of the `k` homes nearest to it; pairs may come twice.
pub(super) fn pairs(n: u32, k: u32, seed: u64) -> Vec<(u32, u32)> {
    let map = Map::drawn(n, k, seed);
    (0..n).flat_map(|a| map.nearest(a, k as usize).into_iter().map(move |b| (a, b))).collect()
}

impl Map {
    fn drawn(n: u32, k: u32, seed: u64) -> Self {
        let mut chance = Chance::new(seed, COMMON, Purpose::Place);
        let places: Vec<[f64; 2]> = (0..n).map(|_| [chance.unit(), chance.unit()]).collect();
        // About as many homes in a cell as are looked for.
        let side = ((f64::from(n) / f64::from(k.max(1))).sqrt() as usize).max(1);
        let mut map = Self { places, side, cells: vec![Vec::new(); side * side] };
        for home in 0..n {
            let [column, row] = map.cell(home);
            map.cells[row * side + column].push(home);
        }
        map
    }

    fn cell(&self, home: u32) -> [usize; 2] {
        let along = |at: f64| ((at * self.side as f64) as usize).min(self.side - 1);
        self.places[home as usize].map(along)
    }

    fn nearest(&self, home: u32, k: usize) -> Vec<u32> {
        let [x, y] = self.places[home as usize];
        let distance = |other: &u32| {
            let [a, b] = self.places[*other as usize];
            (a - x).powi(2) + (b - y).powi(2)
        };
        let mut found: Vec<u32> = Vec::new();
        for reach in 0..=self.side {
            found.extend(self.frame(home, reach).filter(|other| *other != home));
            // Whoever lies in a farther cell is at least this far away.
            let seen = (reach as f64 / self.side as f64).powi(2);
            if found.iter().filter(|other| distance(other) <= seen).count() >= k {
                break;
            }
        }
        found.sort_by(|a, b| distance(a).total_cmp(&distance(b)).then(a.cmp(b)));
        found.truncate(k);
        found
    }

    /// Homes in the cells at exactly `reach` cells from the home's own.
    fn frame(&self, home: u32, reach: usize) -> impl Iterator<Item = u32> + '_ {
        let [column, row] = self.cell(home);
        let span = move |at: usize| at.saturating_sub(reach)..=(at + reach).min(self.side - 1);
        span(row)
            .flat_map(move |r| span(column).map(move |c| (r, c)))
            .filter(move |(r, c)| r.abs_diff(row).max(c.abs_diff(column)) == reach)
            .flat_map(|(r, c)| self.cells[r * self.side + c].iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_are_those_that_a_look_at_everybody_finds() {
        for (n, k) in [(1, 6), (5, 6), (60, 3), (400, 6)] {
            let map = Map::drawn(n, k, 7);
            for home in 0..n {
                let [x, y] = map.places[home as usize];
                let distance = |other: &u32| {
                    let [a, b] = map.places[*other as usize];
                    (a - x).powi(2) + (b - y).powi(2)
                };
                let mut all: Vec<u32> = (0..n).filter(|other| *other != home).collect();
                all.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
                all.truncate(k as usize);
                assert_eq!(map.nearest(home, k as usize), all, "home {home} of {n}");
            }
        }
    }
}
