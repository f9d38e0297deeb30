//! The body of a replica: one node of the double chain.
//!
//! Its own SCA, other replicas, the ordering and the coordinator write to it. It is the only one
//! that hands chain records to the journal, and what must be durable is durable before it is sent:
//! sends that follow a record wait in the outbox for the journal's commit, one for all letters of
//! the same turn. It never decides what is valid. After a crash it is rebuilt from the journal.
//! While the disk refuses, it signs and settles nothing new and answers for what it had before.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use gridpact_chain::block::{Pair, Proof};
use gridpact_chain::contract::{ContractId, SignedContract};
use gridpact_chain::keyring::Keyring;
use gridpact_chain::membership::Membership;
use gridpact_chain::message::Message as ChainMessage;
use gridpact_chain::replica::{Audience, Effect, Input, Replica};
use gridpact_chain::sign::Signature;
use gridpact_chain::statement::Statement;
use gridpact_chain::terms::{PartyId, Timestamp};

use super::outbox::{Flushed, Outbox};
use super::{Door, EpochStarted, Poison, arm};
use crate::clock::Clock;
use crate::keys::{KeyAnswer, Signer};
use crate::members::Members;
use crate::net::Transport;
use crate::order::{Ordered, Ordering};
use crate::store::{Entry, Journal, StoreError};
use crate::supervise::{Actor, Context, Handler, Message, Ref};
use crate::verdicts::ProcessVerdicts;

/// Batches that are asked for at once: as many as a replica keeps waiting.
const FETCHED_MAX: u64 = 256;

/// From another replica: chain talk.
#[derive(Debug, Clone)]
pub struct FromReplica {
    /// Who says it.
    pub from: PartyId,
    /// What is said.
    pub message: ChainMessage,
}

/// From the workshop: a signature that was asked for.
#[derive(Debug, Clone)]
pub struct Signed {
    /// What was signed.
    pub statement: Statement,
    /// The signature.
    pub signature: Signature,
}

impl Message for KeyAnswer {
    type Reply = ();
}

/// To the own verifier: what the node can read from now on.
#[derive(Debug, Clone)]
pub struct KeysRead(pub Keyring);

/// From the own SCA: a contract with both signatures, to be put on the chain.
#[derive(Debug, Clone)]
pub struct Publish(pub SignedContract);

/// From an operator's command or a plan: a change of the members, to be put on the chain.
#[derive(Debug, Clone)]
pub struct Propose(pub Membership);

/// To the own SCA: a contract is on the chain.
#[derive(Debug, Clone, Copy)]
pub struct ContractSettled {
    /// The contract.
    pub contract_id: ContractId,
    /// Its height.
    pub height: u64,
}

/// To the own SCA: chain time has moved; what was valid until before it and is not settled is void.
#[derive(Debug, Clone, Copy)]
pub struct ChainTime(pub Timestamp);

/// To the own verifier: a new pair.
#[derive(Debug, Clone)]
pub struct PairAppended {
    /// The pair.
    pub pair: Arc<Pair>,
    /// Approvals and order.
    pub proof: Arc<Proof>,
}

/// To the own verifier: a pair is closed.
#[derive(Debug, Clone)]
pub struct PairClosed {
    /// Its height.
    pub height: u64,
    /// Its whole proof.
    pub proof: Arc<Proof>,
}

/// To the own verifier: closed pairs as a peer holds them.
#[derive(Debug, Clone)]
pub struct PairsFetched(pub Vec<(Arc<Pair>, Arc<Proof>)>);

/// From the own verifier: the stored pair of this height is damaged. Said again until it is whole.
#[derive(Debug, Clone, Copy)]
pub struct Suspected(pub u64);

/// From a fault world: the node's own copy of a pair goes bad.
#[derive(Debug, Clone)]
pub struct Decay {
    /// The height.
    pub height: u64,
    /// What becomes of the copy.
    pub spoil: fn(&Pair, &Proof, usize) -> (Pair, Proof),
    /// Chance for `spoil`.
    pub draw: usize,
}

