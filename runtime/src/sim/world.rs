//! A world: a whole community of actors on virtual time, from the first epoch to the last.
//!
//! One arbiter, one thread, a paused clock: the same seed gives the same chain. Heavy work is shared
//! among the cores inside the workshop, whose answers come back in the order of the questions.

use std::borrow::Cow;
use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gridpact_agents::params::BlockShape;
use gridpact_chain::replica::{Fanout, Params as ReplicaParams};
use gridpact_chain::sequencer::Sequencer;
use gridpact_chain::terms::{Epoch, Interval};
use gridpact_chain::verifier::Params as VerifierParams;
use tokio::sync::watch;

use super::baseline::Lives;
use super::community::Community;
use super::faults::{Crash, Curb, Dawdler, Faults, Late, Lying, Role, Rot};
use super::founding::{Founding, FoundingError, SEQUENCER};
use super::harvest::{self, Crop};
use super::homes::{Nursery, drivers, first_epoch, party_of, setups};
use super::scenario::{self, Host, Scenario};
use super::storm::Stormy;
use super::street::Street;
use super::welfare::Market;
use crate::actors::coordinator::{Audience, Begun, CoordinatorActor};
use crate::actors::local::LocalStore;
use crate::actors::replica::{Decay, Publish, Signed};
use crate::actors::resource::Limit;
use crate::actors::verifier::{Slices, VerifierTally};
use crate::actors::{Door, Poison, Retention};
use crate::clock::Clock;
use crate::device::simulated::Field;
use crate::keys::Signer;
use crate::net::Transport;
use crate::net::memory::Memory;
use crate::node::{Commons, Home, HomeDoors, HomeSpec};
use crate::observe::{Observations, Observer};
use crate::order::local::{LocalOrdering, SequencerActor};
use crate::report::Run;
use crate::report::run::{Contract, Welfare};
use crate::store::readings::{ReadingStore, ReadingsError, Shelf};
use crate::store::{ChainJournal, Journal, MemoryJournal, StoreError};
use crate::supervise::{self, ChildSpec, Job, Overflow, Workshop, spawn};
use crate::verdicts::{ProcessVerdicts, SweepVerdicts};

/// Why a world came to no good end.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The community could not be founded.
    #[error(transparent)]
    Founding(#[from] FoundingError),
    /// The chain could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Readings could not be kept.
    #[error(transparent)]
    Readings(#[from] ReadingsError),
    /// A home has no setup: the community's lists contradict each other.
    #[error("home {0} is missing from the community's lists")]
    Home(usize),
    /// Faults need agents that can fail alone and letters that pass a wire; readings need stores.
    #[error(
        "host `shards` has no agents that fail alone, no wire and no store of readings; take host \
         `actors`"
    )]
    Shards,
    /// An actor gave up, so the run proves nothing.
    #[error("the community stood still after epoch {0}")]
    Stalled(Interval),
}

/// Where a world writes.
#[derive(Debug, Clone)]
pub struct Places<'a> {
    /// The chain's directory.
    pub chain: &'a Path,
    /// Where the homes' RAs keep their readings.
    pub readings: Shelf,
}

impl<'a, P: AsRef<Path> + ?Sized> From<&'a P> for Places<'a> {
    /// The chain in this directory, readings in memory.
    fn from(chain: &'a P) -> Self {
        Self { chain: chain.as_ref(), readings: Shelf::default() }
    }
}

/// Told after every epoch: epochs done, epochs in all.
pub type Progress<'a> = &'a dyn Fn(u64, u64);

/// Runs a scenario and writes its chain, and its readings if that is asked for.
///
/// # Errors
/// [`WorldError`] when the community cannot be founded or its chain cannot be written.
pub fn run<'a>(
    scenario: &Scenario,
    community: Community,
    places: impl Into<Places<'a>>,
    progress: Progress<'_>,
) -> Result<Run, WorldError> {
    run_with(scenario, community, places, &Faults::default(), progress)
}

