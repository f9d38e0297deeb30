//! Orders: from a transaction request to a confirm or a cancel, seller's side (protocol 7.3, 7.4).
//!
//! The LCA re-plans and reserves, the key signs, the journal has it, and only then does the
//! confirm leave. Energy reserved for what was never signed is given back at once.

mod requested;

use std::collections::BTreeMap;
use std::sync::Arc;

use gridpact_chain::contract::{ContractBody, ContractId};
use gridpact_chain::sign::Signature;
use gridpact_chain::statement::Statement;
use gridpact_chain::terms::PartyId;

use super::Effect;
use super::book::{Book, SessionKey};
use super::determination::cancel;
use super::holding::{Entry, Holdings, Kind};
use super::message::{Cancel, Confirm, Message, Reason, TransactionRequest};
use super::outcome::Sold;
use super::turn::Turn;
use crate::local::door::{Obligation, ReserveReply, Side};
use crate::params::Award;
use crate::session::Phase;

use requested::{Order, Step, is_within, order_body};

/// All orders of the epoch.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    open: BTreeMap<ContractId, Order>,
}

impl Orders {
    /// Whether an order of this session is under way.
    pub(crate) fn is_about(&self, key: &SessionKey) -> bool {
        self.open.values().any(|order| (order.temp.buyer, order.temp.task) == *key)
    }

    /// Whether this contract is being made final.
    pub(crate) fn is_open(&self, id: &ContractId) -> bool {
        self.open.contains_key(id)
    }

    /// A buyer wants a temporary contract to become final.
    pub(crate) fn on_request(
        &mut self,
        from: PartyId,
        request: Box<TransactionRequest>,
        book: &mut Book,
        holdings: &Holdings,
        turn: &mut Turn<'_>,
    ) {
        let (about, id) = (request.about, request.contract_id);
        if !turn.is_open(about.epoch, Phase::Final) {
            return cancel(from, about, id, Reason::Expired, turn);
        }
        if let Some(confirm) = holdings.sold(&id).filter(|sold| sold.body.buyer == from) {
            return turn.send(from, Message::Confirm(Arc::clone(confirm)));
        }
        if let Some(order) = self.open.get(&id).filter(|order| order.temp.buyer == from) {
            return match &order.step {
                Step::Reserving => turn.out.push(order.reserve()),
                Step::Signing(body) => {
                    turn.out.push(Effect::Sign(Statement::Contract(body.clone())));
                }
                Step::Refused(reason) => cancel(from, about, id, *reason, turn),
            };
        }
        let key = (from, about.task);
        let Some(temp) = book.get(&key).filter(|temp| temp.contract_id == id).cloned() else {
            return cancel(from, about, id, Reason::Unknown, turn);
        };
        let refused = if !is_within(&request, &temp, turn) {
            Some(Reason::Mismatch)
        } else if turn.core.position.meets_purchase(&request.profile_final) {
            Some(Reason::NoEnergy)
        } else {
            None
        };
        let step = match refused {
            Some(reason) => {
                book.drop_held(&key);
                turn.refused(reason);
                if turn.params().negotiate.award == Award::Cheapest {
                    // It was reserved when it was claimed.
                    turn.out.push(Effect::Obligation(Obligation::Released { contract_id: id }));
                }
                cancel(from, about, id, reason, turn);
                Step::Refused(reason)
            }
            None => {
                turn.core.position.take(Side::Seller, &request.profile_final);
                Step::Reserving
            }
        };
        let order = Order { request, temp, step };
        if refused.is_none() {
            turn.out.push(order.reserve());
        }
        self.open.insert(id, order);
    }

