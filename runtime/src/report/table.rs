//! The table a person reads in a terminal after a run: plain text, 76 columns, no colours.

use super::Report;
use super::bill::Bill;
use super::feeder;
use super::run::BlockShape;
use super::section::{amount, columns, line, section};
use super::sources::Sources;
use super::summary::{community, share};
use super::units::{count, decimal, energy, milliseconds, percent};
use super::welfare;

/// The whole table, ending with a newline.
#[must_use]
pub fn table(report: &Report) -> String {
    let mut out = heading(report);
    out.extend([energies(report), money(report), feeder::table(report.run(), report.load())]);
    out.push(trading(report));
    out.push(report.summary().fairness.table(&report.run().currency));
    out.push(chain(report));
    out.extend(report.comparison().map(|all| all.table(&report.run().currency)));
    out.extend(report.explanation().map(|one| one.text(report)));
    out.join("\n")
}

fn heading(report: &Report) -> Vec<String> {
    let summary = report.summary();
    let minutes = f64::from(report.run().calendar.interval_s) / 60.0;
    let places = usize::from(minutes.fract() > 0.0);
    vec![format!(
        "{}: {} prosumers, {} intervals of {} min, seed {}\n",
        summary.scenario,
        count(summary.prosumers),
        count(summary.intervals),
        decimal(minutes, places),
        summary.seed,
    )]
}

fn energies(report: &Report) -> String {
    let sums = report.sources();
    let supply = [
        sums.pv_wh,
        sums.wind_wh,
        sums.battery_discharge_wh,
        sums.ev_discharge_wh,
        sums.bought_wh,
        sums.grid_import_wh,
    ];
    let all = supply.iter().fold(0_u64, |sum, wh| sum.saturating_add(*wh));
    let of_all = |label, wh: u64| {
        line(label, &energy(wh.into()), &format!("{:>6}", percent(share(wh, all))))
    };
    let plain = |label, wh: u64| line(label, &energy(wh.into()), "");
    let change = report.summary().stored_change_wh;
    let Sources { load_wh, sold_wh, grid_export_wh, curtailed_wh, .. } = *sums;
    let charged = sums.battery_charge_wh.saturating_add(sums.ev_charge_wh);
    section(
        "Energy by source",
        &[
            of_all("own solar", supply[0]),
            of_all("own wind", supply[1]),
            of_all("own battery", supply[2]),
            of_all("own vehicle (V2G)", supply[3]),
            of_all("from peers (P2P)", supply[4]),
            of_all("from the grid", supply[5]),
            plain("used by loads", load_wh),
            plain("charged", charged),
            plain("sold to peers", sold_wh),
            plain("fed into the grid", grid_export_wh),
            plain("curtailed", curtailed_wh),
            line("change of stored energy", &energy(change.into()), ""),
        ],
    )
}

fn runs() -> [String; 3] {
    ["no control (A)".into(), "local (B)".into(), "trading (C)".into()]
}

fn money(report: &Report) -> String {
    let bills = report.bills();
    let runs_abc = [
        community(bills, |site| site.uncontrolled),
        community(bills, |site| site.local),
        community(bills, |site| site.trading),
    ];
    let row = |label, of: fn(&Bill) -> i64| {
        columns(label, [0, 1, 2].map(|run| amount(of(&runs_abc[run]))))
    };
    let cost = runs_abc.map(|bill| bill.total());
    let saved = cost.map(|total| amount(cost[1].saturating_sub(total)));
    let ratio =
        |baseline: i64| (baseline > 0).then(|| percent(1.0 - cost[2] as f64 / baseline as f64));
    let mut lines = vec![
        columns("", runs()),
        row("grid import", |bill| bill.grid_import),
        row("grid export", |bill| bill.grid_export),
        row("between prosumers", |bill| bill.trade),
        row("network fee", |bill| bill.fee),
        row("wear of storage", |bill| bill.wear),
        row("change of stored energy", |bill| bill.stored),
        row("cost", Bill::total),
        columns("saved against B", saved),
    ];
    if let Some(ratio) = ratio(cost[1]) {
        lines.push(columns("savings ratio", [String::new(), String::new(), ratio]));
    }
    section(&format!("Money in {} (income negative)", report.run().currency), &lines)
}

fn trading(report: &Report) -> String {
    let summary = report.summary();
    let counted = match report.run().block_shape {
        BlockShape::Profile => "of what prosumers had to buy, delivered",
        BlockShape::Energy => "of what prosumers had to buy, as contracted",
    };
    let time = summary.negotiation_ms;
    let quantiles = format!(
        "p50 {}, p95 {}, p99 {}",
        milliseconds(time.p50),
        milliseconds(time.p95),
        milliseconds(time.p99)
    );
    section(
        "Trading",
        &[
            line("P2P share", &percent(summary.p2p_share), counted),
            line("contracted share", &percent(summary.contracted_share), ""),
            welfare::row(report.run()),
            line(
                "tasks",
                &count(summary.tasks),
                &format!("and {} tendered again", count(summary.retendered_tasks)),
            ),
            line("temporary contracts", &count(summary.temporary_contracts), ""),
            line(
                "final contracts",
                &count(summary.final_contracts),
                &format!("{} requests cancelled", count(summary.cancelled_requests)),
            ),
            line("negotiation time, mean", &milliseconds(time.mean), &quantiles),
            line("negotiation messages", &count(summary.negotiation_messages), ""),
        ],
    )
}

fn chain(report: &Report) -> String {
    let summary = report.summary();
    let faults = match summary.verifier.faults {
        0 => "no faults".into(),
        n => format!("{} FAULTS", count(n)),
    };
    section(
        "Chain",
        &[
            line(
                "pairs",
                &count(summary.pairs),
                &format!("{} validators", count(summary.validators)),
            ),
            line(
                "sweeps",
                &count(summary.verifier.sweeps),
                &format!(
                    "{} pairs checked, each within {} min, {faults}",
                    count(summary.verifier.pairs_checked),
                    count(summary.verifier.age_max_ms.div_ceil(60_000))
                ),
            ),
            line(
                "signatures checked",
                &count(summary.signatures.checked),
                &format!(
                    "{} made, {} remembered",
                    count(summary.signatures.made),
                    count(summary.signatures.remembered)
                ),
            ),
            line("wall time", &format!("{} s", decimal(summary.wall_s, 1)), ""),
        ],
    )
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
