//! The double chain: its growth, the work of its verifiers, and how to prove it again.

use super::super::Report;
use super::super::chart::{Chart, Layer, Up, escape, typeset};
use super::super::units::{bytes, count, decimal};
use super::{faults, figure, section as page_section, several, whole};

/// The section.
pub fn section(report: &Report) -> String {
    let (summary, run) = (report.summary(), report.run());
    let across = whole(report);
    let pairs: Vec<f64> =
        pairs_per_interval(report).into_iter().map(|pairs| pairs as f64).collect();
    let chain_bytes = run.epochs.iter().map(|epoch| epoch.chain_bytes).max().unwrap_or(0);
    let size = match summary.pairs {
        0 => String::new(),
        pairs => format!(" in {} ({} a pair)", bytes(chain_bytes), bytes(chain_bytes / pairs)),
    };
    let sentence = format!(
        "{}{size}, approved by {}.",
        several(
            summary.pairs,
            "pair of a contract block and a ledger block",
            "pairs of a contract block and a ledger block"
        ),
        several(summary.validators, "validator", "validators"),
    );
    let chart = Chart {
        id: "chain-growth".into(),
        title: "Pairs on the chain".into(),
        description: sentence.clone(),
        across,
        up: Up { unit: "pairs".into(), range: None, tick: decimal, whole: true },
        layers: vec![
            Layer::Band { class: "pairs", low: vec![0.0; pairs.len()], high: pairs.clone() },
            Layer::Steps { class: "pairs", values: pairs },
        ],
        height: 240.0,
    };
    let caption = format!(
        "{sentence} The verifiers made {} over it, checked {} and found {}. {} were made, {} checked by \
         arithmetic, {} taken from memory.",
        several(summary.verifier.sweeps, "complete sweep", "complete sweeps"),
        several(summary.verifier.pairs_checked, "pair", "pairs"),
        faults(summary.verifier.faults),
        several(summary.signatures.made, "signature", "signatures"),
        count(summary.signatures.checked),
        count(summary.signatures.remembered),
    );
    let body = figure(&chart, &[], &typeset(&caption)) + &anchor(report);
    page_section(
        "chain",
        "The double chain",
        "One pair for every record, growing as epochs settle.",
        &body,
    )
}

/// Pairs at the end of each interval; it stays where it was while nothing settles.
fn pairs_per_interval(report: &Report) -> Vec<u64> {
    let run = report.run();
    let mut pairs = vec![0; run.calendar.intervals as usize];
    for epoch in &run.epochs {
        let at = epoch.interval.saturating_sub(run.calendar.first_interval) as usize;
        if let Some(slot) = pairs.get_mut(at) {
            *slot = epoch.pairs.max(*slot);
        }
    }
    pairs
        .iter()
        .scan(0, |height, now| {
            *height = (*now).max(*height);
            Some(*height)
        })
        .collect()
}

/// Names and command by which anybody proves the chain again.
fn anchor(report: &Report) -> String {
    let chain = &report.run().chain;
    format!(
        "<dl><dt>Community</dt><dd><code>{}</code></dd><dt>Tip</dt><dd><code>{}</code></dd></dl>\
         <p class=\"note\">To prove every byte again, from the directory that holds this page:</p>\
         <pre><code>gridpact chain verify . \\\n  --community {} \\\n  --tip {}</code></pre>",
        escape(&chain.community),
        escape(&chain.tip),
        escape(&chain.community),
        escape(&chain.tip)
    )
}
