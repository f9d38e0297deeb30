//! A chain as its auditors read it: pair after pair, with what the keys they gave open of it.

use std::path::Path;

use gridpact_chain::digest::Digest;
use gridpact_chain::genesis::Genesis;
use gridpact_chain::keyring::Keyring;

use super::keys::Reading;
use super::{stream, unproved, warn};
use crate::cli::Failure;
use crate::store::End;
use crate::store::archive::Height;
use crate::store::heights::Heights;

/// The pairs of one chain, ascending, each with all that proves it. Every byte of what was handed out
/// is proved; what follows may still be found wrong.
pub(super) struct Reader {
    heights: Heights,
    /// None where everything is handed out as it is stored.
    keys: Option<Keyring>,
    community: Digest,
    pairs: u64,
    unread: u64,
}

impl Reader {
    /// What is committed of the chain in `dir`, opened as far as the keys that were given go.
    pub(super) fn open(dir: &Path, reading: &Reading) -> Result<Self, Failure> {
        Self::with(dir, Some(reading.keyring(dir)?))
    }

    /// What is committed of the chain in `dir`, sealed where it is sealed.
    pub(super) fn as_stored(dir: &Path) -> Result<Self, Failure> {
        Self::with(dir, None)
    }

    fn with(dir: &Path, keys: Option<Keyring>) -> Result<Self, Failure> {
        let heights = Heights::of(stream(dir)?);
        let community = heights.genesis().community();
        Ok(Self { heights, keys, community, pairs: 0, unread: 0 })
    }

    /// The founding document.
    pub(super) fn genesis(&self) -> &Genesis {
        self.heights.genesis()
    }

    /// Digest of the community.
    pub(super) fn community(&self) -> Digest {
        self.community
    }

    /// Reads on to the end, so that every byte is proved. That the log was not closed, and what was
    /// not read of it, is said aside. Returns the number of pairs.
    pub(super) fn finish(mut self) -> Result<u64, Failure> {
        for height in &mut self {
            height?;
        }
        let (_, end) = self.heights.finish().map_err(unproved)?;
        let pairs = self.pairs;
        if matches!(end, End::Open { .. }) {
            warn(&format!("not closed: the node runs or crashed; read up to height {pairs}"));
        }
        if self.unread > 0 {
            let unread = self.unread;
            warn(&format!(
                "{unread} of {pairs} pairs are sealed and were not read: give a member's --key, or --disclosed"
            ));
        }
        Ok(pairs)
    }

    /// The same, where `height` was asked for and must be there.
    pub(super) fn finish_with(self, height: u64) -> Result<(), Failure> {
        let pairs = self.finish()?;
        if (1..=pairs).contains(&height) {
            return Ok(());
        }
        Err(Failure::BadInput(format!("there is no height {height}; the chain has 1..={pairs}")))
    }
}

impl Iterator for Reader {
    type Item = Result<Height, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let (mut pair, proof) = match self.heights.next()? {
            Ok(height) => height,
            Err(error) => return Some(Err(unproved(error))),
        };
        self.pairs += 1;
        if let Some(keys) = &self.keys {
            pair = pair.as_read(&self.community, keys);
            self.unread += u64::from(!pair.is_read());
        }
        Some(Ok((pair, proof)))
    }
}
