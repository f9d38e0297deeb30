//! The readings of all homes of a process: a file per home in one directory, or memory.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::{DiskReadings, MemoryReadings, ReadingStore, ReadingsError};

/// How the files of readings end.
const ENDING: &str = "redb";

/// The file of home number `site` in the shelf's directory.
#[must_use]
pub fn file_of(dir: &Path, site: usize) -> PathBuf {
    dir.join(format!("home-{site:05}.{ENDING}"))
}

/// Where the readings of the homes of a process stand.
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    dir: Option<PathBuf>,
}

impl Shelf {
    /// A shelf in `dir`, as it is; in memory without one.
    #[must_use]
    pub fn at(dir: Option<&Path>) -> Self {
        Self { dir: dir.map(Path::to_path_buf) }
    }

    /// Whether it keeps nothing beyond the process.
    #[must_use]
    pub fn is_memory(&self) -> bool {
        self.dir.is_none()
    }

    /// An empty shelf: makes `dir` if need be.
    ///
    /// # Errors
    /// [`ReadingsError::Used`] where readings stand there already, [`ReadingsError::Io`] where the
    /// directory cannot be made or looked at.
    pub fn begin(dir: Option<&Path>) -> Result<Self, ReadingsError> {
        if let Some(dir) = dir {
            let trouble = |action| {
                move |error: std::io::Error| ReadingsError::Io {
                    action,
                    file: dir.to_path_buf(),
                    what: error.to_string(),
                }
            };
            fs::create_dir_all(dir).map_err(trouble("create"))?;
            for entry in fs::read_dir(dir).map_err(trouble("read"))? {
                let file = entry.map_err(trouble("read"))?.path();
                if file.extension().is_some_and(|ending| ending == ENDING) {
                    return Err(ReadingsError::Used(dir.to_path_buf()));
                }
            }
        }
        Ok(Self::at(dir))
    }

    /// The readings of home number `site`, in a market of `interval_s` seconds per interval.
    ///
    /// # Errors
    /// As [`DiskReadings::open`].
    pub fn of(
        &self,
        site: usize,
        interval_s: u32,
    ) -> Result<Rc<RefCell<dyn ReadingStore>>, ReadingsError> {
        let Some(dir) = &self.dir else {
            return Ok(Rc::new(RefCell::new(MemoryReadings::default())));
        };
        Ok(Rc::new(RefCell::new(DiskReadings::open(&file_of(dir, site), interval_s)?)))
    }
}
