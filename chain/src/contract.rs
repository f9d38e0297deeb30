//! Contract: what buyer and seller agree, both signatures, and what makes one well-formed.
//!
//! The profile itself stays with the two parties; the body carries a salted commitment (protocol
//! 8.1). Nothing here knows who may vote or what is on the chain.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, tag};
use crate::encode::{Canonical, encode};
use crate::genesis::Genesis;
use crate::refusal::Refusal;
use crate::sign::Signature;
use crate::terms::{Energy, Epoch, Interval, Money, PartyId, Price, Profile, Timestamp};

/// Identity of a contract: a digest that both sides can compute before either has signed.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct ContractId(pub Digest);

impl ContractId {
    /// `H(community, epoch, buyer, seller, nonce of the task, round)` (protocol 8.1).
    #[must_use]
    pub fn new(
        community: &Digest,
        epoch: Epoch,
        buyer: PartyId,
        seller: PartyId,
        nonce: &[u8; 16],
        round: u32,
    ) -> Self {
        let numbers = [epoch.0, buyer.0, seller.0].map(u32::to_be_bytes).concat();
        let parts: [&[u8]; 3] = [&numbers, nonce, &round.to_be_bytes()];
        Self(Digest::of(tag::CONTRACT_ID, community, &parts))
    }

    /// The first 128 bits: how settled contracts are remembered.
    #[must_use]
    pub fn short(&self) -> u128 {
        self.0.0.iter().take(16).fold(0, |bits, byte| bits << 8 | u128::from(*byte))
    }
}

impl fmt::Display for ContractId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What both parties sign (protocol 8.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractBody {
    /// Community the contract belongs to.
    pub community: Digest,
    /// Its identity.
    pub contract_id: ContractId,
    /// Trading round it was made in.
    pub epoch: Epoch,
    /// Who takes the energy.
    pub buyer: PartyId,
    /// Who delivers the energy.
    pub seller: PartyId,
    /// First interval of delivery.
    pub start: Interval,
    /// One past the last interval of delivery.
    pub end: Interval,
    /// Sum of the profile, in Wh; above zero.
    pub energy: Energy,
    /// Salted commitment to the profile, see [`commit_profile`].
    pub profile_commitment: Digest,
    /// Price in micro-currency per kWh; may be negative.
    pub unit_price: Price,
    /// [`Money::of`] energy and unit price.
    pub amount: Money,
    /// Price of energy that is not delivered, capped by genesis.
    pub shortfall_price: Price,
    /// Price of energy delivered in excess, capped by genesis.
    pub surplus_price: Price,
    /// Settle time of the epoch; ordered later, the contract is void.
    pub valid_until: Timestamp,
}

impl Canonical for ContractBody {
    const TAG: &'static str = tag::CONTRACT;
    const BYTES_MAX: usize = 1024;
}

impl ContractBody {
    /// What both parties sign.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(tag::CONTRACT, &self.community, &[&encode(self)])
    }

    /// Whether the terms are well-formed under `genesis`, whose digest is `community`; cheap
    /// checks only, no signature.
    ///
    /// # Errors
    /// The first [`Refusal`] that applies.
    pub fn check(&self, genesis: &Genesis, community: &Digest) -> Result<(), Refusal> {
        if self.community != *community {
            return Err(Refusal::WrongCommunity);
        }
        if self.buyer == self.seller {
            return Err(Refusal::SellerIsBuyer);
        }
        if self.start >= self.end {
            return Err(Refusal::EmptyRange);
        }
        if self.energy == Energy::ZERO {
            return Err(Refusal::NoEnergy);
        }
        let within = |price: Price, limit: Price| {
            let ok = price.0.unsigned_abs() <= limit.0.unsigned_abs();
            if ok { Ok(()) } else { Err(Refusal::PriceLimit { limit: limit.0 }) }
        };
        within(self.unit_price, genesis.limits.price_max)?;
        within(self.shortfall_price, genesis.imbalance_cap)?;
        within(self.surplus_price, genesis.imbalance_cap)?;
        match Money::of(self.energy, self.unit_price) {
            Ok(amount) if amount == self.amount => Ok(()),
            Ok(_) => Err(Refusal::WrongAmount),
            Err(_) => Err(Refusal::Overflow),
        }
    }

    /// Whether `party` is buyer or seller.
    #[must_use]
    pub fn is_between(&self, party: PartyId) -> bool {
        self.buyer == party || self.seller == party
    }
}

/// A contract that both parties signed; it is final, but not yet on the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedContract {
    /// The terms.
    pub body: ContractBody,
    /// Buyer's signature over [`ContractBody::digest`].
    pub buyer_sig: Signature,
    /// Seller's signature over the same digest.
    pub seller_sig: Signature,
}

/// The salted commitment to `profile`; `salt` is random, 32 bytes, kept by both parties.
#[must_use]
pub fn commit_profile(community: &Digest, salt: &[u8; 32], profile: &Profile) -> Digest {
    Digest::of(tag::PROFILE, community, &[salt, &encode(profile)])
}
