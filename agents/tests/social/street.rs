//! A street of N prosumers in one plain event loop: real SCAs and the real coordinator, a fake LCA
//! each (an exact capacity book), a fake chain, and a network that may delay, drop, repeat and
//! reorder. Shared by the tests and the bench.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use gridpact_agents::local::door::{
    Block, CancelReason, Deficit, Obligation, PurchaseBlocks, Quote, QuoteRequest, ReserveReply,
    ReserveRequest, Side,
};
use gridpact_agents::machine::Machine;
use gridpact_agents::network::Network;
use gridpact_agents::params::{Deadlines, Params};
use gridpact_agents::session::{self, Notice, Phase, Session};
use gridpact_agents::social::pricing::{self, Pricing};
use gridpact_agents::social::{
    Effect, Entry, Input, Message, SalesOutcome, SocialAgent, SocialSetup, TaskOutcome, tactic,
};
use gridpact_chain::contract::{ContractId, SignedContract};
use gridpact_chain::digest::Digest;
use gridpact_chain::sign::Signature;
use gridpact_chain::terms::{Energy, Epoch, Interval, PartyId, Power, Price, Profile, Timestamp};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// The epoch every street trades in.
pub const EPOCH: Epoch = Interval(48);

/// Faults and delays of the network.
#[derive(Debug, Clone, Copy, Default)]
pub struct Net {
    pub delay_min_ms: u64,
    pub delay_max_ms: u64,
    pub drop_ppm: u32,
    pub repeat_ppm: u32,
}

/// An exact capacity book in place of a scheduling model.
#[derive(Debug, Clone, Default)]
pub struct Local {
    pub surplus: BTreeMap<u32, u64>,
    pub unit_cost: i64,
    pub ceiling: i64,
    pub deficits: Vec<Deficit>,
    pub reserved: BTreeMap<ContractId, Profile>,
    pub planned_purchases: BTreeSet<ContractId>,
    /// Reservations for which a signature has been given.
    pub signed: BTreeSet<ContractId>,
    pub is_down: bool,
}

impl Local {
    fn left(&self, at: Interval) -> u64 {
        let taken: u64 = self.reserved.values().map(|profile| profile.at(at)).sum();
        let had = self.surplus.get(&at.0).copied().unwrap_or(0);
        assert!(taken <= had, "sold {taken} Wh of {had} Wh in interval {at}");
        had - taken
    }

    fn quote(&self, request: QuoteRequest) -> Quote {
        let QuoteRequest { ticket, wanted, beside } = request;
        let held = |at| beside.as_ref().map_or(0, |beside| beside.at(at));
        let left: Vec<u64> =
            wanted.iter().map(|(at, _)| self.left(at).saturating_sub(held(at))).collect();
        let capacity = Energy(left.iter().sum());
        let wh = wanted.wh.iter().zip(&left).map(|(want, have)| *want.min(have)).collect();
        Quote {
            ticket,
            available: Profile { start: wanted.start, wh },
            capacity,
            unit_cost: Price(self.unit_cost),
            ceiling: Price(self.ceiling),
            feed_in: Price(80_000),
        }
    }

    fn reserve(&mut self, request: ReserveRequest) -> ReserveReply {
        let ReserveRequest { contract_id, profile, unit_price } = request;
        let known = self.reserved.contains_key(&contract_id);
        let fits = known || profile.iter().all(|(at, wh)| wh <= self.left(at));
        let outcome = if !fits {
            Err(CancelReason::NoEnergy)
        } else if unit_price.0 < self.unit_cost {
            Err(CancelReason::BelowCost)
        } else {
            self.reserved.insert(contract_id, profile);
            Ok(Price(self.unit_cost))
        };
        ReserveReply { contract_id, outcome }
    }

