//! The body of a Resource Agent: owns one driver, feeds one mind, keeps its readings.
//!
//! The coordinator, the LCA, its driver and the grid operator's gateway write to it; it speaks to
//! its driver, its LCA and its store. It never decides what a device should do. A reading is in the
//! store before the LCA hears it. After a crash the mind is rebuilt from the store and goes on
//! counting from the last base; the device itself knows how it stands.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use gridpact_agents::machine::Machine;
use gridpact_agents::resource::priority::GridLimit;
use gridpact_agents::resource::reading::{Setpoint, Telemetry};
use gridpact_agents::resource::{
    READINGS_KEPT, ResourceAgent, ResourceEffect, ResourceInput, ResourceSetup,
};

use super::local::DeviceReading;
use super::{Door, EpochStarted, Poison, Retention, arm};
use crate::clock::Clock;
use crate::device::Driver;
use crate::observe::Observer;
use crate::store::readings::{ReadingStore, ReadingsError};
use crate::supervise::{Actor, Context, Handler, Message, Ref};

/// From the LCA: what the device shall do in an interval.
#[derive(Debug, Clone, Copy)]
pub struct Command(pub Setpoint);

/// From the driver: a sample nobody has asked for.
#[derive(Debug, Clone)]
pub struct Sample(pub Telemetry);

/// From the grid operator's gateway: a limit; it lapses by itself.
#[derive(Debug, Clone, Copy)]
pub struct Limit(pub GridLimit);

impl Message for Command {
    type Reply = ();
}
impl Message for Sample {
    type Reply = ();
}
impl Message for Limit {
    type Reply = ();
}

/// The doors of a resource agent.
#[derive(Clone, Default)]
pub struct ResourceInbox {
    /// An epoch begins.
    pub epoch: Door<EpochStarted>,
    /// What to do.
    pub command: Door<Command>,
    /// What the device says on its own.
    pub sample: Door<Sample>,
    /// What the grid operator allows.
    pub limit: Door<Limit>,
    /// Break.
    pub poison: Door<Poison>,
}

impl ResourceInbox {
    /// Opens all of them onto `actor`.
    pub fn open(&self, actor: &Ref<ResourceActor>) {
        self.epoch.open(actor.port());
        self.command.open(actor.port());
        self.sample.open(actor.port());
        self.limit.open(actor.port());
        self.poison.open(actor.port());
    }
}

/// What all lives of a resource agent share.
#[derive(Clone)]
pub struct ResourceMeans {
    /// Its LCA.
    pub local: Door<DeviceReading>,
    /// Where its readings are kept.
    pub store: Rc<RefCell<dyn ReadingStore>>,
    /// For how long.
    pub retention: Retention,
    /// To those who watch.
    pub observer: Observer,
    /// What time it is.
    pub clock: Clock,
}

/// One device's actor.
pub struct ResourceActor {
    mind: ResourceAgent,

    setup: ResourceSetup,
    driver: Box<dyn Driver>,
    means: ResourceMeans,

    effects: Vec<ResourceEffect>,
}

impl ResourceActor {
    /// A body whose mind is rebuilt from the store, in every life.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn new(
        setup: ResourceSetup,
        driver: Box<dyn Driver>,
        means: ResourceMeans,
    ) -> Result<Self, ReadingsError> {
        let mind = {
            let store = means.store.borrow();
            let readings = store.newest(setup.device, READINGS_KEPT)?;
            ResourceAgent::restore(setup.clone(), readings, store.standing(setup.device)?)
        };
        Ok(Self { mind, setup, driver, means, effects: Vec::new() })
    }

    fn step(&mut self, input: ResourceInput, cx: &mut Context<Self>) {
        let mut pending = VecDeque::from([input]);
        while let Some(input) = pending.pop_front() {
            let mut effects = std::mem::take(&mut self.effects);
            self.mind.handle(self.means.clock.now(), input, &mut effects);
            for effect in effects.drain(..) {
                match self.perform(effect) {
                    Ok(answer) => pending.extend(answer),
                    Err(error) => {
                        // What was not kept is not spoken of: the next life counts from what is.
                        cx.fail(error.to_string());
                        return;
                    }
                }
            }
            self.effects = effects;
        }
        arm(cx, &self.means.clock, self.mind.wake_at());
    }

    /// Performs one effect; a driver that answers at once has its answer returned as an input.
    fn perform(&mut self, effect: ResourceEffect) -> Result<Option<ResourceInput>, ReadingsError> {
        let device = self.setup.device;
        match effect {
            ResourceEffect::Sense { at } => {
                return Ok(self.driver.sense(at).map(ResourceInput::Telemetry));
            }
            ResourceEffect::Record { readings, standing } => {
                self.means.store.borrow_mut().record(device, &readings, &standing)?;
            }
            ResourceEffect::Report(reading) => {
                self.means.local.tell(DeviceReading { device, reading });
            }
            ResourceEffect::Command(order) | ResourceEffect::Lapse(order) => {
                self.means.observer.ordered(order.by);
                self.driver.command(&order);
            }
            ResourceEffect::Refuse(refusal) => self.means.observer.refused(refusal),
        }
        Ok(None)
    }
}

impl Actor for ResourceActor {
    const KIND: &'static str = "ra";

    /// A later life takes up the limit that still binds.
    fn started(&mut self, cx: &mut Context<Self>) {
        self.step(ResourceInput::Wake, cx);
    }

    fn wake(&mut self, cx: &mut Context<Self>) {
        self.step(ResourceInput::Wake, cx);
    }

    fn dump(&self) -> String {
        format!("{:?}", self.mind.snapshot())
    }
}

impl Handler<EpochStarted> for ResourceActor {
    fn handle(&mut self, EpochStarted { epoch, deadlines }: EpochStarted, cx: &mut Context<Self>) {
        let before = self.means.retention.before(epoch);
        let forgotten = self.means.store.borrow_mut().forget(self.setup.device, before);
        if let Err(error) = forgotten {
            cx.fail(error.to_string());
            return;
        }
        self.step(ResourceInput::EpochStart { epoch, deadlines }, cx);
    }
}

impl Handler<Command> for ResourceActor {
    fn handle(&mut self, Command(setpoint): Command, cx: &mut Context<Self>) {
        self.step(ResourceInput::Setpoint(setpoint), cx);
    }
}

impl Handler<Sample> for ResourceActor {
    fn handle(&mut self, Sample(sample): Sample, cx: &mut Context<Self>) {
        self.step(ResourceInput::Telemetry(sample), cx);
    }
}

impl Handler<Limit> for ResourceActor {
    fn handle(&mut self, Limit(limit): Limit, cx: &mut Context<Self>) {
        self.step(ResourceInput::Limit(limit), cx);
    }
}

impl Handler<Poison> for ResourceActor {
    fn handle(&mut self, _: Poison, _: &mut Context<Self>) {
        panic!("a fault world broke this resource agent");
    }
}
