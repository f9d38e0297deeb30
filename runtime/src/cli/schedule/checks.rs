//! What a site's file must say to be a question; every refusal names the field, what it says and
//! what it must be.

use super::site::{Kind, Session, Site, Storage};

/// Most intervals: a week of quarter hours, and room to spare.
const INTERVALS_MAX: usize = 1_000;
/// Most storages, deferrables or stations.
const DEVICES_MAX: usize = 64;
/// Largest power in W, energy in Wh and price per kWh that counts as one.
const LARGEST: f64 = 1e9;

/// What is wrong: the path of a field and a sentence about it.
type Wrong = String;

/// Checks every field.
///
/// # Errors
/// The first field that cannot be.
pub(super) fn check(site: &Site) -> Result<(), Wrong> {
    let n = site.horizon();
    if !(site.dt_h > 0.0 && site.dt_h <= 24.0) {
        return Err(format!("`dt_h` is {}: must be above 0 and at most 24", site.dt_h));
    }
    if n == 0 || n > INTERVALS_MAX {
        return Err(format!("`import_price` has {n} entries: must have 1 to {INTERVALS_MAX}"));
    }
    series("import_price", &site.import_price, n, -LARGEST)?;
    series("export_price", &site.export_price, n, -LARGEST)?;
    series("load_w", &site.load_w, n, 0.0)?;
    for (name, values) in [("solar_w", &site.solar_w), ("wind_w", &site.wind_w)] {
        if !values.is_empty() {
            series(name, values, n, 0.0)?;
        }
    }
    within("import_limit_w", site.import_limit_w, 0.0, LARGEST)?;
    within("export_limit_w", site.export_limit_w, 0.0, LARGEST)?;
    let counts = [
        ("storages", site.storages.len()),
        ("deferrables", site.deferrables.len()),
        ("stations", site.stations.len()),
    ];
    for (name, count) in counts {
        if count > DEVICES_MAX {
            return Err(format!("`{name}` has {count} entries: at most {DEVICES_MAX}"));
        }
    }
    days(site, n)?;
    for (s, found) in site.storages.iter().enumerate() {
        storage(&format!("storages[{s}]"), found, n)?;
    }
    deferrables(site, n)?;
    obligations(site, n)?;
    stations(site)
}

fn series(name: &str, values: &[f64], n: usize, least: f64) -> Result<(), Wrong> {
    if values.len() != n {
        return Err(format!(
            "`{name}` has {} entries, but `import_price` has {n}: both must cover the same intervals",
            values.len()
        ));
    }
    (0..n).try_for_each(|t| within(&format!("{name}[{t}]"), values[t], least, LARGEST))
}

fn within(name: &str, value: f64, least: f64, most: f64) -> Result<(), Wrong> {
    if value.is_finite() && value >= least && value <= most {
        return Ok(());
    }
    // Beyond that, digits say less than their number does.
    let value = if value.abs() < 1e15 { value.to_string() } else { format!("{value:e}") };
    Err(format!("`{name}` is {value}: must be {least} to {most}"))
}

/// A range of intervals that is not empty and lies within the horizon.
fn range(name: [&str; 2], from: usize, until: usize, n: usize) -> Result<(), Wrong> {
    if until > n {
        return Err(format!("`{}` is {until}: the horizon ends at {n}", name[1]));
    }
    if from >= until {
        return Err(format!(
            "`{}` is {from}: must be before `{}`, which is {until}",
            name[0], name[1]
        ));
    }
    Ok(())
}

fn days(site: &Site, n: usize) -> Result<(), Wrong> {
    for (k, start) in site.day_starts.iter().flatten().enumerate() {
        let before = k.checked_sub(1).and_then(|b| Some(site.day_starts.as_ref()?[b]));
        if *start >= n || before.is_some_and(|b| b >= *start) {
            return Err(format!(
                "`day_starts[{k}]` is {start}: must rise from entry to entry and be less than {n}"
            ));
        }
    }
    Ok(())
}

fn storage(path: &str, storage: &Storage, n: usize) -> Result<(), Wrong> {
    let at = |field: &str| format!("{path}.{field}");
    if !(storage.capacity_wh > 0.0 && storage.capacity_wh <= LARGEST) {
        return Err(format!(
            "`{}` is {}: must be above 0 and at most {LARGEST}",
            at("capacity_wh"),
            storage.capacity_wh
        ));
    }
    for (field, eta) in [("eta_c", storage.eta_c), ("eta_d", storage.eta_d)] {
        if !(0.01..=1.0).contains(&eta) {
            return Err(format!("`{}` is {eta}: must be 0.01 to 1", at(field)));
        }
    }
    let below = |field: &str, wh: f64| {
        within(&at(field), wh, 0.0, LARGEST)?;
        if wh > storage.capacity_wh {
            return Err(format!(
                "`{}` is {wh}: must not be above `{}`, which is {}",
                at(field),
                at("capacity_wh"),
                storage.capacity_wh
            ));
        }
        Ok(())
    };
    below("floor_wh", storage.floor_wh)?;
    storage.initial_wh.map_or(Ok(()), |wh| below("initial_wh", wh))?;
    within(&at("wear_per_kwh"), storage.wear_per_kwh, 0.0, LARGEST)?;
    within(&at("terminal_value_per_kwh"), storage.terminal_value_per_kwh, -LARGEST, LARGEST)?;
    powers(path, storage)?;
    if let Some(v2g) = &storage.v2g {
        below("v2g.floor_wh", v2g.floor_wh)?;
        below("v2g.never_sold_wh", v2g.never_sold_wh)?;
        let most = |field: &str, value: Option<f64>| {
            value.map_or(Ok(()), |value| within(&at(field), value, 0.0, LARGEST))
        };
        most("v2g.discharge_w", v2g.discharge_w)?;
        most("v2g.energy_per_day_wh", v2g.energy_per_day_wh)?;
        most("v2g.price_floor_per_kwh", v2g.price_floor_per_kwh)?;
        for (k, [from, until]) in v2g.hours.iter().flatten().enumerate() {
            let names = [at(&format!("v2g.hours[{k}][0]")), at(&format!("v2g.hours[{k}][1]"))];
            range([&names[0], &names[1]], *from, *until, n)?;
        }
    }
    sessions(path, storage, n, &below)
}

