//! Final contract determination, buyer's side (protocol 7.1, 7.2): temporary contracts are taken
//! from a stack, trimmed to what is still needed, requested, and become final on confirm.
//!
//! It stops when the need is covered, when the stack is empty, or at D3.

mod answers;
mod request;

use std::sync::Arc;

use gridpact_chain::contract::ContractId;
use gridpact_chain::terms::{Energy, PartyId, Profile};

use super::book::TempContract;
use super::limits::CONTRACTS_MAX;
use super::message::{About, Reason};
use super::outcome::Deal;
use super::reason::Tally;
use super::resend::Due;
use super::task::Facts;
use super::turn::Turn;
use crate::local::door::Side;
use crate::params::{BlockShape, FinalOrder};

pub(crate) use request::cancel;
use request::{Request, Wait};

/// The state of one task's determination.
#[derive(Debug)]
pub(crate) struct Determination {
    /// A stack: the next contract is on top, at the end.
    stack: Vec<TempContract>,
    flying: Vec<Request>,
    /// Requests nobody answered in time; a late confirm may still be used if it fits.
    dropped: Vec<Request>,
    /// Need less final contracts and requests under way.
    free: Profile,
    deals: Vec<Deal>,
    temps: u32,
    requested: u32,
    cancelled: u32,
}

impl Determination {
    pub(crate) fn new(need: Profile) -> Self {
        Self {
            stack: Vec::new(),
            flying: Vec::new(),
            dropped: Vec::new(),
            free: need,
            deals: Vec::new(),
            temps: 0,
            requested: 0,
            cancelled: 0,
        }
    }

    /// Stacks the temporary contracts. The source stacks them "from high to low" and pops; dearest
    /// first is the literal reading (14.10). What a kWh costs its buyer counts, so price and network
    /// fee together. Equal costs: the earlier contract id first.
    pub(crate) fn begin(&mut self, mut temps: Vec<TempContract>, turn: &Turn<'_>) {
        self.temps = u32::try_from(temps.len()).unwrap_or(u32::MAX);
        let cost = |temp: &TempContract| temp.unit_price.0.saturating_add(turn.fee(temp.seller).0);
        temps.sort_by(|a, b| {
            let dearer_last = cost(a).cmp(&cost(b));
            let by_cost = match turn.params().finals.order {
                FinalOrder::CheapestFirst => dearer_last.reverse(),
                FinalOrder::DearestFirst => dearer_last,
            };
            by_cost.then(b.contract_id.cmp(&a.contract_id))
        });
        self.stack = temps;
    }

    /// One more temporary contract, to be requested next.
    pub(crate) fn push(&mut self, temp: TempContract) {
        self.temps = self.temps.saturating_add(1);
        self.stack.push(temp);
    }

    /// What is still needed where nothing is sold meanwhile.
    pub(crate) fn open(&self, turn: &Turn<'_>) -> Profile {
        turn.core.position.without_sales(&self.free)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.stack.is_empty() && self.flying.is_empty()
    }

    /// Energy without a final contract.
    pub(crate) fn residual(&self) -> Energy {
        let flying: u64 = self.flying.iter().map(|request| request.share.energy().0).sum();
        Energy(self.free.energy().0.saturating_add(flying))
    }

    pub(crate) fn deals(&self) -> &[Deal] {
        &self.deals
    }

    pub(crate) fn temps(&self) -> u32 {
        self.temps
    }

