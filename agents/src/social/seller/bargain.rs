//! The seller's half of one session after its opening offer: answers come in, counters are judged
//! with a fresh quote, and while rounds are left a new offer may follow (protocol 6.4, 6.6).

use gridpact_chain::terms::{PartyId, Profile};

use super::Selling;
use super::sale::{Course, Purpose, temporary};
use crate::local::door::{Quote, QuoteRequest};
use crate::session::Phase;
use crate::social::Effect;
use crate::social::book::SessionKey;
use crate::social::message::{
    About, Answer, CounterResponse, Message, Offer, OfferResponse, Reason, Verdict,
};
use crate::social::negotiation::{SellerStand, judge_counter};
use crate::social::turn::{Core, Turn};

impl Selling {
    /// The buyer's answer to an offer.
    pub(crate) fn on_response(
        &mut self,
        from: PartyId,
        response: OfferResponse,
        turn: &mut Turn<'_>,
    ) {
        let OfferResponse { about, round, answer } = response;
        let key = (from, about.task);
        let Some(sale) = self.sales.get_mut(&key) else {
            return turn.expired(from, about, Phase::Negotiation);
        };
        match std::mem::replace(&mut sale.course, Course::Lapsed) {
            Course::Offered { offer, attempt, .. } if offer.round == round => {
                turn.answered(&attempt);
                if turn.now >= offer.valid_until {
                    turn.lost(Reason::Expired);
                    return turn.expired(from, about, Phase::Negotiation);
                }
                self.take_answer(key, offer, answer, turn);
            }
            Course::Offered { offer, said: Some(said), attempt } if round < offer.round => {
                // The counter of the last round again gets the new offer again; older ones were
                // overtaken.
                if said.round == round {
                    turn.send(from, Message::CounterResponse(said.clone()));
                }
                sale.course = Course::Offered { offer, said: Some(said), attempt };
            }
            Course::Judging { offer, counter, ticket } => {
                if offer.round == round {
                    let wanted = Profile::clone(&offer.profile);
                    turn.out.push(Effect::Quote(QuoteRequest { ticket, wanted, beside: None }));
                }
                sale.course = Course::Judging { offer, counter, ticket };
            }
            Course::Over { response } => {
                if let Some(said) = response.as_ref().filter(|said| said.round == round) {
                    turn.send(from, Message::CounterResponse(said.clone()));
                }
                sale.course = Course::Over { response };
            }
            other => {
                sale.course = other;
                turn.expired(from, about, Phase::Negotiation);
            }
        }
    }

    fn take_answer(&mut self, key: SessionKey, offer: Offer, answer: Answer, turn: &mut Turn<'_>) {
        let over = Course::Over { response: None };
        let course = match answer {
            Answer::Accept => {
                turn.core.diary.sales.promise(offer.profile.energy());
                self.book.hold(temporary(key, &offer, offer.unit_price, turn));
                over
            }
            Answer::Reject { reason } => {
                turn.lost(reason);
                over
            }
            Answer::Counter { unit_price } => {
                turn.core.diary.sales.bid(unit_price);
                let wanted = Profile::clone(&offer.profile);
                let ticket = self.ask(key, Purpose::Counter, wanted, turn);
                Course::Judging { offer, counter: unit_price, ticket }
            }
        };
        if let Some(sale) = self.sales.get_mut(&key) {
            sale.course = course;
        }
    }

    /// Decides a counter with a fresh quote.
    pub(super) fn judge(
        &mut self,
        key: SessionKey,
        about: About,
        quote: &Quote,
        turn: &mut Turn<'_>,
    ) {
        let Some(sale) = self.sales.get_mut(&key) else { return };
        let (offer, counter) = match std::mem::replace(&mut sale.course, Course::Lapsed) {
            Course::Judging { offer, counter, .. } => (offer, counter),
            other => {
                sale.course = other;
                return;
            }
        };
        if turn.now >= offer.valid_until {
            turn.refused(Reason::Expired);
            return turn.expired(key.0, about, Phase::Negotiation);
        }
        let min_trade = turn.params().coalition.min_trade_wh;
        let stand = SellerStand {
            cost: quote.unit_cost,
            ceiling: quote.ceiling,
            available: offer.profile.capped_by(&quote.available).energy(),
            capacity: quote.capacity,
            min_trade,
            overlap: self.book.overlap(sale.block.start, sale.block.end),
            round: offer.round,
            said: offer.unit_price,
        };
        let Core { setup, rng, .. } = &mut *turn.core;
        let verdict = judge_counter(&setup.rules(), &stand, counter, rng);
        let response = CounterResponse { about, round: offer.round, verdict };
        sale.course = match verdict {
            Verdict::NewOffer { unit_price } => {
                turn.core.diary.sales.offer(offer.profile.energy(), unit_price, false);
                let offer = Offer { round: offer.round.saturating_add(1), unit_price, ..offer };
                let attempt = turn.attempt();
                Course::Offered { offer, said: Some(response.clone()), attempt }
            }
            Verdict::Accept => {
                turn.core.diary.sales.promise(offer.profile.energy());
                self.book.hold(temporary(key, &offer, counter, turn));
                Course::Over { response: Some(response.clone()) }
            }
            Verdict::Reject { reason } => {
                turn.refused(reason);
                Course::Over { response: Some(response.clone()) }
            }
        };
        turn.send(key.0, Message::CounterResponse(response));
    }
}
