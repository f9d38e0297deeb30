//! The derived state: balances and indexes in one file (`redb`), for whoever must not read the whole
//! chain to answer a question. It says nothing that the log does not; whenever the two disagree it is
//! written anew from the log, and never believed. Pairs that are sealed and were not opened are counted, and
//! from the first of them on it says nothing of accounts: better no balance than a wrong one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gridpact_chain::block::Pair;
use gridpact_chain::contract::ContractId;
use gridpact_chain::digest::Digest;
use gridpact_chain::terms::{Money, PartyId};
use redb::{
    Database, DatabaseError, Durability, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    TableDefinition, WriteTransaction,
};

/// Name of the directory beside `chain/`.
pub const STATE: &str = "state";
/// Name of the file in it.
pub const FILE: &str = "chain.redb";

const ABOUT: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("gridpact.state");
/// How many pairs were not read, among the rest in that table.
const UNREAD: &str = "unread";
const BALANCES: TableDefinition<'_, u32, i64> = TableDefinition::new("balances");
const CONTRACTS: TableDefinition<'_, &[u8; 32], u64> = TableDefinition::new("contracts");
const PARTIES: TableDefinition<'_, (u32, u64), ()> = TableDefinition::new("parties");

/// The format this program writes.
const FORMAT: &[u8] = b"1";
/// Memory the database may use to keep pages at hand, bytes.
const CACHE_BYTES: usize = 8 << 20;
/// How often a file in use is tried again, 20 ms apart.
const PATIENCE: u32 = 25;
/// Pairs taken in with one transaction when much is taken in.
pub(super) const PAIRS_AT_ONCE: usize = 16_384;

/// Why the state cannot be written or read. Its file may be removed at any time.
#[derive(Debug, thiserror::Error)]
#[error("{action} {}: {what}; it is derived, `gridpact chain rebuild` writes it anew", file.display())]
pub struct StateError {
    /// What was being done.
    action: &'static str,
    /// To which file.
    file: PathBuf,
    /// Why it failed.
    what: String,
    /// Whether another process has it.
    is_busy: bool,
}

impl StateError {
    /// Whether another process has the file.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.is_busy
    }
}

/// Height and hash of the last pair.
pub type Tip = (u64, Digest);

/// The state of one chain.
pub struct State {
    file: PathBuf,
    database: Database,
    community: Digest,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("file", &self.file).finish_non_exhaustive()
    }
}

impl State {
    /// The state of the chain `pairs`, opened as far as the node can, in directory `dir`: what is there if it agrees with them, with
    /// the pairs it lacks taken in; else written anew. The flag says which.
    ///
    /// # Errors
    /// [`StateError`] when another process has it, or the disk refuses.
    pub fn open(
        dir: &Path,
        community: Digest,
        pairs: &[Arc<Pair>],
    ) -> Result<(Self, bool), StateError> {
        let file = dir.join(FILE);
        fs::create_dir_all(dir).map_err(|error| StateError {
            action: "create",
            file: dir.into(),
            what: error.to_string(),
            is_busy: false,
        })?;
        match Self::patiently(&file, community) {
            Ok(state) if state.agrees_with(pairs).unwrap_or(false) => {
                let known = usize::try_from(state.tip()?.0).unwrap_or(usize::MAX);
                state.take_all(&pairs[known.min(pairs.len())..])?;
                return Ok((state, false));
            }
            Err(error) if error.is_busy => return Err(error),
            Ok(_) | Err(_) => {}
        }
        Self::rebuild(dir, community, pairs).map(|state| (state, true))
    }

    /// Writes the state of the chain `pairs` anew: complete under its name, or not at all.
    ///
    /// # Errors
    /// [`StateError`] when another process has it, or the disk refuses.
    pub fn rebuild(dir: &Path, community: Digest, pairs: &[Arc<Pair>]) -> Result<Self, StateError> {
        Self::rebuild_from(dir, community, |state| state.take_all(pairs))
    }

