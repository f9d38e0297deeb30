//! One requested contract on its way to a signature: where it stands, and what both sides should sign.

use gridpact_chain::contract::ContractBody;
use gridpact_chain::terms::Energy;

use crate::local::door::{ReserveRequest, Side};
use crate::social::Effect;
use crate::social::book::TempContract;
use crate::social::deed::{Deed, capped};
use crate::social::determination::cancel;
use crate::social::message::{Reason, TransactionRequest};
use crate::social::turn::Turn;

/// Where an order stands.
#[derive(Debug)]
pub(super) enum Step {
    /// The LCA re-plans.
    Reserving,
    /// The energy is reserved; the signature is awaited.
    Signing(Box<ContractBody>),
    /// The answer was no.
    Refused(Reason),
}

/// A requested contract that is not signed yet.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) request: Box<TransactionRequest>,
    pub(super) temp: TempContract,
    pub(super) step: Step,
}

impl Order {
    /// What the LCA is asked to re-plan with.
    pub(super) fn reserve(&self) -> Effect {
        Effect::Reserve(ReserveRequest {
            contract_id: self.request.contract_id,
            profile: self.request.profile_final.as_ref().clone(),
            unit_price: self.temp.unit_price,
        })
    }

    /// Ends an order that was under way.
    pub(super) fn refuse(&mut self, reason: Reason, turn: &mut Turn<'_>) {
        self.drop(reason, turn);
        turn.refused(reason);
        cancel(self.temp.buyer, self.request.about, self.request.contract_id, reason, turn);
    }

    /// Ends it without a word to the buyer.
    pub(super) fn drop(&mut self, reason: Reason, turn: &mut Turn<'_>) {
        debug_assert!(!matches!(self.step, Step::Refused(_)), "an order ends once");
        self.step = Step::Refused(reason);
        turn.core.position.give_back(Side::Seller, &self.request.profile_final);
    }
}

/// Whether a request stays within its temporary contract and the community's bounds.
pub(super) fn is_within(
    request: &TransactionRequest,
    temp: &TempContract,
    turn: &Turn<'_>,
) -> bool {
    let profile = &request.profile_final;
    let aligned = profile.start == temp.profile.start && profile.wh.len() == temp.profile.wh.len();
    aligned
        && profile.iter().all(|(at, wh)| wh <= temp.profile.at(at))
        && profile.energy() > Energy::ZERO
        && request.round == temp.round
        && request.unit_price == temp.unit_price
        && request.shortfall_price == capped(request.shortfall_price, turn)
}

/// What both sides should sign; none when it does not fit its integers.
pub(super) fn order_body(order: &Order, turn: &Turn<'_>) -> Option<ContractBody> {
    Deed {
        about: order.request.about,
        contract_id: order.request.contract_id,
        buyer: order.temp.buyer,
        seller: order.temp.seller,
        profile: &order.request.profile_final,
        salt: &order.request.salt,
        unit_price: order.temp.unit_price,
        shortfall_price: order.request.shortfall_price,
        surplus_price: order.temp.surplus_price,
    }
    .body(turn)
}
