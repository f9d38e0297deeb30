//! One prosumer's day (protocol R4): what entered its bar, what left it, and how full its stores were.
//!
//! The prosumer shown is the one to be explained, else the one with most kinds of energy in motion
//! on the run's last full day; among equals the one that traded most. Above less below is the shifted load, to the Wh.

use super::super::Report;
use super::super::chart::{Chart, Key, Layer, Up, typeset};
use super::super::run::{Row, Site};
use super::super::settle::Flow;
use super::super::sources::Sources;
use super::super::units::{decimal, energy, local_hours};
use super::{figure, hours, section as page_section};

/// The section; empty when nobody has a single interval.
pub fn section(report: &Report) -> String {
    let Some(day) = Day::most_telling(report) else { return String::new() };
    let lead = format!(
        "24 hours at {}. Above the line is what came in from its own devices, its peers and the \
         grid; below it what went out or was stored.",
        day.site.name
    );
    let sums = Sources::of(day.rows.iter().zip(day.flows));
    let residual = day.rows.iter().map(|row| row.residual_wh().unsigned_abs()).max().unwrap_or(0);
    let shifting = if day.shifts() {
        " Deferrable load moved from the dashed line to the solid one, its energy unchanged."
    } else {
        ""
    };
    let caption = format!(
        "It drew {} from peers and {} from the grid, sold {} to peers and fed {} into the grid. \
         Areas above less areas below give the load in every interval (largest residual \
         {residual} Wh).{shifting}",
        energy(sums.bought_wh.into()),
        energy(sums.grid_import_wh.into()),
        energy(sums.sold_wh.into()),
        energy(sums.grid_export_wh.into()),
    );
    let mut body = figure(&day.power_chart(report, &sums), &day.keys(&sums), &typeset(&caption));
    if let Some(chart) = day.store_chart(report) {
        let keys = day.store_keys();
        body += &figure(
            &chart,
            &keys,
            "Stored energy as a share of each store's capacity, at the end of each interval. A vehicle that drives comes back emptier.",
        );
    }
    page_section("schedule", "One prosumer's day", &lead, &body)
}

struct Day<'a> {
    site: &'a Site,
    first: usize,
    rows: &'a [Row],
    flows: &'a [Flow],
}

type Of = fn(&Row, &Flow) -> u64;

/// What is stacked upwards, from the line outwards.
const ABOVE: [(&str, &str, Of); 6] = [
    ("pv", "solar", |row, _| row.pv_wh),
    ("wind", "wind", |row, _| row.wind_wh),
    ("battery", "battery", |row, _| row.battery_discharge_wh),
    ("ev", "vehicle", |row, _| row.ev_discharge_wh),
    ("peer", "peers", |_, flow| flow.bought_wh),
    ("grid", "grid", |_, flow| flow.grid_import_wh),
];

/// What is stacked downwards, from the line outwards.
const BELOW: [(&str, &str, Of); 5] = [
    ("battery", "battery", |row, _| row.battery_charge_wh),
    ("ev", "vehicle", |row, _| row.ev_charge_wh),
    ("peer", "peers", |_, flow| flow.sold_wh),
    ("grid", "grid", |_, flow| flow.grid_export_wh),
    ("spill", "curtailed", |row, _| row.curtailed_wh),
];

impl<'a> Day<'a> {
    fn most_telling(report: &'a Report) -> Option<Self> {
        let run = report.run();
        let (first, count) = last_day(report);
        let days = run.sites.iter().zip(&report.settlement().flows).map(|(site, flows)| Self {
            site,
            first,
            rows: &site.rows[first..first + count],
            flows: &flows[first..first + count],
        });
        if let Some(asked) = report.explanation() {
            return days.into_iter().nth(asked.site()).filter(|day| !day.rows.is_empty());
        }
        // `max_by_key` keeps the last of equals; reversed, that is the first prosumer.
        days.filter(|day| !day.rows.is_empty()).rev().max_by_key(Day::telling)
    }

    fn telling(&self) -> (usize, u64) {
        let sums = Sources::of(self.rows.iter().zip(self.flows));
        let moved = |(_, _, of): &(&str, &str, Of)| {
            self.rows.iter().zip(self.flows).any(|(row, flow)| of(row, flow) > 0)
        };
        let kinds = ABOVE.iter().filter(|band| moved(band)).count()
            + BELOW.iter().filter(|band| moved(band)).count();
        (kinds, sums.bought_wh.saturating_add(sums.sold_wh))
    }

    fn shifts(&self) -> bool {
        self.rows.iter().any(|row| row.load_wh != row.shifted_load_wh)
    }

    fn kw(&self, report: &Report, of: impl Fn(&Row, &Flow) -> u64) -> Vec<f64> {
        let kw_per_wh = 3.6 / f64::from(report.run().calendar.interval_s);
        self.rows.iter().zip(self.flows).map(|(r, f)| of(r, f) as f64 * kw_per_wh).collect()
    }

