//! One figure beside its limit, for people and for programs.

use serde::Serialize;

use crate::cli::{Failure, say};

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Row {
    /// What was measured, largest word first: `forecast.similar.mae_2h`.
    pub name: String,
    /// How many things it is a figure of.
    pub n: u64,
    /// The figure.
    pub value: f64,
    /// Its unit.
    pub unit: String,
    /// What it is held against; empty where there is nothing.
    pub limit_name: String,
    /// The limit in the same unit.
    pub limit_value: Option<f64>,
    /// How much of the limit is used: at most 1 is within it.
    pub ratio: Option<f64>,
}

impl Row {
    /// A figure without a limit.
    pub fn plain(name: impl Into<String>, n: u64, value: f64, unit: &str) -> Self {
        let (name, unit) = (name.into(), unit.to_owned());
        Self { name, n, value, unit, limit_name: String::new(), limit_value: None, ratio: None }
    }

    /// The same beside `limit`; it uses the part `value / limit` of it.
    pub fn beside(self, limit_name: &str, limit: f64) -> Self {
        let ratio = (limit != 0.0).then(|| self.value / limit);
        Self { limit_name: limit_name.to_owned(), limit_value: Some(limit), ratio, ..self }
    }
}

/// Prints the rows: one JSON array, or a table.
pub(super) fn print(rows: &[Row], as_json: bool) -> Result<(), Failure> {
    if as_json { say(&json(rows)?) } else { say(&table(rows)) }
}

/// The rows as one JSON array.
fn json(rows: &[Row]) -> Result<String, Failure> {
    serde_json::to_string_pretty(rows).map_err(Failure::input)
}

/// The rows as a table.
fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let line = |row: &Row| {
        let limit = match (row.limit_value, row.ratio) {
            (Some(limit), Some(ratio)) => {
                format!("{limit:>10.4}  {ratio:>6.3}  {}", row.limit_name)
            }
            _ => String::new(),
        };
        let text = format!(
            "{:width$} {:>9} {:>12.4} {:<16} {limit}",
            row.name, row.n, row.value, row.unit
        );
        text.trim_end().to_owned()
    };
    let head = format!(
        "{:width$} {:>9} {:>12} {:<16} {:>10}  {:>6}  limit",
        "figure", "n", "value", "unit", "at", "ratio"
    );
    std::iter::once(head).chain(rows.iter().map(line)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_stands_beside_its_limit() {
        let row = Row::plain("a.b", 3, 1.0, "Wh").beside("limit", 4.0);
        assert_eq!(row.ratio, Some(0.25));
        assert_eq!(Row::plain("a", 1, 1.0, "Wh").beside("none", 0.0).ratio, None);
        let text = json(std::slice::from_ref(&row)).expect("JSON");
        for key in ["name", "n", "value", "unit", "limit_name", "limit_value", "ratio"] {
            assert!(text.contains(&format!("\"{key}\"")), "{key}");
        }
        assert!(table(&[row]).contains("0.250"));
    }
}
