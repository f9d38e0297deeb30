//! Vault: the keys under which a site's confidential records lie in its log, one for each day of
//! delivery.
//!
//! A log is never rewritten, because every later byte of it proves every earlier one. So what only the
//! two sites concerned may know (profiles, shares, salts) is written under the key of the day its
//! delivery ends, and is destroyed by destroying that key: the bytes stay and prove themselves, and
//! nobody can read them any more. Keys lie beside the chain, `vault/PARTY/day-NNNNN.key`, for their
//! owner only. Overwriting a file does not reach old copies of it: backups, snapshots, and blocks that
//! a flash disk has put aside.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use gridpact_agents::social::Entry as SocialEntry;
use gridpact_chain::digest::Digest;
use gridpact_chain::encode::{EncodeError, encode};
use gridpact_chain::seal::{EpochKey, Sealed};
use gridpact_chain::terms::{Interval, PartyId};
use serde::{Deserialize, Serialize};

use super::chain::decode;

/// Name of the directory beside `chain/`.
pub const VAULT: &str = "vault";
/// Bytes of a key.
const KEY_BYTES: usize = 32;
const SECONDS_A_DAY: u64 = 86_400;

/// A site's record as it lies in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kept {
    /// Nothing that others may not know, or a journal without a vault.
    Open(SocialEntry),
    /// Readable with the key of the day on which its delivery ends.
    Hidden {
        /// Days since 1970-01-01 UTC.
        day: u32,
        /// The record.
        sealed: Sealed,
    },
}

/// Why keys cannot be kept, read or destroyed.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The disk said no.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// No key of a vault.
    #[error("{} is no key of a vault: {what}", file.display())]
    Foreign {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Others may read a key.
    #[error("{} can be read by others (mode {mode:03o}); make it 600", file.display())]
    Exposed {
        /// The file.
        file: PathBuf,
        /// Its permissions.
        mode: u32,
    },
}

fn trouble<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> VaultError + 'a {
    move |source| VaultError::Io { action, path: path.into(), source }
}

/// Where the bytes of new keys come from.
pub type Draw = Box<dyn FnMut() -> io::Result<[u8; KEY_BYTES]>>;

/// Keys from the operating system.
#[must_use]
pub fn from_the_system() -> Draw {
    Box::new(|| {
        let mut bytes = [0; KEY_BYTES];
        getrandom::fill(&mut bytes).map_err(io::Error::from)?;
        Ok(bytes)
    })
}

/// One site's keys: a day's key seals as an epoch's does.
pub struct Vault {
    dir: PathBuf,
    interval_s: u32,
    keys: BTreeMap<u32, EpochKey>,
    draw: Draw,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// The directory of a member's keys in the store `dir`.
#[must_use]
pub fn place(dir: &Path, party: PartyId) -> PathBuf {
    dir.join(VAULT).join(format!("{:05}", party.0))
}

fn name(day: u32) -> String {
    format!("day-{day:05}.key")
}

fn day_of(text: &str) -> Option<u32> {
    let day = text.strip_prefix("day-")?.strip_suffix(".key")?.parse().ok()?;
    (name(day) == text).then_some(day)
}

/// Whether `name` is one the vault gives to its own files.
#[must_use]
pub fn is_key_file(name: &str) -> bool {
    day_of(name.strip_suffix(".tmp").unwrap_or(name)).is_some()
}

impl Vault {
    /// Opens the vault in `dir`, created if need be, of a market of `interval_s` seconds per interval.
    ///
    /// # Errors
    /// [`VaultError`] when the directory holds anything but keys, or keys that others may read.
    pub fn open(dir: &Path, interval_s: u32, draw: Draw) -> Result<Self, VaultError> {
        let mut maker = fs::DirBuilder::new();
        maker.recursive(true).mode(0o700).create(dir).map_err(trouble("create", dir))?;
        let mut keys = BTreeMap::new();
        for entry in fs::read_dir(dir).map_err(trouble("list", dir))? {
            let file = entry.map_err(trouble("list", dir))?.path();
            let text = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match day_of(&text) {
                Some(day) => _ = keys.insert(day, read(&file)?),
                // The start of a key that a crash interrupted: nothing was written under it.
                None if text.strip_suffix(".tmp").and_then(day_of).is_some() => {
                    fs::remove_file(&file).map_err(trouble("remove", &file))?;
                }
                None => {
                    return Err(VaultError::Foreign { file, what: "it has no name of one" });
                }
            }
        }
        Ok(Self { dir: dir.into(), interval_s, keys, draw })
    }