fn powers(path: &str, storage: &Storage) -> Result<(), Wrong> {
    if storage.power_ranges_w.is_empty() {
        return Err(format!("`{path}.power_ranges_w` is empty: must hold at least one range"));
    }
    for (k, [low, high]) in storage.power_ranges_w.iter().enumerate() {
        let name = format!("{path}.power_ranges_w[{k}]");
        within(&name, *low, -LARGEST, LARGEST)?;
        within(&name, *high, -LARGEST, LARGEST)?;
        if low > high {
            return Err(format!(
                "`{name}` is [{low}, {high}]: must go from the lower to the higher"
            ));
        }
    }
    Ok(())
}

fn sessions(
    path: &str,
    storage: &Storage,
    n: usize,
    below: &impl Fn(&str, f64) -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    let Some(sessions) = &storage.sessions else {
        return match storage.initial_wh {
            Some(_) => Ok(()),
            None => Err(format!("`{path}.initial_wh` is missing: say what is stored at the start")),
        };
    };
    if storage.kind == Kind::Battery && !sessions.is_empty() {
        return Err(format!(
            "`{path}.sessions` is given, but a battery is always there: leave it out"
        ));
    }
    let mut before: Option<&Session> = None;
    for (k, session) in sessions.iter().enumerate() {
        let name = |field: &str| format!("sessions[{k}].{field}");
        let full = |field: &str| format!("{path}.{}", name(field));
        range([&full("arrive"), &full("depart")], session.arrive, session.depart, n)?;
        if let Some(last) = before.filter(|last| last.depart > session.arrive) {
            return Err(format!(
                "`{}` is {}: the session before it departs at {} only",
                full("arrive"),
                session.arrive,
                last.depart
            ));
        }
        session.arrival_wh.map_or(Ok(()), |wh| below(&name("arrival_wh"), wh))?;
        below(&name("departure_wh"), session.departure_wh)?;
        session.trip_wh.map_or(Ok(()), |wh| below(&name("trip_wh"), wh))?;
        if let (0, Some(told), Some(stored)) =
            (session.arrive, session.arrival_wh, storage.initial_wh)
            && told != stored
        {
            return Err(format!(
                "`{}` is {told}, but `{path}.initial_wh` is {stored}: it is there from the start, \
                 so leave one out",
                full("arrival_wh")
            ));
        }
        let trip = before.and_then(|last| last.trip_wh);
        let is_known = match before {
            None => session.arrival_wh.or(storage.initial_wh).is_some(),
            Some(_) => session.arrival_wh.or(trip).is_some(),
        };
        if !is_known {
            return Err(format!(
                "`{}` is missing: nothing else says what is stored on arrival",
                full("arrival_wh")
            ));
        }
        if trip.is_some() && session.arrival_wh.is_some() {
            return Err(format!(
                "`{}` is given, but the trip before it says already what is left: leave one out",
                full("arrival_wh")
            ));
        }
        before = Some(session);
    }
    Ok(())
}

fn deferrables(site: &Site, n: usize) -> Result<(), Wrong> {
    for (j, job) in site.deferrables.iter().enumerate() {
        let at = |field: &str| format!("deferrables[{j}].{field}");
        within(&at("energy_wh"), job.energy_wh, 0.0, LARGEST)?;
        within(&at("power_w"), job.power_w, 0.0, LARGEST)?;
        range([&at("from"), &at("to")], job.from, job.to, n)?;
        if job.power_w == 0.0 && job.energy_wh > 0.0 {
            return Err(format!("`{}` is 0: must be above 0 where energy is due", at("power_w")));
        }
    }
    Ok(())
}

fn obligations(site: &Site, n: usize) -> Result<(), Wrong> {
    let mut sides = vec![0.0_f64; n];
    for (k, obligation) in site.obligations.iter().enumerate() {
        let at = |field: &str| format!("obligations[{k}].{field}");
        if obligation.interval >= n {
            return Err(format!(
                "`{}` is {}: must be less than {n}",
                at("interval"),
                obligation.interval
            ));
        }
        within(&at("wh"), obligation.wh, -LARGEST, LARGEST)?;
        let side = &mut sides[obligation.interval];
        if *side * obligation.wh < 0.0 {
            return Err(format!(
                "`{}` is {}: interval {} holds a contract of the other side already; in one \
                 interval a site buys or sells",
                at("wh"),
                obligation.wh,
                obligation.interval
            ));
        }
        *side += obligation.wh;
    }
    Ok(())
}

fn stations(site: &Site) -> Result<(), Wrong> {
    let mut behind = vec![None; site.storages.len()];
    for (k, station) in site.stations.iter().enumerate() {
        within(&format!("stations[{k}].limit_w"), station.limit_w, 0.0, LARGEST)?;
        for (i, s) in station.storages.iter().enumerate() {
            let at = format!("stations[{k}].storages[{i}]");
            let Some(other) = behind.get_mut(*s) else {
                return Err(format!("`{at}` is {s}: there are {} storages", site.storages.len()));
            };
            if let Some(other) = other.replace(k) {
                return Err(format!(
                    "`{at}` is {s}: that storage is behind `stations[{other}]` already"
                ));
            }
        }
    }
    Ok(())
}
