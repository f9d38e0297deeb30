//! The peer-to-peer share of every interval.

use super::super::Report;
use super::super::chart::{Chart, Key, Layer, Up, typeset};
use super::super::run::BlockShape;
use super::super::summary::share;
use super::super::units::{decimal, energy, percent};
use super::{figure, section as page_section, whole};

/// Writes a share of one as per cent, for an axis.
pub fn tick(ratio: f64, places: usize) -> String {
    format!("{} %", decimal(ratio * 100.0, places.saturating_sub(2)))
}

/// The section.
pub fn section(report: &Report) -> String {
    let summary = report.summary();
    let (peers, need) = per_interval(report);
    let shares: Vec<f64> = peers.iter().zip(&need).map(|(p2p, all)| share(*p2p, *all)).collect();
    let best = shares.iter().copied().fold(0.0, f64::max);
    let chart = Chart {
        id: "share".into(),
        title: "P2P share per interval".into(),
        description: format!(
            "Over the run {}; at best {} in one interval.",
            percent(summary.p2p_share),
            percent(best)
        ),
        across: whole(report),
        up: Up { unit: "of energy needed".into(), range: Some((0.0, 1.0)), tick, whole: false },
        layers: vec![
            Layer::Band { class: "peer", low: vec![0.0; shares.len()], high: shares },
            Layer::Rule {
                class: "ink",
                at: summary.p2p_share,
                label: format!("whole run {}", percent(summary.p2p_share)),
            },
        ],
        height: 260.0,
    };
    let rule = match report.run().block_shape {
        BlockShape::Profile => {
            "A kilowatt-hour counts only in the interval in which the seller's meter and the \
             buyer's meter both saw it."
        }
        BlockShape::Energy => {
            "All contracted energy counts as delivered here, whenever within its block it flowed; \
             counted interval by interval the share would be lower."
        }
    };
    let caption = format!(
        "Delivered peer to peer ({}) over that plus metered grid import ({}). {rule} Contracts were \
         signed over {} of the need; stored energy changed by {} meanwhile.",
        energy(summary.p2p_wh.into()),
        energy(summary.grid_import_wh.into()),
        percent(summary.contracted_share),
        energy(summary.stored_change_wh.into()),
    );
    let keys = [Key { class: "peer", shape: "area", words: "share from peers" }];
    let lead = "How much of what homes had to get from outside came from their peers.";
    page_section("share", "Energy from peers", lead, &figure(&chart, &keys, &typeset(&caption)))
}

/// Per interval over all sites: Wh from peers, and Wh from peers and grid together.
fn per_interval(report: &Report) -> (Vec<u64>, Vec<u64>) {
    let intervals = report.run().calendar.intervals as usize;
    let (mut peers, mut need) = (vec![0_u64; intervals], vec![0_u64; intervals]);
    for flows in &report.settlement().flows {
        for (at, flow) in flows.iter().enumerate() {
            peers[at] = peers[at].saturating_add(flow.bought_wh);
            need[at] = need[at].saturating_add(flow.bought_wh).saturating_add(flow.grid_import_wh);
        }
    }
    (peers, need)
}
