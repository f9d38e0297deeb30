//! A chain read from its files as it was written, one item after the other: memory is bounded by the
//! groups of the log and by two limits here, not by the length of the chain.
//!
//! Every byte is proved or the reading fails, as with [`archive`](super::archive::read), which gathers
//! what comes from here.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Arc;

use gridpact_agents::social::Entry as SocialEntry;
use gridpact_chain::block::{Pair, Proof, Votes};
use gridpact_chain::digest::Digest;
use gridpact_chain::encode::{EncodeError, Encoded};
use gridpact_chain::genesis::Genesis;
use gridpact_chain::journal::JournalEntry;

use super::archive::{ArchiveError, NO_GENESIS, founding, wrong};
use super::chain::decode;
use super::frame::Kind;
use super::parts::{PartReader, ProofPart};
use super::read::{self, End, Frame, Frames};
use super::vault::Kept;

/// Bytes of pairs and records that may wait for the proofs of their group: a group of the log has no
/// more ([`GROUP_MAX`](super::group::GROUP_MAX)).
const WAITING_BYTES: usize = super::group::GROUP_MAX;

/// Heights whose votes are waited for. A node lets 256 be open and settles nothing beyond them, but
/// takes over what others have closed meanwhile.
pub const OPEN_MAX: usize = 65_536;

/// What a chain's log holds.
#[derive(Debug)]
pub enum Item {
    /// The next pair as it was admitted: approvals and order, no ledger votes yet.
    Pair(Arc<Pair>, Arc<Proof>),
    /// A quorum of ledger votes for a pair that came before.
    Closed(u64, Encoded<Votes>),
    /// An own vote or order of the node that wrote it; comes after the pairs of its group.
    Record(JournalEntry),
    /// An own contract of the node that wrote it.
    Contract(SocialEntry),
    /// One whose profile and salts lie under a key of the node's vault.
    Hidden,
}

/// The items of one log.
#[derive(Debug)]
pub struct Stream {
    frames: Frames,
    genesis: Genesis,
    community: Digest,
    parts: PartReader,
    /// Pairs whose proofs have not come yet, with their bytes.
    waiting: VecDeque<(Arc<Pair>, usize)>,
    /// What comes after these.
    held: VecDeque<Item>,
    waiting_bytes: usize,
    admitted: u64,
    open: BTreeSet<u64>,
    /// Greatest height that is not waited for any more.
    given_up: u64,
    tip: Digest,
    end: Option<End>,
    is_over: bool,
}

impl Stream {
    /// The log in `dir`, which nobody writes and which was stopped cleanly.
    ///
    /// # Errors
    /// [`ArchiveError`] naming the file, the byte and what is wrong there.
    pub fn strict(dir: &Path) -> Result<Self, ArchiveError> {
        Self::of(read::read_all(dir)?, founding)
    }

    /// What is committed of the log in `dir`, whoever may be writing it; nothing is created or changed
    /// there. What lies behind the last Commit is not wrong.
    ///
    /// # Errors
    /// As [`Stream::strict`].
    pub fn committed(dir: &Path) -> Result<Self, ArchiveError> {
        Self::of(read::read_committed(dir)?, founding)
    }

    /// The same for whoever derives something from it: whether its founding document can found a
    /// community is not asked.
    pub(super) fn derived_from(dir: &Path) -> Result<Self, ArchiveError> {
        let stated = |bytes: &[u8]| decode::<Genesis>("genesis", bytes).map_err(|e| e.to_string());
        Self::of(read::read_committed(dir)?, stated)
    }

    fn of(
        mut frames: Frames,
        founding: impl FnOnce(&[u8]) -> Result<Genesis, String>,
    ) -> Result<Self, ArchiveError> {
        let first = frames.next().transpose()?.filter(|frame| frame.kind == Kind::Genesis);
        let first = first.ok_or_else(|| ArchiveError::Missing(NO_GENESIS.to_owned()))?;
        let genesis = founding(&first.payload).map_err(|problem| wrong(&first, problem))?;
        let community = genesis.community();
        Ok(Self {
            frames,
            genesis,
            community,
            parts: PartReader::default(),
            waiting: VecDeque::new(),
            held: VecDeque::new(),
            waiting_bytes: 0,
            admitted: 0,
            open: BTreeSet::new(),
            given_up: 0,
            tip: community,
            end: None,
            is_over: false,
        })
    }

    /// The founding document.
    #[must_use]
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// Pairs that were handed out.
    #[must_use]
    pub fn pairs(&self) -> u64 {
        self.admitted
    }

    /// After the last item: the tip that the clean stop names, else that of the last pair; and how the
    /// log ends.
    ///
    /// # Errors
    /// [`ArchiveError::Missing`] before the last item was handed out.
    pub fn finish(self) -> Result<(Digest, End), ArchiveError> {
        let missing = || ArchiveError::Missing("the end of the log is missing".to_owned());
        Ok((self.tip, self.end.ok_or_else(missing)?))
    }

