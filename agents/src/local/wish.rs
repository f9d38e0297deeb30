//! "Full now": drivers' wishes, what they cost, and which of them the plan carries.
//!
//! A wish is answered with what it costs against the plan in force, and with what signed sales it
//! would miss; the plan carries it only if its driver has said that he accepts so much. From then on
//! it binds until the stay ends or it is withdrawn: the battery charges until it is full and gives
//! nothing. A wish that is not carried is answered anew in every epoch, until the battery is full.

use std::collections::{BTreeMap, BTreeSet};

use gridpact_chain::terms::{Energy, Epoch, Interval, Money};
use serde::{Deserialize, Serialize};

use super::planning::Roster;
use super::reservation::Stage;
use super::schedule::{Plan, Problem};
use crate::resource::nature::{FullNow, Nature, Stay, Vehicle};
use crate::resource::reading::{DeviceIndex, Reading};

/// A charger switches on for no less than this; a battery that lacks no more is full, Wh.
const FULL_WITHIN_WH: u64 = 120;
/// What a plan with a wish may miss without it counting: the solver's round-off, Wh.
const SLACK_WH: f64 = 0.05;

/// Through whom a driver spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Through {
    /// His device: each reading repeats it, and one without withdraws it.
    Device,
    /// Another way, such as his telephone: it stands until it is withdrawn.
    Site,
}

/// What a wish costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Penalty {
    /// The epoch whose plan it was held against.
    pub epoch: Epoch,
    /// What the plan with it costs more over the horizon, stored energy counted; below 0 it is cheaper.
    pub extra: Money,
    /// Energy of signed sales that would not be delivered.
    pub missed_wh: Energy,
    /// Energy that other drivers would miss at their departures: such a wish is never carried.
    pub others_wh: Energy,
    /// When the battery would be full, if within the horizon.
    pub full_at: Option<Interval>,
}

/// How a driver's wish stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// What he wants.
    pub want: FullNow,
    /// Through whom he said so.
    pub through: Through,
    /// Arrival of the stay it is about: with the stay it ends.
    pub arrival: Interval,
    /// Whether the plan carries it.
    pub is_kept: bool,
    /// What it costs, once that is known.
    pub penalty: Option<Penalty>,
}

impl Wish {
    /// Whether its driver accepts what it costs.
    #[must_use]
    pub fn covers(&self, penalty: &Penalty) -> bool {
        penalty.others_wh == Energy::ZERO
            && self.want.at_most.is_some_and(|most| penalty.extra <= most)
    }
}

/// The wishes of a site's drivers.
#[derive(Debug, Clone, Default)]
pub(super) struct Wishes {
    standing: BTreeMap<DeviceIndex, Wish>,
    /// The wish that is being solved.
    pub asked: Option<(DeviceIndex, Stage)>,
    /// A wish that the plan in force carries and that stands no longer.
    pub withdrawn: Option<DeviceIndex>,
    /// Wishes that cannot be answered in this epoch.
    pub unanswerable: BTreeSet<DeviceIndex>,
}

/// What a reading says of the present stay.
fn stay(reading: &Reading) -> Option<&Stay> {
    let now = reading.interval.plus(1);
    reading.stays.iter().find(|stay| stay.arrival <= now && now < stay.departure)
}

impl Wishes {
    /// The wish of a vehicle's driver.
    pub fn of(&self, device: DeviceIndex) -> Option<&Wish> {
        self.standing.get(&device)
    }

    /// All of them, by device.
    pub fn all(&self) -> Vec<(DeviceIndex, Wish)> {
        self.standing.iter().map(|(device, wish)| (*device, *wish)).collect()
    }

    /// Remembers a wish of an earlier life if its stay still lasts.
    pub fn recall(&mut self, device: DeviceIndex, wish: Wish, reading: Option<&Reading>) {
        let lasts = reading.and_then(stay).is_none_or(|stay| stay.arrival == wish.arrival);
        if lasts {
            self.standing.insert(device, wish);
        }
    }

    /// A driver wishes, or withdraws; returns whether anything has changed.
    pub fn say(
        &mut self,
        device: DeviceIndex,
        want: Option<FullNow>,
        through: Through,
        reading: Option<&Reading>,
    ) -> bool {
        let Some(want) = want else { return self.standing.remove(&device).is_some() };
        let Some(stay) = reading.and_then(stay) else { return false };
        let before = self.standing.get(&device).copied();
        let same = before.filter(|wish| wish.arrival == stay.arrival);
        // Who only asks has not accepted anything.
        let is_kept = want.at_most.is_some() && same.is_some_and(|wish| wish.is_kept);
        let penalty = same.filter(|wish| wish.want == want).and_then(|wish| wish.penalty);
        let wish = Wish { want, through, arrival: stay.arrival, is_kept, penalty };
        self.standing.insert(device, wish);
        before != Some(wish)
    }