    fn power_chart(&self, report: &Report, sums: &Sources) -> Chart {
        let mut layers = Vec::new();
        for (bands, sign) in [(&ABOVE[..], 1.0), (&BELOW[..], -1.0)] {
            let mut inner = vec![0.0; self.rows.len()];
            for (class, _, of) in bands {
                let kw = self.kw(report, of);
                let outer: Vec<f64> =
                    inner.iter().zip(kw).map(|(edge, kw)| edge + sign * kw).collect();
                layers.push(Layer::Band { class, low: inner, high: outer.clone() });
                inner = outer;
            }
        }
        layers.push(Layer::Steps {
            class: "load dash",
            values: self.kw(report, |row, _| row.load_wh),
        });
        layers.push(Layer::Steps {
            class: "load",
            values: self.kw(report, |row, _| row.shifted_load_wh),
        });
        Chart {
            id: "schedule-power".into(),
            title: format!("Power at {} over 24 hours", self.site.name),
            description: format!(
                "Stacked areas of mean power per interval. Loads used {}, solar gave {}, wind {}, peers {}, the grid {}.",
                energy(sums.load_wh.into()),
                energy(sums.pv_wh.into()),
                energy(sums.wind_wh.into()),
                energy(sums.bought_wh.into()),
                energy(sums.grid_import_wh.into()),
            ),
            across: hours(&report.run().calendar, self.first, self.rows.len()),
            up: Up { unit: "kW".into(), range: None, tick: decimal, whole: false },
            layers,
            height: 380.0,
        }
    }

    fn keys(&self, sums: &Sources) -> Vec<Key> {
        let seen = |class| match class {
            "pv" => sums.pv_wh > 0,
            "wind" => sums.wind_wh > 0,
            "battery" => sums.battery_charge_wh + sums.battery_discharge_wh > 0,
            "ev" => sums.ev_charge_wh + sums.ev_discharge_wh > 0,
            "spill" => sums.curtailed_wh > 0,
            _ => true,
        };
        let areas = ABOVE.iter().chain(BELOW.last()).filter(|(class, ..)| seen(class));
        let mut keys: Vec<Key> =
            areas.map(|(class, words, _)| Key { class, shape: "area", words }).collect();
        keys.push(Key { class: "load", shape: "line", words: "load" });
        if self.shifts() {
            keys.push(Key { class: "load", shape: "dash", words: "load before shifting" });
        }
        keys
    }

    fn store_chart(&self, report: &Report) -> Option<Chart> {
        let across = hours(&report.run().calendar, self.first, self.rows.len());
        let stores = [
            ("battery", &self.site.battery, (|row| row.battery_soc_wh) as fn(&Row) -> u64),
            ("ev", &self.site.ev, |row| row.ev_soc_wh),
        ];
        let line = |(class, store, soc): (&'static str, &Option<_>, fn(&Row) -> u64)| {
            let store: &super::super::run::Store =
                store.as_ref().filter(|_| !self.rows.is_empty())?;
            let whole = store.capacity_wh.max(1) as f64;
            let before = match self.first.checked_sub(1) {
                Some(at) => soc(&self.site.rows[at]),
                None => store.start_wh,
            };
            let ends = self.rows.iter().map(soc).enumerate().map(|(at, wh)| (at + 1, wh));
            let points = std::iter::once((0, before)).chain(ends);
            let points = points.map(|(at, wh)| (across.edge(at), wh as f64 / whole)).collect();
            Some(Layer::Line { class, points })
        };
        let layers: Vec<Layer> = stores.into_iter().filter_map(line).collect();
        (!layers.is_empty()).then(|| Chart {
            id: "schedule-stores".into(),
            title: format!("State of charge at {}", self.site.name),
            description: "Stored energy over the day as a share of capacity.".into(),
            across,
            up: Up {
                unit: "state of charge".into(),
                range: Some((0.0, 1.0)),
                tick: super::share::tick,
                whole: false,
            },
            layers,
            height: 170.0,
        })
    }

    fn store_keys(&self) -> Vec<Key> {
        let battery = self.site.battery.as_ref().map(|_| Key {
            class: "battery",
            shape: "line",
            words: "battery",
        });
        let ev =
            self.site.ev.as_ref().map(|_| Key { class: "ev", shape: "line", words: "vehicle" });
        battery.into_iter().chain(ev).collect()
    }
}

/// The last full local day of the run: first interval and count; the end of the run without one.
fn last_day(report: &Report) -> (usize, usize) {
    let calendar = &report.run().calendar;
    let intervals = calendar.intervals as usize;
    let day = ((86_400 / calendar.interval_s.max(1)) as usize).clamp(1, intervals.max(1));
    let Some(latest) = intervals.checked_sub(day) else { return (0, intervals) };
    let is_midnight = |at: &usize| local_hours(calendar, *at).rem_euclid(24.0) < 1e-6;
    ((0..=latest).rev().take(day).find(is_midnight).unwrap_or(latest), day)
}
