//! A chain read back from its files alone, strictly: every byte is proved or the reading fails.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gridpact_agents::social::Entry as SocialEntry;
use gridpact_chain::block::{Pair, Proof};
use gridpact_chain::digest::Digest;
use gridpact_chain::encode::EncodeError;
use gridpact_chain::genesis::Genesis;
use gridpact_chain::journal::JournalEntry;

use super::chain::{ProofPart, decode};
use super::frame::Kind;
use super::read::{self, End, Frame, Frames, read_all};
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
    /// Own contracts of the node that wrote it.
    pub contracts: Vec<SocialEntry>,
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

/// The directory that holds the chain: `dir` itself, or its `chain/`.
#[must_use]
pub fn chain_dir(dir: &Path) -> PathBuf {
    let inner = dir.join(crate::report::out::CHAIN);
    if inner.is_dir() { inner } else { dir.to_path_buf() }
}

#[derive(Default)]
struct Gathering {
    genesis: Option<Genesis>,
    pairs: BTreeMap<u64, Arc<Pair>>,
    proofs: BTreeMap<u64, Proof>,
    records: Vec<JournalEntry>,
    contracts: Vec<SocialEntry>,
    tip: Option<Digest>,
}

/// Reads the chain in `dir`.
///
/// # Errors
/// [`ArchiveError`] naming the file, the byte and what is wrong there.
pub fn read(dir: &Path) -> Result<Archive, ArchiveError> {
    Ok(gather(read_all(dir)?)?.0)
}

/// Reads what is committed of the chain in `dir`, whoever may be writing it, and how it ends.
/// Nothing is created or changed there.
///
/// # Errors
/// [`ArchiveError`] naming the file, the byte and what is wrong there; what lies behind the last
/// Commit is not wrong.
pub fn read_committed(dir: &Path) -> Result<(Archive, End), ArchiveError> {
    gather(read::read_committed(dir)?)
}

fn gather(mut frames: Frames) -> Result<(Archive, End), ArchiveError> {
    let mut gathering = Gathering::default();
    for frame in &mut frames {
        let frame = frame?;
        gathering.take(&frame).map_err(|problem| ArchiveError::Record {
            file: frame.file.clone(),
            offset: frame.offset,
            problem,
        })?;
    }
    let end = frames.into_end();
    let end =
        end.ok_or_else(|| ArchiveError::Missing("the end of the log is missing".to_owned()))?;
    Ok((gathering.finish()?, end))
}

impl Gathering {
    fn take(&mut self, frame: &Frame) -> Result<(), String> {
        let bytes = &frame.payload[..];
        let text = |error: EncodeError| error.to_string();
        match frame.kind {
            Kind::Genesis if self.genesis.is_none() => {
                let genesis: Genesis = decode("genesis", bytes).map_err(text)?;
                genesis.check().map_err(|error| error.to_string())?;
                self.genesis = Some(genesis);
            }
            Kind::Genesis => return Err("a second founding document".to_owned()),
            Kind::Pair => {
                let pair: Pair = decode("pair", bytes).map_err(text)?;
                let expected = self.pairs.len() as u64 + 1;
                if pair.height() != expected || frame.height != expected {
                    return Err(format!("pair of height {} after {}", pair.height(), expected - 1));
                }
                self.pairs.insert(expected, Arc::new(pair));
            }
            Kind::Proof => self.take_proof(frame.height, decode("proof", bytes).map_err(text)?)?,
            Kind::Vote | Kind::Order => self.records.push(decode("record", bytes).map_err(text)?),
            Kind::Reservation => self.contracts.push(decode("contract", bytes).map_err(text)?),
            Kind::Closed => {
                let tip =
                    bytes.try_into().map_err(|_| "the tip is not 32 bytes long".to_owned())?;
                self.tip = Some(Digest(tip));
            }
            Kind::Commit | Kind::Open | Kind::Mark => {}
        }
        Ok(())
    }

    fn take_proof(&mut self, height: u64, part: ProofPart) -> Result<(), String> {
        match part {
            ProofPart::Admitted { approvals, order } => {
                let proof = Proof { approvals, ledger_votes: None, order };
                if self.proofs.insert(height, proof).is_some() {
                    return Err(format!("a second proof of height {height}"));
                }
            }
            ProofPart::Closed(votes) => {
                let proof = self.proofs.get_mut(&height);
                let proof = proof.ok_or_else(|| format!("votes on unknown height {height}"))?;
                if proof.ledger_votes.replace(votes).is_some() {
                    return Err(format!("height {height} is closed twice"));
                }
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Archive, ArchiveError> {
        let missing = |what: &str| ArchiveError::Missing(what.to_owned());
        let genesis = self.genesis.ok_or_else(|| missing("the founding document is missing"))?;
        let mut pairs = Vec::with_capacity(self.pairs.len());
        for (height, pair) in self.pairs {
            let proof = self.proofs.remove(&height);
            let proof = proof.ok_or_else(|| missing(&format!("height {height} has no proof")))?;
            pairs.push((pair, Arc::new(proof)));
        }
        if let Some(height) = self.proofs.keys().next() {
            return Err(missing(&format!("there is a proof of height {height}, but no pair")));
        }
        let community = genesis.community();
        let last = pairs.last().map(|(pair, _): &Height| pair.ledger.digest(&community));
        let tip = self.tip.unwrap_or(last.unwrap_or(community));
        let (records, contracts) = (self.records, self.contracts);
        Ok(Archive { genesis, pairs, records, contracts, tip })
    }
}
