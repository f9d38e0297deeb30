//! One prosumer's actors: the only file that knows all of them, how they are wired and in which
//! order they stand up.
//!
//! Everything that lasts longer than one life of an actor (stores, keys, doors) is made here and
//! given to the factories, so that a life that panics is rebuilt from it.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use gridpact_agents::local::LocalAgent;
use gridpact_agents::local::setup::LocalSetup;
use gridpact_agents::resource::ResourceSetup;
use gridpact_agents::resource::reading::{DeviceIndex, Quality, Reading};
use gridpact_agents::social::{Account, SocialAgent, SocialSetup};
use gridpact_chain::genesis::Genesis;
use gridpact_chain::journal::JournalEntry;
use gridpact_chain::replica::{Params as ReplicaParams, Replica, RestoreError};
use gridpact_chain::terms::{Interval, PartyId};
use gridpact_chain::verifier::{Params as VerifierParams, Verifier};

use crate::actors::coordinator::{Audience, Quiescent};
use crate::actors::local::{LocalActor, LocalDoors, LocalInbox, LocalStore};
use crate::actors::replica::{Publish, ReplicaActor, ReplicaInbox, ReplicaMeans, ReplicaPorts};
use crate::actors::resource::{ResourceActor, ResourceInbox, ResourceMeans};
use crate::actors::social::{LocalReborn, SocialActor, SocialInbox, SocialMeans, SocialPorts, Why};
use crate::actors::verifier::{Slices, VerifierActor, VerifierInbox, VerifierMeans, VerifierTally};
use crate::actors::{Door, Retention, replica::Counters};
use crate::clock::Clock;
use crate::device::Driver;
use crate::keys::{SecretKey, Signer};
use crate::members::Members;
use crate::net::Transport;
use crate::net::memory::MemberDoors;
use crate::observe::Observer;
use crate::order::Ordering;
use crate::store::readings::{ReadingStore, ReadingsError};
use crate::store::{Entry, Journal};
use crate::supervise::{Actor, AskError, Backoff, ChildSpec, Instant, Job, Overflow, Ref, spawn};
use crate::verdicts::{ProcessVerdicts, SweepVerdicts};

/// Most letters that wait for an agent; a home speaks to a few dozen others at once.
const AGENT_MAILBOX: u32 = 4_096;

/// Makes something anew for every life.
pub type Maker<T> = Rc<dyn Fn(u32) -> T>;

/// The doors of one prosumer's actors.
#[derive(Clone, Default)]
pub struct HomeDoors {
    /// Its RAs, by device.
    pub resources: Vec<ResourceInbox>,
    /// Its LCA.
    pub local: LocalInbox,
    /// Its SCA.
    pub social: SocialInbox,
    /// Its replica.
    pub replica: ReplicaInbox,
    /// Its verifier.
    pub verifier: VerifierInbox,
}

impl HomeDoors {
    /// Shut doors for a home with this many devices.
    #[must_use]
    pub fn with_devices(devices: usize) -> Self {
        Self {
            resources: (0..devices).map(|_| ResourceInbox::default()).collect(),
            ..Self::default()
        }
    }

    /// What other members may reach of it.
    #[must_use]
    pub fn member(&self) -> MemberDoors {
        MemberDoors { social: self.social.peer.clone(), replica: self.replica.peer.clone() }
    }
}

/// What all homes of a process share.
#[derive(Clone)]
pub struct Commons {
    /// The founding document.
    pub genesis: Arc<Genesis>,
    /// Members and voters of version 0.
    pub registry: Arc<gridpact_chain::registry::Registry>,
    /// Members and voters as the chain has made them since.
    pub members: Members,
    /// How replicas behave.
    pub replica: ReplicaParams,
    /// Other members.
    pub transport: Rc<dyn Transport>,
    /// Who orders.
    pub ordering: Rc<dyn Ordering>,
    /// Verdicts on signatures.
    pub verdicts: Arc<ProcessVerdicts>,
    /// Verdicts on signatures in sweeps.
    pub sweeping: Arc<SweepVerdicts>,
    /// Where verifiers sweep: `verifier.threads` threads.
    pub sweeps: Door<Job>,
    /// Where heavy work is done.
    pub workshop: Door<Job>,
    /// The coordinator.
    pub quiescent: Door<Quiescent>,
    /// Who watches.
    pub observer: Observer,
    /// Counts over all replicas.
    pub counts: Counters,
    /// Counts over all verifiers.
    pub verified: VerifierTally,
    /// How a verifier works.
    pub verifier: VerifierParams,
    /// How a verifier is driven.
    pub slices: Slices,
    /// For how long confidential records are kept.
    pub retention: Retention,
    /// What time it is.
    pub clock: Clock,
    /// Seed of the back-off's jitter.
    pub seed: u64,
    /// Letters a replica's mailbox holds.
    pub replica_mailbox: u32,
}