/// [`run`], with things broken on purpose.
///
/// # Errors
/// As [`run`].
pub fn run_with<'a>(
    scenario: &Scenario,
    community: Community,
    places: impl Into<Places<'a>>,
    faults: &Faults,
    progress: Progress<'_>,
) -> Result<Run, WorldError> {
    lived(scenario, community, &places.into(), faults, Asked::default(), progress)
}

/// What may be asked of a run beside itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// [`Run::welfare`]: what the market made of its chances, beside the exact optimum.
    pub welfare: bool,
    /// The homes' lives without trading, where they are known already; else they are lived.
    pub lives: Option<&'a Lives>,
}

/// [`run`], and what is asked beside it.
///
/// # Errors
/// As [`run`].
pub fn run_asked<'a>(
    scenario: &Scenario,
    community: Community,
    places: impl Into<Places<'a>>,
    asked: Asked<'_>,
    progress: Progress<'_>,
) -> Result<Run, WorldError> {
    lived(scenario, community, &places.into(), &Faults::default(), asked, progress)
}

/// The lives without trading of every home. They do not depend on what trading costs.
#[must_use]
pub fn lives(scenario: &Scenario, community: Community) -> Lives {
    Lives::of(&Nursery::new(scenario, Arc::new(community)))
}

/// A run with all its lives.
fn lived(
    scenario: &Scenario,
    community: Community,
    places: &Places<'_>,
    faults: &Faults,
    asked: Asked<'_>,
    progress: Progress<'_>,
) -> Result<Run, WorldError> {
    let began = Instant::now();
    let founding = Founding::new(scenario, &community)?;
    let nursery = Rc::new(Nursery::new(scenario, Arc::new(community)));
    let watched = if asked.welfare { Observer::of_market() } else { Observer::default() };
    let crop = grow(scenario, &nursery, &founding, places, faults, watched.clone(), progress)?;
    let lives = match asked.lives {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(Lives::of(&nursery)),
    };
    let mut run = harvest::run(scenario, &nursery.community, &founding, crop, &lives);
    run.welfare = watched.look(|seen| weigh(scenario, &nursery.community, &run.contracts, seen));
    run.wall_s = began.elapsed().as_secs_f64();
    Ok(run)
}

/// What a watched market made of its chances. Bare energy blocks leave the interval to the seller,
/// and there is no optimum by the interval then.
fn weigh(
    scenario: &Scenario,
    community: &Community,
    contracts: &[Contract],
    seen: &Observations,
) -> Option<Welfare> {
    let has_profiles = scenario.params.lca.block_shape == BlockShape::Profile;
    (seen.stands.is_some() && has_profiles)
        .then(|| Market::of(scenario, community, contracts, seen).welfare())
}

/// Lets a scenario's market live and hands out what was seen of it: how every home stood when
/// tenders opened, how tasks ended, and the contracts on the chain.
///
/// # Errors
/// As [`run`].
pub fn market(
    scenario: &Scenario,
    community: Arc<Community>,
    chain: &Path,
    progress: Progress<'_>,
) -> Result<(Vec<Contract>, Observer), WorldError> {
    let founding = Founding::new(scenario, &community)?;
    let nursery = Rc::new(Nursery::new(scenario, community));
    let observer = Observer::of_market();
    let faults = Faults::default();
    let (places, seen) = (Places::from(chain), observer.clone());
    let crop = grow(scenario, &nursery, &founding, &places, &faults, seen, progress)?;
    let contracts = harvest::contracts(scenario, &nursery.community, &crop);
    Ok((contracts, observer))
}

/// A world from its first epoch to what it leaves behind.
fn grow(
    scenario: &Scenario,
    nursery: &Rc<Nursery>,
    founding: &Founding,
    places: &Places<'_>,
    faults: &Faults,
    observer: Observer,
    progress: Progress<'_>,
) -> Result<Crop, WorldError> {
    supervise::virtual_system().block_on(async {
        let mut world = World::raise(scenario, nursery, founding, places, faults, observer)?;
        world.live(faults, progress).await?;
        world.reap().await
    })
}

