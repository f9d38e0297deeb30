//! Readings that are forgotten by their owner: taken out of a site's file, or the file with them.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

use gridpact_chain::terms::Interval;
use redb::ReadableTable as _;

use super::ReadingsError;
use super::disk::{DiskReadings, READINGS};

/// Bytes overwritten at once.
const BLOCK: usize = 64 << 10;

impl DiskReadings {
    /// Takes out all readings before an interval and gives their room back; returns how many there
    /// were. How the devices stood last is kept, as it is what later readings are counted from.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn forget_all_before(&mut self, before: Interval) -> Result<u64, ReadingsError> {
        let mut forgotten = 0;
        let write = self.begin()?;
        {
            let mut table = write.open_table(READINGS).map_err(self.trouble("write"))?;
            let all = table.iter().map_err(self.trouble("read"))?.count() as u64;
            let is_kept = |(_, interval): (u16, u32), _: &[u8]| interval >= before.0;
            table.retain(is_kept).map_err(self.trouble("write"))?;
            let left = table.iter().map_err(self.trouble("read"))?.count() as u64;
            forgotten += all - left;
        }
        write.commit().map_err(self.trouble("write"))?;
        if forgotten > 0 {
            self.compact()?;
        }
        Ok(forgotten)
    }

    /// Overwrites the readings in `file` and removes it, of whatever community they are; false where
    /// there is no such file.
    ///
    /// # Errors
    /// When the file is in use, is none of readings, or cannot be written.
    pub fn destroy(file: &Path, interval_s: u32) -> Result<bool, ReadingsError> {
        if !file.exists() {
            return Ok(false);
        }
        // Only what is opened is destroyed: it is a file of readings, and nobody else has it.
        drop(Self::open(file, interval_s)?);
        overwrite(file).map_err(|error| ReadingsError::Io {
            action: "overwrite",
            file: file.to_path_buf(),
            what: error.to_string(),
        })?;
        Ok(true)
    }
}

fn overwrite(path: &Path) -> std::io::Result<()> {
    let mut file = File::options().write(true).open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(0))?;
    let zeros = vec![0; BLOCK];
    let mut left = length;
    while left > 0 {
        let now = left.min(BLOCK as u64);
        file.write_all(&zeros[..now as usize])?;
        left -= now;
    }
    file.sync_all()?;
    fs::remove_file(path)?;
    let parent = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}
