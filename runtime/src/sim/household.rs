//! All minds of one home as one cell of a shard: LCA, SCA and one RA per device.
//!
//! What they say to each other stays in the household; letters to other homes go to the host, heavy
//! work to the workshop, contracts to the clerk. It decides nothing. It keeps no journal: a shard is
//! for simulations in which nobody crashes.

use std::collections::VecDeque;
use std::sync::Arc;

use gridpact_agents::local::LocalAgent;
use gridpact_agents::local::door::{Obligation, Side};
use gridpact_agents::local::schedule::{Plan, SolveError, solve};
use gridpact_agents::local::speech::{LocalEffect, LocalInput, Ticket};
use gridpact_agents::machine::Machine;
use gridpact_agents::resource::reading::DeviceIndex;
use gridpact_agents::resource::{ResourceAgent, ResourceEffect, ResourceInput};
use gridpact_agents::social::message::Message as SocialMessage;
use gridpact_agents::social::{Effect, Input, SocialAgent};
use gridpact_chain::contract::ContractId;
use gridpact_chain::terms::{PartyId, Timestamp};

use crate::actors::coordinator::Quiescent;
use crate::actors::replica::{Publish, Signed};
use crate::actors::social::is_genuine;
use crate::actors::{Door, EpochStarted, PhaseEnded};
use crate::device::Driver;
use crate::keys::Signer;
use crate::members::Members;
use crate::observe::{Observer, Stand};
use crate::shards::{Cell, District, Post};
use crate::supervise::Job;
use crate::verdicts::ProcessVerdicts;

/// What a household can be told.
pub enum Letter {
    /// From the coordinator: an epoch begins.
    Epoch(EpochStarted),
    /// From the coordinator: a phase ends.
    Phase(PhaseEnded),
    /// From another household's SCA.
    Peer {
        /// Who says it.
        from: PartyId,
        /// What is said.
        message: SocialMessage,
    },
    /// From the workshop: a schedule.
    Solved {
        /// The question's ticket.
        ticket: Ticket,
        /// The answer.
        plan: Box<Result<Plan, SolveError>>,
    },
    /// From the workshop: a signature.
    Signed(Box<Signed>),
    /// From the clerk: a contract is on the chain.
    Settled {
        /// The contract.
        contract_id: ContractId,
        /// Its height.
        height: u64,
    },
    /// From the clerk: chain time has moved.
    ChainTime(Timestamp),
}

impl From<EpochStarted> for Letter {
    fn from(letter: EpochStarted) -> Self {
        Self::Epoch(letter)
    }
}

impl From<PhaseEnded> for Letter {
    fn from(letter: PhaseEnded) -> Self {
        Self::Phase(letter)
    }
}

/// Whom a household speaks to outside its own walls.
#[derive(Clone)]
pub struct Means {
    /// Its own way back, for what the workshop has done.
    pub district: District<Letter>,
    /// Where heavy work is done.
    pub workshop: Door<Job>,
    /// Who takes contracts to the chain.
    pub publish: Door<Publish>,
    /// The coordinator.
    pub quiescent: Door<Quiescent>,
    /// Keys of the members.
    pub members: Members,
    /// Verdicts on signatures.
    pub verdicts: Arc<ProcessVerdicts>,
    /// Who watches.
    pub observer: Observer,
}

/// One home's minds.
pub struct Household {
    me: PartyId,
    local: LocalAgent,
    social: SocialAgent,
    resources: Vec<(ResourceAgent, Box<dyn Driver>)>,

    signer: Signer,
    means: Means,

    /// What its minds have yet to hear.
    inside: VecDeque<Inside>,
    /// When the RAs want to be woken, as of the last letter to any of them.
    resources_wake: Option<Timestamp>,
}

/// A letter within the household.
enum Inside {
    Local(LocalInput),
    Social(Input),
    Resource(usize, ResourceInput),
}

impl Household {
    /// The minds of home `me`; `resources` are its devices' RAs with their drivers, by index.
    #[must_use]
    pub fn new(
        me: PartyId,
        (local, social): (LocalAgent, SocialAgent),
        resources: Vec<(ResourceAgent, Box<dyn Driver>)>,
        signer: Signer,
        means: Means,
    ) -> Self {
        let mut household = Self {
            me,
            local,
            social,
            resources,
            signer,
            means,
            inside: VecDeque::new(),
            resources_wake: None,
        };
        household.ask_resources();
        household
    }

