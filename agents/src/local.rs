//! The Local Coordination Agent (LCA): the cycle forecast -> schedule -> deficit.
//!
//! At the start of an epoch it waits for what its devices did, asks for a schedule of the coming
//! day, tells the devices what to do now and the SCA what is missing. Between epochs it answers
//! what could be sold at what cost, and reserves sales that an exact re-plan carries. It never
//! bargains, and it never solves: solving takes milliseconds, so the body does it wherever it likes
//! and brings the answer back.

pub mod ability;
mod cycle;
mod deficit;
pub mod door;
pub mod forecast;
mod given;
mod learning;
pub mod manner;
pub mod missing;
mod obligations;
mod planning;
mod reservation;
pub mod schedule;
mod selling;
pub mod setup;
pub mod speech;
pub mod stake;
mod stock;
pub mod tariff;
mod valuation;
pub mod why;
pub mod wish;
mod wishing;

#[cfg(test)]
mod tests;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use gridpact_chain::contract::ContractId;
use gridpact_chain::terms::{Epoch, Interval, Timestamp};

use crate::machine::Machine;
use crate::params::Deadlines;
use crate::resource::reading::{DeviceIndex, Reading, Setpoint};
use ability::Ability;
use deficit::Tenders;
use door::{Obligation, QuoteRequest, ReserveReply};
use given::Given;
use learning::Learnt;
use missing::Missing;
use obligations::Obligations;
use planning::Roster;
use reservation::Queue;
use schedule::{Plan, Problem, Shortfall};
use setup::LocalSetup;
use speech::{LocalEffect, LocalInput, LocalSnapshot, Ticket};
use stock::Stock;
use wish::{Through, Wish, Wishes};

/// Where the mind is in its epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No epoch has begun.
    Asleep,
    /// Waiting for readings.
    Sensing,
    /// Waiting for the schedule.
    Planning(Ticket),
    /// There is a plan, or there will be none in this epoch.
    Settled,
}

/// The plan in force with the question it answers.
#[derive(Debug, Clone)]
struct Current {
    problem: Problem,
    plan: Plan,
    roster: Roster,
    /// What quotes find to sell in the plan, worked out for the first of them.
    stock: OnceCell<Stock>,
    /// The same for quotes beside what is held for others.
    ability: OnceCell<Ability>,
}

impl Current {
    /// What the plan could not have, and whose it is.
    fn missing(&self) -> Vec<Missing> {
        let mut missing = missing::missing(&self.problem, &self.plan);
        for missing in &mut missing {
            missing.device = self.roster.owner(missing.what);
        }
        missing
    }
}

/// The mind of one site's energy management.
pub struct LocalAgent {
    setup: LocalSetup,
    obligations: Obligations,

    epoch: Option<(Epoch, Deadlines)>,
    phase: Phase,
    next_ticket: Ticket,
    /// The question that is being solved.
    asked: Option<(Problem, Roster)>,
    current: Option<Current>,
    /// Whether obligations have changed since the current plan was made.
    is_outdated: bool,

    /// Last reading per device, its stand-in included.
    readings: Vec<Option<Reading>>,
    /// What has been learnt from readings beside the forecasts.
    learnt: Learnt,
    /// Devices that have reported the interval that ended last.
    reported: BTreeSet<DeviceIndex>,
    stale: BTreeSet<DeviceIndex>,
    /// What devices were last told.
    told: BTreeMap<DeviceIndex, Setpoint>,
    given: Given,
    wishes: Wishes,

    tenders: Tenders,
    /// Intervals tendered in this epoch, which may be bought and so are not sold, with what is asked
    /// for beyond the plan's purchase, Wh.
    tendering: BTreeMap<Interval, f64>,
    has_sent_blocks: bool,
    /// Running mean of the prices of own purchases.
    deal_price: Option<f64>,

    quotes: VecDeque<QuoteRequest>,
    queue: Queue,
    /// Answers given in this epoch and the last, so that replays are answered alike.
    answered: BTreeMap<ContractId, (Epoch, ReserveReply)>,
}

impl LocalAgent {
    /// A new mind without obligations.
    #[must_use]
    pub fn new(setup: LocalSetup) -> Self {
        Self::restore(setup, Vec::new())
    }