/// To the own verifier, after [`Decay`]: pair and proof as the store holds them now.
#[derive(Debug, Clone)]
pub struct PairReloaded {
    /// The pair.
    pub pair: Arc<Pair>,
    /// Its proof.
    pub proof: Arc<Proof>,
}

/// Inputs from within the house that wait while the disk refuses; peers say again what matters.
const HELD_MAX: usize = 1_024;

/// To itself, behind everything that is queued: commit the journal and empty the outbox.
#[derive(Debug, Clone, Copy)]
struct Flush;

macro_rules! letters {
    ($($letter:ty),*) => { $(impl Message for $letter { type Reply = (); })* };
}
letters!(
    Signed,
    Publish,
    Propose,
    ContractSettled,
    ChainTime,
    PairAppended,
    PairClosed,
    PairsFetched,
    Suspected,
    Decay,
    PairReloaded,
    KeysRead,
    Flush
);

impl Message for FromReplica {
    type Reply = ();

    /// What one replica says cannot have the letters of the others parked.
    fn sender(&self) -> Option<u64> {
        Some(self.from.0.into())
    }
}

/// The doors of a replica.
#[derive(Clone, Default)]
pub struct ReplicaInbox {
    /// An epoch begins.
    pub epoch: Door<EpochStarted>,
    /// Another replica speaks.
    pub peer: Door<FromReplica>,
    /// A contract for the chain.
    pub publish: Door<Publish>,
    /// A batch that was missed.
    pub ordered: Door<Ordered>,
    /// A change of the members for the chain.
    pub propose: Door<Propose>,
    /// A signature that comes back.
    pub signed: Door<Signed>,
    /// What comes of a letter of keys.
    pub keys: Door<KeyAnswer>,
    /// A stored pair is damaged.
    pub suspected: Door<Suspected>,
    /// Damage a stored pair.
    pub decay: Door<Decay>,
    /// Break.
    pub poison: Door<Poison>,
}

impl ReplicaInbox {
    /// Opens all of them onto `actor`.
    pub fn open(&self, actor: &Ref<ReplicaActor>) {
        self.epoch.open(actor.port());
        self.peer.open(actor.port());
        self.publish.open(actor.port());
        self.ordered.open(actor.port());
        self.propose.open(actor.port());
        self.signed.open(actor.port());
        self.keys.open(actor.port());
        self.suspected.open(actor.port());
        self.decay.open(actor.port());
        self.poison.open(actor.port());
    }
}

/// What a replica's body speaks to.
#[derive(Clone)]
pub struct ReplicaPorts {
    /// Other replicas.
    pub transport: Rc<dyn Transport>,
    /// Who orders.
    pub ordering: Rc<dyn Ordering>,
    /// Its own door for batches that are asked for again.
    pub ordered: Door<Ordered>,
    /// Its own door for signatures.
    pub signed: Door<Signed>,
    /// Its own door for keys.
    pub keys: Door<KeyAnswer>,
    /// The own verifier: keys.
    pub reads: Door<KeysRead>,
    /// The own SCA: settled contracts.
    pub settled: Door<ContractSettled>,
    /// The own SCA: chain time.
    pub time: Door<ChainTime>,
    /// The own verifier: new pairs.
    pub appended: Door<PairAppended>,
    /// The own verifier: closed pairs.
    pub closed: Door<PairClosed>,
    /// The own verifier: good copies from a peer.
    pub fetched: Door<PairsFetched>,
    /// The own verifier: what the store holds after a decay.
    pub reloaded: Door<PairReloaded>,
}

/// What a fault or refusal was, for whoever counts.
pub type Counters = Rc<RefCell<ReplicaCounts>>;

/// Counts over all replicas of a process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReplicaCounts {
    /// Things that were not accepted.
    pub refused: u64,
    /// Misdeeds somebody else can check.
    pub faults: u64,
    /// Own troubles for an operator.
    pub alarms: u64,
    /// Damaged pairs replaced by a peer's good copy.
    pub repaired: u64,
}