/// What must stay at hand while the world lives.
struct World {
    community: Arc<Community>,
    homes: Vec<Home>,
    field: Rc<RefCell<Field>>,
    journals: Vec<Rc<RefCell<dyn Journal>>>,
    chain: Rc<RefCell<ChainJournal>>,
    commons: Commons,
    clock: Clock,
    coordinator: Door<Poison>,
    done: watch::Receiver<Option<Epoch>>,
    settle_ms: u64,
    epochs: Vec<harvest::Growth>,
    _others: Vec<Box<dyn std::any::Any>>,
}

impl World {
    fn raise(
        scenario: &Scenario,
        nursery: &Rc<Nursery>,
        founding: &Founding,
        places: &Places<'_>,
        faults: &Faults,
        observer: Observer,
    ) -> Result<Self, WorldError> {
        let community = Arc::clone(&nursery.community);
        let start = first_epoch(&community).starts_at(community.interval_s);
        let clock = Clock::starting_at(start);
        let chain = Rc::new(RefCell::new(ChainJournal::create(places.chain, &founding.genesis)?));
        let sites = community.sites.len();
        let doors: Vec<HomeDoors> =
            community.sites.iter().map(|s| HomeDoors::with_devices(s.devices.len())).collect();
        let ordering = LocalOrdering::default();
        let mut commons =
            commons(scenario, founding, &doors, &ordering, (clock, faults, &community));
        commons.observer = observer;
        // The verifiers' own threads; the arbiter, which has nothing else to do meanwhile, helps.
        let sweepers = usize::try_from(scenario.verifier.threads).unwrap_or(1).saturating_add(1);
        let mut others = vec![
            open_workshop("workshop", None, &commons.workshop),
            open_workshop("sweeps", Some(sweepers), &commons.sweeps),
        ];
        let field = Rc::new(RefCell::new(Field::new(&community)));
        let journals: Vec<Rc<RefCell<dyn Journal>>> = (0..sites)
            .map(|site| match party_of(site) == SEQUENCER {
                true => Rc::clone(&chain) as Rc<RefCell<dyn Journal>>,
                false => Rc::new(RefCell::new(MemoryJournal::default())),
            })
            .collect();
        others.push(open_sequencer(founding, &ordering, &journals[0], &commons));
        let street = match scenario.scenario.host {
            Host::Actors => None,
            Host::Shards if *faults == Faults::default() && places.readings.is_memory() => {
                Some(Street::raise(nursery, founding, &field, &doors, &commons))
            }
            Host::Shards => return Err(WorldError::Shards),
        };
        let mut homes = Vec::with_capacity(sites);
        for (site, doors) in doors.into_iter().enumerate() {
            if street.is_some() && !founding.registry.is_voter(party_of(site)) {
                continue;
            }
            let readings = places.readings.of(site, community.interval_s)?;
            let stores = (&journals[site], readings);
            let mut spec = home_spec(nursery, founding, (site, &doors), &field, stores, &commons)
                .ok_or(WorldError::Home(site))?;
            if let Some(late) = faults.late.iter().find(|late| late.party == spec.party) {
                spec.publish = open_dawdler(*late, &doors, &mut others);
            }
            homes.push(match street {
                None => Home::raise(spec, doors, &commons),
                Some(_) => Home::raise_node(spec, doors, &commons),
            });
        }
        let audience = audience(&homes, street.as_ref(), &ordering);
        let (actor, coordinator, done) = open_coordinator(nursery, audience, &commons);
        others.push(actor);
        others.extend(street.map(|street| Box::new(street) as Box<dyn std::any::Any>));
        Ok(Self {
            community,
            homes,
            field,
            journals,
            chain,
            commons,
            clock,
            coordinator,
            done,
            settle_ms: nursery.params.epoch.settle_ms,
            epochs: Vec::new(),
            _others: others,
        })
    }

