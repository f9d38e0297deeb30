//! The community's net load in the three runs, with the caveat that belongs to it.

use super::super::Report;
use super::super::chart::{Chart, Key, Layer, Up, typeset};
use super::super::load::Shape;
use super::super::units::{decimal, power};
use super::{figure, section as page_section, whole};

const KEYS: [Key; 3] = [
    Key { class: "run-a", shape: "dash", words: "A: no storage control" },
    Key { class: "run-b", shape: "line", words: "B: local schedules" },
    Key { class: "run-c", shape: "line", words: "C: trading" },
];

/// The section with its chart and its little table.
pub fn section(report: &Report) -> String {
    let load = report.load();
    let shapes = [&load.uncontrolled_w, &load.local_w, &load.trading_w]
        .map(|curve| Shape::of(curve, report.run().calendar.interval_s));
    let kw = |curve: &[i64]| curve.iter().map(|w| *w as f64 / 1e3).collect::<Vec<f64>>();
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
        layers: vec![
            Layer::Steps { class: "run-a dash", values: kw(&load.uncontrolled_w) },
            Layer::Steps { class: "run-b", values: kw(&load.local_w) },
            Layer::Steps { class: "run-c thick", values: kw(&load.trading_w) },
        ],
        height: 320.0,
    };
    let caption = "The same homes and the same weather in three runs: A nobody controls storage, \
        B every home schedules for itself with the grid as its only partner, C homes trade. \
        <b>A sale to a neighbour moves no physical power at this point:</b> trading changes the \
        curve only through storage and through load that is shifted. Below zero the community feeds the grid.";
    let body = figure(&chart, &KEYS, caption) + &table(&shapes);
    let lead = "Net load of all homes together, as the common transformer sees it.";
    page_section("community", "The community on the grid", lead, &body)
}

fn table(shapes: &[Shape; 3]) -> String {
    let row = |label: &str, of: fn(&Shape) -> i64| {
        let cells: String =
            shapes.iter().map(|shape| format!("<td>{}</td>", typeset(&power(of(shape))))).collect();
        format!("<tr><th scope=\"row\">{}</th>{cells}</tr>", typeset(label))
    };
    format!(
        "<div class=\"scroll\"><table><thead><tr><td></td><th scope=\"col\">A</th><th scope=\"col\">B</th>\
         <th scope=\"col\">C</th></tr></thead><tbody>{}{}{}</tbody></table></div>",
        row("Peak", |shape| shape.peak_w),
        row("Minimum", |shape| shape.minimum_w),
        row("Steepest 3 h ramp", |shape| shape.ramp_3h_w),
    )
}
