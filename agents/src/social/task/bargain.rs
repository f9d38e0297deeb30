//! The buyer's half of the bargaining of one task: offers come in, round by round, and are judged
//! once each; what was said is repeated to whoever asks again.

use std::sync::Arc;

use gridpact_chain::contract::ContractId;
use gridpact_chain::terms::{Energy, PartyId, Price};

use super::Task;
use crate::params::{Award, BlockShape};
use crate::session::Phase;
use crate::social::book::TempContract;
use crate::social::message::{
    Answer, CounterResponse, Message, Offer, OfferResponse, Reason, Verdict,
};
use crate::social::negotiation::{Bargain, BuyerStand, judge_offer};
use crate::social::turn::{Core, Turn};

impl Task {
    /// The opening offer of a session: judge it once, repeat the verdict to whoever repeats it.
    pub(crate) fn on_offer(&mut self, from: PartyId, offer: Offer, turn: &mut Turn<'_>) {
        let about = self.facts.about;
        let bargain = self.bargains.get(&from);
        match bargain.and_then(Bargain::said) {
            Some(said) if said.round == offer.round => {
                return turn.send(from, Message::OfferResponse(said.clone()));
            }
            // Overtaken: the session has moved on to a later round.
            Some(said) if said.round > offer.round => return,
            _ => {}
        }
        let asked = matches!(bargain, Some(Bargain::Asked(_)));
        if matches!(bargain, Some(Bargain::Standing { .. } | Bargain::Claimed { .. })) {
            return;
        }
        if !asked || !turn.is_open(about.epoch, Phase::Negotiation) {
            return turn.expired(from, about, Phase::Negotiation);
        }
        if turn.params().negotiate.award == Award::Cheapest {
            return self.gather(from, offer, turn);
        }
        self.answer(from, offer, None, turn);
    }

    /// Judges an offer and says the verdict; `last` is the own counter of the round before.
    fn answer(&mut self, from: PartyId, offer: Offer, last: Option<Price>, turn: &mut Turn<'_>) {
        let about = self.facts.about;
        self.offers += 1;
        self.rounds = self.rounds.max(offer.round.saturating_add(1));
        let answer = self.judge(from, &offer, last, turn);
        let said = OfferResponse { about, round: offer.round, answer };
        turn.send(from, Message::OfferResponse(said.clone()));
        match answer {
            Answer::Counter { unit_price } => {
                self.counters += 1;
                self.close(from, None, turn);
                let attempt = turn.attempt();
                let countered =
                    Bargain::Countered { offer: Box::new(offer), said, unit_price, attempt };
                self.bargains.insert(from, countered);
                self.waiting += 1;
            }
            Answer::Reject { reason } => {
                self.tally.note(reason);
                self.close(from, Some(said), turn);
            }
            Answer::Accept => {
                self.hold(from, &offer, offer.unit_price, turn);
                self.close(from, Some(said), turn);
            }
        }
    }

    fn judge(
        &self,
        from: PartyId,
        offer: &Offer,
        last: Option<Price>,
        turn: &mut Turn<'_>,
    ) -> Answer {
        let params = Arc::clone(&turn.core.setup.params);
        let (profile, block) = (&offer.profile, &self.facts.block);
        let aligned = profile.start == block.start && profile.wh.len() == block.profile.wh.len();
        let energy = profile.energy();
        let within = match params.lca.block_shape {
            BlockShape::Profile => profile.iter().all(|(at, wh)| wh <= block.profile.at(at)),
            BlockShape::Energy => energy <= block.energy_wh,
        };
        if !aligned || !within {
            return Answer::Reject { reason: Reason::Mismatch };
        }
        if offer.round >= params.negotiate.max_rounds {
            return Answer::Reject { reason: Reason::Limit };
        }
        if energy < params.coalition.min_trade_wh || energy == Energy::ZERO {
            return Answer::Reject { reason: Reason::TooSmall };
        }
        let stand = BuyerStand {
            reservation: self.facts.reservation(from, turn),
            need: block.energy_wh,
            temporary: u32::try_from(self.temps.len()).unwrap_or(u32::MAX),
            temporary_wh: self.temporary_wh,
            round: offer.round,
            said: last,
        };
        let Core { setup, rng, .. } = &mut *turn.core;
        judge_offer(&setup.rules(), &stand, offer.unit_price, rng)
    }

    fn hold(&mut self, seller: PartyId, offer: &Offer, unit_price: Price, turn: &Turn<'_>) {
        let (task, buyer) = (self.facts.about.task, turn.party());
        let community = &turn.core.setup.community;
        let epoch = self.facts.about.epoch;
        let energy = offer.profile.energy();
        self.temporary_wh += u128::from(energy.0);
        self.temps.push(TempContract {
            contract_id: ContractId::new(community, epoch, buyer, seller, &task.0, offer.round),
            task,
            buyer,
            seller,
            round: offer.round,
            profile: Arc::clone(&offer.profile),
            energy,
            unit_price,
            surplus_price: offer.surplus_price,
        });
    }

    /// The seller's word on a counter; with a new offer the next round begins.
    pub(crate) fn on_counter_response(
        &mut self,
        from: PartyId,
        response: &CounterResponse,
        turn: &mut Turn<'_>,
    ) {
        let about = self.facts.about;
        let bargain = self.bargains.get(&from);
        let (offer, said, unit_price) = match bargain {
            Some(Bargain::Countered { offer, said, unit_price, .. })
                if offer.round == response.round =>
            {
                (Offer::clone(offer), said.clone(), *unit_price)
            }
            _ => return self.on_old_response(from, response, turn),
        };
        if !turn.is_open(about.epoch, Phase::Negotiation) {
            self.close(from, None, turn);
            return turn.expired(from, about, Phase::Negotiation);
        }
        match response.verdict {
            Verdict::Accept => {
                self.close(from, Some(said), turn);
                self.hold(from, &offer, unit_price, turn);
            }
            Verdict::Reject { reason } => {
                self.close(from, Some(said), turn);
                self.tally.note(reason);
            }
            Verdict::NewOffer { unit_price: asked } => {
                let round = offer.round.saturating_add(1);
                let next = Offer { round, unit_price: asked, ..offer };
                self.answer(from, next, Some(unit_price), turn);
            }
        }
    }

    /// A response to no open counter: a new offer that was answered before gets its answer again,
    /// and what was overtaken nothing.
    fn on_old_response(&self, from: PartyId, response: &CounterResponse, turn: &mut Turn<'_>) {
        let said = self.bargains.get(&from).and_then(Bargain::said);
        let Some(said) = said.filter(|said| said.round >= response.round) else {
            return turn.expired(from, self.facts.about, Phase::Negotiation);
        };
        let is_offer = matches!(response.verdict, Verdict::NewOffer { .. });
        if is_offer && response.round.checked_add(1) == Some(said.round) {
            turn.send(from, Message::OfferResponse(said.clone()));
        }
    }
}
