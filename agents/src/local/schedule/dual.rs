//! The marginal value of energy per interval, read off an optimal schedule.
//!
//! microlp gives no dual prices, but complementary slackness does: where the site imports, a kWh
//! is worth the retail price; where it exports, the feed-in price; and a storage that is neither
//! full nor empty between two intervals carries one value of stored energy through both.

use super::frame::{Frame, StoreFrame};
use super::plan::Plan;
use super::settle::Decisions;

/// Flows below this many kWh count as none.
const NONE: f64 = 1e-5;

/// Passes along the horizon; each lets values cross from one storage to another once.
const PASSES: usize = 3;

/// Worth of one more kWh at the meter, per interval, in micro-currency per kWh.
pub(super) fn marginal(frame: &Frame<'_>, decisions: &Decisions, plan: &Plan) -> Vec<f64> {
    let mut worth: Vec<Option<f64>> =
        (0..frame.horizon()).map(|t| at_the_connection(frame, plan, t)).collect();
    let paths: Vec<Vec<f64>> = (frame.stores.iter().zip(&decisions.stores))
        .map(|(s, (c, d, relief))| s.path(c, d, relief))
        .collect();
    let mut stored: Vec<Vec<Option<f64>>> = vec![vec![None; frame.horizon()]; paths.len()];
    for _ in 0..PASSES {
        for (s, store) in frame.stores.iter().enumerate() {
            let (charge, discharge, _) = &decisions.stores[s];
            let value = |t: usize, worth: &[Option<f64>]| {
                from_flow(store, charge[t], discharge[t], t, worth[t])
            };
            carry(store, &paths[s], &mut stored[s], |t| value(t, &worth));
            for t in 0..frame.horizon() {
                if let (None, Some(stored)) = (worth[t], stored[s][t]) {
                    worth[t] = to_flow(store, charge[t], discharge[t], t, stored);
                }
            }
        }
    }
    (0..frame.horizon())
        .map(|t| worth[t].unwrap_or_else(|| between(frame, &stored, t)) * frame.price_unit)
        .collect()
}

/// What the grid says a kWh is worth, where the site is at the grid.
fn at_the_connection(frame: &Frame<'_>, plan: &Plan, t: usize) -> Option<f64> {
    let none = NONE * 1e3;
    if plan.shortfall.sale_wh[t] > none {
        Some(frame.penalty.sale)
    } else if plan.import_wh[t] > none {
        Some(frame.retail[t])
    } else if plan.curtailed_wh[t] > none {
        Some(frame.feed_in[t].min(0.0))
    } else if plan.export_wh[t] > none {
        Some(frame.feed_in[t])
    } else {
        None
    }
}

/// The value of stored energy that a partly used power tells.
fn from_flow(store: &StoreFrame, c: f64, d: f64, t: usize, worth: Option<f64>) -> Option<f64> {
    if c > NONE && c < store.charge[t] - NONE {
        worth.map(|w| w / store.eta_c)
    } else if d > NONE && d < store.discharge[t] - NONE {
        worth.map(|w| (w - store.wear) * store.eta_d)
    } else {
        None
    }
}

/// The worth at the meter that a partly used power tells.
fn to_flow(store: &StoreFrame, c: f64, d: f64, t: usize, stored: f64) -> Option<f64> {
    if c > NONE && c < store.charge[t] - NONE {
        Some(stored * store.eta_c)
    } else if d > NONE && d < store.discharge[t] - NONE {
        Some(store.wear + stored / store.eta_d)
    } else {
        None
    }
}

/// Spreads known values of stored energy over each run of intervals in which the storage is
/// neither full nor empty at a boundary.
fn carry(
    store: &StoreFrame,
    path: &[f64],
    stored: &mut [Option<f64>],
    value: impl Fn(usize) -> Option<f64>,
) {
    let n = stored.len();
    let is_bound = |boundary: usize| {
        path[boundary] < store.lowest + NONE
            || path[boundary] > store.capacity - NONE
            || store.departures.iter().any(|d| d.at == boundary && path[boundary] < d.due_wh + NONE)
    };
    let mut from = 0;
    while from < n {
        let until = (from + 1..n).find(|b| is_bound(*b)).unwrap_or(n);
        let ends_free = until == n && !is_bound(n);
        let known = (from..until)
            .find_map(|t| stored[t].or_else(|| value(t)))
            .or(ends_free.then_some(store.terminal));
        stored[from..until].fill(known);
        from = until;
    }
}

/// Where nothing flows at the margin any value in a range is right: what a storage would give for
/// it, kept between the grid's two prices.
fn between(frame: &Frame<'_>, stored: &[Vec<Option<f64>>], t: usize) -> f64 {
    let offers = frame.stores.iter().zip(stored).filter(|(s, _)| s.is_active(t));
    let best = offers
        .filter_map(|(s, v)| v[t].map(|v| s.wear + v / s.eta_d))
        .fold(f64::INFINITY, f64::min);
    let (low, high) = (frame.feed_in[t], frame.retail[t]);
    if low < high { best.clamp(low, high) } else { high }
}
