//! The dynamic programme of one storage: the linear model's optimum, some fifty times faster.
//!
//! What energy in the storage will still save is convex and piecewise linear in how much there is.
//! One interval earlier it is the infimal convolution of that with what the interval charges, so a
//! merge of pieces in order of slope. Exact while an interval's price of energy never falls with
//! what is drawn: 0 <= feed-in <= retail.

use super::dual;
use super::frame::{Frame, StoreFrame};
use super::plan::{Method, Plan};
use super::settle::{Decisions, reckon};

mod pieces;

use pieces::{Piece, Pieces};

/// Flows and widths below this many kWh count as none.
const NONE: f64 = 1e-9;

/// The optimum, where the conditions allow this way to it; `None` where they do not.
pub(super) fn solve(frame: &Frame<'_>) -> Option<Plan> {
    let store = applies(frame)?;
    let walk = Walk::new(frame, store);
    let decisions = walk.forward();
    let mut plan = reckon(frame, &decisions, Method::Dynamic);
    // One meter nets: once a sale is lost, importing beside it costs nothing more, which is not convex.
    if plan.shortfall.sale_wh.iter().any(|wh| *wh > 0.0) {
        return None;
    }
    plan.marginal = dual::marginal(frame, &decisions, &plan);
    Some(plan)
}

/// What is stored at the end of the optimum, kWh, where this way leads to it.
pub(super) fn end(frame: &Frame<'_>) -> Option<f64> {
    let store = applies(frame)?;
    let (charge, discharge, relief) = &Walk::new(frame, store).forward().stores[0];
    store.path(charge, discharge, relief).last().copied()
}

/// The storage, if it is the only thing to decide about and every interval is convex.
fn applies<'f>(frame: &'f Frame<'_>) -> Option<&'f StoreFrame> {
    let problem = frame.problem;
    let [store] = frame.stores.as_slice() else { return None };
    let is_alone = problem.jobs.is_empty()
        && problem.pooled.is_none()
        && problem.stations.is_empty()
        && store.rations.is_empty()
        && store.sale_floor <= 0.0;
    let is_convex = (0..frame.horizon()).filter(|t| store.is_active(*t)).all(|t| {
        let is_ordered = 0.0 <= frame.feed_in[t] && frame.feed_in[t] <= frame.retail[t];
        is_ordered && frame.untaken_max[t] <= frame.export_max[t]
    });
    (is_alone && is_convex && store.wear >= 0.0).then_some(store)
}

/// What stored energy is worth before each interval's decision, found backwards.
struct Walk<'f, 'p> {
    frame: &'f Frame<'p>,
    store: &'f StoreFrame,
    /// Value after interval `t`'s flow and before its trip: what the flow is weighed against.
    after: Pieces,
    /// Value at the end of interval `t`, after its trip; kept only where there is a trip.
    landed: Vec<(usize, Vec<Piece>)>,
}

impl<'f, 'p> Walk<'f, 'p> {
    fn new(frame: &'f Frame<'p>, store: &'f StoreFrame) -> Self {
        let n = frame.horizon();
        let mut walk = Self { frame, store, after: Pieces::new(n), landed: Vec::new() };
        let width = store.capacity - store.lowest;
        let mut value = vec![Piece { slope: -store.terminal, width }];
        if let Some(price) = store.hold {
            walk.bend(&mut value, store.initial, price);
        }
        let mut merged = Vec::new();
        for t in (0..n).rev() {
            walk.bend_at(&mut value, t + 1);
            let trip: f64 = store.departures.iter().filter(|d| d.at == t).map(|d| d.trip_wh).sum();
            if trip > 0.0 {
                walk.landed.push((t, value.clone()));
                let relief = Piece { slope: -frame.penalty.trip, width: trip };
                let at = value.partition_point(|p| p.slope < relief.slope);
                value.insert(at, relief);
            }
            walk.after.put(t, &value);
            let stage = Stage::new(frame, store, t);
            pieces::merge(&value, stage.pieces(), &mut merged);
            // The flow reaches down by what can be charged; only what can be stored is kept.
            pieces::clip(&merged, stage.up, width, &mut value);
        }
        walk
    }

    /// What the ends of intervals owe: departures, and the floor while it is broken.
    fn bend_at(&self, value: &mut Vec<Piece>, boundary: usize) {
        let (store, penalty) = (self.store, self.frame.penalty);
        for departure in store.departures.iter().filter(|d| d.at == boundary) {
            self.bend(value, departure.due_wh, penalty.departure);
        }
        if let Some(wanted) = store.owes(boundary - 1) {
            self.bend(value, wanted, penalty.floor);
        }
    }

    /// Adds `price` per kWh missing below `wanted`.
    fn bend(&self, value: &mut Vec<Piece>, wanted: f64, price: f64) {
        let mut left = wanted - self.store.lowest;
        let mut at = 0;
        while left > NONE && at < value.len() {
            if value[at].width > left + NONE {
                let rest = Piece { slope: value[at].slope, width: value[at].width - left };
                value[at].width = left;
                value.insert(at + 1, rest);
            }
            left -= value[at].width;
            value[at].slope -= price;
            at += 1;
        }
    }

