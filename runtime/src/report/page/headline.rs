//! The top of the page: what was run, and the figures that matter, as cards.

use super::super::Report;
use super::super::chart::{escape, typeset};
use super::super::load::Shape;
use super::super::summary::Summary;
use super::super::units::{clock, count, decimal, energy, milliseconds, money, percent, power};
use super::super::welfare::absence;
use super::{faults, several};

/// Title and cards.
pub fn section(report: &Report) -> String {
    let summary = report.summary();
    let calendar = &report.run().calendar;
    let hours = f64::from(calendar.interval_s) * f64::from(calendar.intervals) / 3600.0;
    let minutes = f64::from(calendar.interval_s) / 60.0;
    let date = start_date(report).map(|date| format!(" from {date}")).unwrap_or_default();
    let lead = format!(
        "{} trading electricity with each other for {} h{date}, in intervals of {} min. \
         Scenario <b>{}</b>, seed {}.",
        several(summary.prosumers, "prosumer", "prosumers"),
        decimal(hours, usize::from(hours.fract() > 0.0)),
        decimal(minutes, usize::from(minutes.fract() > 0.0)),
        escape(&summary.scenario),
        summary.seed,
    );
    format!(
        "<header><p class=\"brand\">gridpact</p><h1>What the neighbourhood traded</h1>\
         <p class=\"lead\">{lead}</p></header><div class=\"cards\">{}</div>",
        cards(report).concat()
    )
}

fn cards(report: &Report) -> Vec<String> {
    let summary = report.summary();
    let saved = summary.baseline_cost_microcurrency.saturating_sub(summary.cost_microcurrency);
    let ratio = summary.savings_ratio.map(|ratio| format!("{} of the cost ", percent(ratio.abs())));
    let time = summary.negotiation_ms;
    let from_peers = format!(
        "{} of {} needed came from peers",
        energy(summary.p2p_wh.into()),
        energy(summary.deficit_wh.into())
    );
    let against = format!(
        "{}with local schedules alone; wear, fees and stored energy counted",
        ratio.unwrap_or_default()
    );
    let tendered = format!(
        "from {}, {} cancelled",
        several(summary.tasks, "task", "tasks"),
        several(summary.cancelled_requests, "request", "requests")
    );
    let within = match time.p95 {
        None => "no epoch had tasks".to_owned(),
        p95 => format!("mean per epoch; 95 % within {}", milliseconds(p95)),
    };
    let swept = format!(
        "{} by the verifiers, {}",
        several(summary.verifier.sweeps, "sweep", "sweeps"),
        faults(summary.verifier.faults)
    );
    let result = if saved < 0 { "Lost by trading" } else { "Saved by trading" };
    let alarm = if summary.verifier.faults > 0 { " bad" } else { "" };
    vec![
        card("P2P share", &percent(summary.p2p_share), &from_peers, ""),
        card(result, &money(saved.saturating_abs(), &report.run().currency), &against, ""),
        peak(report),
        welfare(report),
        gainers(report),
        card("Final contracts", &count(summary.final_contracts), &tendered, ""),
        card("Negotiation", &milliseconds(time.mean), &within, ""),
        card("Pairs on the chain", &count(summary.pairs), &swept, alarm),
    ]
}

/// The highest load of the common transformer, when, and what it allows.
fn peak(report: &Report) -> String {
    let summary = report.summary();
    let interval_s = report.run().calendar.interval_s;
    let peak_at = Shape::of(&report.load().trading_w, interval_s).peak_at;
    let remark = format!(
        "{}; {} with local schedules alone; {}",
        clock(&report.run().calendar, peak_at),
        power(summary.baseline_peak_w),
        overload(summary)
    );
    card("Community peak", &power(summary.peak_w), &remark, "")
}

/// What was made of what could have been traded.
fn welfare(report: &Report) -> String {
    let summary = report.summary();
    let Some(welfare) = summary.welfare else {
        return card("Welfare ratio", "-", absence(report.run()), "");
    };
    let currency = &report.run().currency;
    let of = format!(
        "contracts are worth {} of the {} that bids and asks allowed",
        money(welfare.of.made_microcurrency, currency),
        money(welfare.of.optimum_microcurrency, currency)
    );
    card("Welfare ratio", &welfare.ratio.map_or("-".to_owned(), percent), &of, "")
}

/// Who gains, and what the others lose.
fn gainers(report: &Report) -> String {
    let fairness = &report.summary().fairness;
    let lost = format!(
        "of {}; {} {} together",
        count(report.summary().prosumers),
        several(fairness.losers, "loses", "lose"),
        money(fairness.lost_microcurrency, &report.run().currency)
    );
    card("Homes that gain", &count(fairness.gainers), &lost, "")
}

fn overload(summary: &Summary) -> String {
    match summary.feeder.trading.overload_minutes {
        None => "no limit is set".to_owned(),
        Some(minutes) => format!("{} min of overload", count(minutes)),
    }
}

fn card(label: &str, figure: &str, remark: &str, alarm: &str) -> String {
    // The unit is set smaller than its number; what ends in a digit has none.
    let has_unit = figure.ends_with(|c: char| !c.is_ascii_digit());
    let (number, unit) = figure.rsplit_once(' ').filter(|_| has_unit).unwrap_or((figure, ""));
    format!(
        "<div class=\"card{alarm}\"><h3>{}</h3><p class=\"figure\">{}<small>&nbsp;{}</small></p>\
         <p>{}</p></div>",
        typeset(label),
        typeset(number),
        typeset(unit),
        typeset(remark),
    )
}

/// The local date on which the run starts, e.g. `1 February 2014`.
fn start_date(report: &Report) -> Option<String> {
    let calendar = &report.run().calendar;
    let seconds = i64::from(calendar.first_interval) * i64::from(calendar.interval_s);
    let offset = jiff::tz::Offset::from_seconds(calendar.utc_offset_s).ok()?;
    let start = jiff::Timestamp::from_second(seconds).ok()?;
    Some(offset.to_datetime(start).strftime("%-d %B %Y").to_string())
}
