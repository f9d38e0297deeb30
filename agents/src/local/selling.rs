//! The LCA as the seller's conscience: quotes from the plan in force, reservations by exact re-plan.

use gridpact_chain::terms::{Energy, Interval, Timestamp};

use super::deficit::weighted;
use super::door::{
    CancelReason, Obligation, Quote, QuoteRequest, ReserveReply, ReserveRequest, Side,
};
use super::planning;
use super::reservation::{self, Stage, WAITING_MAX};
use super::schedule::{Plan, SolveError};
use super::speech::{LocalEffect, Ticket};
use super::stock::Stock;
use super::valuation::Valuation;
use super::{LocalAgent, Phase};

impl LocalAgent {
    pub(super) fn on_quote(&mut self, request: QuoteRequest, out: &mut Vec<LocalEffect>) {
        if matches!(self.phase, Phase::Sensing | Phase::Planning(_))
            && self.quotes.len() < WAITING_MAX
        {
            // The plan of yesterday's hour would promise what today's may not keep.
            self.quotes.push_back(request);
            return;
        }
        let is_ready = self.setup.trading && self.phase == Phase::Settled;
        let quote = match (&self.current, &request.beside) {
            (Some(current), Some(beside)) if is_ready => {
                let least = self.setup.params.coalition.min_trade_wh;
                self.ability_of(current).quote(&request, beside, least, &*self.setup.tariff)
            }
            (Some(current), None) if is_ready => Valuation {
                problem: &current.problem,
                plan: &current.plan,
                tariff: &*self.setup.tariff,
                stock: current.stock.get_or_init(|| Stock::of(&current.problem, &current.plan)),
                shape: self.setup.params.lca.block_shape,
                barred: &|at| self.is_barred(at),
            }
            .quote(&request),
            _ => self.nothing(&request),
        };
        out.push(LocalEffect::Quote(self.setup.manner.told(quote)));
    }

    /// A quote of a site that has nothing to sell.
    fn nothing(&self, request: &QuoteRequest) -> Quote {
        let wanted = &request.wanted;
        Quote {
            ticket: request.ticket,
            available: gridpact_chain::terms::Profile::zeros(wanted.start, wanted.end()),
            capacity: Energy::ZERO,
            unit_cost: gridpact_chain::terms::Price::ZERO,
            ceiling: weighted(wanted, |at| self.setup.tariff.retail(at)),
            feed_in: weighted(wanted, |at| self.setup.tariff.feed_in(at)),
        }
    }

    /// Whether this site buys or asks to buy in `at`: then it does not sell (net position).
    pub(super) fn is_barred(&self, at: Interval) -> bool {
        self.tendering.contains_key(&at) || self.obligations.reaches(Side::Buyer, at)
    }

    pub(super) fn on_reserve(
        &mut self,
        now: Timestamp,
        request: ReserveRequest,
        out: &mut Vec<LocalEffect>,
    ) {
        if let Some((_, reply)) = self.answered.get(&request.contract_id) {
            out.push(LocalEffect::Reserved(reply.clone()));
            return;
        }
        if self.queue.holds(&request) {
            return;
        }
        if self.queue.waiting.len() >= WAITING_MAX {
            self.reply(&request, Err(CancelReason::NoEnergy), out);
            return;
        }
        self.queue.waiting.push_back(request);
        self.serve_next(now, out);
    }

    pub(super) fn on_obligation(&mut self, obligation: Obligation) {
        if let (Obligation::Released { contract_id }, Some((epoch, _))) = (&obligation, self.epoch)
        {
            // A replay of the request must not bring it back.
            let outcome = Err(CancelReason::Expired);
            let reply = ReserveReply { contract_id: *contract_id, outcome };
            self.answered.insert(*contract_id, (epoch, reply));
        }
        if self.obligations.hear(obligation) {
            self.is_outdated = true;
        }
    }

    /// Takes the next request when nothing else is being solved.
    pub(super) fn serve_next(&mut self, now: Timestamp, out: &mut Vec<LocalEffect>) {
        while self.phase == Phase::Settled && self.queue.active.is_none() {
            // A driver's need comes before a contract.
            if self.wishes.asked.is_some() || self.ask_wish(out) {
                return;
            }
            let Some(request) = self.queue.waiting.pop_front() else { return };
            match self.refusal(now, &request) {
                Some(reason) => self.reply(&request, Err(reason), out),
                None if self.is_outdated => self.ask_base(request, out),
                None => self.ask_with(request, out),
            }
        }
    }

