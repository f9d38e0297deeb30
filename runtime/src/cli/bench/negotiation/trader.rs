//! One prosumer of the workload: a real SCA, and a desk in the place of its LCA.

use std::collections::VecDeque;
use std::sync::Arc;

use gridpact_agents::local::door::{
    Block, CancelReason, Deficit, PurchaseBlocks, Quote, QuoteRequest, ReserveReply, ReserveRequest,
};
use gridpact_agents::machine::Machine;
use gridpact_agents::network::{Network, NetworkFees};
use gridpact_agents::params::{Deadlines, Params};
use gridpact_agents::social::message::Message;
use gridpact_agents::social::{Effect, Input, SocialAgent, SocialSetup, pricing, tactic};
use gridpact_chain::digest::Digest;
use gridpact_chain::sign::Signature;
use gridpact_chain::terms::{Energy, Epoch, Interval, PartyId, Power, Price, Profile, Timestamp};

use crate::actors::EpochStarted;
use crate::shards::{Cell, Post};
use crate::sim::profiles::graph;
use crate::sim::scenario::ScenarioSettings;

/// The epoch that is traded in.
pub(super) const EPOCH: Epoch = Interval(48);
/// Intervals of a block.
const INTERVALS: u32 = 8;
/// Of ten prosumers so many buy.
const BUYERS_OF_TEN: u64 = 4;

/// What a trader can be told.
pub(super) enum Letter {
    /// The epoch begins.
    Start(EpochStarted),
    /// Another trader speaks.
    Peer {
        /// Who says it.
        from: PartyId,
        /// What is said.
        message: Message,
    },
}

impl From<EpochStarted> for Letter {
    fn from(letter: EpochStarted) -> Self {
        Self::Start(letter)
    }
}

/// What all traders of a community share.
#[derive(Clone)]
pub(super) struct Commons {
    params: Arc<Params>,
    network: Arc<Network>,
    neighbours: Arc<Vec<Vec<PartyId>>>,
    seed: u64,
}

impl Commons {
    /// A community of `n` on the default graph.
    pub fn new(n: u32, seed: u64) -> Self {
        let settings = ScenarioSettings::default();
        Self {
            params: Arc::new(Params::default()),
            network: Arc::new(Network::new(NetworkFees::default(), Vec::new())),
            neighbours: Arc::new(graph::neighbours(&settings, 0, n, seed)),
            seed,
        }
    }

    /// How many traders there are.
    pub fn prosumers(&self) -> u32 {
        u32::try_from(self.neighbours.len()).unwrap_or(u32::MAX)
    }

    /// When the epoch begins.
    pub fn start(&self) -> Timestamp {
        EPOCH.starts_at(self.params.epoch.interval_s())
    }

    /// Its deadlines.
    pub fn deadlines(&self) -> Deadlines {
        self.params.epoch.deadlines(self.start())
    }

    /// All traders, in the order of their numbers.
    pub fn traders(&self) -> impl Iterator<Item = Trader> + '_ {
        (0..).zip(self.neighbours.iter()).map(|(party, known)| Trader::new(party, known, self))
    }
}

/// See the file's head.
pub(super) struct Trader {
    me: PartyId,
    social: SocialAgent,
    desk: Desk,
    inside: VecDeque<Input>,
    effects: Vec<Effect>,
    /// Letters it has handled, alarms included.
    pub letters: u64,
    /// Contracts it has signed as buyer.
    pub contracts: u64,
}

impl Trader {
    fn new(party: u32, known: &[PartyId], commons: &Commons) -> Self {
        let me = PartyId(party);
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&commons.seed.to_le_bytes());
        seed[8..12].copy_from_slice(&party.to_le_bytes());
        let setup = SocialSetup {
            party: me,
            community: Digest::default(),
            params: Arc::clone(&commons.params),
            tactic: tactic::named(commons.params.negotiate.tactic),
            pricing: pricing::named(commons.params.negotiate.pricing),
            neighbours: known.to_vec(),
            network: Arc::clone(&commons.network),
            line_limit: Power(15_000),
            imbalance_cap: Price(5_000_000),
            seed,
        };
        Self {
            me,
            social: SocialAgent::new(setup),
            desk: Desk::drawn(party, commons.seed),
            inside: VecDeque::new(),
            effects: Vec::new(),
            letters: 0,
            contracts: 0,
        }
    }

    fn settle(&mut self, now: Timestamp, post: &mut Post<Letter>) {
        while let Some(input) = self.inside.pop_front() {
            let mut effects = std::mem::take(&mut self.effects);
            self.social.handle(now, input, &mut effects);
            for effect in effects.drain(..) {
                self.perform(effect, post);
            }
            self.effects = effects;
        }
    }

    fn perform(&mut self, effect: Effect, post: &mut Post<Letter>) {
        match effect {
            Effect::Send { to, message } => {
                post.send(to, Letter::Peer { from: self.me, message });
            }
            Effect::Quote(request) => {
                self.inside.push_back(Input::Quote(self.desk.quote(&request)));
            }
            Effect::Reserve(request) => {
                self.inside.push_back(Input::Reserved(self.desk.reserve(&request)));
            }
            Effect::Sign(statement) => {
                let signature = Signature([0; 64]);
                self.inside.push_back(Input::Signed { statement, signature });
            }
            Effect::Publish(_) => self.contracts += 1,
            Effect::Obligation(_)
            | Effect::Record(_)
            | Effect::Quiescent { .. }
            | Effect::Outcome(_)
            | Effect::Sales(_) => {}
        }
    }
}

