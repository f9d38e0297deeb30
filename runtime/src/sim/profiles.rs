//! Generated homes (protocol 12.1): statistics of real ones, drawn from a seed.
//!
//! A home is a function of the seed and its number: more homes or more days never change the ones
//! that were there. What cannot be commanded is in `shapes`, what can be in `flexible`.

pub mod chance;
pub mod flexible;
pub mod graph;
pub mod knowledge;
pub mod shapes;

use std::collections::BTreeMap;
use std::sync::Arc;

use gridpact_agents::resource::nature::Nature;
use gridpact_agents::resource::reading::DeviceIndex;
use gridpact_chain::terms::Price;

use self::chance::{COMMON, Chance, Purpose, whole_wh};
use self::flexible::wh;
use self::shapes::Sky;
use super::calendar::Calendar;
use super::community::{Community, Device, DeviceData, Site};
use super::scenario::{Scenario, ScenarioError, TariffSettings};
use super::tariff::{Rule, SiteTariff, TariffPreset};

/// Generates the community of a scenario without measured data.
///
/// # Errors
/// When the scenario's zone or start does not exist, or its tariff needs measured prices.
pub fn generate(scenario: &Scenario) -> Result<Community, ScenarioError> {
    let calendar = Calendar::of(scenario)?;
    let sky = Sky::new(scenario, &calendar);
    let tariff = clock_tariff(&scenario.tariff, &calendar)?;
    let homes = scenario.prosumers.saturating_sub(scenario.sites.stations);
    let mut sites: Vec<Site> =
        (0..homes).map(|i| home(scenario, &calendar, &sky, &tariff, i)).collect();
    sites.extend((homes..scenario.prosumers).map(|i| station(scenario, &calendar, &tariff, i)));
    if scenario.scenario.community_turbine_kw > 0 {
        let kw = f64::from(scenario.scenario.community_turbine_kw);
        let series = shapes::wind(scenario, &calendar, &sky, kw, COMMON - 1);
        sites.push(turbine(wh(kw), series, &tariff));
    }
    community(scenario, &calendar, sites, Vec::new())
}

/// A community around these homes.
///
/// # Errors
/// [`ScenarioError::Conflict`] where a link names a home that does not exist.
pub fn community(
    scenario: &Scenario,
    calendar: &Calendar,
    sites: Vec<Site>,
    notes: Vec<String>,
) -> Result<Community, ScenarioError> {
    let count = u32::try_from(sites.len()).unwrap_or(u32::MAX);
    Ok(Community {
        start: calendar.start,
        intervals: calendar.intervals,
        history: calendar.history(),
        beyond: calendar.beyond,
        interval_s: calendar.interval_s,
        zone: calendar.zone.clone(),
        currency: scenario.currency.clone(),
        neighbours: graph::of(scenario, count)?,
        sites,
        notes,
        pricing: BTreeMap::new(),
    })
}

/// The tariff of a scenario that follows the clock alone.
///
/// # Errors
/// [`ScenarioError::Conflict`] for the presets that need published prices.
pub fn clock_tariff(
    tariff: &TariffSettings,
    calendar: &Calendar,
) -> Result<Arc<SiteTariff>, ScenarioError> {
    let rule = match tariff.preset {
        TariffPreset::Nsw2013Tou => Rule::Nsw2013Tou,
        TariffPreset::Nsw2013Flat => Rule::Flat(Price(270_000), Price(80_000)),
        TariffPreset::NswTodayFlat => Rule::Flat(Price(388_000), Price(50_000)),
        TariffPreset::SolarSoak => Rule::SolarSoak,
        TariffPreset::Flat => Rule::Flat(tariff.flat, tariff.feed_in),
        TariffPreset::London | TariffPreset::LondonOwn => {
            return Err(ScenarioError::Conflict(format!(
                "tariff.preset = {} needs the prices of a data set: run it with --data DIR",
                tariff.preset.name()
            )));
        }
    };
    let (from, until) = (calendar.first, calendar.until());
    Ok(Arc::new(SiteTariff::new(rule, calendar.zone.clone(), calendar.interval_s, from, until)))
}

