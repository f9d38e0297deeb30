//! Readings in a file: one `redb` database per site, one transaction per record.

use std::fs::File;
use std::path::{Path, PathBuf};

use gridpact_agents::resource::Standing;
use gridpact_agents::resource::reading::{DeviceIndex, Reading};
use gridpact_chain::terms::Interval;
use redb::{
    Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError, TableDefinition,
    TableHandle,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{ReadingStore, ReadingsError};

/// What the file is: its format and the length of its intervals.
const ABOUT: TableDefinition<'_, &str, u64> = TableDefinition::new("gridpact.readings");
/// Readings by device and interval, as JSON.
pub(super) const READINGS: TableDefinition<'_, (u16, u32), &[u8]> =
    TableDefinition::new("readings");
/// Standings by device, as JSON.
const STANDINGS: TableDefinition<'_, u16, &[u8]> = TableDefinition::new("standings");

/// The format this program writes.
const FORMAT: u64 = 1;
/// Memory the database may use to keep pages at hand, bytes.
const CACHE_BYTES: usize = 4 << 20;

/// Readings in a file.
pub struct DiskReadings {
    file: PathBuf,
    database: Database,
}

impl std::fmt::Debug for DiskReadings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DiskReadings").field("file", &self.file).finish_non_exhaustive()
    }
}

impl DiskReadings {
    /// Opens the readings in `file` for a market of `interval_s` seconds per interval, or begins them
    /// where there is no file. What a writer left that was killed is brought back to its last record.
    ///
    /// # Errors
    /// [`ReadingsError`] when the file is in use, damaged, of something else, or of other intervals.
    pub fn open(file: &Path, interval_s: u32) -> Result<Self, ReadingsError> {
        let opened = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .set_check_integrity_on_open(true)
            .create(file);
        let database = opened.map_err(|error| not_opened(file, error))?;
        let store = Self { file: file.to_path_buf(), database };
        store.introduce(u64::from(interval_s))?;
        Ok(store)
    }

    /// Checks that the file is one of readings, or makes an empty one such.
    fn introduce(&self, interval_s: u64) -> Result<(), ReadingsError> {
        let write = self.begin()?;
        let mut names = write.list_tables().map_err(self.trouble("read"))?;
        let has_any = names.next().is_some();
        drop(names);
        {
            let mut about = write.open_table(ABOUT).map_err(self.trouble("read"))?;
            let told = |key: &'static str| -> Result<Option<u64>, ReadingsError> {
                let found = about.get(key).map_err(self.trouble("read"))?;
                Ok(found.map(|number| number.value()))
            };
            match (told("format")?, told("interval_s")?) {
                (Some(FORMAT), Some(found)) if found == interval_s => return Ok(()),
                (Some(FORMAT), Some(found)) => {
                    let (file, wanted) = (self.file.clone(), interval_s);
                    return Err(ReadingsError::IntervalLength { file, found, wanted });
                }
                (Some(found), _) => {
                    let (file, wanted) = (self.file.clone(), FORMAT);
                    return Err(ReadingsError::Version { file, found, wanted });
                }
                (None, _) if has_any => {
                    let what = format!("a database without a table {}", ABOUT.name());
                    return Err(ReadingsError::Foreign { file: self.file.clone(), what });
                }
                (None, _) => {}
            }
            about.insert("format", FORMAT).map_err(self.trouble("write"))?;
            about.insert("interval_s", interval_s).map_err(self.trouble("write"))?;
            write.open_table(READINGS).map_err(self.trouble("write"))?;
            write.open_table(STANDINGS).map_err(self.trouble("write"))?;
        }
        write.commit().map_err(self.trouble("write"))?;
        self.name_durably()
    }

    /// A new file lasts only when its directory does.
    fn name_durably(&self) -> Result<(), ReadingsError> {
        let parent = self.file.parent().filter(|dir| !dir.as_os_str().is_empty());
        let dir = parent.unwrap_or(Path::new("."));
        let synced = File::open(dir).and_then(|dir| dir.sync_all());
        synced.map_err(|error| self.trouble("create")(StorageError::Io(error)))
    }

    pub(super) fn begin(&self) -> Result<redb::WriteTransaction, ReadingsError> {
        self.database.begin_write().map_err(self.trouble("write"))
    }

    fn readings(&self) -> Result<redb::ReadOnlyTable<(u16, u32), &'static [u8]>, ReadingsError> {
        let read = self.database.begin_read().map_err(self.trouble("read"))?;
        read.open_table(READINGS).map_err(self.trouble("read"))
    }

    /// Names the action and the file of what the database says.
    pub(super) fn trouble<E: Into<redb::Error>>(
        &self,
        action: &'static str,
    ) -> impl Fn(E) -> ReadingsError + use<'_, E> {
        move |error| {
            let file = self.file.clone();
            match error.into() {
                redb::Error::Corrupted(what) => ReadingsError::Damaged { file, what },
                other => ReadingsError::Io { action, file, what: other.to_string() },
            }
        }
    }

    /// Gives back the room of what was taken out.
    pub(super) fn compact(&mut self) -> Result<(), ReadingsError> {
        let file = self.file.clone();
        self.database.compact().map(|_| ()).map_err(|error| ReadingsError::Io {
            action: "compact",
            file,
            what: error.to_string(),
        })
    }

    fn decoded<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, ReadingsError> {
        serde_json::from_slice(bytes).map_err(|error| ReadingsError::Damaged {
            file: self.file.clone(),
            what: error.to_string(),
        })
    }

    fn encoded<T: Serialize>(&self, record: &T) -> Result<Vec<u8>, ReadingsError> {
        serde_json::to_vec(record).map_err(|error| ReadingsError::Io {
            action: "write",
            file: self.file.clone(),
            what: error.to_string(),
        })
    }
}

