//! A world: a whole community of actors on virtual time, from the first epoch to the last.
//!
//! One arbiter, one thread, a paused clock: the same seed gives the same chain. Heavy work is shared
//! among the cores inside the workshop, whose answers come back in the order of the questions.

use std::borrow::Cow;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use gridpact_agents::params::BlockShape;
use gridpact_chain::terms::Interval;

use super::baseline::Lives;
use super::community::Community;
use super::faults::Faults;
use super::founding::{Founding, FoundingError};
use super::harvest;
use super::harvest::Crop;
use super::homes::Nursery;
use super::scenario::{Host, Scenario};
use super::welfare::Market;
use crate::observe::{Observations, Observer, Signing};
use crate::report::Run;
use crate::report::run::{Contract, Welfare};
use crate::store::StoreError;
use crate::store::readings::{ReadingsError, Shelf};
use crate::supervise;

mod alive;
pub(crate) mod wiring;

use alive::World;

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
    let observer = Observer::of_market();
    Ok((watched(scenario, community, chain, &observer, progress)?, observer))
}

/// Lets a scenario's market live, in shards, and hands out its contracts and what each party had at
/// stake in them as it signed.
///
/// # Errors
/// As [`run`].
pub fn signings(
    scenario: &Scenario,
    community: Community,
    chain: &Path,
) -> Result<(Vec<Contract>, Vec<Signing>), WorldError> {
    let mut scenario = scenario.clone();
    scenario.scenario.host = Host::Shards;
    let seen = Observer::of_signings();
    let contracts = watched(&scenario, Arc::new(community), chain, &seen, &|_, _| ())?;
    Ok((contracts, seen.take_signings()))
}

/// The contracts of a market that lives undisturbed before this observer.
fn watched(
    scenario: &Scenario,
    community: Arc<Community>,
    chain: &Path,
    observer: &Observer,
    progress: Progress<'_>,
) -> Result<Vec<Contract>, WorldError> {
    let founding = Founding::new(scenario, &community)?;
    let nursery = Rc::new(Nursery::new(scenario, community));
    let (faults, places, seen) = (Faults::default(), Places::from(chain), observer.clone());
    let crop = grow(scenario, &nursery, &founding, &places, &faults, seen, progress)?;
    Ok(harvest::contracts(scenario, &nursery.community, &crop))
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

#[cfg(test)]
#[path = "world_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "why_tests.rs"]
mod why;
