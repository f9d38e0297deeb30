//! The two lives without trading (protocol R6): A without control of storage, B with local
//! schedules and the grid as the only partner.
//!
//! Homes that do not trade do not meet, so each is run to its end alone, and the cores share the
//! homes. The minds are the same as in the trading world; the host is a plain loop.

use std::sync::Arc;
use std::thread;

use gridpact_agents::local::LocalAgent;
use gridpact_agents::local::schedule::{Plan, Problem, SolveError, solve};
use gridpact_agents::local::speech::{LocalEffect, LocalInput};
use gridpact_agents::machine::Machine;
use gridpact_agents::resource::ResourceSetup;
use gridpact_agents::resource::moved::Moved;
use gridpact_agents::resource::reading::{Reading, Setpoint};
use gridpact_chain::terms::{Interval, PartyId};

use super::community::Community;
use super::homes::{Nursery, device_index, first_epoch, party_of, setups};
use super::plant::{Plant, SiteInterval};
use crate::device::simulated::recorded;

/// What a home did without trading, per simulated interval.
pub type Life = Vec<SiteInterval>;

/// The two lives without trading of every home of a community.
#[derive(Debug, Clone, PartialEq)]
pub struct Lives {
    /// Run A, by home.
    pub uncontrolled: Vec<Life>,
    /// Run B, by home.
    pub local: Vec<Life>,
}

impl Lives {
    /// Both lives of every home, shared among the cores.
    #[must_use]
    pub fn of(nursery: &Nursery) -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let uncontrolled = uncontrolled(&nursery.community);
        Self { uncontrolled, local: local_only(nursery, threads) }
    }
}

/// Run A: battery idle, vehicle charged as soon as it is plugged in, jobs when their window opens.
#[must_use]
pub fn uncontrolled(community: &Arc<Community>) -> Vec<Life> {
    let plant = Plant::uncontrolled(Arc::clone(community));
    (0..community.sites.len()).map(|number| plant.rows(party_of(number)).to_vec()).collect()
}

/// What answers a home's scheduling questions.
pub type Solver<'s> = dyn Fn(&Problem) -> Result<Plan, SolveError> + Sync + 's;

/// Run B: every home's local schedule, planned anew in every interval.
#[must_use]
pub fn local_only(nursery: &Nursery, threads: usize) -> Vec<Life> {
    solved_by(nursery, threads, &solve)
}

/// Run B with another solver, or one that is watched.
#[must_use]
pub fn solved_by(nursery: &Nursery, threads: usize, solver: &Solver<'_>) -> Vec<Life> {
    let homes = nursery.community.sites.len();
    let share = homes.div_ceil(threads.max(1)).max(1);
    let numbers: Vec<usize> = (0..homes).collect();
    thread::scope(|scope| {
        let workers: Vec<_> = numbers
            .chunks(share)
            .map(|part| {
                scope.spawn(move || {
                    let mut plant = Plant::new(Arc::clone(&nursery.community));
                    part.iter()
                        .map(|n| alone(nursery, &mut plant, party_of(*n), solver))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().expect("a home's own life does not panic"))
            .collect()
    })
}

/// One home from the first epoch to the last.
fn alone(nursery: &Nursery, plant: &mut Plant, party: PartyId, solver: &Solver<'_>) -> Life {
    let community = &nursery.community;
    let Some(setup) = nursery.local(party, false) else { return Life::new() };
    let hands = community.site(party).map_or_else(Vec::new, |site| {
        let setups = setups(site, community.interval_s);
        setups.into_iter().map(|setup| (setup, Moved::default())).collect()
    });
    let devices = hands.len();
    let mut home = Alone { mind: LocalAgent::new(setup), hands, setpoints: Vec::new() };
    for epoch in (first_epoch(community).0..community.end().0).map(Interval) {
        let ended = Interval(epoch.0.saturating_sub(1));
        let readings: Vec<Reading> = match ended < community.start {
            true => (0..devices)
                .map(|device| recorded(plant, party, device_index(device), ended))
                .collect(),
            false => plant.step_site(party, ended, &home.setpoints(devices, ended)),
        };
        home.live(nursery, epoch, readings, solver);
    }
    let last = Interval(community.end().0.saturating_sub(1));
    plant.step_site(party, last, &home.setpoints(devices, last));
    plant.rows(party).to_vec()
}

/// A mind with what it last told its devices, and how these realise it.
struct Alone {
    mind: LocalAgent,
    hands: Vec<(ResourceSetup, Moved)>,
    setpoints: Vec<(usize, Setpoint)>,
}

impl Alone {
    /// What a device makes of its setpoint of `at`, asked once per interval.
    fn setpoint(&mut self, device: usize, at: Interval) -> Option<Setpoint> {
        let told = self.setpoints.iter().rev().find(|(d, _)| *d == device)?.1;
        let (setup, moved) = self.hands.get_mut(device)?;
        let ranges = (&setup.consume, &setup.produce);
        (told.interval == at).then(|| moved.realise(told, ranges, setup.interval_s))
    }

    fn setpoints(&mut self, devices: usize, at: Interval) -> Vec<Option<Setpoint>> {
        (0..devices).map(|device| self.setpoint(device, at)).collect()
    }

    fn live(
        &mut self,
        nursery: &Nursery,
        epoch: Interval,
        readings: Vec<Reading>,
        solver: &Solver<'_>,
    ) {
        self.setpoints.clear();
        let start = epoch.starts_at(nursery.community.interval_s);
        let deadlines = nursery.params.epoch.deadlines(start);
        let mut inputs = vec![LocalInput::EpochStart { epoch, deadlines }];
        inputs.extend(
            (0..).zip(readings).map(|(device, reading)| LocalInput::Reading { device, reading }),
        );
        inputs.reverse();
        let mut effects = Vec::new();
        while let Some(input) = inputs.pop() {
            self.mind.handle(start, input, &mut effects);
            for effect in effects.drain(..) {
                match effect {
                    LocalEffect::Solve { ticket, problem } => {
                        inputs.push(LocalInput::Solved { ticket, plan: solver(&problem) });
                    }
                    LocalEffect::Setpoint { device, setpoint } => {
                        self.setpoints.push((usize::from(device), setpoint));
                    }
                    LocalEffect::Blocks(_)
                    | LocalEffect::Quote(_)
                    | LocalEffect::Reserved(_)
                    | LocalEffect::Planned(_)
                    | LocalEffect::Stale { .. }
                    | LocalEffect::Wish { .. }
                    | LocalEffect::Unplanned(_) => {}
                }
            }
        }
    }
}
