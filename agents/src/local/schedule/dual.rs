//! The marginal value of energy per interval, read off an optimal schedule.
//!
//! What one more kWh at the meter saves is the best way on for it that the schedule leaves open:
//! import less, export more, store more or draw less from the store, and so on from hour to hour and
//! from one storage to the next. Each way on is an inequality between two values, and the least
//! values that keep all of them are the worths sought. They are the slopes on the side of *more*
//! energy; where a schedule sits on a corner, one kWh less may cost more than that.

use super::frame::{Frame, StoreFrame};
use super::plan::Plan;
use super::settle::Decisions;

/// Flows below this many kWh count as none.
const NONE: f64 = 1e-5;

/// Passes along the horizon at most; each lets a value cross once more between storages and jobs.
const PASSES: usize = 12;

/// Worth of one more kWh at the meter, per interval, in micro-currency per kWh.
pub(super) fn marginal(frame: &Frame<'_>, decisions: &Decisions, plan: &Plan) -> Vec<f64> {
    let n = frame.horizon();
    let mut worth: Vec<f64> = (0..n).map(|t| at_the_connection(frame, plan, t)).collect();
    let mut tracks: Vec<Track<'_>> =
        (0..frame.stores.len()).map(|s| Track::new(frame, decisions, s)).collect();
    for _ in 0..PASSES {
        let mut has_changed = false;
        for track in &mut tracks {
            has_changed |= track.pass(&mut worth);
        }
        for j in 0..decisions.jobs.len() {
            has_changed |= postpone(frame, decisions, j, &mut worth);
        }
        if !has_changed {
            break;
        }
    }
    worth.iter().map(|w| w * frame.price_unit).collect()
}

/// What the connection does with one more kWh.
fn at_the_connection(frame: &Frame<'_>, plan: &Plan, t: usize) -> f64 {
    let none = NONE * 1e3;
    let less_import = if plan.shortfall.sale_wh[t] > none {
        frame.penalty.sale
    } else if plan.shortfall.overload_wh[t] > none {
        frame.retail[t] + frame.penalty.overload
    } else if plan.import_wh[t] > none {
        frame.retail[t]
    } else {
        f64::NEG_INFINITY
    };
    let has_room =
        plan.import_wh[t] <= none && plan.export_wh[t] * 1e-3 < frame.export_max[t] - NONE;
    let export = if has_room { frame.feed_in[t] } else { f64::NEG_INFINITY };
    let is_spillable = plan.curtailed_wh[t] * 1e-3 < frame.spill_max[t] - NONE;
    let spill = if is_spillable { 0.0 } else { -frame.penalty.overload };
    less_import.max(export).max(spill)
}

/// A job may take the kWh now and leave another hour's for something else.
fn postpone(frame: &Frame<'_>, decisions: &Decisions, j: usize, worth: &mut [f64]) -> bool {
    let (job, energies) = (&frame.problem.jobs[j], &decisions.jobs[j]);
    let (energy, power, later) = frame.job(j);
    let window = job.from.min(energies.len())..job.until.min(energies.len());
    if job.is_run_once {
        return false;
    }
    let running = window.clone().filter(|t| energies[*t] > NONE);
    let mut best = running.map(|t| worth[t]).fold(f64::NEG_INFINITY, f64::max);
    let open = energy - energies.iter().sum::<f64>();
    if open > later + NONE {
        best = best.max(frame.penalty.job);
    } else if open > NONE {
        best = best.max(frame.later_price());
    }
    let mut has_changed = false;
    for t in window.filter(|t| energies[*t] < power - NONE) {
        has_changed |= raise(&mut worth[t], best);
    }
    has_changed
}

/// Raises a value; whether that made a difference.
fn raise(value: &mut f64, to: f64) -> bool {
    let is_more = to > *value + 1e-9;
    if is_more {
        *value = to;
    }
    is_more
}

/// One storage's schedule with the worth of one more stored kWh after each interval's flow.
struct Track<'f> {
    store: &'f StoreFrame,
    stored: Vec<f64>,
    /// Whether it can charge a little more, charge less, discharge a little more, discharge less.
    can: Vec<[bool; 4]>,
    /// Gained by one more kWh at a boundary, and lost by one less: departures and a broken floor.
    owed: Vec<(f64, f64)>,
    path: Vec<f64>,
}

