//! The derived state, written anew from a log that nobody writes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gridpact_chain::block::Pair;
use gridpact_chain::digest::Digest;
use gridpact_chain::keyring::Keyring;

use super::read::End;
use super::state::{PAIRS_AT_ONCE, STATE, State, StateError, Tip};
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
/// to the last Commit is proved first; the log itself is not changed.
///
/// # Errors
/// When somebody writes the log or has the state, when the log is damaged, when `keys` do not read every
/// pair, or the disk refuses. Nothing was changed then.
pub fn rebuild_beside(chain: &Path, keys: &Keyring) -> Result<Rebuilt, StoreError> {
    // Gone over twice, so that nothing is begun that cannot be ended, and nothing held meanwhile.
    let (mut unread, mut of) = (0, 0);
    let community = go_over(chain, keys, |pair| {
        unread += usize::from(!pair.is_read());
        of += 1;
        Ok(())
    })?;
    if unread > 0 {
        return Err(StoreError::Sealed { unread, of });
    }
    let dir = chain.parent().unwrap_or(Path::new(".")).join(STATE);
    let state = State::rebuild_from(&dir, community, |state| {
        let mut pairs = Vec::new();
        go_over(chain, keys, |pair| {
            pairs.push(pair);
            if pairs.len() < PAIRS_AT_ONCE {
                return Ok(());
            }
            state.take_all(&std::mem::take(&mut pairs))
        })?;
        Ok::<(), StoreError>(state.take_all(&pairs)?)
    })?;
    let (tip, accounts) = (state.tip()?, state.balances()?.len());
    Ok(Rebuilt { file: state.file().to_path_buf(), tip, accounts })
}

/// Hands every pair, as `keys` read it, to `each`; returns the community.
fn go_over(
    chain: &Path,
    keys: &Keyring,
    mut each: impl FnMut(Arc<Pair>) -> Result<(), StateError>,
) -> Result<Digest, StoreError> {
    let mut items = Stream::derived_from(chain)?;
    let community = items.genesis().community();
    for item in &mut items {
        if let Item::Pair(pair, _) = item? {
            each(pair.as_read(&community, keys))?;
        }
    }
    match items.finish()? {
        (_, End::Open { is_running: true, .. }) => Err(LogError::Busy(chain.into()).into()),
        (_, End::Open { .. } | End::Closed) => Ok(community),
    }
}
