//! The alarms of many cells: one each, most of them for the same few moments.
//!
//! Cells are kept by moment. One that has moved on stays in its old moment's list until that rings,
//! and is passed over then: that is cheaper than to look for it.

use std::collections::BTreeMap;

use gridpact_chain::terms::Timestamp;

/// One alarm per cell.
#[derive(Debug, Default)]
pub struct Alarms {
    armed: Vec<Option<Timestamp>>,
    moments: BTreeMap<Timestamp, Vec<u32>>,
}

impl Alarms {
    /// No alarm for any of `cells`.
    #[must_use]
    pub fn new(cells: usize) -> Self {
        Self { armed: vec![None; cells], moments: BTreeMap::new() }
    }

    /// Arms, moves or clears the alarm of `cell`; a cell that is not there has none.
    pub fn set(&mut self, cell: u32, at: Option<Timestamp>) {
        let Some(armed) = self.armed.get_mut(cell as usize) else { return };
        if *armed == at {
            return;
        }
        *armed = at;
        if let Some(at) = at {
            self.moments.entry(at).or_default().push(cell);
        }
    }

    /// The next moment at which something may ring.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.moments.keys().next().copied()
    }

    /// Takes the cells whose alarm has come by `now`, by moment and then in the order of arming;
    /// their alarms are off.
    pub fn ring(&mut self, now: Timestamp, ringing: &mut Vec<u32>) {
        while let Some(moment) = self.moments.first_entry().filter(|moment| *moment.key() <= now) {
            let (at, cells) = moment.remove_entry();
            for cell in cells {
                let Some(armed) = self.armed.get_mut(cell as usize) else { continue };
                if *armed == Some(at) {
                    *armed = None;
                    ringing.push(cell);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rung(alarms: &mut Alarms, now: u64) -> Vec<u32> {
        let mut ringing = Vec::new();
        alarms.ring(Timestamp(now), &mut ringing);
        ringing
    }

    #[test]
    fn each_cell_rings_once_at_its_last_word() {
        let mut alarms = Alarms::new(4);
        let at = |ms| Some(Timestamp(ms));
        for (cell, ms) in [(0, 50), (1, 20), (2, 50), (1, 60), (3, 10), (3, 10)] {
            alarms.set(cell, at(ms));
        }
        alarms.set(2, None);
        assert_eq!(alarms.next(), at(10));
        assert_eq!(rung(&mut alarms, 9), [] as [u32; 0]);
        assert_eq!(rung(&mut alarms, 50), [3, 0], "cell 1 has moved on, cell 2 is off");
        assert_eq!(rung(&mut alarms, 60), [1]);
        assert_eq!(alarms.next(), None);
    }

    #[test]
    fn there_and_back_again_rings_once() {
        let mut alarms = Alarms::new(1);
        for ms in [30, 40, 30] {
            alarms.set(0, Some(Timestamp(ms)));
        }
        assert_eq!(rung(&mut alarms, 100), [0]);
        alarms.set(9, Some(Timestamp(1)));
        assert_eq!(rung(&mut alarms, 100), [] as [u32; 0], "nobody lives there");
    }
}
