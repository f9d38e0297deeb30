//! Task: one purchase block on its way from `Created` to an outcome (protocol 4).
use super::message::TaskId;
use gridpact_chain::terms::{Energy, Interval};
use serde::{Deserialize, Serialize};

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Members are sought; offers may already come in.
    Forming,
    /// Offers and counters.
    Negotiating,
    /// Temporary contracts become final.
    Finalising,
    /// Its outcome is known.
    Ended,
}

/// What can be seen of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskView {
    /// The task.
    pub task: TaskId,
    /// Where it stands.
    pub stage: Stage,
    /// First interval of its block.
    pub start: Interval,
    /// One past its last interval.
    pub end: Interval,
    /// Energy wanted.
    pub need: Energy,
    /// Energy not yet under final contract.
    pub residual: Energy,
    /// Members asked.
    pub members: u32,
    /// Temporary contracts held.
    pub temps: u32,
    /// Final contracts.
    pub finals: u32,
}
