//! The seller's half of a claim (`negotiate.award = "cheapest"`): what is still there beside what is
//! held for others is held for the buyer too, until it asks for the contract or D3 has come.

use std::sync::Arc;

use gridpact_chain::contract::ContractId;
use gridpact_chain::terms::{Energy, PartyId, Profile};

use super::Selling;
use super::sale::{Course, Purpose, temporary};
use crate::local::door::{Obligation, Quote, ReserveReply, ReserveRequest};
use crate::session::Phase;
use crate::social::Effect;
use crate::social::book::{SessionKey, TempContract, sum};
use crate::social::message::{About, Claim, Hold, Message, NegotiationReply, Offer, Reason};
use crate::social::turn::Turn;

impl Selling {
    /// A buyer claims (part of) an offer.
    pub(crate) fn on_claim(&mut self, from: PartyId, claim: Claim, turn: &mut Turn<'_>) {
        let (about, round) = (claim.about, claim.round);
        let key = (from, about.task);
        let Some(sale) = self.sales.get_mut(&key) else {
            return turn.expired(from, about, Phase::Negotiation);
        };
        match &sale.course {
            Course::Offered { offer, attempt, .. } if offer.round == round => {
                turn.answered(attempt);
                if turn.now >= offer.valid_until {
                    sale.course = Course::Lapsed;
                    turn.lost(Reason::Expired);
                    return turn.expired(from, about, Phase::Negotiation);
                }
                let offer = offer.clone();
                if !is_within(&claim.profile, &offer.profile) {
                    return self.decline(key, about, Reason::Mismatch, turn);
                }
                let wanted = Profile::clone(&claim.profile);
                let ticket = self.ask(key, Purpose::Claim, wanted, turn);
                if let Some(sale) = self.sales.get_mut(&key) {
                    sale.course = Course::Claimed { offer, claim, ticket, grants: self.grants };
                }
            }
            Course::Claimed { claim, ticket, .. } if claim.round == round => {
                let (ticket, wanted) = (*ticket, Profile::clone(&claim.profile));
                turn.out.push(self.question(key, ticket, wanted, turn));
            }
            Course::Reserving { held } if held.round == round => {
                let temp = temporary(key, held, held.unit_price, turn);
                turn.out.push(reserve(&temp));
            }
            Course::Held { hold } if hold.round == round => {
                turn.send(from, Message::Hold(hold.clone()));
            }
            Course::Declined(reply) => turn.send(from, Message::NegotiationReply(reply.clone())),
            _ => turn.expired(from, about, Phase::Negotiation),
        }
    }

    /// Holds what the LCA says is still there, or says that nothing is.
    pub(super) fn grant(
        &mut self,
        key: SessionKey,
        about: About,
        quote: &Quote,
        turn: &mut Turn<'_>,
    ) {
        let Some(sale) = self.sales.get_mut(&key) else { return };
        let Course::Claimed { offer, claim, grants, .. } = &mut sale.course else { return };
        if *grants < self.grants {
            // Somebody else was granted something meanwhile: ask again beside it.
            *grants = self.grants;
            let wanted = Profile::clone(&claim.profile);
            let again = self.ask(key, Purpose::Claim, wanted, turn);
            if let Some(Course::Claimed { ticket, .. }) =
                self.sales.get_mut(&key).map(|sale| &mut sale.course)
            {
                *ticket = again;
            }
            return;
        }
        if turn.now >= offer.valid_until {
            sale.course = Course::Lapsed;
            turn.refused(Reason::Expired);
            return turn.expired(key.0, about, Phase::Negotiation);
        }
        let profile = Arc::new(claim.profile.capped_by(&quote.available));
        let energy = profile.energy();
        let params = turn.params();
        let scarce = energy < params.coalition.min_trade_wh || energy == Energy::ZERO;
        // What was cheap is gone, what is left costs more than was asked for it.
        let dear = params.negotiate.cost_floor && quote.unit_cost > offer.unit_price;
        if scarce || dear {
            return self.decline(key, about, Reason::NoEnergy, turn);
        }
        let held = Offer { profile: Arc::clone(&profile), ..offer.clone() };
        let temp = temporary(key, &held, held.unit_price, turn);
        turn.out.push(reserve(&temp));
        self.pending.insert(temp.contract_id, (key, profile));
        self.grants += 1;
        sale.course = Course::Reserving { held };
    }

