//! What vehicles have given on the present local day: what is left of a driver's ration.
//!
//! Readings say it; until one comes, a device is taken to have done what it was told, and where
//! nothing is known between two readings, to have given all it could. So a ration is never overdrawn,
//! and readings told again after a restart lead back to the same figure.

use std::collections::BTreeMap;

use gridpact_chain::terms::Interval;

use super::forecast::Calendar;
use crate::resource::reading::DeviceIndex;

/// Energy given per vehicle and interval, Wh.
#[derive(Debug, Clone, Default)]
pub(super) struct Given(BTreeMap<DeviceIndex, BTreeMap<Interval, u64>>);

impl Given {
    /// A reading: the last word about its interval.
    pub fn read(&mut self, device: DeviceIndex, at: Interval, wh: u64) {
        self.0.entry(device).or_default().insert(at, wh);
    }

    /// What it was told, until a reading says what it did.
    pub fn told(&mut self, device: DeviceIndex, at: Interval, wh: u64) {
        self.0.entry(device).or_default().entry(at).or_insert(wh);
    }

    /// Forgets what was before `before`.
    pub fn forget(&mut self, before: Interval) {
        for known in self.0.values_mut() {
            *known = known.split_off(&before);
        }
    }

    /// What the vehicle has given on the local day of `now` before `now`, Wh; an interval that is
    /// unknown since the first known one counts `most_wh`.
    pub fn today(
        &self,
        device: DeviceIndex,
        now: Interval,
        calendar: &dyn Calendar,
        most_wh: u64,
    ) -> u64 {
        let Some(known) = self.0.get(&device) else { return 0 };
        let Some(first) = known.keys().next() else { return 0 };
        let today = calendar.day(now);
        let day = (first.0..now.0).rev().map(Interval).take_while(|at| calendar.day(*at) == today);
        let wh = day.map(|at| known.get(&at).copied().unwrap_or(most_wh));
        wh.fold(0, u64::saturating_add)
    }
}
