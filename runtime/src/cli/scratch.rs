//! A directory that is gone when it is no longer needed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Sets the directories of one process apart.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A directory of this process among the temporary ones of the machine.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// A new, empty one.
    pub fn new() -> io::Result<Self> {
        Self::within(&std::env::temp_dir())
    }

    /// A new, empty one below `dir`.
    pub fn within(dir: &Path) -> io::Result<Self> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("gridpact-{}-{number}", std::process::id());
        let path = dir.join(name);
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is left to the machine; the figures are as good.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
