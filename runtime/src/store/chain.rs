//! One member's records on disk: what each kind of record looks like as frames of the log.
//!
//! A pair lies in the log, its proof in the proof file in two parts: approvals and order when it is
//! appended, the ledger votes when it is closed.

use std::path::Path;
use std::sync::Arc;

use gridpact_agents::social::Entry as SocialEntry;
use gridpact_chain::block::{Pair, Proof};
use gridpact_chain::digest::Digest;
use gridpact_chain::encode::{self, encode};
use gridpact_chain::genesis::Genesis;
use gridpact_chain::journal::JournalEntry;
use gridpact_chain::statement::Statement;
use gridpact_chain::terms::{Interval, Timestamp};
use serde::Serialize;

use super::StoreError;
use super::beside::Beside;
use super::disk::{Disk, RealDisk};
use super::entry::{Entry, Journal, is_of, old_contracts, replace};
use super::files::Reach;
use super::frame::{self, Kind};
use super::frames::FrameLog as _;
use super::last_use::LastUse;
use super::lock::Lock;
use super::log::{Log, Sizes};
pub use super::parts::ProofPart;
use super::parts::parts_of_pair;
use super::salvage::Hole;
use super::vault::{Kept, Vault};

/// Longest record of a kind that has no limit of its own: a batch with its approvals.
pub(super) const RECORD_MAX: usize = 16 << 20;

/// Where records go.
#[derive(Debug)]
pub(super) enum Place {
    /// To the log.
    Log(Box<Log>),
    /// Nowhere: the log is damaged there, and nothing is written before it is mended.
    Damaged {
        /// Where.
        holes: Vec<Hole>,
        /// Keeps out others meanwhile.
        lock: Option<Lock>,
    },
    /// Nowhere: it was stopped cleanly.
    Closed,
}

/// A member's journal on disk.
#[derive(Debug)]
pub struct ChainJournal {
    pub(super) place: Place,
    /// A record that could not be taken: from then on nothing is durable any more.
    trouble: Option<String>,
    pub(super) entries: Vec<Entry>,
    /// Records since the last commit.
    pending: usize,
    pub(super) tip: Digest,
    pub(super) community: Digest,
    pub(super) height: u64,
    pub(super) bytes: u64,
    /// What the own key has signed, as the store knows it.
    pub(super) signed: LastUse,
    /// What lies beside the chain: state, reserve, the key's last use.
    pub(super) beside: Beside,
}

impl ChainJournal {
    /// Starts a journal in `dir`, which must hold none, with the founding document.
    ///
    /// # Errors
    /// When the directory is in use, foreign or cannot be written.
    pub fn create(dir: &Path, genesis: &Genesis) -> Result<Self, StoreError> {
        Self::create_on(Arc::new(RealDisk), dir, genesis)
    }

    /// As [`ChainJournal::create`], on another disk.
    ///
    /// # Errors
    /// As [`ChainJournal::create`].
    pub fn create_on(
        disk: Arc<dyn Disk>,
        dir: &Path,
        genesis: &Genesis,
    ) -> Result<Self, StoreError> {
        let log = Log::create_with(disk, dir, Sizes::default())?;
        Self::begin(log, genesis, Beside::default())
    }

    /// This journal, which writes confidential records under the keys of `vault` from now on.
    #[must_use]
    pub fn with_vault(mut self, vault: Vault) -> Self {
        self.beside.vault = Some(vault);
        self
    }

    /// A journal in an empty log.
    pub(super) fn begin(
        mut log: Log,
        genesis: &Genesis,
        beside: Beside,
    ) -> Result<Self, StoreError> {
        let bytes = encode(genesis);
        log.append(Kind::Genesis, 0, &bytes)?;
        log.commit()?;
        let community = genesis.community();
        Ok(Self {
            place: Place::Log(Box::new(log)),
            trouble: None,
            entries: Vec::new(),
            pending: 0,
            tip: community,
            community,
            height: 0,
            bytes: bytes.len() as u64,
            signed: LastUse::default(),
            beside,
        })
    }

    /// A journal in what was found on disk.
    pub(super) fn going_on(
        place: Place,
        community: Digest,
        entries: Vec<Entry>,
        beside: Beside,
    ) -> Self {
        let (mut signed, mut height, mut tip) = (LastUse::default(), 0, community);
        for entry in &entries {
            signed.take(entry);
            if let Entry::Chain(JournalEntry::Pair { pair, .. }) = entry {
                (height, tip) = (pair.height(), pair.ledger.digest(&community));
            }
        }
        let (trouble, pending, bytes) = (None, 0, 0);
        Self { place, trouble, entries, pending, tip, community, height, bytes, signed, beside }
    }

    /// Pairs written so far.
    #[must_use]
    pub fn pairs(&self) -> u64 {
        self.height
    }

    /// Bytes of all records written by this process, without their frames.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How far its files are durable; none after a clean stop, or while they are damaged.
    #[must_use]
    pub fn reach(&self) -> Option<Reach> {
        match &self.place {
            Place::Log(log) => Some(log.reach()),
            Place::Damaged { .. } | Place::Closed => None,
        }
    }

    /// Where the log is damaged; nothing is written while it is.
    #[must_use]
    pub fn damage(&self) -> &[Hole] {
        match &self.place {
            Place::Damaged { holes, .. } => holes,
            Place::Log(_) | Place::Closed => &[],
        }
    }