    /// The same, of the pairs that `fill` lets it take, all from height 1.
    ///
    /// # Errors
    /// As [`State::rebuild`], and those of `fill`: then nothing was changed.
    pub fn rebuild_from<E: From<StateError>>(
        dir: &Path,
        community: Digest,
        fill: impl FnOnce(&Self) -> Result<(), E>,
    ) -> Result<Self, E> {
        let (file, draft) = (dir.join(FILE), dir.join(format!("{FILE}.tmp")));
        let disk = |action: &'static str, file: &Path, error: std::io::Error| StateError {
            action,
            file: file.into(),
            what: error.to_string(),
            is_busy: false,
        };
        fs::create_dir_all(dir).map_err(|error| disk("create", dir, error))?;
        // Whoever has the old one must not find it replaced.
        if file.exists()
            && let Err(error) = Self::patiently(&file, community)
            && error.is_busy
        {
            return Err(error.into());
        }
        if draft.exists() {
            fs::remove_file(&draft).map_err(|error| disk("remove", &draft, error))?;
        }
        let state = Self::at(&draft, community)?;
        let filled = fill(&state);
        drop(state);
        if let Err(error) = filled {
            let _ = fs::remove_file(&draft);
            return Err(error);
        }
        fs::rename(&draft, &file).map_err(|error| disk("rename to", &file, error))?;
        let synced = fs::File::open(dir).and_then(|dir| dir.sync_all());
        synced.map_err(|error| disk("flush", dir, error))?;
        Ok(Self::at(&file, community)?)
    }

    /// As [`State::at`], waiting a little for whoever has it: a process that was just forked elsewhere in
    /// the program holds copies of every descriptor, and with them the lock, until it executes something.
    fn patiently(file: &Path, community: Digest) -> Result<Self, StateError> {
        for _ in 0..PATIENCE {
            match Self::at(file, community) {
                Err(error) if error.is_busy => std::thread::sleep(Duration::from_millis(20)),
                opened => return opened,
            }
        }
        Self::at(file, community)
    }

    fn at(file: &Path, community: Digest) -> Result<Self, StateError> {
        let opened = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .set_check_integrity_on_open(true)
            .create(file);
        let database = opened.map_err(|error| StateError {
            action: "open",
            file: file.into(),
            what: error.to_string(),
            is_busy: matches!(
                error,
                DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch
            ),
        })?;
        let state = Self { file: file.into(), database, community };
        let write = state.begin(Durability::Immediate)?;
        {
            let mut about = write.open_table(ABOUT).map_err(state.trouble("write"))?;
            for (key, value) in [("format", FORMAT), ("community", &community.0)] {
                let found = about.get(key).map_err(state.trouble("read"))?;
                let found = found.map(|found| found.value().to_vec());
                match found {
                    Some(found) if found == value => {}
                    Some(_) => {
                        return Err(state.trouble("read")(redb::Error::Corrupted(format!(
                            "its {key} is another one"
                        ))));
                    }
                    None => _ = about.insert(key, value).map_err(state.trouble("write"))?,
                }
            }
            write.open_table(BALANCES).map_err(state.trouble("write"))?;
            write.open_table(CONTRACTS).map_err(state.trouble("write"))?;
            write.open_table(PARTIES).map_err(state.trouble("write"))?;
        }
        write.commit().map_err(state.trouble("write"))?;
        Ok(state)
    }

    /// Height and hash up to which the log was taken in.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be read.
    pub fn tip(&self) -> Result<Tip, StateError> {
        let read = self.database.begin_read().map_err(self.trouble("read"))?;
        let about = read.open_table(ABOUT).map_err(self.trouble("read"))?;
        let found = about.get("tip").map_err(self.trouble("read"))?;
        let Some(found) = found else { return Ok((0, self.community)) };
        let bytes = found.value();
        let digest = bytes.get(8..).and_then(|digest| digest.try_into().ok()).unwrap_or_default();
        Ok((super::frame::u64_at(bytes, 0), Digest(digest)))
    }

    /// Its file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Pairs whose amounts were sealed from whoever wrote the state.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be read.
    pub fn unread(&self) -> Result<u64, StateError> {
        let read = self.database.begin_read().map_err(self.trouble("read"))?;
        let about = read.open_table(ABOUT).map_err(self.trouble("read"))?;
        let found = about.get(UNREAD).map_err(self.trouble("read"))?;
        Ok(found.map_or(0, |found| super::frame::u64_at(found.value(), 0)))
    }

    /// What every account holds, ascending.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be read, or pairs were sealed from whoever wrote it.
    pub fn balances(&self) -> Result<BTreeMap<PartyId, Money>, StateError> {
        self.check_read()?;
        self.entered()
    }

    /// Accounts are known where every pair was read.
    fn check_read(&self) -> Result<(), StateError> {
        match self.unread()? {
            0 => Ok(()),
            unread => Err(StateError {
                action: "know the accounts from",
                file: self.file.clone(),
                what: format!("{unread} pairs are sealed and were not read with any key"),
                is_busy: false,
            }),
        }
    }

    /// The balances that were entered.
    fn entered(&self) -> Result<BTreeMap<PartyId, Money>, StateError> {
        let read = self.database.begin_read().map_err(self.trouble("read"))?;
        let table = read.open_table(BALANCES).map_err(self.trouble("read"))?;
        let all = table.iter().map_err(self.trouble("read"))?;
        all.map(|account| {
            let (party, money) = account.map_err(self.trouble("read"))?;
            Ok((PartyId(party.value()), Money(money.value())))
        })
        .collect()
    }

    /// The height at which a contract was settled.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be read.
    pub fn height_of(&self, contract: ContractId) -> Result<Option<u64>, StateError> {
        let read = self.database.begin_read().map_err(self.trouble("read"))?;
        let table = read.open_table(CONTRACTS).map_err(self.trouble("read"))?;
        let found = table.get(&contract.0.0).map_err(self.trouble("read"))?;
        Ok(found.map(|height| height.value()))
    }

    /// The heights that changed the account of `party`, ascending.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be read, or pairs were sealed from whoever wrote it.
    pub fn heights_of(&self, party: PartyId) -> Result<Vec<u64>, StateError> {
        self.check_read()?;
        let read = self.database.begin_read().map_err(self.trouble("read"))?;
        let table = read.open_table(PARTIES).map_err(self.trouble("read"))?;
        let all = table.range((party.0, 0)..=(party.0, u64::MAX)).map_err(self.trouble("read"))?;
        all.map(|entry| Ok(entry.map_err(self.trouble("read"))?.0.value().1)).collect()
    }

    /// Takes in pairs that follow the last one. Not flushed at once: what a crash takes away is taken
    /// in again from the log.
    ///
    /// # Errors
    /// [`StateError`] when the disk refuses.
    pub fn take(&self, pairs: &[Arc<Pair>]) -> Result<(), StateError> {
        self.write(pairs, Durability::None)
    }

    /// Takes in many pairs that follow the last one, flushed.
    ///
    /// # Errors
    /// [`StateError`] when the disk refuses.
    pub fn take_all(&self, pairs: &[Arc<Pair>]) -> Result<(), StateError> {
        let mut parts = pairs.chunks(PAIRS_AT_ONCE);
        parts.try_for_each(|part| self.write(part, Durability::Immediate))
    }

    fn write(&self, pairs: &[Arc<Pair>], durability: Durability) -> Result<(), StateError> {
        let Some(last) = pairs.last() else { return Ok(()) };
        let unread = self.unread()? + unread_of(pairs);
        let write = self.begin(durability)?;
        {
            let mut balances = write.open_table(BALANCES).map_err(self.trouble("write"))?;
            let mut contracts = write.open_table(CONTRACTS).map_err(self.trouble("write"))?;
            let mut parties = write.open_table(PARTIES).map_err(self.trouble("write"))?;
            for pair in pairs {
                let height = pair.height();
                if let Some(id) = pair.contract.record.contract_id() {
                    contracts.insert(&id.0.0, height).map_err(self.trouble("write"))?;
                }
                for entry in &pair.ledger.entries {
                    let party = entry.party.0;
                    balances.insert(party, entry.balance.0).map_err(self.trouble("write"))?;
                    parties.insert((party, height), ()).map_err(self.trouble("write"))?;
                }
            }
            let tip = tip_bytes(last, &self.community);
            let mut about = write.open_table(ABOUT).map_err(self.trouble("write"))?;
            about.insert("tip", tip.as_slice()).map_err(self.trouble("write"))?;
            let unread = unread.to_le_bytes();
            about.insert(UNREAD, unread.as_slice()).map_err(self.trouble("write"))?;
        }
        write.commit().map_err(self.trouble("write"))
    }

    /// Whether everything it says follows from the beginning of `pairs`.
    ///
    /// # Errors
    /// [`StateError`] when it cannot be read.
    pub fn agrees_with(&self, pairs: &[Arc<Pair>]) -> Result<bool, StateError> {
        let (height, tip) = self.tip()?;
        let Some(known) = usize::try_from(height).ok().and_then(|height| pairs.get(..height))
        else {
            return Ok(false);
        };
        let last = known.last().map_or(self.community, |pair| pair.ledger.digest(&self.community));
        let read = self.database.begin_read().map_err(self.trouble("read"))?;
        let contracts = read.open_table(CONTRACTS).map_err(self.trouble("read"))?;
        let parties = read.open_table(PARTIES).map_err(self.trouble("read"))?;
        let (mut balances, mut settled, mut changes) = (BTreeMap::new(), 0, 0);
        for pair in known {
            for entry in &pair.ledger.entries {
                balances.insert(entry.party, entry.balance);
                changes += 1;
                let key = (entry.party.0, pair.height());
                if parties.get(key).map_err(self.trouble("read"))?.is_none() {
                    return Ok(false);
                }
            }
            if let Some(id) = pair.contract.record.contract_id() {
                settled += 1;
                let found = contracts.get(&id.0.0).map_err(self.trouble("read"))?;
                if found.is_none_or(|found| found.value() != pair.height()) {
                    return Ok(false);
                }
            }
        }
        let has_no_more = contracts.len().map_err(self.trouble("read"))? == settled
            && parties.len().map_err(self.trouble("read"))? == changes;
        let is_as_read = self.unread()? == unread_of(known);
        Ok(last == tip && has_no_more && is_as_read && self.entered()? == balances)
    }

    fn begin(&self, durability: Durability) -> Result<WriteTransaction, StateError> {
        let mut write = self.database.begin_write().map_err(self.trouble("write"))?;
        write.set_durability(durability).map_err(self.trouble("write"))?;
        Ok(write)
    }

    /// Names the action and the file of what the database says.
    fn trouble<E: Into<redb::Error>>(
        &self,
        action: &'static str,
    ) -> impl Fn(E) -> StateError + use<'_, E> {
        move |error| StateError {
            action,
            file: self.file.clone(),
            what: error.into().to_string(),
            is_busy: false,
        }
    }
}

/// How many of `pairs` were not opened.
fn unread_of(pairs: &[Arc<Pair>]) -> u64 {
    pairs.iter().filter(|pair| !pair.is_read()).count() as u64
}

fn tip_bytes(last: &Pair, community: &Digest) -> Vec<u8> {
    [&last.height().to_le_bytes()[..], &last.ledger.digest(community).0].concat()
}
