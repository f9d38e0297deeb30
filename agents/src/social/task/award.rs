//! The buyer's half of `negotiate.award = "cheapest"`: offers are gathered, claimed from the cheapest
//! on, each for what is still needed, and requested as soon as they are held. When all in hand are
//! spent and something is left, those who had something to offer are asked again for the rest.
//!
//! One claim or request is under way at a time, so that nobody holds energy for a need that is met.

use std::sync::Arc;

use gridpact_chain::contract::ContractId;
use gridpact_chain::terms::{Energy, PartyId, Profile};

use super::{Stage, Task};
use crate::local::door::Block;
use crate::params::Award;
use crate::session::Phase;
use crate::social::book::TempContract;
use crate::social::limits::{ASKS_MAX, CONTRACTS_MAX};
use crate::social::message::{Answer, Claim, Hold, Message, Offer, OfferResponse, Reason};
use crate::social::negotiation::Bargain;
use crate::social::turn::Turn;

impl Task {
    /// Takes an offer in hand, or refuses what no claim can mend.
    pub(super) fn gather(&mut self, from: PartyId, offer: Offer, turn: &mut Turn<'_>) {
        let news = self.heard.entry(from).or_default();
        if offer.round < *news {
            // Overtaken: it was made for what was wanted before.
            return;
        }
        *news = offer.round.saturating_add(1);
        let wanted = &self.wanted.profile;
        let profile = &offer.profile;
        let aligned = profile.start == wanted.start && profile.wh.len() == wanted.wh.len();
        let energy = profile.energy();
        self.offers += 1;
        self.rounds = self.rounds.max(offer.round.saturating_add(1));
        // More than is wanted by now answers an earlier question: a claim takes what is still needed.
        let refused = if !aligned {
            Some(Reason::Mismatch)
        } else if energy < turn.params().coalition.min_trade_wh || energy == Energy::ZERO {
            Some(Reason::TooSmall)
        } else {
            (offer.unit_price >= self.facts.reservation(from, turn)).then_some(Reason::NoGain)
        };
        match refused {
            Some(reason) => self.refuse(from, &offer, reason, turn),
            None => {
                self.close(from, None, turn);
                let lot = u64::from_le_bytes(turn.random());
                self.bargains.insert(from, Bargain::Standing { offer: Box::new(offer), lot });
            }
        }
        self.award(turn);
    }

    fn refuse(&mut self, from: PartyId, offer: &Offer, reason: Reason, turn: &mut Turn<'_>) {
        let (about, round) = (self.facts.about, offer.round);
        self.tally.note(reason);
        let said = OfferResponse { about, round, answer: Answer::Reject { reason } };
        turn.send(from, Message::OfferResponse(said.clone()));
        self.close(from, Some(said), turn);
    }

    /// The last word to a seller whose claimed energy is gone: none that it has to hear.
    pub(super) fn lost(&self, round: u32) -> OfferResponse {
        let answer = Answer::Reject { reason: Reason::NoEnergy };
        OfferResponse { about: self.facts.about, round, answer }
    }

    /// The next step, once nothing is under way and everybody has been heard.
    pub(super) fn award(&mut self, turn: &mut Turn<'_>) {
        let claims = turn.params().negotiate.award == Award::Cheapest;
        if !claims || self.stage >= Stage::Finalising {
            return;
        }
        if !self.coalition.is_quiescent() || self.waiting > 0 || !self.determination.is_done() {
            return;
        }
        let least = turn.params().coalition.min_trade_wh.max(Energy(1));
        let open = self.determination.open(turn);
        let is_full = open.energy() < least || turn.core.contracts >= CONTRACTS_MAX;
        while let Some(from) = self.cheapest(turn) {
            let Some(Bargain::Standing { offer, .. }) = self.bargains.remove(&from) else {
                continue;
            };
            let share = offer.profile.capped_by(&open);
            if is_full || share.energy() < least {
                self.bargains.insert(from, Bargain::Closed(None));
                self.refuse(from, &offer, Reason::Enough, turn);
            } else {
                return self.claim(from, offer, share, turn);
            }
        }
        if !is_full {
            self.ask_again(open, turn);
        }
    }

