//! Who in an SCA answers which letter, and what letters of other epochs are told.

use gridpact_chain::terms::{PartyId, Timestamp};

use super::determination::cancel;
use super::message::{Message, Reason};
use super::seller::Selling;
use super::turn::Turn;
use super::{Effect, SocialAgent};

impl SocialAgent {
    /// A letter of another SCA goes to the half it concerns.
    pub(super) fn on_peer(
        &mut self,
        from: PartyId,
        message: Message,
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) {
        let about = message.about();
        self.follow(about.epoch, now, out);
        let turn = &mut Turn { now, core: &mut self.core, out };
        if turn.core.round.is_none_or(|round| round.epoch != about.epoch) {
            return stale(from, &message, turn);
        }
        let selling = &mut self.selling;
        match message {
            Message::CoalitionRequest(request) => selling.on_coalition(from, request, turn),
            Message::NeighbourQuery(_) => selling.on_query(from, about, turn),
            Message::NegotiationRequest(request) => selling.on_negotiation(from, request, turn),
            Message::OfferResponse(response) => selling.on_response(from, response, turn),
            Message::Claim(claim) => selling.on_claim(from, claim, turn),
            Message::TransactionRequest(request) => {
                selling.hand_over(from, about, &request.contract_id, turn);
                let Selling { orders, book, .. } = selling;
                orders.on_request(from, request, book, &self.holdings, turn);
            }
            // Only the nonce tells whose task it is, so both halves look.
            Message::Cancel(cancel) => {
                let Selling { orders, book, .. } = selling;
                orders.on_cancel(from, &cancel, book, turn);
                self.buying.on_peer(from, Message::Cancel(cancel), turn);
            }
            Message::Expired(expired) => {
                selling.on_expired(from, about, expired.phase, turn);
                self.buying.on_peer(from, Message::Expired(expired), turn);
            }
            reply => self.buying.on_peer(from, reply, turn),
        }
    }
}

/// A letter of another epoch is answered, unless it only ends things.
fn stale(from: PartyId, message: &Message, turn: &mut Turn<'_>) {
    let about = message.about();
    match (message, message.phase()) {
        (Message::TransactionRequest(request), _) => {
            cancel(from, about, request.contract_id, Reason::Expired, turn);
        }
        (Message::Confirm(confirm), _) => {
            cancel(from, about, confirm.body.contract_id, Reason::Expired, turn);
        }
        (_, Some(phase)) => turn.expired(from, about, phase),
        (_, None) => {}
    }
}
