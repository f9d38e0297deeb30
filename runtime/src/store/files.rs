//! The files of a store as a verifier reads them: in windows of bounded size, frame by frame.
//!
//! A window is a run of whole frames of one file. What is remembered of it is where it lies, which
//! heights are in it and, once it was proven, a BLAKE3 digest of its bytes; the bytes themselves
//! are read anew each time, so memory is bounded by the window and not by the chain. Where a digest
//! is known the frames' own checksums are not asked again: the digest covers more.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gridpact_chain::block::{Pair, Proof};
use gridpact_chain::digest::Digest;
use gridpact_chain::verifier::{Compared, Damage, Kept, PairBytes, Source};

use super::error::{LogError, io};
use super::frame::Kind;
use super::frames::FrameLog as _;
use super::log::Log;
use super::parts::parts_of_pair;
use super::segment::{self, Role};

mod parts;
pub mod seals;
mod window;

use self::parts::Parts;
pub use self::window::Window;
use self::window::{Part, Reader};

/// Bytes of a window unless told otherwise: the digests' 256 KiB.
pub const WINDOW_BYTES: usize = 262_144;

/// Most heights that are called lost at once, where a frame claims to be far above the last.
const LOST_MAX: u64 = 4096;

/// How far the files are durable: number of the newest segment, bytes of its log and of its proofs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// Number of the newest segment, from 1.
    pub number: u32,
    /// Bytes of its log that may be read.
    pub log: u64,
    /// Bytes of its proofs that may be read.
    pub proof: u64,
}

/// A place in the files where something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// Where the frame starts, in bytes.
    pub offset: u64,
    /// Height of the frame, or one near it where the frame does not say.
    pub height: u64,
}

/// The pairs in the files of one store.
#[derive(Debug)]
pub struct Files {
    log: Reader,
    proof: Parts,
    height: u64,
    /// Windows from the first on that have a digest, without a gap.
    sealed: usize,
    /// Digests of windows that the last read went over and that have none yet.
    fresh: Vec<(usize, Digest)>,
    strays: Vec<u64>,
    places: Vec<Place>,
}

/// Appends a closed pair with its proof to `log`, as a journal lays it down; commit is the caller's.
///
/// # Errors
/// Those of [`FrameLog::append`](super::FrameLog::append).
pub fn append(log: &mut Log, pair: &Pair, proof: &Proof) -> Result<(), LogError> {
    let height = pair.height();
    for (kind, part) in parts_of_pair(pair, proof) {
        log.append(kind, height, &part)?;
    }
    Ok(())
}

impl Files {
    /// The store in `dir` as far as its files go, which nobody writes meanwhile; windows of about
    /// `window_bytes`, at least 1 KiB.
    ///
    /// # Errors
    /// [`LogError`] when the files cannot be found or looked at.
    pub fn open(dir: &Path, window_bytes: usize) -> Result<Self, LogError> {
        let mut number = 1;
        while dir.join(segment::name(number + 1, Role::Log)).exists() {
            number += 1;
        }
        let length = |role| {
            let path = dir.join(segment::name(number, role));
            std::fs::metadata(&path).map(|file| file.len()).map_err(io("look at", &path))
        };
        let reach = Reach { number, log: length(Role::Log)?, proof: length(Role::Proof)? };
        Self::live(dir, window_bytes, reach)
    }

    /// The store in `dir` as far as `reach` goes, while somebody writes behind it.
    ///
    /// # Errors
    /// As [`Files::open`].
    pub fn live(dir: &Path, window_bytes: usize, reach: Reach) -> Result<Self, LogError> {
        let mut files = Self::within(dir, window_bytes, reach);
        files.height = files.log.newest_height()?;
        Ok(files)
    }

    fn within(dir: &Path, window_bytes: usize, reach: Reach) -> Self {
        let window_bytes = window_bytes.max(1024);
        let log = Reader::new(dir, Role::Log, window_bytes, (reach.number, reach.log));
        let proof = Reader::new(dir, Role::Proof, window_bytes, (reach.number, reach.proof));
        Self {
            log,
            proof: Parts::over(proof),
            height: 0,
            sealed: 0,
            fresh: Vec::new(),
            strays: Vec::new(),
            places: Vec::new(),
        }
    }

    /// The writer has made more durable.
    pub fn extend(&mut self, reach: Reach) {
        self.log.limit = (reach.number, reach.log);
        self.proof.reader.limit = (reach.number, reach.proof);
    }

    /// Bytes of a window, about.
    #[must_use]
    pub fn window_bytes(&self) -> usize {
        self.log.window_bytes
    }

