//! Digests that outlive the process: written under a tag that only this node's key makes, so that a
//! restart compares segments instead of proving every pair anew.
//!
//! A speed-up and never a proof: who has disk and key can write anything here, an auditor does not
//! read it, and every few sweeps each pair is proven from its bytes all the same. A wrong tag, or
//! anything else that does not fit, means: start without.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use gridpact_chain::digest::{Digest, MacKey};
use gridpact_chain::encode::{decode_as, encode};
use gridpact_chain::ledger::Ledger;
use gridpact_chain::terms::{Money, PartyId, Timestamp};
use gridpact_chain::verifier::{State, Verifier};
use serde::{Deserialize, Serialize};

use super::super::error::{LogError, io};
use super::{Files, Window};

/// What the key is derived for.
pub const PURPOSE: &str = "gridpact 1 segment digests";

/// More than this is not written by us: a century of 300 homes.
const BYTES_MAX: usize = 1 << 30;

/// What is written down.
#[derive(Debug, Serialize, Deserialize)]
struct Sealed {
    community: Digest,
    window_bytes: u64,
    logs: Vec<Window>,
    proofs: Vec<Window>,
    height: u64,
    contract: Digest,
    tip: Digest,
    time_ms: Timestamp,
    accounts: Vec<(PartyId, Money)>,
    roots: Vec<Digest>,
}

/// Writes what `verifier` has proven of the `community` to `path`: complete, or not at all.
///
/// # Errors
/// [`LogError::Io`] when the file cannot be written.
pub fn save(
    path: &Path,
    key: &MacKey,
    community: Digest,
    verifier: &Verifier<Files>,
) -> Result<(), LogError> {
    let (logs, proofs) = verifier.chain().windows();
    let (state, roots) = verifier.resumable();
    let ledger = state.ledger();
    if ledger.unread > 0 {
        // Accounts that could not be read are not known in the next life either: it proves anew.
        return Ok(());
    }
    let proven = |windows: &[Window]| -> Vec<Window> {
        windows.iter().take_while(|window| window.digest.is_some()).copied().collect()
    };
    let logs: Vec<Window> =
        proven(logs).into_iter().take_while(|window| window.last <= ledger.height).collect();
    let checkpoints = usize::try_from(ledger.height / gridpact_chain::block::CHECKPOINT_EVERY);
    let sealed = Sealed {
        community,
        window_bytes: verifier.chain().window_bytes() as u64,
        logs,
        proofs: proven(proofs),
        height: ledger.height,
        contract: ledger.contract,
        tip: ledger.tip,
        time_ms: ledger.time_ms,
        accounts: ledger.balances.iter().collect(),
        roots: roots.iter().take(checkpoints.unwrap_or(0)).copied().collect(),
    };
    let bytes = encode(&sealed);
    let draft = path.with_extension("tmp");
    let mut file = File::create(&draft).map_err(io("create", &draft))?;
    file.write_all(&key.tag(&bytes).0).map_err(io("write", &draft))?;
    file.write_all(&bytes).map_err(io("write", &draft))?;
    file.sync_all().map_err(io("flush", &draft))?;
    fs::rename(&draft, path).map_err(io("rename to", path))
}

/// Takes back what [`save`] wrote and goes on from there: digests are compared, the pairs above them
/// proven. False where it is not this node's own, or does not fit these files: nothing is taken
/// then.
pub fn resume(
    path: &Path,
    key: &MacKey,
    community: Digest,
    verifier: &mut Verifier<Files>,
) -> bool {
    let Some(sealed) = read(path, key) else { return false };
    let fits = sealed.community == community
        && sealed.window_bytes == verifier.chain().window_bytes() as u64
        && sealed.height <= verifier.height()
        && sealed.logs.last().map_or(0, |window| window.last) == sealed.height;
    if !fits {
        return false;
    }
    let state = State::at(&Ledger {
        community,
        height: sealed.height,
        contract: sealed.contract,
        tip: sealed.tip,
        time_ms: sealed.time_ms,
        balances: sealed.accounts.into_iter().collect(),
        ..Ledger::new(community)
    });
    verifier.chain_mut().take_windows(sealed.logs, sealed.proofs);
    verifier.resume(state, sealed.roots);
    true
}

fn read(path: &Path, key: &MacKey) -> Option<Sealed> {
    let found = fs::read(path).ok()?;
    let (tag, bytes) = found.split_first_chunk::<32>()?;
    if key.tag(bytes) != Digest(*tag) {
        return None;
    }
    decode_as("segment digests", BYTES_MAX, bytes).ok()
}