impl ReadingStore for DiskReadings {
    fn record(
        &mut self,
        device: DeviceIndex,
        readings: &[Reading],
        standing: &Standing,
    ) -> Result<(), ReadingsError> {
        let write = self.begin()?;
        {
            let mut table = write.open_table(READINGS).map_err(self.trouble("write"))?;
            for reading in readings {
                let bytes = self.encoded(reading)?;
                table
                    .insert((device, reading.interval.0), bytes.as_slice())
                    .map_err(self.trouble("write"))?;
            }
            let mut table = write.open_table(STANDINGS).map_err(self.trouble("write"))?;
            let bytes = self.encoded(standing)?;
            table.insert(device, bytes.as_slice()).map_err(self.trouble("write"))?;
        }
        write.commit().map_err(self.trouble("write"))
    }

    fn standing(&self, device: DeviceIndex) -> Result<Standing, ReadingsError> {
        let read = self.database.begin_read().map_err(self.trouble("read"))?;
        let table = read.open_table(STANDINGS).map_err(self.trouble("read"))?;
        match table.get(device).map_err(self.trouble("read"))? {
            Some(bytes) => self.decoded(bytes.value()),
            None => Ok(Standing::default()),
        }
    }

    fn newest(&self, device: DeviceIndex, most: usize) -> Result<Vec<Reading>, ReadingsError> {
        let table = self.readings()?;
        let all = table.range((device, 0)..=(device, u32::MAX)).map_err(self.trouble("read"))?;
        let mut newest = Vec::new();
        for entry in all.rev().take(most) {
            let (_, bytes) = entry.map_err(self.trouble("read"))?;
            newest.push(self.decoded(bytes.value())?);
        }
        newest.reverse();
        Ok(newest)
    }

    fn between(
        &self,
        device: DeviceIndex,
        from: Interval,
        until: Interval,
    ) -> Result<Vec<Reading>, ReadingsError> {
        let (first, end) = ((device, from.0), (device, until.max(from).0));
        let table = self.readings()?;
        let some = table.range(first..end).map_err(self.trouble("read"))?;
        some.map(|entry| {
            let (_, bytes) = entry.map_err(self.trouble("read"))?;
            self.decoded(bytes.value())
        })
        .collect()
    }

    fn forget(&mut self, device: DeviceIndex, before: Interval) -> Result<(), ReadingsError> {
        let old = (device, 0)..(device, before.0);
        // What was read is let go before the write, which may then reuse its page.
        let has_old = {
            let table = self.readings()?;
            table.range(old.clone()).map_err(self.trouble("read"))?.next().is_some()
        };
        if !has_old {
            return Ok(());
        }
        let write = self.begin()?;
        {
            let mut table = write.open_table(READINGS).map_err(self.trouble("write"))?;
            table.retain_in(old, |_, _| false).map_err(self.trouble("write"))?;
        }
        write.commit().map_err(self.trouble("write"))
    }
}

/// What it means that a file could not be opened.
fn not_opened(file: &Path, error: DatabaseError) -> ReadingsError {
    let named = file.to_path_buf();
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
            ReadingsError::Busy(named)
        }
        DatabaseError::Storage(StorageError::Corrupted(what)) => {
            ReadingsError::Damaged { file: named, what }
        }
        DatabaseError::Storage(StorageError::Io(error))
            if matches!(
                error.kind(),
                std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof
            ) =>
        {
            ReadingsError::Foreign { file: named, what: error.to_string() }
        }
        DatabaseError::UpgradeRequired(found) => ReadingsError::Foreign {
            file: named,
            what: format!("a database of the old format {found}"),
        },
        other => ReadingsError::Io { action: "open", file: named, what: other.to_string() },
    }
}
