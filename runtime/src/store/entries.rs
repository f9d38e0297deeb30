//! Records of a journal, read back from the frames of its log.

use std::collections::BTreeMap;
use std::sync::Arc;

use gridpact_chain::block::{Pair, Proof};
use gridpact_chain::digest::Digest;
use gridpact_chain::encode::EncodeError;
use gridpact_chain::genesis::Genesis;
use gridpact_chain::journal::JournalEntry;

use super::archive::ArchiveError;
use super::chain::decode;
use super::entry::Entry;
use super::frame::Kind;
use super::parts::{PartReader, ProofPart};
use super::vault::{Kept, Vault};
use super::{Frame, StoreError};

/// The records in `frames`, and what is missing among them. Records from the first missing pair on
/// are left out.
pub fn entries_of(
    frames: Vec<Frame>,
    genesis: &Genesis,
    vault: Option<&Vault>,
) -> Result<(Vec<Entry>, Option<String>), StoreError> {
    let mut gathering = Gathering::of(genesis, vault);
    frames.into_iter().for_each(|frame| gathering.take(&frame));
    gathering.finish()
}

/// Records that are gathered frame by frame, so that no frame is kept beside its record.
pub struct Gathering<'a> {
    genesis: &'a Genesis,
    community: Digest,
    vault: Option<&'a Vault>,
    entries: Vec<Option<Entry>>,
    /// Pairs whose proofs have not come yet, and where they belong.
    places: BTreeMap<u64, (usize, Arc<Pair>)>,
    parts: PartReader,
    trouble: Option<StoreError>,
}

impl<'a> Gathering<'a> {
    /// None yet, of a store of the community that `genesis` founds.
    pub fn of(genesis: &'a Genesis, vault: Option<&'a Vault>) -> Self {
        let community = genesis.community();
        let (entries, places) = (Vec::new(), BTreeMap::new());
        let (parts, trouble) = (PartReader::default(), None);
        Self { genesis, community, vault, entries, places, parts, trouble }
    }

    /// Takes the next frame; after trouble nothing more.
    pub fn take(&mut self, frame: &Frame) {
        if self.trouble.is_none() {
            self.trouble = self.read(frame).err();
        }
    }

    /// The records, and what is missing among them.
    ///
    /// # Errors
    /// The first trouble that a frame made.
    pub fn finish(self) -> Result<(Vec<Entry>, Option<String>), StoreError> {
        if let Some(trouble) = self.trouble {
            return Err(trouble);
        }
        let lone = self.places.keys().next();
        let mut missing = lone.map(|height| format!("height {height} has no proof"));
        Ok((in_a_row(self.entries.into_iter().flatten(), &mut missing), missing))
    }

    fn read(&mut self, frame: &Frame) -> Result<(), StoreError> {
        let wrong = |problem: String| ArchiveError::Record {
            file: frame.file.clone(),
            offset: frame.offset,
            problem,
        };
        let text = |error: EncodeError| wrong(error.to_string());
        let bytes = &frame.payload[..];
        let entry = match frame.kind {
            Kind::Genesis => {
                let found: Genesis = decode("genesis", bytes).map_err(text)?;
                if found != *self.genesis {
                    return Err(wrong("the store of another community".to_owned()).into());
                }
                None
            }
            Kind::Pair => {
                let pair: Pair = decode("pair", bytes).map_err(text)?;
                self.places.insert(pair.height(), (self.entries.len(), Arc::new(pair)));
                None
            }
            Kind::Proof => match self.parts.read(bytes).map_err(text)? {
                ProofPart::Admitted { approvals, order } => {
                    if let Some((place, pair)) = self.places.remove(&frame.height) {
                        let proof = Arc::new(Proof { approvals, ledger_votes: None, order });
                        let entry = Entry::Chain(JournalEntry::Pair { pair, proof });
                        self.entries[place] = Some(entry);
                    }
                    return Ok(());
                }
                ProofPart::Closed(votes) => {
                    let height = frame.height;
                    Some(Entry::Chain(JournalEntry::Closed { height, votes }))
                }
            },
            Kind::Vote | Kind::Order => Some(Entry::Chain(decode("record", bytes).map_err(text)?)),
            Kind::Reservation => {
                let kept: Kept = decode("contract", bytes).map_err(text)?;
                // Where the key is gone, the site has forgotten it.
                let shown = match (self.vault, kept) {
                    (Some(vault), kept) => vault.show(kept, &self.community).map_err(text)?,
                    (None, Kept::Open(entry)) => Some(entry),
                    (None, Kept::Hidden { .. }) => None,
                };
                shown.map(Entry::Social)
            }
            Kind::Closed | Kind::Commit | Kind::Open | Kind::Mark => return Ok(()),
        };
        self.entries.push(entry);
        Ok(())
    }
}

/// Leaves out pairs, and their closing, behind a missing one.
fn in_a_row(entries: impl Iterator<Item = Entry>, missing: &mut Option<String>) -> Vec<Entry> {
    let mut next = 1;
    let mut kept: Vec<Entry> = Vec::new();
    for entry in entries {
        if let Entry::Chain(JournalEntry::Pair { pair, .. }) = &entry {
            if pair.height() != next {
                missing.get_or_insert(format!("height {next} is missing"));
                continue;
            }
            next += 1;
        }
        // What was ordered behind a gap is not applied: it comes again with the missing pairs.
        if missing.is_some() && matches!(&entry, Entry::Chain(JournalEntry::Applied { .. })) {
            continue;
        }
        kept.push(entry);
    }
    let is_beyond = |entry: &Entry| match entry {
        Entry::Chain(JournalEntry::Closed { height, .. }) => *height >= next,
        _ => false,
    };
    kept.retain(|entry| !is_beyond(entry));
    kept
}
