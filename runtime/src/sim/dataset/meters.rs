//! Preset `meters`: any community's own meters, with no device data at all.
//!
//! Every CSV file of the folder has the columns `site,start,import_wh,export_wh`. A stamp states its
//! offset (`Z`, `+02:00`), or `meters.toml` in the folder states the `zone` of them all. What a meter
//! imported is a load, what it exported is a surplus nobody can shift.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use gridpact_agents::resource::nature::Nature;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::days;
use super::homes::MeasuredHome;
use super::series::{Segment, start_s};
use super::table::{Column, ENERGY_MAX_KWH, Row, Table};
use super::{DatasetError, files};
use crate::config::read_meters;
use crate::sim::BuildError;
use crate::sim::calendar::{Calendar, zone};
use crate::sim::community::{Community, Device, DeviceData, Site};
use crate::sim::profiles::{clock_tariff, community};
use crate::sim::scenario::{Scenario, ScenarioError};
use crate::sim::tariff::SiteTariff;

/// Steps a meter may have, minutes.
const STEPS_MIN: [i64; 6] = [5, 10, 15, 20, 30, 60];

/// Readings of one meter while they are being collected.
#[derive(Debug, Default)]
struct Meter {
    last_s: Option<i64>,
    step_s: Option<i64>,
    start_s: i64,
    first_line: u64,
    import_wh: Vec<f64>,
    export_wh: Vec<f64>,
}

/// Reads and checks the meters and puts them on one calendar.
///
/// # Errors
/// Any cell that is missing or impossible, or meters that have no days in common.
pub fn build(scenario: &Scenario) -> Result<Community, BuildError> {
    if scenario.data.dir.as_os_str().is_empty() {
        let problem = "scenario `meters` reads measured files: give their folder with --meters DIR";
        return Err(ScenarioError::Conflict(problem.to_owned()).into());
    }
    let (homes, clock) = read(&scenario.data.dir, &scenario.zone)?;
    let chosen = days::choose(scenario, &clock, &homes, |_, _, _| true)?;
    let scenario = &Scenario { history_days: chosen.history_days, ..scenario.clone() };
    let calendar = Calendar::new(scenario, chosen.date, clock)?;
    let tariff = clock_tariff(&scenario.tariff, &calendar)?;
    let site = |index: &usize| site(scenario, &calendar, &tariff, &homes[*index]);
    let sites: Vec<Site> = chosen.homes.iter().map(site).collect();
    let notes = vec![format!(
        "{} of {} meters from {} on, after {} days of history; no device data",
        sites.len(),
        homes.len(),
        chosen.date,
        chosen.history_days
    )];
    Ok(community(scenario, &calendar, sites, notes)?)
}

fn site(
    scenario: &Scenario,
    calendar: &Calendar,
    tariff: &Arc<SiteTariff>,
    home: &MeasuredHome,
) -> Site {
    let from_s = start_s(calendar.first, calendar.interval_s);
    let on = |segments: &[Segment]| {
        let found = segments.iter().find(|segment| segment.covers(from_s, from_s + 1));
        found.map(|segment| segment.on(calendar)).unwrap_or_default()
    };
    let device = |nature, wh: Vec<u32>| Device { nature, data: DeviceData::Series(wh.into()) };
    let (import, export) = (on(&home.load), on(&home.feed));
    let mut devices = vec![device(Nature::Load, import)];
    if let Some(most) = export.iter().max().filter(|most| **most > 0) {
        let rated_w = (f64::from(*most) * calendar.per_hour()).ceil() as u64;
        devices.push(device(Nature::Solar { rated_w }, export));
    }
    Site {
        name: home.name.clone(),
        import_w: scenario.sites.import_limit_w,
        export_w: scenario.sites.export_limit_w,
        tariff: Arc::clone(tariff),
        devices,
    }
}

/// Reads every meter of a folder, and the clock its community lives by.
///
/// # Errors
/// Any cell that is missing or impossible, or a folder without meters.
pub fn read(dir: &Path, zone_name: &str) -> Result<(Vec<MeasuredHome>, TimeZone), DatasetError> {
    let found = files(dir, "", ".csv")?;
    if found.is_empty() {
        let problem = "has no *.csv with the columns site,start,import_wh,export_wh";
        return Err(DatasetError::file(dir, problem));
    }
    let settings = |e: &dyn std::error::Error| DatasetError::Settings(e.to_string());
    let stated = read_meters(&dir.join("meters.toml")).map_err(|e| settings(&e))?;
    let named = stated.zone.as_deref().or(Some(zone_name).filter(|name| *name != "UTC"));
    let named = named.map(zone).transpose().map_err(|e| settings(&e))?;
    let mut meters: BTreeMap<String, Meter> = BTreeMap::new();
    let mut written = None;
    for file in found {
        read_file(&file, named.as_ref(), &mut meters, &mut written)?;
    }
    let homes = meters.into_iter().map(|(name, meter)| meter.home(name)).collect();
    Ok((homes, named.or(written).unwrap_or(TimeZone::UTC)))
}