/// What is particular to one node of the chain.
#[derive(Clone)]
pub struct NodeSpec {
    /// Number of its member.
    pub party: PartyId,
    /// How it signs.
    pub signer: Signer,
    /// Where it keeps what must last.
    pub journal: Rc<RefCell<dyn Journal>>,
}

/// What is particular to one home.
pub struct HomeSpec {
    /// Its node.
    pub node: NodeSpec,
    /// Its devices, by index.
    pub devices: Vec<ResourceSetup>,
    /// A driver per device, for every life.
    pub drivers: Rc<dyn Fn(usize) -> Box<dyn Driver>>,
    /// What its LCA is born with, in each life; none fails the life.
    pub local: Maker<Option<LocalSetup>>,
    /// What its SCA is born with, in each life; none fails the life.
    pub social: Maker<Option<SocialSetup>>,
    /// Where its SCA takes contracts for the chain: its replica, unless something stands between.
    pub publish: Door<Publish>,
    /// Where its RAs keep their readings, from which its LCA is reborn as well.
    pub readings: Rc<RefCell<dyn ReadingStore>>,
    /// Where its LCA keeps its contracts.
    pub store: Rc<RefCell<LocalStore>>,
}

/// A prosumer whose actors stand; they live as long as this does.
pub struct Home {
    /// Its doors.
    pub doors: HomeDoors,
    _actors: Vec<Box<dyn Any>>,
}

impl Home {
    /// Raises all actors of a home: chain first, then SCA, LCA and RAs, so that each finds whom it
    /// speaks to.
    #[must_use]
    pub fn raise(spec: HomeSpec, doors: HomeDoors, commons: &Commons) -> Self {
        let spec = Rc::new(spec);
        let mut actors: Vec<Box<dyn Any>> = vec![
            raise_replica(&spec.node, &doors, commons),
            raise_verifier(&spec.node, &doors, commons),
            raise_social(&spec, &doors, commons),
            raise_local(&spec, &doors, commons),
        ];
        actors.extend((0..spec.devices.len()).map(|d| raise_resource(&spec, d, &doors, commons)));
        Self { doors, _actors: actors }
    }

    /// Raises its node of the chain alone; its agents live elsewhere.
    #[must_use]
    pub fn raise_node(spec: &NodeSpec, doors: HomeDoors, commons: &Commons) -> Self {
        let actors =
            vec![raise_replica(spec, &doors, commons), raise_verifier(spec, &doors, commons)];
        Self { doors, _actors: actors }
    }

    /// "Why did I get no deal?": what came of the home's latest rounds as buyer and as seller, with the
    /// reason of every refusal. After a crash of its SCA the account begins anew and says from when on.
    ///
    /// # Errors
    /// [`AskError`] when its SCA does not answer until `deadline`, or has no actor of its own here.
    pub async fn why(&self, deadline: Instant) -> Result<Account, AskError> {
        self.doors.social.why.ask(Why, deadline).await
    }

    /// Adds its actors to those the coordinator speaks to.
    pub fn join(&self, audience: &mut Audience) {
        audience.phases.push(self.doors.social.phase.clone());
        audience.ends.push(self.doors.verifier.ended.clone());
    }
}

fn child<A: Actor>(
    spec: &NodeSpec,
    role: &str,
    commons: &Commons,
    factory: impl FnMut(&crate::supervise::Rebirth) -> Result<A, String> + 'static,
) -> ChildSpec<A> {
    let name = format!("{}/{role}", spec.party);
    ChildSpec::new(name, factory).backoff(Backoff { seed: commons.seed, ..Backoff::default() })
}

fn keep<A: Actor>(actor: Ref<A>) -> Box<dyn Any> {
    Box::new(actor)
}