    /// The LCA's exact answer to a claim; whether it was one.
    pub(crate) fn on_reserved(&mut self, reply: &ReserveReply, turn: &mut Turn<'_>) -> bool {
        let Some((key, profile)) = self.pending.remove(&reply.contract_id) else { return false };
        let release = Effect::Obligation(Obligation::Released { contract_id: reply.contract_id });
        let Some(sale) = self.sales.get_mut(&key) else {
            turn.out.push(release);
            return true;
        };
        let Course::Reserving { held } = &sale.course else { return true };
        let (about, is_late) = (held.about, turn.now >= held.valid_until);
        let floor = turn.params().negotiate.cost_floor;
        let refused = match reply.outcome {
            Err(reason) => Some((Reason::from(reason), false)),
            Ok(cost) if floor && held.unit_price < cost => Some((Reason::BelowCost, true)),
            Ok(_) if is_late => Some((Reason::Expired, true)),
            Ok(_) => None,
        };
        if let Some((reason, was_reserved)) = refused {
            if was_reserved {
                turn.out.push(release);
            }
            sale.refusals += 1;
            self.decline(key, about, reason, turn);
        } else {
            let temp = temporary(key, held, held.unit_price, turn);
            let hold = Hold { about, round: held.round, profile };
            sale.course = Course::Held { hold: hold.clone() };
            turn.core.diary.sales.promise(temp.energy);
            self.book.hold(temp);
            self.reserved.insert(reply.contract_id);
            turn.send(key.0, Message::Hold(hold));
        }
        true
    }

    /// What the LCA is re-planning with for other sessions.
    pub(super) fn pending_beside(&self, key: &SessionKey) -> Profile {
        let others = self.pending.values().filter(|(other, _)| other != key);
        sum(others.map(|(_, profile)| &**profile))
    }

    /// The buyer asks for the contract in time: from now on its order gives back what is reserved. What
    /// was given up before it asked stays reserved until D3.
    pub(crate) fn hand_over(
        &mut self,
        from: PartyId,
        about: About,
        contract_id: &ContractId,
        turn: &Turn<'_>,
    ) {
        let held = self.book.get(&(from, about.task));
        let is_held = held.is_some_and(|temp| temp.contract_id == *contract_id);
        if is_held && turn.is_open(about.epoch, Phase::Final) {
            self.reserved.remove(contract_id);
        }
    }

    /// Gives back what was held and never asked for.
    pub(super) fn release_holds(&mut self, turn: &mut Turn<'_>) {
        for contract_id in std::mem::take(&mut self.reserved) {
            turn.out.push(Effect::Obligation(Obligation::Released { contract_id }));
        }
        self.pending.clear();
    }

    fn decline(&mut self, key: SessionKey, about: About, declined: Reason, turn: &mut Turn<'_>) {
        let reply = NegotiationReply { about, declined, max_energy: Energy::ZERO };
        turn.refused(declined);
        if let Some(sale) = self.sales.get_mut(&key) {
            sale.course = Course::Declined(reply.clone());
        }
        turn.send(key.0, Message::NegotiationReply(reply));
    }
}

/// What the LCA is asked to re-plan with.
fn reserve(temp: &TempContract) -> Effect {
    Effect::Reserve(ReserveRequest {
        contract_id: temp.contract_id,
        profile: Profile::clone(&temp.profile),
        unit_price: temp.unit_price,
    })
}

/// Whether a claim stays within its offer.
fn is_within(claimed: &Profile, offered: &Profile) -> bool {
    claimed.start == offered.start
        && claimed.wh.len() == offered.wh.len()
        && claimed.iter().all(|(at, wh)| wh <= offered.at(at))
        && claimed.energy() > Energy::ZERO
}
