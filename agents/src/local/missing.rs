//! What a plan could not have: what, how much, when, why, and the energy that would mend it.
//!
//! Nothing here decides anything: it is read off a plan and its question. The plan is optimal, so all
//! that buying could mend is in its import already, and so in the blocks that are tendered: each
//! interval in which a storage or a job that lacks energy could take more finds the line full. A sale
//! is not mended by a purchase in the same interval either, since one meter nets them.

use gridpact_chain::terms::Interval;
use serde::{Deserialize, Serialize};

use super::schedule::{Departure, Plan, Problem, Store};
use crate::resource::reading::DeviceIndex;

mod reason;

/// Below this many Wh nothing is missing.
const NONE_WH: f64 = 0.05;

/// What is missing; numbers are places in the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// The line is loaded above its import limit.
    Overload,
    /// Energy in a storage at a departure.
    Departure {
        /// Which storage.
        store: usize,
        /// Which of its departures.
        departure: usize,
    },
    /// Energy that a trip takes out of a storage.
    Trip {
        /// Which storage.
        store: usize,
        /// Which of its departures.
        departure: usize,
    },
    /// Energy of a storage under its floor.
    Floor {
        /// Which storage.
        store: usize,
    },
    /// Energy of a load that can wait.
    Job {
        /// Which job.
        job: usize,
    },
    /// Sold energy that is not delivered.
    Sale,
    /// Energy of a sale without hours of its own that is not delivered.
    Pooled,
    /// Bought energy that is not taken.
    Purchase,
}

/// Why it is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lack {
    /// The fixed load alone is above the limit of the connection.
    Load,
    /// The device takes or gives at its full power all the time there is.
    Power,
    /// The vehicle is at its charger for too short a time.
    Time,
    /// More is asked for than the storage holds.
    Capacity,
    /// The connection imports no more.
    Import,
    /// The line that several storages share is full.
    Station,
    /// The connection exports no more.
    Export,
    /// There is no energy to give.
    Energy,
    /// There is neither a use for it nor a way out.
    NoUse,
    /// Something that counts more takes it.
    Rank,
}

impl Lack {
    /// The reason in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Load => "the load alone is too much",
            Self::Power => "it is at its full power all the time",
            Self::Time => "there is too little time for it",
            Self::Capacity => "more than it can hold",
            Self::Import => "the connection imports no more",
            Self::Station => "the station's line carries no more",
            Self::Export => "the connection exports no more",
            Self::Energy => "there is no energy to give",
            Self::NoUse => "there is no use for it and no way out",
            Self::Rank => "something that counts more takes it",
        }
    }
}

/// Energy at the meter that would mend a shortfall, if it came within a range of intervals.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mend {
    /// First interval.
    pub from: Interval,
    /// One past the last interval.
    pub to: Interval,
    /// How much, Wh.
    pub wh: f64,
    /// What the connection would still let in within the range beside the plan's import, Wh. Where
    /// this is more than nothing, something else than the line is in the way.
    pub line_wh: f64,
}

/// One thing that a plan could not have.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Missing {
    /// What is missing.
    #[serde(flatten)]
    pub what: What,
    /// The site's device that lacks it, where it is one and known.
    pub device: Option<DeviceIndex>,
    /// The interval at whose start, or in which, it is missing.
    pub at: Interval,
    /// Missing energy, as the penalty counts it, Wh.
    pub wh: f64,
    /// Why.
    pub lack: Lack,
    /// What would mend it; none where energy would not.
    pub mend: Option<Mend>,
}

/// Everything that is missing in a plan, in the order of rank; empty in an ordinary plan.
#[must_use]
pub fn missing(problem: &Problem, plan: &Plan) -> Vec<Missing> {
    let mut list = List { problem, plan, found: Vec::new() };
    for (t, wh) in above(&plan.shortfall.overload_wh) {
        // Nothing can come through a full line; load has to go, or a source behind the meter come.
        list.add(What::Overload, t, wh, Lack::Load, None);
    }
    for s in 0..problem.stores.len().min(plan.stores.len()) {
        list.drive(s);
        list.floor(s);
    }
    list.jobs();
    list.contracts();
    list.found
}

fn above(series: &[f64]) -> impl Iterator<Item = (usize, f64)> {
    series.iter().copied().enumerate().filter(|(_, wh)| *wh > NONE_WH)
}

