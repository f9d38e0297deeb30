//! What devices have done: readings by device and interval, with how each device stood when its RA
//! last wrote, so that a later life goes on counting where the last one stopped.
//!
//! Two places keep them: memory, which lasts as long as the process, and a file (`redb`), which
//! survives it. A record is whole or not there at all, also after a power cut. What is older than
//! the retention is deleted, and all of it on demand (`gridpact forget`). The file belongs to one process at a time; its checksums are verified
//! whenever it is opened.

mod disk;
mod erase;
mod memory;
mod shelf;

use std::path::PathBuf;

use gridpact_agents::resource::Standing;
use gridpact_agents::resource::reading::{DeviceIndex, Reading};
use gridpact_chain::terms::Interval;

pub use disk::DiskReadings;
pub use memory::MemoryReadings;
pub use shelf::{Shelf, file_of};

/// Where one site's readings are kept.
pub trait ReadingStore {
    /// Keeps readings and standing of a device, both or neither, durably before it returns. A reading
    /// of an interval that is kept already replaces that.
    ///
    /// # Errors
    /// When they cannot be kept: then they must not be spoken of.
    fn record(
        &mut self,
        device: DeviceIndex,
        readings: &[Reading],
        standing: &Standing,
    ) -> Result<(), ReadingsError>;

    /// How a device stood when its RA last wrote.
    ///
    /// # Errors
    /// When it cannot be read back.
    fn standing(&self, device: DeviceIndex) -> Result<Standing, ReadingsError>;

    /// The newest readings of a device, at most `most`, oldest first.
    ///
    /// # Errors
    /// When they cannot be read back.
    fn newest(&self, device: DeviceIndex, most: usize) -> Result<Vec<Reading>, ReadingsError>;

    /// The readings of a device in `from..until`, oldest first.
    ///
    /// # Errors
    /// When they cannot be read back.
    fn between(
        &self,
        device: DeviceIndex,
        from: Interval,
        until: Interval,
    ) -> Result<Vec<Reading>, ReadingsError>;

    /// Deletes the readings of a device from before `before`; its standing stays.
    ///
    /// # Errors
    /// When they cannot be deleted.
    fn forget(&mut self, device: DeviceIndex, before: Interval) -> Result<(), ReadingsError>;
}

/// Why readings cannot be kept or read back.
#[derive(Debug, thiserror::Error)]
pub enum ReadingsError {
    /// Another process has the file.
    #[error("{0} is in use by another process, stop that one or name another file")]
    Busy(PathBuf),
    /// A file of something else.
    #[error("{file} is not a file of readings ({what}), name another file or move this one away")]
    Foreign {
        /// The file.
        file: PathBuf,
        /// What speaks against it.
        what: String,
    },
    /// A file whose bytes have changed.
    #[error(
        "{file} is damaged ({what}), put back a copy or move it away: \
         energy since its last reading is then unknown"
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What was found.
        what: String,
    },
    /// A file of another version of this program.
    #[error(
        "{file} has format {found}, this program reads {wanted}: use the program that wrote it"
    )]
    Version {
        /// The file.
        file: PathBuf,
        /// Its format.
        found: u64,
        /// The format of this program.
        wanted: u64,
    },
    /// A file of a market with other intervals.
    #[error(
        "{file} holds readings of {found} s intervals and the market has {wanted} s, \
         name another file"
    )]
    IntervalLength {
        /// The file.
        file: PathBuf,
        /// Seconds in the file.
        found: u64,
        /// Seconds in the market.
        wanted: u64,
    },
    /// Readings of an earlier run.
    #[error(
        "{0} holds readings of an earlier run; simulated homes begin anew and cannot go on from \
         them, so name another directory or move this one away"
    )]
    Used(PathBuf),
    /// The disk said no.
    #[error("{action} {file}: {what}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// To which file.
        file: PathBuf,
        /// Why it failed.
        what: String,
    },
}

#[cfg(test)]
mod tests;
