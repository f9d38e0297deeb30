//! What lies beside a node's chain: the state derived from it, room for a clean stop, the keys of
//! what only its site may know, and how far its own key has voted.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gridpact_chain::block::Pair;
use gridpact_chain::journal::JournalEntry;

use super::entry::Entry;
use super::last_use::{KeyFile, KeyUseError, LastUse};
use super::state::State;
use super::vault::Vault;

/// Bytes that are kept back for a clean stop on a full disk.
pub const RESERVE_BYTES: usize = 4 << 20;
/// Name of the file that keeps them.
pub const RESERVE: &str = "reserve";

/// What lies beside a chain; nothing where only a chain is written.
#[derive(Debug, Default)]
pub struct Beside {
    /// The file beside the key.
    pub key: Option<KeyFile>,
    /// The derived state.
    pub state: Option<State>,
    /// The file that keeps room.
    pub reserve: Option<PathBuf>,
    /// Directory of the chain.
    pub chain: Option<PathBuf>,
    /// Under whose keys confidential records are written.
    pub vault: Option<Vault>,
    /// How far the key has voted beyond what the store knows.
    pub unknown: Option<LastUse>,
}

impl Beside {
    /// Writes down how far the key has voted.
    pub fn used(&mut self, signed: &LastUse) -> Result<(), KeyUseError> {
        match &mut self.key {
            Some(key) => key.write(signed),
            None => Ok(()),
        }
    }

    /// Takes new pairs into the state. A state that cannot take them is let go of: it is derived, and
    /// the next opening writes it anew.
    pub fn take(&mut self, entries: &[Entry]) {
        let pairs: Vec<Arc<Pair>> = pairs_of(entries).collect();
        if self.state.as_ref().is_some_and(|state| state.take(&pairs).is_err()) {
            self.state = None;
        }
    }

    /// The state, as long as it follows the log.
    pub fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    /// Lets others have the state.
    pub fn let_go(&mut self) {
        self.state = None;
    }

    /// Gives up the reserved room.
    pub fn release(&mut self) {
        if let Some(reserve) = self.reserve.take() {
            let _ = fs::remove_file(reserve);
        }
    }
}

/// The pairs among records, in order.
pub fn pairs_of(entries: &[Entry]) -> impl Iterator<Item = Arc<Pair>> + '_ {
    entries.iter().filter_map(|entry| match entry {
        Entry::Chain(JournalEntry::Pair { pair, .. }) => Some(Arc::clone(pair)),
        Entry::Chain(_) | Entry::Social(_) => None,
    })
}

/// Keeps room back; on a disk that is full already there is none to keep.
pub fn reserve(path: &Path) -> Option<PathBuf> {
    if fs::metadata(path).is_ok_and(|found| found.len() == RESERVE_BYTES as u64) {
        return Some(path.to_path_buf());
    }
    let kept = fs::File::create(path).and_then(|mut file| {
        file.write_all(&vec![0; RESERVE_BYTES])?;
        file.sync_all()
    });
    if kept.is_err() {
        let _ = fs::remove_file(path);
    }
    kept.ok().map(|()| path.to_path_buf())
}