fn read_file(
    file: &Path,
    named: Option<&TimeZone>,
    meters: &mut BTreeMap<String, Meter>,
    written: &mut Option<TimeZone>,
) -> Result<(), DatasetError> {
    let needs = ["site", "start", "import_wh", "export_wh"];
    let table = Table::read(file, &needs)?;
    let [site, start, import, export] = needs.map(|need| table.column(need));
    let (site, start, import, export) = (site?, start?, import?, export?);
    for row in table.rows() {
        let name = row.text(site)?;
        let last_s = meters.get(name).and_then(|meter| meter.last_s);
        let (at_s, clock) = instant(&row, start, named, last_s)?;
        written.get_or_insert(clock);
        let meter = meters.entry(name.to_owned()).or_default();
        meter.push(&row, start, at_s)?;
        let most_wh = meter.most_wh();
        let import_wh = row.number(import, 0.0, most_wh)?;
        let export_wh = row.number(export, 0.0, most_wh)?;
        for (column, earlier) in [(import, &meter.import_wh), (export, &meter.export_wh)] {
            if let [first] = earlier[..]
                && first > most_wh
            {
                let problem = format!("{first} is more than the possible {most_wh}");
                return Err(table.error(meter.first_line, column, problem));
            }
        }
        meter.import_wh.push(import_wh);
        meter.export_wh.push(export_wh);
    }
    Ok(())
}

impl Meter {
    /// Takes the stamp of its next reading; the first two say how long a step is.
    fn push(&mut self, row: &Row<'_>, start: Column, at_s: i64) -> Result<(), DatasetError> {
        match (self.last_s, self.step_s) {
            (None, _) => (self.start_s, self.first_line) = (at_s, row.line()),
            (Some(last_s), None) => {
                let step_s = at_s - last_s;
                if step_s <= 0 {
                    row.follows(start, self.last_s, at_s, 1_800)?;
                }
                if !STEPS_MIN.contains(&(step_s / 60)) || step_s % 60 != 0 {
                    let problem = format!(
                        "the first two readings are {} s apart: a step is one of {STEPS_MIN:?} minutes",
                        step_s
                    );
                    return Err(row.error(start, problem));
                }
                self.step_s = Some(step_s);
            }
            (_, Some(step_s)) => row.follows(start, self.last_s, at_s, step_s)?,
        }
        self.last_s = Some(at_s);
        Ok(())
    }

    /// The most it can have read in one step, Wh: that of an hour until its step is known.
    fn most_wh(&self) -> f64 {
        ENERGY_MAX_KWH * 1000.0 * self.step_s.unwrap_or(3_600) as f64 / 1_800.0
    }

    fn home(self, name: String) -> MeasuredHome {
        let step_s = self.step_s.unwrap_or(1_800);
        let segment = |wh| vec![Segment { start_s: self.start_s, step_s, wh }];
        let (load, feed) = (segment(self.import_wh), segment(self.export_wh));
        MeasuredHome { name, dynamic: false, load, feed }
    }
}

/// A stamp in seconds since 1970, and the clock it is written in: an offset in the stamp, a zone in
/// brackets behind it, or the zone that is stated for all.
fn instant(
    row: &Row<'_>,
    column: Column,
    named: Option<&TimeZone>,
    last_s: Option<i64>,
) -> Result<(i64, TimeZone), DatasetError> {
    let text = row.text(column)?;
    let whole = |second: i64, clock: TimeZone| {
        if second < 0 { Err(row.error(column, "is before 1970")) } else { Ok((second, clock)) }
    };
    if let Ok(zoned) = text.parse::<Zoned>() {
        return whole(zoned.timestamp().as_second(), zoned.time_zone().clone());
    }
    if let Ok(stamp) = text.parse::<Timestamp>() {
        let fixed = jiff::fmt::temporal::DateTimeParser::new().parse_time_zone(offset_of(text));
        return whole(stamp.as_second(), fixed.unwrap_or(TimeZone::UTC));
    }
    let Ok(clock) = text.parse::<DateTime>() else {
        let wanted = "a time such as 2024-06-01T00:15:00+02:00";
        return Err(row.error(column, format!("`{text}` is not {wanted}")));
    };
    let Some(named) = named else {
        let problem = format!(
            "`{text}` states no time zone: write an offset such as Z or +02:00, or a line \
             zone = \"Europe/Berlin\" into meters.toml beside this file"
        );
        return Err(row.error(column, problem));
    };
    let ambiguous = named.to_ambiguous_timestamp(clock);
    let second = |found: Result<Timestamp, jiff::Error>| found.map(Timestamp::as_second).ok();
    let (earlier, later) = (second(ambiguous.earlier()), second(ambiguous.later()));
    let (Some(earlier), Some(later)) = (earlier, later) else {
        return Err(row.error(column, format!("`{text}` is not on the calendar")));
    };
    // An hour that the clock shows twice: the second time around it comes after its first end.
    let repeated = last_s.is_some_and(|last_s| last_s >= earlier);
    whole(if repeated { later } else { earlier }, named.clone())
}

/// The offset at the end of a stamp.
fn offset_of(text: &str) -> &str {
    let time = text.find(['T', 't', ' ']).unwrap_or(0);
    text[time..].rfind(['+', '-']).map_or("UTC", |at| &text[time + at..])
}
