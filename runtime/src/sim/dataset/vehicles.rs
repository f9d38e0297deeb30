//! Real sessions of one driver as the calendar of one simulated vehicle (protocol 12.0).
//!
//! A driver's sessions are moved by whole weeks, so that weekday and season stay what they were and
//! local clocks agree. Every session draws what it drew; the car is one that can give back.

use std::sync::Arc;

use gridpact_agents::resource::nature::{Nature, Stay, Storage};
use gridpact_agents::resource::realise::CHARGER_MIN_W;
use gridpact_chain::terms::{Interval, Price};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::sessions::{CarModel, Session, Sessions};
use crate::sim::calendar::Calendar;
use crate::sim::community::{Device, DeviceData};
use crate::sim::profiles::chance::{COMMON, Chance, Purpose};
use crate::sim::profiles::flexible::{asking, driven, ppm, wh};
use crate::sim::profiles::knowledge::{knowledge, tell};
use crate::sim::scenario::Scenario;

/// How far, in days of the year, real sessions may be from the simulated days.
const SEASON_DAYS: i64 = 60;

/// A driver's sessions on the run's calendar.
#[derive(Debug, Clone)]
pub struct Driver {
    /// The user in the file.
    pub user: String,
    /// Sessions with arrival and departure as intervals, by arrival.
    pub visits: Vec<(Interval, Interval, Session)>,
}

/// Days of the year between two dates a multiple of days apart.
fn season_distance(days: i64) -> i64 {
    let apart = (days as f64).rem_euclid(365.25);
    apart.min(365.25 - apart).round() as i64
}

/// All drivers with sessions in the same season and weekdays, in seeded order: first each once, with
/// the year that is nearest in the season, then their other weeks.
#[must_use]
pub fn drivers(
    sessions: &Sessions,
    zone: &TimeZone,
    calendar: &Calendar,
    seed: u64,
) -> Vec<Driver> {
    let clock = |second| {
        Timestamp::from_second(second).unwrap_or_default().to_zoned(zone.clone()).datetime()
    };
    let days = calendar.days();
    let (first, last) = (calendar.date_of(days.start), calendar.date_of(days.end));
    let span = i64::from(days.end - days.start);
    let mut ranks: Vec<Vec<Driver>> = Vec::new();
    for (user, sessions) in &sessions.by_user {
        let local: Vec<(DateTime, DateTime, Session)> =
            sessions.iter().map(|s| (clock(s.arrival_s), clock(s.departure_s), *s)).collect();
        let (Some(begin), Some(end)) = (local.first(), local.last()) else { continue };
        let weeks_to = |from: jiff::civil::Date, to: jiff::civil::Date| {
            f64::from(from.until(to).map_or(0, |span| span.get_days())) / 7.0
        };
        let least = weeks_to(first, begin.0.date()).ceil() as i64;
        let most = weeks_to(last, end.1.date()).floor() as i64;
        let mut weeks: Vec<i64> =
            (least..=most).filter(|weeks| season_distance(weeks * 7) <= SEASON_DAYS).collect();
        weeks.sort_by_key(|weeks| (season_distance(weeks * 7), *weeks));
        let mut used: Vec<i64> = Vec::new();
        for weeks in weeks {
            if used.iter().any(|other| (other - weeks).abs() * 7 < span) {
                continue;
            }
            let visits = visits(&local, calendar, weeks);
            if visits.is_empty() {
                continue;
            }
            if ranks.len() <= used.len() {
                ranks.push(Vec::new());
            }
            ranks[used.len()].push(Driver { user: user.clone(), visits });
            used.push(weeks);
        }
    }
    for (rank, drivers) in (0..).zip(&mut ranks) {
        let mut chance = Chance::new(seed.wrapping_add(rank), COMMON, Purpose::Vehicle);
        for i in (1..drivers.len()).rev() {
            drivers.swap(i, chance.below(i + 1));
        }
    }
    ranks.into_iter().flatten().collect()
}

/// The sessions that touch the run when they are moved back by this many weeks; a stay counts from
/// the first whole interval to the last.
fn visits(
    local: &[(DateTime, DateTime, Session)],
    calendar: &Calendar,
    weeks: i64,
) -> Vec<(Interval, Interval, Session)> {
    let length = i64::from(calendar.interval_s);
    let moved = |clock: DateTime| {
        clock.checked_sub((7 * weeks).days()).map_or(0, |clock| calendar.second_of(clock))
    };
    let interval = |at: i64| Interval(u32::try_from(at).unwrap_or(0));
    let mut free = Interval(0);
    let mut visits = Vec::new();
    for (arrival, departure, session) in local {
        let arrival = interval((moved(*arrival) + length - 1).div_euclid(length)).max(free);
        let departure = interval(moved(*departure).div_euclid(length));
        if arrival < departure && departure > calendar.first && arrival < calendar.until() {
            visits.push((arrival, departure, *session));
            free = departure;
        }
    }
    visits
}