/// One node's actor.
pub struct ReplicaActor {
    mind: Replica,
    me: PartyId,

    ports: ReplicaPorts,
    journal: Rc<RefCell<dyn Journal>>,
    signer: Signer,
    members: Members,
    verdicts: Arc<ProcessVerdicts>,

    clock: Clock,
    counts: Counters,
    effects: Vec<Effect>,
    outbox: Outbox<Effect>,
    /// What came while the disk refused.
    held: VecDeque<Input>,
    /// Height up to which pairs were closed when last everything was durable.
    durable: u64,
}

/// What every life of a replica is given besides its mind.
#[derive(Clone)]
pub struct ReplicaMeans {
    /// Whom it speaks to.
    pub ports: ReplicaPorts,
    /// Where it keeps what must last.
    pub journal: Rc<RefCell<dyn Journal>>,
    /// How it signs.
    pub signer: Signer,
    /// Where it says who the members are.
    pub members: Members,
    /// Verdicts on signatures.
    pub verdicts: Arc<ProcessVerdicts>,
    /// What time it is.
    pub clock: Clock,
    /// Where it counts.
    pub counts: Counters,
}

impl ReplicaActor {
    /// A body for `mind`, the node of member `me`.
    #[must_use]
    pub fn new(mind: Replica, me: PartyId, means: ReplicaMeans) -> Self {
        let ReplicaMeans { ports, journal, signer, members, verdicts, clock, counts } = means;
        members.follow(mind.registries().current());
        let durable = mind.snapshot().closed;
        Self {
            mind,
            me,
            ports,
            journal,
            signer,
            members,
            verdicts,
            clock,
            counts,
            effects: Vec::new(),
            outbox: Outbox::default(),
            held: VecDeque::new(),
            durable,
        }
    }

    fn step(&mut self, input: Input, cx: &mut Context<Self>) {
        // What was asked of peers may be what mends a damaged store.
        let is_answer = matches!(&input, Input::Message { message: ChainMessage::Range(_), .. });
        if self.outbox.is_stuck() && !is_answer {
            return self.put_off(input);
        }
        let mut effects = std::mem::take(&mut self.effects);
        self.mind.handle(self.clock.now(), input, &*self.verdicts, &mut effects);
        for effect in effects.drain(..) {
            self.queue(effect, cx);
        }
        self.effects = effects;
        arm(cx, &self.clock, self.mind.wake_at());
    }

    /// Records go to the journal at once; what follows an uncommitted record waits for the commit.
    fn queue(&mut self, effect: Effect, cx: &mut Context<Self>) {
        match effect {
            Effect::Record(entry) => {
                let must_wait = self.journal.borrow_mut().record(Entry::Chain(entry));
                if must_wait && self.outbox.begin() {
                    cx.tell_self(Flush);
                }
            }
            Effect::Fetched(pairs) => {
                if let Err(error) = self.repair(&pairs) {
                    // What is in memory is good; the next life must not be built from the rest.
                    return cx.fail(error.to_string());
                }
                self.hold(Effect::Fetched(pairs));
            }
            effect => self.hold(effect),
        }
    }

    /// Performs an effect, behind the journal's commit if one is due.
    fn hold(&mut self, effect: Effect) {
        if let Some(effect) = self.outbox.pass(effect) {
            self.perform(effect);
        }
    }

    /// While the disk refuses, pairs that were durable before are still handed out; all else waits,
    /// or is dropped where its sender will say it again.
    fn put_off(&mut self, input: Input) {
        let (from, message) = match input {
            Input::Message { from, message } => (from, message),
            Input::Wake => return,
            input if self.held.len() < HELD_MAX => return self.held.push_back(input),
            _ => return self.counts.borrow_mut().refused += 1,
        };
        let ChainMessage::RangeRequest { from: first, to } = message else {
            self.counts.borrow_mut().refused += 1;
            return;
        };
        let message = ChainMessage::RangeRequest { from: first, to: to.min(self.durable) };
        let (input, mut answers) = (Input::Message { from, message }, Vec::new());
        self.mind.handle(self.clock.now(), input, &*self.verdicts, &mut answers);
        for answer in answers.into_iter().filter(|answer| matches!(answer, Effect::Send { .. })) {
            self.perform(answer);
        }
    }

