//! The simulator's rooms: which world is run, what its homes own, and what really happens there.
//!
//! A [`scenario::Scenario`] says what to run; `profiles` (from a seed) or `dataset` (from measured
//! files) turn it into a [`community::Community`]; a [`plant::Plant`] is the physical truth of that
//! community, which minds only see through readings. Nothing here knows actors or bargaining.

pub mod baseline;
pub mod calendar;
pub mod clerk;
pub mod community;
pub mod dataset;
pub mod experiment;
pub mod faults;
pub mod founding;
pub mod greedy;
pub mod harvest;
pub mod homes;
pub mod household;
pub mod localtime;
pub mod plant;
pub mod profiles;
pub mod scenario;
pub mod storm;
pub mod street;
pub mod tariff;
pub(crate) mod welfare;
pub mod world;

use community::Community;
use dataset::{DatasetError, london, meters};
use scenario::{Layout, Scenario, ScenarioError};

/// Why a community cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A setting of the scenario.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// A measured file.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
}

/// The community of a scenario: generated, or from its measured files.
///
/// # Errors
/// A setting or a line of a file that cannot be used, by name.
pub fn build(scenario: &Scenario) -> Result<Community, BuildError> {
    match scenario.data.layout {
        Layout::None => Ok(profiles::generate(scenario)?),
        Layout::London => london::build(scenario),
        Layout::Meters => meters::build(scenario),
    }
}