    /// The LCA's exact answer.
    pub(crate) fn on_reserved(
        &mut self,
        reply: &ReserveReply,
        book: &mut Book,
        holdings: &Holdings,
        turn: &mut Turn<'_>,
    ) {
        let id = reply.contract_id;
        let order = match self.open.get_mut(&id) {
            Some(order) if matches!(order.step, Step::Reserving) => order,
            Some(_) => return,
            None => {
                // Asked for in an earlier life or epoch: what is not sold is given back.
                if reply.outcome.is_ok() && holdings.sold(&id).is_none() {
                    turn.out.push(Effect::Obligation(Obligation::Released { contract_id: id }));
                }
                return;
            }
        };
        let key = (order.temp.buyer, order.temp.task);
        let in_time = turn.is_open(order.request.about.epoch, Phase::Final);
        let body = order_body(order, turn);
        let refused = match (reply.outcome, body) {
            (Err(reason), _) => Some((Reason::from(reason), false)),
            (Ok(_), _) if !in_time => Some((Reason::Expired, true)),
            (Ok(cost), _) if turn.params().negotiate.cost_floor && order.temp.unit_price < cost => {
                Some((Reason::BelowCost, true))
            }
            (Ok(_), None) => Some((Reason::Mismatch, true)),
            (Ok(_), Some(body)) => {
                let body = Box::new(body);
                order.step = Step::Signing(body.clone());
                turn.out.push(Effect::Sign(Statement::Contract(body)));
                None
            }
        };
        if let Some((reason, reserved)) = refused {
            if reserved {
                turn.out.push(Effect::Obligation(Obligation::Released { contract_id: id }));
            }
            book.drop_held(&key);
            order.refuse(reason, turn);
        }
    }

    /// The own signature as seller: write it down, plan with it, say it. Whether it was an order.
    pub(crate) fn on_signed(
        &mut self,
        body: &ContractBody,
        seller_sig: Signature,
        book: &mut Book,
        holdings: &mut Holdings,
        turn: &mut Turn<'_>,
    ) -> bool {
        let id = body.contract_id;
        let waits = |order: &&mut Order| matches!(&order.step, Step::Signing(b) if **b == *body);
        let Some(order) = self.open.get_mut(&id).filter(waits) else { return false };
        let (buyer, about) = (order.temp.buyer, order.request.about);
        book.drop_held(&(buyer, order.temp.task));
        if !turn.is_open(about.epoch, Phase::Final) {
            turn.out.push(Effect::Obligation(Obligation::Released { contract_id: id }));
            order.refuse(Reason::Expired, turn);
            return true;
        }
        let profile_final = Arc::clone(&order.request.profile_final);
        let salt = order.request.salt;
        let confirm = Arc::new(Confirm { about, body: body.clone(), profile_final, seller_sig });
        self.open.remove(&id);
        let ContractBody { contract_id, buyer: by, energy, unit_price, .. } = confirm.body.clone();
        let sold = Sold { contract_id, buyer: by, energy, unit_price };
        turn.core.diary.sales.finals.push(sold);
        turn.out.push(Effect::Record(Entry::Sold { confirm: Arc::clone(&confirm), salt }));
        holdings.take(Kind::Sold(Arc::clone(&confirm)), turn.out);
        turn.send(buyer, Message::Confirm(confirm));
        true
    }

    /// The buyer does not want it any more. What is confirmed stays until it lapses on the chain.
    pub(crate) fn on_cancel(
        &mut self,
        from: PartyId,
        cancel: &Cancel,
        book: &mut Book,
        turn: &mut Turn<'_>,
    ) {
        let Cancel { about, contract_id: id, reason } = cancel;
        let reason = *reason;
        if let Some(order) = self.open.get_mut(id).filter(|order| order.temp.buyer == from) {
            book.drop_held(&(from, order.temp.task));
            if !matches!(order.step, Step::Refused(_)) {
                order.drop(reason, turn);
                turn.lost(reason);
                turn.out.push(Effect::Obligation(Obligation::Released { contract_id: *id }));
            }
        } else if book.drop_contract(&(from, about.task), id).is_some() {
            turn.lost(reason);
        }
    }

    /// The LCA was born again: everything reserved and not yet signed is asked for again.
    pub(crate) fn remind(&mut self, turn: &mut Turn<'_>) {
        for order in self.open.values_mut() {
            if !matches!(order.step, Step::Refused(_)) {
                order.step = Step::Reserving;
                turn.out.push(order.reserve());
            }
        }
    }

    /// D3: what is not confirmed will never be.
    pub(crate) fn end(&mut self, turn: &mut Turn<'_>) {
        for (contract_id, mut order) in std::mem::take(&mut self.open) {
            if !matches!(order.step, Step::Refused(_)) {
                turn.out.push(Effect::Obligation(Obligation::Released { contract_id }));
                order.refuse(Reason::Expired, turn);
            }
        }
    }
}
