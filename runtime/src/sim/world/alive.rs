//! A world that lives: who stands in it, its epochs one after the other, and what is left at the end.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use gridpact_chain::membership::Membership;
use gridpact_chain::statement::Statement;
use gridpact_chain::terms::{Epoch, Interval};
use tokio::sync::watch;

use super::wiring::{
    audience, commons, home_spec, open_coordinator, open_dawdler, open_sequencer, open_workshop,
};
use super::{Places, Progress, WorldError};
use crate::actors::replica::{Decay, Propose};
use crate::actors::resource::Limit;
use crate::actors::{Door, Poison};
use crate::clock::Clock;
use crate::device::simulated::Field;
use crate::node::{Commons, Home, HomeDoors};
use crate::observe::Observer;
use crate::order::local::LocalOrdering;
use crate::sim::community::Community;
use crate::sim::faults::{self, Crash, Curb, Faults, Role, Rot};
use crate::sim::founding::{Founding, SEQUENCER, operator};
use crate::sim::harvest;
use crate::sim::harvest::Crop;
use crate::sim::homes::{Nursery, first_epoch, party_of};
use crate::sim::scenario::{Host, MemberChange, Scenario};
use crate::sim::street::Street;
use crate::store::{ChainJournal, Journal, MemoryJournal};
use crate::supervise;

/// What must stay at hand while the world lives.
pub(super) struct World {
    community: Arc<Community>,
    pub homes: Vec<Home>,
    field: Rc<RefCell<Field>>,
    journals: Vec<Rc<RefCell<dyn Journal>>>,
    chain: Rc<RefCell<ChainJournal>>,
    commons: Commons,
    clock: Clock,
    coordinator: Door<Poison>,
    done: watch::Receiver<Option<Epoch>>,
    settle_ms: u64,
    epochs: Vec<harvest::Growth>,
    changes: Vec<MemberChange>,
    _others: Vec<Box<dyn std::any::Any>>,
}

impl World {
    pub fn raise(
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
            changes: scenario.scenario.members.clone(),
            _others: others,
        })
    }

    /// Lets the community live through all its epochs.
    pub async fn live(
        &mut self,
        faults: &Faults,
        progress: Progress<'_>,
    ) -> Result<(), WorldError> {
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
        self.plan_changes();
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
            door.tell(Decay { height: rot.height, spoil: faults::flip, draw: rot.draw });
        });
    }

    /// Arranges for the operator to propose changes of the members.
    fn plan_changes(&self) {
        let (Some(home), community) = (self.homes.first(), self.commons.registry.community())
        else {
            return;
        };
        for (version, planned) in (1..).zip(&self.changes) {
            let change = Box::new(planned.change());
            let statement = Statement::Change { version, change: change.clone() };
            let signature = operator(self.commons.seed).sign(&statement, &community);
            let proposal = Membership { version, change: *change, operator_sig: Some(signature) };
            let epoch = first_epoch(&self.community).plus(planned.at_epoch);
            let at = self.clock.instant_of(epoch.starts_at(self.community.interval_s));
            let door = home.doors.replica.propose.clone();
            supervise::task(async move {
                tokio::time::sleep_until(at).await;
                door.tell(Propose(proposal));
            });
        }
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
    pub async fn reap(self) -> Result<Crop, WorldError> {
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