    /// Why a request needs no solving to be refused.
    fn refusal(&self, now: Timestamp, request: &ReserveRequest) -> Option<CancelReason> {
        let (epoch, deadlines) = self.epoch?;
        let Some(current) = &self.current else { return Some(CancelReason::NoEnergy) };
        let profile = &request.profile;
        let last = epoch.plus(current.problem.horizon() as u32);
        if now > deadlines.d3 || profile.start <= epoch {
            Some(CancelReason::Expired)
        } else if !self.setup.trading
            || profile.energy() == Energy::ZERO
            || profile.end() > last
            || profile.iter().any(|(at, wh)| wh > 0 && self.is_barred(at))
        {
            Some(CancelReason::NoEnergy)
        } else {
            None
        }
    }

    /// The plan without the sale, because obligations have changed.
    fn ask_base(&mut self, request: ReserveRequest, out: &mut Vec<LocalEffect>) {
        let ticket = self.ticket();
        let Some(current) = &self.current else { return };
        let mut problem = current.problem.clone();
        planning::oblige(&mut problem, &self.obligations);
        self.wishes.put(&mut problem, &current.roster, &self.readings, None);
        self.is_outdated = false;
        self.asked = Some((problem.clone(), current.roster.clone()));
        self.queue.active = Some((request, Stage::Base(ticket)));
        out.push(LocalEffect::Solve { ticket, problem: Box::new(problem) });
    }

    /// The plan with the sale.
    fn ask_with(&mut self, request: ReserveRequest, out: &mut Vec<LocalEffect>) {
        let ticket = self.ticket();
        let Some(current) = &self.current else { return };
        let shape = self.setup.params.lca.block_shape;
        let problem =
            reservation::with_sale(&current.problem, &current.plan, &request.profile, shape);
        self.asked = Some((problem.clone(), current.roster.clone()));
        self.queue.active = Some((request, Stage::With(ticket)));
        out.push(LocalEffect::Solve { ticket, problem: Box::new(problem) });
    }

    pub(super) fn on_reserve_solved(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        plan: Result<Plan, SolveError>,
        out: &mut Vec<LocalEffect>,
    ) {
        let Some((request, stage)) = self.queue.active.take() else { return };
        if stage != Stage::Base(ticket) && stage != Stage::With(ticket) {
            self.queue.active = Some((request, stage));
            return;
        }
        let asked = self.asked.take();
        let (Ok(plan), Some((problem, roster))) = (plan, asked) else {
            self.is_outdated = true;
            self.reply(&request, Err(CancelReason::NoEnergy), out);
            self.serve_next(now, out);
            return;
        };
        if stage == Stage::Base(ticket) {
            self.adopt(problem, plan, roster, true, out);
            self.queue.waiting.push_front(request);
        } else if self.is_outdated {
            // Something was signed or released meanwhile: judge against what holds now.
            self.queue.waiting.push_front(request);
        } else {
            self.conclude(now, request, (problem, plan, roster), out);
        }
        self.serve_next(now, out);
    }

    /// Confirms or cancels; a confirmed sale is planned with from this moment.
    fn conclude(
        &mut self,
        now: Timestamp,
        request: ReserveRequest,
        (problem, plan, roster): (super::Problem, Plan, planning::Roster),
        out: &mut Vec<LocalEffect>,
    ) {
        let Some(current) = &self.current else { return };
        let is_late = self.epoch.is_some_and(|(_, deadlines)| now > deadlines.settle);
        let floor = self.setup.params.negotiate.cost_floor;
        let verdict = reservation::judge(&request, &current.plan, &plan, floor);
        let verdict = if is_late { Err(CancelReason::Expired) } else { verdict };
        if verdict.is_ok() {
            let profile = reservation::delivery(&request, &problem, &plan);
            self.obligations.reserve(request.contract_id, profile);
            self.is_outdated = reservation::is_capped(&problem, &plan);
            let mut settled = problem;
            planning::oblige(&mut settled, &self.obligations);
            self.adopt(settled, plan, roster, true, out);
        }
        self.reply(&request, verdict, out);
    }

    fn reply(
        &mut self,
        request: &ReserveRequest,
        outcome: Result<gridpact_chain::terms::Price, CancelReason>,
        out: &mut Vec<LocalEffect>,
    ) {
        let reply = ReserveReply { contract_id: request.contract_id, outcome };
        if let Some((epoch, _)) = self.epoch {
            self.answered.insert(request.contract_id, (epoch, reply.clone()));
        }
        out.push(LocalEffect::Reserved(reply));
    }

    /// Answers what the ending epoch leaves open.
    pub(super) fn close_epoch(&mut self, out: &mut Vec<LocalEffect>) {
        (self.wishes.asked, self.wishes.withdrawn) = (None, None);
        self.wishes.unanswerable.clear();
        for request in self.queue.drain() {
            self.reply(&request, Err(CancelReason::Expired), out);
        }
        for request in std::mem::take(&mut self.quotes) {
            out.push(LocalEffect::Quote(self.nothing(&request)));
        }
        if let Some((epoch, _)) = self.epoch {
            self.answered.retain(|_, (at, _)| *at == epoch);
        }
    }
}