    pub(crate) fn queued(&self) -> u32 {
        u32::try_from(self.stack.len() + self.flying.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn requested(&self) -> u32 {
        self.requested
    }

    pub(crate) fn cancelled(&self) -> u32 {
        self.cancelled
    }

    /// Requests as many contracts as the window allows, until nothing is left to cover.
    pub(crate) fn step(&mut self, facts: &Facts, tally: &mut Tally, turn: &mut Turn<'_>) {
        let window = turn.params().finals.window as usize;
        let min_trade = turn.params().coalition.min_trade_wh;
        while self.flying.len() < window && !self.stack.is_empty() {
            let left = self.free.energy();
            if left == Energy::ZERO || left < min_trade {
                // What is under way may still be cancelled and leave room for the stack.
                if self.flying.is_empty() {
                    self.dismiss(facts.about, turn);
                }
                return;
            }
            if turn.core.contracts >= CONTRACTS_MAX {
                self.stack.clear();
                return tally.note(Reason::Limit);
            }
            let Some(temp) = self.stack.pop() else { return };
            let (share, profile_final) = self.cut(&temp, turn);
            let energy = profile_final.energy();
            let whole = turn.params().finals.trim_last || energy == temp.energy;
            if energy == Energy::ZERO || energy < min_trade || !whole {
                if !self.flying.is_empty() {
                    self.stack.push(temp);
                    return;
                }
                tally.note(Reason::NotFitting);
                let (to, id) = (temp.seller, temp.contract_id);
                cancel(to, facts.about, id, Reason::NotNeeded, turn);
                continue;
            }
            self.request(temp, share, profile_final, facts, turn);
        }
    }

    /// The part of `temp` that is still needed: the buyer's share and the seller's delivery.
    fn cut(&self, temp: &TempContract, turn: &Turn<'_>) -> (Profile, Arc<Profile>) {
        let free = turn.core.position.without_sales(&self.free);
        match turn.params().lca.block_shape {
            BlockShape::Profile => {
                let share = temp.profile.capped_by(&free);
                let delivery = Arc::new(share.clone());
                (share, delivery)
            }
            BlockShape::Energy => {
                let share = free.first(temp.energy);
                let delivery = temp.profile.first(share.energy());
                (share, Arc::new(delivery))
            }
        }
    }

    fn request(
        &mut self,
        temp: TempContract,
        share: Profile,
        profile_final: Arc<Profile>,
        facts: &Facts,
        turn: &mut Turn<'_>,
    ) {
        subtract(&mut self.free, &share);
        turn.core.position.take(Side::Buyer, &share);
        turn.core.contracts += 1;
        self.requested += 1;
        let salt = turn.random();
        let wait = Wait::Seller(turn.attempt());
        let request = Request { temp, profile_final, share, salt, wait };
        request.send(facts, turn);
        self.flying.push(request);
    }

    fn find(&self, seller: PartyId, id: &ContractId) -> Option<usize> {
        self.flying.iter().position(|r| r.temp.contract_id == *id && r.temp.seller == seller)
    }

    /// Ends the request at `at` without a contract.
    fn release(&mut self, at: usize, turn: &mut Turn<'_>) -> Request {
        let request = self.flying.remove(at);
        add(&mut self.free, &request.share);
        turn.core.position.give_back(Side::Buyer, &request.share);
        turn.core.contracts = turn.core.contracts.saturating_sub(1);
        self.cancelled += 1;
        request
    }

    /// Forgets an unrequested temporary contract with `seller`; whether there was one.
    pub(crate) fn forget(&mut self, seller: PartyId) -> bool {
        self.forget_where(|temp| temp.seller == seller)
    }

    fn forget_where(&mut self, gone: impl Fn(&TempContract) -> bool) -> bool {
        let before = self.stack.len();
        self.stack.retain(|temp| !gone(temp));
        self.stack.len() < before
    }

    /// Says requests again and drops those that stay unanswered.
    pub(crate) fn on_time(&mut self, facts: &Facts, tally: &mut Tally, turn: &mut Turn<'_>) {
        let mut at = 0;
        while let Some(request) = self.flying.get_mut(at) {
            let due = match &mut request.wait {
                Wait::Seller(attempt) => turn.look(attempt),
                Wait::Signature(_) => Due::Nothing,
            };
            match due {
                Due::Nothing => at += 1,
                Due::Again => {
                    request.send(facts, turn);
                    at += 1;
                }
                Due::Silent => {
                    tally.note(Reason::Silent);
                    let request = self.release(at, turn);
                    self.dropped.push(request);
                }
            }
        }
        self.step(facts, tally, turn);
    }

    /// Stop condition (a): the need is covered, so the rest is cancelled on both sides.
    fn dismiss(&mut self, about: About, turn: &mut Turn<'_>) {
        for temp in std::mem::take(&mut self.stack) {
            cancel(temp.seller, about, temp.contract_id, Reason::NotNeeded, turn);
        }
    }

    /// Stop condition (c), D3: requests under way will not be used any more, and for what is still on
    /// the stack time has run out.
    pub(crate) fn end(&mut self, facts: &Facts, tally: &mut Tally, turn: &mut Turn<'_>) {
        tally.note_times(Reason::Expired, u32::try_from(self.stack.len()).unwrap_or(u32::MAX));
        self.stack.clear();
        while let Some(request) = self.flying.last() {
            let (seller, id) = (request.temp.seller, request.temp.contract_id);
            tally.note(Reason::Expired);
            cancel(seller, facts.about, id, Reason::Expired, turn);
            self.release(self.flying.len() - 1, turn);
        }
        self.dropped.clear();
    }
}

/// Takes `share` out of `free`; both start at the block's first interval.
fn subtract(free: &mut Profile, share: &Profile) {
    for (left, taken) in free.wh.iter_mut().zip(&share.wh) {
        debug_assert!(*taken <= *left, "a share never exceeds what is free");
        *left = left.saturating_sub(*taken);
    }
}

/// Puts `share` back into `free`.
fn add(free: &mut Profile, share: &Profile) {
    for (left, back) in free.wh.iter_mut().zip(&share.wh) {
        *left = left.saturating_add(*back);
    }
}