    fn oblige(&mut self, obligation: Obligation) {
        match obligation {
            Obligation::Signed { contract_id, side: Side::Seller, profile } => {
                self.reserved.insert(contract_id, profile);
                self.signed.insert(contract_id);
            }
            Obligation::Signed { contract_id, side: Side::Buyer, .. } => {
                self.planned_purchases.insert(contract_id);
            }
            Obligation::Released { contract_id } => {
                self.reserved.remove(&contract_id);
                self.signed.remove(&contract_id);
                self.planned_purchases.remove(&contract_id);
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Event {
    Letter { to: usize, input: Input },
    Coordinator(session::Input),
    KillSocial(usize),
    KillLocal(usize),
    ReviveLocal(usize),
}

/// One prosumer with all that its body would hold.
pub struct House {
    pub agent: Option<SocialAgent>,
    pub local: Local,
    pub journal: Vec<Entry>,
    pub neighbours: Vec<PartyId>,
    /// Its own way to price, from its next life on.
    pub pricing: Option<Arc<dyn Pricing>>,
    pub lives: u8,
    armed: Option<Timestamp>,
}

/// The world.
pub struct Street {
    pub params: Arc<Params>,
    pub network: Arc<Network>,
    pub houses: Vec<House>,
    pub coordinator: Option<Session>,
    pub deadlines: Deadlines,
    pub net: Net,
    pub now: Timestamp,
    pub outcomes: Vec<(PartyId, TaskOutcome)>,
    pub sales: Vec<(PartyId, SalesOutcome)>,
    pub published: BTreeMap<ContractId, SignedContract>,
    pub confirmed: BTreeMap<ContractId, gridpact_chain::contract::ContractBody>,
    pub quiescent: BTreeMap<(PartyId, Phase), u32>,
    pub letters: u64,
    pub inputs: u64,
    pub epoch_ended: Option<Timestamp>,
    /// When the last task ended.
    pub last_outcome: Timestamp,
    /// FNV-1a over everything said, when asked for.
    pub transcript: Option<u64>,
    /// Called for every letter before the network touches it.
    pub watch: Option<fn(&Street, PartyId, PartyId, &Message)>,
    pub sent: BTreeMap<&'static str, u64>,
    seed: u64,
    rng: ChaCha8Rng,
    soon: VecDeque<Event>,
    later: BTreeMap<(Timestamp, u64), Event>,
    alarms: BTreeSet<(Timestamp, usize)>,
    sequence: u64,
}

impl Street {
    /// `n` houses, ring with neighbours +-1, +-2, +-3; trading costs no fee.
    pub fn new(n: usize, params: Params, net: Net, seed: u64) -> Self {
        Self::on(Network::default(), n, params, net, seed)
    }

    /// As [`new`](Self::new), on a network that may ask for fees.
    pub fn on(network: Network, n: usize, params: Params, net: Net, seed: u64) -> Self {
        let deadlines = params.epoch.deadlines(EPOCH.starts_at(params.epoch.interval_s()));
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let params = Arc::new(params);
        let houses = (0..n)
            .map(|i| {
                let ring = [1, 2, 3, n - 1, n - 2, n - 3].map(|step| (i + step) % n);
                let neighbours: BTreeSet<usize> = ring.into_iter().filter(|j| *j != i).collect();
                let neighbours = neighbours.into_iter().map(party).collect();
                let local = random_local(&mut rng);
                let (journal, pricing, armed) = (Vec::new(), None, None);
                House { agent: None, local, journal, neighbours, pricing, lives: 0, armed }
            })
            .collect();
        let mut street = Self {
            coordinator: Some(Session::new(params.epoch.clone())),
            params,
            network: Arc::new(network),
            houses,
            deadlines,
            net,
            now: deadlines.start,
            outcomes: Vec::new(),
            sales: Vec::new(),
            published: BTreeMap::new(),
            confirmed: BTreeMap::new(),
            quiescent: BTreeMap::new(),
            letters: 0,
            inputs: 0,
            epoch_ended: None,
            last_outcome: deadlines.start,
            transcript: None,
            watch: None,
            sent: BTreeMap::new(),
            seed,
            rng,
            soon: VecDeque::new(),
            later: BTreeMap::new(),
            alarms: BTreeSet::new(),
            sequence: 0,
        };
        for i in 0..n {
            street.bear(i);
        }
        street
    }

    /// Gives house `i` a (new) mind from its journal.
    fn bear(&mut self, i: usize) {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.seed.to_le_bytes());
        seed[8..16].copy_from_slice(&(i as u64).to_le_bytes());
        seed[16] = self.houses[i].lives;
        self.houses[i].lives += 1;
        let setup = SocialSetup {
            party: party(i),
            community: Digest([7; 32]),
            params: Arc::clone(&self.params),
            tactic: tactic::named(self.params.negotiate.tactic),
            pricing: match &self.houses[i].pricing {
                Some(own) => Arc::clone(own),
                None => pricing::named(self.params.negotiate.pricing),
            },
            neighbours: self.houses[i].neighbours.clone(),
            network: Arc::clone(&self.network),
            line_limit: Power(15_000),
            imbalance_cap: Price(1_000_000),
            seed,
        };
        let mut out = Vec::new();
        let agent = SocialAgent::restore(setup, self.houses[i].journal.clone(), &mut out);
        self.houses[i].agent = Some(agent);
        self.perform(i, out);
    }

    /// Kills the mind of house `i` and gives it a new one.
    pub fn rebirth(&mut self, i: usize) {
        self.dispatch(Event::KillSocial(i));
    }

    /// Arranges for something to break `ms` after the start of the epoch.
    pub fn at(&mut self, ms: u64, fault: Fault) {
        let event = match fault {
            Fault::KillSocial(i) => Event::KillSocial(i),
            Fault::KillLocal(i) => Event::KillLocal(i),
            Fault::ReviveLocal(i) => Event::ReviveLocal(i),
        };
        self.push(self.deadlines.start.after_ms(ms), event);
    }

    /// Runs the epoch to its settlement and lets the chain speak.
    pub fn run(&mut self) {
        let parties = self.houses.len() as u32;
        let begin = session::Input::Begin { epoch: EPOCH, deadlines: self.deadlines, parties };
        self.soon.push_back(Event::Coordinator(begin));
        for i in 0..self.houses.len() {
            let deficits = self.houses[i].local.deficits.clone();
            let blocks = Input::Blocks(PurchaseBlocks { epoch: EPOCH, deficits });
            let delay = self.delay();
            self.push(self.now.after_ms(delay), Event::Letter { to: i, input: blocks });
        }
        let end = self.deadlines.settle.after_ms(1);
        while let Some(event) = self.next(end) {
            self.dispatch(event);
        }
        self.now = end;
        self.settle();
    }

    fn next(&mut self, end: Timestamp) -> Option<Event> {
        if let Some(event) = self.soon.pop_front() {
            return Some(event);
        }
        let coordinator = self.coordinator.as_ref().and_then(Machine::wake_at);
        let letter = self.later.first_key_value().map(|((at, _), _)| *at);
        let alarm = self.alarms.first().map(|(at, _)| *at);
        let at = [coordinator, letter, alarm].into_iter().flatten().min()?;
        if at > end {
            return None;
        }
        self.now = self.now.max(at);
        if letter == Some(at) {
            return self.later.pop_first().map(|(_, event)| event);
        }
        if alarm == Some(at) {
            let (_, i) = self.alarms.pop_first()?;
            self.houses[i].armed = None;
            return Some(Event::Letter { to: i, input: Input::Wake });
        }
        Some(Event::Coordinator(session::Input::Wake))
    }

    fn push(&mut self, at: Timestamp, event: Event) {
        if at <= self.now {
            self.soon.push_back(event);
        } else {
            self.sequence += 1;
            self.later.insert((at, self.sequence), event);
        }
    }

    fn chance(&mut self, ppm: u32) -> bool {
        ppm > 0 && self.rng.next_u32() % 1_000_000 < ppm
    }

    fn delay(&mut self) -> u64 {
        let Net { delay_min_ms, delay_max_ms, .. } = self.net;
        if delay_max_ms == delay_min_ms {
            return delay_min_ms;
        }
        delay_min_ms + self.rng.next_u64() % (delay_max_ms - delay_min_ms + 1)
    }

    /// Puts a letter on the network.
    fn mail(&mut self, to: usize, input: Input) {
        if self.chance(self.net.drop_ppm) {
            return;
        }
        if self.chance(self.net.repeat_ppm) {
            let at = self.now.after_ms(self.delay());
            self.push(at, Event::Letter { to, input: input.clone() });
        }
        let at = self.now.after_ms(self.delay());
        self.push(at, Event::Letter { to, input });
    }

    fn dispatch(&mut self, event: Event) {
        match event {
            Event::Letter { to, input } => self.tell(to, input),
            Event::Coordinator(input) => self.coordinate(input),
            Event::KillSocial(i) => {
                if let Some(at) = self.houses[i].armed.take() {
                    self.alarms.remove(&(at, i));
                }
                self.bear(i);
            }
            Event::KillLocal(i) => self.houses[i].local.is_down = true,
            Event::ReviveLocal(i) => {
                let local = &mut self.houses[i].local;
                local.is_down = false;
                local.reserved.clear();
                local.signed.clear();
                self.tell(i, Input::LocalRestarted);
            }
        }
    }

    pub fn tell(&mut self, to: usize, input: Input) {
        self.inputs += 1;
        if self.transcript.is_some() {
            self.write_down(&format!("{} {to} {input:?}", self.now.0));
        }
        let Some(agent) = &mut self.houses[to].agent else { return };
        let mut out = Vec::new();
        agent.handle(self.now, input, &mut out);
        let wake = agent.wake_at();
        if wake != self.houses[to].armed {
            if let Some(old) = self.houses[to].armed {
                self.alarms.remove(&(old, to));
            }
            self.houses[to].armed = wake;
            self.alarms.extend(wake.map(|at| (at, to)));
        }
        self.perform(to, out);
    }

    fn write_down(&mut self, line: &str) {
        if let Some(hash) = &mut self.transcript {
            for byte in line.bytes() {
                *hash = (*hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
    }

    fn coordinate(&mut self, input: session::Input) {
        let Some(coordinator) = &mut self.coordinator else { return };
        let mut out = Vec::new();
        coordinator.handle(self.now, input, &mut out);
        for effect in out {
            let (epoch, notice, deadlines) = match effect {
                session::Effect::Announce { epoch, notice, deadlines } => {
                    (epoch, notice, deadlines)
                }
                session::Effect::EpochEnds { .. } => {
                    self.epoch_ended = Some(self.now);
                    continue;
                }
            };
            for i in 0..self.houses.len() {
                let input = match notice {
                    Notice::EpochStart => Input::EpochStart { epoch, deadlines },
                    Notice::PhaseEnds(phase) => Input::PhaseEnds { epoch, phase },
                };
                self.mail(i, input);
            }
        }
    }

    fn perform(&mut self, i: usize, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send { to, message } => {
                    self.letters += 1;
                    if let Message::Confirm(confirm) = &message {
                        let id = confirm.body.contract_id;
                        let on_disk = |entry: &Entry| matches!(entry, Entry::Sold { confirm, .. } if confirm.body.contract_id == id);
                        assert!(
                            self.houses[i].journal.iter().any(on_disk),
                            "spoken before durable"
                        );
                        self.confirmed.insert(id, confirm.body.clone());
                    }
                    if let Some(watch) = self.watch {
                        watch(self, party(i), to, &message);
                        *self.sent.entry(name(&message)).or_default() += 1;
                    }
                    self.mail(to.0 as usize, Input::Peer { from: party(i), message });
                }
                Effect::Quote(request) => {
                    if !self.houses[i].local.is_down {
                        let quote = self.houses[i].local.quote(request);
                        self.soon.push_back(Event::Letter { to: i, input: Input::Quote(quote) });
                    }
                }
                Effect::Reserve(request) => {
                    if !self.houses[i].local.is_down {
                        let reply = self.houses[i].local.reserve(request);
                        let input = Input::Reserved(reply);
                        self.soon.push_back(Event::Letter { to: i, input });
                    }
                }
                Effect::Obligation(obligation) => {
                    if !self.houses[i].local.is_down {
                        self.houses[i].local.oblige(obligation);
                    }
                }
                Effect::Sign(statement) => {
                    let signature = Signature([i as u8; 64]);
                    let input = Input::Signed { statement, signature };
                    self.soon.push_back(Event::Letter { to: i, input });
                }
                Effect::Record(entry) => self.houses[i].journal.push(entry),
                Effect::Publish(contract) => {
                    let id = contract.body.contract_id;
                    if let Some(before) = self.published.insert(id, *contract) {
                        assert_eq!(Some(&before), self.published.get(&id), "one id, two bodies");
                    }
                }
                Effect::Quiescent { phase, .. } => {
                    let input = session::Input::Quiescent { party: party(i), epoch: EPOCH, phase };
                    *self.quiescent.entry((party(i), phase)).or_default() += 1;
                    if !self.chance(self.net.drop_ppm) {
                        let at = self.now.after_ms(self.delay());
                        self.push(at, Event::Coordinator(input));
                    }
                }
                Effect::Sales(outcome) => self.sales.push((party(i), outcome)),
                Effect::Outcome(outcome) => {
                    self.last_outcome = self.now;
                    self.outcomes.push((party(i), outcome));
                }
            }
        }
    }

    /// The chain: what was published is settled, what was only confirmed has lapsed.
    fn settle(&mut self) {
        let ids: Vec<ContractId> = self.confirmed.keys().copied().collect();
        for id in ids {
            let (buyer, seller) = {
                let body = &self.confirmed[&id];
                (body.buyer, body.seller)
            };
            for side in [buyer, seller] {
                let input = if self.published.contains_key(&id) {
                    Input::Settled { contract_id: id, height: 1 }
                } else {
                    Input::Lapsed { contract_id: id }
                };
                self.tell(side.0 as usize, input);
            }
        }
    }
}

/// What a test may break, and when.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    KillSocial(usize),
    KillLocal(usize),
    ReviveLocal(usize),
}

pub fn party(i: usize) -> PartyId {
    PartyId(i as u32)
}

pub fn name(message: &Message) -> &'static str {
    match message {
        Message::CoalitionRequest(_) => "coalition request",
        Message::CoalitionReply(_) => "coalition reply",
        Message::NeighbourQuery(_) => "neighbour query",
        Message::NeighbourReply(_) => "neighbour reply",
        Message::NegotiationRequest(_) => "negotiation request",
        Message::NegotiationReply(_) => "negotiation reply",
        Message::Offer(_) => "offer",
        Message::OfferResponse(_) => "offer response",
        Message::CounterResponse(_) => "counter response",
        Message::TransactionRequest(_) => "transaction request",
        Message::Confirm(_) => "confirm",
        Message::Cancel(_) => "cancel",
        Message::Expired(_) => "expired",
        Message::Claim(_) => "claim",
        Message::Hold(_) => "hold",
    }
}

/// A block of the window after the epoch.
pub fn deficit(start: u32, wh: Vec<u64>, retail: i64) -> Deficit {
    let start = EPOCH.plus(start);
    let end = start.plus(wh.len() as u32);
    let profile = Profile { start, wh };
    let block = Block { start, end, energy_wh: profile.energy(), profile };
    let price = Price(retail);
    Deficit { block, retail: price, retender: false }
}

/// 40 % buyers of one or two blocks, 60 % sellers with something in most intervals.
fn random_local(rng: &mut ChaCha8Rng) -> Local {
    let mut draw = |n: u32| rng.next_u32() % n;
    let mut local = Local {
        unit_cost: 60_000 + i64::from(draw(120_000)),
        ceiling: 380_000,
        ..Local::default()
    };
    if draw(100) < 40 {
        for part in 0..1 + draw(2) {
            let length = 2 + draw(5);
            let wh = (0..length).map(|_| u64::from(100 + draw(600))).collect();
            local.deficits.push(deficit(1 + part * 8, wh, 200_000 + i64::from(draw(180_000))));
        }
    } else {
        for at in 1..17 {
            let wh = if draw(10) < 8 { u64::from(100 + draw(900)) } else { 0 };
            local.surplus.insert(EPOCH.plus(at).0, wh);
        }
    }
    local
}
