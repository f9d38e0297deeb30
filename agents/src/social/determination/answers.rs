//! What sellers answer to requests: a confirm is checked, signed and recorded, a cancel makes room for
//! the next contract.

use std::sync::Arc;

use gridpact_chain::contract::{ContractId, SignedContract};
use gridpact_chain::sign::Signature;
use gridpact_chain::statement::Statement;
use gridpact_chain::terms::PartyId;

use super::Determination;
use super::request::{Request, Wait, cancel};
use super::subtract;
use crate::local::door::Side;
use crate::social::Effect;
use crate::social::holding::{Entry, Holdings, Kind};
use crate::social::message::{Cancel, Confirm, Reason};
use crate::social::outcome::Deal;
use crate::social::reason::Tally;
use crate::social::task::Facts;
use crate::social::turn::Turn;

impl Determination {
    /// A confirm: check it against what both sides agreed, then have it signed.
    pub(crate) fn on_confirm(
        &mut self,
        from: PartyId,
        confirm: Arc<Confirm>,
        facts: &Facts,
        tally: &mut Tally,
        turn: &mut Turn<'_>,
    ) {
        let id = confirm.body.contract_id;
        if self.deals.iter().any(|deal| deal.contract_id == id) {
            return;
        }
        self.recall(from, &id, turn);
        let Some(at) = self.find(from, &id) else {
            return cancel(from, facts.about, id, Reason::NotNeeded, turn);
        };
        let Some(request) = self.flying.get_mut(at) else { return };
        let Wait::Seller(attempt) = &request.wait else { return };
        turn.answered(attempt);
        let agreed = request.deed(facts, turn).body(turn);
        let same = confirm.profile_final == request.profile_final;
        if same && agreed.as_ref() == Some(&confirm.body) {
            let statement = Statement::Contract(Box::new(confirm.body.clone()));
            request.wait = Wait::Signature(confirm);
            turn.out.push(Effect::Sign(statement));
        } else {
            tally.note(Reason::Mismatch);
            cancel(from, facts.about, id, Reason::Mismatch, turn);
            self.release(at, turn);
            self.step(facts, tally, turn);
        }
    }

    /// Takes a dropped request up again when its energy is still free: its confirm came late.
    fn recall(&mut self, from: PartyId, id: &ContractId, turn: &mut Turn<'_>) {
        let fits = |request: &Request| {
            let free = turn.core.position.without_sales(&self.free);
            request.temp.contract_id == *id
                && request.temp.seller == from
                && request.share.iter().all(|(at, wh)| wh <= free.at(at))
        };
        if let Some(at) = self.dropped.iter().position(fits) {
            let request = self.dropped.swap_remove(at);
            subtract(&mut self.free, &request.share);
            turn.core.position.take(Side::Buyer, &request.share);
            turn.core.contracts += 1;
            self.cancelled -= 1;
            self.flying.push(request);
        }
    }

    /// The buyer's signature: the contract is final, on disk before it is published. Whether one of
    /// these requests waited for it.
    pub(crate) fn on_signed(
        &mut self,
        id: &ContractId,
        buyer_sig: Signature,
        holdings: &mut Holdings,
        turn: &mut Turn<'_>,
    ) -> bool {
        let signing =
            |r: &Request| r.temp.contract_id == *id && matches!(r.wait, Wait::Signature(_));
        let Some(at) = self.flying.iter().position(signing) else { return false };
        let Request { temp, profile_final, share, salt, wait } = self.flying.remove(at);
        let Wait::Signature(confirm) = wait else { return false };
        let contract = Box::new(SignedContract {
            body: confirm.body.clone(),
            buyer_sig,
            seller_sig: confirm.seller_sig,
        });
        self.deals.push(Deal {
            contract_id: *id,
            seller: temp.seller,
            energy: confirm.body.energy,
            unit_price: confirm.body.unit_price,
            round: temp.round,
        });
        turn.out.push(Effect::Record(Entry::Bought {
            contract: contract.clone(),
            profile_final,
            share: share.clone(),
            salt,
        }));
        turn.out.push(Effect::Publish(contract.clone()));
        holdings.take(Kind::Bought { contract, share }, turn.out);
        true
    }

    /// The seller cancels: the next contract, please.
    pub(crate) fn on_cancel(
        &mut self,
        from: PartyId,
        cancel: &Cancel,
        facts: &Facts,
        tally: &mut Tally,
        turn: &mut Turn<'_>,
    ) {
        let id = &cancel.contract_id;
        self.dropped.retain(|r| !(r.temp.contract_id == *id && r.temp.seller == from));
        let Some(at) = self.find(from, id) else {
            self.forget_where(|temp| temp.contract_id == *id && temp.seller == from);
            return;
        };
        match self.flying.get(at).map(|request| &request.wait) {
            Some(Wait::Seller(attempt)) => turn.answered(attempt),
            // It has signed already: its word stands, and the chain will tell.
            _ => return,
        }
        tally.note(cancel.reason);
        self.release(at, turn);
        self.step(facts, tally, turn);
    }
}