    /// Whose offer in hand costs least, network fee included.
    fn cheapest(&self, turn: &Turn<'_>) -> Option<PartyId> {
        let standing = self.bargains.iter().filter_map(|(from, bargain)| match bargain {
            Bargain::Standing { offer, lot } => {
                let cost = offer.unit_price.0.saturating_add(turn.fee(*from).0);
                Some((cost, *lot, *from))
            }
            _ => None,
        });
        standing.min().map(|(_, _, from)| from)
    }

    fn claim(&mut self, from: PartyId, offer: Box<Offer>, share: Profile, turn: &mut Turn<'_>) {
        let (about, round) = (self.facts.about, offer.round);
        let claim = Claim { about, round, profile: Arc::new(share) };
        let attempt = turn.attempt();
        turn.send(from, Message::Claim(claim.clone()));
        self.bargains.insert(from, Bargain::Claimed { offer, claim, attempt });
        self.waiting += 1;
    }

    /// Those whose last word was an offer may have more, or something dearer, for the rest.
    fn ask_again(&mut self, open: Profile, turn: &mut Turn<'_>) {
        let in_time = turn.is_open(self.facts.about.epoch, Phase::Negotiation);
        if !std::mem::take(&mut self.has_moved) || self.asks >= ASKS_MAX || !in_time {
            return;
        }
        self.asks += 1;
        let block = &self.facts.block;
        let (start, end, energy_wh) = (block.start, block.end, open.energy());
        self.wanted = Arc::new(Block { start, end, energy_wh, profile: open });
        let had_offers = |bargain: &Bargain| matches!(bargain, Bargain::Closed(Some(_)));
        let again: Vec<PartyId> =
            self.bargains.iter().filter(|(_, b)| had_offers(b)).map(|(party, _)| *party).collect();
        for member in again {
            self.invite(member, turn);
        }
    }

    /// The seller holds (part of) the claim: it is requested at once.
    pub(crate) fn on_hold(&mut self, from: PartyId, hold: &Hold, turn: &mut Turn<'_>) {
        let about = self.facts.about;
        let (offer, claim) = match self.bargains.get(&from) {
            Some(Bargain::Claimed { offer, claim, .. }) if claim.round == hold.round => {
                (Offer::clone(offer), claim.clone())
            }
            // Said again, or given up meanwhile.
            _ => return,
        };
        self.has_moved = true;
        self.close(
            from,
            Some(OfferResponse { about, round: hold.round, answer: Answer::Accept }),
            turn,
        );
        let (profile, asked) = (&hold.profile, &claim.profile);
        let is_part = profile.start == asked.start
            && profile.wh.len() == asked.wh.len()
            && profile.iter().all(|(at, wh)| wh <= asked.at(at))
            && profile.energy() > Energy::ZERO;
        if !is_part || !turn.is_open(about.epoch, Phase::Negotiation) {
            self.tally.note(if is_part { Reason::Expired } else { Reason::Mismatch });
            turn.expired(from, about, Phase::Negotiation);
            return self.award(turn);
        }
        let (task, buyer, seller) = (about.task, turn.party(), from);
        let community = &turn.core.setup.community;
        self.determination.push(TempContract {
            contract_id: ContractId::new(
                community,
                about.epoch,
                buyer,
                seller,
                &task.0,
                hold.round,
            ),
            task,
            buyer,
            seller,
            round: hold.round,
            profile: Arc::clone(profile),
            energy: profile.energy(),
            unit_price: offer.unit_price,
            surplus_price: offer.surplus_price,
        });
        self.determination.step(&self.facts, &mut self.tally, turn);
        self.award(turn);
    }
}