    /// A mind that wakes up after a crash, with the obligations that chain and journal know.
    #[must_use]
    pub fn restore(setup: LocalSetup, obligations: Vec<Obligation>) -> Self {
        let devices = setup.devices.len();
        let mut mind = Self {
            setup,
            obligations: Obligations::default(),
            epoch: None,
            phase: Phase::Asleep,
            next_ticket: 0,
            asked: None,
            current: None,
            is_outdated: false,
            readings: vec![None; devices],
            learnt: Learnt::default(),
            reported: BTreeSet::new(),
            stale: BTreeSet::new(),
            told: BTreeMap::new(),
            given: Given::default(),
            wishes: Wishes::default(),
            tenders: Tenders::default(),
            tendering: BTreeMap::new(),
            has_sent_blocks: false,
            deal_price: None,
            quotes: VecDeque::new(),
            queue: Queue::default(),
            answered: BTreeMap::new(),
        };
        for obligation in obligations {
            mind.obligations.hear(obligation);
        }
        mind
    }

    /// The same mind with the wishes of its earlier life, once it has heard its readings again.
    #[must_use]
    pub fn recalling(mut self, wishes: impl IntoIterator<Item = (DeviceIndex, Wish)>) -> Self {
        for (device, wish) in wishes {
            let reading = self.readings.get(usize::from(device)).and_then(Option::as_ref);
            self.wishes.recall(device, wish, reading);
        }
        self
    }

    fn ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        self.next_ticket
    }
}

impl Machine for LocalAgent {
    type Input = LocalInput;
    type Effect = LocalEffect;
    type Snapshot = LocalSnapshot;

    fn handle(&mut self, now: Timestamp, input: LocalInput, out: &mut Vec<LocalEffect>) {
        match input {
            LocalInput::EpochStart { epoch, deadlines } => self.on_epoch(epoch, deadlines, out),
            LocalInput::Reading { device, reading } => self.on_reading(device, reading, out),
            LocalInput::FullNow { device, want } => {
                self.on_wish(device, want, Through::Site, out);
                self.serve_next(now, out);
            }
            LocalInput::Solved { ticket, plan } => self.on_solved(now, ticket, plan, out),
            LocalInput::Quote(request) => self.on_quote(request, out),
            LocalInput::Reserve(request) => self.on_reserve(now, request, out),
            LocalInput::Obligation(obligation) => self.on_obligation(obligation),
            LocalInput::Deal { unit_price } => self.on_deal(unit_price),
            LocalInput::Wake => self.on_wake(now, out),
        }
    }

    fn wake_at(&self) -> Option<Timestamp> {
        let (_, deadlines) = self.epoch?;
        let sensing = (self.phase == Phase::Sensing).then(|| cycle::sense_deadline(&deadlines));
        let blocks = (self.setup.trading && !self.has_sent_blocks).then_some(deadlines.d1);
        sensing.into_iter().chain(blocks).min()
    }

    fn snapshot(&self) -> LocalSnapshot {
        let plan = self.current.as_ref().map(|c| &c.plan);
        let series =
            |pick: fn(&Plan) -> &Vec<f64>| plan.map(|p| pick(p).clone()).unwrap_or_default();
        LocalSnapshot {
            party: self.setup.party,
            epoch: self.epoch.map(|(epoch, _)| epoch),
            planned_from: plan.map(|p| p.start),
            import_wh: series(|p| &p.import_wh),
            export_wh: series(|p| &p.export_wh),
            stored_wh: plan
                .map_or_else(Vec::new, |p| p.stores.iter().map(|s| s.stored_wh.clone()).collect()),
            shortfall: plan.map(|p| Shortfall::clone(&p.shortfall)).unwrap_or_default(),
            cost: plan.map_or(0.0, |p| p.cost),
            method: plan.map(|p| p.method).unwrap_or_default(),
            missing: self.current.as_ref().map(Current::missing).unwrap_or_default(),
            obligations: self.obligations.all(),
            stale: self.stale.iter().copied().collect(),
            wishes: self.wishes.all(),
        }
    }
}
