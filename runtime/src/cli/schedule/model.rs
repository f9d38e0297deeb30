//! From a site's file to the question that the agents' solver answers.
//!
//! A vehicle whose energy on arrival is told is a storage anew in each session; sessions joined by a
//! trip are one storage.

use gridpact_agents::local::schedule::{
    Departure, Job, Problem, Ration, Station, Store, StoreRules,
};
use gridpact_chain::terms::Interval;

use super::site::{Session, Site, Storage};

/// Micro-currency per unit of the currency.
pub(super) const MICRO: f64 = 1e6;

/// The question, and whose each of its storages is.
#[derive(Debug)]
pub(super) struct Model {
    pub problem: Problem,
    pub parts: Vec<Part>,
}

/// One storage of the question.
#[derive(Debug)]
pub(super) struct Part {
    /// Index of the storage in the file.
    pub storage: usize,
    /// Intervals it stands for, until the next part of the same storage.
    pub from: usize,
    /// Sessions of the file that it holds; empty where it is always there.
    pub sessions: Vec<usize>,
}

/// Writes a checked site as a question.
pub(super) fn model(site: &Site) -> Model {
    let n = site.horizon();
    let mut problem = Problem::empty(Interval(0), (site.dt_h * 3600.0).round() as u32, n);
    let wh = |w: &[f64]| -> Vec<f64> { w.iter().map(|w| w * site.dt_h).collect() };
    let micro = |prices: &[f64]| -> Vec<f64> { prices.iter().map(|p| p * MICRO).collect() };
    problem.is_tilted = false;
    problem.load_wh = wh(&site.load_w);
    for (series, given) in
        [(&mut problem.solar_wh, &site.solar_w), (&mut problem.wind_wh, &site.wind_w)]
    {
        if !given.is_empty() {
            *series = wh(given);
        }
    }
    (problem.retail, problem.feed_in) = (micro(&site.import_price), micro(&site.export_price));
    problem.import_limit_wh = site.import_limit_w * site.dt_h;
    problem.export_limit_wh = site.export_limit_w * site.dt_h;
    for obligation in &site.obligations {
        let side = if obligation.wh >= 0.0 { &mut problem.bought_wh } else { &mut problem.sold_wh };
        side[obligation.interval] += obligation.wh.abs();
    }
    problem.jobs = site
        .deferrables
        .iter()
        .map(|job| Job {
            from: job.from,
            until: job.to,
            energy_wh: job.energy_wh,
            power_wh: job.power_w * site.dt_h,
            is_run_once: job.run_once,
        })
        .collect();
    let mut parts = Vec::new();
    for (s, storage) in site.storages.iter().enumerate() {
        add_storage(site, s, storage, &mut problem, &mut parts);
    }
    for station in &site.stations {
        let is_behind = |part: &Part| station.storages.contains(&part.storage);
        problem.stations.push(Station {
            stores: (0..parts.len()).filter(|p| is_behind(&parts[*p])).collect(),
            limit_wh: station.limit_w * site.dt_h,
        });
    }
    Model { problem, parts }
}

fn add_storage(
    site: &Site,
    s: usize,
    storage: &Storage,
    problem: &mut Problem,
    parts: &mut Vec<Part>,
) {
    let sessions = storage.sessions.as_deref();
    let chains = match sessions {
        Some(sessions) if !sessions.is_empty() => chains(sessions),
        // No session at all: it is away all the time.
        Some(_) | None => vec![Vec::new()],
    };
    let last = chains.len() - 1;
    for (c, chain) in chains.into_iter().enumerate() {
        let first = chain.first().and_then(|k| sessions?.get(*k));
        let initial = first.and_then(|session| session.arrival_wh).or(storage.initial_wh);
        let mut store = store(site, storage, initial.unwrap_or(0.0));
        // What an earlier session leaves in the battery is the driver's: only the last one counts.
        store.rules.terminal =
            Some(if c == last { storage.terminal_value_per_kwh * MICRO } else { 0.0 });
        if let Some(sessions) = sessions {
            plug(&mut store, &chain, sessions, site.horizon());
        }
        let from = if c == 0 { 0 } else { first.map_or(0, |session| session.arrive) };
        parts.push(Part { storage: s, from, sessions: chain });
        problem.stores.push(store);
    }
}

/// Sessions that trips join, by their indices.
fn chains(sessions: &[Session]) -> Vec<Vec<usize>> {
    let mut chains: Vec<Vec<usize>> = Vec::new();
    for (k, session) in sessions.iter().enumerate() {
        match chains.last_mut() {
            Some(chain) if session.arrival_wh.is_none() => chain.push(k),
            _ => chains.push(vec![k]),
        }
    }
    chains
}

fn plug(store: &mut Store, chain: &[usize], sessions: &[Session], n: usize) {
    store.plugged = vec![false; n];
    for session in chain.iter().map(|k| &sessions[*k]) {
        store.plugged[session.arrive..session.depart].fill(true);
        store.departures.push(Departure {
            at: session.depart,
            due_wh: session.departure_wh,
            trip_wh: session.trip_wh.unwrap_or(0.0),
        });
    }
}

fn store(site: &Site, storage: &Storage, stored_wh: f64) -> Store {
    let most = |sign: f64| {
        let ends = storage.power_ranges_w.iter().flatten().map(|w| sign * w);
        ends.fold(0.0_f64, f64::max) * site.dt_h
    };
    let mut store = Store {
        capacity_wh: storage.capacity_wh,
        charge_wh: most(1.0),
        discharge_wh: most(-1.0),
        eta_charge: storage.eta_c,
        eta_discharge: storage.eta_d,
        floor_wh: storage.floor_wh,
        wear: storage.wear_per_kwh * MICRO,
        stored_wh,
        plugged: Vec::new(),
        departures: Vec::new(),
        rules: StoreRules::default(),
    };
    consent(site, storage, &mut store);
    if storage.full_now {
        // Until it is full, nothing but charging counts.
        (store.floor_wh, store.discharge_wh) = (storage.capacity_wh, 0.0);
    }
    store
}

/// Puts the driver's conditions into the rules.
fn consent(site: &Site, storage: &Storage, store: &mut Store) {
    let Some(v2g) = &storage.v2g else { return };
    if !v2g.consent {
        store.discharge_wh = 0.0;
        return;
    }
    if let Some(w) = v2g.discharge_w {
        store.discharge_wh = store.discharge_wh.min(w * site.dt_h);
    }
    store.rules.sale_floor_wh = v2g.floor_wh.max(v2g.never_sold_wh);
    let is_hour = |t: usize| match &v2g.hours {
        Some(hours) => hours.iter().any(|[from, until]| (*from..*until).contains(&t)),
        None => true,
    };
    let pays = |t: usize| v2g.price_floor_per_kwh.is_none_or(|p| site.import_price[t] >= p);
    store.rules.may_discharge = (0..site.horizon()).map(|t| is_hour(t) && pays(t)).collect();
    if let Some(energy_wh) = v2g.energy_per_day_wh {
        let ration = |[from, until]: [usize; 2]| Ration { from, until, energy_wh };
        store.rules.rations = site.days().into_iter().map(ration).collect();
    }
}
