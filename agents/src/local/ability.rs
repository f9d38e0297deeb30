//! Ability: everything a site could sell in each interval of its plan, for those who watch a market.
//!
//! A quote answers one buyer's question; this is what all quotes of one moment are cut from: the
//! closed form of protocol 3.4 over the whole horizon, with storage as a power per interval and a
//! budget from the start. It flows into no mind and no message.

use gridpact_chain::terms::{Energy, Interval, Price, Profile};

use super::deficit::weighted;
use super::door::{Quote, QuoteRequest};
use super::schedule::{Plan, Problem, Store, StorePlan};
use super::stock::power;
use super::tariff::Tariff;
use super::{Current, LocalAgent};

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
        Some(self.ability_of(current).clone())
    }

    /// The ability of the plan in force, worked out once. What is barred does not change with a
    /// plan: purchases are signed only where they have been tendered.
    pub(super) fn ability_of<'a>(&self, current: &'a Current) -> &'a Ability {
        let bars = |at| self.is_barred(at);
        current.ability.get_or_init(|| ability(&current.problem, &current.plan, &bars))
    }
}

/// The ability of a plan; nothing in its first interval, which is under way, nor where `barred`.
fn ability(problem: &Problem, plan: &Plan, barred: &dyn Fn(Interval) -> bool) -> Ability {
    let open: Vec<bool> =
        (0..).take(problem.horizon()).map(|t| t > 0 && !barred(problem.start.plus(t))).collect();
    let mut ability = Ability { start: problem.start, ..Ability::default() };
    for (t, is_open) in open.iter().enumerate() {
        let export_left = (problem.export_limit_wh - problem.sold_wh[t]).max(0.0);
        let direct = if *is_open { plan.export_wh[t].min(export_left) } else { 0.0 };
        ability.direct_wh.push(down(direct));
        ability.direct_cost.push(Price(problem.feed_in[t].ceil() as i64));
        ability.export_left_wh.push(down(export_left));
    }
    let mut pairs: Vec<_> = problem.stores.iter().zip(&plan.stores).enumerate().collect();
    pairs.sort_by(|(_, (a, p)), (_, (b, q))| unit(a, p).total_cmp(&unit(b, q)));
    // Own import left to displace in each interval: the cheapest storage does it first.
    let mut import: Vec<f64> = plan.import_wh.clone();
    for (number, (store, path)) in pairs {
        let source = source(number, store, path, &open, &mut import);
        if source.power_wh.iter().zip(&source.until_wh).any(|(power, until)| power.min(until) > &0)
        {
            ability.sources.push(source);
        }
    }
    ability
}

/// What a kWh out of a storage is worth otherwise, with wear.
fn unit(store: &Store, path: &StorePlan) -> f64 {
    path.terminal_value / store.eta_discharge + store.wear
}

/// What one storage could give where it is `open`, once it has displaced its part of `import`.
fn source(
    number: usize,
    store: &Store,
    path: &StorePlan,
    open: &[bool],
    import: &mut [f64],
) -> Source {
    let mut source = Source { number, ..Source::default() };
    source.unit_cost = Price((unit(store, path) - 1e-6).ceil() as i64);
    for (t, (is_open, import)) in open.iter().zip(import).enumerate() {
        let power = if *is_open { power::of_store(store, path, t) } else { 0.0 };
        let displaced = import.min(power).max(0.0);
        *import -= displaced;
        source.power_wh.push(down(power - displaced));
        let spare = spare(store, path, t).min(spare(store, path, t + 1));
        source.until_wh.push(down(spare.min(rations(store, path, t))));
    }
    // A later boundary that needs more binds every earlier interval as well.
    let mut least = u64::MAX;
    for wh in source.until_wh.iter_mut().rev() {
        least = least.min(*wh);
        *wh = least;
    }
    source
}

/// Energy at the meter above what is owed at boundary `tau` of the plan.
fn spare(store: &Store, path: &StorePlan, tau: usize) -> f64 {
    let stored = path.stored_wh.get(tau).copied().unwrap_or(0.0);
    store.eta_discharge * (stored - store.kept_wh(tau)).max(0.0)
}

/// What days' rations leave to be given in all intervals up to and including `t`, Wh at the meter.
fn rations(store: &Store, path: &StorePlan, t: usize) -> f64 {
    let days = store.rules.rations.iter().filter(|ration| ration.from <= t);
    let left = days.map(|ration| power::of_ration(ration, path));
    if store.rules.rations.is_empty() { f64::INFINITY } else { left.sum() }
}

