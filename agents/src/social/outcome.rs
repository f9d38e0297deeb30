//! How a task ended, for reports and for "why did I get no deal?".

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
