//! One epoch of the LCA: sense, forecast, plan, tell the devices, tender the deficit.

use std::cell::OnceCell;

use gridpact_chain::terms::{Epoch, Interval, Price, Timestamp};

use super::deficit::Needs;
use super::door::{PurchaseBlocks, Side};
use super::forecast::SeriesId;
use super::planning::{self, Roster, numbered};
use super::schedule::{Plan, Problem, SolveError};
use super::speech::{LocalEffect, Planned, Ticket};
use super::{Current, LocalAgent, Phase, why};
use crate::params::Deadlines;
use crate::resource::nature::{Nature, Vehicle};
use crate::resource::reading::{DeviceIndex, Reading};

/// Weight of the newest deal in the mean of deal prices.
const NEWEST_DEAL: f64 = 0.2;

/// Readings may arrive until half of the first phase has passed; then the plan goes on without.
pub(super) fn sense_deadline(deadlines: &Deadlines) -> Timestamp {
    deadlines.start.after_ms(deadlines.d1.ms_since(deadlines.start) / 2)
}

/// Whether it is to be remembered what a device has given on a day.
fn is_rationed(nature: &Nature) -> bool {
    let Nature::Vehicle(Vehicle { v2g: Some(v2g), .. }) = nature else { return false };
    v2g.energy_per_day_wh.is_some()
}

/// The interval that ends when `epoch` begins.
fn ended(epoch: Epoch) -> Interval {
    Interval(epoch.0.saturating_sub(1))
}

impl LocalAgent {
    pub(super) fn on_epoch(
        &mut self,
        epoch: Epoch,
        deadlines: Deadlines,
        out: &mut Vec<LocalEffect>,
    ) {
        if self.epoch.is_some_and(|(now, _)| now >= epoch) {
            return;
        }
        self.close_epoch(out);
        self.epoch = Some((epoch, deadlines));
        self.phase = Phase::Sensing;
        self.asked = None;
        self.has_sent_blocks = false;
        self.tendering.clear();
        self.remember_told(epoch);
        self.told.clear();
        self.obligations.roll(epoch);
        self.reported.clear();
        for (device, _) in numbered(&self.setup.devices) {
            let last = self.readings[usize::from(device)].as_ref();
            if last.is_some_and(|r| r.interval >= ended(epoch)) {
                self.reported.insert(device);
            }
        }
        self.plan_when_complete(out);
    }

    pub(super) fn on_reading(
        &mut self,
        device: DeviceIndex,
        reading: Reading,
        out: &mut Vec<LocalEffect>,
    ) {
        if usize::from(device) >= self.setup.devices.len() {
            return;
        }
        let at = reading.interval;
        if is_rationed(&self.setup.devices[usize::from(device)]) {
            self.given.read(device, at, reading.produced_wh);
        }
        self.learn(device, &reading);
        let last = &mut self.readings[usize::from(device)];
        if last.as_ref().is_some_and(|r| r.interval > at) {
            return;
        }
        *last = Some(reading);
        self.heed(device, out);
        self.stale.remove(&device);
        if self.epoch.is_none_or(|(epoch, _)| at >= ended(epoch)) {
            self.reported.insert(device);
        }
        self.plan_when_complete(out);
    }

    /// What rationed devices were told counts as given until they say what they did.
    fn remember_told(&mut self, epoch: Epoch) {
        for (device, nature) in numbered(&self.setup.devices) {
            let told = self.told.get(&device).filter(|told| told.interval < epoch);
            if let Some(told) = told.filter(|_| is_rationed(nature)) {
                self.given.told(device, told.interval, told.produce_wh);
            }
        }
        // Yesterday and today, of 25 hours each.
        let days = self.setup.calendar.slots_per_day().saturating_mul(50) / 24;
        self.given.forget(Interval(epoch.0.saturating_sub(days)));
    }

    pub(super) fn on_wake(&mut self, now: Timestamp, out: &mut Vec<LocalEffect>) {
        let Some((_, deadlines)) = self.epoch else { return };
        if self.phase == Phase::Sensing && now >= sense_deadline(&deadlines) {
            self.plan(out);
        }
        if now >= deadlines.d1 {
            self.send_blocks(Vec::new(), out);
        }
    }

    pub(super) fn on_deal(&mut self, unit_price: Price) {
        let price = unit_price.0 as f64;
        self.deal_price =
            Some(self.deal_price.map_or(price, |mean| mean + NEWEST_DEAL * (price - mean)));
    }

    fn plan_when_complete(&mut self, out: &mut Vec<LocalEffect>) {
        if self.phase == Phase::Sensing && self.reported.len() == self.setup.devices.len() {
            self.plan(out);
        }
    }

    /// Asks for the schedule with what is known now.
    fn plan(&mut self, out: &mut Vec<LocalEffect>) {
        let Some((epoch, _)) = self.epoch else { return };
        let silent: Vec<DeviceIndex> = numbered(&self.setup.devices)
            .map(|(device, _)| device)
            .filter(|device| !self.reported.contains(device))
            .collect();
        for device in silent {
            self.stand_in(device, epoch);
            self.stale.insert(device);
            out.push(LocalEffect::Stale { device });
        }
        let known = (&self.obligations, &self.given);
        let (mut problem, roster) = planning::question(&self.setup, epoch, &self.readings, known);
        self.wishes.put(&mut problem, &roster, &self.readings, None);
        let ticket = self.ticket();
        self.phase = Phase::Planning(ticket);
        self.is_outdated = false;
        self.asked = Some((problem.clone(), roster));
        out.push(LocalEffect::Solve { ticket, problem: Box::new(problem) });
    }

