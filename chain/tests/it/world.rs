//! A community in memory: replicas, a sequencer and a post office that loses, doubles and
//! shuffles letters by seed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use ed25519_dalek::{Signer, SigningKey};
use gridpact_chain::batch::Batch;
use gridpact_chain::contract::{ContractBody, ContractId, SignedContract, commit_profile};
use gridpact_chain::digest::Digest;
use gridpact_chain::fault::Fault;
use gridpact_chain::genesis::{Genesis, Limits, Member, Quorum, Role, VERSION};
use gridpact_chain::journal::JournalEntry;
use gridpact_chain::membership::{Change, Membership};
use gridpact_chain::message::Message;
use gridpact_chain::refusal::Refusal;
use gridpact_chain::registry::{Registries, Registry};
use gridpact_chain::replica::{Alarm, Audience, Effect, Fanout, Input, Params, Replica};
use gridpact_chain::seal::{Drawn, GroupKey, public_of};
use gridpact_chain::sequencer::{self, Sequencer};
use gridpact_chain::sign::{PublicKey, Signature};
use gridpact_chain::terms::{
    Energy, Epoch, Interval, Money, PartyId, Power, Price, Profile, Timestamp,
};
use gridpact_chain::verdicts::Remembered;

/// Chance by seed: the same numbers on every run.
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    pub fn per_mille(&mut self, chance: u64) -> bool {
        self.next() % 1000 < chance
    }
}

/// The secret key of home `i`, made once.
pub fn key(i: u32) -> SigningKey {
    static KEYS: Mutex<BTreeMap<u32, SigningKey>> = Mutex::new(BTreeMap::new());
    let mut seed = [7; 32];
    seed[..4].copy_from_slice(&i.to_be_bytes());
    let mut keys = KEYS.lock().expect("no test panics with the keys in hand");
    keys.entry(i).or_insert_with(|| SigningKey::from_bytes(&seed)).clone()
}

pub fn public(key: &SigningKey) -> PublicKey {
    PublicKey::from_bytes(key.verifying_key().as_bytes()).expect("an honest key")
}

pub fn sign(key: &SigningKey, message: &Digest) -> Signature {
    Signature(key.sign(&message.0).to_bytes())
}

/// The X25519 secret of home `i`.
pub fn seal_secret(i: u32) -> [u8; 32] {
    let mut secret = [3; 32];
    secret[..4].copy_from_slice(&i.to_be_bytes());
    secret
}

/// What home `i` draws for a letter of keys: the same each time.
pub fn drawn(i: u32, number: u32, registry: u32) -> Drawn {
    let of = |what: u8| {
        let mut bytes = [what; 32];
        let numbers = [i, number, registry].map(u32::to_be_bytes).concat();
        bytes[..12].copy_from_slice(&numbers);
        GroupKey::from_bytes(bytes)
    };
    Drawn { group: of(1), ephemeral: of(2) }
}

/// A community whose members have seal keys.
pub fn a_sealing_genesis(n: u32) -> Genesis {
    let mut genesis = a_genesis(n, Quorum::Majority);
    for member in &mut genesis.members {
        member.seal_key = public_of(&seal_secret(member.id.0));
    }
    genesis
}

pub fn a_genesis(n: u32, quorum: Quorum) -> Genesis {
    let members = (0..n)
        .map(|i| Member {
            id: PartyId(i),
            name: format!("home {i}"),
            sign_key: public(&key(i)),
            seal_key: [i as u8; 32],
            roles: vec![Role::Prosumer],
            voter: true,
            line_limit_w: Power(10_000),
            not_after: Timestamp(u64::MAX),
        })
        .collect();
    Genesis {
        version: VERSION,
        name: "street".into(),
        operator_key: public(&key(u32::MAX)),
        members,
        quorum,
        sequencer: PartyId(0),
        interval_s: 1800,
        currency: "AUD".into(),
        limits: Limits::default(),
        grace_s: 3600,
        tolerance_wh: Energy(50),
        imbalance_cap: Price(1_000_000),
        correction_days: 10,
    }
}

