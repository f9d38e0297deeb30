//! Both files of a segment read side by side: the log leads, its Marks pull the proofs along.

use std::path::Path;

use super::error::LogError;
use super::running::Running;
use super::scan::{Fault, Mark, Scan, Step};
use super::segment::Role;

/// A segment being read.
#[derive(Debug)]
pub struct Walk {
    /// Number of the segment.
    pub number: u32,
    /// Its log.
    pub log: Scan,
    /// Its proofs.
    pub proof: Scan,
}

impl Walk {
    /// Opens the first segment.
    pub fn first(dir: &Path) -> Result<Self, LogError> {
        let start = Running::from([0; 32], 0);
        Self::open(dir, 1, &start, &start)
    }

    /// Opens the segment after this one, whose ends must be proved.
    pub fn next(&self, dir: &Path) -> Result<Self, LogError> {
        Self::open(dir, self.number + 1, self.log.proved().1, self.proof.proved().1)
    }

    /// Opens the same segment once more; `start` are the running states before it.
    pub fn again(&self, dir: &Path, (log, proof): &(Running, Running)) -> Result<Self, LogError> {
        Self::open(dir, self.number, log, proof)
    }

    fn open(dir: &Path, number: u32, log: &Running, proof: &Running) -> Result<Self, LogError> {
        Ok(Self {
            number,
            log: Scan::open(dir, number, Role::Log, log)?,
            proof: Scan::open(dir, number, Role::Proof, proof)?,
        })
    }

    /// The next step of the log; the proofs of a group come after its other frames.
    pub fn step(&mut self) -> Result<Step, Fault> {
        match self.log.step()? {
            Step::Group(mut frames, Some(mark)) => {
                frames.extend(self.proofs(mark).map_err(Fault::Damage)?);
                Ok(Step::Group(frames, Some(mark)))
            }
            step => Ok(step),
        }
    }

    /// The one group of proofs that `mark` pins. What a Commit pins cannot be torn, only damaged.
    fn proofs(&mut self, mark: Mark) -> Result<Vec<super::Frame>, LogError> {
        let start = self.proof.proved().0;
        let Step::Group(frames, _) = self.proof.step()? else {
            return Err(self.proof.error(start, "proofs that the log pins are missing"));
        };
        let (length, running) = self.proof.proved();
        if (Mark { length, running: running.value() }) != mark {
            return Err(self.proof.error(start, "the proofs are not those that the log pins"));
        }
        Ok(frames)
    }

    /// Whether the proof file ends where the log pins it.
    pub fn proofs_end(&self) -> Result<(), LogError> {
        let (proved, _) = self.proof.proved();
        if proved == self.proof.length() {
            return Ok(());
        }
        Err(self.proof.error(proved, "bytes that no Commit of the log pins"))
    }
}
