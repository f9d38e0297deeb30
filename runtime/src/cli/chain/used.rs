//! Which contract ids a chain uses twice, found in memory that does not grow with the chain: what does
//! not fit is sorted and laid aside in files of this process, and these are merged at the end.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Write as _};
use std::path::PathBuf;

use gridpact_chain::contract::ContractId;
use gridpact_chain::digest::Digest;

use crate::cli::scratch::Scratch;

/// Ids in memory before they are laid aside: 2.5 MiB.
const HELD_MAX: usize = 65_536;
/// Files before they are merged into one.
const RUNS_MAX: usize = 64;
/// Repeated ids that are told of.
const REPEATED_MAX: usize = 65_536;

/// An id and the height that uses it.
type Use = ([u8; 32], u64);

/// The ids of one chain.
#[derive(Debug)]
pub(super) struct Used {
    scratch: Scratch,
    held: Vec<Use>,
    held_max: usize,
    /// Numbers of the files laid aside, each in ascending order.
    runs: Vec<u64>,
    next: u64,
    repeated: Vec<u64>,
}

impl Used {
    /// None yet.
    pub(super) fn new() -> io::Result<Self> {
        Self::holding(HELD_MAX)
    }

    fn holding(held_max: usize) -> io::Result<Self> {
        let (held, runs, repeated) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { scratch: Scratch::new()?, held, held_max, runs, next: 0, repeated })
    }

    /// The contract at `height` has this id.
    pub(super) fn take(&mut self, id: ContractId, height: u64) -> io::Result<()> {
        let ContractId(Digest(bytes)) = id;
        self.held.push((bytes, height));
        if self.held.len() < self.held_max {
            return Ok(());
        }
        self.lay_aside()?;
        if self.runs.len() == RUNS_MAX { self.merge() } else { Ok(()) }
    }

    /// Heights whose id a lower height uses, ascending: 65 536 at most.
    pub(super) fn repeated(mut self) -> io::Result<Vec<u64>> {
        if self.runs.is_empty() {
            self.sorted();
        } else {
            self.lay_aside()?;
            self.merge()?;
        }
        self.repeated.sort_unstable();
        self.repeated.dedup();
        Ok(self.repeated)
    }

    /// What is held, sorted; the lowest height of each id alone.
    fn sorted(&mut self) -> Vec<Use> {
        let mut held = std::mem::take(&mut self.held);
        held.sort_unstable();
        let repeated = &mut self.repeated;
        held.dedup_by(|later, first| later.0 == first.0 && note(repeated, later.1));
        held
    }

    fn lay_aside(&mut self) -> io::Result<()> {
        let held = self.sorted();
        let mut out = self.begin()?;
        held.iter().try_for_each(|used| write(&mut out, used))?;
        out.flush()
    }

    fn path(&self, run: u64) -> PathBuf {
        self.scratch.path().join(run.to_string())
    }

    fn begin(&mut self) -> io::Result<BufWriter<File>> {
        let file = File::create(self.path(self.next))?;
        self.runs.push(self.next);
        self.next += 1;
        Ok(BufWriter::new(file))
    }

    /// All files into one.
    fn merge(&mut self) -> io::Result<()> {
        let runs = std::mem::take(&mut self.runs);
        let mut files = Vec::with_capacity(runs.len());
        for run in &runs {
            files.push(BufReader::new(File::open(self.path(*run))?));
        }
        let mut heap = BinaryHeap::with_capacity(files.len());
        for (at, file) in files.iter_mut().enumerate() {
            heap.extend(read(file)?.map(|used| Reverse((used, at))));
        }
        let (mut out, mut last): (_, Option<[u8; 32]>) = (self.begin()?, None);
        while let Some(Reverse((used, at))) = heap.pop() {
            if last.replace(used.0) == Some(used.0) {
                note(&mut self.repeated, used.1);
            } else {
                write(&mut out, &used)?;
            }
            heap.extend(read(&mut files[at])?.map(|used| Reverse((used, at))));
        }
        out.flush()?;
        runs.iter().try_for_each(|run| std::fs::remove_file(self.path(*run)))
    }
}

/// Notes a repeated id, as far as there is room; always true.
fn note(repeated: &mut Vec<u64>, height: u64) -> bool {
    if repeated.len() < REPEATED_MAX {
        repeated.push(height);
    }
    true
}

fn write(out: &mut impl io::Write, (id, height): &Use) -> io::Result<()> {
    out.write_all(id)?;
    out.write_all(&height.to_le_bytes())
}

fn read(file: &mut impl io::Read) -> io::Result<Option<Use>> {
    let (mut id, mut height) = ([0; 32], [0; 8]);
    match file.read_exact(&mut id) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    file.read_exact(&mut height)?;
    Ok(Some((id, u64::from_le_bytes(height))))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn id(number: u8) -> ContractId {
        ContractId(Digest([number; 32]))
    }

    proptest! {
        #[test]
        fn every_repetition_is_found_whatever_fits_into_memory(
            ids in proptest::collection::vec(0_u8..40, 0..300),
            held in 1_usize..20,
        ) {
            let mut used = Used::holding(held).expect("scratch");
            let (mut known, mut expected) = (BTreeSet::new(), Vec::new());
            for (height, number) in (1..).zip(&ids) {
                used.take(id(*number), height).expect("room");
                prop_assert!(used.held.len() < held.max(1) && used.runs.len() < RUNS_MAX);
                if !known.insert(*number) {
                    expected.push(height);
                }
            }
            prop_assert_eq!(used.repeated().expect("readable"), expected);
        }
    }
}
