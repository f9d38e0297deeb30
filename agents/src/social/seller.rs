//! Selling: what an SCA answers to other buyers until a contract is requested (protocol 5, 6).
//!
//! Every answer comes from a quote of the own LCA. A session remembers what it said, so that a
//! repeated question gets the same answer and costs no second thought.

mod bargain;
mod hold;
mod member;
mod opening;
mod sale;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gridpact_chain::contract::ContractId;
use gridpact_chain::terms::{PartyId, Profile};

use super::Effect;
use super::book::{Book, SessionKey};
use super::limits::SESSIONS_PER_BUYER_MAX;
use super::message::{About, Message, Reason, TaskId};
use super::order::Orders;
use super::resend::Due;
use super::turn::Turn;
use crate::local::door::{Quote, QuoteRequest};
use crate::params::Award;
use crate::session::Phase;

use sale::{Course, Purpose, Sale, Unfinished};

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

    /// The buyer says that a letter came too late: nothing of this session is held.
    pub(crate) fn on_expired(
        &mut self,
        from: PartyId,
        about: About,
        phase: Phase,
        turn: &mut Turn<'_>,
    ) {
        let key = (from, about.task);
        if let (Phase::Negotiation, Some(sale)) = (phase, self.sales.get_mut(&key)) {
            let was_open = sale.course.is_open();
            sale.course = Course::Lapsed;
            let is_dropped = !self.orders.is_about(&key) && self.book.drop_held(&key).is_some();
            if was_open || is_dropped {
                turn.lost(Reason::Expired);
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

    /// D3: nothing can be requested any more, so nothing temporary is kept; what is still open is told
    /// as what it is.
    pub(crate) fn end(&mut self, turn: &mut Turn<'_>) {
        for sale in self.sales.values() {
            match sale.unfinished() {
                Some(Unfinished::Own) => turn.refused(Reason::Silent),
                Some(Unfinished::Buyers(reason)) => turn.lost(reason),
                None => {}
            }
        }
        let unasked = self.book.iter().filter(|temp| !self.orders.is_open(&temp.contract_id));
        let unasked = u32::try_from(unasked.count()).unwrap_or(u32::MAX);
        turn.core.diary.sales.lost.note_times(Reason::Expired, unasked);
        self.orders.end(turn);
        self.release_holds(turn);
        self.book.clear();
        self.sales.clear();
        self.questions.clear();
        if let Some(sales) = turn.core.diary.close() {
            turn.out.push(Effect::Sales(sales));
        }
    }
}
