//! How a world is wired: what all its actors share, and the actors that are nobody's home.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use gridpact_chain::replica::{Fanout, Params as ReplicaParams};
use gridpact_chain::sequencer::Sequencer;
use gridpact_chain::terms::{Epoch, Interval};
use gridpact_chain::verifier::Params as VerifierParams;
use tokio::sync::watch;

use crate::actors::coordinator::{Audience, Begun, CoordinatorActor};
use crate::actors::local::LocalStore;
use crate::actors::replica::{Publish, Signed};
use crate::actors::verifier::{Slices, VerifierTally};
use crate::actors::{Door, Poison, Retention};
use crate::clock::Clock;
use crate::device::simulated::Field;
use crate::keys::Signer;
use crate::members::Members;
use crate::net::Transport;
use crate::net::memory::Memory;
use crate::node::{Commons, Home, HomeDoors, HomeSpec, NodeSpec};
use crate::observe::Observer;
use crate::order::local::{LocalOrdering, SequencerActor};
use crate::sim::community::Community;
use crate::sim::faults::{Dawdler, Faults, Late, Lying};
use crate::sim::founding::{Founding, SEQUENCER};
use crate::sim::homes::{Nursery, drivers, party_of, setups};
use crate::sim::scenario::{self, Host, Scenario};
use crate::sim::storm::Stormy;
use crate::sim::street::Street;
use crate::store::Journal;
use crate::store::readings::ReadingStore;
use crate::supervise::{ChildSpec, Job, Overflow, Workshop, spawn};
use crate::verdicts::{ProcessVerdicts, SweepVerdicts};

pub(super) fn commons(
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
    let homes = u32::try_from(doors.len()).unwrap_or(u32::MAX);
    Commons {
        replica: ReplicaParams {
            fanout: match scenario.chain.fanout {
                scenario::Fanout::Tally => Fanout::Tally,
                scenario::Fanout::AllToAll => Fanout::AllToAll,
            },
            ledger_timeout_ms: scenario.chain.ledger_timeout_ms,
            serves_all: scenario.scenario.host == Host::Shards,
            seals: scenario.chain.seal_contracts,
            ..ReplicaParams::default()
        },
        slices: Slices {
            bytes: usize::try_from(scenario.verifier.slice_bytes).unwrap_or(usize::MAX),
            signatures: scenario.verifier.signature_sweep,
        },
        retention: Retention(
            scenario.chain.retention_days.saturating_mul(86_400 / community.interval_s.max(1)),
        ),
        seed: scenario.seed,
        // A buyer's replica hears from every voter at once, for each of its contracts.
        replica_mailbox: homes.saturating_mul(128).max(4_096),
        ..commons_of(founding, transport, ordering, clock)
    }
}

/// What the nodes of a founded community share, with every choice left at its default.
pub(crate) fn commons_of(
    founding: &Founding,
    transport: Rc<dyn Transport>,
    ordering: &LocalOrdering,
    clock: Clock,
) -> Commons {
    let verdicts = Arc::new(ProcessVerdicts::default());
    Commons {
        genesis: Arc::clone(&founding.genesis),
        registry: Arc::clone(&founding.registry),
        members: Members::new(Arc::clone(&founding.registry)),
        replica: ReplicaParams::default(),
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
        verifier: VerifierParams::default(),
        slices: Slices { bytes: 65_536, signatures: true },
        retention: Retention(u32::MAX),
        clock,
        seed: 1,
        replica_mailbox: u32::MAX / 2,
    }
}

pub(crate) fn open_workshop(
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

pub(crate) fn open_sequencer(
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
        let mind = Sequencer::new(genesis, registry, SEQUENCER, last);
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

pub(crate) fn signer(founding: &Founding, site: usize, commons: &Commons) -> Signer {
    Signer {
        key: Arc::clone(&founding.keys[site]),
        community: founding.community,
        workshop: commons.workshop.clone(),
    }
}

/// Where a home keeps what must last, and where its RAs keep their readings.
type Stores<'a> = (&'a Rc<RefCell<dyn Journal>>, Rc<RefCell<dyn ReadingStore>>);

pub(super) fn home_spec(
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
        node: NodeSpec {
            party,
            signer: signer(founding, site, commons),
            journal: Rc::clone(journal),
        },
        devices: setups(nursery.community.site(party)?, nursery.community.interval_s),
        drivers: drivers(field, party),
        local: Rc::new(move |_| for_local.local(party, true)),
        social: Rc::new(move |life| for_social.social(party, community, cap, life)),
        publish: doors.replica.publish.clone(),
        readings,
        store: Rc::new(RefCell::new(LocalStore::default())),
    })
}

pub(super) fn open_dawdler(
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
pub(super) fn audience(
    homes: &[Home],
    street: Option<&Street>,
    ordering: &LocalOrdering,
) -> Audience {
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

pub(super) fn open_coordinator(
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
