//! The nodes: replica, verifier and sequencer as in any world, each with a journal on disk.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use gridpact_chain::block::{Pair, Proof};
use gridpact_chain::replica::Params as ReplicaParams;
use gridpact_chain::terms::{Interval, PartyId};
use gridpact_chain::verifier::Params as VerifierParams;

use super::deals::Deals;
use crate::actors::replica::{ContractSettled, Publish};
use crate::actors::verifier::{Slices, VerifierTally};
use crate::actors::{Door, Retention};
use crate::cli::Failure;
use crate::clock::Clock;
use crate::members::Members;
use crate::net::memory::Memory;
use crate::node::{Commons, Home, HomeDoors, HomeSpec};
use crate::observe::Observer;
use crate::order::local::LocalOrdering;
use crate::sim::world::wiring::{open_sequencer, open_workshop, signer};
use crate::store::archive;
use crate::store::readings::MemoryReadings;
use crate::store::{ChainJournal, Entry, Journal, StoreError};
use crate::supervise::{self, Actor, ChildSpec, Context, Handler, Overflow, spawn};
use crate::verdicts::{ProcessVerdicts, SweepVerdicts};

/// Virtual time after which an epoch that has not settled has failed.
const PATIENCE: Duration = Duration::from_secs(300);

/// What one run took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    pub contracts: f64,
    pub processor_s: f64,
    pub wall_s: f64,
    pub syncs: f64,
}

/// Settles all deals on nodes that write below `dir`, and proves what they wrote.
pub(super) fn settle(dir: &Path, deals: &Deals) -> Result<Taken, Failure> {
    let taken = supervise::virtual_system().block_on(async {
        let community = Community::raise(dir, deals)?;
        // Everybody has started before the watch does.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let (processor, wall) = (ProcessTime::now(), Instant::now());
        for (number, _) in deals.days.iter().enumerate() {
            community.live(deals, number).await?;
        }
        let taken = Taken {
            contracts: deals.count() as f64,
            processor_s: processor.elapsed().as_secs_f64(),
            wall_s: wall.elapsed().as_secs_f64(),
            syncs: community.syncs.get() as f64,
        };
        community.close()?;
        Ok::<_, Failure>(taken)
    })?;
    let written = archive::read(&dir.join("0")).map_err(Failure::input)?;
    let closed = written.pairs.iter().filter(|(_, proof)| proof.ledger_votes.is_some()).count();
    match closed == deals.count() {
        true => Ok(taken),
        false => {
            let all = deals.count();
            Err(Failure::FoundWrong(format!("{closed} of {all} pairs are closed on disk")))
        }
    }
}

struct Community {
    clock: Clock,
    homes: Vec<Home>,
    ordering: LocalOrdering,
    journals: Vec<Rc<RefCell<Counted>>>,
    told: Rc<Cell<usize>>,
    syncs: Rc<Cell<u64>>,
    _others: Vec<Box<dyn Any>>,
}

impl Community {
    fn raise(dir: &Path, deals: &Deals) -> Result<Self, Failure> {
        let clock = Clock::starting_at(deals.days[0].start.deadlines.start);
        let members = deals.founding.registry.members().len();
        let doors: Vec<HomeDoors> = (0..members).map(|_| HomeDoors::default()).collect();
        let ordering = LocalOrdering::default();
        let commons = commons(deals, &doors, &ordering, clock);
        let mut others = vec![
            open_workshop("workshop", None, &commons.workshop),
            open_workshop("sweeps", Some(2), &commons.sweeps),
        ];
        let (told, syncs) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let journals = (0..deals.nodes)
            .map(|node| {
                let own = dir.join(node.to_string());
                let journal = ChainJournal::create(&own, &deals.founding.genesis)?;
                Ok(Rc::new(RefCell::new(Counted { journal, syncs: Rc::clone(&syncs) })))
            })
            .collect::<Result<Vec<_>, StoreError>>()
            .map_err(Failure::input)?;
        others.push(open_sequencer(&deals.founding, &ordering, &shared(&journals[0]), &commons));
        let counter = Rc::clone(&told);
        let spec = ChildSpec::of("listener", move |_| Listener(Rc::clone(&counter)));
        let listener = spawn(spec.mailbox(u32::MAX / 2, Overflow::Refuse));
        let mut homes = Vec::new();
        for (node, (doors, journal)) in doors.into_iter().zip(&journals).enumerate() {
            doors.social.settled.open(listener.port());
            let spec = spec_of(deals, node, &doors, shared(journal), &commons);
            homes.push(Home::raise_node(spec, doors, &commons));
        }
        others.push(Box::new(listener));
        Ok(Self { clock, homes, ordering, journals, told, syncs, _others: others })
    }

