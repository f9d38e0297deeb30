//! The page of experiment `fee`: share and saving over the fee, and the rows as a table.

use super::super::chart::{Across, Chart, Key, Layer, Up, escape, typeset};
use super::super::page::{figure, section as page_section, share};
use super::super::units::{decimal, percent};
use super::{FeeRow, FeeSweep};

/// Sections of the page, in order.
pub(super) fn sections(sweep: &FeeSweep) -> [String; 4] {
    [header(sweep), shares(sweep), savings(sweep), rows(sweep)]
}

fn header(sweep: &FeeSweep) -> String {
    format!(
        "<header><p class=\"brand\">gridpact</p><h1>What a fee on peer-to-peer energy does</h1>\
         <p class=\"lead\">The same homes, days and seed, lived once per fee. {}.</p></header>",
        escape(&sweep.about)
    )
}

fn across(sweep: &FeeSweep) -> Across {
    let most = sweep.rows.iter().map(|row| row.fee_per_kwh).fold(0.0, f64::max);
    // A little room, so that the last point is whole.
    let (from, to) = (-0.02 * most, 1.02 * most);
    Across::Numbers { from, to, what: format!("fee, {} per kWh", sweep.currency) }
}

/// A line through the points of all rows, and the points.
fn curve(
    sweep: &FeeSweep,
    class: &'static str,
    of: impl Fn(&FeeRow) -> f64,
    word: impl Fn(f64) -> String,
) -> [Layer; 2] {
    let points: Vec<(f64, f64)> = sweep.rows.iter().map(|row| (row.fee_per_kwh, of(row))).collect();
    let dot = |(x, y): &(f64, f64)| (*x, *y, format!("fee {}: {}", decimal(*x, 2), word(*y)));
    let dots = points.iter().map(dot).collect();
    [Layer::Line { class, points }, Layer::Dots { class, points: dots }]
}

fn shares(sweep: &FeeSweep) -> String {
    let keys = [
        Key { class: "peer", shape: "line", words: "delivered: the P2P share" },
        Key { class: "pairs", shape: "line", words: "contracted" },
    ];
    let delivered = curve(sweep, "peer", |row| row.share, percent);
    let contracted = curve(sweep, "pairs", |row| row.contracted, percent);
    let chart = Chart {
        id: "fee-share".into(),
        title: "P2P share over the fee".into(),
        description: ends(sweep, |row| percent(row.share)),
        across: across(sweep),
        up: Up {
            unit: "of energy needed".into(),
            range: None,
            tick: share::tick,
            whole: false,
        },
        layers: contracted.into_iter().chain(delivered).collect(),
        height: 280.0,
    };
    let caption = format!(
        "{} An agreed price must leave the buyer something after the fee, so whatever is worth less \
         than the fee between two homes is no longer traded.",
        ends(sweep, |row| percent(row.share))
    );
    let lead = "How much of what homes had to get from outside came from their peers.";
    page_section("fee-share", "Share", lead, &figure(&chart, &keys, &typeset(&caption)))
}

fn savings(sweep: &FeeSweep) -> String {
    let currency = &sweep.currency;
    let word = |saving: f64| format!("{} {currency}", decimal(saving, 2));
    let chart = Chart {
        id: "fee-saving".into(),
        title: "Saving over the fee".into(),
        description: ends(sweep, |row| word(row.saving)),
        across: across(sweep),
        up: Up { unit: currency.clone(), range: None, tick: decimal, whole: false },
        layers: curve(sweep, "gain", |row| row.saving, word).into(),
        height: 260.0,
    };
    let caption = format!(
        "{} Saving is the whole bill of local schedules alone less the whole bill with trading: wear, \
         change of stored energy and the fees themselves are counted.",
        ends(sweep, |row| word(row.saving))
    );
    let lead = "What trading saves all homes together, the fees paid.";
    page_section("fee-saving", "Saving", lead, &figure(&chart, &[], &typeset(&caption)))
}

/// The first and the last row in a sentence.
fn ends(sweep: &FeeSweep, word: impl Fn(&FeeRow) -> String) -> String {
    let (Some(first), Some(last)) = (sweep.rows.first(), sweep.rows.last()) else {
        return "Nothing was lived.".to_owned();
    };
    format!(
        "From {} at {} to {} at {} {} per kWh.",
        word(first),
        decimal(first.fee_per_kwh, 2),
        word(last),
        decimal(last.fee_per_kwh, 2),
        sweep.currency
    )
}

fn rows(sweep: &FeeSweep) -> String {
    let heads = sweep.heads().map(|(_, head)| format!("<th scope=\"col\">{}</th>", typeset(&head)));
    let row = |row: &FeeRow| {
        let [fee, cells @ ..] = row.cells();
        let cells: String =
            cells.iter().map(|cell| format!("<td>{}</td>", typeset(cell))).collect();
        format!("<tr><th scope=\"row\">{}</th>{cells}</tr>", typeset(&fee))
    };
    let body = format!(
        "<div class=\"scroll\"><table class=\"many\"><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>\
         <p class=\"note\">Peak and overload are those of the common transformer; a sale to a neighbour \
         moves no physical power there. The welfare ratio holds every fee's contracts against the exact \
         optimum under the same fee.</p>",
        heads.concat(),
        sweep.rows.iter().map(row).collect::<String>()
    );
    page_section("fee-rows", "All figures", "One row per fee.", &body)
}