    /// How far the own key has voted beyond what this store knows; none for a store that knows all.
    #[must_use]
    pub fn unknown_votes(&self) -> Option<LastUse> {
        self.beside.unknown
    }

    /// Marks a clean stop; nothing can be recorded after it. On a full disk the reserve gives the room.
    ///
    /// # Errors
    /// When the disk refuses; the log then counts as not stopped cleanly.
    pub fn close(&mut self) -> Result<(), StoreError> {
        let mut closed = self.try_close();
        if matches!(&closed, Err(StoreError::Log(error)) if error.is_no_room()) {
            self.beside.release();
            closed = self.try_close();
        }
        closed
    }

    fn try_close(&mut self) -> Result<(), StoreError> {
        self.commit()?;
        if let Place::Log(log) = &mut self.place {
            log.close(&self.tip.0)?;
            self.place = Place::Closed;
            self.beside.let_go();
        }
        Ok(())
    }

    fn append(&mut self, kind: Kind, height: u64, payload: &[u8]) {
        let Place::Log(log) = &mut self.place else { return };
        self.bytes += payload.len() as u64;
        if let Err(error) = log.append(kind, height, payload) {
            self.trouble.get_or_insert(error.to_string());
        }
    }

    pub(super) fn write(&mut self, entry: &Entry) {
        match entry {
            Entry::Social(entry) => self.write_contract(entry),
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

    fn write_contract(&mut self, entry: &SocialEntry) {
        let kept = match &mut self.beside.vault {
            Some(vault) => vault.hide(entry, &self.community),
            None => Ok(Kept::Open(entry.clone())),
        };
        match kept {
            Ok(kept) => self.append(Kind::Reservation, self.height, &encode(&kept)),
            Err(error) => _ = self.trouble.get_or_insert(error.to_string()),
        }
    }

    /// Frames that the files may have held for `height`, as this journal remembers them.
    fn frames_of(&self, height: u64) -> Vec<Vec<u8>> {
        let is_of = |entry: &&Entry| match entry {
            Entry::Chain(JournalEntry::Pair { pair, .. }) => pair.height() == height,
            Entry::Chain(JournalEntry::Closed { height: closed, .. }) => *closed == height,
            _ => false,
        };
        self.entries.iter().filter(is_of).flat_map(frames_of_entry).collect()
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
        self.signed.take(&entry);
        self.write(&entry);
        self.entries.push(entry);
        self.pending += 1;
        true
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        if let Some(trouble) = &self.trouble {
            return Err(StoreError::Broken(trouble.clone()));
        }
        if matches!(self.place, Place::Damaged { .. }) && self.pending > 0 {
            // What a peer has sent meanwhile may be what is missing.
            let new = self.entries.len().saturating_sub(self.pending);
            let frames = self.entries[new..].iter().flat_map(frames_of_entry).collect::<Vec<_>>();
            self.mend_closed(&frames)?;
        }
        match &mut self.place {
            Place::Log(log) => _ = log.commit()?,
            Place::Closed if self.pending > 0 => {
                return Err(StoreError::Broken("the journal was closed".to_owned()));
            }
            Place::Closed => {}
            Place::Damaged { holes, .. } => {
                let holes: Vec<String> = holes.iter().map(Hole::to_string).collect();
                return Err(StoreError::ReadOnly(holes.join("; ")));
            }
        }
        // Only now: a count beside the key that the store does not reach would silence the node.
        self.beside.used(&self.signed)?;
        let new = self.entries.len().saturating_sub(self.pending);
        self.beside.take(self.entries.get(new..).unwrap_or_default());
        self.pending = 0;
        Ok(())
    }

    fn is_pending(&self) -> bool {
        self.pending > 0
    }

    fn may_sign(&self, statement: &Statement, now: Timestamp) -> bool {
        self.beside.unknown.is_none_or(|unknown| unknown.allows(statement, now))
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
        frames.extend(frames_of_pair(pair, proof));
        match &mut self.place {
            Place::Log(log) => Ok(log.mend(&frames)?),
            Place::Damaged { .. } => self.mend_closed(&frames),
            Place::Closed => Ok(()),
        }
    }

    fn forget(&mut self, before: Interval) -> Result<(), StoreError> {
        let old = old_contracts(self.entries.iter(), before);
        if !old.is_empty() {
            self.entries.retain(|entry| !is_of(entry, &old));
        }
        if let Some(vault) = &mut self.beside.vault {
            vault.forget(before)?;
        }
        Ok(())
    }

    fn entries(&self) -> Vec<Entry> {
        self.entries.clone()
    }
}

/// The frames of a pair, or of its closing.
fn frames_of_entry(entry: &Entry) -> Vec<Vec<u8>> {
    match entry {
        Entry::Chain(JournalEntry::Pair { pair, proof }) => frames_of_pair(pair, proof),
        Entry::Chain(JournalEntry::Closed { height, votes }) => {
            vec![frame_of(Kind::Proof, *height, &encode(&ProofPart::Closed(votes.clone())))]
        }
        Entry::Chain(_) | Entry::Social(_) => Vec::new(),
    }
}

/// The frames of a pair and of what is known of its proof.
pub(super) fn frames_of_pair(pair: &Pair, proof: &Proof) -> Vec<Vec<u8>> {
    let height = pair.height();
    parts_of_pair(pair, proof).map(|(kind, part)| frame_of(kind, height, &part)).collect()
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