    /// One epoch, from its start until every node has every contract on disk.
    async fn live(&self, deals: &Deals, number: usize) -> Result<(), Failure> {
        let day = &deals.days[number];
        let deadlines = day.start.deadlines;
        tokio::time::sleep_until(self.clock.instant_of(deadlines.start)).await;
        self.ordering.epoch.tell(day.start);
        self.homes.iter().for_each(|home| home.doors.replica.epoch.tell(day.start));
        for contract in &day.contracts {
            let buyer = &self.homes[contract.body.buyer.0 as usize];
            buyer.doors.replica.publish.tell(Publish(contract.clone()));
        }
        let due = deals.days[..=number].iter().map(|day| day.contracts.len()).sum::<usize>();
        let due = due * self.homes.len();
        let until = self.clock.instant_of(deadlines.settle) + PATIENCE;
        while self.told.get() < due {
            if tokio::time::Instant::now() > until {
                let told = self.told.get();
                return Err(Failure::FoundWrong(format!("{told} of {due} settlements in time")));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    fn close(&self) -> Result<(), Failure> {
        self.journals
            .iter()
            .try_for_each(|j| j.borrow_mut().journal.close())
            .map_err(Failure::input)
    }
}

fn shared(journal: &Rc<RefCell<Counted>>) -> Rc<RefCell<dyn Journal>> {
    Rc::clone(journal) as Rc<RefCell<dyn Journal>>
}

fn commons(deals: &Deals, doors: &[HomeDoors], ordering: &LocalOrdering, clock: Clock) -> Commons {
    let members = doors.iter().map(HomeDoors::member).collect();
    let verdicts = Arc::new(ProcessVerdicts::default());
    Commons {
        genesis: Arc::clone(&deals.founding.genesis),
        registry: Arc::clone(&deals.founding.registry),
        members: Members::new(Arc::clone(&deals.founding.registry)),
        // Every node tells of every contract, not only of its own member's.
        replica: ReplicaParams { serves_all: true, ..ReplicaParams::default() },
        transport: Rc::new(Memory::new(members)),
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

/// A node of the chain; its agents live nowhere.
fn spec_of(
    deals: &Deals,
    node: usize,
    doors: &HomeDoors,
    journal: Rc<RefCell<dyn Journal>>,
    commons: &Commons,
) -> HomeSpec {
    HomeSpec {
        party: PartyId(u32::try_from(node).unwrap_or(u32::MAX)),
        devices: Vec::new(),
        drivers: Rc::new(|_| unreachable!("there are no devices")),
        local: Rc::new(|_| None),
        social: Rc::new(|_| None),
        publish: doors.replica.publish.clone(),
        signer: signer(&deals.founding, node, commons),
        journal,
        readings: Rc::new(RefCell::new(MemoryReadings::default())),
        store: Rc::default(),
    }
}

/// Counts what nodes are told to be settled.
struct Listener(Rc<Cell<usize>>);

impl Actor for Listener {
    const KIND: &'static str = "listener";
}

impl Handler<ContractSettled> for Listener {
    fn handle(&mut self, _: ContractSettled, _: &mut Context<Self>) {
        self.0.set(self.0.get() + 1);
    }
}

/// A journal that counts how often it is made durable.
struct Counted {
    journal: ChainJournal,
    syncs: Rc<Cell<u64>>,
}

impl Journal for Counted {
    fn record(&mut self, entry: Entry) -> bool {
        self.journal.record(entry)
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.syncs.set(self.syncs.get() + 1);
        self.journal.commit()
    }

    fn repair(
        &mut self,
        height: u64,
        pair: &Arc<Pair>,
        proof: &Arc<Proof>,
    ) -> Result<(), StoreError> {
        self.journal.repair(height, pair, proof)
    }

    fn forget(&mut self, before: Interval) {
        self.journal.forget(before);
    }

    fn entries(&self) -> Vec<Entry> {
        self.journal.entries()
    }
}
