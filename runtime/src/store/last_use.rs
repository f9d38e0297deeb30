//! What a key has signed last, kept beside the key and not in the store: a store that was put back
//! from an older copy does not know its newest votes, and would give them again otherwise.
//!
//! ```text
//! slot 0 | slot 1      each 512 bytes: magic 4 | community 32 | votes 8 | height 8 | until 8 | crc32c 4
//! ```
//!
//! The slots are written in turn, so that a torn one leaves the other. The greater count holds.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gridpact_chain::digest::Digest;
use gridpact_chain::journal::JournalEntry;
use gridpact_chain::statement::Statement;
use gridpact_chain::terms::Timestamp;

use super::disk::{Disk, DiskFile};
use super::entry::Entry;
use super::frame::u64_at;

const MAGIC: [u8; 4] = *b"GPU1";
const SLOT: usize = 512;
const LENGTH: usize = 4 + 32 + 24;

/// How far a key has voted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LastUse {
    /// Votes of both kinds so far.
    pub votes: u64,
    /// Greatest height it signed a ledger for.
    pub height: u64,
    /// Latest `valid_until` of a contract it answered.
    pub until: Timestamp,
}

impl LastUse {
    /// Takes in one record of the store.
    pub fn take(&mut self, entry: &Entry) {
        match entry {
            Entry::Chain(JournalEntry::Approval { record, .. }) => {
                self.votes += 1;
                // A sealed contract shows its deadline to those who cannot read it.
                let until = record.lifetime().map_or(self.until, |(_, until)| until);
                self.until = self.until.max(until);
            }
            Entry::Chain(JournalEntry::LedgerVote(vote)) => {
                self.votes += 1;
                self.height = self.height.max(vote.height);
            }
            Entry::Chain(_) | Entry::Social(_) => {}
        }
    }

    /// Whether it knows votes that `other` does not.
    #[must_use]
    pub fn is_newer_than(&self, other: &Self) -> bool {
        self.votes > other.votes || self.height > other.height || self.until > other.until
    }

    /// Whether a vote can be given at chain time `now` by somebody who knows no more of earlier votes
    /// than this: it is then none that was given already.
    #[must_use]
    pub fn allows(&self, statement: &Statement, now: Timestamp) -> bool {
        match statement {
            Statement::Approve { .. } => now > self.until,
            Statement::Ledger { height, .. } => *height > self.height,
            // A letter of keys is drawn from the key itself: made again, it is the same.
            Statement::Contract(_)
            | Statement::Batch(_)
            | Statement::Change { .. }
            | Statement::Keys(_) => true,
        }
    }

    fn greatest(self, other: Self) -> Self {
        Self {
            votes: self.votes.max(other.votes),
            height: self.height.max(other.height),
            until: self.until.max(other.until),
        }
    }

    fn encode(&self, community: &Digest) -> Vec<u8> {
        let numbers = [self.votes, self.height, self.until.0].map(u64::to_le_bytes).concat();
        let mut slot = [&MAGIC[..], &community.0, &numbers].concat();
        slot.extend_from_slice(&crc32c::crc32c(&slot).to_le_bytes());
        slot.resize(SLOT, 0);
        slot
    }

    fn decode(slot: &[u8]) -> Option<(Digest, Self)> {
        let (fields, checksum) = slot.get(..LENGTH + 4)?.split_at(LENGTH);
        let is_whole =
            fields.starts_with(&MAGIC) && checksum == crc32c::crc32c(fields).to_le_bytes();
        let community = Digest(fields.get(4..36)?.try_into().ok()?);
        let number = |at| u64_at(fields, at);
        let found = Self { votes: number(36), height: number(44), until: Timestamp(number(52)) };
        is_whole.then_some((community, found))
    }
}

