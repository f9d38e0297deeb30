//! Restore: a replica from its journal. Every pair is computed again from the order, and must
//! come out with the bytes that were written.

use std::sync::Arc;

use super::{Effect, Params, Replica, Step};
use crate::block::{Pair, Proof};
use crate::genesis::Genesis;
use crate::journal::JournalEntry;
use crate::registry::Registries;
use crate::terms::{PartyId, Timestamp};
use crate::verdicts::Strict;

/// Why a journal does not give a replica.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// A pair is missing or written twice.
    #[error("journal has height {found} where {expected} was expected")]
    Gap {
        /// Height that comes next.
        expected: u64,
        /// Height found.
        found: u64,
    },
    /// A pair does not follow from those below it.
    #[error("pair of height {height} does not follow from the pairs below it")]
    Differs {
        /// The height.
        height: u64,
    },
}

impl Replica {
    /// The replica that wrote `entries`, in their order. Feed it [`Input::Started`] next, so that
    /// it says again what has no answer.
    ///
    /// [`Input::Started`]: super::Input::Started
    ///
    /// # Errors
    /// [`RestoreError`] when a pair is missing or differs from what it is computed to be.
    pub fn restore(
        genesis: Arc<Genesis>,
        registries: impl Into<Registries>,
        me: PartyId,
        params: Params,
        entries: impl IntoIterator<Item = JournalEntry>,
    ) -> Result<Self, RestoreError> {
        let mut replica = Self::with_registry(genesis, registries, me, params);
        let mut out: Vec<Effect> = Vec::new();
        for entry in entries {
            let mut step = Step { now: Timestamp(0), verdicts: &Strict, out: &mut out };
            replica.restore_entry(entry, &mut step)?;
            out.clear();
        }
        Ok(replica)
    }

    fn restore_entry(
        &mut self,
        entry: JournalEntry,
        step: &mut Step<'_>,
    ) -> Result<(), RestoreError> {
        match entry {
            JournalEntry::Published(record) => self.asks.restore(&record, None, &self.community),
            JournalEntry::Approval { vote, record } => {
                self.asks.restore(&record, Some(vote), &self.community)
            }
            JournalEntry::LedgerVote(vote) => self.heights.restore_vote(vote),
            JournalEntry::Pair { pair, proof } => self.restore_pair(pair, proof, step)?,
            JournalEntry::Applied { head, proof } => {
                let time_ms = head.time_ms;
                self.queue.advance((head, proof));
                self.ledger.time_ms = time_ms;
                self.lapse(time_ms, step);
            }
            JournalEntry::Closed { height, votes } => self.heights.restore_closed(height, votes),
            JournalEntry::Batch(_) => {}
        }
        Ok(())
    }

    fn restore_pair(
        &mut self,
        pair: Arc<Pair>,
        proof: Arc<Proof>,
        step: &mut Step<'_>,
    ) -> Result<(), RestoreError> {
        let (expected, found) = (self.ledger.height + 1, pair.height());
        if expected != found {
            return Err(RestoreError::Gap { expected, found });
        }
        let block = &pair.contract;
        let computed = self.ledger.next(block.time_ms, block.registry, &block.record);
        if computed.as_ref() != Ok(&*pair) {
            return Err(RestoreError::Differs { height: found });
        }
        let id = block.record.body().map(|body| body.contract_id);
        self.queue.restore_item(id, &proof.order);
        self.ledger.push(&pair);
        if let Some((id, _)) = block.record.subject(&self.community) {
            self.close_ask(id);
        }
        self.follow(&pair, &proof, step);
        self.heights.restore_pair(pair, proof);
        Ok(())
    }
}