    /// Windows met so far: those of the logs, those of the proofs.
    #[must_use]
    pub fn windows(&self) -> (&[Window], &[Window]) {
        (&self.log.windows, &self.proof.reader.windows)
    }

    /// Takes windows that were recorded by this node earlier.
    pub fn take_windows(&mut self, logs: Vec<Window>, proofs: Vec<Window>) {
        (self.log.windows, self.proof.reader.windows) = (logs, proofs);
        self.count_sealed();
    }

    /// Where something was found wrong since the last call.
    pub fn take_places(&mut self) -> Vec<Place> {
        std::mem::take(&mut self.places)
    }

    /// Bytes that were read so far.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.log.bytes_read + self.proof.reader.bytes_read
    }

    /// Goes over the window at position `at` and hands out its pairs from `next` on, which moves
    /// past them; remembers where it lies.
    fn go_over(
        &mut self,
        at: usize,
        is_checked: bool,
        next: &mut u64,
        each: &mut dyn FnMut(u64, Result<PairBytes<'_>, Damage>),
    ) -> Option<Window> {
        let mut window = self.log.load(at)?;
        let mut pass = Pass { expected: window.first, gaps: Vec::new(), wrong: Vec::new() };
        let mut hand_out = |height: u64, piece: Result<PairBytes<'_>, Damage>| {
            if height >= *next {
                each(height, piece);
                *next = height + 1;
            }
        };
        let checked = is_checked || window.digest.is_none();
        let mut mark = window;
        self.log.walk(&window, checked, &mut |part| match part {
            Part::Frame { kind: Kind::Pair, height, payload, offset } => {
                if !pass.is_next(height, offset) {
                    return;
                }
                (pass.expected..height).for_each(|lost| hand_out(lost, Err(Damage::Stored)));
                pass.expected = height + 1;
                let pair = payload.and_then(PairBytes::within).ok_or(Damage::Stored);
                if pair.is_err() {
                    pass.wrong.push((offset, height, false));
                }
                hand_out(height, pair);
            }
            Part::Frame { kind: Kind::Mark, payload: Some(payload), .. } => mark.mark(payload),
            Part::Frame { payload: Some(_), .. } => {}
            Part::Frame { payload: None, offset, .. } => {
                pass.wrong.push((offset, pass.expected - 1, true));
            }
            Part::Gap { offset } => pass.gaps.push(offset),
        });
        pass.resolve(false);
        window.proofs_to = mark.proofs_to;
        window.last = window.last.max(pass.expected - 1);
        for (offset, height, is_stray) in pass.wrong {
            self.strays.extend(is_stray.then_some(height.max(1)));
            self.places.push(Place { file: self.log.path(window.file), offset, height });
        }
        if at >= self.log.windows.len() && self.log.is_full(&window) {
            self.log.windows.push(window);
        }
        Some(window)
    }

    /// Position of the window that `height` lies in, or of the first that was never read.
    fn window_of(&self, height: u64) -> usize {
        self.log.windows.partition_point(|window| window.last < height)
    }

    /// Pairs from `first` on, decoded, as far as their window goes.
    fn decoded(&mut self, first: u64) -> (Vec<Result<Arc<Pair>, Damage>>, Option<Window>) {
        let (mut pairs, mut next, mut at) = (Vec::new(), first, self.window_of(first));
        loop {
            let window = self.go_over(at, true, &mut next, &mut |_, piece| {
                let pair = piece.and_then(|bytes| bytes.decode().ok_or(Damage::Bytes));
                pairs.push(pair.map(Arc::new));
            });
            let is_last = at >= self.log.windows.len();
            if window.is_none() || next > first || is_last {
                return (pairs, window);
            }
            at += 1;
        }
    }

    fn count_sealed(&mut self) {
        while self.log.windows.get(self.sealed).is_some_and(|window| window.digest.is_some()) {
            self.sealed += 1;
        }
    }

    /// What was found wrong among the proofs.
    fn take_wrong(&mut self, near: u64) {
        for mut place in self.proof.take_wrong() {
            place.height = if place.height == 0 { near } else { place.height };
            self.strays.push(place.height.max(1));
            self.places.push(place);
        }
    }
}

/// What one walk over a window of the log keeps in mind.
struct Pass {
    expected: u64,
    /// Bytes without a frame since the last pair: a lost pair, or something else.
    gaps: Vec<u64>,
    /// Offset, height, and whether no pair is lost with it.
    wrong: Vec<(u64, u64, bool)>,
}

