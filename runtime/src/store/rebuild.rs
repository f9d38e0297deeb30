//! The derived state, written anew from a log that nobody writes.

use std::path::{Path, PathBuf};

use gridpact_chain::keyring::Keyring;

use super::opening::opened;
use super::read::End;
use super::state::{PAIRS_AT_ONCE, STATE, State, Tip};
use super::stream::{Item, Stream};
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

/// Writes the state beside the log in `chain` anew, reading what is sealed with `keys`. Every frame up
/// to the last Commit is proved before the new state has its name; the log itself is not changed.
///
/// # Errors
/// When somebody writes the log or has the state, when the log is damaged, when `keys` do not read every
/// pair, or the disk refuses. Nothing was changed then.
pub fn rebuild_beside(chain: &Path, keys: &Keyring) -> Result<Rebuilt, StoreError> {
    let mut items = Stream::derived_from(chain)?;
    let community = items.genesis().community();
    let dir = chain.parent().unwrap_or(Path::new(".")).join(STATE);
    let state = State::rebuild_from(&dir, community, |state| {
        let (mut pairs, mut unread, mut of) = (Vec::new(), 0, 0);
        for item in &mut items {
            if let Item::Pair(pair, _) = item? {
                let pair = opened(pair, &community, keys);
                unread += usize::from(!pair.is_read());
                of += 1;
                pairs.push(pair);
            }
            if pairs.len() == PAIRS_AT_ONCE {
                state.take_all(&pairs)?;
                pairs.clear();
            }
        }
        state.take_all(&pairs)?;
        match items.finish()? {
            (_, End::Open { is_running: true, .. }) => Err(LogError::Busy(chain.into()).into()),
            _ if unread > 0 => Err(StoreError::Sealed { unread, of }),
            (_, End::Open { .. } | End::Closed) => Ok(()),
        }
    })?;
    let (tip, accounts) = (state.tip()?, state.balances()?.len());
    Ok(Rebuilt { file: state.file().to_path_buf(), tip, accounts })
}
