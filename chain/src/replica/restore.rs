//! Restore: a replica from its journal. Every pair is computed again from the order, and must
//! come out with the bytes that were written.

use std::sync::Arc;

use super::{Effect, Params, Replica, Step};
use crate::block::{Pair, Proof};
use crate::genesis::Genesis;
use crate::journal::JournalEntry;
use crate::keyring::Keyring;
use crate::refusal::Refusal;
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
    /// A pair is sealed under a key that is not here.
    #[error("pair of height {height} is sealed under group key {number}, which is not here")]
    Sealed {
        /// The height.
        height: u64,
        /// Number of the key.
        number: u32,
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
        Self::restore_reading(genesis, registries, me, params, Keyring::default(), entries)
    }

    /// [`restore`](Self::restore) of a node that reads with `keys`: those of the letters among the
    /// entries, unwrapped by whoever holds the secret.
    ///
    /// # Errors
    /// [`RestoreError`], also when a pair is sealed under a key that is not among them.
    pub fn restore_reading(
        genesis: Arc<Genesis>,
        registries: impl Into<Registries>,
        me: PartyId,
        params: Params,
        keys: Keyring,
        entries: impl IntoIterator<Item = JournalEntry>,
    ) -> Result<Self, RestoreError> {
        let mut replica = Self::with_registry(genesis, registries, me, params);
        replica.ledger.keys = keys;
        replica.is_reborn = true;
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
            JournalEntry::Published(record) => {
                let record = self.opened(&record).unwrap_or(record);
                self.asks.restore(&record, None, &self.community);
            }
            JournalEntry::Approval { vote, record } => {
                let record = self.opened(&record).unwrap_or(record);
                self.asks.restore(&record, Some(vote), &self.community);
            }
            JournalEntry::Keys(letter) => {
                // What an earlier life found signed twice is not settled under by this one either.
                self.halted |= !self.letters.keep(letter);
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
        let computed = match self.ledger.next(block.time_ms, block.registry, &block.record) {
            Ok(computed) if computed == *pair => computed,
            Err(Refusal::NoKey { number }) => {
                return Err(RestoreError::Sealed { height: found, number });
            }
            Ok(_) | Err(_) => return Err(RestoreError::Differs { height: found }),
        };
        // The computed pair is the stored one with this node's own reading of it.
        let pair =
            if computed.contract.record.sealed().is_some() { Arc::new(computed) } else { pair };
        let block = &pair.contract;
        let id = block.record.contract_id();
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