impl Cell for Trader {
    type Letter = Letter;

    fn handle(&mut self, now: Timestamp, letter: Letter, post: &mut Post<Letter>) {
        self.letters += 1;
        match letter {
            Letter::Start(EpochStarted { epoch, deadlines }) => {
                self.inside.push_back(Input::EpochStart { epoch, deadlines });
                self.inside.push_back(Input::Blocks(self.desk.blocks()));
            }
            Letter::Peer { from, message } => self.inside.push_back(Input::Peer { from, message }),
        }
        self.settle(now, post);
    }

    fn wake(&mut self, now: Timestamp, post: &mut Post<Letter>) {
        self.letters += 1;
        self.inside.push_back(Input::Wake);
        self.settle(now, post);
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.social.wake_at()
    }
}

/// Answers for the LCA: either something is wanted, or there is a stock to sell at one cost.
struct Desk {
    wanted: Option<Profile>,
    stock: Profile,
    unit_cost: Price,
}

const RETAIL: Price = Price(270_000);
const FEED_IN: Price = Price(80_000);

impl Desk {
    /// Drawn from the party's number and the seed.
    fn drawn(party: u32, seed: u64) -> Self {
        let mut state = seed ^ u64::from(party).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut draw = |below: u64| {
            // splitmix64
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z ^ (z >> 31)) % below
        };
        let is_buyer = draw(10) < BUYERS_OF_TEN;
        let mut profile = |most| {
            let wh = (0..INTERVALS).map(|_| 50 + draw(most)).collect();
            Profile { start: EPOCH.plus(1), wh }
        };
        if is_buyer {
            let wanted = Some(profile(600));
            let stock = Profile::zeros(EPOCH.plus(1), EPOCH.plus(1 + INTERVALS));
            return Self { wanted, stock, unit_cost: FEED_IN };
        }
        let stock = profile(900);
        let dearer = i64::try_from(draw(120_000)).unwrap_or(0);
        Self { wanted: None, stock, unit_cost: Price(FEED_IN.0 + dearer) }
    }

    fn blocks(&self) -> PurchaseBlocks {
        let deficit = |profile: &Profile| Deficit {
            block: Block {
                start: profile.start,
                end: profile.end(),
                energy_wh: profile.energy(),
                profile: profile.clone(),
            },
            retail: RETAIL,
            retender: false,
        };
        PurchaseBlocks { epoch: EPOCH, deficits: self.wanted.iter().map(deficit).collect() }
    }

    fn quote(&self, request: &QuoteRequest) -> Quote {
        let wanted = &request.wanted;
        let wh: Vec<u64> = wanted.iter().map(|(at, wh)| wh.min(self.stock.at(at))).collect();
        Quote {
            ticket: request.ticket,
            available: Profile { start: wanted.start, wh },
            capacity: Energy(wanted.iter().map(|(at, _)| self.stock.at(at)).sum()),
            unit_cost: self.unit_cost,
            ceiling: RETAIL,
            feed_in: FEED_IN,
        }
    }

    fn reserve(&mut self, request: &ReserveRequest) -> ReserveReply {
        let profile = &request.profile;
        let fits = profile.iter().all(|(at, wh)| wh <= self.stock.at(at));
        let outcome = match fits {
            false => Err(CancelReason::NoEnergy),
            true if request.unit_price < self.unit_cost => Err(CancelReason::BelowCost),
            true => {
                let start = self.stock.start;
                for (at, left) in (start.0..).map(Interval).zip(&mut self.stock.wh) {
                    *left -= profile.at(at);
                }
                Ok(self.unit_cost)
            }
        };
        ReserveReply { contract_id: request.contract_id, outcome }
    }
}
