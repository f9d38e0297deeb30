//! Why each device does what it does: the reasons behind the first interval of a plan, as data.
//!
//! A plan is an optimum, and an optimum gives no reasons. They are read off its own figures: what a
//! kWh is worth now and later, what is due at a departure, what a contract takes, which bound holds.
//! Nothing here decides anything; words are made of it elsewhere.

use gridpact_chain::terms::{Interval, Money, Price};
use serde::{Deserialize, Serialize};

use super::planning::{Place, Roster, numbered};
use super::schedule::{Departure, Plan, Problem, Store, StorePlan};
use super::wish::Wishes;
use crate::resource::nature::{Nature, V2g, Vehicle};
use crate::resource::reading::DeviceIndex;

/// Energies below this many Wh count as none.
const NONE_WH: f64 = 0.5;

/// The reason for what a device does in one interval. Prices are per kWh at the meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Why {
    /// The vehicle is not at its charger.
    Away,
    /// A storage gives what a signed sale takes.
    Contract {
        /// Energy due to buyers in the interval, Wh.
        sold_wh: u64,
    },
    /// A storage takes what the grid would pay little for.
    Surplus {
        /// What the grid pays.
        feed_in: Price,
    },
    /// A vehicle charges because of a departure.
    Need {
        /// When it leaves.
        at: Interval,
        /// What must be in it then, Wh.
        due_wh: u64,
    },
    /// A storage fills now for an interval in which energy is dearer.
    Later {
        /// When it gives it back.
        at: Interval,
        /// What a kWh costs then.
        then: Price,
        /// What it costs now.
        now: Price,
    },
    /// A storage fills because a full one is worth it beyond the horizon.
    Stock {
        /// What a stored kWh counts at the end of the horizon.
        worth: Price,
        /// What a kWh costs now.
        now: Price,
    },
    /// A storage gives instead of the grid, which is dearer now than what refills it later.
    Dear {
        /// What the grid asks now.
        now: Price,
    },
    /// A storage gives to the grid, which pays more now than it is worth later.
    FedIn {
        /// What the grid pays now.
        now: Price,
    },
    /// A storage can hold no more.
    Full,
    /// A storage is at the energy that is never given away.
    Floor {
        /// The floor, Wh.
        floor_wh: u64,
    },
    /// A vehicle charges, or keeps all it holds, because its driver wants it full now.
    FullNow {
        /// What that costs over the horizon of the plan in which it was accepted.
        extra: Money,
        /// Energy of signed sales that are missed for it, Wh.
        missed_wh: u64,
    },
    /// A vehicle would give, but its driver has not consented.
    NotConsented,
    /// A vehicle would give, but not at this hour.
    NotNow,
    /// A vehicle would give, but not at this price.
    BelowPrice {
        /// What the grid asks now.
        now: Price,
        /// What its driver wants it to ask at least.
        least: Price,
    },
    /// A vehicle would give, but has given all of its day's energy.
    DaySpent {
        /// What it may give in a day, Wh.
        energy_wh: u64,
    },
    /// A vehicle would give, but holds no more than its driver keeps for himself.
    NeverSold {
        /// What he keeps, Wh.
        kept_wh: u64,
    },
    /// A vehicle keeps what its departure needs.
    Kept {
        /// When it leaves.
        at: Interval,
        /// What must be in it then, Wh.
        due_wh: u64,
    },
    /// No price to come pays for losses and wear.
    NoGain,
    /// A job runs, because no interval of its window is better.
    Runs {
        /// What a kWh costs now.
        now: Price,
        /// End of its window.
        until: Interval,
    },
    /// A job or a storage waits for an interval that is as good or better.
    Waits {
        /// When it goes on.
        at: Interval,
        /// What a kWh costs then.
        then: Price,
    },
    /// No job is open.
    NoJob,
    /// A generator gives all it can.
    Free,
    /// A generator is curtailed, because feeding in costs money.
    Negative {
        /// What the grid pays: below zero.
        feed_in: Price,
    },
    /// A generator is curtailed, because nobody may take what is left.
    NoRoom {
        /// Most the connection exports in the interval, Wh.
        limit_wh: u64,
    },
    /// It does what it does; nothing is decided about it.
    Fixed,
}

