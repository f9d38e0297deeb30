//! What can be seen of a task: its stage, how it stands, and how it ended.

use std::sync::Arc;

use gridpact_chain::terms::{Energy, Interval};
use serde::{Deserialize, Serialize};

use super::Task;
use crate::social::message::TaskId;
use crate::social::outcome::{Filling, TaskOutcome};
use crate::social::turn::Turn;

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

impl Task {
    /// How it ended.
    pub(super) fn outcome(&self, turn: &Turn<'_>) -> TaskOutcome {
        let determination = &self.determination;
        let residual = determination.residual();
        let filling = if determination.deals().is_empty() {
            Filling::Unfilled
        } else if residual < turn.params().coalition.min_trade_wh || residual == Energy::ZERO {
            Filling::Filled
        } else {
            Filling::PartlyFilled
        };
        TaskOutcome {
            epoch: self.facts.about.epoch,
            task: self.facts.about.task,
            block: Arc::clone(&self.facts.block),
            retail: self.facts.retail,
            retender: self.facts.retender,
            filling,
            members: self.coalition.len(),
            available: self.coalition.available(),
            depth: self.coalition.depth(),
            offers: self.offers,
            counters: self.counters,
            rounds: self.rounds,
            temps: determination.temps(),
            requested: determination.requested(),
            cancelled: determination.cancelled(),
            finals: determination.deals().to_vec(),
            residual,
            reasons: self.tally.clone(),
        }
    }

    /// How it stands.
    pub(crate) fn view(&self) -> TaskView {
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        TaskView {
            task: self.facts.about.task,
            stage: self.stage,
            start: self.facts.block.start,
            end: self.facts.block.end,
            need: self.facts.block.energy_wh,
            residual: self.determination.residual(),
            members: self.coalition.len(),
            temps: small(self.temps.len()) + self.determination.queued(),
            finals: small(self.determination.deals().len()),
        }
    }
}