    /// What a reading says of the wish; returns whether anything has changed.
    pub fn read(&mut self, device: DeviceIndex, reading: &Reading) -> bool {
        let ends = self.standing.get(&device).is_some_and(|wish| {
            let is_over = stay(reading).is_none_or(|stay| stay.arrival != wish.arrival);
            is_over || wish.through == Through::Device && reading.wish.is_none()
        });
        let ended = ends && self.standing.remove(&device).is_some();
        // A wish spoken elsewhere counts more than one the charger repeats.
        let elsewhere = self.of(device).is_some_and(|wish| wish.through == Through::Site);
        let said = reading.wish.is_some()
            && !elsewhere
            && self.say(device, reading.wish, Through::Device, Some(reading));
        ended || said
    }

    /// The next wish to be answered in `epoch`, if any.
    pub fn next(
        &self,
        epoch: Epoch,
        devices: &[Nature],
        readings: &[Option<Reading>],
    ) -> Option<DeviceIndex> {
        let is_open = |(device, wish): &(&DeviceIndex, &Wish)| {
            let at = usize::from(**device);
            let Some(Nature::Vehicle(Vehicle { store, .. })) = devices.get(at) else {
                return false;
            };
            let reading = readings.get(at).and_then(Option::as_ref);
            let held = reading.and_then(|reading| reading.stored_wh).unwrap_or(0);
            let is_full = held.saturating_add(FULL_WITHIN_WH) >= store.capacity_wh;
            let is_answered = wish.penalty.is_some_and(|penalty| penalty.epoch == epoch);
            let can_be = !self.unanswerable.contains(*device);
            !wish.is_kept && !is_answered && !is_full && can_be
        };
        self.standing.iter().find(is_open).map(|(device, _)| *device)
    }

    /// Puts the wishes that are carried into a question, and that of `tried`.
    pub fn put(
        &self,
        problem: &mut Problem,
        roster: &Roster,
        readings: &[Option<Reading>],
        tried: Option<DeviceIndex>,
    ) {
        let (start, n) = (problem.start, problem.horizon());
        for (store, device) in problem.stores.iter_mut().zip(&roster.stores) {
            let wish = self.of(*device).filter(|wish| wish.is_kept || tried == Some(*device));
            let stays = readings.get(usize::from(*device)).and_then(Option::as_ref);
            let stays = stays.map_or(&[][..], |reading| &reading.stays);
            let lasts = |stay: &&Stay| stay.arrival <= start && start < stay.departure;
            let stay =
                stays.iter().find(lasts).filter(|s| wish.is_some_and(|w| w.arrival == s.arrival));
            store.rules.full_until =
                stay.map_or(0, |stay| ((stay.departure.0 - start.0) as usize).min(n));
        }
    }

    /// Notes what a wish costs; returns how it stands now.
    pub fn answer(&mut self, device: DeviceIndex, penalty: Penalty) -> Option<Wish> {
        let wish = self.standing.get_mut(&device)?;
        wish.penalty = Some(penalty);
        wish.is_kept |= wish.covers(&penalty);
        Some(*wish)
    }
}

/// What the plan with a wish costs against the one without.
pub(super) fn penalty((base, with): (&Plan, &Plan), problem: &Problem, store: usize) -> Penalty {
    let missed =
        |plan: &Plan| plan.shortfall.sale_wh.iter().sum::<f64>() + plan.shortfall.pooled_wh;
    let others = |plan: &Plan| plan.shortfall.departure_wh + plan.shortfall.trip_wh;
    let whole = |wh: f64| Energy(if wh > SLACK_WH { wh.ceil() as u64 } else { 0 });
    let capacity = problem.stores.get(store).map_or(f64::INFINITY, |store| store.capacity_wh);
    let full = with.stores.get(store).and_then(|path| {
        path.stored_wh.iter().position(|held| held + FULL_WITHIN_WH as f64 >= capacity)
    });
    Penalty {
        epoch: with.start,
        extra: Money((with.cost - base.cost - 0.5).ceil() as i64),
        missed_wh: whole(missed(with) - missed(base)),
        others_wh: whole(others(with) - others(base)),
        full_at: full.map(|t| with.start.plus(u32::try_from(t).unwrap_or(u32::MAX))),
    }
}
