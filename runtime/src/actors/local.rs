//! The body of a Local Coordination Agent.
//!
//! The coordinator, the home's RAs and its SCA write to it; it speaks to them and to the workshop,
//! where schedules are solved. It never decides what is bought or sold. After a crash the mind is
//! rebuilt from what the RAs keep of their devices, and from the contracts that bind.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use gridpact_agents::local::LocalAgent;
use gridpact_agents::local::door::{
    Obligation, PurchaseBlocks, Quote, QuoteRequest, ReserveReply, ReserveRequest,
};
use gridpact_agents::local::schedule::{Plan, SolveError, solve};
use gridpact_agents::local::speech::{LocalEffect, LocalInput, Planned, Ticket};
use gridpact_agents::local::wish::Wish;
use gridpact_agents::machine::Machine;
use gridpact_agents::resource::nature::FullNow;
use gridpact_agents::resource::reading::{DeviceIndex, Reading};
use gridpact_chain::contract::ContractId;
use gridpact_chain::terms::{Interval, PartyId, Price};

use super::resource::Command;
use super::{Door, EpochStarted, Poison, Retention, arm};
use crate::clock::Clock;
use crate::observe::{Observer, Stand};
use crate::supervise::{Actor, Context, Handler, Job, Message, Ref};

/// From an RA: what its device did in the interval that has ended.
#[derive(Debug, Clone)]
pub struct DeviceReading {
    /// The device.
    pub device: DeviceIndex,
    /// Its reading.
    pub reading: Reading,
}

/// From a driver: he wants his vehicle full now, or no longer.
#[derive(Debug, Clone, Copy)]
pub struct DriverWish {
    /// The vehicle.
    pub device: DeviceIndex,
    /// What he wants; none withdraws it.
    pub want: Option<FullNow>,
}

/// From the workshop: a schedule.
#[derive(Debug)]
pub struct Solved {
    ticket: Ticket,
    plan: Result<Plan, SolveError>,
}

/// From the SCA: the price of a purchase that was signed.
#[derive(Debug, Clone, Copy)]
pub struct Deal(pub Price);

macro_rules! letters {
    ($($letter:ty),*) => { $(impl Message for $letter { type Reply = (); })* };
}
letters!(DeviceReading, DriverWish, Solved, Deal, QuoteRequest, ReserveRequest, Obligation);

/// The doors an LCA speaks through.
#[derive(Clone, Default)]
pub struct LocalDoors {
    /// One per device, by index.
    pub devices: Vec<Door<Command>>,
    /// To the SCA: the tasks of the epoch.
    pub blocks: Door<PurchaseBlocks>,
    /// To the SCA: quotes.
    pub quotes: Door<Quote>,
    /// To the SCA: what was reserved.
    pub reserved: Door<ReserveReply>,
    /// To the workshop.
    pub workshop: Door<Job>,
    /// To itself: schedules that come back.
    pub solved: Door<Solved>,
    /// To those who watch.
    pub observer: Observer,
}

/// The doors of a local coordination agent.
#[derive(Clone, Default)]
pub struct LocalInbox {
    /// An epoch begins.
    pub epoch: Door<EpochStarted>,
    /// What a device did.
    pub reading: Door<DeviceReading>,
    /// What a driver wishes.
    pub wish: Door<DriverWish>,
    /// A schedule that comes back.
    pub solved: Door<Solved>,
    /// What could be sold?
    pub quote: Door<QuoteRequest>,
    /// Reserve this sale.
    pub reserve: Door<ReserveRequest>,
    /// A contract binds, or no longer does.
    pub obligation: Door<Obligation>,
    /// What a purchase cost.
    pub deal: Door<Deal>,
    /// Break.
    pub poison: Door<Poison>,
}

impl LocalInbox {
    /// Opens all of them onto `actor`.
    pub fn open(&self, actor: &Ref<LocalActor>) {
        self.epoch.open(actor.port());
        self.reading.open(actor.port());
        self.wish.open(actor.port());
        self.solved.open(actor.port());
        self.quote.open(actor.port());
        self.reserve.open(actor.port());
        self.obligation.open(actor.port());
        self.deal.open(actor.port());
        self.poison.open(actor.port());
    }
}

/// What an LCA's later lives are rebuilt from, beside the readings that its RAs keep.
#[derive(Debug, Default)]
pub struct LocalStore {
    /// Contracts that bind.
    pub obligations: BTreeMap<ContractId, Obligation>,
    /// What drivers wish, and what they were told that it costs.
    pub wishes: BTreeMap<DeviceIndex, Wish>,
    /// The latest plan.
    pub planned: Option<Box<Planned>>,
}

impl LocalStore {
    /// Destroys obligations that ended by `before`.
    pub fn forget(&mut self, before: Interval) {
        self.obligations.retain(|_, kept| match kept {
            Obligation::Signed { profile, .. } => profile.end() > before,
            Obligation::Released { .. } => false,
        });
    }

    fn keep(&mut self, obligation: &Obligation) {
        match obligation {
            Obligation::Signed { contract_id, .. } => {
                self.obligations.insert(*contract_id, obligation.clone());
            }
            Obligation::Released { contract_id } => {
                self.obligations.remove(contract_id);
            }
        }
    }
}

