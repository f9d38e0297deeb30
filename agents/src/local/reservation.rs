//! Reserving a sale: the exact re-plan with it, against the plan without (protocol 3.4 and 7.3).

use std::collections::VecDeque;

use gridpact_chain::terms::{Interval, Price, Profile};

use super::deficit::{whole, within};
use super::door::{CancelReason, ReserveRequest};
use super::schedule::{Plan, PooledSale, Problem};
use super::speech::Ticket;
use crate::params::BlockShape;

/// A shortfall may grow by this many Wh before it counts: the solver's round-off.
const SLACK_WH: f64 = 0.05;

/// Requests that may wait; a seller cannot answer more within one epoch.
pub(super) const WAITING_MAX: usize = 256;

/// What is being asked of the solver for the request at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The plan without it, because obligations have changed since the last one.
    Base(Ticket),
    /// The plan with it.
    With(Ticket),
}

/// Requests, served one at a time.
#[derive(Debug, Clone, Default)]
pub(super) struct Queue {
    pub active: Option<(ReserveRequest, Stage)>,
    pub waiting: VecDeque<ReserveRequest>,
}

impl Queue {
    /// Whether this contract is being served or waits.
    pub fn holds(&self, request: &ReserveRequest) -> bool {
        let id = request.contract_id;
        self.active.as_ref().is_some_and(|(r, _)| r.contract_id == id)
            || self.waiting.iter().any(|r| r.contract_id == id)
    }

    /// Everything unanswered, in order; the queue is empty afterwards.
    pub fn drain(&mut self) -> Vec<ReserveRequest> {
        let active = self.active.take().map(|(request, _)| request);
        active.into_iter().chain(self.waiting.drain(..)).collect()
    }
}

/// The question with the sale in it. Inside the block no import beyond the base plan's is allowed;
/// elsewhere it is, at its price.
pub(super) fn with_sale(
    base: &Problem,
    plan: &Plan,
    profile: &Profile,
    shape: BlockShape,
) -> Problem {
    let mut problem = base.clone();
    let index = |at: Interval| at.0.checked_sub(base.start.0).map(|t| t as usize);
    let n = base.horizon();
    let mut caps = vec![base.import_limit_wh.max(1.0) * 1e3; n];
    for (at, wh) in profile.iter() {
        let Some(t) = index(at).filter(|t| *t < n) else { continue };
        caps[t] = plan.import_wh[t];
        if shape == BlockShape::Profile {
            problem.sold_wh[t] += wh as f64;
        }
    }
    if shape == BlockShape::Energy {
        problem.pooled = index(profile.start).map(|from| PooledSale {
            from,
            until: (from + profile.wh.len()).min(n),
            energy_wh: profile.energy().0 as f64,
        });
    }
    problem.import_cap_wh = caps;
    problem
}

/// Whether the caps of the block shaped the plan; then it is not the best plan without them.
pub(super) fn is_capped(problem: &Problem, plan: &Plan) -> bool {
    let pairs = plan.import_wh.iter().zip(&problem.import_cap_wh).zip(&problem.sold_wh);
    pairs
        .into_iter()
        .any(|((import, cap), sold)| *sold == 0.0 && *import > 0.0 && *import > cap - SLACK_WH)
        || problem.pooled.is_some()
}

/// Where the sold energy leaves, as the plan has it: the profile itself, or the seller's choice.
pub(super) fn delivery(request: &ReserveRequest, problem: &Problem, plan: &Plan) -> Profile {
    match problem.pooled {
        None => request.profile.clone(),
        Some(pool) => {
            let range = pool.from..pool.until;
            let room = |sold: &f64| problem.export_limit_wh - sold;
            let room: Vec<f64> = problem.sold_wh[range.clone()].iter().map(room).collect();
            let mut wh = whole(&plan.pooled_wh[range], &room);
            // The hours are the seller's choice, the energy is not: what a limit cut off goes elsewhere.
            let mut rest = request.profile.energy().0.saturating_sub(wh.iter().sum());
            for (wh, room) in wh.iter_mut().zip(&room) {
                let more = rest.min(within(*room).saturating_sub(*wh));
                *wh += more;
                rest -= more;
            }
            Profile { start: request.profile.start, wh }
        }
    }
}

/// Confirm at the exact unit cost, or say why not.
pub(super) fn judge(
    request: &ReserveRequest,
    base: &Plan,
    with: &Plan,
    cost_floor: bool,
) -> Result<Price, CancelReason> {
    if with.shortfall.exceeds(&base.shortfall, SLACK_WH) {
        return Err(CancelReason::NoEnergy);
    }
    let kwh = request.profile.energy().0 as f64 / 1e3;
    if kwh <= 0.0 {
        return Err(CancelReason::NoEnergy);
    }
    // Up to the next micro-currency, but not for the solver's round-off.
    let cost = Price(((with.cost - base.cost) / kwh - 0.5).ceil() as i64);
    if cost_floor && request.unit_price < cost { Err(CancelReason::BelowCost) } else { Ok(cost) }
}
