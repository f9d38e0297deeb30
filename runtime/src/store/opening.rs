//! Opening a node's store: the chain, and what lies beside it.
//!
//! ```text
//! STORE/chain/            the log: primary data
//! STORE/state/chain.redb  balances and indexes: derived
//! STORE/state/reserve     room that is given up when the disk is full and the node stops
//! KEY.last-use            beside the key: how far it has voted
//! ```
//!
//! A sound store is opened for writing. A damaged one is read as far as it can be, nothing in it is
//! changed, and what is wrong is said by file, byte and height; good copies from peers mend it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gridpact_chain::block::{Pair, Proof};
use gridpact_chain::genesis::Genesis;
use gridpact_chain::journal::JournalEntry;

use super::archive::ArchiveError;
use super::chain::{ChainJournal, Place, ProofPart, decode};
use super::disk::{Disk, RealDisk};
use super::entry::Entry;
use super::frame::Kind;
use super::last_use::{KeyFile, KeyUseError, LastUse};
use super::lock::Lock;
use super::log::{Log, Sizes};
use super::mend;
use super::recover::Found;
use super::salvage::{Hole, salvage};
use super::segment::{self, Role};
use super::state::{STATE, State};
use super::{Frame, LogError, StoreError};

/// Bytes that are kept back for a clean stop on a full disk.
pub const RESERVE_BYTES: usize = 4 << 20;
/// Name of the file that keeps them.
pub(super) const RESERVE: &str = "reserve";

/// How a node's store is to be opened.
#[derive(Debug, Clone)]
pub struct Opening {
    /// Directory of the store; created if need be.
    pub dir: PathBuf,
    /// The file beside the key that says how far it has voted.
    pub last_use: PathBuf,
    /// Whether a key that has voted may be used with an empty store (`--resume-key`): the node then
    /// votes again once the chain is past everything it may have voted on.
    pub resume_key: bool,
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

/// What lies beside a chain; nothing where only a chain is written.
#[derive(Debug, Default)]
pub(super) struct Beside {
    key: Option<KeyFile>,
    state: Option<State>,
    reserve: Option<PathBuf>,
    chain: Option<PathBuf>,
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

fn pairs_of(entries: &[Entry]) -> impl Iterator<Item = Arc<Pair>> + '_ {
    entries.iter().filter_map(|entry| match entry {
        Entry::Chain(JournalEntry::Pair { pair, .. }) => Some(Arc::clone(pair)),
        Entry::Chain(_) | Entry::Social(_) => None,
    })
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
        let mut beside = Beside { key: Some(key), chain: Some(chain.clone()), ..Beside::default() };
        let (mut journal, found) = if is_empty {
            let log = Log::create_with(disk, &chain, sizes)?;
            (ChainJournal::begin(log, genesis, Beside::default())?, Some(Found::default()))
        } else {
            let (place, entries, found) = read(disk, sizes, &chain, genesis)?;
            (ChainJournal::going_on(place, community, entries, Beside::default()), found)
        };
        beside.unknown = last.is_newer_than(&journal.signed).then_some(last);
        let mut is_state_rebuilt = false;
        if found.is_some() {
            let pairs: Vec<Arc<Pair>> = pairs_of(&journal.entries).collect();
            let dir = self.dir.join(STATE);
            let (state, is_new) = State::open(&dir, community, &pairs)?;
            (beside.state, is_state_rebuilt) = (Some(state), is_new && !pairs.is_empty());
            beside.reserve = reserve(&dir.join(RESERVE));
        }
        journal.beside = beside;
        Ok(Opened { journal, found, is_state_rebuilt })
    }
}

