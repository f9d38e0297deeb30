//! The nodes: replica, verifier and sequencer as in any world, each with a journal on disk.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use gridpact_chain::replica::Params as ReplicaParams;
use gridpact_chain::terms::PartyId;

use super::deals::Deals;
use super::disk::CountingDisk;
use crate::actors::replica::{ContractSettled, Publish};
use crate::cli::Failure;
use crate::clock::Clock;
use crate::net::memory::Memory;
use crate::node::{Commons, Home, HomeDoors, NodeSpec};
use crate::order::local::LocalOrdering;
use crate::sim::world::wiring::{commons_of, open_sequencer, open_workshop, signer};
use crate::store::{ChainJournal, Journal, StoreError, archive};
use crate::supervise::{self, Actor, ChildSpec, Context, Handler, Overflow, spawn};

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
        let before = community.disk.syncs();
        let (processor, wall) = (ProcessTime::now(), Instant::now());
        for (number, _) in deals.days.iter().enumerate() {
            community.live(deals, number).await?;
        }
        let taken = Taken {
            contracts: deals.count() as f64,
            processor_s: processor.elapsed().as_secs_f64(),
            wall_s: wall.elapsed().as_secs_f64(),
            syncs: (community.disk.syncs() - before) as f64,
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
    journals: Vec<Rc<RefCell<ChainJournal>>>,
    told: Rc<Cell<usize>>,
    disk: Arc<CountingDisk>,
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
        let (told, disk) = (Rc::new(Cell::new(0)), Arc::new(CountingDisk::default()));
        let journals = (0..deals.nodes)
            .map(|node| {
                let (disk, own) = (Arc::clone(&disk), dir.join(node.to_string()));
                let journal = ChainJournal::create_on(disk, &own, &deals.founding.genesis)?;
                Ok(Rc::new(RefCell::new(journal)))
            })
            .collect::<Result<Vec<_>, StoreError>>()
            .map_err(Failure::input)?;
        let first: Rc<RefCell<dyn Journal>> = Rc::clone(&journals[0]) as _;
        others.push(open_sequencer(&deals.founding, &ordering, &first, &commons));
        let counter = Rc::clone(&told);
        let spec = ChildSpec::of("listener", move |_| Listener(Rc::clone(&counter)));
        let listener = spawn(spec.mailbox(u32::MAX / 2, Overflow::Refuse));
        let mut homes = Vec::new();
        for ((node, doors), journal) in (0..).zip(doors).zip(&journals) {
            doors.social.settled.open(listener.port());
            let spec = NodeSpec {
                party: PartyId(node),
                signer: signer(&deals.founding, node as usize, &commons),
                journal: Rc::clone(journal) as _,
            };
            homes.push(Home::raise_node(&spec, doors, &commons));
        }
        others.push(Box::new(listener));
        Ok(Self { clock, homes, ordering, journals, told, disk, _others: others })
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
        self.journals.iter().try_for_each(|j| j.borrow_mut().close()).map_err(Failure::input)
    }
}

fn commons(deals: &Deals, doors: &[HomeDoors], ordering: &LocalOrdering, clock: Clock) -> Commons {
    let members = doors.iter().map(HomeDoors::member).collect();
    Commons {
        // Every node tells of every contract, not only of its own member's.
        replica: ReplicaParams { serves_all: true, ..ReplicaParams::default() },
        ..commons_of(&deals.founding, Rc::new(Memory::new(members)), ordering, clock)
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