    /// Lets the community live through all its epochs.
    async fn live(&mut self, faults: &Faults, progress: Progress<'_>) -> Result<(), WorldError> {
        let last = Interval(self.community.end().0.saturating_sub(1));
        let first = first_epoch(&self.community);
        for crash in &faults.crashes {
            self.plan(crash);
        }
        for rot in &faults.rot {
            self.plan_rot(*rot);
        }
        for curb in &faults.limits {
            self.plan_limit(*curb);
        }
        let all = u64::from(last.0 - first.0) + 1;
        let patience = Duration::from_secs(u64::from(self.community.interval_s)) * 3;
        loop {
            let seen = *self.done.borrow_and_update();
            if let Some(epoch) = seen {
                self.epochs.push(self.growth(epoch));
                progress(u64::from(epoch.0 - first.0) + 1, all);
                if epoch >= last {
                    return Ok(());
                }
            }
            let waited = tokio::time::timeout(patience, self.done.changed()).await;
            if !matches!(waited, Ok(Ok(()))) {
                return Err(WorldError::Stalled(seen.unwrap_or(first)));
            }
        }
    }

    fn growth(&self, epoch: Epoch) -> harvest::Growth {
        let chain = self.chain.borrow();
        harvest::Growth { epoch, pairs: chain.pairs(), bytes: chain.bytes() }
    }

    /// Arranges for an actor to break.
    fn plan(&self, crash: &Crash) {
        let Some(home) = self.homes.get(crash.party.0 as usize) else { return };
        let start = crash.epoch.starts_at(self.community.interval_s);
        let at = self.clock.instant_of(start.after_ms(crash.after_ms));
        let door: Door<Poison> = match crash.role {
            Role::Local => home.doors.local.poison.clone(),
            Role::Social => home.doors.social.poison.clone(),
            Role::Replica => home.doors.replica.poison.clone(),
            Role::Coordinator => self.coordinator.clone(),
            Role::Resource(device) => match home.doors.resources.get(device) {
                Some(device) => device.poison.clone(),
                None => return,
            },
        };
        let turns = crash.after_turns;
        supervise::task(async move {
            tokio::time::sleep_until(at).await;
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            door.tell(Poison);
        });
    }

    /// Arranges for a stored pair to go bad.
    fn plan_rot(&self, rot: Rot) {
        let Some(home) = self.homes.get(rot.party.0 as usize) else { return };
        let at = self.clock.instant_of(rot.epoch.starts_at(self.community.interval_s));
        let door = home.doors.replica.decay.clone();
        supervise::task(async move {
            tokio::time::sleep_until(at).await;
            door.tell(Decay { height: rot.height, spoil: super::faults::flip, draw: rot.draw });
        });
    }

    /// Arranges for the grid operator to limit a device.
    fn plan_limit(&self, curb: Curb) {
        let home = self.homes.get(curb.party.0 as usize);
        let Some(device) = home.and_then(|home| home.doors.resources.get(curb.device)) else {
            return;
        };
        let (epoch, after_ms) = curb.at;
        let start = epoch.starts_at(self.community.interval_s).after_ms(after_ms);
        let (at, door) = (self.clock.instant_of(start), device.limit.clone());
        supervise::task(async move {
            tokio::time::sleep_until(at).await;
            door.tell(Limit(curb.limit));
        });
    }

    /// Reads what is left when the last epoch is over: meters, chain, observations.
    async fn reap(self) -> Result<Crop, WorldError> {
        // The verifiers' letters were told before the last epoch was called done; let them be handled.
        tokio::time::sleep(Duration::from_millis(self.settle_ms.max(1))).await;
        let last = Interval(self.community.end().0.saturating_sub(1));
        self.field.borrow_mut().advance_through(last);
        self.chain.borrow_mut().close()?;
        let entries = self.journals[0].borrow().entries();
        let field = self.field.borrow();
        let rows =
            (0..self.community.sites.len()).map(|s| field.plant().rows(party_of(s)).to_vec());
        Ok(Crop {
            rows: rows.collect(),
            entries,
            growth: self.epochs,
            unable: field.unable(),
            observer: self.commons.observer.clone(),
            verified: self.commons.verified.clone(),
            replicas: *self.commons.counts.borrow(),
            verdicts: self.commons.verdicts.counts(),
        })
    }
}

