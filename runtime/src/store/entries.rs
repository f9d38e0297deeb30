//! Records of a journal, read back from the frames of its log.

use std::collections::BTreeMap;
use std::sync::Arc;

use gridpact_chain::block::{Pair, Proof};
use gridpact_chain::genesis::Genesis;
use gridpact_chain::journal::JournalEntry;

use super::archive::ArchiveError;
use super::chain::{ProofPart, decode};
use super::entry::Entry;
use super::frame::Kind;
use super::vault::{Kept, Vault};
use super::{Frame, StoreError};

/// The records in `frames`, and what is missing among them. Records from the first missing pair on
/// are left out.
pub fn entries_of(
    frames: Vec<Frame>,
    genesis: &Genesis,
    vault: Option<&Vault>,
) -> Result<(Vec<Entry>, Option<String>), StoreError> {
    let (mut entries, mut places) = (Vec::new(), BTreeMap::new());
    let community = genesis.community();
    let mut missing = None;
    for frame in frames {
        let wrong = |problem: String| ArchiveError::Record {
            file: frame.file.clone(),
            offset: frame.offset,
            problem,
        };
        let text = |error: gridpact_chain::encode::EncodeError| wrong(error.to_string());
        let bytes = &frame.payload[..];
        let entry = match frame.kind {
            Kind::Genesis => {
                let found: Genesis = decode("genesis", bytes).map_err(text)?;
                if found != *genesis {
                    return Err(wrong("the store of another community".to_owned()).into());
                }
                None
            }
            Kind::Pair => {
                let pair: Pair = decode("pair", bytes).map_err(text)?;
                places.insert(pair.height(), (entries.len(), Arc::new(pair)));
                None
            }
            Kind::Proof => match decode("proof", bytes).map_err(text)? {
                ProofPart::Admitted { approvals, order } => {
                    if let Some((place, pair)) = places.remove(&frame.height) {
                        let proof = Arc::new(Proof { approvals, ledger_votes: None, order });
                        entries[place] = Some(Entry::Chain(JournalEntry::Pair { pair, proof }));
                    }
                    continue;
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
                let shown = match (vault, kept) {
                    (Some(vault), kept) => vault.show(kept, &community).map_err(text)?,
                    (None, Kept::Open(entry)) => Some(entry),
                    (None, Kept::Hidden { .. }) => None,
                };
                shown.map(Entry::Social)
            }
            Kind::Closed | Kind::Commit | Kind::Open | Kind::Mark => continue,
        };
        entries.push(entry);
    }
    if let Some(height) = places.keys().next() {
        missing = Some(format!("height {height} has no proof"));
    }
    Ok((in_a_row(entries.into_iter().flatten(), &mut missing), missing))
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