fn raise_replica(spec: &NodeSpec, doors: &HomeDoors, commons: &Commons) -> Box<dyn Any> {
    let means = ReplicaMeans {
        ports: ReplicaPorts {
            transport: Rc::clone(&commons.transport),
            ordering: Rc::clone(&commons.ordering),
            ordered: doors.replica.ordered.clone(),
            signed: doors.replica.signed.clone(),
            keys: doors.replica.keys.clone(),
            reads: doors.verifier.reads.clone(),
            settled: doors.social.settled.clone(),
            time: doors.social.time.clone(),
            appended: doors.verifier.appended.clone(),
            closed: doors.verifier.closed.clone(),
            fetched: doors.verifier.fetched.clone(),
            reloaded: doors.verifier.reloaded.clone(),
        },
        journal: Rc::clone(&spec.journal),
        signer: spec.signer.clone(),
        members: commons.members.clone(),
        verdicts: Arc::clone(&commons.verdicts),
        clock: commons.clock,
        counts: commons.counts.clone(),
    };
    let (me, all, journal) = (spec.party, commons.clone(), Rc::clone(&spec.journal));
    let key = Arc::clone(&spec.signer.key);
    let factory = move |_: &_| {
        let written = journal.borrow().entries();
        let mind = restored(&all, me, &key, &written).map_err(|error| error.to_string())?;
        Ok(ReplicaActor::new(mind, me, means.clone()))
    };
    let mailbox = commons.replica_mailbox;
    let actor = spawn(child(spec, "replica", commons, factory).mailbox(mailbox, Overflow::Refuse));
    doors.replica.open(&actor);
    commons.ordering.decided(actor.port());
    keep(actor)
}

fn on_chain(entries: &[Entry]) -> impl Iterator<Item = &JournalEntry> {
    entries.iter().filter_map(|entry| match entry {
        Entry::Chain(entry) => Some(entry),
        Entry::Social(_) => None,
    })
}

fn restored(
    all: &Commons,
    me: PartyId,
    key: &SecretKey,
    entries: &[Entry],
) -> Result<Replica, RestoreError> {
    let (genesis, registry) = (Arc::clone(&all.genesis), Arc::clone(&all.registry));
    let chain: Vec<JournalEntry> = on_chain(entries).cloned().collect();
    if chain.is_empty() {
        return Ok(Replica::with_registry(genesis, registry, me, all.replica.clone()));
    }
    let keys = key.keyring(chain.iter(), &all.registry.community(), me);
    Replica::restore_reading(genesis, registry, me, all.replica.clone(), keys, chain)
}

fn raise_verifier(spec: &NodeSpec, doors: &HomeDoors, commons: &Commons) -> Box<dyn Any> {
    let means = VerifierMeans {
        slices: commons.slices,
        workshop: commons.sweeps.clone(),
        inbox: doors.verifier.clone(),
        suspected: doors.replica.suspected.clone(),
        tally: commons.verified.clone(),
        verdicts: Arc::clone(&commons.verdicts),
        sweeping: Arc::clone(&commons.sweeping),
        clock: commons.clock,
    };
    let (all, journal) = (commons.clone(), Rc::clone(&spec.journal));
    let (me, key) = (spec.party, Arc::clone(&spec.signer.key));
    let factory = move |_: &_| {
        let written = journal.borrow().entries();
        let mut mind = Verifier::new(Arc::clone(&all.registry), all.verifier.clone());
        mind.learn(&key.keyring(on_chain(&written), &all.registry.community(), me));
        Ok::<_, String>(VerifierActor::new(mind, &written, means.clone()))
    };
    let mailbox = commons.replica_mailbox;
    let actor = spawn(child(spec, "verifier", commons, factory).mailbox(mailbox, Overflow::Refuse));
    doors.verifier.open(&actor);
    keep(actor)
}

fn raise_social(spec: &Rc<HomeSpec>, doors: &HomeDoors, commons: &Commons) -> Box<dyn Any> {
    let means = SocialMeans {
        ports: SocialPorts {
            transport: Rc::clone(&commons.transport),
            quotes: doors.local.quote.clone(),
            reserves: doors.local.reserve.clone(),
            obligations: doors.local.obligation.clone(),
            deals: doors.local.deal.clone(),
            publish: spec.publish.clone(),
            quiescent: commons.quiescent.clone(),
            signed: doors.social.signed.clone(),
        },
        journal: Rc::clone(&spec.node.journal),
        retention: commons.retention,
        signer: spec.node.signer.clone(),
        members: commons.members.clone(),
        verdicts: Arc::clone(&commons.verdicts),
        observer: commons.observer.clone(),
        clock: commons.clock,
    };
    let home = Rc::clone(spec);
    let factory = move |birth: &crate::supervise::Rebirth| {
        let entries: Vec<_> =
            home.node.journal.borrow().entries().into_iter().filter_map(own).collect();
        let setup = (home.social)(birth.life).ok_or("no setup for this home")?;
        let mut first = Vec::new();
        let mind = match entries.is_empty() {
            true => SocialAgent::new(setup),
            false => SocialAgent::restore(setup, entries, &mut first),
        };
        Ok(SocialActor::new(mind, home.node.party, means.clone(), first))
    };
    let actor =
        spawn(child(&spec.node, "sca", commons, factory).mailbox(AGENT_MAILBOX, Overflow::Refuse));
    doors.social.open(&actor);
    keep(actor)
}

