//! What must last: the seam between minds that record and the place where records are kept.

use gridpact_agents::social::Entry as SocialEntry;
use gridpact_chain::journal::JournalEntry;

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
    /// When it cannot be made durable: then nothing since the last commit may be spoken of.
    fn commit(&mut self) -> Result<(), StoreError>;

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

    fn entries(&self) -> Vec<Entry> {
        self.shelves.iter().flatten().cloned().collect()
    }
}
