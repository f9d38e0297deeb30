//! A journal whose log could not be opened: mended frame by frame until it can be.

use std::sync::Arc;

use gridpact_chain::genesis::Genesis;
use gridpact_chain::journal::JournalEntry;

use super::archive::{ArchiveError, NO_GENESIS};
use super::chain::{ChainJournal, Place, decode};
use super::disk::{Disk, RealDisk};
use super::entries::entries_of;
use super::entry::{Entry, Journal as _};
use super::frame::Kind;
use super::lock::Lock;
use super::log::{Log, Sizes};
use super::mend;
use super::opening::as_hole;
use super::salvage::salvage;
use super::segment::{self, Role};
use super::state::State;
use super::{Frame, LogError, StoreError};

impl ChainJournal {
    /// The derived state, as long as it follows the log.
    #[must_use]
    pub fn state(&self) -> Option<&State> {
        self.beside.state()
    }

    /// Mends a log that could not be opened; opens it once all of it is whole.
    pub(super) fn mend_closed(&mut self, good: &[Vec<u8>]) -> Result<(), StoreError> {
        let Some(chain) = self.beside.chain.clone() else { return Ok(()) };
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let mut kept = None;
        for number in 1.. {
            if !chain.join(segment::name(number, Role::Log)).exists() {
                break;
            }
            for role in [Role::Log, Role::Proof] {
                // What this copy does not mend waits for the next one.
                if let Ok(Some((_, Some(lock)))) = mend::mend(&*disk, &chain, number, role, good) {
                    kept = Some(lock);
                }
            }
        }
        if let Place::Damaged { lock, .. } = &mut self.place {
            // Opening takes the lock itself.
            drop((lock.take(), kept));
        }
        let mut frames = Vec::new();
        match Log::open_with(disk, &chain, Sizes::default(), |frame| frames.push(frame)) {
            Ok(log) => self.go_on(log, frames),
            Err(error @ (LogError::Damage { .. } | LogError::Missing(_))) => {
                let mut holes = salvage(&chain)?.holes;
                if holes.is_empty() {
                    holes.push(as_hole(&error));
                }
                let lock = Lock::of_log(&chain).ok();
                self.place = Place::Damaged { holes, lock };
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Goes on in a log that was mended: what was recorded meanwhile and is not in it is written now.
    fn go_on(&mut self, log: Log, frames: Vec<Frame>) -> Result<(), StoreError> {
        let founding = frames.iter().find(|frame| frame.kind == Kind::Genesis);
        let founding = founding.ok_or_else(|| ArchiveError::Missing(NO_GENESIS.to_owned()))?;
        let genesis: Genesis = decode("genesis", &founding.payload)
            .map_err(|error| ArchiveError::Missing(error.to_string()))?;
        let (entries, missing) = entries_of(frames, &genesis, self.beside.vault.as_ref())?;
        if let Some(what) = missing {
            return Err(ArchiveError::Missing(what).into());
        }
        let beside = std::mem::take(&mut self.beside);
        let meanwhile = std::mem::take(&mut self.entries);
        *self = Self::going_on(Place::Log(Box::new(log)), self.community, entries, beside);
        for entry in meanwhile {
            if !self.knows(&entry) {
                self.record(entry);
            }
        }
        Ok(())
    }

    fn knows(&self, entry: &Entry) -> bool {
        match entry {
            Entry::Chain(JournalEntry::Pair { pair, .. }) => pair.height() <= self.height,
            Entry::Chain(JournalEntry::Closed { height, .. }) => self.entries.iter().any(|own| {
                matches!(own, Entry::Chain(JournalEntry::Closed { height: own, .. }) if own == height)
            }),
            entry => self.entries.contains(entry),
        }
    }
}
