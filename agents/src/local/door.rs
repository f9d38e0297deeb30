//! What the LCA and the SCA of one prosumer say to each other.

use gridpact_chain::contract::ContractId;
use gridpact_chain::terms::{Energy, Epoch, Interval, Price, Profile};
use serde::{Deserialize, Serialize};

/// A deficit to be bought (protocol 3.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// First interval.
    pub start: Interval,
    /// One past the last interval.
    pub end: Interval,
    /// Sum of the profile.
    pub energy_wh: Energy,
    /// Energy wanted per interval of `start..end`.
    pub profile: Profile,
}

/// One block with what the grid would charge for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deficit {
    /// The block.
    pub block: Block,
    /// Energy-weighted retail price of the block. The reservation price R of section 6 is this less
    /// the network fee between buyer and seller, so it differs from session to session.
    pub retail: Price,
    /// Whether an earlier epoch has tendered (part of) it already.
    pub retender: bool,
}

/// From the LCA: the tasks of this epoch (may be empty; always sent once per epoch).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchaseBlocks {
    /// The epoch they are tendered in.
    pub epoch: Epoch,
    /// The blocks, by start.
    pub deficits: Vec<Deficit>,
}

/// From the SCA: what could be sold of this profile, at what cost?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuoteRequest {
    /// Chosen by the SCA, returned with the quote.
    pub ticket: u64,
    /// Energy wanted per interval.
    pub wanted: Profile,
    /// Energy held for other buyers, not to be offered again; the answer is then one source of
    /// energy only, the cheapest that has something. None: the source's quote, which knows of no
    /// holds and mixes all sources.
    pub beside: Option<Profile>,
}

/// From the LCA: the fast closed form of section 3.4, after final contracts only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// The request's ticket.
    pub ticket: u64,
    /// Available per interval, at most the wanted energy.
    pub available: Profile,
    /// Total that could be sold within the wanted range, also beyond the wanted energy.
    pub capacity: Energy,
    /// Cost per kWh of serving `available`, rounded up.
    pub unit_cost: Price,
    /// Public retail ceiling over the range (`p_cap`): energy-weighted retail price of the range.
    pub ceiling: Price,
    /// The seller's feed-in price over the range (the contract's `surplus_price`).
    pub feed_in: Price,
}

/// From the SCA: reserve this sale if an exact re-plan carries it (protocol 7.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReserveRequest {
    /// The contract.
    pub contract_id: ContractId,
    /// Energy to be delivered per interval.
    pub profile: Profile,
    /// Agreed price.
    pub unit_price: Price,
}

/// Why a sale cannot be reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CancelReason {
    /// A plan with it would leave a shortfall, or touch another contract, a departure or a trip.
    NoEnergy,
    /// Its price is below what the re-plan says it costs.
    BelowCost,
    /// Its deadline has passed.
    Expired,
    /// The seller holds no such temporary contract.
    Unknown,
}

/// From the LCA: the answer, after the exact re-plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReserveReply {
    /// The contract.
    pub contract_id: ContractId,
    /// The exact unit cost when reserved, else why not.
    pub outcome: Result<Price, CancelReason>,
}

/// Which side of a contract this prosumer is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// It receives the energy.
    Buyer,
    /// It delivers the energy.
    Seller,
}

/// From the SCA: obligations of later plans come and go with the contracts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Obligation {
    /// Both have signed: plan with it from now on (a seller's reservation becomes this).
    Signed {
        /// The contract.
        contract_id: ContractId,
        /// This prosumer's side.
        side: Side,
        /// Energy per interval.
        profile: Profile,
    },
    /// It never reached the chain, or the reservation is no longer needed: forget it.
    Released {
        /// The contract.
        contract_id: ContractId,
    },
}