impl<'f> Track<'f> {
    fn new(frame: &'f Frame<'_>, decisions: &Decisions, s: usize) -> Self {
        let (store, n) = (&frame.stores[s], frame.horizon());
        let (charge, discharge, relief) = &decisions.stores[s];
        let path = store.path(charge, discharge, relief);
        let mut track = Self {
            store,
            stored: vec![f64::NEG_INFINITY; n],
            can: (0..n).map(|t| can(frame, decisions, s, t, &path)).collect(),
            owed: vec![(0.0, 0.0); n + 1],
            path,
        };
        for departure in &store.departures {
            track.owe(departure.at, departure.due_wh, frame.penalty.departure);
        }
        for (t, wanted) in (0..n).filter_map(|t| Some((t, store.owes(t)?))) {
            track.owe(t + 1, wanted, frame.penalty.floor);
        }
        if let Some(price) = store.hold {
            track.owe(n, store.initial, price);
        }
        for (departure, relief) in store.departures.iter().zip(relief) {
            if *relief > NONE && departure.at < n {
                track.stored[departure.at] = frame.penalty.trip;
            }
        }
        if track.path[n] < store.capacity - NONE && n > 0 {
            let end = store.terminal + track.owed[n].0;
            track.stored[n - 1] = track.stored[n - 1].max(end);
        }
        track
    }

    fn owe(&mut self, boundary: usize, wanted: f64, price: f64) {
        if self.path[boundary] < wanted - NONE {
            self.owed[boundary].0 += price;
        }
        if self.path[boundary] < wanted + NONE {
            self.owed[boundary].1 += price;
        }
    }

    /// Lets values flow once each way along the horizon.
    fn pass(&mut self, worth: &mut [f64]) -> bool {
        let n = worth.len();
        let mut has_changed = false;
        for t in 0..n {
            if t > 0 && self.path[t] > self.store.lowest + NONE {
                let earlier = self.stored[t - 1] - self.owed[t].1;
                has_changed |= raise(&mut self.stored[t], earlier);
            }
            has_changed |= self.exchange(t, worth);
        }
        for t in (0..n).rev() {
            if t + 1 < n && self.path[t + 1] < self.store.capacity - NONE {
                let later = self.stored[t + 1] + self.owed[t + 1].0;
                has_changed |= raise(&mut self.stored[t], later);
            }
            has_changed |= self.exchange(t, worth);
        }
        has_changed
    }

    /// Between the meter and the store within interval `t`.
    fn exchange(&mut self, t: usize, worth: &mut [f64]) -> bool {
        let store = self.store;
        let [more_in, less_in, more_out, less_out] = self.can[t];
        let mut has_changed = false;
        if less_in {
            has_changed |= raise(&mut self.stored[t], worth[t] / store.eta_c);
        } else if more_out {
            let value = (worth[t] - store.wear) * store.eta_d;
            has_changed |= raise(&mut self.stored[t], value);
        }
        if less_out {
            has_changed |= raise(&mut worth[t], store.wear + self.stored[t] / store.eta_d);
        } else if more_in {
            has_changed |= raise(&mut worth[t], self.stored[t] * store.eta_c);
        }
        has_changed
    }
}

/// Whether storage `s` can, in interval `t`, charge a little more, charge less, discharge a little
/// more, discharge less.
fn can(frame: &Frame<'_>, decisions: &Decisions, s: usize, t: usize, path: &[f64]) -> [bool; 4] {
    let store = &frame.stores[s];
    let (charge, discharge) = (decisions.stores[s].0[t], decisions.stores[s].1[t]);
    // A shared line may be full in one direction.
    let (mut takes, mut gives) = (true, true);
    for station in frame.problem.stations.iter().filter(|station| station.stores.contains(&s)) {
        let (flow, most) = (decisions.through(station, t), station.limit_wh.max(0.0) * 1e-3);
        takes &= flow < most - NONE;
        gives &= flow > NONE - most;
    }
    let is_spent = store.rations.iter().filter(|r| r.from <= t && t < r.until).any(|ration| {
        let range = ration.from..ration.until.min(path.len() - 1);
        let given: f64 = decisions.stores[s].1[range].iter().sum();
        given > ration.energy_wh * 1e-3 - NONE
    });
    let is_above = path[t + 1] > store.sale_floor + NONE;
    [
        takes && charge < store.charge[t] - NONE,
        gives && charge > NONE,
        gives && discharge < store.discharge[t] - NONE && !is_spent && is_above,
        takes && discharge > NONE,
    ]
}
