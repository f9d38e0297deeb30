//! The proof files: what stands beside the pairs of one window, gathered from both of its parts.

use gridpact_chain::block::Proof;
use gridpact_chain::verifier::Damage;

use super::super::frame::Kind;
use super::super::parts::{PartReader, ProofPart};
use super::Place;
use super::window::{Mark, Part, Reader, Window};

/// Heights that may run ahead of their ledger votes by default: votes that do not lie before the
/// admission so far above are not there.
const HEIGHTS_AHEAD: u64 = 256;

/// What was found of one height.
#[derive(Default)]
struct Slot {
    proof: Option<Result<Proof, Damage>>,
    votes: Option<Result<gridpact_chain::encode::Encoded<gridpact_chain::block::Votes>, Damage>>,
}

/// The proof files of a store.
#[derive(Debug)]
pub struct Parts {
    /// Their bytes.
    pub reader: Reader,
    wrong: Vec<Place>,
}

impl Parts {
    /// What `reader` reads.
    pub fn over(reader: Reader) -> Self {
        Self { reader, wrong: Vec::new() }
    }

    /// Places where something was found wrong since the last call.
    pub fn take_wrong(&mut self) -> Vec<Place> {
        std::mem::take(&mut self.wrong)
    }

    /// The proofs of `count` heights from `first` on, whose parts lie at `start` or behind it.
    pub fn of(&mut self, start: Mark, first: u64, count: usize) -> Vec<Result<Proof, Damage>> {
        let mut slots: Vec<Slot> = Vec::new();
        slots.resize_with(count, Slot::default);
        let is_before = |window: &Window| (window.file, window.offset + window.bytes) <= start;
        let mut at = self.reader.windows.partition_point(is_before);
        let mut missing = 2 * count;
        let beyond = first + count as u64 + HEIGHTS_AHEAD;
        while missing > 0 {
            let Some(window) = self.load(at) else { break };
            self.gather(&window, first, &mut slots);
            missing = slots.iter().map(Slot::missing).sum();
            let is_last = at >= self.reader.windows.len();
            if is_last || window.last > beyond {
                break;
            }
            at += 1;
        }
        slots.into_iter().map(Slot::whole).collect()
    }

    /// Loads a window, remembers where it lies and holds it against what was seen of it before.
    fn load(&mut self, at: usize) -> Option<Window> {
        let mut window = self.reader.load(at)?;
        if window.digest.is_some() {
            return Some(window);
        }
        let digest = self.reader.digest();
        if window.seen.is_some_and(|seen| seen != digest) {
            let (file, offset) = (self.reader.path(window.file), window.offset);
            self.wrong.push(Place { file, offset, height: window.last });
        }
        window.seen = Some(digest);
        let mut last = window.last;
        self.reader.walk(&window, false, &mut |part| {
            if let Part::Frame { kind: Kind::Proof, height, .. } = part {
                last = last.max(height);
            }
        });
        window.last = last;
        if self.reader.is_full(&window) {
            match self.reader.windows.get_mut(at) {
                Some(known) => *known = window,
                None => self.reader.windows.push(window),
            }
        }
        Some(window)
    }

    fn gather(&mut self, window: &Window, first: u64, slots: &mut [Slot]) {
        let (mut wrong, file) = (Vec::new(), self.reader.path(window.file));
        let mut parts = PartReader::default();
        self.reader.walk(window, true, &mut |part| {
            let (height, payload, offset) = match part {
                Part::Frame { kind: Kind::Proof, height, payload, offset } => {
                    (height, payload, offset)
                }
                Part::Frame { payload: Some(_), .. } => return,
                Part::Frame { offset, height, .. } => return wrong.push((offset, height)),
                Part::Gap { offset } => return wrong.push((offset, 0)),
            };
            let at = height.checked_sub(first).and_then(|at| usize::try_from(at).ok());
            let Some(slot) = at.and_then(|at| slots.get_mut(at)) else { return };
            let part = payload.and_then(|bytes| parts.read(bytes).ok());
            if !slot.take(part) {
                wrong.push((offset, height));
            }
        });
        for (offset, height) in wrong {
            self.wrong.push(Place { file: file.clone(), offset, height });
        }
    }

    /// Compares a window with its digest; none where it has none.
    pub fn compare(&mut self, at: usize) -> Option<(Window, bool)> {
        let digest = self.reader.windows.get(at)?.digest?;
        let window = self.reader.load(at)?;
        if self.reader.digest() == digest {
            return Some((window, true));
        }
        self.gather(&window, 0, &mut []);
        let (mut wrong, file) = (Vec::new(), self.reader.path(window.file));
        self.reader.walk(&window, true, &mut |part| {
            if let Part::Frame { kind: Kind::Proof, height, payload: None, offset } = part {
                wrong.push(Place { file: file.clone(), offset, height });
            }
        });
        self.wrong.append(&mut wrong);
        Some((window, false))
    }

    /// The bytes that the sweep has seen are proven.
    pub fn proven(&mut self) {
        for window in &mut self.reader.windows {
            window.digest = window.digest.or(window.seen);
        }
    }
}

impl Slot {
    fn missing(&self) -> usize {
        usize::from(self.proof.is_none()) + usize::from(self.votes.is_none())
    }

    /// Takes a part, or that one cannot be read; false where it is one too many or unreadable.
    fn take(&mut self, part: Option<ProofPart>) -> bool {
        match part {
            Some(ProofPart::Admitted { approvals, order }) if self.proof.is_none() => {
                self.proof = Some(Ok(Proof { approvals, ledger_votes: None, order }));
                true
            }
            Some(ProofPart::Closed(votes)) if self.votes.is_none() => {
                self.votes = Some(Ok(votes));
                true
            }
            // The admission comes first, so the second bad part is the votes.
            Some(_) | None if self.proof.is_none() => {
                self.proof = Some(Err(Damage::Stored));
                false
            }
            Some(_) | None => {
                self.votes = Some(Err(Damage::Stored));
                false
            }
        }
    }

    fn whole(self) -> Result<Proof, Damage> {
        let proof = self.proof.unwrap_or(Err(Damage::Stored))?;
        Ok(Proof { ledger_votes: self.votes.transpose()?, ..proof })
    }
}
