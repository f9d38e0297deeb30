//! Task: one purchase block on its way from its first invitation to its outcome (protocol 4).
//!
//! It holds the coalition, the bargains and the temporary contracts of one block, and hands the
//! last to the determination. It speaks only for the buyer.

mod award;
mod bargain;
mod clock;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use gridpact_chain::terms::{PartyId, Price};

use super::book::TempContract;
use super::coalition::Coalition;
use super::determination::Determination;
use super::message::{
    About, CoalitionReply, Expired, Message, NegotiationReply, NegotiationRequest, NeighbourReply,
    OfferResponse,
};
use super::negotiation::Bargain;
use super::reason::{Reason, Tally};
use super::turn::Turn;
use crate::local::door::{Block, Deficit};
use crate::session::Phase;

pub use view::{Stage, TaskView};

/// What does not change while a task lives.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) about: About,
    pub(crate) block: Arc<Block>,
    pub(crate) retail: Price,
    pub(crate) retender: bool,
}

impl Facts {
    /// The reservation price R towards `seller`: what the grid asks, less the network fee that is
    /// due between the two (protocol 3.3 and 12.2).
    fn reservation(&self, seller: PartyId, turn: &Turn<'_>) -> Price {
        Price(self.retail.0.saturating_sub(turn.fee(seller).0))
    }
}

/// One purchase block under negotiation.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) facts: Facts,
    stage: Stage,
    coalition: Coalition,
    bargains: BTreeMap<PartyId, Bargain>,
    /// Bargains in which an answer is awaited.
    waiting: u32,
    /// What members are asked for: the block, later what is left of it.
    wanted: Arc<Block>,
    /// Whether asking again may bring something: a claim was answered since the last time.
    has_moved: bool,
    /// First round of each seller that is news.
    heard: BTreeMap<PartyId, u32>,
    /// How often members have been asked.
    asks: u32,
    temps: Vec<TempContract>,
    temporary_wh: u128,
    offers: u32,
    counters: u32,
    /// Most offers heard in one session.
    rounds: u32,
    pub(crate) determination: Determination,
    pub(crate) tally: Tally,
}

impl Task {
    pub(crate) fn begin(about: About, deficit: Deficit, turn: &mut Turn<'_>) -> Self {
        let Deficit { block, retail, retender } = deficit;
        let block = Arc::new(block);
        Self {
            stage: Stage::Forming,
            coalition: Coalition::begin(about, Arc::clone(&block), turn),
            bargains: BTreeMap::new(),
            waiting: 0,
            wanted: Arc::clone(&block),
            has_moved: false,
            heard: BTreeMap::new(),
            asks: 1,
            temps: Vec::new(),
            temporary_wh: 0,
            offers: 0,
            counters: 0,
            rounds: 0,
            determination: Determination::new(block.profile.clone()),
            tally: Tally::default(),
            facts: Facts { about, block, retail, retender },
        }
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.stage == Stage::Ended
    }

    /// Whether nothing is left to do in `phase`.
    pub(crate) fn is_quiescent(&self, phase: Phase) -> bool {
        match phase {
            Phase::Coalition => self.coalition.is_quiescent(),
            Phase::Negotiation => {
                let is_heard = self.coalition.is_quiescent() && self.waiting == 0;
                is_heard && (self.stage >= Stage::Finalising || self.determination.is_done())
            }
            _ => self.is_ended(),
        }
    }

    /// A member answers: with energy to sell, bargaining with it begins at once.
    pub(crate) fn on_reply(&mut self, from: PartyId, reply: &CoalitionReply, turn: &mut Turn<'_>) {
        let news = self.coalition.on_reply(from, reply, &mut self.tally, turn);
        if news.is_some() && !self.bargains.contains_key(&from) {
            self.invite(from, turn);
        }
        self.award(turn);
    }

    /// Asks a member for an offer.
    fn invite(&mut self, member: PartyId, turn: &mut Turn<'_>) {
        self.bargains.insert(member, Bargain::Asked(turn.attempt()));
        self.waiting += 1;
        turn.send(member, self.ask());
    }

    fn ask(&self) -> Message {
        Message::NegotiationRequest(NegotiationRequest {
            about: self.facts.about,
            block: Arc::clone(&self.wanted),
            energy: self.wanted.energy_wh,
        })
    }

    pub(crate) fn on_neighbours(
        &mut self,
        from: PartyId,
        reply: &NeighbourReply,
        turn: &mut Turn<'_>,
    ) {
        self.coalition.on_neighbours(from, &reply.neighbours, turn);
        self.award(turn);
    }

    /// Ends the wait in the bargain with `from` and leaves `said` for repeated offers.
    fn close(&mut self, from: PartyId, said: Option<OfferResponse>, turn: &mut Turn<'_>) {
        let Some(bargain) = self.bargains.get_mut(&from) else { return };
        if bargain.is_waiting() {
            self.waiting = self.waiting.saturating_sub(1);
        }
        match std::mem::replace(bargain, Bargain::Closed(said)) {
            Bargain::Asked(attempt)
            | Bargain::Countered { attempt, .. }
            | Bargain::Claimed { attempt, .. } => turn.answered(&attempt),
            Bargain::Standing { .. } | Bargain::Closed(_) => {}
        }
    }

    /// The seller makes no offer.
    pub(crate) fn on_decline(
        &mut self,
        from: PartyId,
        reply: &NegotiationReply,
        turn: &mut Turn<'_>,
    ) {
        let bargain = self.bargains.get(&from);
        if matches!(bargain, Some(Bargain::Asked(_) | Bargain::Claimed { .. })) {
            self.tally.note(reply.declined);
            // Who no longer has what was claimed may still have something else.
            let said = match bargain {
                Some(Bargain::Claimed { claim, .. }) => Some(self.lost(claim.round)),
                _ => None,
            };
            self.has_moved |= said.is_some();
            self.close(from, said, turn);
            self.award(turn);
        }
    }

    /// The seller says that a letter came too late: what hung on it is gone.
    pub(crate) fn on_expired(&mut self, from: PartyId, expired: &Expired, turn: &mut Turn<'_>) {
        if expired.phase == Phase::Coalition {
            self.coalition.on_expired(from, &mut self.tally, turn);
            return self.award(turn);
        }
        let held = self.temps.iter().position(|temp| temp.seller == from);
        if let Some(temp) = held.map(|at| self.temps.swap_remove(at)) {
            self.temporary_wh -= u128::from(temp.energy.0);
        }
        let queued = self.determination.forget(from);
        let waiting = self.bargains.get(&from).is_some_and(Bargain::is_waiting);
        if held.is_some() || queued || waiting {
            self.tally.note(Reason::Expired);
        }
        self.close(from, None, turn);
        self.award(turn);
    }
}
