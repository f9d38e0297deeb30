//! The LCA as the drivers' servant: wishes are heard, held against the plan in force, and answered.

use gridpact_chain::terms::Timestamp;

use super::reservation::Stage;
use super::schedule::{Plan, SolveError};
use super::speech::{LocalEffect, Ticket};
use super::wish::{self, Through};
use super::{LocalAgent, planning};
use crate::resource::nature::{FullNow, Nature};
use crate::resource::reading::DeviceIndex;

impl LocalAgent {
    /// A driver speaks by another way than his device.
    pub(super) fn on_wish(
        &mut self,
        device: DeviceIndex,
        want: Option<FullNow>,
        through: Through,
        out: &mut Vec<LocalEffect>,
    ) {
        let at = usize::from(device);
        if !matches!(self.setup.devices.get(at), Some(Nature::Vehicle(_))) {
            out.push(LocalEffect::Wish { device, wish: None });
            return;
        }
        let was_kept = self.is_kept(device);
        let reading = self.readings[at].as_ref();
        self.wishes.say(device, want, through, reading);
        self.drop_from_plan(device, was_kept);
        // A driver who asks again is told again.
        out.push(LocalEffect::Wish { device, wish: self.wishes.of(device).copied() });
    }

    /// What the newest reading of a device says of its driver's wish.
    pub(super) fn heed(&mut self, device: DeviceIndex, out: &mut Vec<LocalEffect>) {
        let at = usize::from(device);
        if !matches!(self.setup.devices.get(at), Some(Nature::Vehicle(_))) {
            return;
        }
        let was_kept = self.is_kept(device);
        let Some(reading) = self.readings[at].as_ref() else { return };
        if self.wishes.read(device, reading) {
            self.drop_from_plan(device, was_kept);
            out.push(LocalEffect::Wish { device, wish: self.wishes.of(device).copied() });
        }
    }

    fn drop_from_plan(&mut self, device: DeviceIndex, was_kept: bool) {
        if was_kept && !self.is_kept(device) {
            self.wishes.withdrawn = Some(device);
        }
    }

    fn is_kept(&self, device: DeviceIndex) -> bool {
        self.wishes.of(device).is_some_and(|wish| wish.is_kept)
    }

    /// Asks what the next unanswered wish costs; returns whether it has asked anything.
    pub(super) fn ask_wish(&mut self, out: &mut Vec<LocalEffect>) -> bool {
        let Some((epoch, _)) = self.epoch else { return false };
        let withdrawn = self.wishes.withdrawn.take();
        self.is_outdated |= withdrawn.is_some();
        let next = || self.wishes.next(epoch, &self.setup.devices, &self.readings);
        let Some(device) = withdrawn.or_else(next) else { return false };
        let ticket = self.ticket();
        let Some(current) = &self.current else { return false };
        let mut problem = current.problem.clone();
        planning::oblige(&mut problem, &self.obligations);
        // The plan in force must be the best without the wish, or the difference says nothing.
        let (tried, stage) = match self.is_outdated {
            true => (None, Stage::Base(ticket)),
            false => (Some(device), Stage::With(ticket)),
        };
        self.wishes.put(&mut problem, &current.roster, &self.readings, tried);
        let place = current.roster.place(device).store.and_then(|s| problem.stores.get(s));
        if tried.is_some() && place.is_none_or(|store| store.rules.full_until == 0) {
            // The plan in force does not know of its stay.
            self.wishes.unanswerable.insert(device);
            return self.ask_wish(out);
        }
        self.is_outdated = false;
        self.asked = Some((problem.clone(), current.roster.clone()));
        self.wishes.asked = Some((device, stage));
        out.push(LocalEffect::Solve { ticket, problem: Box::new(problem) });
        true
    }

    /// Whether this ticket was given out for a wish.
    pub(super) fn is_of_wish(&self, ticket: Ticket) -> bool {
        let asked = self.wishes.asked.map(|(_, stage)| stage);
        asked == Some(Stage::Base(ticket)) || asked == Some(Stage::With(ticket))
    }

    /// Answers a wish, and makes its plan the one in force if its driver accepts what it costs.
    pub(super) fn on_wish_solved(
        &mut self,
        now: Timestamp,
        plan: Result<Plan, SolveError>,
        out: &mut Vec<LocalEffect>,
    ) {
        let (Some((device, stage)), Some((problem, roster))) =
            (self.wishes.asked.take(), self.asked.take())
        else {
            return;
        };
        match (plan, &self.current, stage) {
            (Ok(plan), _, Stage::Base(_)) => self.adopt(problem, plan, roster, true, out),
            // Something was signed or withdrawn meanwhile: it is held against what holds now.
            (Ok(_), Some(_), Stage::With(_)) if self.is_outdated => {}
            (Ok(plan), Some(current), Stage::With(_)) => {
                let place = roster.place(device).store.unwrap_or(usize::MAX);
                let penalty = wish::penalty((&current.plan, &plan), &problem, place);
                let wish = self.wishes.answer(device, penalty);
                out.push(LocalEffect::Wish { device, wish });
                if wish.is_some_and(|wish| wish.is_kept) {
                    self.adopt(problem, plan, roster, true, out);
                }
            }
            _ => {
                self.is_outdated = true;
                self.wishes.unanswerable.insert(device);
            }
        }
        self.serve_next(now, out);
    }
}