    /// The best path from what is stored now.
    fn forward(&self) -> Decisions {
        let (frame, store) = (self.frame, self.store);
        let mut decisions = Decisions::idle(frame);
        let mut stored = store.initial;
        let (charge, discharge, relief) = &mut decisions.stores[0];
        for t in 0..frame.horizon() {
            let stage = Stage::new(frame, store, t);
            let moved = stage.step(self.after.get(t), stored - store.lowest);
            charge[t] = (moved / store.eta_c).clamp(0.0, store.charge[t]);
            discharge[t] = (-moved * store.eta_d).clamp(0.0, store.discharge[t]);
            stored += store.eta_c * charge[t] - discharge[t] / store.eta_d;
            for (k, departure) in store.departures.iter().enumerate().filter(|(_, d)| d.at == t) {
                let spared = self.spared(t, stored - departure.trip_wh, departure.trip_wh);
                relief[k] = spared;
                stored += spared - departure.trip_wh;
            }
            stored = stored.clamp(store.lowest, store.capacity);
        }
        decisions
    }

    /// Trip energy best left out, when the trip would end with `stored`.
    fn spared(&self, t: usize, stored: f64, trip: f64) -> f64 {
        let mut spared = (self.store.lowest - stored).clamp(0.0, trip);
        let Some((_, value)) = self.landed.iter().find(|(at, _)| *at == t) else { return spared };
        let mut from = stored + spared - self.store.lowest;
        for piece in value {
            if piece.slope >= -self.frame.penalty.trip || spared >= trip {
                break;
            }
            let more = (piece.width - from).max(0.0).min(trip - spared);
            spared += more;
            from = (from - piece.width).max(0.0);
        }
        spared
    }
}

/// What an interval charges for lowering the stored energy, from charging most to discharging most.
struct Stage {
    pieces: [Piece; 14],
    count: usize,
    /// How far it can raise the stored energy.
    up: f64,
}

impl Stage {
    fn new(frame: &Frame<'_>, store: &StoreFrame, t: usize) -> Self {
        let mut stage = Self { pieces: [Piece { slope: 0.0, width: 0.0 }; 14], count: 0, up: 0.0 };
        if !store.is_active(t) {
            return stage;
        }
        let (net, sold, sale) = (frame.net[t], frame.sold[t], frame.penalty.sale);
        let mark = if sold > 0.0 { sale } else { 0.0 };
        let full = sold + frame.import_max[t];
        let free = frame.export_max[t] + frame.spill_max[t];
        // Prices of drawing one more kWh, and from where on they hold, dearest first.
        let steps = [
            (full, frame.retail[t] + mark + frame.penalty.overload),
            (sold, frame.retail[t] + mark),
            (0.0, if sold > 0.0 { sale } else { frame.retail[t] }),
            (-frame.export_max[t], frame.feed_in[t]),
            (-free, 0.0),
            (f64::NEG_INFINITY, -frame.penalty.overload),
        ];
        // The line is never loaded beyond its limit for the sake of charging.
        let charge = store.charge[t].min((full - net).max(0.0));
        stage.up = store.eta_c * charge;
        let mut drawn = net + charge;
        for (from, price) in steps {
            let width = (drawn - from.max(net)).max(0.0);
            stage.push(-price / store.eta_c, width * store.eta_c);
            drawn -= width;
        }
        let least = net - store.discharge[t];
        let mut drawn = net;
        for (from, price) in steps {
            let width = (drawn - from.max(least)).max(0.0);
            stage.push((store.wear - price) * store.eta_d, width / store.eta_d);
            drawn -= width;
        }
        stage
    }

    fn push(&mut self, slope: f64, width: f64) {
        if width > NONE {
            self.pieces[self.count] = Piece { slope, width };
            self.count += 1;
        }
    }

    fn pieces(&self) -> &[Piece] {
        &self.pieces[..self.count]
    }

    /// The best change of the stored energy, when what is stored lies `above` the lowest.
    fn step(&self, value: &[Piece], above: f64) -> f64 {
        // Charging most and then giving back: each kWh is kept or given, whichever saves more.
        let (stage, mut left) = (self.pieces(), above + self.up);
        let (mut i, mut j, mut given) = (0, 0, 0.0);
        let (mut kept_of, mut given_of) = (0.0, 0.0);
        while left > NONE {
            let keeps = match (value.get(i), stage.get(j)) {
                // Where it makes no difference, nothing moves.
                (Some(keep), Some(give)) if keep.slope == give.slope => given >= self.up - NONE,
                (Some(keep), Some(give)) => keep.slope < give.slope,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => break,
            };
            let (piece, used) = match keeps {
                true => (value[i], &mut kept_of),
                false => (stage[j], &mut given_of),
            };
            let amount = (piece.width - *used).min(left);
            *used += amount;
            left -= amount;
            if !keeps {
                given += amount;
            }
            if *used >= piece.width - NONE {
                *used = 0.0;
                if keeps { i += 1 } else { j += 1 }
            }
        }
        self.up - given
    }
}