    /// Items and bytes that are kept at the moment: waiting for proofs, for ledger votes.
    #[cfg(test)]
    pub(super) fn kept(&self) -> (usize, usize, usize) {
        (self.waiting.len() + self.held.len(), self.waiting_bytes, self.open.len())
    }

    fn read_on(&mut self) -> Result<Option<Item>, ArchiveError> {
        loop {
            if self.waiting.is_empty()
                && let Some(item) = self.held.pop_front()
            {
                return Ok(Some(item));
            }
            if self.is_over {
                return Ok(None);
            }
            let Some(frame) = self.frames.next() else {
                self.over()?;
                continue;
            };
            let frame = frame?;
            let item = self.take(&frame).map_err(|problem| wrong(&frame, problem))?;
            if item.is_some() {
                return Ok(item);
            }
        }
    }

    fn over(&mut self) -> Result<(), ArchiveError> {
        self.is_over = true;
        if !self.waiting.is_empty() {
            let height = self.admitted + 1;
            return Err(ArchiveError::Missing(format!("height {height} has no proof")));
        }
        self.end = self.frames.take_end();
        Ok(())
    }

    fn take(&mut self, frame: &Frame) -> Result<Option<Item>, String> {
        let bytes = &frame.payload[..];
        let text = |error: EncodeError| error.to_string();
        let item = match frame.kind {
            Kind::Genesis => return Err("a second founding document".to_owned()),
            Kind::Pair => {
                self.take_pair(frame.height, decode("pair", bytes).map_err(text)?, bytes.len())?;
                return Ok(None);
            }
            Kind::Proof => {
                let part = self.parts.read(bytes).map_err(text)?;
                return self.take_proof(frame.height, part);
            }
            Kind::Vote | Kind::Order => Item::Record(decode("record", bytes).map_err(text)?),
            Kind::Reservation => match decode("contract", bytes).map_err(text)? {
                Kept::Open(entry) => Item::Contract(entry),
                Kept::Hidden { .. } => Item::Hidden,
            },
            Kind::Closed => {
                let tip = bytes.try_into().map_err(|_| "the tip is not 32 bytes long")?;
                self.tip = Digest(tip);
                return Ok(None);
            }
            Kind::Commit | Kind::Open | Kind::Mark => return Ok(None),
        };
        if self.waiting.is_empty() {
            return Ok(Some(item));
        }
        self.held.push_back(item);
        self.wait(bytes.len())?;
        Ok(None)
    }

    fn wait(&mut self, bytes: usize) -> Result<(), String> {
        self.waiting_bytes += bytes;
        if self.waiting_bytes <= WAITING_BYTES {
            return Ok(());
        }
        let height = self.admitted + 1;
        Err(format!("height {height} has no proof within {WAITING_BYTES} bytes of its pair"))
    }

    fn take_pair(&mut self, height: u64, pair: Pair, bytes: usize) -> Result<(), String> {
        let expected = self.admitted + self.waiting.len() as u64 + 1;
        if pair.height() != expected || height != expected {
            return Err(format!("pair of height {} after {}", pair.height(), expected - 1));
        }
        self.waiting.push_back((Arc::new(pair), bytes));
        self.wait(bytes)
    }

    /// The pair of `height`, of so many bytes, waits no longer for its proof, but for its votes.
    fn admit(&mut self, height: u64, pair: &Pair, bytes: usize) {
        self.waiting_bytes = if self.waiting.is_empty() { 0 } else { self.waiting_bytes - bytes };
        self.admitted = height;
        self.open.insert(height);
        if self.open.len() > OPEN_MAX {
            self.given_up = self.open.pop_first().unwrap_or(self.given_up);
        }
        self.tip = pair.ledger.digest(&self.community);
    }

    fn take_proof(&mut self, height: u64, part: ProofPart) -> Result<Option<Item>, String> {
        match part {
            ProofPart::Admitted { approvals, order } => {
                let next = self.admitted + 1;
                if height < next {
                    return Err(format!("a second proof of height {height}"));
                }
                let last = self.admitted + self.waiting.len() as u64;
                if height > last {
                    return Err(format!("there is a proof of height {height}, but no pair"));
                }
                let first = (height == next).then(|| self.waiting.pop_front()).flatten();
                let (pair, bytes) = first
                    .ok_or_else(|| format!("a proof of height {height}, and none of {next}"))?;
                self.admit(height, &pair, bytes);
                let proof = Proof { approvals, ledger_votes: None, order };
                Ok(Some(Item::Pair(pair, Arc::new(proof))))
            }
            ProofPart::Closed(votes) => {
                if height == 0 || height > self.admitted {
                    return Err(format!("votes on unknown height {height}"));
                }
                if self.open.remove(&height) {
                    return Ok(Some(Item::Closed(height, votes)));
                }
                let late = format!(", or while {OPEN_MAX} heights above it were open");
                let late = if height <= self.given_up { &late } else { "" };
                Err(format!("height {height} is closed twice{late}"))
            }
        }
    }
}

impl Iterator for Stream {
    type Item = Result<Item, ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.read_on();
        if item.is_err() {
            self.is_over = true;
            self.waiting.clear();
            self.held.clear();
        }
        item.transpose()
    }
}
