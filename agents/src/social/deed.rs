//! Deed: how both sides compute the same contract body from what they agreed (protocol 8.1).
//!
//! The seller signs what it computes; the buyer computes it again and compares, which checks every
//! field at once.

use gridpact_chain::contract::{ContractBody, ContractId, commit_profile};
use gridpact_chain::terms::{Money, PartyId, Price, Profile};

use super::message::About;
use super::turn::Turn;

/// What was agreed, beside the community and the epoch's settle time.
pub(crate) struct Deed<'a> {
    pub(crate) about: About,
    pub(crate) contract_id: ContractId,
    pub(crate) buyer: PartyId,
    pub(crate) seller: PartyId,
    pub(crate) profile: &'a Profile,
    pub(crate) salt: &'a [u8; 32],
    pub(crate) unit_price: Price,
    pub(crate) shortfall_price: Price,
    pub(crate) surplus_price: Price,
}

impl Deed<'_> {
    /// The body; `None` outside the epoch or when the amount does not fit its integer.
    pub(crate) fn body(&self, turn: &Turn<'_>) -> Option<ContractBody> {
        let round = turn.core.round.filter(|round| round.epoch == self.about.epoch)?;
        let community = turn.core.setup.community;
        let energy = self.profile.energy();
        Some(ContractBody {
            community,
            contract_id: self.contract_id,
            epoch: self.about.epoch,
            buyer: self.buyer,
            seller: self.seller,
            start: self.profile.start,
            end: self.profile.end(),
            energy,
            profile_commitment: commit_profile(&community, self.salt, self.profile),
            unit_price: self.unit_price,
            amount: Money::of(energy, self.unit_price).ok()?,
            shortfall_price: self.shortfall_price,
            surplus_price: self.surplus_price,
            valid_until: round.deadlines.settle,
        })
    }
}

/// `price` within the community's cap on shortfall and surplus prices.
pub(crate) fn capped(price: Price, turn: &Turn<'_>) -> Price {
    let cap = turn.core.setup.imbalance_cap.0.saturating_abs();
    Price(price.0.clamp(-cap, cap))
}