/// A bound that keeps a device from doing more of the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Its own power.
    Power,
    /// Import of the connection.
    Import,
    /// Export of the connection.
    Export,
    /// The line of its charging station.
    Station,
}

/// What a device is to do in the first interval of a plan, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reasoned {
    /// The device.
    pub device: DeviceIndex,
    /// Energy it takes, Wh.
    pub consume_wh: u64,
    /// Energy it gives, Wh.
    pub produce_wh: u64,
    /// The reason.
    pub why: Why,
    /// What keeps it from more, if anything does.
    pub bound: Option<Bound>,
}

/// The reasons of all devices of a site for a plan's first interval.
pub(super) fn reasons(
    devices: &[Nature],
    roster: &Roster,
    (problem, plan): (&Problem, &Plan),
    wishes: &Wishes,
) -> Vec<Reasoned> {
    if problem.horizon() == 0 {
        return Vec::new();
    }
    let now = Now { problem, plan };
    numbered(devices)
        .map(|(device, nature)| {
            let place = roster.place(device);
            match nature {
                Nature::Battery(_) | Nature::Vehicle(_) => {
                    let store = place
                        .store
                        .and_then(|s| Some((problem.stores.get(s)?, plan.stores.get(s)?)));
                    let Some((store, path)) = store else { return fixed(device) };
                    let mut said = now.storage(device, store, path);
                    said.bound = said.bound.or_else(|| now.line(&place, &said));
                    said.why = match (nature, wishes.of(device)) {
                        (_, Some(wish)) if store.rules.full_until > 0 => full_now(wish.penalty),
                        (Nature::Vehicle(vehicle), _) => {
                            now.rule(vehicle, store, path, said.why).unwrap_or(said.why)
                        }
                        _ => said.why,
                    };
                    said
                }
                Nature::Deferrable => now.jobs(device, &place.jobs),
                Nature::Solar { .. } | Nature::Wind { .. } => now.generator(device),
                Nature::Load | Nature::Meter | Nature::Station { .. } => fixed(device),
            }
        })
        .collect()
}

fn fixed(device: DeviceIndex) -> Reasoned {
    Reasoned { device, consume_wh: 0, produce_wh: 0, why: Why::Fixed, bound: None }
}

fn full_now(penalty: Option<super::wish::Penalty>) -> Why {
    let (extra, missed) = penalty.map_or((Money(0), 0), |p| (p.extra, p.missed_wh.0));
    Why::FullNow { extra, missed_wh: missed }
}

fn wh(energy: f64) -> u64 {
    energy.max(0.0).round() as u64
}

fn price(value: f64) -> Price {
    Price(value.round() as i64)
}

/// The first interval of a plan.
struct Now<'a> {
    problem: &'a Problem,
    plan: &'a Plan,
}