    fn ask_resources(&mut self) {
        self.resources_wake = self.resources.iter().filter_map(|(mind, _)| mind.wake_at()).min();
    }

    /// Lets the minds speak until nobody inside has anything left to hear.
    fn settle(&mut self, now: Timestamp, post: &mut Post<Letter>) {
        while let Some(letter) = self.inside.pop_front() {
            match letter {
                Inside::Local(input) => self.tell_local(now, input),
                Inside::Social(input) => self.tell_social(now, input, post),
                Inside::Resource(device, input) => self.tell_resource(now, device, input),
            }
        }
    }

    fn tell_local(&mut self, now: Timestamp, input: LocalInput) {
        let bought = bought(&input);
        let mut effects = Vec::new();
        self.local.handle(now, input, &mut effects);
        if let Some(contract) = bought {
            self.means.observer.signed(self.me, contract, || self.local.stake(&contract));
        }
        for effect in effects {
            match effect {
                LocalEffect::Solve { ticket, problem } => {
                    let (district, me) = (self.means.district.clone(), self.me);
                    self.means.workshop.tell(Job::new(move || {
                        let plan = Box::new(solve(&problem));
                        Box::new(move || district.tell(me, Letter::Solved { ticket, plan }))
                    }));
                }
                LocalEffect::Blocks(blocks) => {
                    let (party, mind) = (self.me, &self.local);
                    let stand = || Stand { party, blocks: blocks.clone(), ability: mind.ability() };
                    self.means.observer.tendered(stand);
                    self.for_social(Input::Blocks(blocks));
                }
                LocalEffect::Quote(quote) => self.for_social(Input::Quote(quote)),
                LocalEffect::Reserved(reply) => {
                    self.means.observer.reserved(&reply);
                    if reply.outcome.is_ok() {
                        let contract = reply.contract_id;
                        let stake = || self.local.stake(&contract);
                        self.means.observer.signed(self.me, contract, stake);
                    }
                    self.for_social(Input::Reserved(reply));
                }
                LocalEffect::Setpoint { device, setpoint } => self.inside.push_back(
                    Inside::Resource(usize::from(device), ResourceInput::Setpoint(setpoint)),
                ),
                LocalEffect::Wish { device, wish } => {
                    if let Some(wish) = wish {
                        self.means.observer.wish(self.me, device, &wish);
                    }
                }
                LocalEffect::Planned(planned) => self.means.observer.planned(self.me, &planned),
                LocalEffect::Stale { .. } | LocalEffect::Unplanned(_) => {}
            }
        }
    }

    fn tell_social(&mut self, now: Timestamp, input: Input, post: &mut Post<Letter>) {
        let mut effects = Vec::new();
        self.social.handle(now, input, &mut effects);
        for effect in effects {
            self.perform(effect, post);
        }
    }

    fn perform(&mut self, effect: Effect, post: &mut Post<Letter>) {
        match effect {
            Effect::Record(_) => {}
            Effect::Send { to, message } => {
                self.means.observer.letter(&message);
                post.send(to, Letter::Peer { from: self.me, message });
            }
            Effect::Quote(request) => self.for_local(LocalInput::Quote(request)),
            Effect::Reserve(request) => self.for_local(LocalInput::Reserve(request)),
            Effect::Obligation(obligation) => {
                self.means.observer.obligation(self.me, &obligation);
                self.for_local(LocalInput::Obligation(obligation));
            }
            Effect::Sign(statement) => {
                let (district, me) = (self.means.district.clone(), self.me);
                self.signer.sign_into(statement, move |signed| {
                    district.tell(me, Letter::Signed(Box::new(signed)));
                });
            }
            Effect::Publish(contract) => {
                self.for_local(LocalInput::Deal { unit_price: contract.body.unit_price });
                self.means.publish.tell(Publish(*contract));
            }
            Effect::Quiescent { epoch, phase, .. } => {
                self.means.quiescent.tell(Quiescent { party: self.me, epoch, phase });
            }
            Effect::Outcome(outcome) => self.means.observer.outcome(self.me, outcome),
            Effect::Sales(outcome) => self.means.observer.sales(self.me, outcome),
        }
    }

