//! Energy over time of what cannot be commanded: consumption, sun and wind.

use std::f64::consts::PI;

use super::chance::{COMMON, Chance, Purpose, Straying, whole_wh};
use crate::sim::calendar::Calendar;
use crate::sim::scenario::{GenerationSettings, Scenario};

/// Weather that all homes share.
#[derive(Debug, Clone)]
pub struct Sky {
    /// Cloud factor of each local day, by the calendar's days.
    clouds: Vec<f64>,
    first_day: i32,
    /// Common part of the wind per interval, deviation 1.
    wind: Vec<f64>,
}

impl Sky {
    /// Draws the weather of a run.
    #[must_use]
    pub fn new(scenario: &Scenario, calendar: &Calendar) -> Self {
        let mut chance = Chance::new(scenario.seed, COMMON, Purpose::Generation);
        let mean = scenario.generation.cloud_factor;
        let swing = 0.6 * mean.min(1.0 - mean).max(0.0);
        let clouds = calendar.days().map(|_| mean + swing * (2.0 * chance.unit() - 1.0)).collect();
        let mut chance = Chance::new(scenario.seed, COMMON, Purpose::Load);
        let mut level = Straying::new(&mut chance, 6.0, calendar.per_hour());
        let wind = calendar.moments.iter().map(|_| level.next(&mut chance)).collect();
        Self { clouds, first_day: calendar.days().next().unwrap_or(0), wind }
    }

    fn clouds(&self, day: i32) -> f64 {
        usize::try_from(day - self.first_day)
            .ok()
            .and_then(|i| self.clouds.get(i).copied())
            .unwrap_or(1.0)
    }
}

/// Consumption of a home: its own day shape around a morning and an evening bump, with days and
/// intervals that stray.
#[must_use]
pub fn load(scenario: &Scenario, calendar: &Calendar, stream: u32) -> Vec<u32> {
    let mut chance = Chance::new(scenario.seed, stream, Purpose::Load);
    let daily_wh =
        1000.0 * chance.lognormal(scenario.sites.load_kwh_day, scenario.sites.load_sigma);
    let morning = (7.3 + 0.5 * chance.normal(), chance.within([0.25, 0.75]));
    let evening = (19.0 + 0.7 * chance.normal(), chance.within([0.9, 1.7]));
    let bump = |hour: f64, (at, size): (f64, f64), width: f64| {
        size * (-0.5 * ((hour - at) / width).powi(2)).exp()
    };
    let shape = |hour: f64| 0.55 + bump(hour, morning, 1.1) + bump(hour, evening, 2.4);
    let mean = (0..96).map(|quarter| shape(f64::from(quarter) / 4.0)).sum::<f64>() / 96.0;
    let weekend = chance.within([1.0, 1.15]);
    let day_noise = scenario.generation.day_noise;
    let noise = scenario.generation.load_noise;
    let mut straying = Straying::new(&mut chance, 0.5, calendar.per_hour());
    let (mut day, mut day_factor) = (i32::MIN, 1.0);
    whole_wh(calendar.moments.iter().map(|moment| {
        if moment.day != day {
            day = moment.day;
            day_factor = chance.factor(day_noise) * if moment.weekday >= 5 { weekend } else { 1.0 };
        }
        let stray = (noise * straying.next(&mut chance) - noise * noise / 2.0).exp();
        daily_wh / 24.0 / calendar.per_hour() * shape(moment.hour) / mean * day_factor * stray
    }))
}

/// Possible output of `kwp` of photovoltaics: a half-sine between the sun's hours, dimmed by the
/// day's clouds and, where there are clouds, by passing ones.
#[must_use]
pub fn solar(
    scenario: &Scenario,
    calendar: &Calendar,
    sky: &Sky,
    kwp: f64,
    stream: u32,
) -> Vec<u32> {
    let mut chance = Chance::new(scenario.seed, stream, Purpose::Generation);
    let GenerationSettings { performance, sun_h: [rise, set], .. } = scenario.generation;
    let mut passing = Straying::new(&mut chance, 0.5, calendar.per_hour());
    whole_wh(calendar.moments.iter().map(|moment| {
        let cloud = sky.clouds(moment.day);
        let dim = 1.0 + 0.5 * (1.0 - cloud) * passing.next(&mut chance).clamp(-1.9, 1.9);
        let middle = moment.hour + 0.5 / calendar.per_hour();
        let sun = if middle > rise && middle < set {
            (PI * (middle - rise) / (set - rise)).sin()
        } else {
            0.0
        };
        1000.0 * kwp * performance * sun * (cloud * dim).min(1.0) / calendar.per_hour()
    }))
}

/// Deviation of the wind level from its mean.
const WIND_SPREAD: f64 = 0.2;

/// Possible output of a turbine of `kw`: a level that strays around its mean, to the power 1.5.
#[must_use]
pub fn wind(scenario: &Scenario, calendar: &Calendar, sky: &Sky, kw: f64, stream: u32) -> Vec<u32> {
    let mut chance = Chance::new(scenario.seed, stream, Purpose::Generation);
    let mut own = Straying::new(&mut chance, 3.0, calendar.per_hour());
    let common = scenario.generation.wind_common;
    let (shared, apart) = (common.sqrt(), (1.0 - common).max(0.0).sqrt());
    whole_wh(sky.wind.iter().map(|common| {
        let stray = WIND_SPREAD * (shared * common + apart * own.next(&mut chance));
        let level = (scenario.generation.wind_level + stray).clamp(0.0, 1.0);
        1000.0 * kw * level.powf(1.5) / calendar.per_hour()
    }))
}
