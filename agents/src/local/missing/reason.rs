//! Why something is missing, read off which bounds the plan sits on.

use super::{Lack, List, NONE_WH, Store};
use crate::local::schedule::{Job, StorePlan};

/// Flows nearer than this to a bound sit on it, Wh.
const NEAR_WH: f64 = 0.5;

impl List<'_> {
    /// What the connection still lets in in `t` beside the plan's import, Wh.
    pub(super) fn line_left(&self, t: usize) -> f64 {
        let (problem, plan) = (self.problem, self.plan);
        let cap = problem.import_cap_wh.get(t).copied().unwrap_or(f64::INFINITY);
        let most = (problem.import_limit_wh - problem.bought_wh[t]).min(cap);
        (most - plan.import_wh[t]).max(0.0)
    }

    /// Whether the line that storage `s` shares takes no more in `t`.
    fn is_station_full(&self, s: usize, t: usize) -> bool {
        let flow =
            |i: &usize| self.plan.stores[*i].charge_wh[t] - self.plan.stores[*i].discharge_wh[t];
        let mut stations = self.problem.stations.iter().filter(|line| line.stores.contains(&s));
        stations.any(|line| line.stores.iter().map(flow).sum::<f64>() > line.limit_wh - NEAR_WH)
    }

    /// Why storage `s` does not hold more at the start of interval `at`.
    pub(super) fn why_not_charged(&self, s: usize, at: usize) -> Lack {
        let (store, schedule): (&Store, _) = (&self.problem.stores[s], &self.plan.stores[s]);
        // Before it was full, more could not have been kept.
        let full = (1..at).rev().find(|t| schedule.stored_wh[*t] > store.capacity_wh - NEAR_WH);
        let here: Vec<usize> = (full.unwrap_or(0)..at).filter(|t| store.is_plugged(*t)).collect();
        let has_room = |t: &&usize| schedule.charge_wh[**t] < store.charge_wh - NEAR_WH;
        let mut first = None;
        for t in here.iter().filter(has_room) {
            let lack = match (self.is_station_full(s, *t), self.line_left(*t) <= NEAR_WH) {
                (true, _) => Lack::Station,
                (false, true) => Lack::Import,
                (false, false) => return Lack::Rank,
            };
            first = first.or(Some(lack));
        }
        let is_any = !here.is_empty();
        let is_there = is_any && (0..at).all(|t| store.is_plugged(t));
        first.unwrap_or(if is_there { Lack::Power } else { Lack::Time })
    }

    /// Why a job does not get more.
    pub(super) fn why_not_run(&self, job: &Job) -> Lack {
        let window = job.from..job.until.min(self.problem.horizon());
        if job.power_wh * (window.len() as f64) < job.energy_wh + NONE_WH {
            return Lack::Time;
        }
        let is_full = window.clone().any(|t| self.line_left(t) <= NEAR_WH);
        if is_full { Lack::Import } else { Lack::Rank }
    }

    /// Why a sale is not delivered in full in `t`.
    pub(super) fn why_not_delivered(&self, t: usize, wh: f64) -> Lack {
        let (problem, plan) = (self.problem, self.plan);
        if problem.sold_wh[t] > problem.export_limit_wh + wh.min(NEAR_WH) {
            return Lack::Export;
        }
        let is_strained = |(store, path): (&Store, &StorePlan)| {
            let floor = store.floor_wh.max(store.rules.sale_floor_wh);
            store.may_discharge(t)
                && path.discharge_wh[t] > store.discharge_wh - NEAR_WH
                && path.stored_wh[t + 1] > floor + NEAR_WH
        };
        let is_power = problem.stores.iter().zip(&plan.stores).any(is_strained);
        if is_power { Lack::Power } else { Lack::Energy }
    }
}