impl Pass {
    /// Whether a pair of `height` may come next; pairs below it are lost then.
    fn is_next(&mut self, height: u64, offset: u64) -> bool {
        let lost = height.checked_sub(self.expected);
        let is_next = lost.is_some_and(|lost| lost <= LOST_MAX);
        self.resolve(is_next && lost != Some(0));
        if !is_next {
            self.wrong.push((offset, self.expected - 1, true));
        }
        is_next
    }

    /// The gaps so far are explained by lost pairs, or not.
    fn resolve(&mut self, is_explained: bool) {
        let near = if is_explained { self.expected } else { self.expected - 1 };
        self.wrong.extend(self.gaps.drain(..).map(|offset| (offset, near, !is_explained)));
    }
}

impl Source for Files {
    fn height(&self) -> u64 {
        self.height
    }

    fn join(&mut self, pair: &Arc<Pair>, _: &Arc<Proof>) {
        self.height = pair.height();
    }

    fn read(
        &mut self,
        first: u64,
        budget: usize,
        each: &mut dyn FnMut(Result<PairBytes<'_>, Damage>),
    ) -> usize {
        let (mut bytes, mut next, mut at) = (0, first, self.window_of(first));
        self.fresh.clear();
        while bytes < budget.max(1) || next == first {
            let window = self.go_over(at, false, &mut next, &mut |_, piece| each(piece));
            let Some(window) = window else { break };
            bytes += usize::try_from(window.bytes).unwrap_or(usize::MAX);
            if window.digest.is_none() && self.log.is_full(&window) {
                self.fresh.push((at, self.log.digest()));
            }
            at += 1;
            if at > self.log.windows.len() {
                break;
            }
        }
        if next == first && next <= self.height {
            // What is missing at the end was there when it was acknowledged.
            let last = self.height.min(next.saturating_add(LOST_MAX));
            (next..=last).for_each(|_| each(Err(Damage::Stored)));
        }
        bytes
    }

    fn proven(&mut self) {
        for (at, digest) in self.fresh.drain(..) {
            if let Some(window) = self.log.windows.get_mut(at) {
                window.digest = Some(digest);
            }
        }
        self.count_sealed();
    }

    fn compare(&mut self, segment: usize) -> Option<Compared> {
        let logs = self.sealed;
        if segment >= logs {
            let (window, is_same) = self.proof.compare(segment - logs)?;
            self.take_wrong(window.last);
            let (last, bytes) = (window.last, usize::try_from(window.bytes).unwrap_or(0));
            return Some(Compared { first: last + 1, last, bytes, is_same });
        }
        let window = self.log.load(segment)?;
        let is_same = Some(self.log.digest()) == window.digest;
        if !is_same {
            // What is wrong, and where: the frames tell.
            self.go_over(segment, true, &mut window.first.clone(), &mut |_, _| ());
        }
        let Window { first, last, .. } = window;
        let bytes = usize::try_from(window.bytes).unwrap_or(usize::MAX);
        Some(Compared { first, last, bytes, is_same })
    }

    fn sealed(&self) -> u64 {
        let last = self.sealed.checked_sub(1).and_then(|at| self.log.windows.get(at));
        last.map_or(0, |window| window.last)
    }

    fn proofs(&mut self, first: u64, _: usize) -> Vec<Result<Kept, Damage>> {
        let (pairs, window) = self.decoded(first);
        let Some(window) = window.filter(|_| !pairs.is_empty()) else { return Vec::new() };
        let proofs = self.proof.of(window.proofs_from, first, pairs.len());
        self.take_wrong(first);
        let kept = pairs.into_iter().zip(proofs);
        kept.map(|(pair, proof)| Ok((pair?, Arc::new(proof?)))).collect()
    }

    fn proofs_proven(&mut self) {
        self.proof.proven();
    }

    fn strays(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.strays)
    }

    fn pair(&mut self, height: u64) -> Result<Arc<Pair>, Damage> {
        let (strays, places) = (self.strays.len(), self.places.len());
        let (pairs, _) = self.decoded(height);
        // Looking something up is no finding.
        self.strays.truncate(strays);
        self.places.truncate(places);
        pairs.into_iter().next().unwrap_or(Err(Damage::Stored))
    }

    fn get(&mut self, height: u64) -> Result<Kept, Damage> {
        let found = self.proofs(height, 1).into_iter().next();
        found.unwrap_or(Err(Damage::Stored))
    }

    /// Nothing: what is in the files is the writer's to change.
    fn put(&mut self, _: u64, _: Kept) {}

    fn renew(&mut self, height: u64) {
        self.log.forget();
        self.proof.reader.forget();
        let from = self.window_of(height);
        self.log.windows.truncate(from);
        self.proof.reader.windows.clear();
        self.fresh.clear();
        self.sealed = self.sealed.min(from);
    }
}