pub const EPOCH: Epoch = Interval(100);
pub const T_START: Timestamp = Timestamp(1_000_000);
pub const T_SETTLE: Timestamp = Timestamp(1_060_000);

pub fn a_body(community: &Digest, buyer: u32, seller: u32, nonce: u8) -> ContractBody {
    let (buyer, seller) = (PartyId(buyer), PartyId(seller));
    let energy = Energy(500 + u64::from(nonce));
    let unit_price = Price(150_000 + i64::from(nonce) * 7);
    let profile = Profile { start: Interval(101), wh: vec![energy.0] };
    ContractBody {
        community: *community,
        contract_id: ContractId::new(community, EPOCH, buyer, seller, &[nonce; 16], 0),
        epoch: EPOCH,
        buyer,
        seller,
        start: Interval(101),
        end: Interval(102),
        energy,
        profile_commitment: commit_profile(community, &[9; 32], &profile),
        unit_price,
        amount: Money::of(energy, unit_price).expect("a small amount"),
        shortfall_price: Price(300_000),
        surplus_price: Price(50_000),
        valid_until: T_SETTLE,
    }
}

pub fn signed(body: ContractBody) -> SignedContract {
    let message = body.digest();
    let (buyer_sig, seller_sig) =
        (sign(&key(body.buyer.0), &message), sign(&key(body.seller.0), &message));
    SignedContract { body, buyer_sig, seller_sig }
}

/// What a liar makes of its own letters before they leave.
pub type Tongue = Box<dyn Fn(&Message) -> Vec<Message>>;

pub struct World {
    pub genesis: Arc<Genesis>,
    pub registry: Arc<Registry>,
    pub replicas: Vec<Replica>,
    pub sequencer: Sequencer,
    pub verdicts: Remembered,
    pub now: Timestamp,
    pub chance: Chance,
    pub loss: u64,
    pub doubling: u64,
    pub dead: BTreeSet<u32>,
    pub tongues: BTreeMap<u32, Tongue>,
    pub mail: Vec<(PartyId, PartyId, Message)>,
    pub journals: Vec<Vec<JournalEntry>>,
    pub batches: Vec<Arc<Batch>>,
    pub faults: Vec<(u32, Fault)>,
    pub alarms: Vec<(u32, Alarm)>,
    pub refusals: Vec<(u32, Refusal)>,
    pub settled: Vec<(u32, ContractId)>,
    pub lapsed: Vec<(u32, ContractId)>,
    pub fetched: Vec<(u32, u64)>,
    pub letters: u64,
    pub signed: u64,
    pub params: Params,
    pub operator: u32,
    pub orderer: u32,
    /// The ordering has forgotten all batches below.
    pub held_from: u64,
    /// Somebody else orders: the sequencer is not woken.
    pub is_idle: bool,
}

impl World {
    pub fn new(n: u32, quorum: Quorum, fanout: Fanout, seed: u64) -> Self {
        Self::with_genesis(a_genesis(n, quorum), fanout, seed)
    }

    pub fn with_genesis(genesis: Genesis, fanout: Fanout, seed: u64) -> Self {
        Self::with_params(genesis, Params { fanout, ..Params::default() }, seed)
    }

    pub fn with_params(genesis: Genesis, params: Params, seed: u64) -> Self {
        genesis.check().expect("a sound genesis");
        let genesis = Arc::new(genesis);
        let registry = Registry::founding(&genesis);
        let birth = |m: &Member| {
            Replica::with_registry(genesis.clone(), registry.clone(), m.id, params.clone())
        };
        let replicas: Vec<_> = genesis.members.iter().map(birth).collect();
        let mut world = Self {
            sequencer: Sequencer::new(genesis.clone(), registry.clone(), genesis.sequencer, None),
            journals: vec![Vec::new(); replicas.len()],
            genesis: genesis.clone(),
            registry,
            replicas,
            verdicts: Remembered::default(),
            now: T_START,
            chance: Chance(seed),
            loss: 0,
            doubling: 0,
            dead: BTreeSet::new(),
            tongues: BTreeMap::new(),
            mail: Vec::new(),
            batches: Vec::new(),
            faults: Vec::new(),
            alarms: Vec::new(),
            refusals: Vec::new(),
            settled: Vec::new(),
            lapsed: Vec::new(),
            fetched: Vec::new(),
            letters: 0,
            signed: 0,
            params: params.clone(),
            operator: u32::MAX,
            orderer: genesis.sequencer.0,
            held_from: 0,
            is_idle: false,
        };
        world.start_epoch(EPOCH, T_SETTLE);
        world
    }

