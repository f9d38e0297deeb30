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

/// Money in the currency's unit.
pub(super) fn amount(microcurrency: i64) -> String {
    decimal(microcurrency as f64 / 1e6, 2)
}
