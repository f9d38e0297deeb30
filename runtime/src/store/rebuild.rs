//! The derived state, written anew from a log that nobody writes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gridpact_chain::block::Pair;
use gridpact_chain::genesis::Genesis;
use gridpact_chain::keyring::Keyring;

use super::archive::ArchiveError;
use super::chain::decode;
use super::frame::Kind;
use super::opening::opened;
use super::read::{End, read_committed};
use super::state::{STATE, State, Tip};
use super::{LogError, StoreError};

/// What was written anew.
#[derive(Debug)]
pub struct Rebuilt {
    /// The file.
    pub file: PathBuf,
    /// Height and hash of the last pair.
    pub tip: Tip,
    /// Accounts that were ever changed.
    pub accounts: usize,
}

/// Writes the state beside the log in `chain` anew, reading what is sealed with `keys`. Every frame up to the last Commit is proved first;
/// the log itself is not changed.
///
/// # Errors
/// When somebody writes the log or has the state, when the log is damaged, when `keys` do not read every
/// pair, or the disk refuses. Nothing was changed then.
pub fn rebuild_beside(chain: &Path, keys: &Keyring) -> Result<Rebuilt, StoreError> {
    let (mut community, mut pairs) = (None, Vec::new());
    let mut frames = read_committed(chain)?;
    for frame in &mut frames {
        let frame = frame?;
        let taken = match frame.kind {
            Kind::Genesis => decode::<Genesis>("genesis", &frame.payload)
                .map(|genesis| community = Some(genesis.community())),
            Kind::Pair => {
                decode::<Pair>("pair", &frame.payload).map(|pair| pairs.push(Arc::new(pair)))
            }
            _ => Ok(()),
        };
        if let Err(error) = taken {
            let (file, offset, problem) = (frame.file, frame.offset, error.to_string());
            return Err(ArchiveError::Record { file, offset, problem }.into());
        }
    }
    if matches!(frames.into_end(), Some(End::Open { is_running: true, .. })) {
        return Err(LogError::Busy(chain.into()).into());
    }
    let missing = || ArchiveError::Missing("the founding document is missing".to_owned());
    let dir = chain.parent().unwrap_or(Path::new(".")).join(STATE);
    let community = community.ok_or_else(missing)?;
    let pairs: Vec<Arc<Pair>> =
        pairs.into_iter().map(|pair| opened(pair, &community, keys)).collect();
    let unread = pairs.iter().filter(|pair| !pair.is_read()).count();
    if unread > 0 {
        return Err(StoreError::Sealed { unread, of: pairs.len() });
    }
    let state = State::rebuild(&dir, community, &pairs)?;
    let (tip, accounts) = (state.tip()?, state.balances()?.len());
    Ok(Rebuilt { file: state.file().to_path_buf(), tip, accounts })
}