/// A turbine behind its own meter.
#[must_use]
pub fn turbine(rated_w: u64, series: Vec<u32>, tariff: &Arc<SiteTariff>) -> Site {
    Site {
        name: "community-turbine".to_owned(),
        import_w: rated_w,
        export_w: rated_w,
        tariff: Arc::clone(tariff),
        devices: vec![Device {
            nature: Nature::Wind { rated_w },
            data: DeviceData::Series(series.into()),
        }],
    }
}

fn home(
    scenario: &Scenario,
    calendar: &Calendar,
    sky: &Sky,
    tariff: &Arc<SiteTariff>,
    number: u32,
) -> Site {
    let mix = &scenario.sites;
    let stream = model(scenario, number);
    let mut chance = Chance::new(scenario.seed, stream, Purpose::Mix);
    // All are drawn whether used or not, so that a changed share moves only the homes it concerns.
    let (has_generator, has_jobs, has_battery, has_vehicle) =
        (chance.unit(), chance.unit(), chance.unit(), chance.unit());
    let (kwp, kw) = (chance.within(mix.pv_kwp), chance.within(mix.wind_kw));
    let mut devices = vec![series(
        Nature::Load,
        perturbed(scenario, number, shapes::load(scenario, calendar, stream)),
    )];
    if has_jobs < mix.deferrable_share {
        devices.push(flexible::jobs(scenario, calendar, stream));
    }
    if has_battery < mix.bess_share {
        devices.push(flexible::battery(scenario, &mut chance));
    }
    if has_vehicle < mix.ev_share {
        devices.push(flexible::vehicle(scenario, calendar, stream));
    }
    if has_generator < mix.pv_share {
        let output = shapes::solar(scenario, calendar, sky, kwp, stream);
        let output = perturbed(scenario, number, output);
        devices.push(series(Nature::Solar { rated_w: wh(kwp) }, output));
    } else if has_generator < mix.pv_share + mix.wind_share {
        let output = shapes::wind(scenario, calendar, sky, kw, stream);
        devices.push(series(Nature::Wind { rated_w: wh(kw) }, output));
    }
    Site {
        name: format!("home-{number:03}"),
        import_w: mix.import_limit_w,
        export_w: mix.export_limit_w,
        tariff: Arc::clone(tariff),
        devices,
    }
}

/// Keeps the streams of a station's vehicles apart from each other and from those of homes.
const CONNECTOR_STREAMS: u32 = 1 << 16;

/// A charging station: a vehicle at each connector, and the line they share.
fn station(
    scenario: &Scenario,
    calendar: &Calendar,
    tariff: &Arc<SiteTariff>,
    number: u32,
) -> Site {
    let mix = &scenario.sites;
    let stream = model(scenario, number);
    let vehicle = |connector: u32| {
        flexible::vehicle(scenario, calendar, stream + (connector + 1) * CONNECTOR_STREAMS)
    };
    let mut devices: Vec<Device> = (0..mix.station_connectors).map(vehicle).collect();
    let line_w = wh(mix.station_line_kw);
    let connectors = (0..DeviceIndex::MAX).zip(&devices).map(|(number, _)| number).collect();
    devices
        .push(Device { nature: Nature::Station { line_w, connectors }, data: DeviceData::Station });
    Site {
        name: format!("station-{number:03}"),
        import_w: mix.import_limit_w.max(line_w),
        export_w: mix.export_limit_w,
        tariff: Arc::clone(tariff),
        devices,
    }
}

fn series(nature: Nature, wh: Vec<u32>) -> Device {
    Device { nature, data: DeviceData::Series(wh.into()) }
}

/// The home whose draws this one shares.
fn model(scenario: &Scenario, number: u32) -> u32 {
    match scenario.scenario.copies_from {
        0 => number,
        originals => number % originals,
    }
}

/// Energies of a copy: those of its model, larger or smaller as a whole and in every interval.
fn perturbed(scenario: &Scenario, number: u32, series: Vec<u32>) -> Vec<u32> {
    if model(scenario, number) == number {
        return series;
    }
    let mut chance = Chance::new(scenario.seed, number, Purpose::Copy);
    let scale = chance.within([0.85, 1.15]);
    whole_wh(series.iter().map(|wh| f64::from(*wh) * scale * chance.within([0.9, 1.1])))
}

#[cfg(test)]
mod tests;
