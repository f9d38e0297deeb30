//! What must last: the seam between minds that record and the place where records are kept.

use std::collections::BTreeSet;
use std::sync::Arc;

use gridpact_agents::social::Entry as SocialEntry;
use gridpact_chain::block::{Pair, Proof};
use gridpact_chain::contract::ContractId;
use gridpact_chain::journal::JournalEntry;
use gridpact_chain::statement::Statement;
use gridpact_chain::terms::{Interval, Timestamp};

use super::StoreError;

/// One durable fact of one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// From its replica, or from the sequencer it hosts.
    Chain(JournalEntry),
    /// From its SCA: a reservation it has confirmed.
    Social(SocialEntry),
}

/// Where one member's records are kept, in order.
pub trait Journal {
    /// Takes a record; returns whether what follows it must wait for [`Journal::commit`].
    fn record(&mut self, entry: Entry) -> bool;

    /// Makes everything taken so far durable.
    ///
    /// # Errors
    /// When it cannot be made durable: then nothing since the last commit may be spoken of. What was
    /// taken is kept, and asking again writes it once the disk takes it.
    fn commit(&mut self) -> Result<(), StoreError>;

    /// Whether there are records that are not durable yet.
    fn is_pending(&self) -> bool {
        false
    }

    /// Whether a vote can be given at chain time `now`: not while the key may have given it already
    /// in votes that this journal does not know.
    fn may_sign(&self, _: &Statement, _: Timestamp) -> bool {
        true
    }

    /// Puts this closed copy of the pair of `height` in place of the one that was taken. On disk
    /// only damaged files are written anew; the old ones stay beside them as `*.damaged`.
    ///
    /// # Errors
    /// When a file is damaged and the copy does not give back the bytes it once held.
    fn repair(
        &mut self,
        height: u64,
        pair: &Arc<Pair>,
        proof: &Arc<Proof>,
    ) -> Result<(), StoreError>;

    /// Destroys what only this member knows of contracts whose delivery ended at or before
    /// `before`: profiles, shares and salts. Chain records carry commitments only and stay. A log on
    /// disk is never rewritten for this: the keys of its confidential records are destroyed, day by day.
    ///
    /// # Errors
    /// When keys cannot be destroyed; the records are then still readable.
    fn forget(&mut self, before: Interval) -> Result<(), StoreError>;

    /// Everything that was taken, oldest first: what a new life is rebuilt from.
    fn entries(&self) -> Vec<Entry>;
}

/// A journal that lasts as long as the process: enough where only actors crash.
///
/// Kept in shelves, so that growing never moves what is kept.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    shelves: Vec<Vec<Entry>>,
}

/// Entries on one shelf.
const SHELF: usize = 64;

impl Journal for MemoryJournal {
    fn record(&mut self, entry: Entry) -> bool {
        match self.shelves.last_mut() {
            Some(shelf) if shelf.len() < SHELF => shelf.push(entry),
            _ => {
                let mut shelf = Vec::with_capacity(SHELF);
                shelf.push(entry);
                self.shelves.push(shelf);
            }
        }
        false
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn repair(
        &mut self,
        height: u64,
        pair: &Arc<Pair>,
        proof: &Arc<Proof>,
    ) -> Result<(), StoreError> {
        replace(self.shelves.iter_mut().flatten(), height, pair, proof);
        Ok(())
    }

    fn forget(&mut self, before: Interval) -> Result<(), StoreError> {
        let old = old_contracts(self.shelves.iter().flatten(), before);
        if !old.is_empty() {
            self.shelves.iter_mut().for_each(|shelf| shelf.retain(|entry| !is_of(entry, &old)));
        }
        Ok(())
    }

    fn entries(&self) -> Vec<Entry> {
        self.shelves.iter().flatten().cloned().collect()
    }
}

/// Puts another copy of a pair into entries that hold it: pair, admission and ledger votes.
pub(super) fn replace<'e>(
    entries: impl Iterator<Item = &'e mut Entry>,
    height: u64,
    pair: &Arc<Pair>,
    proof: &Arc<Proof>,
) {
    for entry in entries {
        match entry {
            Entry::Chain(JournalEntry::Pair { pair: own, proof: beside })
                if own.height() == height =>
            {
                *own = Arc::clone(pair);
                *beside = Arc::new(Proof { ledger_votes: None, ..Proof::clone(proof) });
            }
            Entry::Chain(JournalEntry::Closed { height: closed, votes }) if *closed == height => {
                if let Some(good) = &proof.ledger_votes {
                    *votes = good.clone();
                }
            }
            _ => {}
        }
    }
}

/// Contracts of this member whose delivery ended at or before `before`.
pub(super) fn old_contracts<'e>(
    entries: impl Iterator<Item = &'e Entry>,
    before: Interval,
) -> BTreeSet<ContractId> {
    let bodies = entries.filter_map(|entry| match entry {
        Entry::Social(SocialEntry::Sold { confirm, .. }) => Some(&confirm.body),
        Entry::Social(SocialEntry::Bought { contract, .. }) => Some(&contract.body),
        Entry::Social(SocialEntry::Closed { .. }) | Entry::Chain(_) => None,
    });
    bodies.filter(|body| body.end <= before).map(|body| body.contract_id).collect()
}

/// Whether an entry tells of one of these contracts what is not on the chain.
pub(super) fn is_of(entry: &Entry, contracts: &BTreeSet<ContractId>) -> bool {
    let id = match entry {
        Entry::Social(SocialEntry::Sold { confirm, .. }) => confirm.body.contract_id,
        Entry::Social(SocialEntry::Bought { contract, .. }) => contract.body.contract_id,
        Entry::Social(SocialEntry::Closed { contract_id, .. }) => *contract_id,
        Entry::Chain(_) => return false,
    };
    contracts.contains(&id)
}
