//! The summary as exactly one JSON object.

use super::error::ReportError;
use super::summary::Summary;

/// One object over several lines, without a newline at the end.
///
/// # Errors
/// Only if a figure cannot be written as JSON.
pub fn json(summary: &Summary) -> Result<String, ReportError> {
    serde_json::to_string_pretty(summary)
        .map_err(|source| ReportError::Format { what: "summary.json", reason: source.to_string() })
}