    fn perform(&mut self, effect: Effect) {
        let ports = &self.ports;
        match effect {
            Effect::Record(_) => unreachable!("records never pass the outbox"),
            Effect::Sign(statement) if !self.may_sign(&statement) => {
                self.counts.borrow_mut().refused += 1;
            }
            Effect::Sign(statement) => self.signer.sign(statement, ports.signed.clone()),
            Effect::DrawKey { number, registry } => {
                self.signer.draw(number, registry, ports.keys.clone());
            }
            Effect::Unwrap(letter) => self.signer.unwrap(letter, self.me, ports.keys.clone()),
            Effect::Reads(keys) => ports.reads.tell(KeysRead(keys)),
            Effect::Send { to, message } => ports.transport.chain(self.me, to, message),
            Effect::Broadcast { to, message } => self.broadcast(to, &message),
            Effect::Submit(record) => ports.ordering.submit(record),
            Effect::Appended { pair, proof } => ports.appended.tell(PairAppended { pair, proof }),
            Effect::Closed { height, proof } => ports.closed.tell(PairClosed { height, proof }),
            Effect::Advanced { time_ms, .. } => ports.time.tell(ChainTime(time_ms)),
            Effect::Missing { from } => self.fetch(from),
            Effect::Members(registry) => self.members.follow(&registry),
            Effect::Settled { contract_id, height } => {
                ports.settled.tell(ContractSettled { contract_id, height });
            }
            Effect::Lapsed { .. } => {}
            Effect::Refused { .. } => self.counts.borrow_mut().refused += 1,
            Effect::Fetched(pairs) => ports.fetched.tell(PairsFetched(pairs)),
            Effect::Fault(_) => self.counts.borrow_mut().faults += 1,
            Effect::Alarm(_) => self.counts.borrow_mut().alarms += 1,
        }
    }

    /// Whether this vote is certainly not one that an earlier life gave and the store forgot.
    fn may_sign(&self, statement: &Statement) -> bool {
        self.journal.borrow().may_sign(statement, self.mind.snapshot().time_ms)
    }

    /// Good copies take the place of damaged ones in the journal before anybody hears of it.
    fn repair(&mut self, pairs: &[(Arc<Pair>, Arc<Proof>)]) -> Result<(), StoreError> {
        for (pair, proof) in pairs {
            self.journal.borrow_mut().repair(pair.height(), pair, proof)?;
            self.counts.borrow_mut().repaired += 1;
        }
        Ok(())
    }

    /// Asks the ordering for the batches from `from` on; what it still holds comes like new ones.
    fn fetch(&self, from: u64) {
        for batch in self.ports.ordering.range(from, from.saturating_add(FETCHED_MAX)) {
            self.ports.ordered.tell(Ordered(batch));
        }
    }

    fn broadcast(&self, audience: Audience, message: &ChainMessage) {
        let registry = self.mind.registries().current();
        let send = |to: PartyId| self.ports.transport.chain(self.me, to, message.clone());
        match audience {
            Audience::Voters => {
                registry.voters().iter().copied().filter(|to| *to != self.me).for_each(send)
            }
            Audience::Members => {
                registry.members().iter().map(|m| m.id).filter(|to| *to != self.me).for_each(send)
            }
        }
    }
}

impl Actor for ReplicaActor {
    const KIND: &'static str = "replica";

    fn started(&mut self, cx: &mut Context<Self>) {
        // What an earlier life recorded and did not see on disk is known, and not to be spoken yet.
        if self.journal.borrow().is_pending() && self.outbox.begin() {
            cx.tell_self(Flush);
        }
        self.step(Input::Started, cx);
    }

