//! How homes stood when tenders opened: what the welfare of a market is computed from.
//!
//! Only epochs in which somebody tenders an interval for the first time matter to it, and most tender
//! again what is left, so the others are dropped as soon as the next epoch begins: a week of some
//! hundred homes would fill the memory otherwise.

use std::collections::BTreeSet;

use gridpact_agents::local::ability::Ability;
use gridpact_agents::local::door::PurchaseBlocks;
use gridpact_chain::terms::{Epoch, Interval, PartyId};

/// How one home stood in the market when the tenders of an epoch opened.
#[derive(Debug, Clone)]
pub struct Stand {
    /// Whose.
    pub party: PartyId,
    /// What it tenders.
    pub blocks: PurchaseBlocks,
    /// What it could sell by the plan then in force.
    pub ability: Option<Ability>,
}

/// The stands of a run, in the order of time.
#[derive(Debug, Default)]
pub struct Stands {
    kept: Vec<Stand>,
    /// Where the stands of the latest epoch begin.
    latest: usize,
    /// Intervals that have been tendered.
    tendered: BTreeSet<Interval>,
    /// Epochs in which one was tendered for the first time.
    opening: BTreeSet<Epoch>,
}

impl Stands {
    /// Keeps a stand as long as it may matter.
    pub fn push(&mut self, stand: Stand) {
        let epoch = stand.blocks.epoch;
        let latest = self.kept.get(self.latest).map(|stand| stand.blocks.epoch);
        if let Some(latest) = latest.filter(|latest| *latest != epoch) {
            if !self.opening.contains(&latest) {
                self.kept.truncate(self.latest);
            }
            self.latest = self.kept.len();
        }
        for deficit in &stand.blocks.deficits {
            for at in (deficit.block.start.0..deficit.block.end.0).map(Interval) {
                if self.tendered.insert(at) {
                    self.opening.insert(epoch);
                }
            }
        }
        self.kept.push(stand);
    }

    /// Those of all epochs that opened something, and of the latest.
    #[must_use]
    pub fn all(&self) -> &[Stand] {
        &self.kept
    }
}

#[cfg(test)]
mod tests {
    use gridpact_agents::local::door::{Block, Deficit};
    use gridpact_chain::terms::{Energy, Price, Profile};

    use super::*;

    /// A stand of `epoch` that tenders the intervals `start..end`.
    fn stand(epoch: u32, party: u32, start: u32, end: u32) -> Stand {
        let deficit = || {
            let (start, end) = (Interval(start), Interval(end));
            let profile = Profile { start, wh: vec![100; 9] };
            let block = Block { start, end, energy_wh: Energy(900), profile };
            Deficit { block, retail: Price(1), retender: false }
        };
        let deficits = (start < end).then(deficit).into_iter().collect();
        let blocks = PurchaseBlocks { epoch: Interval(epoch), deficits };
        Stand { party: PartyId(party), blocks, ability: None }
    }

    #[test]
    fn only_epochs_that_open_an_interval_are_kept() {
        let mut stands = Stands::default();
        // Epoch 1 opens 4..8 with its second home; epochs 2 and 3 tender it again; 4 opens 8.
        for (epoch, tendered) in [(1, (4, 8)), (2, (4, 8)), (3, (6, 8)), (4, (6, 9)), (5, (6, 9))] {
            stands.push(stand(epoch, 0, 0, 0));
            stands.push(stand(epoch, 1, tendered.0, tendered.1));
        }
        let kept: Vec<u32> = stands.all().iter().map(|stand| stand.blocks.epoch.0).collect();
        assert_eq!(kept, [1, 1, 4, 4, 5, 5], "and the latest, which may still open something");
    }
}
