//! Why something did not become a deal: one word for every refusal, counted per task.
//!
//! Reasons travel inside messages and end up in [`TaskOutcome`](super::TaskOutcome), so that
//! "why did I get no deal?" has an answer. This file knows no rule, only the names and their words.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::local::door;

/// Why a member, an offer, a counter or a transaction was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The seller has less than `min_trade_wh` to sell in the block.
    NoEnergy,
    /// The seller's cost reaches the public retail ceiling (protocol 6.2).
    CostAboveCeiling,
    /// The offer is not below the buyer's reservation price (protocol 6.4).
    NoGain,
    /// The buyer holds `overbook` times its need in temporary contracts (protocol 6.4).
    Enough,
    /// The seller is saturated and the counter is below its average (protocol 6.4).
    Saturated,
    /// The price is below what it costs the seller.
    BelowCost,
    /// The seller no longer holds, or never held, such a temporary contract.
    Unknown,
    /// The deadline of the phase has passed.
    Expired,
    /// Terms differ from what was agreed, or break a bound every member keeps.
    Mismatch,
    /// The buyer's residual is covered by other contracts.
    NotNeeded,
    /// No answer, not even to resends.
    Silent,
    /// The block starts before gate closure (protocol 4).
    GateClosed,
    /// Less energy than `min_trade_wh`.
    TooSmall,
    /// It does not fit the residual and may not be trimmed.
    NotFitting,
    /// A shared limit is reached (contracts per epoch, tasks, sessions).
    Limit,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::NoEnergy,
        Self::CostAboveCeiling,
        Self::NoGain,
        Self::Enough,
        Self::Saturated,
        Self::BelowCost,
        Self::Unknown,
        Self::Expired,
        Self::Mismatch,
        Self::NotNeeded,
        Self::Silent,
        Self::GateClosed,
        Self::TooSmall,
        Self::NotFitting,
        Self::Limit,
    ];

    /// The reason in plain words, the same for buyer and seller.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::NoEnergy => "nothing left to sell",
            Self::CostAboveCeiling => "costs the seller more than the grid asks",
            Self::NoGain => "no cheaper than the grid",
            Self::Enough => "the buyer held enough offers",
            Self::Saturated => "the seller had better buyers",
            Self::BelowCost => "below the seller's cost",
            Self::Unknown => "unknown to the other side",
            Self::Expired => "too late",
            Self::Mismatch => "terms did not match",
            Self::NotNeeded => "bought elsewhere",
            Self::Silent => "no answer",
            Self::GateClosed => "after gate closure",
            Self::TooSmall => "too little to trade",
            Self::NotFitting => "did not fit the rest",
            Self::Limit => "over a shared limit",
        }
    }
}

impl From<door::CancelReason> for Reason {
    fn from(reason: door::CancelReason) -> Self {
        match reason {
            door::CancelReason::NoEnergy => Self::NoEnergy,
            door::CancelReason::BelowCost => Self::BelowCost,
            door::CancelReason::Expired => Self::Expired,
            door::CancelReason::Unknown => Self::Unknown,
        }
    }
}

/// Refusals counted by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tally(pub BTreeMap<Reason, u32>);

impl Tally {
    /// Counts one more of `reason`.
    pub fn note(&mut self, reason: Reason) {
        self.note_times(reason, 1);
    }

    /// Counts `times` more of `reason`.
    pub fn note_times(&mut self, reason: Reason, times: u32) {
        if times > 0 {
            let count = self.0.entry(reason).or_default();
            *count = count.saturating_add(times);
        }
    }

    /// All refusals together.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.0.values().fold(0, |sum, times| sum.saturating_add(*times))
    }

    /// Every reason with its count, as one line: `4 x nothing left to sell, 1 x too late`.
    #[must_use]
    pub fn words(&self) -> String {
        let one = |(reason, times): (&Reason, &u32)| format!("{times} x {}", reason.words());
        self.0.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// How often `reason` was noted.
    #[must_use]
    pub fn of(&self, reason: Reason) -> u32 {
        self.0.get(&reason).copied().unwrap_or(0)
    }
}
