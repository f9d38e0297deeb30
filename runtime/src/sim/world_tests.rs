//! A whole node that stops and comes back on the same directory.

use gridpact_agents::local::speech::Planned;
use gridpact_chain::terms::PartyId;

use super::wiring::commons;
use super::wiring::home_spec;
use super::wiring::open_workshop;
use crate::actors::EpochStarted;
use crate::actors::local::LocalStore;
use crate::clock::Clock;
use crate::device::simulated::Field;
use crate::node::Home;
use crate::node::HomeDoors;
use crate::order::local::LocalOrdering;
use crate::sim::faults::Faults;
use crate::sim::founding::Founding;
use crate::sim::homes::Nursery;
use crate::sim::homes::first_epoch;
use crate::sim::scenario::Scenario;
use crate::store::Journal;
use crate::store::MemoryJournal;
use crate::store::readings::Shelf;
use crate::supervise;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Epochs that are lived.
const EPOCHS: u32 = 40;
/// The home: it has load, wind or sun, and a vehicle.
const HOME: PartyId = PartyId(1);

fn scenario() -> Scenario {
    let mut scenario = Scenario { prosumers: 3, days: 2, history_days: 9, ..Scenario::default() };
    scenario.sites.ev_share = 1.0;
    scenario.sites.bess_share = 1.0;
    scenario
}

/// One process of one home: it lives until it is dropped.
struct Process {
    home: Home,
    store: Rc<RefCell<LocalStore>>,
    _others: Vec<Box<dyn std::any::Any>>,
}

struct Bench {
    scenario: Scenario,
    nursery: Rc<Nursery>,
    founding: Founding,
    field: Rc<RefCell<Field>>,
    clock: Clock,
}

impl Bench {
    fn new() -> Self {
        let scenario = scenario();
        let community = super::super::build(&scenario).expect("possible");
        let founding = Founding::new(&scenario, &community).expect("founded");
        let nursery = Rc::new(Nursery::new(&scenario, Arc::new(community)));
        let community = &nursery.community;
        let clock = Clock::starting_at(first_epoch(community).starts_at(community.interval_s));
        let field = Rc::new(RefCell::new(Field::new(community)));
        Self { scenario, founding, field, clock, nursery }
    }

    /// A process that has nothing but what stands on the shelf.
    fn start(&self, shelf: &Shelf) -> Process {
        let community = &self.nursery.community;
        let doors: Vec<HomeDoors> =
            community.sites.iter().map(|s| HomeDoors::with_devices(s.devices.len())).collect();
        let (ordering, faults) = (LocalOrdering::default(), Faults::default());
        let about = (self.clock, &faults, &**community);
        let commons = commons(&self.scenario, &self.founding, &doors, &ordering, about);
        let others = vec![open_workshop("workshop", None, &commons.workshop)];
        let site = HOME.0 as usize;
        let journal: Rc<RefCell<dyn Journal>> = Rc::new(RefCell::new(MemoryJournal::default()));
        let stores = (&journal, shelf.of(site, community.interval_s).expect("opens"));
        let place = (site, &doors[site]);
        let spec = home_spec(&self.nursery, &self.founding, place, &self.field, stores, &commons);
        let spec = spec.expect("a home");
        let store = Rc::clone(&spec.store);
        Process { home: Home::raise(spec, doors[site].clone(), &commons), store, _others: others }
    }

    /// Lets one epoch pass and tells what was planned in it.
    async fn live(&self, process: &Process, number: u32) -> Planned {
        let epoch = first_epoch(&self.nursery.community).plus(number);
        let start = epoch.starts_at(self.nursery.community.interval_s);
        tokio::time::sleep_until(self.clock.instant_of(start)).await;
        let deadlines = self.nursery.params.epoch.deadlines(start);
        let doors = &process.home.doors;
        doors.local.epoch.tell(EpochStarted { epoch, deadlines });
        doors.resources.iter().for_each(|ra| ra.epoch.tell(EpochStarted { epoch, deadlines }));
        tokio::time::sleep(Duration::from_secs(60)).await;
        let planned = process.store.borrow().planned.clone();
        let planned = *planned.expect("a plan in every epoch");
        assert_eq!(planned.epoch, epoch);
        planned
    }
}

/// The plans of all epochs of one home, whose node stops before these and comes back at once.
fn plans(stops: &[u32]) -> Vec<Planned> {
    let dir = tempfile::tempdir().expect("tmp");
    supervise::virtual_system().block_on(async {
        let bench = Bench::new();
        let shelf = Shelf::begin(Some(dir.path())).expect("empty");
        let mut process = bench.start(&shelf);
        let mut plans = Vec::new();
        for epoch in 0..EPOCHS {
            if stops.contains(&epoch) {
                drop(process);
                tokio::time::sleep(Duration::from_secs(1)).await;
                process = bench.start(&Shelf::at(Some(dir.path())));
            }
            plans.push(bench.live(&process, epoch).await);
        }
        plans
    })
}

#[test]
fn a_node_that_comes_back_plans_as_one_that_never_stopped() {
    let unbroken = plans(&[]);
    let broken = plans(&[7, 8, 33]);
    for (one, other) in unbroken.iter().zip(&broken) {
        assert_eq!(one, other, "epoch {:?}", one.epoch);
    }
    let charged = unbroken.iter().flat_map(|p| &p.reasons).filter(|r| r.consume_wh > 0).count();
    assert!(charged > 5, "there was something to plan: {charged}");
    let sure: Vec<_> = unbroken.iter().map(|planned| planned.net_wh[0]).collect();
    assert!(sure.windows(2).any(|two| two[0] != two[1]), "and something to learn");
}

#[test]
fn a_node_without_what_it_had_kept_plans_otherwise() {
    let unbroken = plans(&[]);
    let dir = tempfile::tempdir().expect("tmp");
    let forgetful = supervise::virtual_system().block_on(async {
        let bench = Bench::new();
        let mut process = bench.start(&Shelf::at(Some(dir.path())));
        let mut plans = Vec::new();
        for epoch in 0..EPOCHS {
            if epoch == 33 {
                drop(process);
                tokio::time::sleep(Duration::from_secs(1)).await;
                process = bench.start(&Shelf::default());
            }
            plans.push(bench.live(&process, epoch).await);
        }
        plans
    });
    assert_ne!(unbroken[33..], forgetful[33..], "what is kept matters");
}