    pub fn start_epoch(&mut self, epoch: Epoch, t_settle: Timestamp) {
        for i in 0..self.replicas.len() {
            self.tell(i, Input::EpochStarted { epoch, t_settle });
        }
        self.order(sequencer::Input::EpochStarted { epoch, t_settle });
    }

    pub fn community(&self) -> Digest {
        self.registry.community()
    }

    /// All versions so far, as the first living node knows them.
    pub fn registries(&self) -> Registries {
        self.replicas[self.alive()[0]].registries().clone()
    }

    /// The operator proposes a change through node `via`.
    pub fn propose(&mut self, via: u32, change: Change) {
        let version = self.replicas[via as usize].snapshot().registry + 1;
        let change = self.changed(version, change);
        self.tell(via as usize, Input::Propose(Box::new(change)));
    }

    /// A change as the operator signs it.
    pub fn changed(&self, version: u32, change: Change) -> Membership {
        let mut change = Membership { version, change, operator_sig: None };
        if !matches!(change.change, Change::Exclude { .. }) {
            let digest = change.digest(&self.community());
            change.operator_sig = Some(sign(&key(self.operator), &digest));
        }
        change
    }

    pub fn publish(&mut self, buyer: u32, seller: u32, nonce: u8) -> ContractId {
        let body = a_body(&self.community(), buyer, seller, nonce);
        let id = body.contract_id;
        self.tell(buyer as usize, Input::Publish(Box::new(signed(body))));
        id
    }

    pub fn hear(&mut self, to: u32, from: u32, message: Message) {
        self.tell(to as usize, Input::Message { from: PartyId(from), message });
    }

    pub fn tell(&mut self, i: usize, input: Input) {
        // A member may be registered before its node is born.
        if self.dead.contains(&(i as u32)) || i >= self.replicas.len() {
            return;
        }
        let mut out = Vec::new();
        self.replicas[i].handle(self.now, input, &self.verdicts, &mut out);
        for effect in out {
            self.perform(i, effect);
        }
    }

    pub fn order(&mut self, input: sequencer::Input) {
        let mut out = Vec::new();
        self.sequencer.handle(self.now, input, &self.verdicts, &mut out);
        for effect in out {
            match effect {
                sequencer::Effect::Sign(statement) => {
                    let digest = statement.digest(&self.community());
                    let signature = sign(&key(self.orderer), &digest);
                    self.order(sequencer::Input::Signed { statement, signature });
                }
                sequencer::Effect::Record(_) => {}
                sequencer::Effect::Decided(batch) => {
                    self.batches.push(batch.clone());
                    for member in 0..self.replicas.len() as u32 {
                        let letter = Message::Batch(batch.clone());
                        let from = PartyId(self.orderer);
                        self.mail.push((PartyId(member), from, letter));
                    }
                }
                sequencer::Effect::Refused { reason, .. } => {
                    self.refusals.push((u32::MAX, reason));
                }
            }
        }
    }

