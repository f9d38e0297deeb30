//! The judgement on a copy of a pair that somebody else holds: nothing he says is believed.

use super::Damage;
use super::pairs::check_values;
use super::proofs::{check_bytes, check_proof};
use crate::block::{Pair, Proof};
use crate::digest::Digest;
use crate::registry::Registries;
use crate::sign::Verdicts;

/// Both hashes of a pair as the pair above it names them: contract block, ledger block.
pub type Named = (Digest, Digest);

/// Whether `pair` is the closed pair of `height` and may take the place of an own copy that is not
/// to be trusted: it belongs to the community, its values are those of its bytes, its bytes have
/// the hashes that the pair above names, and its proof holds. A quorum of ledger votes is always
/// asked for; where there is no sound pair above (`named` is `None`), they alone name the hash.
///
/// # Errors
/// The first [`Damage`] found.
pub fn check_copy(
    height: u64,
    named: Option<Named>,
    (pair, proof): (&Pair, &Proof),
    registries: &Registries,
    verdicts: &dyn Verdicts,
) -> Result<(), Damage> {
    let community = registries.community();
    // A change of the members names no community; its votes, which cover it, are asked for below.
    if pair.contract.record.body().is_some_and(|body| body.community != community) {
        return Err(Damage::Record);
    }
    if (pair.contract.height, pair.ledger.height) != (height, height) {
        return Err(Damage::Sequence);
    }
    check_values(pair, &mut Vec::with_capacity(pair.len()))?;
    let (contract, ledger) = (pair.contract.rehash(&community), pair.ledger.rehash(&community));
    if named.is_some_and(|(expected, _)| expected != contract) {
        return Err(Damage::ContractHash);
    }
    if named.is_some_and(|(_, expected)| expected != ledger) {
        return Err(Damage::LedgerHash);
    }
    if pair.ledger.contract_block_hash != contract {
        return Err(Damage::CrossLink);
    }
    if proof.ledger_votes.is_none() {
        return Err(Damage::LedgerVotes);
    }
    check_bytes(proof)?;
    check_proof(pair, proof, registries, verdicts)
}
