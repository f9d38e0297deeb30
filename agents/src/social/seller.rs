//! Selling: what an SCA answers to other buyers until a contract is requested (protocol 5, 6).
//!
//! Every answer comes from a quote of the own LCA. A session remembers what it said, so that a
//! repeated question gets the same answer and costs no second thought.

mod bargain;
mod hold;
mod sale;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gridpact_chain::contract::ContractId;
use gridpact_chain::terms::{Energy, PartyId, Profile};

use super::Effect;
use super::book::{Book, SessionKey};
use super::buyer::refuse_block;
use super::deed::capped;
use super::limits::{NEIGHBOURS_MAX, REFUSALS_MAX, SESSIONS_PER_BUYER_MAX};
use super::message::{
    About, CoalitionReply, CoalitionRequest, Message, NegotiationReply, NegotiationRequest,
    NeighbourReply, Offer, Reason, TaskId,
};
use super::order::Orders;
use super::pricing::AskStand;
use super::resend::Due;
use super::turn::{Core, Turn};
use crate::local::door::{Block, Quote, QuoteRequest};
use crate::params::Award;
use crate::session::Phase;

use sale::{Course, Purpose, Sale};

/// The seller's half of the mind.
#[derive(Debug, Default)]
pub(crate) struct Selling {
    /// Boxed, so that the map moves pointers when it makes room.
    sales: BTreeMap<SessionKey, Box<Sale>>,
    questions: BTreeMap<u64, (SessionKey, Purpose)>,
    tickets: u64,
    /// Grows with every reservation: older quotes are not used for offers.
    reservations: u64,
    /// Claims that the LCA is re-planning with: neither in its plan yet nor free.
    pending: BTreeMap<ContractId, (SessionKey, Arc<Profile>)>,
    /// Grows with every claim the LCA is asked to re-plan with: older quotes knew of less.
    grants: u64,
    /// What is reserved for buyers that have not asked for the contract yet.
    reserved: BTreeSet<ContractId>,
    pub(crate) book: Book,
    pub(crate) orders: Orders,
}

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
    pub(crate) fn sessions(&self) -> usize {
        self.sales.len()
    }

    /// Quotes made so far promise energy that a reservation has just taken.
    pub(crate) fn outdate_quotes(&mut self) {
        self.reservations += 1;
    }

    /// Asks the LCA; the ticket finds its way back to the session.
    fn ask(
        &mut self,
        key: SessionKey,
        purpose: Purpose,
        wanted: Profile,
        turn: &mut Turn<'_>,
    ) -> u64 {
        self.tickets += 1;
        self.questions.insert(self.tickets, (key, purpose));
        turn.out.push(self.question(key, self.tickets, wanted, turn));
        self.tickets
    }

    /// What the LCA is asked for `key`: as the source does, or beside what is held for others.
    fn question(&self, key: SessionKey, ticket: u64, wanted: Profile, turn: &Turn<'_>) -> Effect {
        let beside = match turn.params().negotiate.award {
            Award::FirstCome => None,
            Award::Cheapest => Some(self.pending_beside(&key)),
        };
        Effect::Quote(QuoteRequest { ticket, wanted, beside })
    }

    /// Whether one more session with `buyer` may be kept.
    fn has_room(&self, buyer: PartyId) -> bool {
        let range = (buyer, TaskId([0; 16]))..=(buyer, TaskId([u8::MAX; 16]));
        self.sales.range(range).count() < SESSIONS_PER_BUYER_MAX
    }

    /// Could you serve this block?
    pub(crate) fn on_coalition(
        &mut self,
        from: PartyId,
        request: CoalitionRequest,
        turn: &mut Turn<'_>,
    ) {
        let CoalitionRequest { about, block, .. } = request;
        let key = (from, about.task);
        let shape = turn.params().lca.block_shape;
        if let Some(sale) = self.sales.get(&key) {
            match (&sale.reply, sale.member_ticket) {
                (Some(reply), _) => {
                    return turn.send(from, Message::CoalitionReply(reply.clone()));
                }
                (None, Some(ticket)) => {
                    let wanted = sale.wanted(shape);
                    return turn.out.push(self.question(key, ticket, wanted, turn));
                }
                (None, None) => {}
            }
        }
        if !turn.is_open(about.epoch, Phase::Coalition) {
            return turn.expired(from, about, Phase::Coalition);
        }
        if refuse_block(&block, turn).is_some() || !self.has_room(from) {
            let reply = CoalitionReply { about, available: false, available_energy: Energy::ZERO };
            return turn.send(from, Message::CoalitionReply(reply));
        }
        let wanted =
            self.sales.entry(key).or_insert_with(|| Box::new(Sale::new(block))).wanted(shape);
        let ticket = self.ask(key, Purpose::Member, wanted, turn);
        if let Some(sale) = self.sales.get_mut(&key) {
            sale.member_ticket = Some(ticket);
        }
    }

    /// Whom do you know?
    pub(crate) fn on_query(&self, from: PartyId, about: About, turn: &mut Turn<'_>) {
        if !turn.is_open(about.epoch, Phase::Coalition) {
            return turn.expired(from, about, Phase::Coalition);
        }
        let known = turn.core.setup.neighbours.iter().take(NEIGHBOURS_MAX);
        let neighbours = known.copied().filter(|party| *party != from).collect();
        turn.send(from, Message::NeighbourReply(NeighbourReply { about, neighbours }));
    }

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
            let reply = NegotiationReply { about, declined, max_energy: Energy::ZERO };
            return turn.send(from, Message::NegotiationReply(reply));
        }
        let new = || Box::new(Sale::new(Arc::clone(&block)));
        let sale = self.sales.entry(key).or_insert_with(new);
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

    /// The LCA's answer, for whichever question it was.
    pub(crate) fn on_quote(&mut self, quote: Quote, turn: &mut Turn<'_>) {
        let Some((key, purpose)) = self.questions.remove(&quote.ticket) else { return };
        let Some(epoch) = turn.core.round.map(|round| round.epoch) else { return };
        let about = About { epoch, task: key.1 };
        match purpose {
            Purpose::Member => self.reply(key, about, quote, turn),
            Purpose::Opening => {
                if turn.is_open(epoch, Phase::Negotiation) {
                    self.open(key, about, quote, turn);
                } else {
                    self.lapse(key, about, turn);
                }
            }
            Purpose::Counter => self.judge(key, about, &quote, turn),
            Purpose::Claim => self.grant(key, about, &quote, turn),
        }
    }

    fn reply(&mut self, key: SessionKey, about: About, quote: Quote, turn: &mut Turn<'_>) {
        let shape = turn.params().lca.block_shape;
        let min_trade = turn.params().coalition.min_trade_wh;
        if !turn.is_open(about.epoch, Phase::Coalition) {
            return turn.expired(key.0, about, Phase::Coalition);
        }
        let Some(sale) = self.sales.get_mut(&key) else { return };
        let available_energy = sale.served_energy(&quote, shape);
        let available = available_energy >= min_trade && available_energy > Energy::ZERO;
        let reply = CoalitionReply { about, available, available_energy };
        sale.member_ticket = None;
        sale.reply = Some(reply.clone());
        sale.quote = Some((self.reservations, quote));
        turn.send(key.0, Message::CoalitionReply(reply));
    }

    /// Opens with an offer, or says why not (protocol 6.2).
    fn open(&mut self, key: SessionKey, about: About, quote: Quote, turn: &mut Turn<'_>) {
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
        sale.course = Course::Offered { offer: offer.clone(), said: None, attempt: turn.attempt() };
        turn.send(key.0, Message::Offer(offer));
    }

    fn lapse(&mut self, key: SessionKey, about: About, turn: &mut Turn<'_>) {
        if let Some(sale) = self.sales.get_mut(&key) {
            sale.course = Course::Lapsed;
        }
        turn.expired(key.0, about, Phase::Negotiation);
    }

    /// The buyer says that a letter came too late: nothing of this session is held.
    pub(crate) fn on_expired(&mut self, from: PartyId, about: About, phase: Phase) {
        let key = (from, about.task);
        if let (Phase::Negotiation, Some(sale)) = (phase, self.sales.get_mut(&key)) {
            sale.course = Course::Lapsed;
            if !self.orders.is_about(&key) {
                self.book.drop_held(&key);
            }
        }
    }

    /// Says unanswered offers again while the phase is open.
    pub(crate) fn on_time(&mut self, turn: &mut Turn<'_>) {
        for ((buyer, task), sale) in &mut self.sales {
            let Course::Offered { offer, said, attempt } = &mut sale.course else { continue };
            let about = About { epoch: offer.about.epoch, task: *task };
            if !turn.is_open(about.epoch, Phase::Negotiation) {
                continue;
            }
            if turn.look(attempt) != Due::Nothing {
                let again = match said {
                    None => Message::Offer(offer.clone()),
                    Some(said) => Message::CounterResponse(said.clone()),
                };
                turn.send(*buyer, again);
            }
        }
    }

    /// D3: nothing can be requested any more, so nothing temporary is kept.
    pub(crate) fn end(&mut self, turn: &mut Turn<'_>) {
        self.orders.end(turn);
        self.release_holds(turn);
        self.book.clear();
        self.sales.clear();
        self.questions.clear();
    }
}