fn own(entry: Entry) -> Option<gridpact_agents::social::Entry> {
    match entry {
        Entry::Social(entry) => Some(entry),
        Entry::Chain(_) => None,
    }
}

fn raise_local(spec: &Rc<HomeSpec>, doors: &HomeDoors, commons: &Commons) -> Box<dyn Any> {
    let out = LocalDoors {
        devices: doors.resources.iter().map(|device| device.command.clone()).collect(),
        blocks: doors.social.blocks.clone(),
        quotes: doors.social.quote.clone(),
        reserved: doors.social.reserved.clone(),
        workshop: commons.workshop.clone(),
        solved: doors.local.solved.clone(),
        observer: commons.observer.clone(),
    };
    let (home, reborn, clock) = (Rc::clone(spec), doors.social.reborn.clone(), commons.clock);
    let retention = commons.retention;
    let factory = move |birth: &crate::supervise::Rebirth| {
        let setup = (home.local)(birth.life).ok_or("no setup for this home")?;
        let heard = heard(&*home.readings.borrow(), setup.devices.len());
        let heard = heard.map_err(|error| error.to_string())?;
        let is_reborn = birth.life > 1 || !heard.is_empty();
        let mind = reborn_local(setup, &home.store.borrow(), heard, &clock);
        if is_reborn {
            reborn.tell(LocalReborn);
        }
        let store = Rc::clone(&home.store);
        Ok::<_, String>(LocalActor::new(
            home.node.party,
            mind,
            out.clone(),
            store,
            retention,
            clock,
        ))
    };
    let actor =
        spawn(child(&spec.node, "lca", commons, factory).mailbox(AGENT_MAILBOX, Overflow::Refuse));
    doors.local.open(&actor);
    keep(actor)
}

/// What the RAs of a home keep of their devices, in the order in which the LCA heard it; none in a
/// first life.
fn heard(
    readings: &dyn ReadingStore,
    devices: usize,
) -> Result<Vec<(DeviceIndex, Reading)>, ReadingsError> {
    let mut heard = Vec::new();
    for (device, _) in (0..DeviceIndex::MAX).zip(0..devices) {
        let kept = readings.between(device, Interval(0), Interval(u32::MAX))?;
        let sound = kept.into_iter().filter(|reading| reading.quality != Quality::Suspect);
        heard.extend(sound.map(|reading| (device, reading)));
    }
    heard.sort_by_key(|(device, reading)| (reading.interval, *device));
    Ok(heard)
}

/// A later life knows its contracts and hears again what its devices have done.
fn reborn_local(
    setup: LocalSetup,
    store: &LocalStore,
    heard: Vec<(DeviceIndex, Reading)>,
    clock: &Clock,
) -> LocalAgent {
    use gridpact_agents::local::speech::LocalInput;
    use gridpact_agents::machine::Machine as _;

    let mut mind = LocalAgent::restore(setup, store.obligations.values().cloned().collect());
    let mut unheard = Vec::new();
    for (device, reading) in heard {
        mind.handle(clock.now(), LocalInput::Reading { device, reading }, &mut unheard);
    }
    mind.recalling(store.wishes.iter().map(|(device, wish)| (*device, *wish)))
}

fn raise_resource(
    spec: &Rc<HomeSpec>,
    device: usize,
    doors: &HomeDoors,
    commons: &Commons,
) -> Box<dyn Any> {
    let means = ResourceMeans {
        local: doors.local.reading.clone(),
        store: Rc::clone(&spec.readings),
        retention: commons.retention,
        observer: commons.observer.clone(),
        clock: commons.clock,
    };
    let home = Rc::clone(spec);
    let factory = move |_: &_| {
        let (setup, driver) = (home.devices[device].clone(), (home.drivers)(device));
        ResourceActor::new(setup, driver, means.clone()).map_err(|error| error.to_string())
    };
    let actor = spawn(
        child(&spec.node, &format!("ra{device}"), commons, factory).mailbox(256, Overflow::Refuse),
    );
    doors.resources[device].open(&actor);
    keep(actor)
}
