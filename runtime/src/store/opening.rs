//! Opening a node's store: the chain, and what lies beside it.
//!
//! ```text
//! STORE/chain/            the log: primary data
//! STORE/state/chain.redb  balances and indexes: derived
//! STORE/state/reserve     room that is given up when the disk is full and the node stops
//! STORE/vault/PARTY/      keys of what only this site may know: destroyed to forget it
//! KEY.last-use            beside the key: how far it has voted
//! ```
//!
//! A sound store is opened for writing. A damaged one is read as far as it can be, nothing in it is
//! changed, and what is wrong is said by file, byte and height; good copies from peers mend it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gridpact_chain::block::Pair;
use gridpact_chain::digest::Digest;
use gridpact_chain::genesis::Genesis;
use gridpact_chain::terms::PartyId;

use super::archive::ArchiveError;
pub use super::beside::RESERVE_BYTES;
use super::beside::{Beside, RESERVE, pairs_of, reserve};
use super::chain::{ChainJournal, Place};
use super::disk::{Disk, RealDisk};
use super::entries::{Gathering, entries_of};
use super::entry::Entry;
use super::last_use::{KeyFile, KeyUseError};
use super::lock::Lock;
use super::log::{Log, Sizes};
use super::recover::Found;
use super::salvage::{Hole, salvage};
use super::segment::{self, Role};
use super::state::{STATE, State};
use super::vault::{self, Vault};
use super::{LogError, StoreError};
use crate::keys::SecretKey;

/// How a node's store is to be opened.
#[derive(Debug, Clone)]
pub struct Opening {
    /// Directory of the store; created if need be.
    pub dir: PathBuf,
    /// The member whose store it is.
    pub party: PartyId,
    /// The file beside the key that says how far it has voted.
    pub last_use: PathBuf,
    /// Whether a key that has voted may be used with an empty store (`--resume-key`): the node then
    /// votes again once the chain is past everything it may have voted on.
    pub resume_key: bool,
    /// The member's secret key, which reads what is sealed for members; without it the derived state
    /// knows no accounts of a sealed chain, and says so.
    pub key: Option<Arc<SecretKey>>,
}

/// A store that was opened.
#[derive(Debug)]
pub struct Opened {
    /// The journal.
    pub journal: ChainJournal,
    /// What a sound log was found to be; none for a damaged one, see [`ChainJournal::damage`].
    pub found: Option<Found>,
    /// Whether the derived state had to be written anew.
    pub is_state_rebuilt: bool,
}

impl Opening {
    /// Opens the store of a member of the community that `genesis` founds, or begins it.
    ///
    /// # Errors
    /// When another process has it, it belongs to another community, cannot be written, or is empty
    /// although the key has voted. Damage is no error: see [`ChainJournal::damage`].
    pub fn open(&self, genesis: &Genesis) -> Result<Opened, StoreError> {
        self.open_on(Arc::new(RealDisk), Sizes::default(), genesis)
    }

    /// As [`Opening::open`], on another disk or with other sizes.
    ///
    /// # Errors
    /// As [`Opening::open`].
    pub fn open_on(
        &self,
        disk: Arc<dyn Disk>,
        sizes: Sizes,
        genesis: &Genesis,
    ) -> Result<Opened, StoreError> {
        let chain = self.dir.join(crate::report::out::CHAIN);
        let community = genesis.community();
        let key = KeyFile::open(Arc::clone(&disk), &self.last_use, community, self.resume_key)?;
        let last = key.last();
        let is_empty = !chain.join(segment::name(1, Role::Log)).exists();
        if is_empty && last.votes > 0 && !self.resume_key {
            let (file, votes) = (key.path().to_path_buf(), last.votes);
            return Err(KeyUseError::Known { file, votes }.into());
        }
        let place = vault::place(&self.dir, self.party);
        let vault = Vault::open(&place, genesis.interval_s, vault::from_the_system())?;
        let mut beside = Beside { key: Some(key), chain: Some(chain.clone()), ..Beside::default() };
        let (mut journal, found) = if is_empty {
            let log = Log::create_with(disk, &chain, sizes)?;
            (ChainJournal::begin(log, genesis, Beside::default())?, Some(Found::default()))
        } else {
            let (place, entries, found) = read(disk, sizes, &chain, genesis, &vault)?;
            (ChainJournal::going_on(place, community, entries, Beside::default()), found)
        };
        beside.unknown = last.is_newer_than(&journal.signed).then_some(last);
        let mut is_state_rebuilt = false;
        if found.is_some() {
            let pairs = self.opened(&journal.entries, &community);
            let dir = self.dir.join(STATE);
            let (state, is_new) = State::open(&dir, community, &pairs)?;
            (beside.state, is_state_rebuilt) = (Some(state), is_new && !pairs.is_empty());
            beside.reserve = reserve(&dir.join(RESERVE));
        }
        beside.vault = Some(vault);
        journal.beside = beside;
        Ok(Opened { journal, found, is_state_rebuilt })
    }

    /// The pairs among `entries` as the member reads them: with the group keys of its letters. What
    /// it cannot read stays sealed.
    fn opened(&self, entries: &[Entry], community: &Digest) -> Vec<Arc<Pair>> {
        let on_chain = entries.iter().filter_map(|entry| match entry {
            Entry::Chain(entry) => Some(entry),
            Entry::Social(_) => None,
        });
        let keys = self.key.as_ref().map(|key| key.keyring(on_chain, community, self.party));
        let keys = keys.unwrap_or_default();
        pairs_of(entries).map(|pair| pair.as_read(community, &keys)).collect()
    }
}

type Read = (Place, Vec<Entry>, Option<Found>);

/// Reads a log that is there, for writing if it is sound.
fn read(
    disk: Arc<dyn Disk>,
    sizes: Sizes,
    chain: &Path,
    genesis: &Genesis,
    vault: &Vault,
) -> Result<Read, StoreError> {
    let mut gathering = Gathering::of(genesis, Some(vault));
    match Log::open_with(disk, chain, sizes, |frame| gathering.take(&frame)) {
        Ok(log) => {
            let found = log.found().clone();
            let (entries, missing) = gathering.finish()?;
            match missing {
                Some(what) => Err(ArchiveError::Missing(what).into()),
                None => Ok((Place::Log(Box::new(log)), entries, Some(found))),
            }
        }
        Err(error @ (LogError::Damage { .. } | LogError::Missing(_))) => {
            let salvaged = salvage(chain)?;
            let mut holes = salvaged.holes;
            if holes.is_empty() {
                holes.push(as_hole(&error));
            }
            let (entries, _) = entries_of(salvaged.frames, genesis, Some(vault))?;
            let lock = match Lock::of_log(chain) {
                Err(busy @ LogError::Busy(_)) => return Err(busy.into()),
                lock => lock.ok(),
            };
            Ok((Place::Damaged { holes, lock }, entries, None))
        }
        Err(error) => Err(error.into()),
    }
}

/// Damage that no single frame shows.
pub(super) fn as_hole(error: &LogError) -> Hole {
    match error {
        LogError::Damage { file, offset, height, .. } => {
            Hole { file: file.clone(), offset: *offset, bytes: 1, height: *height }
        }
        LogError::Missing(file) => Hole { file: file.clone(), offset: 0, bytes: 0, height: 0 },
        _ => Hole { file: PathBuf::new(), offset: 0, bytes: 0, height: 0 },
    }
}
