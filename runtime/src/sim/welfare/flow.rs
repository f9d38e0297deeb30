//! Most profit through a network with capacities, exactly, in integers.
//!
//! Shortest paths first, all of one length at once: a shortest-path tree finds the best profit per
//! unit, a blocking flow takes everything that has it, until no path pays any more. Prefix budgets
//! are nested, so a market with storages is such a network and needs no simplex. It knows no market.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// What no path reaches.
const FAR: i64 = i64::MAX / 4;

/// One direction of an arc; its twin has the number with the lowest bit flipped.
#[derive(Debug, Clone, Copy)]
struct Arc {
    to: usize,
    left: u64,
    cost: i64,
}

/// A network under construction, and the flow that [`Network::fill`] leaves in it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Network {
    arcs: Vec<Arc>,
    out: Vec<Vec<usize>>,
    /// Length of the shortest path to each node so far.
    length: Vec<i64>,
}

impl Network {
    /// A new node.
    pub fn node(&mut self) -> usize {
        self.out.push(Vec::new());
        self.out.len() - 1
    }

    /// A new arc that carries at most `capacity` at `cost` each; its number.
    pub fn arc(&mut self, from: usize, to: usize, capacity: u64, cost: i64) -> usize {
        let number = self.arcs.len();
        self.arcs.push(Arc { to, left: capacity, cost });
        self.arcs.push(Arc { to: from, left: 0, cost: -cost });
        self.out[from].push(number);
        self.out[to].push(number + 1);
        number
    }

    /// What flows through arc `number`.
    pub fn flow(&self, number: usize) -> u64 {
        self.arcs[number ^ 1].left
    }

    /// Sends everything from `source` to `sink` that has a negative cost; the profit.
    pub fn fill(&mut self, source: usize, sink: usize) -> i128 {
        self.length = self.first_lengths(source);
        let mut profit = 0;
        while self.length[sink] < 0 {
            let each = i128::from(-self.length[sink]);
            while let Some(levels) = self.levels(source, sink) {
                profit += each * i128::from(self.block(source, sink, &levels));
            }
            self.lengthen(source, sink);
        }
        profit
    }

    /// Shortest paths where costs may be negative; the network has no cycle yet.
    fn first_lengths(&self, source: usize) -> Vec<i64> {
        let mut length = vec![FAR; self.out.len()];
        let mut is_queued = vec![false; self.out.len()];
        let mut queue = VecDeque::from([source]);
        length[source] = 0;
        while let Some(node) = queue.pop_front() {
            is_queued[node] = false;
            for arc in self.out[node].iter().map(|arc| self.arcs[*arc]) {
                let through = length[node] + arc.cost;
                if arc.left > 0 && through < length[arc.to] {
                    length[arc.to] = through;
                    if !std::mem::replace(&mut is_queued[arc.to], true) {
                        queue.push_back(arc.to);
                    }
                }
            }
        }
        length
    }

    /// What an arc from `node` costs beyond the shortest path; none where it cannot be taken.
    fn excess(&self, node: usize, arc: Arc) -> Option<i64> {
        let is_usable = arc.left > 0 && self.length[node] < FAR;
        is_usable.then(|| self.length[node] + arc.cost - self.length[arc.to].min(FAR))
    }

    /// Steps from the source along shortest paths; none when the sink is not reached.
    fn levels(&self, source: usize, sink: usize) -> Option<Vec<u32>> {
        let mut levels = vec![u32::MAX; self.out.len()];
        let mut queue = VecDeque::from([source]);
        levels[source] = 0;
        while let Some(node) = queue.pop_front() {
            for arc in self.out[node].iter().map(|arc| self.arcs[*arc]) {
                if levels[arc.to] == u32::MAX && self.excess(node, arc) == Some(0) {
                    levels[arc.to] = levels[node] + 1;
                    queue.push_back(arc.to);
                }
            }
        }
        (levels[sink] < u32::MAX).then_some(levels)
    }

    /// Fills shortest paths of fewest steps until each has a full arc; how much was sent.
    fn block(&mut self, source: usize, sink: usize, levels: &[u32]) -> u64 {
        let mut next = vec![0; self.out.len()];
        let (mut sent, mut node, mut path) = (0, source, Vec::new());
        loop {
            if node == sink {
                let most = path.iter().map(|arc: &usize| self.arcs[*arc].left).min().unwrap_or(0);
                for arc in path.drain(..) {
                    self.arcs[arc].left -= most;
                    self.arcs[arc ^ 1].left += most;
                }
                sent += most;
                node = source;
            }
            let Some(number) = self.out[node].get(next[node]).copied() else {
                // A dead end: never come here again.
                let Some(back) = path.pop() else { return sent };
                node = self.arcs[back ^ 1].to;
                next[node] += 1;
                continue;
            };
            let arc = self.arcs[number];
            if levels[arc.to] == levels[node] + 1 && self.excess(node, arc) == Some(0) {
                path.push(number);
                node = arc.to;
            } else {
                next[node] += 1;
            }
        }
    }

    /// Finds the next longer shortest paths; every excess is at least 0 by now.
    fn lengthen(&mut self, source: usize, sink: usize) {
        let mut more = vec![FAR; self.out.len()];
        let mut queue = BinaryHeap::from([Reverse((0, source))]);
        more[source] = 0;
        while let Some(Reverse((so_far, node))) = queue.pop() {
            if so_far > more[node] {
                continue;
            }
            for arc in self.out[node].iter().map(|arc| self.arcs[*arc]) {
                let Some(excess) = self.excess(node, arc) else { continue };
                debug_assert!(excess >= 0, "no path is shorter than the shortest");
                if so_far + excess < more[arc.to] {
                    more[arc.to] = so_far + excess;
                    queue.push(Reverse((more[arc.to], arc.to)));
                }
            }
        }
        // What lies beyond the sink is only moved as far as the sink.
        let most = more[sink];
        for (length, more) in self.length.iter_mut().zip(more) {
            *length = length.saturating_add(more.min(most)).min(FAR);
        }
    }

    /// Whether the flow is the best there is: no residual cycle through the sink's return has a
    /// negative cost. It looks at the answer alone, not at how it was found.
    pub fn is_optimal(&self, source: usize, sink: usize) -> bool {
        // Free both ways: profit counts per unit from source to sink.
        let mut price = vec![0_i64; self.out.len()];
        for _ in 0..=self.out.len() {
            let mut is_stable = true;
            let mut look = |from: usize, to: usize, cost: i64| {
                if price[from] + cost < price[to] {
                    price[to] = price[from] + cost;
                    is_stable = false;
                }
            };
            for (from, out) in self.out.iter().enumerate() {
                for arc in out.iter().map(|arc| self.arcs[*arc]).filter(|arc| arc.left > 0) {
                    look(from, arc.to, arc.cost);
                }
            }
            look(sink, source, 0);
            look(source, sink, 0);
            if is_stable {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
#[path = "flow_tests.rs"]
mod tests;
