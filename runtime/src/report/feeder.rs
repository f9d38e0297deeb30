//! The common transformer in runs A, B and C: peak and when, minimum, ramp, overload minutes.
//!
//! All three curves are held against the same limits, whether these are enforced or not: run A knows
//! no limit, so it says what they are worth.

use serde::Serialize;

use super::load::{NetLoad, Shape};
use super::run::{Calendar, Feeder, Run};
use super::section::{columns, line, section};
use super::units::{clock, count, moment, power};

/// What the transformer saw; figures are interval means, in W.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FeederKeys {
    /// Most the community may draw; null for no limit.
    pub import_limit_w: Option<u64>,
    /// Most the community may feed; null for no limit.
    pub export_limit_w: Option<u64>,
    /// Whether homes of runs B and C plan within their share of the limits.
    pub enforced: bool,
    /// Run A: no control of storage.
    pub no_control: Seen,
    /// Run B: local schedules.
    pub local: Seen,
    /// Run C: trading.
    pub trading: Seen,
}

/// What the transformer saw in one run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Highest interval mean drawn, W.
    pub peak_w: i64,
    /// When it began first, local time with its offset; null in a run without intervals.
    pub peak_at: Option<String>,
    /// Lowest interval mean, W; negative while the community feeds the grid.
    pub minimum_w: i64,
    /// When it began first.
    pub minimum_at: Option<String>,
    /// Largest rise within three hours, W.
    pub ramp_3h_w: i64,
    /// Minutes in which a limit was passed; null where none is set.
    pub overload_minutes: Option<u64>,
}

/// The curves of runs A, B and C as figures.
#[must_use]
pub fn shapes(load: &NetLoad, interval_s: u32) -> [Shape; 3] {
    curves(load).map(|curve| Shape::of(curve, interval_s))
}

fn curves(load: &NetLoad) -> [&[i64]; 3] {
    [&load.uncontrolled_w, &load.local_w, &load.trading_w]
}

/// Overload minutes of runs A, B and C; none where no limit is set.
#[must_use]
pub fn overloads(run: &Run, load: &NetLoad) -> Option<[u64; 3]> {
    let (feeder, interval_s) = (run.feeder, run.calendar.interval_s);
    let minutes = || curves(load).map(|curve| feeder.overload_minutes(curve, interval_s));
    feeder.is_limited().then(minutes)
}

impl FeederKeys {
    pub(super) fn of(run: &Run, load: &NetLoad) -> Self {
        let overloads = overloads(run, load);
        let [no_control, local, trading] = [0, 1, 2].map(|life| {
            let shape = shapes(load, run.calendar.interval_s)[life];
            Seen::of(&run.calendar, shape, overloads.map(|minutes| minutes[life]))
        });
        Self {
            import_limit_w: run.feeder.import_limit_w,
            export_limit_w: run.feeder.export_limit_w,
            enforced: run.feeder.is_enforced,
            no_control,
            local,
            trading,
        }
    }
}

impl Seen {
    fn of(calendar: &Calendar, shape: Shape, overload_minutes: Option<u64>) -> Self {
        let at = |at: usize| (calendar.intervals > 0).then(|| moment(calendar, at)).flatten();
        Self {
            peak_w: shape.peak_w,
            peak_at: at(shape.peak_at),
            minimum_w: shape.minimum_w,
            minimum_at: at(shape.minimum_at),
            ramp_3h_w: shape.ramp_3h_w,
            overload_minutes,
        }
    }
}

/// The limits in words.
#[must_use]
pub fn limits(feeder: &Feeder) -> String {
    if !feeder.is_limited() {
        return "none set (feeder.import_limit_w, feeder.export_limit_w)".to_owned();
    }
    let word = |limit: Option<u64>| {
        limit.map_or("no limit".to_owned(), |w| power(i64::try_from(w).unwrap_or(i64::MAX)))
    };
    let (import, export) = (word(feeder.import_limit_w), word(feeder.export_limit_w));
    let rule = match feeder.is_enforced {
        true => "enforced: homes of B and C plan within their share",
        false => "reported, not enforced",
    };
    format!("import {import}, export {export}; {rule}")
}

/// The section of the table.
pub(super) fn table(run: &Run, load: &NetLoad) -> String {
    let shapes = shapes(load, run.calendar.interval_s);
    let row = |label, of: fn(&Shape) -> i64| columns(label, shapes.map(|shape| power(of(&shape))));
    let at = |label, of: fn(&Shape) -> usize| {
        columns(label, shapes.map(|shape| clock(&run.calendar, of(&shape))))
    };
    let mut rows = vec![
        columns("", ["no control (A)".into(), "local (B)".into(), "trading (C)".into()]),
        row("peak", |shape| shape.peak_w),
        at("  at", |shape| shape.peak_at),
        row("minimum", |shape| shape.minimum_w),
        at("  at", |shape| shape.minimum_at),
        row("steepest 3 h ramp", |shape| shape.ramp_3h_w),
    ];
    if let Some(minutes) = overloads(run, load) {
        let cells = minutes.map(|minutes| format!("{} min", count(minutes)));
        rows.push(columns("transformer overload", cells));
    }
    rows.push(line("transformer limit", "", limits(&run.feeder).as_str()));
    section("Community net load (trading moves it only through storage and shifting)", &rows)
}

#[cfg(test)]
mod tests {
    use super::super::Report;
    use super::super::sample::a_run;
    use super::*;

    fn report(feeder: Feeder) -> Report {
        Report::new(Run { feeder, ..a_run(20, 2, 5) }).expect("the sample is consistent")
    }

    #[test]
    fn without_a_limit_the_peak_is_told_and_that_none_is_set() {
        let report = report(Feeder::default());
        let keys = &report.summary().feeder;
        assert_eq!(keys.trading.overload_minutes, None);
        assert_eq!(keys.trading.peak_w, report.summary().peak_w);
        assert!(report.table().contains("none set"), "{}", report.table());
        assert!(!report.table().contains("transformer overload"));
        assert!(report.html().contains("No limit is set"));
    }

    #[test]
    fn a_peak_is_told_with_its_hour_and_every_run_with_its_overload() {
        let unlimited = report(Feeder::default());
        let peak_w = unlimited.summary().feeder.local.peak_w;
        let limit = u64::try_from(peak_w - 1).expect("the sample draws");
        let limited =
            report(Feeder { import_limit_w: Some(limit), export_limit_w: None, is_enforced: true });
        let keys = &limited.summary().feeder;
        assert!(keys.local.overload_minutes.is_some_and(|minutes| minutes >= 30), "{keys:?}");
        let run = limited.run();
        let at = limited.load().local_w.iter().position(|w| *w == peak_w).expect("somewhere");
        assert_eq!(keys.local.peak_at, moment(&run.calendar, at));
        for said in ["transformer overload", "enforced", &clock(&run.calendar, at)] {
            assert!(limited.table().contains(said), "{said} is missing from\n{}", limited.table());
        }
        assert!(limited.html().contains("Overload"), "the page says it too");
    }
}
