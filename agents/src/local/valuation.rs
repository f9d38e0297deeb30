//! What a site could sell, and at what cost: the fast closed form (protocol 3.4).
//!
//! It only screens offers. What binds is the exact re-plan at the reservation; what this leaves out
//! (charging now for a later sale, say) the exact one may still find.

use gridpact_chain::terms::{Interval, Price, Profile};

use super::deficit::weighted;
use super::door::{Quote, QuoteRequest};
use super::schedule::{Plan, Problem, Store, StorePlan};
use super::stock::{Spare, Stock};
use super::tariff::Tariff;
use crate::params::BlockShape;

/// An offer nearer than this to its limit, Wh, may have been shaped by it.
const NEAR_WH: f64 = 1e-3;

/// What a quote is read from: the plan with all final contracts in it.
pub(super) struct Valuation<'a> {
    pub problem: &'a Problem,
    pub plan: &'a Plan,
    pub stock: &'a Stock,
    pub tariff: &'a dyn Tariff,
    pub shape: BlockShape,
    /// Whether this site buys or asks to buy in an interval; it never sells in it as well.
    pub barred: &'a dyn Fn(Interval) -> bool,
}

/// What one interval can give: direct surplus, then storage at its cost per kWh.
#[derive(Clone, Copy)]
struct Offer {
    wh: f64,
    cost: f64,
}

/// What a walk through the intervals uses up; kept between walks to spare the allocator.
#[derive(Default)]
struct Ledger {
    spares: Vec<Spare>,
    power: Vec<f64>,
}

impl Valuation<'_> {
    /// The answer to `request`.
    pub fn quote(&self, request: &QuoteRequest) -> Quote {
        let wanted = &request.wanted;
        let limit = |at: Interval| match self.shape {
            BlockShape::Profile => wanted.at(at) as f64,
            BlockShape::Energy => f64::INFINITY,
        };
        let most = match self.shape {
            BlockShape::Profile => f64::INFINITY,
            BlockShape::Energy => wanted.energy().0 as f64,
        };
        let mut ledger = Ledger::default();
        let mut wh = Vec::with_capacity(wanted.wh.len());
        let (mut energy, mut cost, mut is_bound) = (0.0, 0.0, false);
        self.offers(wanted, limit, most, &mut ledger, |offer, room| {
            // Down to whole Wh: what is offered must be there.
            wh.push((offer.wh + 1e-6).floor().max(0.0) as u64);
            energy += offer.wh;
            cost += offer.cost * offer.wh;
            is_bound |= offer.wh + NEAR_WH >= room;
        });
        let mut capacity = energy;
        if is_bound {
            capacity = 0.0;
            let free = |_| f64::INFINITY;
            self.offers(wanted, free, f64::INFINITY, &mut ledger, |offer, _| capacity += offer.wh);
        }
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

    /// Greedily in time, at most `limit` per interval and `most` in all; `each` is told the offer
    /// of every interval and the limit it was made under.
    fn offers(
        &self,
        wanted: &Profile,
        limit: impl Fn(Interval) -> f64,
        most: f64,
        ledger: &mut Ledger,
        mut each: impl FnMut(Offer, f64),
    ) {
        let first = self.plan.index_of(wanted.start).unwrap_or(usize::MAX);
        self.stock.lay_out(first, &mut ledger.spares);
        let mut left = most;
        for (at, _) in wanted.iter() {
            let room = limit(at).min(left);
            let offer = match self.plan.index_of(at) {
                Some(t) if at > self.plan.start && !(self.barred)(at) => {
                    self.offer(t, room, ledger)
                }
                _ => Offer { wh: 0.0, cost: 0.0 },
            };
            left -= offer.wh;
            each(offer, room);
        }
    }

    fn offer(&self, t: usize, limit: f64, ledger: &mut Ledger) -> Offer {
        let (problem, plan) = (self.problem, self.plan);
        let export_left = (problem.export_limit_wh - problem.sold_wh[t]).max(0.0);
        let direct = plan.export_wh[t].min(export_left).min(limit).max(0.0);
        let import = plan.import_wh[t];
        let Ledger { spares, power } = ledger;
        power.clear();
        let pairs = problem.stores.iter().zip(&plan.stores);
        power.extend(pairs.map(|(store, path)| power_left(store, path, t)));
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
            cost += self.draw(t, import, stored, ledger);
        }
        let wh = direct + stored;
        Offer { wh, cost: if wh > 0.0 { cost / wh } else { 0.0 } }
    }

    /// Takes what displaces `own` import and `sold` energy out of the spares; returns its cost.
    fn draw(&self, t: usize, mut own: f64, mut sold: f64, ledger: &mut Ledger) -> f64 {
        let Ledger { spares, power } = ledger;
        let pairs = self.problem.stores.iter().zip(&self.plan.stores);
        power.clear();
        power.extend(pairs.map(|(store, path)| power_left(store, path, t)));
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

/// What a storage could give in interval `t` beyond the plan, Wh at the meter.
pub(super) fn power_left(store: &Store, path: &StorePlan, t: usize) -> f64 {
    if !store.is_plugged(t) || store.discharge_wh <= 0.0 {
        0.0
    } else if path.charge_wh[t] > 0.0 {
        path.charge_wh[t]
    } else {
        (store.discharge_wh - path.discharge_wh[t]).max(0.0)
    }
}