impl Now<'_> {
    fn at(&self, t: usize) -> Interval {
        self.plan.start.plus(u32::try_from(t).unwrap_or(u32::MAX))
    }

    /// What one kWh more costs in interval `t`: what the grid asks, what it would have paid for
    /// surplus, or what the site's own devices make of it between the two.
    fn costs(&self, t: usize) -> Price {
        let flows = |series: &[f64]| series.get(t).is_some_and(|wh| *wh > NONE_WH);
        let from = if flows(&self.plan.import_wh) {
            &self.problem.retail
        } else if flows(&self.plan.export_wh) {
            &self.problem.feed_in
        } else {
            &self.plan.marginal
        };
        price(from.get(t).copied().unwrap_or(0.0))
    }

    /// What a storage that gives in interval `t` spares the site, or earns it.
    fn spares(&self, t: usize) -> Price {
        let earns = self.plan.export_wh.get(t).is_some_and(|wh| *wh > NONE_WH);
        let from = if earns { &self.problem.feed_in } else { &self.problem.retail };
        price(from.get(t).copied().unwrap_or(0.0))
    }

    fn feed_in(&self) -> Price {
        price(self.problem.feed_in.first().copied().unwrap_or(0.0))
    }

    fn storage(&self, device: DeviceIndex, store: &Store, path: &StorePlan) -> Reasoned {
        let first = |series: &[f64]| series.first().copied().unwrap_or(0.0);
        let (charge, discharge) = (first(&path.charge_wh), first(&path.discharge_wh));
        let why = if !store.is_plugged(0) {
            Why::Away
        } else if charge > NONE_WH {
            self.why_charge(store, path)
        } else if discharge > NONE_WH {
            self.why_discharge()
        } else {
            self.why_idle(store, path)
        };
        Reasoned {
            device,
            consume_wh: wh(charge),
            produce_wh: wh(discharge),
            why,
            bound: self.bound(store, charge, discharge),
        }
    }

    fn bound(&self, store: &Store, charge: f64, discharge: f64) -> Option<Bound> {
        let at_import = self.plan.import_wh[0] + self.problem.bought_wh[0]
            > self.problem.import_limit_wh - NONE_WH;
        let at_export = self.plan.export_wh[0] + self.problem.sold_wh[0]
            > self.problem.export_limit_wh - NONE_WH;
        if charge > NONE_WH && charge > store.charge_wh - NONE_WH
            || discharge > NONE_WH && discharge > store.discharge_wh - NONE_WH
        {
            Some(Bound::Power)
        } else if discharge <= NONE_WH && at_import {
            Some(Bound::Import)
        } else if charge <= NONE_WH && at_export {
            Some(Bound::Export)
        } else {
            None
        }
    }

    fn why_charge(&self, store: &Store, path: &StorePlan) -> Why {
        if let Some(due) = self.binding(store, path) {
            return Why::Need { at: self.at(due.at), due_wh: wh(due.due_wh) };
        }
        // A site that imports nothing stores what would have gone to the grid.
        if self.plan.import_wh[0] <= NONE_WH && self.problem.bought_wh[0] <= NONE_WH {
            return Why::Surplus { feed_in: self.feed_in() };
        }
        let giving = (1..self.problem.horizon()).filter(|t| path.discharge_wh[*t] > NONE_WH);
        let dearest = giving.max_by_key(|t| (self.spares(*t), std::cmp::Reverse(*t)));
        match dearest {
            Some(t) => Why::Later { at: self.at(t), then: self.spares(t), now: self.costs(0) },
            None => Why::Stock { worth: price(path.terminal_value), now: self.costs(0) },
        }
    }

    fn why_discharge(&self) -> Why {
        let sold = self.problem.sold_wh[0] + self.plan.pooled_wh.first().copied().unwrap_or(0.0);
        // What the generators leave over serves a sale before a storage does.
        if sold > (-self.problem.net_wh(0)).max(0.0) + NONE_WH {
            return Why::Contract { sold_wh: wh(sold) };
        }
        if self.plan.export_wh[0] > NONE_WH {
            return Why::FedIn { now: self.feed_in() };
        }
        Why::Dear { now: self.spares(0) }
    }

    fn why_idle(&self, store: &Store, path: &StorePlan) -> Why {
        let held = path.stored_wh.first().copied().unwrap_or(store.stored_wh);
        if held > store.capacity_wh - NONE_WH {
            return Why::Full;
        }
        if let Some(due) = self.binding(store, path) {
            return Why::Kept { at: self.at(due.at), due_wh: wh(due.due_wh) };
        }
        let moves = |t: &usize| path.charge_wh[*t] + path.discharge_wh[*t] > NONE_WH;
        if let Some(t) = (1..self.problem.horizon()).find(moves)
            && path.charge_wh[t] > NONE_WH
        {
            return Why::Waits { at: self.at(t), then: self.costs(t) };
        }
        if held < store.floor_wh + NONE_WH {
            return Why::Floor { floor_wh: wh(store.floor_wh) };
        }
        Why::NoGain
    }

    /// The driver's condition that keeps a vehicle from giving what would pay, if one does.
    fn rule(&self, vehicle: &Vehicle, store: &Store, path: &StorePlan, why: Why) -> Option<Why> {
        let is_idle = matches!(why, Why::Waits { .. } | Why::NoGain | Why::Full);
        let held = path.stored_wh.first().copied().unwrap_or(store.stored_wh);
        if !is_idle || held < store.floor_wh + NONE_WH || !self.would_pay(store, path) {
            return None;
        }
        let Some(v2g) = &vehicle.v2g else {
            return (vehicle.store.discharge_w > 0).then_some(Why::NotConsented);
        };
        let retail = price(self.problem.retail.first().copied().unwrap_or(0.0));
        if let Some(least) = v2g.price_floor.filter(|least| retail < *least) {
            return Some(Why::BelowPrice { now: retail, least });
        }
        if !store.may_discharge(0) {
            return Some(Why::NotNow);
        }
        if held < v2g.kept_wh() as f64 + NONE_WH {
            return Some(Why::NeverSold { kept_wh: v2g.kept_wh() });
        }
        self.spent(v2g, store)
    }

    fn spent(&self, v2g: &V2g, store: &Store) -> Option<Why> {
        let today = store.rules.rations.first().filter(|ration| ration.from == 0)?;
        let is_spent = today.energy_wh < NONE_WH;
        is_spent.then_some(Why::DaySpent { energy_wh: v2g.energy_per_day_wh? })
    }

    /// Whether giving a kWh now would pay for wear and for what refills it, or what it is worth at
    /// the end.
    fn would_pay(&self, store: &Store, path: &StorePlan) -> bool {
        let refill = (1..self.problem.horizon())
            .filter(|t| store.is_plugged(*t))
            .map(|t| self.costs(t).0 as f64 / store.eta_charge)
            .fold(path.terminal_value, f64::min);
        let gain = store.eta_discharge * (self.spares(0).0 as f64 - store.wear);
        gain > refill + 1.0 && gain > path.terminal_value
    }

    /// Whether the line of its station keeps a vehicle from more.
    fn line(&self, place: &Place, said: &Reasoned) -> Option<Bound> {
        let behind = |s: &usize| place.store == Some(*s);
        let station = self.problem.stations.iter().find(|st| st.stores.iter().any(behind))?;
        let flow = |s: &usize| {
            let first = |series: &[f64]| series.first().copied().unwrap_or(0.0);
            self.plan.stores.get(*s).map_or(0.0, |p| first(&p.charge_wh) - first(&p.discharge_wh))
        };
        let through: f64 = station.stores.iter().map(flow).sum();
        let is_full = match said.consume_wh >= said.produce_wh {
            true => through > station.limit_wh - NONE_WH,
            false => -through > station.limit_wh - NONE_WH,
        };
        is_full.then_some(Bound::Station)
    }

    /// The first departure that gets no more than it needs, and is not preceded by a moment in
    /// which the storage is full or empty: what happens now matters to it.
    fn binding<'s>(&self, store: &'s Store, path: &StorePlan) -> Option<&'s Departure> {
        let due = store.departures.iter().find(|d| d.at > 0)?;
        let held = |t: usize| path.stored_wh.get(t).copied().unwrap_or(0.0);
        let is_tight = due.due_wh > store.floor_wh && held(due.at) < due.due_wh + NONE_WH;
        let is_cut = (1..due.at)
            .any(|t| held(t) < store.floor_wh + NONE_WH || held(t) > store.capacity_wh - NONE_WH);
        (is_tight && !is_cut).then_some(due)
    }

    fn jobs(&self, device: DeviceIndex, jobs: &[usize]) -> Reasoned {
        let energy =
            |t: usize| jobs.iter().filter_map(|j| self.plan.jobs_wh.get(*j)?.get(t)).sum::<f64>();
        let open = jobs.iter().filter_map(|j| self.problem.jobs.get(*j));
        let until = open.map(|job| job.until).min();
        let next = (1..self.problem.horizon()).find(|t| energy(*t) > NONE_WH);
        let why = match (energy(0) > NONE_WH, next, until) {
            (true, _, Some(until)) => Why::Runs { now: self.costs(0), until: self.at(until) },
            (false, Some(t), _) => Why::Waits { at: self.at(t), then: self.costs(t) },
            _ => Why::NoJob,
        };
        Reasoned { device, consume_wh: wh(energy(0)), produce_wh: 0, why, bound: None }
    }

    fn generator(&self, device: DeviceIndex) -> Reasoned {
        let why = if self.plan.curtailed_wh[0] <= NONE_WH {
            Why::Free
        } else if self.problem.feed_in[0] < 0.0 {
            Why::Negative { feed_in: self.feed_in() }
        } else {
            Why::NoRoom { limit_wh: wh(self.problem.export_limit_wh) }
        };
        Reasoned { device, consume_wh: 0, produce_wh: 0, why, bound: None }
    }
}

#[cfg(test)]
#[path = "why_tests.rs"]
mod tests;
