//! Preset `london` (protocol 12.0): real homes, yields, sessions and prices on one calendar.
//!
//! The files come from different years and countries. They are joined by local wall clock, weekday
//! and season: London stamps are UTC and read on the clock of the scenario's zone, sessions are UTC
//! and read on Oslo's, yields already are local.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use gridpact_agents::resource::nature::Nature;
use gridpact_chain::terms::Price;
use jiff::ToSpan;

use super::days::{self, Days};
use super::homes::{self, MeasuredHome};
use super::prices::{self, PriceSeries};
use super::series::start_s;
use super::sessions::{self, CarModel, Sessions};
use super::vehicles::{self, Driver};
use super::yields::{self, Yields};
use super::{DatasetError, files};
use crate::sim::BuildError;
use crate::sim::calendar::{Calendar, zone};
use crate::sim::community::{Community, Device, DeviceData, Site};
use crate::sim::profiles::chance::{Chance, Purpose};
use crate::sim::profiles::flexible::{battery, wh};
use crate::sim::profiles::{clock_tariff, community, turbine};
use crate::sim::scenario::{Scenario, ScenarioError};
use crate::sim::tariff::{Rule, SiteTariff, TariffPreset};

/// Zone of the charging sessions.
const SESSIONS_ZONE: &str = "Europe/Oslo";
/// Price of London homes that are not on the dynamic price.
const LONDON_FLAT: Price = Price(142_280);

/// Everything the files say, checked.
#[derive(Debug)]
struct Files {
    /// Homes by folder: `london_300`, then `london_homes`.
    folders: Vec<Vec<MeasuredHome>>,
    prices: Vec<PriceSeries>,
    yields: Yields,
    sessions: Sessions,
    models: Vec<CarModel>,
}

/// Reads and checks the data set and puts its homes on one calendar.
///
/// # Errors
/// Any cell that is missing or impossible, or files that have no days in common.
pub fn build(scenario: &Scenario) -> Result<Community, BuildError> {
    if scenario.data.dir.as_os_str().is_empty() {
        let problem = "scenario `london` reads measured files: give their folder with --data DIR";
        return Err(ScenarioError::Conflict(problem.to_owned()).into());
    }
    let files = read(&scenario.data.dir)?;
    let site_zone = zone(&scenario.zone)?;
    let (homes, chosen) = choose(scenario, &files, &site_zone)?;
    let scenario = &Scenario { history_days: chosen.history_days, ..scenario.clone() };
    let calendar = Calendar::new(scenario, chosen.date, site_zone)?;
    let tariffs = tariffs(scenario, &calendar, &files.prices)?;
    let oslo = zone(SESSIONS_ZONE)?;
    let drivers = vehicles::drivers(&files.sessions, &oslo, &calendar, scenario.seed);
    let fitting: BTreeSet<String> = drivers.iter().map(|driver| driver.user.clone()).collect();
    let mut drivers = drivers.into_iter();
    let mut sites = Vec::new();
    for (number, index) in (0..).zip(&chosen.homes) {
        sites.push(site(
            scenario,
            &calendar,
            &files,
            &mut drivers,
            &tariffs,
            (number, &homes[*index]),
        ));
    }
    if scenario.scenario.community_turbine_kw > 0 {
        sites.push(community_turbine(scenario, &calendar, &files, &tariffs)?);
    }
    let notes = notes(&files, &chosen, &calendar, &sites, fitting.len());
    Ok(community(scenario, &calendar, sites, notes)?)
}

fn read(dir: &Path) -> Result<Files, DatasetError> {
    let mut folders = Vec::new();
    for name in ["london_300", "london_homes"] {
        let folder = dir.join(name);
        let has_homes = folder.join("homes.csv").exists()
            || (folder.is_dir() && !files(&folder, "load_", ".csv")?.is_empty());
        if has_homes {
            folders.push(homes::read(&folder)?);
        }
    }
    if folders.is_empty() {
        let problem = "has homes neither in london_300 nor in london_homes (homes.csv, load_*.csv)";
        return Err(DatasetError::file(dir, problem));
    }
    Ok(Files {
        folders,
        prices: prices::read(&dir.join("london_homes"))?,
        yields: yields::read(&dir.join("pv_wind"))?,
        sessions: sessions::read(&dir.join("ev_norway").join("sessions.csv"))?,
        models: sessions::read_models(&dir.join("ev_norway").join("v2g_models.csv"))?,
    })
}

/// The homes and days of the first folder that suffices, or of both together when more are asked for.
fn choose(
    scenario: &Scenario,
    files: &Files,
    zone: &jiff::tz::TimeZone,
) -> Result<(Vec<MeasuredHome>, Days), DatasetError> {
    let usable = |date: jiff::civil::Date, from_s: i64, until_s: i64| {
        let known = |day: i64| {
            date.checked_add(day.days()).is_ok_and(|day| files.yields.day_for(day).is_some())
        };
        files.prices.iter().any(|series| series.covers(from_s, until_s))
            && (0..i64::from(scenario.days)).all(known)
    };
    let mut attempts: Vec<Vec<MeasuredHome>> = files.folders.clone();
    if scenario.prosumers > 0 && attempts.len() > 1 {
        attempts.push(files.folders.concat());
    }
    let mut last = Err(DatasetError::Days("the files have no homes".to_owned()));
    for homes in attempts {
        last = days::choose(scenario, zone, &homes, usable).map(|days| (homes, days));
        if last.is_ok() {
            break;
        }
    }
    last
}

