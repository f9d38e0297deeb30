//! What a scenario must satisfy before anything is built from it; every refusal names the key, what
//! was found and what is allowed.

use super::decimal::Millionths;
use super::file::range;
use super::{Scenario, ScenarioError};

impl Scenario {
    /// Checks every range and combination once.
    ///
    /// # Errors
    /// The first setting that is out of range, with what is allowed.
    pub fn validate(&self) -> Result<(), ScenarioError> {
        self.params.validate().map_err(|e| ScenarioError::Range {
            key: e.key.trim_end_matches("_ppm").to_owned(),
            found: if e.key.ends_with("_ppm") { in_decimals(&e.found) } else { e.found },
            allowed: if e.key.ends_with("_ppm") {
                in_decimals(e.allowed)
            } else {
                e.allowed.into()
            },
        })?;
        Ok(())
    }
}

/// Rewrites every number of a sentence about ppm as a decimal: `0 to 1 000 000 ppm` is `0 to 1`.
fn in_decimals(text: &str) -> String {
    let words = text.trim_end_matches(" ppm").split(" to ").map(|word| {
        let number = word.replace(' ', "").parse().map(|ppm| Millionths(ppm).to_string());
        number.unwrap_or_else(|_| word.to_owned())
    });
    words.collect::<Vec<_>>().join(" to ")
}