    fn wake(&mut self, cx: &mut Context<Self>) {
        self.step(Input::Wake, cx);
    }

    fn dump(&self) -> String {
        format!("{:?}", self.mind.snapshot())
    }
}

impl Handler<Flush> for ReplicaActor {
    fn handle(&mut self, _: Flush, cx: &mut Context<Self>) {
        let was_stuck = self.outbox.is_stuck();
        let committed = self.journal.borrow_mut().commit();
        match self.outbox.after(committed) {
            Flushed::Spoken(effects) => effects.into_iter().for_each(|effect| self.perform(effect)),
            Flushed::Again(wait) => {
                let at = self.clock.instant_of(self.clock.now()) + wait;
                cx.tell_at(Flush, at);
                return;
            }
            Flushed::Failed(why) => return cx.fail(why),
        }
        self.durable = self.mind.snapshot().closed;
        if was_stuck {
            for input in std::mem::take(&mut self.held) {
                self.step(input, cx);
            }
            self.step(Input::Wake, cx);
        }
    }
}

impl Handler<EpochStarted> for ReplicaActor {
    fn handle(&mut self, letter: EpochStarted, cx: &mut Context<Self>) {
        let (epoch, t_settle) = (letter.epoch, letter.deadlines.settle);
        self.step(Input::EpochStarted { epoch, t_settle }, cx);
    }
}

impl Handler<FromReplica> for ReplicaActor {
    fn handle(&mut self, FromReplica { from, message }: FromReplica, cx: &mut Context<Self>) {
        self.step(Input::Message { from, message }, cx);
    }
}

impl Handler<Publish> for ReplicaActor {
    fn handle(&mut self, Publish(contract): Publish, cx: &mut Context<Self>) {
        self.step(Input::Publish(Box::new(contract)), cx);
    }
}

impl Handler<Propose> for ReplicaActor {
    fn handle(&mut self, Propose(change): Propose, cx: &mut Context<Self>) {
        self.step(Input::Propose(Box::new(change)), cx);
    }
}

impl Handler<Signed> for ReplicaActor {
    fn handle(&mut self, Signed { statement, signature }: Signed, cx: &mut Context<Self>) {
        self.step(Input::Signed { statement, signature }, cx);
    }
}

impl Handler<KeyAnswer> for ReplicaActor {
    fn handle(&mut self, letter: KeyAnswer, cx: &mut Context<Self>) {
        let input = match letter {
            KeyAnswer::Drawn { number, registry, drawn } => {
                Input::Drawn { number, registry, drawn }
            }
            KeyAnswer::Key { number, key } => Input::Key { number, key },
        };
        self.step(input, cx);
    }
}

impl Handler<Ordered> for ReplicaActor {
    fn handle(&mut self, Ordered(batch): Ordered, cx: &mut Context<Self>) {
        self.step(Input::Ordered(batch), cx);
    }
}

impl Handler<Suspected> for ReplicaActor {
    fn handle(&mut self, Suspected(height): Suspected, cx: &mut Context<Self>) {
        self.step(Input::Suspect { height }, cx);
    }
}

impl Handler<Decay> for ReplicaActor {
    fn handle(&mut self, Decay { height, spoil, draw }: Decay, cx: &mut Context<Self>) {
        let Some((pair, proof)) = self.mind.pair(height) else { return };
        let (pair, proof) = spoil(pair, proof, draw);
        let (pair, proof) = (Arc::new(pair), Arc::new(proof));
        self.mind.reload(height, Arc::clone(&pair), Arc::clone(&proof));
        if let Err(error) = self.journal.borrow_mut().repair(height, &pair, &proof) {
            return cx.fail(error.to_string());
        }
        self.ports.reloaded.tell(PairReloaded { pair, proof });
    }
}

impl Handler<Poison> for ReplicaActor {
    fn handle(&mut self, _: Poison, _: &mut Context<Self>) {
        panic!("a fault world broke this replica");
    }
}
