//! How a task ended for its buyer, and a round for a seller: for reports and for "why did I get no
//! deal?".

use std::sync::Arc;

use gridpact_chain::contract::ContractId;
use gridpact_chain::terms::{Energy, Epoch, PartyId, Price};
use serde::{Deserialize, Serialize};

use super::message::TaskId;
use super::reason::Tally;
use crate::local::door::Block;

/// How much of a task was covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filling {
    /// Less than `min_trade_wh` is left: nothing that could still be traded.
    Filled,
    /// Some of it.
    PartlyFilled,
    /// None of it.
    Unfilled,
}

/// One contract that both sides have signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deal {
    /// The contract.
    pub contract_id: ContractId,
    /// Who delivers.
    pub seller: PartyId,
    /// Energy of the contract.
    pub energy: Energy,
    /// Agreed price.
    pub unit_price: Price,
    /// Round of the offer it came from, from 0.
    pub round: u32,
}

/// The end of one task; said exactly once, at D3 at the latest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskOutcome {
    /// The epoch.
    pub epoch: Epoch,
    /// The task.
    pub task: TaskId,
    /// What was wanted.
    pub block: Arc<Block>,
    /// What the grid asks for the block, before any network fee.
    pub retail: Price,
    /// Whether an earlier epoch had tendered it.
    pub retender: bool,
    /// How much was covered.
    pub filling: Filling,
    /// Members asked.
    pub members: u32,
    /// Members that had something to sell.
    pub available: u32,
    /// Propagation steps done.
    pub depth: u32,
    /// Offers received.
    pub offers: u32,
    /// Counters sent.
    pub counters: u32,
    /// Most offers heard in one session, at most `negotiate.max_rounds`.
    pub rounds: u32,
    /// Temporary contracts held.
    pub temps: u32,
    /// Transactions requested.
    pub requested: u32,
    /// Transactions refused by their sellers.
    pub cancelled: u32,
    /// Final contracts.
    pub finals: Vec<Deal>,
    /// Energy left for the grid or the next epoch.
    pub residual: Energy,
    /// Refusals by kind.
    pub reasons: Tally,
}

/// A contract as its seller signed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sold {
    /// The contract.
    pub contract_id: ContractId,
    /// Who takes the energy.
    pub buyer: PartyId,
    /// Energy of the contract.
    pub energy: Energy,
    /// Agreed price.
    pub unit_price: Price,
}

/// One trading round as a seller saw it: what it was asked for, what it offered, and why not more came
/// of it. Said at D3, and only if somebody asked. The same kWh may be wanted, offered and promised
/// several times over; only `finals` bind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalesOutcome {
    /// The epoch.
    pub epoch: Epoch,
    /// Tasks of others that it was asked about.
    pub asked: u32,
    /// Energy those tasks wanted.
    pub asked_wh: Energy,
    /// Of these tasks, how many it made an offer for.
    pub offered: u32,
    /// Energy of the first offer for each.
    pub offered_wh: Energy,
    /// Lowest price it asked.
    pub lowest_ask: Option<Price>,
    /// Highest price a buyer named against its offers.
    pub highest_bid: Option<Price>,
    /// Temporary contracts it held.
    pub promised: u32,
    /// Their energy.
    pub promised_wh: Energy,
    /// Contracts it signed.
    pub finals: Vec<Sold>,
    /// Why it refused, by kind.
    pub refused: Tally,
    /// Why buyers did not take what it had for them, by kind.
    pub lost: Tally,
}

impl SalesOutcome {
    /// One more task asks.
    pub(crate) fn ask(&mut self, wanted: Energy) {
        self.asked = self.asked.saturating_add(1);
        self.asked_wh = more(self.asked_wh, wanted);
    }

    /// An offer leaves; `first` of its task or a later one.
    pub(crate) fn offer(&mut self, energy: Energy, unit_price: Price, first: bool) {
        self.lowest_ask = Some(self.lowest_ask.map_or(unit_price, |low| low.min(unit_price)));
        if first {
            self.offered = self.offered.saturating_add(1);
            self.offered_wh = more(self.offered_wh, energy);
        }
    }

    /// A buyer names a price.
    pub(crate) fn bid(&mut self, unit_price: Price) {
        self.highest_bid = Some(self.highest_bid.map_or(unit_price, |high| high.max(unit_price)));
    }

    /// One more temporary contract.
    pub(crate) fn promise(&mut self, energy: Energy) {
        self.promised = self.promised.saturating_add(1);
        self.promised_wh = more(self.promised_wh, energy);
    }
}

fn more(sum: Energy, energy: Energy) -> Energy {
    Energy(sum.0.saturating_add(energy.0))
}