/// Down to whole Wh: what is offered must be there.
fn down(wh: f64) -> u64 {
    (wh + 1e-6).floor().max(0.0) as u64
}

/// What is left of an ability while a quote is cut from it.
struct Rest<'a> {
    ability: &'a Ability,
    direct: Vec<u64>,
    line: Vec<u64>,
    /// Power and budget left, per source.
    sources: Vec<(Vec<u64>, Vec<u64>)>,
}

impl Rest<'_> {
    /// Takes up to `most` of the direct surplus in interval `t`.
    fn direct(&mut self, t: usize, most: u64) -> u64 {
        let wh = self.direct[t].min(self.line[t]).min(most);
        self.direct[t] -= wh;
        self.line[t] -= wh;
        wh
    }

    /// Takes up to `most` from source `number` in interval `t`.
    fn stored(&mut self, number: usize, t: usize, most: u64) -> u64 {
        let (power, until) = &mut self.sources[number];
        // What is sold now is missing at every later boundary.
        let budget = until[t..].iter().copied().min().unwrap_or(0);
        // The connection is kept for the direct surplus, which has nowhere else to go.
        let line = self.line[t].saturating_sub(self.direct[t]);
        let wh = power[t].min(budget).min(line).min(most);
        power[t] -= wh;
        until[t..].iter_mut().for_each(|until| *until -= wh);
        self.line[t] -= wh;
        wh
    }

    fn index(&self, at: Interval) -> Option<usize> {
        let t = at.0.checked_sub(self.ability.start.0)? as usize;
        (t < self.direct.len()).then_some(t)
    }
}

impl Ability {
    /// The answer to `request`: what the cheapest source with at least `least` of it to give could
    /// serve after `beside`, and only where that costs less than the grid asks.
    pub(super) fn quote(
        &self,
        request: &QuoteRequest,
        beside: &Profile,
        least: Energy,
        tariff: &dyn Tariff,
    ) -> Quote {
        let mut rest = Rest {
            ability: self,
            direct: self.direct_wh.clone(),
            line: self.export_left_wh.clone(),
            sources: self
                .sources
                .iter()
                .map(|s| (s.power_wh.clone(), s.until_wh.clone()))
                .collect(),
        };
        for (at, wh) in beside.iter() {
            let Some(t) = rest.index(at) else { continue };
            let mut wh = wh - rest.direct(t, wh);
            for number in 0..self.sources.len() {
                wh -= rest.stored(number, t, wh);
            }
        }
        let wanted = &request.wanted;
        let (available, unit_cost) = self.cheapest(&mut rest, wanted, least, tariff);
        Quote {
            ticket: request.ticket,
            capacity: available.energy(),
            available,
            unit_cost,
            ceiling: weighted(wanted, |at| tariff.retail(at)),
            feed_in: weighted(wanted, |at| tariff.feed_in(at)),
        }
    }

    /// What the cheapest source with at least `least` to give can serve of `wanted`, at what cost.
    fn cheapest(
        &self,
        rest: &mut Rest<'_>,
        wanted: &Profile,
        least: Energy,
        tariff: &dyn Tariff,
    ) -> (Profile, Price) {
        let mut available = Profile::zeros(wanted.start, wanted.end());
        for tier in std::iter::once(None).chain((0..self.sources.len()).map(Some)) {
            let cost = |t: usize| match tier {
                None => self.direct_cost[t],
                Some(number) => self.sources[number].unit_cost,
            };
            let mut dearest = Price(i64::MIN);
            for ((at, most), wh) in wanted.iter().zip(&mut available.wh) {
                let Some(t) = rest.index(at).filter(|t| cost(*t) < tariff.retail(at)) else {
                    *wh = 0;
                    continue;
                };
                *wh = match tier {
                    None => rest.direct(t, most),
                    Some(number) => rest.stored(number, t, most),
                };
                if *wh > 0 {
                    dearest = dearest.max(cost(t));
                }
            }
            let energy = available.energy();
            if energy >= least && energy > Energy::ZERO {
                return (available, dearest);
            }
        }
        (Profile::zeros(wanted.start, wanted.end()), Price::ZERO)
    }
}