/// The tariff of homes on the dynamic price and of the others.
struct Tariffs {
    dynamic: Arc<SiteTariff>,
    flat: Arc<SiteTariff>,
}

fn tariffs(
    scenario: &Scenario,
    calendar: &Calendar,
    prices: &[PriceSeries],
) -> Result<Tariffs, BuildError> {
    let preset = scenario.tariff.preset;
    if !matches!(preset, TariffPreset::London | TariffPreset::LondonOwn) {
        let tariff = clock_tariff(&scenario.tariff, calendar)?;
        return Ok(Tariffs { dynamic: Arc::clone(&tariff), flat: tariff });
    }
    let make = |rule| {
        let (from, until) = (calendar.first, calendar.until());
        let zone = calendar.zone.clone();
        Arc::new(SiteTariff::new(rule, zone, calendar.interval_s, from, until))
    };
    let from_s = start_s(calendar.start, calendar.interval_s);
    let until_s = start_s(calendar.start.plus(calendar.intervals), calendar.interval_s);
    let series = prices.iter().find(|series| series.covers(from_s, until_s));
    let series = series.ok_or_else(|| DatasetError::Days("no price covers the days".to_owned()))?;
    let dynamic = make(series.rule(calendar, scenario.tariff.feed_in));
    let flat = match preset {
        TariffPreset::LondonOwn => make(Rule::Flat(LONDON_FLAT, scenario.tariff.feed_in)),
        _ => Arc::clone(&dynamic),
    };
    Ok(Tariffs { dynamic, flat })
}

fn site(
    scenario: &Scenario,
    calendar: &Calendar,
    files: &Files,
    drivers: &mut impl Iterator<Item = Driver>,
    tariffs: &Tariffs,
    (number, home): (u32, &MeasuredHome),
) -> Site {
    let mix = &scenario.sites;
    let mut chance = Chance::new(scenario.seed, number, Purpose::Mix);
    let (has_solar, has_battery, has_vehicle) = (chance.unit(), chance.unit(), chance.unit());
    let (kwp, column) = (chance.within(mix.pv_kwp), chance.below(files.yields.solar.len()));
    let from_s = start_s(calendar.first, calendar.interval_s);
    let load = home.load.iter().find(|segment| segment.covers(from_s, from_s + 1));
    let load = load.map(|segment| segment.on(calendar)).unwrap_or_default();
    let mut devices = vec![series(Nature::Load, load)];
    if has_battery < mix.bess_share {
        devices.push(battery(scenario, &mut chance));
    }
    if has_vehicle < mix.ev_share
        && let Some(driver) = drivers.next()
    {
        devices.extend(vehicles::vehicle(scenario, calendar, &driver, &files.models, number));
    }
    if has_solar < mix.pv_share
        && let Some(column) = files.yields.solar.get(column)
    {
        let output = files.yields.output(calendar, column, kwp);
        devices.push(series(Nature::Solar { rated_w: wh(kwp) }, output));
    }
    let tariff = if home.dynamic { &tariffs.dynamic } else { &tariffs.flat };
    Site {
        name: home.name.clone(),
        import_w: mix.import_limit_w,
        export_w: mix.export_limit_w,
        tariff: Arc::clone(tariff),
        devices,
    }
}

fn series(nature: Nature, wh: Vec<u32>) -> Device {
    Device { nature, data: DeviceData::Series(wh.into()) }
}

fn community_turbine(
    scenario: &Scenario,
    calendar: &Calendar,
    files: &Files,
    tariffs: &Tariffs,
) -> Result<Site, DatasetError> {
    let column = files.yields.usual_wind().ok_or_else(|| {
        let problem = "scenario.community_turbine_kw needs a WP*_kWh_per_kW column in pv_wind";
        DatasetError::Days(problem.to_owned())
    })?;
    let kw = f64::from(scenario.scenario.community_turbine_kw);
    let output = files.yields.output(calendar, column, kw);
    Ok(turbine(wh(kw), output, &tariffs.dynamic))
}

/// What was chosen, so that nobody has to guess which days a report is about.
fn notes(
    files: &Files,
    chosen: &Days,
    calendar: &Calendar,
    sites: &[Site],
    fitting: usize,
) -> Vec<String> {
    let count = |wanted: fn(&Nature) -> bool| {
        sites.iter().flat_map(|site| &site.devices).filter(|d| wanted(&d.nature)).count()
    };
    let measured = files.yields.day_for(calendar.date).map(|day| day.to_string());
    let mut notes = vec![format!(
        "{} homes from {} on, after {} days of history; yields of {} and the days after",
        chosen.homes.len(),
        chosen.date,
        chosen.history_days,
        measured.unwrap_or_default()
    )];
    let vehicles = count(|nature| matches!(nature, Nature::Vehicle(_)));
    notes.push(format!(
        "{} homes with photovoltaics, {} with a battery, {vehicles} with a vehicle; {} different \
         drivers ({} in the file, {fitting} with sessions in this season)",
        count(|nature| matches!(nature, Nature::Solar { .. })),
        count(|nature| matches!(nature, Nature::Battery(_))),
        vehicles.min(fitting),
        files.sessions.by_user.len()
    ));
    if files.sessions.overlapping > 0 {
        notes.push(format!(
            "{} sessions left out: they overlap the same user's session before",
            files.sessions.overlapping
        ));
    }
    notes
}