fn commons(
    scenario: &Scenario,
    founding: &Founding,
    doors: &[HomeDoors],
    ordering: &LocalOrdering,
    (clock, faults, community): (Clock, &Faults, &Community),
) -> Commons {
    let members = doors.iter().map(HomeDoors::member).collect();
    let mut transport: Rc<dyn Transport> = match faults.liars.is_empty() {
        true => Rc::new(Memory::new(members)),
        false => Rc::new(Lying::new(Memory::new(members), faults.liars.clone())),
    };
    if !faults.storm.is_calm() {
        transport = Rc::new(Stormy::new(transport, faults.storm.clone(), scenario.seed));
    }
    let verdicts = Arc::new(ProcessVerdicts::default());
    let homes = u32::try_from(doors.len()).unwrap_or(u32::MAX);
    Commons {
        genesis: Arc::clone(&founding.genesis),
        registry: Arc::clone(&founding.registry),
        replica: ReplicaParams {
            fanout: match scenario.chain.fanout {
                scenario::Fanout::Tally => Fanout::Tally,
                scenario::Fanout::AllToAll => Fanout::AllToAll,
            },
            ledger_timeout_ms: scenario.chain.ledger_timeout_ms,
            serves_all: scenario.scenario.host == Host::Shards,
            ..ReplicaParams::default()
        },
        transport,
        ordering: Rc::new(ordering.clone()),
        sweeping: Arc::new(SweepVerdicts::beside(Arc::clone(&verdicts))),
        verdicts,
        sweeps: Door::shut(),
        workshop: Door::shut(),
        quiescent: Door::shut(),
        observer: Observer::default(),
        counts: Rc::default(),
        verified: VerifierTally::default(),
        verifier: VerifierParams {
            segment_bytes: usize::try_from(scenario.verifier.slice_bytes).unwrap_or(usize::MAX),
            ..VerifierParams::default()
        },
        slices: Slices {
            bytes: usize::try_from(scenario.verifier.slice_bytes).unwrap_or(usize::MAX),
            signatures: scenario.verifier.signature_sweep,
        },
        retention: Retention(
            scenario.chain.retention_days.saturating_mul(86_400 / community.interval_s.max(1)),
        ),
        clock,
        seed: scenario.seed,
        // A buyer's replica hears from every voter at once, for each of its contracts.
        replica_mailbox: homes.saturating_mul(128).max(4_096),
    }
}

fn open_workshop(
    name: &'static str,
    threads: Option<usize>,
    door: &Door<Job>,
) -> Box<dyn std::any::Any> {
    // On virtual time a whole moment's jobs wait in its mailbox; a refused job would be lost.
    let (spec, _) = Workshop::spec(name, threads, u32::MAX / 2);
    let workshop = spawn(spec);
    door.open(workshop.port::<Job>());
    Box::new(workshop)
}

fn open_sequencer(
    founding: &Founding,
    ordering: &LocalOrdering,
    journal: &Rc<RefCell<dyn Journal>>,
    commons: &Commons,
) -> Box<dyn std::any::Any> {
    let signed: Door<Signed> = Door::shut();
    let signer = signer(founding, SEQUENCER.0 as usize, commons);
    let (ordering, journal, commons) = (ordering.clone(), Rc::clone(journal), commons.clone());
    let (door, back) = (ordering.clone(), signed.clone());
    let spec = ChildSpec::of("sequencer", move |_| {
        let last = ordering.last();
        let (genesis, registry) = (Arc::clone(&commons.genesis), Arc::clone(&commons.registry));
        let mind = Sequencer::restore(genesis, registry, last);
        let verdicts = Arc::clone(&commons.verdicts);
        let (journal, signer) = (Rc::clone(&journal), signer.clone());
        let (ordering, signed) = (ordering.clone(), signed.clone());
        SequencerActor::new(mind, ordering, journal, signer, signed, verdicts, commons.clock)
    });
    let actor = spawn(spec.mailbox(65_536, Overflow::Refuse));
    door.door.open(actor.port());
    door.epoch.open(actor.port());
    back.open(actor.port());
    Box::new(actor)
}