struct List<'a> {
    problem: &'a Problem,
    plan: &'a Plan,
    found: Vec<Missing>,
}

impl List<'_> {
    fn interval(&self, t: usize) -> Interval {
        self.plan.start.plus(u32::try_from(t).unwrap_or(u32::MAX))
    }

    fn add(
        &mut self,
        what: What,
        t: usize,
        wh: f64,
        lack: Lack,
        mend: Option<(usize, usize, f64)>,
    ) {
        let mend = mend.map(|(from, to, wh)| Mend {
            from: self.interval(from),
            to: self.interval(to),
            wh,
            line_wh: (from..to.min(self.problem.horizon())).map(|t| self.line_left(t)).sum(),
        });
        let at = self.interval(t);
        self.found.push(Missing { what, device: None, at, wh, lack, mend });
    }

    /// What a storage owes to its driver: departures and trips.
    fn drive(&mut self, s: usize) {
        let (store, schedule) = (&self.problem.stores[s], &self.plan.stores[s]);
        for (k, departure) in store.departures.iter().enumerate() {
            let Departure { at, due_wh, trip_wh } = *departure;
            let Some(held) = schedule.stored_wh.get(at) else { continue };
            let from = (0..at).find(|t| store.is_plugged(*t)).unwrap_or(at);
            let wh = due_wh - held;
            if wh > NONE_WH {
                let lack = match due_wh > store.capacity_wh {
                    true => Lack::Capacity,
                    false => self.why_not_charged(s, at),
                };
                let what = What::Departure { store: s, departure: k };
                self.add(what, at, wh, lack, Some((from, at, wh / store.eta_charge)));
            }
            let Some(after) = schedule.stored_wh.get(at + 1) else { continue };
            let flow = store.eta_charge * schedule.charge_wh[at]
                - schedule.discharge_wh[at] / store.eta_discharge;
            let wh = after - (held + flow - trip_wh);
            if wh > NONE_WH {
                let lack = self.why_not_charged(s, at);
                let what = What::Trip { store: s, departure: k };
                self.add(what, at, wh, lack, Some((from, at, wh / store.eta_charge)));
            }
        }
    }

    /// The floor, while a storage that came with less could charge.
    fn floor(&mut self, s: usize) {
        let (store, schedule) = (&self.problem.stores[s], &self.plan.stores[s]);
        if store.stored_wh >= store.floor_wh {
            return;
        }
        for t in (0..self.problem.horizon()).filter(|t| store.is_plugged(*t)) {
            let wh = store.floor_wh - schedule.stored_wh[t + 1];
            if wh > NONE_WH {
                let lack = self.why_not_charged(s, t + 1);
                let mend = Some((t, t + 1, wh / store.eta_charge));
                self.add(What::Floor { store: s }, t + 1, wh, lack, mend);
            }
        }
    }

    fn jobs(&mut self) {
        let n = self.problem.horizon();
        for (j, (job, energies)) in self.problem.jobs.iter().zip(&self.plan.jobs_wh).enumerate() {
            // What may still run beyond the horizon is not missing.
            let later = job.power_wh * job.until.saturating_sub(n.max(job.from)) as f64;
            let wh = job.energy_wh - energies.iter().sum::<f64>() - later;
            if wh > NONE_WH {
                let lack = self.why_not_run(job);
                let until = job.until.min(n);
                let mend = Some((job.from.min(until), until, wh));
                self.add(What::Job { job: j }, until, wh, lack, mend);
            }
        }
    }

    fn contracts(&mut self) {
        let plan = self.plan;
        for (t, wh) in above(&plan.shortfall.sale_wh) {
            let lack = self.why_not_delivered(t, wh);
            self.add(What::Sale, t, wh, lack, Some((t, t + 1, wh)));
        }
        if let Some(pool) = self.problem.pooled
            && plan.shortfall.pooled_wh > NONE_WH
        {
            let (wh, mend) = (plan.shortfall.pooled_wh, (pool.from, pool.until));
            let mend = Some((mend.0, mend.1, wh));
            self.add(What::Pooled, pool.from, wh, Lack::Energy, mend);
        }
        for (t, wh) in above(&plan.shortfall.purchase_wh) {
            let is_over = self.problem.bought_wh[t] > self.problem.import_limit_wh + NONE_WH;
            let lack = if is_over { Lack::Import } else { Lack::NoUse };
            self.add(What::Purchase, t, wh, lack, None);
        }
    }
}
