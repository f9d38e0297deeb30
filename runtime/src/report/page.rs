//! The sections of the HTML page, one file each, in the order a reader asks.

use super::Report;
use super::chart::{Across, Chart, Key, legend, typeset};
use super::run::Calendar;
use super::units::local_hours;

pub mod chain;
pub mod community;
pub mod gains;
pub mod headline;
pub mod money;
pub mod negotiation;
pub mod schedule;
pub mod share;

/// The page's style sheet.
pub const STYLE: &str = concat!(include_str!("chart/chart.css"), include_str!("page/style.css"));

/// A section: heading, one plain sentence under it, then its body.
pub(super) fn section(id: &str, heading: &str, lead: &str, body: &str) -> String {
    format!(
        "<section id=\"{id}\"><h2>{}</h2><p class=\"lead\">{}</p>{body}</section>",
        typeset(heading),
        typeset(lead)
    )
}

/// A chart with its legend above and its caption below. The caption is markup.
pub(super) fn figure(chart: &Chart, keys: &[Key], caption: &str) -> String {
    let legend = if keys.is_empty() { String::new() } else { legend(keys) };
    format!("<figure>{legend}{}<figcaption>{caption}</figcaption></figure>", chart.svg())
}

/// The time axis over `count` intervals from `first` on.
fn hours(calendar: &Calendar, first: usize, count: usize) -> Across {
    let midnight = (local_hours(calendar, first) / 24.0).floor() * 24.0;
    let step = f64::from(calendar.interval_s) / 3600.0;
    // A single day is labelled by its own clock, longer spans by the days of the run.
    let origin = if step * count as f64 <= 24.01 { midnight } else { 0.0 };
    Across::Hours { start: local_hours(calendar, first) - origin, step, count }
}

/// The time axis over the whole run.
fn whole(report: &Report) -> Across {
    hours(&report.run().calendar, 0, report.run().calendar.intervals as usize)
}

/// `n` things in words: `1 contract`, `12 contracts`.
fn several(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", super::units::count(n), if n == 1 { one } else { many })
}

/// What the verifiers found, in words.
fn faults(n: u64) -> String {
    if n == 0 { "no faults".into() } else { several(n, "fault", "faults") }
}
