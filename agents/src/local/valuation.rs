//! What a site could sell, and at what cost: the fast closed form (protocol 3.4).
//!
//! It only screens offers. What binds is the exact re-plan at the reservation; what this leaves out
//! (charging now for a later sale, say) the exact one may still find.

use std::collections::BTreeSet;

use gridpact_chain::terms::{Interval, Price, Profile};

use super::deficit::weighted;
use super::door::{Quote, QuoteRequest};
use super::schedule::{Plan, Problem, Store, StorePlan};
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
        let mut spares = self.spares(first);
        let mut left = most;
        let mut offers = Vec::with_capacity(wanted.wh.len());
        for (at, _) in wanted.iter() {
            let offer = match self.plan.index_of(at) {
                Some(t) if !self.barred.contains(&at) && at > self.plan.start => {
                    self.offer(t, limit(at).min(left), &mut spares)
                }
                _ => Offer { wh: 0.0, cost: 0.0 },
            };
            left -= offer.wh;
            offers.push(offer);
        }
        offers
    }

    /// What the storages could give from interval `first` on, cheapest first: energy that no later
    /// floor, departure or trip needs, and then what the plan would feed into the grid from them.
    fn spares(&self, first: usize) -> Vec<Spare> {
        let mut spares = Vec::new();
        for (number, (store, path)) in self.problem.stores.iter().zip(&self.plan.stores).enumerate()
        {
            let fed = self.fed_in(number);
            let free = headroom(store, path, &[], first);
            let all = headroom(store, path, &fed, first);
            let unit = path.terminal_value / store.eta_discharge + store.wear;
            spares.push(Spare { store: number, wh: free, unit });
            let (sum, worth) = fed
                .iter()
                .zip(&self.problem.feed_in)
                .fold((0.0, 0.0), |(sum, worth), (wh, price)| (sum + wh, worth + wh * price));
            if sum > 0.0 {
                // Given to a neighbour instead of the grid: what is lost is the feed-in.
                spares.push(Spare { store: number, wh: (all - free).max(0.0), unit: worth / sum });
            }
        }
        spares.sort_by(|a, b| a.unit.total_cmp(&b.unit));
        spares
    }

    /// What the plan feeds into the grid from storage `number`, per interval, Wh.
    fn fed_in(&self, number: usize) -> Vec<f64> {
        let (problem, plan) = (self.problem, self.plan);
        let stored = |t: usize| plan.stores.iter().map(|path| path.discharge_wh[t]).sum::<f64>();
        (0..problem.horizon())
            .map(|t| {
                let all = stored(t);
                let own = plan.stores[number].discharge_wh[t];
                if all > 0.0 { plan.export_wh[t].min(all).max(0.0) * own / all } else { 0.0 }
            })
            .collect()
    }

    fn offer(&self, t: usize, limit: f64, spares: &mut [Spare]) -> Offer {
        let (problem, plan) = (self.problem, self.plan);
        let export_left = (problem.export_limit_wh - problem.sold_wh[t]).max(0.0);
        let direct = plan.export_wh[t].min(export_left).min(limit).max(0.0);
        let import = plan.import_wh[t];
        let mut power: Vec<f64> =
            problem.stores.iter().zip(&plan.stores).map(|(s, p)| power_left(s, p, t)).collect();
        let mut can_add = 0.0;
        for spare in spares.iter() {
            let wh = spare.wh.min(power[spare.store]);
            power[spare.store] -= wh;
            can_add += wh;
        }
        // Own import is displaced first: one meter nets.
        let stored = (can_add - import).min(export_left - direct).min(limit - direct).max(0.0);
        let mut cost = direct * problem.feed_in[t];
        if stored > 0.0 {
            cost += self.draw(t, import, stored, spares);
        }
        let wh = direct + stored;
        Offer { wh, cost: if wh > 0.0 { cost / wh } else { 0.0 } }
    }

    /// Takes what displaces `own` import and `sold` energy out of the spares; returns its cost.
    fn draw(&self, t: usize, mut own: f64, mut sold: f64, spares: &mut [Spare]) -> f64 {
        let stores = self.problem.stores.iter().zip(&self.plan.stores);
        let mut power: Vec<f64> = stores.map(|(store, path)| power_left(store, path, t)).collect();
        let mut cost = 0.0;
        for spare in spares {
            let wh = spare.wh.min(power[spare.store]);
            let displaced = own.min(wh);
            let given = sold.min(wh - displaced);
            own -= displaced;
            sold -= given;
            spare.wh -= displaced + given;
            power[spare.store] -= displaced + given;
            // Displacing own import costs what the stored energy is worth beyond it.
            let saved = self.problem.retail[t].min(spare.unit);
            cost += given * spare.unit + displaced * (spare.unit - saved);
        }
        cost
    }
}

/// Energy at the meter that a storage could give, and what a kWh of it is worth otherwise.
struct Spare {
    store: usize,
    wh: f64,
    unit: f64,
}

/// Energy at the meter that no floor, departure or trip from `first` on needs, if `fed`, which the
/// plan gives to the grid, stayed in the storage.
fn headroom(store: &Store, path: &StorePlan, fed: &[f64], first: usize) -> f64 {
    let mut kept = 0.0;
    let mut least = f64::INFINITY;
    for (tau, stored) in path.stored_wh.iter().enumerate() {
        if tau >= first {
            let due = store.departures.iter().filter(|d| d.at == tau).map(|d| d.due_wh);
            let floor = due.fold(store.floor_wh, f64::max);
            least = least.min((stored + kept).min(store.capacity_wh) - floor);
        }
        kept += fed.get(tau).copied().unwrap_or(0.0) / store.eta_discharge;
    }
    if least.is_finite() { store.eta_discharge * least.max(0.0) } else { 0.0 }
}

/// What a storage could give in interval `t` beyond the plan, Wh at the meter.
fn power_left(store: &Store, path: &StorePlan, t: usize) -> f64 {
    if !store.is_plugged(t) || store.discharge_wh <= 0.0 {
        0.0
    } else if path.charge_wh[t] > 0.0 {
        path.charge_wh[t]
    } else {
        (store.discharge_wh - path.discharge_wh[t]).max(0.0)
    }
}
