//! Lines and sections of the tables that a person reads in a terminal.

use super::units::decimal;

/// Columns of a label.
pub(super) const LABEL: usize = 26;
/// Columns of a figure.
pub(super) const CELL: usize = 15;

/// A section: its title, then its lines, each with a newline.
pub(super) fn section(title: &str, lines: &[String]) -> String {
    let mut out = format!("{title}\n");
    for line in lines {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// A label, its figure and a remark.
pub(super) fn line(label: &str, figure: &str, remark: &str) -> String {
    format!("  {label:<LABEL$}{figure:>CELL$}  {remark}")
}

/// A label and a figure of each of runs A, B and C.
pub(super) fn columns(label: &str, cells: [String; 3]) -> String {
    let [a, b, c] = cells;
    format!("  {label:<LABEL$}{a:>CELL$}{b:>CELL$}{c:>CELL$}")
}

/// Money in the currency's unit.
pub(super) fn amount(microcurrency: i64) -> String {
    decimal(microcurrency as f64 / 1e6, 2)
}
