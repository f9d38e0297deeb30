//! The seller's half of a session up to its opening offer (protocol 6.1, 6.2): a request is looked at,
//! the LCA is asked, and an offer leaves, or the reason for none.

use std::sync::Arc;

use gridpact_chain::terms::{Energy, PartyId};

use super::Selling;
use super::sale::{Course, Purpose, Sale};
use crate::local::door::{Block, Quote};
use crate::params::Award;
use crate::session::Phase;
use crate::social::book::SessionKey;
use crate::social::buyer::refuse_block;
use crate::social::deed::capped;
use crate::social::limits::REFUSALS_MAX;
use crate::social::message::{About, Message, NegotiationReply, NegotiationRequest, Offer, Reason};
use crate::social::pricing::AskStand;
use crate::social::turn::{Core, Turn};

/// What an earlier request of a session leaves to do.
enum Before {
    /// All has been said, and where it was due it was said again.
    Answered,
    /// The coalition's quote still holds.
    Quoted,
    /// It is a new question.
    Nothing,
}

impl Selling {
    /// What an earlier request of the session leaves to do; the same question gets the same answer.
    fn before(&self, sale: &Sale, key: SessionKey, block: &Block, turn: &mut Turn<'_>) -> Before {
        let (from, shape) = (key.0, turn.params().lca.block_shape);
        if turn.params().negotiate.award == Award::Cheapest {
            // A buyer asks for ever less: what asks for more was overtaken, what asks for less is a
            // new question.
            let is_offered = matches!(sale.course, Course::Offered { .. });
            if block.energy_wh > sale.block.energy_wh {
                return Before::Answered;
            }
            if sale.course.is_answered() || (is_offered && *sale.block != *block) {
                return Before::Nothing;
            }
        }
        match &sale.course {
            Course::Idle if *sale.block == *block => {
                let is_fresh = |(at, _): &(u64, Quote)| *at == self.reservations;
                if sale.quote.as_ref().is_some_and(is_fresh) {
                    return Before::Quoted;
                }
                return Before::Nothing;
            }
            Course::Idle => return Before::Nothing,
            Course::Opening { ticket } => {
                let question = self.question(key, *ticket, sale.wanted(shape), turn);
                turn.out.push(question);
            }
            Course::Declined(reply) => turn.send(from, Message::NegotiationReply(reply.clone())),
            Course::Offered { offer, said: None, .. } => {
                turn.send(from, Message::Offer(offer.clone()));
            }
            Course::Lapsed => {
                let epoch = turn.core.round.map(|round| round.epoch).unwrap_or_default();
                turn.expired(from, About { epoch, task: key.1 }, Phase::Negotiation);
            }
            // The buyer has answered the offer since: this request was overtaken.
            Course::Offered { .. }
            | Course::Judging { .. }
            | Course::Over { .. }
            | Course::Claimed { .. }
            | Course::Reserving { .. }
            | Course::Held { .. } => {}
        }
        Before::Answered
    }

    /// Make me an offer.
    pub(crate) fn on_negotiation(
        &mut self,
        from: PartyId,
        request: NegotiationRequest,
        turn: &mut Turn<'_>,
    ) {
        let NegotiationRequest { about, block, .. } = request;
        let key = (from, about.task);
        let shape = turn.params().lca.block_shape;
        let holds = turn.params().negotiate.award == Award::Cheapest;
        let known = self.sales.get(&key);
        let is_known = known.is_some();
        let is_fresh = match known.map(|sale| self.before(sale, key, &block, turn)) {
            Some(Before::Answered) => return,
            Some(Before::Quoted) => !holds,
            Some(Before::Nothing) | None => false,
        };
        if !turn.is_open(about.epoch, Phase::Negotiation) {
            return turn.expired(from, about, Phase::Negotiation);
        }
        let has_room = is_known || self.has_room(from);
        let is_spent = self.sales.get(&key).is_some_and(|sale| sale.refusals >= REFUSALS_MAX);
        let refused = refuse_block(&block, turn)
            .or_else(|| (!has_room).then_some(Reason::Limit))
            .or_else(|| is_spent.then_some(Reason::NoEnergy));
        if let Some(declined) = refused {
            if !is_known {
                turn.core.diary.sales.ask(block.energy_wh);
            }
            turn.refused(declined);
            let reply = NegotiationReply { about, declined, max_energy: Energy::ZERO };
            return turn.send(from, Message::NegotiationReply(reply));
        }
        let sale = self.session(key, Arc::clone(&block), turn);
        sale.block = block;
        // Of no use once the course begins.
        let quote = sale.quote.take().filter(|_| is_fresh);
        match quote {
            Some((_, quote)) => self.open(key, about, quote, turn),
            None => {
                let wanted = sale.wanted(shape);
                let ticket = self.ask(key, Purpose::Opening, wanted, turn);
                if let Some(sale) = self.sales.get_mut(&key) {
                    sale.course = Course::Opening { ticket };
                }
            }
        }
    }

    /// Opens with an offer, or says why not (protocol 6.2).
    pub(super) fn open(
        &mut self,
        key: SessionKey,
        about: About,
        quote: Quote,
        turn: &mut Turn<'_>,
    ) {
        let Some(sale) = self.sales.get_mut(&key) else { return };
        let params = Arc::clone(&turn.core.setup.params);
        let (cost, ceiling, feed_in) = (quote.unit_cost, quote.ceiling, quote.feed_in);
        let profile = sale.served(quote, params.lca.block_shape);
        let energy = profile.energy();
        let temporary = self.book.overlap(sale.block.start, sale.block.end).count;
        let round = sale.rounds;
        let stand = AskStand { cost, ceiling, temporary, round: 0 };
        let Core { setup, rng, .. } = &mut *turn.core;
        let price = setup.rules().ask(&stand, rng);
        let scarce = energy < params.coalition.min_trade_wh || energy == Energy::ZERO;
        let (Some(unit_price), false) = (price, scarce) else {
            let declined = if scarce { Reason::NoEnergy } else { Reason::CostAboveCeiling };
            let reply = NegotiationReply { about, declined, max_energy: energy };
            sale.course = Course::Declined(reply.clone());
            turn.refused(declined);
            return turn.send(key.0, Message::NegotiationReply(reply));
        };
        let offer = Offer {
            about,
            round,
            profile: Arc::new(profile),
            unit_price,
            surplus_price: capped(feed_in, turn),
            valid_until: turn.core.round.map_or(turn.now, |round| round.offers_until),
        };
        sale.rounds = round.saturating_add(1);
        turn.core.diary.sales.offer(energy, unit_price, round == 0);
        sale.course = Course::Offered { offer: offer.clone(), said: None, attempt: turn.attempt() };
        turn.send(key.0, Message::Offer(offer));
    }

    /// The LCA was too late.
    pub(super) fn lapse(&mut self, key: SessionKey, about: About, turn: &mut Turn<'_>) {
        if let Some(sale) = self.sales.get_mut(&key) {
            sale.course = Course::Lapsed;
            turn.refused(Reason::Expired);
        }
        turn.expired(key.0, about, Phase::Negotiation);
    }
}