/// Why a key must not be used with a store.
#[derive(Debug, thiserror::Error)]
pub enum KeyUseError {
    /// A key that has voted, and a store that knows nothing of it.
    #[error(
        "{file} says that this key has given {votes} votes, and the store is empty: put the store \
         back, or start with --resume-key to vote again once the chain is past all of them"
    )]
    Known {
        /// The file beside the key.
        file: PathBuf,
        /// Votes given.
        votes: u64,
    },
    /// The key is used in another community.
    #[error("{file} belongs to community {found}, not to {wanted}: use a key of its own for each")]
    Community {
        /// The file beside the key.
        file: PathBuf,
        /// Its community.
        found: Digest,
        /// The community of the store.
        wanted: Digest,
    },
    /// The file is not readable as what it should be.
    #[error(
        "{0} is damaged: what this key has signed is unknown, put back a copy, or start with \
         --resume-key if the store is known to be the newest"
    )]
    Damaged(PathBuf),
    /// The disk said no.
    #[error("{action} {file}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// To which file.
        file: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
}

/// The file beside a key.
#[derive(Debug)]
pub struct KeyFile {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    community: Digest,
    file: Option<Box<dyn DiskFile>>,
    written: LastUse,
    next: u64,
}

impl KeyFile {
    /// Reads the file, or none where there is none yet.
    ///
    /// # Errors
    /// [`KeyUseError`] for a file of another community, and for a damaged one unless `is_resumed`.
    pub fn open(
        disk: Arc<dyn Disk>,
        path: &Path,
        community: Digest,
        is_resumed: bool,
    ) -> Result<Self, KeyUseError> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(source) => {
                return Err(KeyUseError::Io { action: "read", file: path.into(), source });
            }
        };
        let found: Vec<(Digest, LastUse)> =
            bytes.chunks(SLOT).filter_map(LastUse::decode).collect();
        if let Some((other, _)) = found.iter().find(|(other, _)| *other != community) {
            let (file, found) = (path.into(), *other);
            return Err(KeyUseError::Community { file, found, wanted: community });
        }
        if found.is_empty() && !bytes.is_empty() && !is_resumed {
            return Err(KeyUseError::Damaged(path.into()));
        }
        let written =
            found.into_iter().fold(LastUse::default(), |most, (_, one)| most.greatest(one));
        let path = path.to_path_buf();
        Ok(Self { disk, path, community, file: None, written, next: 0 })
    }

    /// How far the key has voted, as the file says.
    #[must_use]
    pub fn last(&self) -> LastUse {
        self.written
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes down how far the key has voted, durably; less than is written already changes nothing.
    ///
    /// # Errors
    /// [`KeyUseError::Io`]: then the votes must not be spoken.
    pub fn write(&mut self, last: &LastUse) -> Result<(), KeyUseError> {
        if !last.is_newer_than(&self.written) {
            return Ok(());
        }
        let now = last.greatest(self.written);
        let written = self.put(&now);
        if written.is_err() {
            // A descriptor that failed once is not asked again.
            self.file = None;
        }
        let failed = |source| KeyUseError::Io { action: "write", file: self.path.clone(), source };
        written.map_err(failed)?;
        self.written = now;
        Ok(())
    }

    fn put(&mut self, now: &LastUse) -> std::io::Result<()> {
        let is_first = self.file.is_none();
        let mut file = match self.file.take() {
            Some(file) => file,
            None => self.disk.create(&self.path)?,
        };
        let slot = now.encode(&self.community);
        if is_first {
            // Both, one after the other: which of them holds the greater count is not remembered.
            file.write_at(SLOT as u64, &slot)?;
            file.sync()?;
        }
        file.write_at(self.next * SLOT as u64, &slot)?;
        file.sync()?;
        if is_first {
            let parent = self.path.parent().filter(|dir| !dir.as_os_str().is_empty());
            self.disk.sync_dir(parent.unwrap_or(Path::new(".")))?;
        }
        self.next = 1 - self.next;
        self.file = Some(file);
        Ok(())
    }
}