fn signer(founding: &Founding, site: usize, commons: &Commons) -> Signer {
    Signer {
        key: Arc::clone(&founding.keys[site]),
        community: founding.community,
        workshop: commons.workshop.clone(),
    }
}

/// Where a home keeps what must last, and where its RAs keep their readings.
type Stores<'a> = (&'a Rc<RefCell<dyn Journal>>, Rc<RefCell<dyn ReadingStore>>);

fn home_spec(
    nursery: &Rc<Nursery>,
    founding: &Founding,
    (site, doors): (usize, &HomeDoors),
    field: &Rc<RefCell<Field>>,
    (journal, readings): Stores<'_>,
    commons: &Commons,
) -> Option<HomeSpec> {
    let party = party_of(site);
    let cap = founding.genesis.imbalance_cap;
    let community = founding.community;
    // Asked once here, so that factories of later lives cannot fail.
    nursery.local(party, true)?;
    nursery.social(party, community, cap, 1)?;
    let (for_local, for_social) = (Rc::clone(nursery), Rc::clone(nursery));
    Some(HomeSpec {
        party,
        devices: setups(nursery.community.site(party)?, nursery.community.interval_s),
        drivers: drivers(field, party),
        local: Rc::new(move |_| for_local.local(party, true)),
        social: Rc::new(move |life| for_social.social(party, community, cap, life)),
        publish: doors.replica.publish.clone(),
        signer: signer(founding, site, commons),
        journal: Rc::clone(journal),
        readings,
        store: Rc::new(RefCell::new(LocalStore::default())),
    })
}

fn open_dawdler(
    late: Late,
    doors: &HomeDoors,
    others: &mut Vec<Box<dyn std::any::Any>>,
) -> Door<Publish> {
    let (replica, publish) = (doors.replica.publish.clone(), Door::shut());
    let spec = ChildSpec::of("dawdler", move |_| Dawdler::new(late, replica.clone()));
    let actor = spawn(spec);
    publish.open(actor.port());
    others.push(Box::new(actor));
    publish
}

/// Whom the coordinator tells: the chain first, then the agents, wherever they live.
fn audience(homes: &[Home], street: Option<&Street>, ordering: &LocalOrdering) -> Audience {
    let mut audience = Audience::default();
    let starts = &mut audience.starts;
    starts.push(ordering.epoch.clone());
    starts.extend(homes.iter().map(|home| home.doors.replica.epoch.clone()));
    match street {
        Some(street) => starts.extend(street.starts.iter().cloned()),
        None => {
            starts.extend(homes.iter().map(|home| home.doors.social.epoch.clone()));
            starts.extend(homes.iter().map(|home| home.doors.local.epoch.clone()));
            let devices = homes.iter().flat_map(|home| &home.doors.resources);
            starts.extend(devices.map(|device| device.epoch.clone()));
        }
    }
    homes.iter().for_each(|home| home.join(&mut audience));
    if let Some(street) = street {
        audience.phases.clone_from(&street.phases);
    }
    audience
}

fn open_coordinator(
    nursery: &Nursery,
    audience: Audience,
    commons: &Commons,
) -> (Box<dyn std::any::Any>, Door<Poison>, watch::Receiver<Option<Epoch>>) {
    let (done, watched) = watch::channel(None);
    let params = nursery.params.epoch.clone();
    let parties = u32::try_from(nursery.community.sites.len()).unwrap_or(u32::MAX);
    let last = Interval(nursery.community.end().0.saturating_sub(1));
    let clock = commons.clock;
    let begun = Begun::default();
    let spec = ChildSpec::of("coordinator", move |_| {
        let (params, audience, done) = (params.clone(), audience.clone(), done.clone());
        let begun = Begun::clone(&begun);
        CoordinatorActor::new(params, (parties, Some(last)), audience, done, begun, clock)
    });
    let actor = spawn(spec.mailbox(65_536, Overflow::Refuse));
    commons.quiescent.open(actor.port());
    let poison = Door::shut();
    poison.open(actor.port());
    (Box::new(actor), poison, watched)
}

#[cfg(test)]
#[path = "world_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "why_tests.rs"]
mod why;
