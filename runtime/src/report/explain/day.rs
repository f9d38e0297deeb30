//! The day of protocol R4 in letters: left what came in, right what went out, hour by hour.

use crate::report::Report;
use crate::report::run::{Row, Site, Store};
use crate::report::settle::Flow;
use crate::report::units::{decimal, local_hours};

/// Columns of each side.
const SIDE: usize = 36;

type Of = fn(&Row, &Flow) -> u64;

const IN: [(char, Of); 6] = [
    ('s', |row, _| row.pv_wh),
    ('w', |row, _| row.wind_wh),
    ('b', |row, _| row.battery_discharge_wh),
    ('v', |row, _| row.ev_discharge_wh),
    ('p', |_, flow| flow.bought_wh),
    ('g', |_, flow| flow.grid_import_wh),
];

const OUT: [(char, Of); 6] = [
    ('l', |row, _| row.shifted_load_wh),
    ('b', |row, _| row.battery_charge_wh),
    ('v', |row, _| row.ev_charge_wh),
    ('p', |_, flow| flow.sold_wh),
    ('g', |_, flow| flow.grid_export_wh),
    ('x', |row, _| row.curtailed_wh),
];

const KEY: &str = "  in: s solar, w wind, b battery, v vehicle, p peers, g grid;  \
                   out: l load, b battery, v vehicle,\n  p peers, g grid, x curtailed\n";

/// The last day of the run at this site, at most 24 hours.
pub(super) fn chart(report: &Report, site: usize) -> String {
    let (run, settled) = (report.run(), report.settlement());
    let calendar = &run.calendar;
    let day = (86_400 / calendar.interval_s.max(1)) as usize;
    let per_line = (3_600 / calendar.interval_s.max(1)).max(1) as usize;
    let home = &run.sites[site];
    let first = home.rows.len().saturating_sub(day);
    let both: Vec<(&Row, &Flow)> = home.rows.iter().zip(&settled.flows[site]).skip(first).collect();
    let widest = both.chunks(per_line).map(|hour| total(hour, &IN).max(total(hour, &OUT))).max();
    let unit_wh = unit(widest.unwrap_or(0));
    let kwh = decimal(unit_wh as f64 / 1e3, 2);
    let mut out = format!("\nIts last 24 hours, one letter for {kwh} kWh\n{KEY}");
    for (line, hour) in both.chunks(per_line).enumerate() {
        let at = first + line * per_line;
        let hours = local_hours(calendar, at).rem_euclid(24.0);
        let clock = format!("{:02}:{:02}", hours as u32, (hours.fract() * 60.0).round() as u32);
        let (came, went) = (bar(hour, &IN, unit_wh), bar(hour, &OUT, unit_wh));
        let held = hour.last().map_or(String::new(), |(row, _)| held(home, row));
        out += format!("  {clock} {came:>SIDE$}|{went:<SIDE$} {held}").trim_end();
        out.push('\n');
    }
    out
}

fn total(hour: &[(&Row, &Flow)], kinds: &[(char, Of)]) -> u64 {
    kinds.iter().map(|(_, of)| hour.iter().map(|(row, flow)| of(row, flow)).sum::<u64>()).sum()
}

/// The smallest round energy of which the longest bar fits.
fn unit(longest_wh: u64) -> u64 {
    let fits = |unit: &u64| longest_wh <= unit * SIDE as u64;
    let round = (0..8).flat_map(|power| [10, 25, 50].map(|n| n * 10_u64.pow(power)));
    round.filter(|unit| *unit > 0).find(fits).unwrap_or(u64::MAX / SIDE as u64)
}

/// A stacked bar: letters by rounded running sums, so that the bar is as long as its energy.
fn bar(hour: &[(&Row, &Flow)], kinds: &[(char, Of)], unit_wh: u64) -> String {
    let (mut sum, mut bar) = (0, String::new());
    for (letter, of) in kinds {
        sum += hour.iter().map(|(row, flow)| of(row, flow)).sum::<u64>();
        let until = ((sum + unit_wh / 2) / unit_wh) as usize;
        while bar.len() < until {
            bar.push(*letter);
        }
    }
    bar
}

/// How full its stores are.
fn held(site: &Site, row: &Row) -> String {
    let share = |store: &Option<Store>, wh: u64, word: &str| {
        store.as_ref().map(|s| format!("{word} {} %", wh * 100 / s.capacity_wh.max(1)))
    };
    let parts =
        [share(&site.battery, row.battery_soc_wh, "b"), share(&site.ev, row.ev_soc_wh, "v")];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