/// Keeps room back; on a disk that is full already there is none to keep.
fn reserve(path: &Path) -> Option<PathBuf> {
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

type Read = (Place, Vec<Entry>, Option<Found>);

/// Reads a log that is there, for writing if it is sound.
fn read(
    disk: Arc<dyn Disk>,
    sizes: Sizes,
    chain: &Path,
    genesis: &Genesis,
) -> Result<Read, StoreError> {
    let mut frames = Vec::new();
    match Log::open_with(disk, chain, sizes, |frame| frames.push(frame)) {
        Ok(log) => {
            let found = log.found().clone();
            let (entries, missing) = entries_of(frames, genesis)?;
            match missing {
                Some(what) => Err(ArchiveError::Missing(what).into()),
                None => Ok((Place::Log(log), entries, Some(found))),
            }
        }
        Err(error @ (LogError::Damage { .. } | LogError::Missing(_))) => {
            let salvaged = salvage(chain)?;
            let mut holes = salvaged.holes;
            if holes.is_empty() {
                holes.push(as_hole(&error));
            }
            let (entries, _) = entries_of(salvaged.frames, genesis)?;
            let first = chain.join(segment::name(1, Role::Log));
            let lock = match fs::File::open(&first) {
                Ok(file) => Some(Lock::exclusive(&file, chain)?),
                Err(_) => None,
            };
            Ok((Place::Damaged { holes, lock }, entries, None))
        }
        Err(error) => Err(error.into()),
    }
}

/// Damage that no single frame shows.
fn as_hole(error: &LogError) -> Hole {
    match error {
        LogError::Damage { file, offset, height, .. } => {
            Hole { file: file.clone(), offset: *offset, bytes: 1, height: *height }
        }
        LogError::Missing(file) => Hole { file: file.clone(), offset: 0, bytes: 0, height: 0 },
        _ => Hole { file: PathBuf::new(), offset: 0, bytes: 0, height: 0 },
    }
}

/// The records in `frames`, and what is missing among them. Records from the first missing pair on
/// are left out.
fn entries_of(
    frames: Vec<Frame>,
    genesis: &Genesis,
) -> Result<(Vec<Entry>, Option<String>), StoreError> {
    let (mut entries, mut places) = (Vec::new(), BTreeMap::new());
    let mut missing = None;
    for frame in frames {
        let wrong = |problem: String| ArchiveError::Record {
            file: frame.file.clone(),
            offset: frame.offset,
            problem,
        };
        let text = |error: gridpact_chain::encode::EncodeError| wrong(error.to_string());
        let bytes = &frame.payload[..];
        let entry = match frame.kind {
            Kind::Genesis => {
                let found: Genesis = decode("genesis", bytes).map_err(text)?;
                if found != *genesis {
                    return Err(wrong("the store of another community".to_owned()).into());
                }
                None
            }
            Kind::Pair => {
                let pair: Pair = decode("pair", bytes).map_err(text)?;
                places.insert(pair.height(), (entries.len(), Arc::new(pair)));
                None
            }
            Kind::Proof => match decode("proof", bytes).map_err(text)? {
                ProofPart::Admitted { approvals, order } => {
                    if let Some((place, pair)) = places.remove(&frame.height) {
                        let proof = Arc::new(Proof { approvals, ledger_votes: None, order });
                        entries[place] = Some(Entry::Chain(JournalEntry::Pair { pair, proof }));
                    }
                    continue;
                }
                ProofPart::Closed(votes) => {
                    let height = frame.height;
                    Some(Entry::Chain(JournalEntry::Closed { height, votes }))
                }
            },
            Kind::Vote | Kind::Order => Some(Entry::Chain(decode("record", bytes).map_err(text)?)),
            Kind::Reservation => Some(Entry::Social(decode("contract", bytes).map_err(text)?)),
            Kind::Closed | Kind::Commit | Kind::Open | Kind::Mark => continue,
        };
        entries.push(entry);
    }
    if let Some(height) = places.keys().next() {
        missing = Some(format!("height {height} has no proof"));
    }
    Ok((in_a_row(entries.into_iter().flatten(), &mut missing), missing))
}

/// Leaves out pairs, and their closing, behind a missing one.
fn in_a_row(entries: impl Iterator<Item = Entry>, missing: &mut Option<String>) -> Vec<Entry> {
    let mut next = 1;
    let mut kept: Vec<Entry> = Vec::new();
    for entry in entries {
        if let Entry::Chain(JournalEntry::Pair { pair, .. }) = &entry {
            if pair.height() != next {
                missing.get_or_insert(format!("height {next} is missing"));
                continue;
            }
            next += 1;
        }
        // What was ordered behind a gap is not applied: it comes again with the missing pairs.
        if missing.is_some() && matches!(&entry, Entry::Chain(JournalEntry::Applied { .. })) {
            continue;
        }
        kept.push(entry);
    }
    let is_beyond = |entry: &Entry| match entry {
        Entry::Chain(JournalEntry::Closed { height, .. }) => *height >= next,
        _ => false,
    };
    kept.retain(|entry| !is_beyond(entry));
    kept
}

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
                let first = fs::File::open(chain.join(segment::name(1, Role::Log)));
                let lock = first.ok().and_then(|file| Lock::exclusive(&file, &chain).ok());
                self.place = Place::Damaged { holes, lock };
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Goes on in a log that was mended: what was recorded meanwhile and is not in it is written now.
    fn go_on(&mut self, log: Log, frames: Vec<Frame>) -> Result<(), StoreError> {
        let founding = frames.iter().find(|frame| frame.kind == Kind::Genesis);
        let founding = founding
            .ok_or_else(|| ArchiveError::Missing("the founding document is missing".to_owned()))?;
        let genesis: Genesis = decode("genesis", &founding.payload)
            .map_err(|error| ArchiveError::Missing(error.to_string()))?;
        let (entries, missing) = entries_of(frames, &genesis)?;
        if let Some(what) = missing {
            return Err(ArchiveError::Missing(what).into());
        }
        let beside = std::mem::take(&mut self.beside);
        let meanwhile = std::mem::take(&mut self.entries);
        *self = Self::going_on(Place::Log(log), self.community, entries, beside);
        for entry in meanwhile {
            if !self.knows(&entry) {
                super::Journal::record(self, entry);
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
