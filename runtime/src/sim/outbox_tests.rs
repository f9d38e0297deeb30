//! Durable before spoken: in a community whose disks refuse now and then and whose actors break between
//! record and commit, no vote and no confirm leaves a home before it is on that home's disk.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use gridpact_agents::social::Entry as SocialEntry;
use gridpact_agents::social::message::Message as SocialMessage;
use gridpact_chain::block::{Pair, Proof};
use gridpact_chain::digest::Digest;
use gridpact_chain::journal::JournalEntry;
use gridpact_chain::message::Message as ChainMessage;
use gridpact_chain::terms::{Interval, PartyId};

use super::wiring::{
    audience, commons, home_spec, open_coordinator, open_sequencer, open_workshop,
};
use crate::actors::Poison;
use crate::clock::Clock;
use crate::device::simulated::Field;
use crate::net::Transport;
use crate::node::{Home, HomeDoors};
use crate::order::local::LocalOrdering;
use crate::sim::faults::Faults;
use crate::sim::founding::Founding;
use crate::sim::homes::{Nursery, first_epoch};
use crate::sim::scenario::Scenario;
use crate::store::readings::Shelf;
use crate::store::{Entry, Journal, LogError, MemoryJournal, StoreError};
use crate::supervise;

/// What must be on disk before it is said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Promise {
    Approval(Digest),
    Ledger(u64),
    Sale(Digest),
    Batch(u64),
}

fn promise(entry: &Entry) -> Option<Promise> {
    match entry {
        Entry::Chain(JournalEntry::Approval { vote, .. }) => {
            Some(Promise::Approval(vote.contract_id.0))
        }
        Entry::Chain(JournalEntry::LedgerVote(vote)) => Some(Promise::Ledger(vote.height)),
        Entry::Social(SocialEntry::Sold { confirm, .. }) => {
            Some(Promise::Sale(confirm.body.contract_id.0))
        }
        Entry::Chain(JournalEntry::Batch(batch)) => Some(Promise::Batch(batch.index())),
        Entry::Chain(_) | Entry::Social(_) => None,
    }
}

/// A disk that takes every record late, and refuses every few commits.
#[derive(Default)]
struct SlowDisk {
    kept: MemoryJournal,
    pending: Vec<Promise>,
    durable: BTreeSet<Promise>,
    is_pending: bool,
    commits: u32,
    refused: u32,
}

impl Journal for SlowDisk {
    fn record(&mut self, entry: Entry) -> bool {
        self.pending.extend(promise(&entry));
        self.kept.record(entry);
        self.is_pending = true;
        true
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.commits += 1;
        if self.is_pending && self.commits.is_multiple_of(5) {
            self.refused += 1;
            return Err(LogError::NoRoom("0001.log".into()).into());
        }
        self.durable.extend(self.pending.drain(..));
        self.is_pending = false;
        Ok(())
    }

    fn is_pending(&self) -> bool {
        self.is_pending
    }

    fn repair(&mut self, at: u64, pair: &Arc<Pair>, proof: &Arc<Proof>) -> Result<(), StoreError> {
        self.kept.repair(at, pair, proof)
    }

    fn forget(&mut self, before: Interval) -> Result<(), StoreError> {
        self.kept.forget(before)
    }

    fn entries(&self) -> Vec<Entry> {
        self.kept.entries()
    }
}

/// Looks at the sender's disk whenever a promise passes.
struct Watch {
    inner: Rc<dyn Transport>,
    disks: Vec<Rc<RefCell<SlowDisk>>>,
    said: RefCell<BTreeSet<Promise>>,
    early: RefCell<Vec<(PartyId, Promise)>>,
}

impl Watch {
    fn look(&self, from: PartyId, promise: Promise) {
        if !self.disks[from.0 as usize].borrow().durable.contains(&promise) {
            self.early.borrow_mut().push((from, promise.clone()));
        }
        self.said.borrow_mut().insert(promise);
    }
}

impl Transport for Watch {
    fn social(&self, from: PartyId, to: PartyId, message: SocialMessage) {
        if let SocialMessage::Confirm(confirm) = &message {
            self.look(from, Promise::Sale(confirm.body.contract_id.0));
        }
        self.inner.social(from, to, message);
    }

    fn chain(&self, from: PartyId, to: PartyId, message: ChainMessage) {
        match &message {
            ChainMessage::Approval(vote) => self.look(from, Promise::Approval(vote.contract_id.0)),
            ChainMessage::LedgerVote(vote) | ChainMessage::LedgerProposal { vote, .. } => {
                self.look(from, Promise::Ledger(vote.height));
            }
            _ => {}
        }
        self.inner.chain(from, to, message);
    }
}

