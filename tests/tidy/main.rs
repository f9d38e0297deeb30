//! What must stay true of the house: who may name whom, which words never reach production, that
//! every example runs. A violation is reported with file and line.

mod examples;
mod manifests;
mod sources;
mod words;

/// Panics with all violations at once.
fn assert_none(rule: &str, violations: &[String]) {
    assert!(violations.is_empty(), "{rule}:\n  {}", violations.join("\n  "));
}
