//! What power, days' rations and shared lines leave of the storages in one interval.

use crate::local::schedule::{Plan, Problem, Ration, Store, StorePlan};

/// What a walk has taken out of each ration: storage, number of the ration, Wh at the meter. Empty
/// without rations.
pub(super) type Spent = Vec<(usize, usize, f64)>;

/// What each storage could give in interval `t` beyond the plan and what a walk has `spent`, Wh at
/// the meter, into `power`.
pub(super) fn left(
    (problem, plan): (&Problem, &Plan),
    t: usize,
    spent: &Spent,
    power: &mut Vec<f64>,
) {
    power.clear();
    let pairs = problem.stores.iter().zip(&plan.stores).enumerate();
    power.extend(pairs.map(|(s, (store, path))| {
        let rations = store.rules.rations.iter().enumerate();
        let today = rations.filter(|(_, r)| r.from <= t && t < r.until);
        let left = today.map(|(day, ration)| {
            let of_walk = spent.iter().filter(|(of, d, _)| (*of, *d) == (s, day));
            (of_ration(ration, path) - of_walk.map(|(_, _, wh)| wh).sum::<f64>()).max(0.0)
        });
        left.fold(of_store(store, path, t), f64::min)
    }));
    for station in &problem.stations {
        let flow = |s: &usize| plan.stores[*s].charge_wh[t] - plan.stores[*s].discharge_wh[t];
        let mut room = station.limit_wh + station.stores.iter().map(flow).sum::<f64>();
        for s in &station.stores {
            power[*s] = power[*s].min(room.max(0.0));
            room -= power[*s];
        }
    }
}

/// Notes that a walk has taken `wh` of storage `s` in interval `t`.
pub(super) fn spend(store: &Store, s: usize, t: usize, wh: f64, spent: &mut Spent) {
    let day = store.rules.rations.iter().position(|r| r.from <= t && t < r.until);
    if let Some(day) = day.filter(|_| wh > 0.0) {
        spent.push((s, day, wh));
    }
}

/// What a plan leaves of a ration, Wh at the meter.
pub(in crate::local) fn of_ration(ration: &Ration, path: &StorePlan) -> f64 {
    let range = ration.from..ration.until.min(path.discharge_wh.len());
    (ration.energy_wh - path.discharge_wh[range].iter().sum::<f64>()).max(0.0)
}

/// What a storage could give in interval `t` beyond the plan. Where nothing may be discharged below
/// some charge, only the present stay is counted on.
pub(in crate::local) fn of_store(store: &Store, path: &StorePlan, t: usize) -> f64 {
    let is_later = store.trip().is_some_and(|at| t >= at);
    if !store.may_discharge(t)
        || store.discharge_wh <= 0.0
        || is_later && store.rules.sale_floor_wh > store.floor_wh
    {
        0.0
    } else if path.charge_wh[t] > 0.0 {
        path.charge_wh[t]
    } else {
        (store.discharge_wh - path.discharge_wh[t]).max(0.0)
    }
}
