//! What `gridpact schedule` answers: the schedule in the units of the file.

use gridpact_agents::local::schedule::{Method, Plan};
use serde::Serialize;

use super::model::{MICRO, Model, Part};
use super::shortfalls::{Shortfall, shortfalls};
use super::site::Site;

/// Largest difference of two sums of money that counts as none, in the currency.
const NOTHING: f64 = 1e-9;

/// A schedule with its cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Answer {
    /// Import less export at their prices, plus wear, less the terminal value of what is stored, in
    /// the currency. Penalties are not in it.
    pub objective: f64,
    /// What the shortfalls add to what was minimised, in the currency.
    pub penalty: f64,
    /// What each kWh of a shortfall adds, by its kind.
    pub penalty_per_kwh: Rates,
    /// Mean power from the grid beside what was bought from peers, per interval.
    pub import_w: Vec<f64>,
    /// Mean power into the grid beside what was sold to peers.
    pub export_w: Vec<f64>,
    /// Mean power of the sun and the wind that is not taken.
    pub curtailed_w: Vec<f64>,
    /// One schedule per storage.
    pub storages: Vec<StoragePlan>,
    /// Mean power per deferrable and interval.
    pub deferrables: Vec<Vec<f64>>,
    /// What each storage's `full_now` costs; only where there is one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub full_now: Vec<FullNow>,
    /// What could not be had; empty in an ordinary plan.
    pub shortfalls: Vec<Shortfall>,
    /// What one more kWh at the meter saves, per interval, in the currency.
    pub marginal_value_per_kwh: Vec<f64>,
    /// How far objective and penalty may lie above the optimum, as a share; 0 where it is proved.
    pub gap: f64,
    /// `closed_form`, `dynamic`, `linear` or `integer`.
    pub method: &'static str,
}

/// What it costs to have one storage full now.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct FullNow {
    /// Index of the storage.
    pub storage: usize,
    /// `objective` with it less `objective` without it, in the currency.
    pub extra: f64,
    /// Energy of obligations that it misses, Wh.
    pub missed_wh: f64,
}

/// Penalties per kWh in the currency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Rates {
    pub overload: f64,
    pub trip: f64,
    pub departure: f64,
    pub floor: f64,
    pub deferrable: f64,
    pub obligation: f64,
}

/// One storage's schedule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct StoragePlan {
    /// Mean charging power at the meter, per interval.
    pub charge_w: Vec<f64>,
    /// Mean discharging power at the meter.
    pub discharge_w: Vec<f64>,
    /// Stored energy at the start of each interval and at the end of the horizon: one entry more
    /// than there are intervals.
    pub soc_wh: Vec<f64>,
}

/// Tells a plan in the file's words.
pub(super) fn answer(site: &Site, model: &Model, plan: &Plan) -> Answer {
    let mean = |wh: &[f64]| -> Vec<f64> { wh.iter().map(|wh| wh / site.dt_h).collect() };
    let rates = &plan.penalty_rates;
    Answer {
        objective: plan.cost / MICRO,
        penalty: match (plan.objective - plan.cost) / MICRO {
            // What rounding leaves of two equal sums is no penalty.
            penalty if penalty > NOTHING => penalty,
            _ => 0.0,
        },
        penalty_per_kwh: Rates {
            overload: rates.overload / MICRO,
            trip: rates.trip / MICRO,
            departure: rates.departure / MICRO,
            floor: rates.floor / MICRO,
            deferrable: rates.job / MICRO,
            obligation: rates.sale / MICRO,
        },
        import_w: mean(&plan.import_wh),
        export_w: mean(&plan.export_wh),
        curtailed_w: mean(&plan.curtailed_wh),
        storages: (0..site.storages.len()).map(|s| storage(s, site, model, plan)).collect(),
        deferrables: plan.jobs_wh.iter().map(|job| mean(job)).collect(),
        full_now: Vec::new(),
        shortfalls: shortfalls(site, model, plan),
        marginal_value_per_kwh: plan.marginal.iter().map(|value| value / MICRO).collect(),
        gap: plan.gap,
        method: match plan.method {
            Method::ClosedForm => "closed_form",
            Method::Dynamic => "dynamic",
            Method::Linear => "linear",
            Method::Integer => "integer",
        },
    }
}

/// The schedules of a storage's parts, one after the other.
fn storage(s: usize, site: &Site, model: &Model, plan: &Plan) -> StoragePlan {
    let n = site.horizon();
    let parts: Vec<(&Part, _)> =
        model.parts.iter().zip(&plan.stores).filter(|(part, _)| part.storage == s).collect();
    let (mut charge_w, mut discharge_w) = (vec![0.0; n], vec![0.0; n]);
    let mut soc_wh = vec![0.0; n + 1];
    for (part, schedule) in parts {
        for t in 0..n {
            charge_w[t] += schedule.charge_wh[t] / site.dt_h;
            discharge_w[t] += schedule.discharge_wh[t] / site.dt_h;
        }
        soc_wh[part.from..].copy_from_slice(&schedule.stored_wh[part.from..]);
    }
    StoragePlan { charge_w, discharge_w, soc_wh }
}