    /// A silent device is taken to be where the last plan wanted it.
    fn stand_in(&mut self, device: DeviceIndex, epoch: Epoch) {
        let current = self.current.as_ref();
        let place = current.map(|c| c.roster.place(device)).unwrap_or_default();
        if let Some(reading) = &mut self.readings[usize::from(device)] {
            planning::stand_in(reading, ended(epoch), current.map(|c| &c.plan), &place);
        }
    }

    pub(super) fn on_solved(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        plan: Result<Plan, SolveError>,
        out: &mut Vec<LocalEffect>,
    ) {
        if self.is_of_wish(ticket) {
            self.on_wish_solved(now, plan, out);
            return;
        }
        if self.phase != Phase::Planning(ticket) {
            self.on_reserve_solved(now, ticket, plan, out);
            return;
        }
        self.phase = Phase::Settled;
        let Some((problem, roster)) = self.asked.take() else { return };
        match plan {
            Ok(plan) => {
                self.adopt(problem, plan, roster, false, out);
                if self.epoch.is_some_and(|(_, d)| now <= d.d1) {
                    let deficits = self.deficits();
                    self.send_blocks(deficits, out);
                }
            }
            Err(error) => {
                self.current = None;
                out.push(LocalEffect::Unplanned(error));
            }
        }
        self.send_blocks(Vec::new(), out);
        for request in std::mem::take(&mut self.quotes) {
            self.on_quote(request, out);
        }
        self.serve_next(now, out);
    }

    /// Makes a plan the one in force and tells the devices what has changed for them.
    pub(super) fn adopt(
        &mut self,
        problem: Problem,
        plan: Plan,
        roster: Roster,
        replanned: bool,
        out: &mut Vec<LocalEffect>,
    ) {
        for (device, setpoint) in roster.setpoints(&self.setup, &problem, &plan) {
            if self.told.insert(device, setpoint) != Some(setpoint) {
                out.push(LocalEffect::Setpoint { device, setpoint });
            }
        }
        let net_wh = (0..problem.horizon()).map(|t| problem.net_wh(t)).collect();
        let reasons = why::reasons(&self.setup.devices, &roster, (&problem, &plan), &self.wishes);
        let (stock, ability) = (OnceCell::new(), OnceCell::new());
        let current = Current { problem, plan, roster, stock, ability };
        out.push(LocalEffect::Planned(Box::new(Planned {
            epoch: current.plan.start,
            plan: current.plan.clone(),
            net_wh,
            replanned,
            reasons,
            missing: current.missing(),
        })));
        self.current = Some(current);
    }

    /// What is to be bought from the neighbours in this epoch.
    fn deficits(&mut self) -> Vec<super::door::Deficit> {
        let (Some((epoch, deadlines)), Some(current)) = (self.epoch, &self.current) else {
            return Vec::new();
        };
        let interval_s = self.setup.params.epoch.interval_s();
        // The first interval that starts at or after gate closure.
        let gate = Interval::containing(deadlines.gate, interval_s);
        let first = if gate.starts_at(interval_s) < deadlines.gate { gate.plus(1) } else { gate };
        let import_left_wh: Vec<f64> = (current.problem.bought_wh.iter())
            .map(|bought| (current.problem.import_limit_wh - bought).max(0.0))
            .collect();
        let forecaster = &self.setup.forecaster;
        let spread = |from: Interval, n: usize, tau: f64| {
            forecaster.quantile(SeriesId::Net, from, n, tau)
                - forecaster.expect(SeriesId::Net, from, n).iter().sum::<f64>()
        };
        let needs = Needs {
            params: &self.setup.params,
            calendar: &*self.setup.calendar,
            tariff: &*self.setup.tariff,
            p2p_fee: self.setup.p2p_fee,
            trade_until: self.setup.trade_until,
            plan: &current.plan,
            import_left_wh: &import_left_wh,
            sold: &self.obligations.intervals(Side::Seller),
            deal_price: self.deal_price,
            spread: &spread,
            has_storage: !current.problem.stores.is_empty(),
        };
        self.setup.manner.tendered(self.tenders.tender(epoch, first, &needs))
    }

    /// Sends the tasks of this epoch, once.
    fn send_blocks(&mut self, deficits: Vec<super::door::Deficit>, out: &mut Vec<LocalEffect>) {
        let Some((epoch, _)) = self.epoch else { return };
        if self.has_sent_blocks || !self.setup.trading {
            return;
        }
        self.has_sent_blocks = true;
        let plan = self.current.as_ref().map(|current| &current.plan);
        let planned = |at| plan.and_then(|plan| Some(plan.import_wh[plan.index_of(at)?]));
        let wanted = deficits.iter().flat_map(|deficit| deficit.block.profile.iter());
        for (at, wh) in wanted.filter(|(_, wh)| *wh > 0) {
            let insured_wh = (wh as f64 - planned(at).unwrap_or(0.0)).max(0.0);
            self.tendering.insert(at, insured_wh);
        }
        out.push(LocalEffect::Blocks(PurchaseBlocks { epoch, deficits }));
    }
}