    fn tell_resource(&mut self, now: Timestamp, device: usize, input: ResourceInput) {
        let Some((mind, driver)) = self.resources.get_mut(device) else { return };
        let mut effects = Vec::new();
        mind.handle(now, input, &mut effects);
        for effect in effects {
            match effect {
                ResourceEffect::Sense { at } => {
                    if let Some(sample) = driver.sense(at) {
                        let sample = ResourceInput::Telemetry(sample);
                        self.inside.push_back(Inside::Resource(device, sample));
                    }
                }
                ResourceEffect::Report(reading) => {
                    let device = DeviceIndex::try_from(device).unwrap_or(DeviceIndex::MAX);
                    let reading = LocalInput::Reading { device, reading };
                    self.inside.push_back(Inside::Local(reading));
                }
                ResourceEffect::Command(order) | ResourceEffect::Lapse(order) => {
                    self.means.observer.ordered(order.by);
                    driver.command(&order);
                }
                ResourceEffect::Refuse(refusal) => self.means.observer.refused(refusal),
                ResourceEffect::Record { .. } => {}
            }
        }
        self.ask_resources();
    }

    fn for_local(&mut self, input: LocalInput) {
        self.inside.push_back(Inside::Local(input));
    }

    fn for_social(&mut self, input: Input) {
        self.inside.push_back(Inside::Social(input));
    }

    fn open_epoch(&mut self, EpochStarted { epoch, deadlines }: EpochStarted) {
        self.for_social(Input::EpochStart { epoch, deadlines });
        self.for_local(LocalInput::EpochStart { epoch, deadlines });
        for device in 0..self.resources.len() {
            let start = ResourceInput::EpochStart { epoch, deadlines };
            self.inside.push_back(Inside::Resource(device, start));
        }
    }
}

/// The purchase that an LCA hears has been signed.
fn bought(input: &LocalInput) -> Option<ContractId> {
    match input {
        LocalInput::Obligation(Obligation::Signed { contract_id, side: Side::Buyer, .. }) => {
            Some(*contract_id)
        }
        _ => None,
    }
}

impl Cell for Household {
    type Letter = Letter;

    fn handle(&mut self, now: Timestamp, letter: Letter, post: &mut Post<Letter>) {
        match letter {
            Letter::Epoch(letter) => self.open_epoch(letter),
            Letter::Phase(PhaseEnded { epoch, phase }) => {
                self.for_social(Input::PhaseEnds { epoch, phase });
            }
            Letter::Peer { from, message } => {
                if is_genuine(&self.means.members.now(), &self.means.verdicts, from, &message) {
                    self.for_social(Input::Peer { from, message });
                }
            }
            Letter::Solved { ticket, plan } => {
                self.for_local(LocalInput::Solved { ticket, plan: *plan });
            }
            Letter::Signed(signed) => {
                let Signed { statement, signature } = *signed;
                self.for_social(Input::Signed { statement, signature });
            }
            Letter::Settled { contract_id, height } => {
                self.for_social(Input::Settled { contract_id, height });
            }
            Letter::ChainTime(time_ms) => self.for_social(Input::ChainTime { time_ms }),
        }
        self.settle(now, post);
    }

    fn wake(&mut self, now: Timestamp, post: &mut Post<Letter>) {
        let is_due = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        if is_due(self.social.wake_at()) {
            self.for_social(Input::Wake);
        }
        if is_due(self.local.wake_at()) {
            self.for_local(LocalInput::Wake);
        }
        for device in 0..self.resources.len() {
            if is_due(self.resources[device].0.wake_at()) {
                self.inside.push_back(Inside::Resource(device, ResourceInput::Wake));
            }
        }
        self.settle(now, post);
    }

    fn wake_at(&self) -> Option<Timestamp> {
        let minds = [self.local.wake_at(), self.social.wake_at(), self.resources_wake];
        minds.into_iter().flatten().min()
    }
}
