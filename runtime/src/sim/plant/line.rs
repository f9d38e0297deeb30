//! The line of a charging station: what its connectors take less what they give stays within it.

use gridpact_agents::resource::nature::Nature;
use gridpact_agents::resource::reading::{DeviceIndex, Reading};
use gridpact_chain::terms::Interval;

use super::vehicle::Room;
use crate::sim::community::Site;

/// A line with what goes through it in the present interval.
#[derive(Debug, Clone)]
pub(super) struct Line {
    limit_wh: i64,
    connectors: Vec<DeviceIndex>,
    at: Interval,
    /// Taken less given so far, Wh.
    through_wh: i64,
}

impl Line {
    /// The lines of a site's stations.
    pub(super) fn all(site: &Site, interval_s: u32) -> Vec<Self> {
        let line = |nature: &Nature| match nature {
            Nature::Station { line_w, connectors } => {
                let limit_wh = line_w.saturating_mul(interval_s.into()) / 3600;
                Some(Self {
                    limit_wh: i64::try_from(limit_wh).unwrap_or(i64::MAX),
                    connectors: connectors.clone(),
                    at: Interval(0),
                    through_wh: 0,
                })
            }
            _ => None,
        };
        site.devices.iter().filter_map(|device| line(&device.nature)).collect()
    }

    /// Whether this device is behind it.
    pub(super) fn holds(&self, device: DeviceIndex) -> bool {
        self.connectors.contains(&device)
    }

    /// What of `room` the line leaves in interval `at`.
    pub(super) fn within(&self, room: Room, at: Interval) -> Room {
        let through = if self.at == at { self.through_wh } else { 0 };
        let left = |wh: i64| wh.max(0).unsigned_abs();
        Room {
            take_wh: room.take_wh.min(left(self.limit_wh.saturating_sub(through))),
            give_wh: room.give_wh.min(left(self.limit_wh.saturating_add(through))),
        }
    }

    /// Carries what a connector took and gave.
    pub(super) fn carry(&mut self, at: Interval, did: &Reading) {
        if self.at != at {
            (self.at, self.through_wh) = (at, 0);
        }
        let signed = |wh: u64| i64::try_from(wh).unwrap_or(i64::MAX);
        self.through_wh += signed(did.consumed_wh) - signed(did.produced_wh);
    }
}

/// The order in which `devices` are stepped: their own, but connectors of one line by their `rank`.
pub(super) fn order<R: Ord>(
    lines: &[Line],
    devices: usize,
    rank: impl Fn(usize) -> R,
) -> Vec<usize> {
    let mut order: Vec<usize> = (0..devices).collect();
    for line in lines {
        let mut places: Vec<usize> =
            line.connectors.iter().map(|c| usize::from(*c)).filter(|c| *c < devices).collect();
        places.sort_unstable();
        let mut served = places.clone();
        served.sort_by_key(|device| rank(*device));
        for (place, device) in places.into_iter().zip(served) {
            order[place] = device;
        }
    }
    order
}