fn scenario() -> Scenario {
    let mut scenario = Scenario { prosumers: 6, days: 1, history_days: 3, ..Scenario::default() };
    scenario.sites.pv_share = 0.5;
    scenario.sites.wind_share = 0.5;
    scenario.sites.bess_share = 0.5;
    scenario.generation.wind_common = 0.0;
    scenario
}

#[test]
fn no_vote_and_no_confirm_is_sent_before_it_is_on_disk() {
    supervise::virtual_system().block_on(async {
        let scenario = scenario();
        let community = super::super::build(&scenario).expect("possible");
        let founding = Founding::new(&scenario, &community).expect("founded");
        let nursery = Rc::new(Nursery::new(&scenario, Arc::new(community)));
        let community = &nursery.community;
        let clock = Clock::starting_at(first_epoch(community).starts_at(community.interval_s));
        let field = Rc::new(RefCell::new(Field::new(community)));
        let doors: Vec<HomeDoors> =
            community.sites.iter().map(|s| HomeDoors::with_devices(s.devices.len())).collect();
        let (ordering, faults) = (LocalOrdering::default(), Faults::default());
        let about = (clock, &faults, &**community);
        let mut commons = commons(&scenario, &founding, &doors, &ordering, about);
        let disks: Vec<Rc<RefCell<SlowDisk>>> = doors.iter().map(|_| Rc::default()).collect();
        let watch = Rc::new(Watch {
            inner: Rc::clone(&commons.transport),
            disks: disks.clone(),
            said: RefCell::default(),
            early: RefCell::default(),
        });
        commons.transport = Rc::clone(&watch) as Rc<dyn Transport>;
        let mut others = vec![
            open_workshop("workshop", None, &commons.workshop),
            open_workshop("sweeps", Some(2), &commons.sweeps),
        ];
        // The sequencer writes to the disk of its home.
        let orders = Rc::clone(&disks[0]) as Rc<RefCell<dyn Journal>>;
        others.push(open_sequencer(&founding, &ordering, &orders, &commons));
        let shelf = Shelf::begin(None).expect("memory");
        let homes: Vec<Home> = doors
            .iter()
            .enumerate()
            .map(|(site, doors)| {
                let journal = Rc::clone(&disks[site]) as Rc<RefCell<dyn Journal>>;
                let stores = (&journal, shelf.of(site, community.interval_s).expect("opens"));
                let spec = home_spec(&nursery, &founding, (site, doors), &field, stores, &commons);
                Home::raise(spec.expect("a home"), doors.clone(), &commons)
            })
            .collect();
        let everybody = audience(&homes, None, &ordering);
        let (_coordinator, _, mut done) = open_coordinator(&nursery, everybody, &commons);
        let last = Interval(community.end().0 - 1);
        // Before any replica hears of a batch, the newest is on the sequencer's disk.
        let (mut turn, mut batches) = (0_usize, 0);
        while done.borrow_and_update().is_none_or(|epoch| epoch < last) {
            tokio::time::sleep(Duration::from_secs(613)).await;
            turn += 1;
            assert!(turn < 10_000, "the day does not end");
            if let Some(last) = ordering.last() {
                batches = last.index();
                let is_kept = disks[0].borrow().durable.contains(&Promise::Batch(batches));
                assert!(is_kept, "batch {batches} was told before it was durable");
            }
            // Somebody breaks with records that wait for their commit.
            let waiting = homes.iter().zip(&disks).find(|(_, disk)| disk.borrow().is_pending);
            let home = waiting.map_or(&homes[turn % homes.len()], |(home, _)| home);
            home.doors.replica.poison.tell(Poison);
            home.doors.social.poison.tell(Poison);
        }
        drop(others);
        let said = watch.said.borrow();
        let count = |is: fn(&Promise) -> bool| said.iter().filter(|one| is(one)).count();
        let sales = count(|one| matches!(one, Promise::Sale(_)));
        let approvals = count(|one| matches!(one, Promise::Approval(_)));
        let ledgers = count(|one| matches!(one, Promise::Ledger(_)));
        assert!(sales > 3 && approvals > 3 && ledgers > 3, "{sales} {approvals} {ledgers}");
        assert!(batches > 3, "{batches} batches");
        let refused: u32 = disks.iter().map(|disk| disk.borrow().refused).sum();
        assert!(refused > 10, "disks have refused {refused} times");
        assert_eq!(*watch.early.borrow(), [], "said before it was durable");
    });
}
