//! What could not be had: what, how much, when, why, and the purchase that would mend it.

use gridpact_agents::local::schedule::Plan;
use serde::Serialize;

use super::model::{Model, Part};
use super::site::Site;

/// Below this many Wh nothing is missing.
const NONE_WH: f64 = 0.05;

/// One thing that could not be had.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Shortfall {
    /// `overload`, `trip`, `departure`, `floor`, `deferrable` or `obligation`.
    pub kind: &'static str,
    /// The field of the file that asks for it.
    pub field: String,
    /// The interval at whose start, or in which, it is missing.
    pub interval: usize,
    /// Missing energy, as the penalty counts it.
    pub wh: f64,
    /// Why.
    pub why: &'static str,
    /// Energy that would mend it, if it came to the meter within a range of intervals.
    pub block: Option<Block>,
}

/// A purchase: energy at the meter within `from..to`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Block {
    pub from: usize,
    pub to: usize,
    pub wh: f64,
}

/// Everything that is missing in a plan, in the order of rank.
pub(super) fn shortfalls(site: &Site, model: &Model, plan: &Plan) -> Vec<Shortfall> {
    let mut found = Vec::new();
    for (t, wh) in missing(&plan.shortfall.overload_wh) {
        let why = "the load alone is above the limit of the connection";
        found.push(Shortfall {
            kind: "overload",
            field: "import_limit_w".into(),
            interval: t,
            wh,
            why,
            // Nothing can come through a full line; load has to go, or a source behind the meter come.
            block: None,
        });
    }
    for (p, part) in model.parts.iter().enumerate() {
        drive(p, part, model, plan, &mut found);
    }
    for (j, job) in site.deferrables.iter().enumerate() {
        let done: f64 = plan.jobs_wh[j].iter().sum();
        let wh = job.energy_wh - done;
        if wh > NONE_WH {
            found.push(Shortfall {
                kind: "deferrable",
                field: format!("deferrables[{j}].energy_wh"),
                interval: job.to,
                wh,
                why: "its power, its window or the line does not let it take so much",
                block: Some(Block { from: job.from, to: job.to, wh }),
            });
        }
    }
    obligations(site, plan, &mut found);
    found
}

fn missing(series: &[f64]) -> impl Iterator<Item = (usize, f64)> {
    series.iter().copied().enumerate().filter(|(_, wh)| *wh > NONE_WH)
}

/// What a storage owes to its driver: departures, trips and the floor.
fn drive(p: usize, part: &Part, model: &Model, plan: &Plan, found: &mut Vec<Shortfall>) {
    let (store, path) = (&model.problem.stores[p], &plan.stores[p].stored_wh);
    let plan = &plan.stores[p];
    let storage = format!("storages[{}]", part.storage);
    for (k, departure) in part.sessions.iter().zip(&store.departures) {
        let field = |name: &str| format!("{storage}.sessions[{k}].{name}");
        let wh = departure.due_wh - path[departure.at];
        let from = (0..departure.at).find(|t| store.is_plugged(*t)).unwrap_or(departure.at);
        if wh > NONE_WH {
            let block = Block { from, to: departure.at, wh: wh / store.eta_charge };
            found.push(Shortfall {
                kind: "departure",
                field: field("departure_wh"),
                interval: departure.at,
                wh,
                why: "the time, the power or the line does not let it charge so much",
                block: Some(block),
            });
        }
        if departure.at >= plan.charge_wh.len() {
            continue;
        }
        let flow = store.eta_charge * plan.charge_wh[departure.at]
            - plan.discharge_wh[departure.at] / store.eta_discharge;
        let wh = path[departure.at + 1] - (path[departure.at] + flow - departure.trip_wh);
        if wh > NONE_WH {
            let block = Block { from, to: departure.at, wh: wh / store.eta_charge };
            found.push(Shortfall {
                kind: "trip",
                field: field("trip_wh"),
                interval: departure.at,
                wh,
                why: "the battery holds less above its floor than the trip takes",
                block: Some(block),
            });
        }
    }
    if store.stored_wh >= store.floor_wh {
        return;
    }
    for t in (0..plan.charge_wh.len()).filter(|t| store.is_plugged(*t)) {
        let wh = store.floor_wh - path[t + 1];
        if wh > NONE_WH {
            found.push(Shortfall {
                kind: "floor",
                field: format!("{storage}.floor_wh"),
                interval: t + 1,
                wh,
                why: "it came with less, and cannot charge faster",
                block: Some(Block { from: t, to: t + 1, wh: wh / store.eta_charge }),
            });
        }
    }
}

fn obligations(site: &Site, plan: &Plan, found: &mut Vec<Shortfall>) {
    let field = |t: usize| {
        let k = site.obligations.iter().position(|o| o.interval == t).unwrap_or(0);
        format!("obligations[{k}].wh")
    };
    let of_sales = missing(&plan.shortfall.sale_wh).map(|(t, wh)| {
        let why = "the site has not so much to give, or its export limit is in the way";
        (t, wh, why, Some(Block { from: t, to: t + 1, wh }))
    });
    let of_purchases = missing(&plan.shortfall.purchase_wh)
        .map(|(t, wh)| (t, wh, "the site finds no use and no way out for what it bought", None));
    found.extend(of_sales.chain(of_purchases).map(|(t, wh, why, block)| Shortfall {
        kind: "obligation",
        field: field(t),
        interval: t,
        wh,
        why,
        block,
    }));
}
