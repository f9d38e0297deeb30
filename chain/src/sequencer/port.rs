//! What a sequencer is told and what it wants done: data only.

use std::sync::Arc;

use crate::batch::{Approved, Batch};
use crate::contract::ContractId;
use crate::journal::JournalEntry;
use crate::refusal::Refusal;
use crate::sign::Signature;
use crate::statement::Statement;
use crate::terms::{Epoch, Timestamp};

/// What a sequencer is told.
#[derive(Debug, Clone)]
pub enum Input {
    /// From the shell, once, after birth or restore: send the last batch again.
    Started,
    /// From the coordinator: a trading round began.
    EpochStarted {
        /// Its number.
        epoch: Epoch,
        /// When it settles.
        t_settle: Timestamp,
    },
    /// From a buyer's replica: an approved record.
    Submit(Arc<Approved>),
    /// From the host: order what waits now, before the settle time.
    Cut,
    /// From the key holder: the answer to [`Effect::Sign`].
    Signed {
        /// What was signed.
        statement: Statement,
        /// The signature.
        signature: Signature,
    },
    /// The time asked for by `wake_at` has come.
    Wake,
}

/// What a sequencer wants done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Sign with this node's key and come back with [`Input::Signed`].
    Sign(Statement),
    /// Write to the journal before anything that follows leaves the house.
    Record(JournalEntry),
    /// The next batch: for every replica's `Ordered`.
    Decided(Arc<Batch>),
    /// A record was not taken, or was left out.
    Refused {
        /// The contract it concerns, if any.
        contract_id: Option<ContractId>,
        /// Why.
        reason: Refusal,
    },
}