/// A driver's vehicle: a model that can hold every session, drawn evenly.
#[must_use]
pub fn vehicle(
    scenario: &Scenario,
    calendar: &Calendar,
    driver: &Driver,
    models: &[CarModel],
    site: u32,
) -> Option<Device> {
    let mut chance = Chance::new(scenario.seed, site, Purpose::Vehicle);
    let model = car(scenario, driver, models, chance.unit())?;
    let eta = f64::from(ppm(scenario.sites.ev_eta_charge)) / 1e6;
    let power_kw = driver.visits.iter().map(|v| v.2.power_kw).fold(0.0, f64::max);
    let charge_w = wh(power_kw.min(model.charge_kw)).max(CHARGER_MIN_W);
    let capacity_wh = wh(model.battery_kwh);
    let (stays, arrivals) = chain(calendar, driver, capacity_wh, charge_w, eta);
    let initial_wh = initial(calendar, &stays, &arrivals, charge_w, eta);
    let least = arrivals.iter().copied().min().unwrap_or(0).min(initial_wh);
    let reserve = (capacity_wh as f64 * chance.within(scenario.sites.ev_reserve)) as u64;
    let floor_wh = reserve.min(least);
    let storage = Storage {
        capacity_wh,
        charge_w,
        discharge_w: if scenario.sites.v2g { wh(model.discharge_kw).min(charge_w) } else { 0 },
        eta_charge_ppm: ppm(scenario.sites.ev_eta_charge),
        eta_discharge_ppm: ppm(scenario.sites.ev_eta_discharge),
        floor_ppm: u32::try_from(floor_wh * 1_000_000 / capacity_wh.max(1)).unwrap_or(0),
        wear: Price(scenario.sites.wear.0),
    };
    let mut saying = Chance::new(scenario.seed, site, Purpose::Told);
    let told = tell(scenario, calendar, &stays, &mut saying);
    Some(Device {
        nature: Nature::Vehicle(driven(scenario, storage, site)),
        data: DeviceData::Vehicle {
            initial_wh,
            asking: asking(scenario, calendar, &stays, site),
            stays: Arc::from(stays),
            told: told.into(),
            knowledge: knowledge(scenario),
        },
    })
}

/// A model whose battery can take every session's energy below its charge at departure; the largest
/// when none can.
fn car<'a>(
    scenario: &Scenario,
    driver: &Driver,
    models: &'a [CarModel],
    draw: f64,
) -> Option<&'a CarModel> {
    let eta = f64::from(ppm(scenario.sites.ev_eta_charge)) / 1e6;
    let holds = |model: &&CarModel| {
        let fits = |s: &Session| eta * s.energy_kwh <= s.departure_share * model.battery_kwh;
        driver.visits.iter().all(|(_, _, session)| fits(session))
    };
    let able: Vec<&CarModel> = models.iter().filter(holds).collect();
    let drawn = able.get((draw * able.len() as f64) as usize).copied();
    drawn.or_else(|| models.iter().max_by(|a, b| a.battery_kwh.total_cmp(&b.battery_kwh)))
}

/// Stays with the energies that go with them, and the charge at each arrival.
///
/// Each session stores what it drew, less losses. A car that came back fuller than it left had been
/// charged elsewhere: its later charge is set lower instead, so that no energy comes from nowhere.
fn chain(
    calendar: &Calendar,
    driver: &Driver,
    capacity_wh: u64,
    charge_w: u64,
    eta: f64,
) -> (Vec<Stay>, Vec<u64>) {
    let (mut stays, mut arrivals) = (Vec::<Stay>::new(), Vec::new());
    let interval_h = 1.0 / calendar.per_hour();
    for (arrival, departure, session) in &driver.visits {
        let hours = f64::from(departure.0 - arrival.0) * interval_h;
        let possible = (eta * charge_w as f64 * hours) as u64;
        let estimated = (session.departure_share * capacity_wh as f64) as u64;
        let gain = ((eta * session.energy_kwh * 1000.0) as u64).min(possible).min(estimated);
        let before = stays.last().map_or(u64::MAX, |stay| stay.departure_wh);
        let arrival_wh = (estimated - gain).min(before);
        if let Some(stay) = stays.last_mut() {
            stay.trip_wh = before - arrival_wh;
        }
        arrivals.push(arrival_wh);
        stays.push(Stay {
            arrival: *arrival,
            departure: *departure,
            departure_wh: arrival_wh + gain,
            trip_wh: 0,
        });
    }
    (stays, arrivals)
}

/// Charge at the start of the run: that of the next arrival, or what plugging in and charging has
/// brought by then.
fn initial(calendar: &Calendar, stays: &[Stay], arrivals: &[u64], charge_w: u64, eta: f64) -> u64 {
    let mut charge = stays.iter().zip(arrivals).skip_while(|(s, _)| s.departure <= calendar.start);
    let Some((stay, arrival_wh)) = charge.next() else {
        return stays.last().map_or(0, |stay| stay.departure_wh);
    };
    let hours = f64::from(calendar.start.0.saturating_sub(stay.arrival.0)) / calendar.per_hour();
    (arrival_wh + (eta * charge_w as f64 * hours) as u64).min(stay.departure_wh)
}
