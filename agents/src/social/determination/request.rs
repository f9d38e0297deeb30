//! One transaction request: what it asks for, how it is said, and how it is taken back.

use std::sync::Arc;

use gridpact_chain::contract::ContractId;
use gridpact_chain::terms::{PartyId, Profile};

use crate::social::book::TempContract;
use crate::social::deed::{Deed, capped};
use crate::social::message::{About, Cancel, Confirm, Message, Reason, TransactionRequest};
use crate::social::resend::Attempt;
use crate::social::task::Facts;
use crate::social::turn::Turn;

/// A temporary contract that has been requested.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) temp: TempContract,
    /// What the seller shall deliver.
    pub(super) profile_final: Arc<Profile>,
    /// What this buyer plans to take for it: the same, unless blocks carry only sums.
    pub(super) share: Profile,
    pub(super) salt: [u8; 32],
    pub(super) wait: Wait,
}

/// What a request waits for.
#[derive(Debug)]
pub(super) enum Wait {
    Seller(Attempt),
    Signature(Arc<Confirm>),
}

impl Request {
    /// Says it (again).
    pub(super) fn send(&self, facts: &Facts, turn: &mut Turn<'_>) {
        let request = TransactionRequest {
            about: facts.about,
            contract_id: self.temp.contract_id,
            round: self.temp.round,
            profile_final: Arc::clone(&self.profile_final),
            unit_price: self.temp.unit_price,
            salt: self.salt,
            shortfall_price: capped(facts.retail, turn),
        };
        turn.send(self.temp.seller, Message::TransactionRequest(Box::new(request)));
    }

    /// What both sides should sign.
    pub(super) fn deed<'a>(&'a self, facts: &Facts, turn: &Turn<'_>) -> Deed<'a> {
        Deed {
            about: facts.about,
            contract_id: self.temp.contract_id,
            buyer: self.temp.buyer,
            seller: self.temp.seller,
            profile: &self.profile_final,
            salt: &self.salt,
            unit_price: self.temp.unit_price,
            shortfall_price: capped(facts.retail, turn),
            surplus_price: self.temp.surplus_price,
        }
    }
}

/// Says that a contract will not be.
pub(crate) fn cancel(
    to: PartyId,
    about: About,
    contract_id: ContractId,
    reason: Reason,
    turn: &mut Turn<'_>,
) {
    turn.send(to, Message::Cancel(Cancel { about, contract_id, reason }));
}
