//! One writer, or any number of readers: a lock on the first log file.
//!
//! It is let go explicitly: a process forked elsewhere in the program holds copies of every
//! descriptor until it executes something, and would keep a merely closed one locked.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::error::{LogError, io};
use super::segment::{self, Role};

/// A held lock, let go when dropped.
#[derive(Debug)]
pub struct Lock(File);

impl Lock {
    /// Keeps out everybody else from the log in `dir`, which must be there and writable.
    ///
    /// # Errors
    /// [`LogError::Missing`] where there is no log, [`LogError::Busy`] while somebody has it.
    pub fn of_log(dir: &Path) -> Result<Self, LogError> {
        let path = dir.join(segment::name(1, Role::Log));
        let file = File::options().read(true).write(true).open(&path);
        let file = file.map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => LogError::Missing(path.clone()),
            _ => io("open", &path)(source),
        })?;
        Self::exclusive(&file, dir)
    }

    /// Keeps out everybody else.
    pub fn exclusive(file: &File, path: &Path) -> Result<Self, LogError> {
        Self::held(file, path, File::try_lock)
    }

    /// Keeps out writers.
    pub fn shared(file: &File, path: &Path) -> Result<Self, LogError> {
        Self::held(file, path, File::try_lock_shared)
    }

    fn held(
        file: &File,
        path: &Path,
        take: fn(&File) -> Result<(), TryLockError>,
    ) -> Result<Self, LogError> {
        let file = file.try_clone().map_err(io("lock", path))?;
        match take(&file) {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(LogError::Busy(path.into())),
            Err(TryLockError::Error(source)) => Err(io("lock", path)(source)),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing lets go as well, only later; so a failure changes nothing.
        let _ = self.0.unlock();
    }
}
