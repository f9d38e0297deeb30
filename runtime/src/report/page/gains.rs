//! Who gained how much: run C against run B for every prosumer, sorted.

use super::super::Report;
use super::super::causes::Loss;
use super::super::chart::{Across, Bar, Chart, Key, Layer, Up, typeset};
use super::super::units::{decimal, money};
use super::{figure, section as page_section, several};

const KEYS: [Key; 2] = [
    Key { class: "gain", shape: "area", words: "pays less with trading" },
    Key { class: "loss", shape: "area", words: "pays more" },
];

/// The section.
pub fn section(report: &Report) -> String {
    let currency = &report.run().currency;
    let mut gains: Vec<(&str, i64)> = report
        .run()
        .sites
        .iter()
        .zip(report.bills())
        .map(|(site, bills)| (site.name.as_str(), bills.gain()))
        .collect();
    gains.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let bars = gains.iter().enumerate().map(|(at, (name, gain))| Bar {
        class: if *gain < 0 { "loss" } else { "gain" },
        from: at as f64,
        to: at as f64 + 1.0,
        height: *gain as f64 / 1e6,
        label: format!("{name}: {}", money(*gain, currency)),
    });
    let sentence = sentence(&gains, currency);
    let chart = Chart {
        id: "gains".into(),
        title: "Gain of every prosumer from trading".into(),
        description: sentence.clone(),
        across: Across::Ranks { count: gains.len(), what: "prosumers, best first" },
        up: Up { unit: currency.clone(), range: None, tick: decimal, whole: false },
        layers: vec![Layer::Bars(bars.collect())],
        height: 300.0,
    };
    let why = why(report);
    let caption = format!(
        "{sentence}{why} A gain is the whole bill of run B less the whole bill of run C: energy from and to the grid, contracts, \
         network fees, wear of storage, and the worth of energy left in storage at the end. No contract is signed by which either side's plan loses; later weather and forecast errors can still turn a small gain into a loss."
    );
    let lead = "Cost with local schedules alone, less cost with trading, for every home.";
    page_section("gains", "Who gained how much", lead, &figure(&chart, &KEYS, &typeset(&caption)))
}

/// What costs the losers most, home by home, or nothing where nobody loses.
fn why(report: &Report) -> String {
    let losses = report.summary().fairness.losses.all().into_iter();
    let mut losses: Vec<_> = losses.filter(|(_, loss)| loss.homes > 0).collect();
    losses.sort_by_key(|(_, loss)| std::cmp::Reverse(loss.homes));
    let homes = |(words, loss): &(&str, Loss)| {
        format!("{words} ({})", several(loss.homes, "home", "homes"))
    };
    let words: Vec<String> = losses.iter().map(homes).collect();
    if words.is_empty() {
        words.concat()
    } else {
        format!(" What cost losers most: {}.", words.join(", "))
    }
}

/// `gains` by falling gain.
fn sentence(gains: &[(&str, i64)], currency: &str) -> String {
    let (Some(best), Some(worst)) = (gains.first(), gains.last()) else {
        return "There were no prosumers.".into();
    };
    let better = gains.iter().filter(|(_, gain)| *gain > 0).count() as u64;
    let lost = gains.iter().filter(|(_, gain)| *gain < 0).count() as u64;
    let median = gains[gains.len() / 2].1;
    format!(
        "{} {} less, {} more; the median gain is {}, the best {} ({}), the worst {} ({}).",
        several(better, "prosumer", "prosumers"),
        if better == 1 { "pays" } else { "pay" },
        several(lost, "pays", "pay"),
        money(median, currency),
        money(best.1, currency),
        best.0,
        money(worst.1, currency),
        worst.0,
    )
}
