//! What a prosumer's plans could not have, as sentences.

use std::collections::BTreeMap;

use gridpact_agents::local::missing::{Missing, What};

use super::words::{Words, kwh};
use crate::report::Report;
use crate::report::run::Run;

/// Below this many Wh a shortfall is rounding, told as data only.
const CRUMB_WH: f64 = 5.0;

/// What was still missing in the plan that came just before it was due; what an earlier plan lacked
/// and a later one found is not told.
pub(super) fn missing(run: &Run, site: usize) -> Vec<Missing> {
    let mut due = BTreeMap::new();
    for (start, missing) in &run.sites[site].missing {
        for missing in missing.iter().filter(|m| m.at.0 <= start.saturating_add(1)) {
            let rank = match missing.what {
                What::Overload => 0,
                What::Trip { .. } => 1,
                What::Departure { .. } => 2,
                What::Floor { .. } => 3,
                What::Job { .. } => 4,
                What::Sale | What::Pooled => 5,
                What::Purchase => 6,
            };
            due.insert((missing.at, rank, missing.device), *missing);
        }
    }
    due.into_values().collect()
}

/// What was missing, one line each; nothing where nothing was.
pub(super) fn text(report: &Report, site: usize, missing: &[Missing]) -> String {
    let words = Words::of(report);
    let mut out = String::new();
    for missing in missing.iter().filter(|m| m.wh >= CRUMB_WH) {
        let device =
            missing.device.and_then(|d| report.run().sites[site].devices.get(usize::from(d)));
        out += &format!(
            "  {:<20} {:<16}{} {}: {}\n",
            words.at(missing.at),
            device.copied().unwrap_or("site"),
            kwh(missing.wh.round() as u64),
            what(missing.what),
            missing.lack.words(),
        );
    }
    if out.is_empty() { out } else { format!("\nWhat it could not have, and why\n{out}") }
}

/// Ends "so much is".
fn what(what: What) -> &'static str {
    match what {
        What::Overload => "above the import limit",
        What::Departure { .. } => "short of what it must hold when it leaves",
        What::Trip { .. } => "short of what the trip takes",
        What::Floor { .. } => "below its floor",
        What::Job { .. } => "not run in its time",
        What::Sale | What::Pooled => "sold and not delivered",
        What::Purchase => "bought and not taken",
    }
}

#[cfg(test)]
mod tests {
    use gridpact_agents::local::missing::Mend;
    use gridpact_chain::terms::Interval;

    use gridpact_agents::local::missing::Lack;

    use super::*;
    use crate::report::sample::a_run;

    #[test]
    fn what_was_missing_when_it_was_due_is_told_in_words() {
        let mut run = a_run(4, 1, 7);
        let first = run.calendar.first_interval;
        run.sites[0].devices = vec!["battery", "vehicle"];
        let lacks = |at: u32, wh: f64, lack| Missing {
            what: What::Departure { store: 1, departure: 0 },
            device: Some(1),
            at: Interval(first + at),
            wh,
            lack,
            mend: Some(Mend { from: Interval(first), to: Interval(first + at), wh, line_wh: 0.0 }),
        };
        run.sites[0].missing = [
            (first, vec![lacks(3, 900.0, Lack::Time), lacks(9, 500.0, Lack::Time)]),
            (first + 2, vec![lacks(3, 2_400.0, Lack::Import)]),
            (first + 3, vec![lacks(3, 2_500.0, Lack::Import)]),
        ]
        .into();
        let told = missing(&run, 0);
        assert_eq!(told.len(), 1, "the one that was found later is not told: {told:?}");
        let report = Report::new(run).expect("the sample is consistent");
        let text = text(&report, 0, &told);
        assert!(text.contains("vehicle"), "{text}");
        assert!(
            text.contains(
                "2.50 kWh short of what it must hold when it leaves: the connection imports no more"
            ),
            "{text}"
        );
        assert!(missing(report.run(), 1).is_empty());
    }

    #[test]
    fn every_shortfall_fits_its_line() {
        let lacks = [
            Lack::Load,
            Lack::Power,
            Lack::Time,
            Lack::Capacity,
            Lack::Import,
            Lack::Station,
            Lack::Export,
            Lack::Energy,
            Lack::NoUse,
            Lack::Rank,
        ];
        let longest = lacks.iter().map(|lack| lack.words().len()).max().unwrap_or(0);
        let departure = what(What::Departure { store: 0, departure: 0 }).len();
        assert!(2 + 21 + 16 + 11 + departure + 2 + longest <= 130);
    }
}