    /// The record as it may lie in the log; the key is on disk before this returns.
    ///
    /// # Errors
    /// When a new day's key cannot be drawn or kept.
    pub fn hide(&mut self, entry: &SocialEntry, community: &Digest) -> Result<Kept, VaultError> {
        let end = match entry {
            SocialEntry::Sold { confirm, .. } => confirm.body.end,
            SocialEntry::Bought { contract, .. } => contract.body.end,
            SocialEntry::Closed { .. } => return Ok(Kept::Open(entry.clone())),
        };
        let day = self.day(end);
        let key = self.key(day)?;
        Ok(Kept::Hidden { day, sealed: key.seal(&aad(community, day), &encode(entry)) })
    }

    /// The record that was kept; none where its key was destroyed.
    ///
    /// # Errors
    /// [`EncodeError`] where what was hidden is no record.
    pub fn show(&self, kept: Kept, community: &Digest) -> Result<Option<SocialEntry>, EncodeError> {
        let (day, sealed) = match kept {
            Kept::Open(entry) => return Ok(Some(entry)),
            Kept::Hidden { day, sealed } => (day, sealed),
        };
        let plain = self.keys.get(&day).and_then(|key| key.open(&aad(community, day), &sealed));
        plain.map(|bytes| decode("contract", &bytes)).transpose()
    }

    /// Destroys the keys of all days that were over when `before` began; how many there were.
    ///
    /// # Errors
    /// When the disk refuses; keys that were not reached are still there.
    pub fn forget(&mut self, before: Interval) -> Result<usize, VaultError> {
        let today = self.day(before);
        let over: Vec<u32> = self.keys.range(..today).map(|(day, _)| *day).collect();
        self.destroy(&over)
    }

    /// Destroys all keys; how many there were.
    ///
    /// # Errors
    /// As [`Vault::forget`].
    pub fn forget_all(&mut self) -> Result<usize, VaultError> {
        let all: Vec<u32> = self.keys.keys().copied().collect();
        self.destroy(&all)
    }

    fn destroy(&mut self, days: &[u32]) -> Result<usize, VaultError> {
        for day in days {
            let file = self.dir.join(name(*day));
            let open = File::options().write(true).open(&file);
            let overwritten = open.and_then(|mut key| {
                key.write_all(&[0; KEY_BYTES])?;
                key.sync_all()
            });
            overwritten.map_err(trouble("overwrite", &file))?;
            fs::remove_file(&file).map_err(trouble("remove", &file))?;
            self.keys.remove(day);
        }
        if !days.is_empty() {
            self.sync()?;
        }
        Ok(days.len())
    }

    fn day(&self, at: Interval) -> u32 {
        let day = u64::from(at.0) * u64::from(self.interval_s) / SECONDS_A_DAY;
        u32::try_from(day).unwrap_or(u32::MAX)
    }

    fn key(&mut self, day: u32) -> Result<&EpochKey, VaultError> {
        if !self.keys.contains_key(&day) {
            let key = self.make(day)?;
            self.keys.insert(day, key);
        }
        Ok(&self.keys[&day])
    }

    fn make(&mut self, day: u32) -> Result<EpochKey, VaultError> {
        let (file, draft) = (self.dir.join(name(day)), self.dir.join(name(day) + ".tmp"));
        let bytes = (self.draw)().map_err(trouble("draw a key for", &file))?;
        let made = File::options().write(true).create(true).truncate(true).mode(0o600).open(&draft);
        let written = made.and_then(|mut key| {
            key.write_all(&bytes)?;
            key.sync_all()
        });
        written.map_err(trouble("write", &draft))?;
        fs::rename(&draft, &file).map_err(trouble("rename to", &file))?;
        self.sync()?;
        Ok(EpochKey::from_bytes(bytes))
    }

    fn sync(&self) -> Result<(), VaultError> {
        let synced = File::open(&self.dir).and_then(|dir| dir.sync_all());
        synced.map_err(trouble("flush", &self.dir))
    }
}

fn read(file: &Path) -> Result<EpochKey, VaultError> {
    let found = fs::metadata(file).map_err(trouble("look at", file))?;
    let mode = found.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(VaultError::Exposed { file: file.into(), mode });
    }
    let bytes = fs::read(file).map_err(trouble("read", file))?;
    let what = "it has not 32 bytes";
    let bytes = bytes.try_into().map_err(|_| VaultError::Foreign { file: file.into(), what })?;
    Ok(EpochKey::from_bytes(bytes))
}

fn aad(community: &Digest, day: u32) -> Vec<u8> {
    [&community.0[..], &day.to_be_bytes()].concat()
}