    fn perform(&mut self, i: usize, effect: Effect) {
        let me = PartyId(i as u32);
        match effect {
            Effect::Sign(statement) => {
                self.signed += 1;
                let signature = sign(&key(me.0), &statement.digest(&self.community()));
                self.tell(i, Input::Signed { statement, signature });
            }
            Effect::Record(entry) => self.journals[i].push(entry),
            Effect::Send { to, message } => self.post(me, to, &message),
            Effect::Broadcast { to, message } => {
                let hears = |m: &&Member| m.id != me && (to == Audience::Members || m.voter);
                let members = self.replicas[i].registries().current().members();
                let to: Vec<_> = members.iter().filter(hears).map(|m| m.id).collect();
                for to in to {
                    self.post(me, to, &message);
                }
            }
            Effect::Submit(approved) => self.order(sequencer::Input::Submit(approved)),
            Effect::Settled { contract_id, .. } => self.settled.push((me.0, contract_id)),
            Effect::Lapsed { contract_id } => self.lapsed.push((me.0, contract_id)),
            Effect::Refused { reason, .. } => self.refusals.push((me.0, reason)),
            Effect::Fault(fault) => self.faults.push((me.0, *fault)),
            Effect::Alarm(alarm) => self.alarms.push((me.0, alarm)),
            Effect::Fetched(pairs) => {
                self.fetched.extend(pairs.iter().map(|(pair, _)| (me.0, pair.height())));
            }
            Effect::DrawKey { number, registry } => {
                let drawn = drawn(me.0, number, registry);
                self.tell(i, Input::Drawn { number, registry, drawn });
            }
            Effect::Unwrap(letter) => {
                let key = letter.unwrap_for(&self.community(), me, &seal_secret(me.0));
                self.tell(i, Input::Key { number: letter.number(), key });
            }
            Effect::Reads(_)
            | Effect::Appended { .. }
            | Effect::Closed { .. }
            | Effect::Advanced { .. }
            | Effect::Members(_) => {}
            Effect::Missing { from } => {
                let first = from.max(self.held_from);
                let held: Vec<_> =
                    self.batches.iter().filter(|b| b.index() >= first).cloned().collect();
                for batch in held {
                    self.mail.push((me, PartyId(self.orderer), Message::Batch(batch)));
                }
            }
        }
    }

    fn post(&mut self, from: PartyId, to: PartyId, message: &Message) {
        let said = match self.tongues.get(&from.0) {
            Some(tongue) => tongue(message),
            None => vec![message.clone()],
        };
        for message in said {
            self.letters += 1;
            if self.chance.per_mille(self.loss) {
                continue;
            }
            if self.chance.per_mille(self.doubling) {
                self.mail.push((to, from, message.clone()));
            }
            self.mail.push((to, from, message));
        }
    }

    /// Delivers letters in the order of chance until none is left.
    pub fn deliver_all(&mut self) {
        while !self.mail.is_empty() {
            let at = self.chance.below(self.mail.len());
            let (to, from, message) = self.mail.swap_remove(at);
            self.tell(to.0 as usize, Input::Message { from, message });
        }
    }

    /// Lets time pass until `until`, waking whoever asked for it.
    pub fn run_until(&mut self, until: Timestamp) {
        loop {
            self.deliver_all();
            let wakes = self.alive().into_iter().filter_map(|i| self.replicas[i].wake_at());
            let orders = self.sequencer.wake_at().filter(|_| !self.is_idle);
            let orders = orders.unwrap_or(Timestamp(u64::MAX));
            let next = wakes.min().map_or(orders, |at| at.min(orders));
            if next > until {
                self.now = until;
                return;
            }
            self.now = self.now.max(next);
            if orders <= self.now {
                self.order(sequencer::Input::Wake);
            }
            for i in self.alive() {
                if self.replicas[i].wake_at().is_some_and(|at| at <= self.now) {
                    self.tell(i, Input::Wake);
                }
            }
        }
    }

    pub fn alive(&self) -> Vec<usize> {
        (0..self.replicas.len()).filter(|i| !self.dead.contains(&(*i as u32))).collect()
    }

    /// Asserts that all living nodes stand at `height`, closed, with one tip and nothing made.
    pub fn assert_agreed(&self, height: u64) -> Digest {
        let mut tips = BTreeSet::new();
        for i in self.alive() {
            let seen = self.replicas[i].snapshot();
            assert_eq!((seen.height, seen.closed), (height, height), "node {i}: {seen:?}");
            assert_eq!(self.replicas[i].balances().sum(), 0, "node {i} made money");
            tips.insert(seen.tip);
        }
        assert_eq!(tips.len(), 1, "tips differ");
        *tips.first().expect("one tip")
    }
}
