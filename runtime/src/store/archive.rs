//! A chain read back from its files alone, strictly: every byte is proved or the reading fails. All of
//! it is held in memory; who only goes over it once reads a [`Stream`].

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gridpact_agents::social::Entry as SocialEntry;
use gridpact_chain::block::{Pair, Proof, Votes};
use gridpact_chain::digest::Digest;
use gridpact_chain::encode::Encoded;
use gridpact_chain::genesis::Genesis;
use gridpact_chain::journal::JournalEntry;

use super::chain::decode;
use super::read::{End, Frame};
use super::stream::{Item, Stream};
use super::{LogError, StoreError};

/// One pair and what proves it.
pub type Height = (Arc<Pair>, Arc<Proof>);

/// A chain as it lies on disk.
#[derive(Debug)]
pub struct Archive {
    /// The founding document.
    pub genesis: Genesis,
    /// All pairs with their proofs, from height 1.
    pub pairs: Vec<Height>,
    /// Own votes and orders of the node that wrote it, in order.
    pub records: Vec<JournalEntry>,
    /// Own contracts of the node that wrote it, as far as they are not hidden.
    pub contracts: Vec<SocialEntry>,
    /// Own contracts whose profiles and salts lie under a key of the node's vault.
    pub hidden: usize,
    /// The tip its clean stop names; the last ledger block's digest where it was not stopped.
    pub tip: Digest,
}

/// Why files are no chain.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The log cannot be read, or a byte of it is not proved.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A frame whose bytes are no record of its kind.
    #[error("{}, byte {offset}: {problem}", file.display())]
    Record {
        /// The file.
        file: PathBuf,
        /// Where the frame starts.
        offset: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// Something is missing.
    #[error("{0}")]
    Missing(String),
}

impl From<ArchiveError> for StoreError {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(Box::new(error))
    }
}

/// The founding document of the chain in `dir`, whoever may be writing it.
///
/// # Errors
/// When there is none, or it founds nothing.
pub fn genesis(dir: &Path) -> Result<Genesis, ArchiveError> {
    Ok(Stream::committed(dir)?.genesis().clone())
}

pub(super) const NO_GENESIS: &str = "the founding document is missing";

pub(super) fn founding(bytes: &[u8]) -> Result<Genesis, String> {
    let genesis: Genesis = decode("genesis", bytes).map_err(|error| error.to_string())?;
    genesis.check().map_err(|error| error.to_string())?;
    Ok(genesis)
}

pub(super) fn wrong(frame: &Frame, problem: String) -> ArchiveError {
    ArchiveError::Record { file: frame.file.clone(), offset: frame.offset, problem }
}

/// The directory that holds the chain: `dir` itself, or its `chain/`.
#[must_use]
pub fn chain_dir(dir: &Path) -> PathBuf {
    let inner = dir.join(crate::report::out::CHAIN);
    if inner.is_dir() { inner } else { dir.to_path_buf() }
}

/// Reads the chain in `dir`.
///
/// # Errors
/// [`ArchiveError`] naming the file, the byte and what is wrong there.
pub fn read(dir: &Path) -> Result<Archive, ArchiveError> {
    Ok(gather(Stream::strict(dir)?)?.0)
}

/// Reads what is committed of the chain in `dir`, whoever may be writing it, and how it ends.
/// Nothing is created or changed there.
///
/// # Errors
/// [`ArchiveError`] naming the file, the byte and what is wrong there; what lies behind the last
/// Commit is not wrong.
pub fn read_committed(dir: &Path) -> Result<(Archive, End), ArchiveError> {
    gather(Stream::committed(dir)?)
}

fn gather(mut items: Stream) -> Result<(Archive, End), ArchiveError> {
    let (mut pairs, mut records, mut contracts, mut hidden) =
        (Vec::new(), Vec::new(), Vec::new(), 0);
    for item in &mut items {
        match item? {
            Item::Pair(pair, proof) => pairs.push((pair, proof)),
            Item::Closed(height, votes) => {
                let at = usize::try_from(height - 1).ok();
                let (_, proof): &mut Height = at
                    .and_then(|at| pairs.get_mut(at))
                    .expect("a stream closes only heights that it has handed out");
                *proof = with_votes(proof, votes);
            }
            Item::Record(record) => records.push(record),
            Item::Contract(contract) => contracts.push(contract),
            Item::Hidden => hidden += 1,
        }
    }
    let genesis = items.genesis().clone();
    let (tip, end) = items.finish()?;
    Ok((Archive { genesis, pairs, records, contracts, hidden, tip }, end))
}

/// A proof with the ledger votes that came later.
pub(super) fn with_votes(proof: &Arc<Proof>, votes: Encoded<Votes>) -> Arc<Proof> {
    Arc::new(Proof { ledger_votes: Some(votes), ..Proof::clone(proof) })
}
