//! What is learnt from readings: every load and generator, and the site's net load, whose spread
//! says how much to buy ahead.
//!
//! What is learnt follows from the readings alone, not from when a plan was made: who hears the same
//! readings again knows the same.

use std::collections::BTreeMap;

use gridpact_chain::terms::Interval;

use super::LocalAgent;
use super::forecast::{Forecaster, SeriesId};
use super::planning::numbered;
use crate::resource::nature::Nature;
use crate::resource::reading::{DeviceIndex, Quality, Reading};

/// Most intervals that wait for a device that has not reported: 85 days of half hours.
const WAITING_MAX: usize = 4_096;

/// How far each device has been heard, and what the site's net load waits for.
#[derive(Debug, Clone, Default)]
pub(super) struct Learnt {
    newest: BTreeMap<DeviceIndex, Interval>,
    /// Intervals of which not every device has been heard.
    waiting: BTreeMap<Interval, Part>,
}

#[derive(Debug, Clone, Default)]
struct Part {
    net_wh: f64,
    is_shared: bool,
    heard: usize,
}

/// +1 for what takes, -1 for what gives; none for what is planned and not forecast.
fn sign(nature: &Nature) -> Option<f64> {
    match nature {
        Nature::Load => Some(1.0),
        Nature::Solar { .. } | Nature::Wind { .. } => Some(-1.0),
        Nature::Deferrable
        | Nature::Battery(_)
        | Nature::Vehicle(_)
        | Nature::Station { .. }
        | Nature::Meter => None,
    }
}

/// What a device took, or could have given: forecasts are of the sun, not of the plan.
fn possible_wh(nature: &Nature, reading: &Reading) -> f64 {
    match nature {
        Nature::Load => reading.consumed_wh as f64,
        _ => reading.produced_wh.saturating_add(reading.curtailed_wh) as f64,
    }
}

/// Tells the forecaster, of a shared reading only that its sum is so much.
fn tell(forecaster: &mut dyn Forecaster, series: SeriesId, at: Interval, wh: f64, is_shared: bool) {
    if is_shared {
        forecaster.observe_shared(series, at, wh);
    } else {
        forecaster.observe(series, at, wh);
    }
}

impl LocalAgent {
    /// Learns a reading of `device`; doubtful ones teach nothing. RAs report in order, so one that is
    /// not new has been read back from the store before its letter came.
    pub(super) fn learn(&mut self, device: DeviceIndex, reading: &Reading) {
        let Some(nature) = self.setup.devices.get(usize::from(device)) else { return };
        let Some(sign) = sign(nature).filter(|_| reading.quality != Quality::Suspect) else {
            return;
        };
        let (at, wh) = (reading.interval, possible_wh(nature, reading));
        if self.learnt.newest.get(&device).is_some_and(|newest| at <= *newest) {
            return;
        }
        self.learnt.newest.insert(device, at);
        let series = SeriesId::Device(device);
        tell(&mut *self.setup.forecaster, series, at, wh, reading.is_shared);
        self.learn_net(at, sign * wh, reading.is_shared);
    }

    /// Learns the net load of an interval when the last of its devices is heard.
    fn learn_net(&mut self, at: Interval, wh: f64, is_shared: bool) {
        let counted = |(_, nature): &(DeviceIndex, &Nature)| sign(nature).is_some();
        let all = numbered(&self.setup.devices).filter(counted).count();
        let waiting = &mut self.learnt.waiting;
        let part = waiting.entry(at).or_default();
        part.heard += 1;
        part.net_wh += wh;
        part.is_shared |= is_shared;
        if part.heard < all {
            if waiting.len() > WAITING_MAX {
                waiting.pop_first();
            }
            return;
        }
        let (net_wh, is_shared) = (part.net_wh, part.is_shared);
        waiting.remove(&at);
        tell(&mut *self.setup.forecaster, SeriesId::Net, at, net_wh, is_shared);
    }
}
