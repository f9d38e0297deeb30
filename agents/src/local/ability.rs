//! Ability: everything a site could sell in each interval of its plan, for those who watch a market.
//!
//! A quote answers one buyer's question; this is what all quotes of one moment are cut from: the
//! closed form of protocol 3.4 over the whole horizon, with storage as a power per interval and a
//! budget from the start. It flows into no mind and no message.

use gridpact_chain::terms::{Interval, Price};

use super::LocalAgent;
use super::schedule::{Plan, Problem, Store, StorePlan};
use super::valuation::power_left;

/// What a site could sell, interval by interval from `start` on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ability {
    /// First interval of the series.
    pub start: Interval,
    /// What the plan would feed into the grid, Wh; 0 where the site buys or asks to buy.
    pub direct_wh: Vec<u64>,
    /// What that costs, micro-currency per kWh: the feed-in price it would have had.
    pub direct_cost: Vec<Price>,
    /// What the connection can export beside signed sales, Wh.
    pub export_left_wh: Vec<u64>,
    /// The storages that could give something.
    pub sources: Vec<Source>,
}

/// What one storage could give beyond the plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// Its number among the site's storages.
    pub number: usize,
    /// Most in one interval, Wh at the meter, own import displaced.
    pub power_wh: Vec<u64>,
    /// Most in all intervals up to and including this one, Wh at the meter: what no floor,
    /// departure or trip needs by then.
    pub until_wh: Vec<u64>,
    /// What a kWh of it costs: its terminal value over the efficiency, and wear.
    pub unit_cost: Price,
}

impl LocalAgent {
    /// What this site could sell by the plan in force; none without a plan or without trading. An
    /// interval in which it buys or asks to buy has nothing: one party, one side (protocol 3.2).
    #[must_use]
    pub fn ability(&self) -> Option<Ability> {
        let current = self.current.as_ref().filter(|_| self.setup.trading)?;
        Some(ability(&current.problem, &current.plan, &|at| self.is_barred(at)))
    }
}

/// The ability of a plan; nothing in its first interval, which is under way, nor where `barred`.
fn ability(problem: &Problem, plan: &Plan, barred: &dyn Fn(Interval) -> bool) -> Ability {
    let n = problem.horizon();
    let mut ability = Ability { start: problem.start, ..Ability::default() };
    // Own import left to displace in each interval: the cheapest storage does it first.
    let mut import: Vec<f64> = plan.import_wh.clone();
    let mut open = vec![true; n];
    for t in 0..n {
        let at = problem.start.plus(u32::try_from(t).unwrap_or(u32::MAX));
        open[t] = t > 0 && !barred(at);
        let export_left = (problem.export_limit_wh - problem.sold_wh[t]).max(0.0);
        let direct = if open[t] { plan.export_wh[t].min(export_left) } else { 0.0 };
        ability.direct_wh.push(down(direct));
        ability.direct_cost.push(Price(problem.feed_in[t].ceil() as i64));
        ability.export_left_wh.push(down(export_left));
    }
    let mut pairs: Vec<_> = problem.stores.iter().zip(&plan.stores).enumerate().collect();
    let unit = |store: &Store, path: &StorePlan| {
        path.terminal_value / store.eta_discharge + store.wear
    };
    pairs.sort_by(|(_, (a, p)), (_, (b, q))| unit(a, p).total_cmp(&unit(b, q)));
    for (number, (store, path)) in pairs {
        let mut source = Source { number, ..Source::default() };
        source.unit_cost = Price((unit(store, path) - 1e-6).ceil() as i64);
        for t in 0..n {
            let power = if open[t] { power_left(store, path, t) } else { 0.0 };
            let displaced = import[t].min(power).max(0.0);
            import[t] -= displaced;
            source.power_wh.push(down(power - displaced));
            source.until_wh.push(down(spare(store, path, t).min(spare(store, path, t + 1))));
        }
        // A later boundary that needs more binds every earlier interval as well.
        let mut least = u64::MAX;
        for wh in source.until_wh.iter_mut().rev() {
            least = least.min(*wh);
            *wh = least;
        }
        if source.power_wh.iter().zip(&source.until_wh).any(|(power, until)| power.min(until) > &0) {
            ability.sources.push(source);
        }
    }
    ability
}

/// Energy at the meter above what is owed at boundary `tau` of the plan.
fn spare(store: &Store, path: &StorePlan, tau: usize) -> f64 {
    let due = store.departures.iter().filter(|d| d.at == tau).map(|d| d.due_wh);
    let floor = due.fold(store.floor_wh, f64::max);
    let stored = path.stored_wh.get(tau).copied().unwrap_or(0.0);
    store.eta_discharge * (stored - floor).max(0.0)
}

/// Down to whole Wh: what is offered must be there.
fn down(wh: f64) -> u64 {
    (wh + 1e-6).floor().max(0.0) as u64
}