/// One home's energy management.
pub struct LocalActor {
    me: PartyId,
    mind: LocalAgent,

    doors: LocalDoors,
    store: Rc<RefCell<LocalStore>>,
    retention: Retention,

    clock: Clock,
    effects: Vec<LocalEffect>,
}

impl LocalActor {
    /// A body for `mind`, the LCA of `me`.
    #[must_use]
    pub fn new(
        me: PartyId,
        mind: LocalAgent,
        doors: LocalDoors,
        store: Rc<RefCell<LocalStore>>,
        retention: Retention,
        clock: Clock,
    ) -> Self {
        Self { me, mind, doors, store, retention, clock, effects: Vec::new() }
    }

    fn step(&mut self, input: LocalInput, cx: &mut Context<Self>) {
        let mut effects = std::mem::take(&mut self.effects);
        self.mind.handle(self.clock.now(), input, &mut effects);
        for effect in effects.drain(..) {
            self.perform(effect);
        }
        self.effects = effects;
        arm(cx, &self.clock, self.mind.wake_at());
    }

    fn perform(&mut self, effect: LocalEffect) {
        match effect {
            LocalEffect::Solve { ticket, problem } => {
                let back = self.doors.solved.clone();
                self.doors.workshop.tell(Job::new(move || {
                    let plan = solve(&problem);
                    Box::new(move || back.tell(Solved { ticket, plan }))
                }));
            }
            LocalEffect::Blocks(blocks) => {
                let (party, mind) = (self.me, &self.mind);
                let stand = || Stand { party, blocks: blocks.clone(), ability: mind.ability() };
                self.doors.observer.tendered(stand);
                self.doors.blocks.tell(blocks);
            }
            LocalEffect::Quote(quote) => self.doors.quotes.tell(quote),
            LocalEffect::Reserved(reply) => self.doors.reserved.tell(reply),
            LocalEffect::Setpoint { device, setpoint } => {
                if let Some(door) = self.doors.devices.get(usize::from(device)) {
                    door.tell(Command(setpoint));
                }
            }
            LocalEffect::Wish { device, wish } => {
                let mut store = self.store.borrow_mut();
                match wish {
                    Some(wish) => {
                        self.doors.observer.wish(self.me, device, &wish);
                        store.wishes.insert(device, wish);
                    }
                    None => drop(store.wishes.remove(&device)),
                }
            }
            LocalEffect::Planned(planned) => {
                self.doors.observer.planned(self.me, &planned);
                self.store.borrow_mut().planned = Some(planned);
            }
            LocalEffect::Stale { .. } | LocalEffect::Unplanned(_) => {}
        }
    }
}

impl Actor for LocalActor {
    const KIND: &'static str = "lca";

    fn wake(&mut self, cx: &mut Context<Self>) {
        self.step(LocalInput::Wake, cx);
    }
}

impl Handler<EpochStarted> for LocalActor {
    fn handle(&mut self, EpochStarted { epoch, deadlines }: EpochStarted, cx: &mut Context<Self>) {
        self.store.borrow_mut().forget(self.retention.before(epoch));
        self.step(LocalInput::EpochStart { epoch, deadlines }, cx);
    }
}

impl Handler<DeviceReading> for LocalActor {
    fn handle(&mut self, letter: DeviceReading, cx: &mut Context<Self>) {
        self.step(LocalInput::Reading { device: letter.device, reading: letter.reading }, cx);
    }
}

impl Handler<DriverWish> for LocalActor {
    fn handle(&mut self, DriverWish { device, want }: DriverWish, cx: &mut Context<Self>) {
        self.step(LocalInput::FullNow { device, want }, cx);
    }
}

impl Handler<Solved> for LocalActor {
    fn handle(&mut self, Solved { ticket, plan }: Solved, cx: &mut Context<Self>) {
        self.step(LocalInput::Solved { ticket, plan }, cx);
    }
}

impl Handler<QuoteRequest> for LocalActor {
    fn handle(&mut self, request: QuoteRequest, cx: &mut Context<Self>) {
        self.step(LocalInput::Quote(request), cx);
    }
}

impl Handler<ReserveRequest> for LocalActor {
    fn handle(&mut self, request: ReserveRequest, cx: &mut Context<Self>) {
        self.step(LocalInput::Reserve(request), cx);
    }
}

impl Handler<Obligation> for LocalActor {
    fn handle(&mut self, obligation: Obligation, cx: &mut Context<Self>) {
        self.store.borrow_mut().keep(&obligation);
        self.step(LocalInput::Obligation(obligation), cx);
    }
}

impl Handler<Deal> for LocalActor {
    fn handle(&mut self, Deal(unit_price): Deal, cx: &mut Context<Self>) {
        self.step(LocalInput::Deal { unit_price }, cx);
    }
}

impl Handler<Poison> for LocalActor {
    fn handle(&mut self, _: Poison, _: &mut Context<Self>) {
        panic!("a fault world broke this local coordination agent");
    }
}
