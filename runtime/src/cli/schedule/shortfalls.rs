//! What could not be had, in the words and fields of the file: the agents' account of it, told.

use gridpact_agents::local::missing::{Lack, Missing, What, missing};
use gridpact_agents::local::schedule::Plan;
use serde::Serialize;

use super::model::Model;
use super::site::Site;

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
    /// Which bound the plan sits on: the same as a word for programs.
    pub reason: Lack,
    /// Energy that would mend it, if it came to the meter within a range of intervals.
    pub block: Option<Block>,
}

/// A purchase: energy at the meter within `from..to`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Block {
    pub from: usize,
    pub to: usize,
    pub wh: f64,
    /// What the connection would still let in within the range, beside what the plan imports.
    pub line_wh: f64,
}

/// Everything that is missing in a plan, in the order of rank.
pub(super) fn shortfalls(site: &Site, model: &Model, plan: &Plan) -> Vec<Shortfall> {
    missing(&model.problem, plan).iter().map(|missing| told(site, model, missing)).collect()
}

fn told(site: &Site, model: &Model, missing: &Missing) -> Shortfall {
    let interval = missing.at.0 as usize;
    let (kind, field) = asked(site, model, missing.what, interval);
    Shortfall {
        kind,
        field,
        interval,
        wh: missing.wh,
        why: missing.lack.words(),
        reason: missing.lack,
        block: missing.mend.map(|mend| Block {
            from: mend.from.0 as usize,
            to: mend.to.0 as usize,
            wh: mend.wh,
            line_wh: mend.line_wh,
        }),
    }
}

/// What kind of thing it is, and the field that asks for it.
fn asked(site: &Site, model: &Model, what: What, interval: usize) -> (&'static str, String) {
    let storage = |store: usize| format!("storages[{}]", model.parts[store].storage);
    let session = |store: usize, departure: usize, name: &str| {
        let session = model.parts[store].sessions[departure];
        format!("{}.sessions[{session}].{name}", storage(store))
    };
    let obligation = || {
        let k = site.obligations.iter().position(|o| o.interval == interval).unwrap_or(0);
        format!("obligations[{k}].wh")
    };
    match what {
        What::Overload => ("overload", "import_limit_w".into()),
        What::Departure { store, departure } => {
            ("departure", session(store, departure, "departure_wh"))
        }
        What::Trip { store, departure } => ("trip", session(store, departure, "trip_wh")),
        What::Floor { store } => ("floor", format!("{}.floor_wh", storage(store))),
        What::Job { job } => ("deferrable", format!("deferrables[{job}].energy_wh")),
        What::Sale | What::Pooled | What::Purchase => ("obligation", obligation()),
    }
}
