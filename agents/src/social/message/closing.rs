//! What is said when contracts become final (protocol 7), and when they do not.

use std::sync::Arc;

use gridpact_chain::contract::{ContractBody, ContractId};
use gridpact_chain::sign::Signature;
use gridpact_chain::terms::{Price, Profile};
use serde::{Deserialize, Serialize};

use super::{About, Reason};
use crate::session::Phase;

/// Buyer to seller: make this temporary contract final (protocol 7.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionRequest {
    /// Epoch and task.
    pub about: About,
    /// The temporary contract.
    pub contract_id: ContractId,
    /// Round of the offer it came from.
    pub round: u32,
    /// Energy per interval, at most the temporary contract's.
    pub profile_final: Arc<Profile>,
    /// The agreed price, repeated.
    pub unit_price: Price,
    /// Salt of the profile commitment.
    pub salt: [u8; 32],
    /// Price of what is not delivered: the buyer's retail price, capped by genesis.
    pub shortfall_price: Price,
}

/// Seller to buyer: reserved, written down and signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirm {
    /// Epoch and task.
    pub about: About,
    /// What both sign.
    pub body: ContractBody,
    /// The profile the body commits to.
    pub profile_final: Arc<Profile>,
    /// The seller's signature; checked by whoever let the letter in.
    pub seller_sig: Signature,
}

/// Either side: this contract will not be. Never answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// Epoch and task.
    pub about: About,
    /// The contract.
    pub contract_id: ContractId,
    /// Why.
    pub reason: Reason,
}

/// Either side: your letter belongs to a phase or session that is over here. Never answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expired {
    /// Epoch and task of the late letter.
    pub about: About,
    /// Phase it belonged to.
    pub phase: Phase,
}
