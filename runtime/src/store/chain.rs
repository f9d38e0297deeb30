//! One member's records on disk: what each kind of record looks like as frames of the log.
//!
//! A pair lies in the log, its proof in the proof file in two parts: approvals and order when it is
//! appended, the ledger votes when it is closed.

use std::path::Path;
use std::sync::Arc;

use gridpact_chain::block::{Order, Pair, Proof, Votes};
use gridpact_chain::digest::Digest;
use gridpact_chain::encode::{self, Encoded, encode};
use gridpact_chain::genesis::Genesis;
use gridpact_chain::journal::JournalEntry;
use gridpact_chain::terms::Interval;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::entry::{Entry, Journal, is_of, old_contracts, replace};
use super::files::Reach;
use super::frame::{self, Kind};
use super::frames::FrameLog as _;
use super::log::Log;

/// Longest record of a kind that has no limit of its own: a batch with its approvals.
pub(super) const RECORD_MAX: usize = 16 << 20;

/// One part of a pair's proof, as it lies in the proof file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum ProofPart {
    /// Why its record was admitted, and where it was placed.
    Admitted {
        /// Approvals of the record.
        approvals: Encoded<Votes>,
        /// Its place in a batch.
        order: Order,
    },
    /// A quorum of ledger votes.
    Closed(Encoded<Votes>),
}

/// A member's journal on disk.
pub struct ChainJournal {
    log: Option<Log>,
    trouble: Option<StoreError>,
    entries: Vec<Entry>,
    tip: Digest,
    community: Digest,
    height: u64,
    bytes: u64,
}

impl ChainJournal {
    /// Starts a journal in `dir`, which must hold none, with the founding document.
    ///
    /// # Errors
    /// When the directory is in use, foreign or cannot be written.
    pub fn create(dir: &Path, genesis: &Genesis) -> Result<Self, StoreError> {
        let mut log = Log::create(dir)?;
        let bytes = encode(genesis);
        log.append(Kind::Genesis, 0, &bytes)?;
        log.commit()?;
        let community = genesis.community();
        Ok(Self {
            log: Some(log),
            trouble: None,
            entries: Vec::new(),
            tip: community,
            community,
            height: 0,
            bytes: bytes.len() as u64,
        })
    }

    /// Pairs written so far.
    #[must_use]
    pub fn pairs(&self) -> u64 {
        self.height
    }

    /// Bytes of all records written so far, without their frames.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How far its files are durable; none after a clean stop.
    #[must_use]
    pub fn reach(&self) -> Option<Reach> {
        self.log.as_ref().map(Log::reach)
    }

    /// Marks a clean stop; nothing can be recorded after it.
    ///
    /// # Errors
    /// When the disk refuses; the log then counts as not stopped cleanly.
    pub fn close(&mut self) -> Result<(), StoreError> {
        self.commit()?;
        match self.log.take() {
            Some(log) => Ok(log.close(&self.tip.0)?),
            None => Ok(()),
        }
    }

    fn append(&mut self, kind: Kind, height: u64, payload: &[u8]) {
        let Some(log) = &mut self.log else { return };
        self.bytes += payload.len() as u64;
        if let Err(error) = log.append(kind, height, payload) {
            self.trouble.get_or_insert(error.into());
        }
    }

    fn write(&mut self, entry: &Entry) {
        match entry {
            Entry::Social(entry) => self.append(Kind::Reservation, self.height, &encode(entry)),
            Entry::Chain(JournalEntry::Pair { pair, proof }) => self.write_pair(pair, proof),
            Entry::Chain(JournalEntry::Closed { height, votes }) => {
                let part = encode(&ProofPart::Closed(votes.clone()));
                self.append(Kind::Proof, *height, &part);
            }
            Entry::Chain(entry @ (JournalEntry::Approval { .. } | JournalEntry::LedgerVote(_))) => {
                self.append(Kind::Vote, self.height, &encode(entry))
            }
            Entry::Chain(
                entry @ (JournalEntry::Published(_)
                | JournalEntry::Applied { .. }
                | JournalEntry::Batch(_)
                | JournalEntry::Keys(_)),
            ) => self.append(Kind::Order, self.height, &encode(entry)),
        }
    }

    /// Frames that the files may have held for `height`, as this journal remembers them.
    fn frames_of(&self, height: u64) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        for entry in &self.entries {
            match entry {
                Entry::Chain(JournalEntry::Pair { pair, proof }) if pair.height() == height => {
                    let (approvals, order) = (proof.approvals.clone(), proof.order.clone());
                    let part = ProofPart::Admitted { approvals, order };
                    frames.push(frame_of(Kind::Pair, height, &encode(&**pair)));
                    frames.push(frame_of(Kind::Proof, height, &encode(&part)));
                }
                Entry::Chain(JournalEntry::Closed { height: closed, votes })
                    if *closed == height =>
                {
                    let part = encode(&ProofPart::Closed(votes.clone()));
                    frames.push(frame_of(Kind::Proof, height, &part));
                }
                _ => {}
            }
        }
        frames
    }

    fn write_pair(&mut self, pair: &Arc<Pair>, proof: &Arc<Proof>) {
        self.height = pair.height();
        self.tip = pair.ledger.digest(&self.community);
        self.append(Kind::Pair, self.height, &encode(&**pair));
        let part =
            ProofPart::Admitted { approvals: proof.approvals.clone(), order: proof.order.clone() };
        self.append(Kind::Proof, self.height, &encode(&part));
    }
}

impl Journal for ChainJournal {
    fn record(&mut self, entry: Entry) -> bool {
        self.write(&entry);
        self.entries.push(entry);
        true
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        if let Some(trouble) = self.trouble.take() {
            self.log = None;
            return Err(trouble);
        }
        if let Some(log) = &mut self.log {
            log.commit()?;
        }
        Ok(())
    }

    fn repair(
        &mut self,
        height: u64,
        pair: &Arc<Pair>,
        proof: &Arc<Proof>,
    ) -> Result<(), StoreError> {
        // What this node remembers may be what its files held, too: any set of votes is as good as
        // another, and the file is whole only with the very bytes it once had.
        let mut frames = self.frames_of(height);
        replace(self.entries.iter_mut(), height, pair, proof);
        frames.extend(self.frames_of(height));
        match &mut self.log {
            Some(log) => Ok(log.mend(&frames)?),
            None => Ok(()),
        }
    }

    fn forget(&mut self, before: Interval) {
        let old = old_contracts(self.entries.iter(), before);
        if !old.is_empty() {
            self.entries.retain(|entry| !is_of(entry, &old));
        }
    }

    fn entries(&self) -> Vec<Entry> {
        self.entries.clone()
    }
}

fn frame_of(kind: Kind, height: u64, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(payload.len() + 32);
    frame::encode(&mut bytes, kind, height, payload);
    bytes
}

/// Reads one record strictly.
pub(super) fn decode<T: Serialize + serde::de::DeserializeOwned>(
    what: &'static str,
    bytes: &[u8],
) -> Result<T, encode::EncodeError> {
    encode::decode_as(what, RECORD_MAX, bytes)
}
