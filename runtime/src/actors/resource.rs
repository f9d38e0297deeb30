//! The body of a Resource Agent: owns one driver and feeds one mind.
//!
//! The coordinator and the LCA write to it; it speaks to its driver and its LCA. It never decides
//! what a device should do. After a crash it starts with an empty mind: the device itself knows how
//! it stands.

use gridpact_agents::machine::Machine;
use gridpact_agents::resource::reading::{DeviceIndex, Setpoint};
use gridpact_agents::resource::{ResourceAgent, ResourceEffect, ResourceInput};

use super::local::DeviceReading;
use super::{Door, EpochStarted, Poison, arm};
use crate::clock::Clock;
use crate::device::Driver;
use crate::supervise::{Actor, Context, Handler, Message, Ref};

/// From the LCA: what the device shall do in an interval.
#[derive(Debug, Clone, Copy)]
pub struct Command(pub Setpoint);

impl Message for Command {
    type Reply = ();
}

/// The doors of a resource agent.
#[derive(Clone, Default)]
pub struct ResourceInbox {
    /// An epoch begins.
    pub epoch: Door<EpochStarted>,
    /// What to do.
    pub command: Door<Command>,
    /// Break.
    pub poison: Door<Poison>,
}

impl ResourceInbox {
    /// Opens all of them onto `actor`.
    pub fn open(&self, actor: &Ref<ResourceActor>) {
        self.epoch.open(actor.port());
        self.command.open(actor.port());
        self.poison.open(actor.port());
    }
}

/// One device's actor.
pub struct ResourceActor {
    mind: ResourceAgent,

    device: DeviceIndex,
    driver: Box<dyn Driver>,
    local: Door<DeviceReading>,

    clock: Clock,
    effects: Vec<ResourceEffect>,
}

impl ResourceActor {
    /// A body for `mind`, which is new in every life.
    #[must_use]
    pub fn new(
        device: DeviceIndex,
        mind: ResourceAgent,
        driver: Box<dyn Driver>,
        local: Door<DeviceReading>,
        clock: Clock,
    ) -> Self {
        Self { mind, device, driver, local, clock, effects: Vec::new() }
    }

    fn step(&mut self, input: ResourceInput, cx: &mut Context<Self>) {
        let mut pending = Some(input);
        while let Some(input) = pending.take() {
            let mut effects = std::mem::take(&mut self.effects);
            self.mind.handle(self.clock.now(), input, &mut effects);
            for effect in effects.drain(..) {
                pending = self.perform(effect).or(pending);
            }
            self.effects = effects;
        }
        arm(cx, &self.clock, self.mind.wake_at());
    }

    /// Performs one effect; a driver that answers at once has its answer returned as the next input.
    fn perform(&mut self, effect: ResourceEffect) -> Option<ResourceInput> {
        match effect {
            ResourceEffect::Sense { interval } => {
                return self.driver.sense(interval).map(ResourceInput::Reading);
            }
            ResourceEffect::Telemetry(reading) => {
                self.local.tell(DeviceReading { device: self.device, reading });
            }
            ResourceEffect::Command(setpoint) | ResourceEffect::Lapse(setpoint) => {
                self.driver.command(setpoint);
            }
            ResourceEffect::Refuse(_) => {}
        }
        None
    }
}

impl Actor for ResourceActor {
    const KIND: &'static str = "ra";

    fn wake(&mut self, cx: &mut Context<Self>) {
        self.step(ResourceInput::Wake, cx);
    }
}

impl Handler<EpochStarted> for ResourceActor {
    fn handle(&mut self, EpochStarted { epoch, deadlines }: EpochStarted, cx: &mut Context<Self>) {
        self.step(ResourceInput::EpochStart { epoch, deadlines }, cx);
    }
}

impl Handler<Command> for ResourceActor {
    fn handle(&mut self, Command(setpoint): Command, cx: &mut Context<Self>) {
        self.step(ResourceInput::Setpoint(setpoint), cx);
    }
}

impl Handler<Poison> for ResourceActor {
    fn handle(&mut self, _: Poison, _: &mut Context<Self>) {
        panic!("a fault world broke this resource agent");
    }
}
