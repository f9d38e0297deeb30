//! The community's net load in the three runs, with the caveat that belongs to it.

use super::super::Report;
use super::super::chart::{Chart, Key, Layer, Up, typeset};
use super::super::feeder;
use super::super::load::Shape;
use super::super::units::{clock, count, decimal, power};
use super::{figure, section as page_section, whole};

const KEYS: [Key; 3] = [
    Key { class: "run-a", shape: "dash", words: "A: no storage control" },
    Key { class: "run-b", shape: "line", words: "B: local schedules" },
    Key { class: "run-c", shape: "line", words: "C: trading" },
];

/// The section with its chart and its little table.
pub fn section(report: &Report) -> String {
    let load = report.load();
    let shapes = feeder::shapes(load, report.run().calendar.interval_s);
    let chart = Chart {
        id: "community".into(),
        title: "Community net load in runs A, B and C".into(),
        description: format!(
            "Peaks: {} without storage control, {} with local schedules, {} with trading.",
            power(shapes[0].peak_w),
            power(shapes[1].peak_w),
            power(shapes[2].peak_w)
        ),
        across: whole(report),
        up: Up { unit: "kW".into(), range: None, tick: decimal, whole: false },
        layers: layers(report),
        height: 320.0,
    };
    let caption = "The same homes and the same weather in three runs: A nobody controls storage, \
        B every home schedules for itself with the grid as its only partner, C homes trade. \
        <b>A sale to a neighbour moves no physical power at this point:</b> trading changes the \
        curve only through storage and through load that is shifted. Below zero the community feeds the grid.";
    let note = format!("<p class=\"note\">{}</p>", typeset(&limits(report)));
    let body = figure(&chart, &KEYS, caption) + &table(report, &shapes) + &note;
    let lead = "Net load of all homes together, as the common transformer sees it.";
    page_section("community", "The community on the grid", lead, &body)
}

fn layers(report: &Report) -> Vec<Layer> {
    let load = report.load();
    let kw = |curve: &[i64]| curve.iter().map(|w| *w as f64 / 1e3).collect::<Vec<f64>>();
    let mut layers = vec![
        Layer::Steps { class: "run-a dash", values: kw(&load.uncontrolled_w) },
        Layer::Steps { class: "run-b", values: kw(&load.local_w) },
        Layer::Steps { class: "run-c thick", values: kw(&load.trading_w) },
    ];
    let feeder = report.run().feeder;
    for (limit_w, sign, word) in
        [(feeder.import_limit_w, 1.0, "import"), (feeder.export_limit_w, -1.0, "export")]
    {
        layers.extend(limit_w.map(|w| Layer::Rule {
            class: "limit",
            at: sign * w as f64 / 1e3,
            label: format!("{word} limit {}", power(i64::try_from(w).unwrap_or(i64::MAX))),
        }));
    }
    layers
}

/// What the transformer allows, in a sentence.
fn limits(report: &Report) -> String {
    let feeder = &report.run().feeder;
    if !feeder.is_limited() {
        return "No limit is set for the transformer (feeder.import_limit_w, \
                feeder.export_limit_w), so nothing counts as overload."
            .to_owned();
    }
    format!("Transformer limit: {}.", feeder::limits(feeder))
}

fn table(report: &Report, shapes: &[Shape; 3]) -> String {
    let calendar = &report.run().calendar;
    let row = |label: &str, figures: [String; 3]| {
        let cells: String =
            figures.iter().map(|figure| format!("<td>{}</td>", typeset(figure))).collect();
        format!("<tr><th scope=\"row\">{}</th>{cells}</tr>", typeset(label))
    };
    let watts = |of: fn(&Shape) -> i64| shapes.map(|shape| power(of(&shape)));
    let at = |of: fn(&Shape) -> usize| shapes.map(|shape| clock(calendar, of(&shape)));
    let mut rows = vec![
        row("Peak", watts(|shape| shape.peak_w)),
        row("Peak at", at(|shape| shape.peak_at)),
        row("Minimum", watts(|shape| shape.minimum_w)),
        row("Minimum at", at(|shape| shape.minimum_at)),
        row("Steepest 3 h ramp", watts(|shape| shape.ramp_3h_w)),
    ];
    if let Some(minutes) = feeder::overloads(report.run(), report.load()) {
        rows.push(row("Overload", minutes.map(|minutes| format!("{} min", count(minutes)))));
    }
    format!(
        "<div class=\"scroll\"><table><thead><tr><td></td><th scope=\"col\">A</th><th scope=\"col\">B</th>\
         <th scope=\"col\">C</th></tr></thead><tbody>{}</tbody></table></div>",
        rows.concat()
    )
}
