//! What a site could sell, and at what cost: the fast closed form (protocol 3.4).
//!
//! It only screens offers. What binds is the exact re-plan at the reservation; what this leaves out
//! (charging now for a later sale, say) the exact one may still find.

use std::collections::BTreeSet;

use gridpact_chain::terms::{Interval, Price, Profile};

use super::deficit::weighted;
use super::door::{Quote, QuoteRequest};
use super::schedule::{Plan, Problem};
use super::tariff::Tariff;
use crate::params::BlockShape;

/// What a quote is read from: the plan with all final contracts in it.
pub(super) struct Valuation<'a> {
    pub problem: &'a Problem,
    pub plan: &'a Plan,
    pub tariff: &'a dyn Tariff,
    pub shape: BlockShape,
    /// Intervals in which this site buys or asks to buy; it never sells in them as well.
    pub barred: &'a BTreeSet<Interval>,
}

/// What one interval can give: direct surplus, then storage at its cost per kWh.
struct Offer {
    wh: f64,
    cost: f64,
}

impl Valuation<'_> {
    /// The answer to `request`.
    pub fn quote(&self, request: &QuoteRequest) -> Quote {
        let wanted = &request.wanted;
        let total = wanted.energy().0 as f64;
        let limit = |at: Interval| match self.shape {
            BlockShape::Profile => wanted.at(at) as f64,
            BlockShape::Energy => f64::INFINITY,
        };
        let most = if self.shape == BlockShape::Energy { total } else { f64::INFINITY };
        let offers = self.offers(wanted, limit, most);
        let capacity: f64 =
            self.offers(wanted, |_| f64::INFINITY, f64::INFINITY).iter().map(|o| o.wh).sum();
        // Down to whole Wh: what is offered must be there.
        let wh: Vec<u64> = offers.iter().map(|o| (o.wh + 1e-6).floor().max(0.0) as u64).collect();
        let (energy, cost) =
            offers.iter().fold((0.0, 0.0), |(e, c), o| (e + o.wh, c + o.cost * o.wh));
        let unit_cost = if energy > 0.0 { (cost / energy - 1e-6).ceil() } else { 0.0 };
        Quote {
            ticket: request.ticket,
            available: Profile { start: wanted.start, wh },
            capacity: gridpact_chain::terms::Energy(capacity.floor().max(0.0) as u64),
            unit_cost: Price(unit_cost as i64),
            ceiling: weighted(wanted, |at| self.tariff.retail(at)),
            feed_in: weighted(wanted, |at| self.tariff.feed_in(at)),
        }
    }

    /// Greedily in time, at most `limit` per interval and `most` in all.
    fn offers(&self, wanted: &Profile, limit: impl Fn(Interval) -> f64, most: f64) -> Vec<Offer> {
        let first = self.plan.index_of(wanted.start).unwrap_or(usize::MAX);
        let mut headroom = self.headroom(first);
        let mut left = most;
        let mut offers = Vec::with_capacity(wanted.wh.len());
        for (at, _) in wanted.iter() {
            let offer = match self.plan.index_of(at) {
                Some(t) if !self.barred.contains(&at) && at > self.plan.start => {
                    self.offer(t, limit(at).min(left), &mut headroom)
                }
                _ => Offer { wh: 0.0, cost: 0.0 },
            };
            left -= offer.wh;
            offers.push(offer);
        }
        offers
    }

    /// Per storage, energy at the meter that no later floor, departure or trip needs.
    fn headroom(&self, first: usize) -> Vec<f64> {
        let stores = self.problem.stores.iter().zip(&self.plan.stores);
        let spare = stores.map(|(store, plan)| {
            let floor = |tau: usize| {
                let due = store.departures.iter().filter(|d| d.at == tau).map(|d| d.due_wh);
                due.fold(store.floor_wh, f64::max)
            };
            let ahead = plan.stored_wh.iter().enumerate().skip(first);
            let least = ahead.map(|(tau, wh)| wh - floor(tau)).fold(f64::INFINITY, f64::min);
            if least.is_finite() { store.eta_discharge * least.max(0.0) } else { 0.0 }
        });
        spare.collect()
    }

    fn offer(&self, t: usize, limit: f64, headroom: &mut [f64]) -> Offer {
        let (problem, plan) = (self.problem, self.plan);
        let export_left = (problem.export_limit_wh - problem.sold_wh[t]).max(0.0);
        let direct = plan.export_wh[t].min(export_left).min(limit).max(0.0);
        let import = plan.import_wh[t];
        // What each storage could add in this interval, cheapest first.
        let mut adds: Vec<(usize, f64, f64)> =
            (problem.stores.iter().zip(&plan.stores).enumerate())
                .map(|(s, (store, path))| {
                    let charges = path.charge_wh[t];
                    let power = if !store.is_plugged(t) || store.discharge_wh <= 0.0 {
                        0.0
                    } else if charges > 0.0 {
                        charges
                    } else {
                        store.discharge_wh - path.discharge_wh[t]
                    };
                    let cost = path.terminal_value / store.eta_discharge + store.wear;
                    (s, power.min(headroom[s]).max(0.0), cost)
                })
                .collect();
        adds.sort_by(|a, b| a.2.total_cmp(&b.2));
        let power: f64 = adds.iter().map(|(_, wh, _)| wh).sum();
        // Own import is displaced first: one meter nets.
        let stored = (power - import).min(export_left - direct).min(limit - direct).max(0.0);
        let mut cost = direct * problem.feed_in[t];
        if stored > 0.0 {
            let (mut own, mut sold) = (import, stored);
            for (s, wh, unit) in adds {
                let displaced = own.min(wh);
                let given = sold.min(wh - displaced);
                own -= displaced;
                sold -= given;
                headroom[s] -= displaced + given;
                // Displacing own import costs what the stored energy is worth beyond it.
                let saved = problem.retail[t].min(unit);
                cost += given * unit + displaced * (unit - saved);
            }
        }
        let wh = direct + stored;
        Offer { wh, cost: if wh > 0.0 { cost / wh } else { 0.0 } }
    }
}
