//! Ballot: counting votes over a registry version, one chance each, double votes as evidence.
//!
//! A tally verifies no signature until enough votes have arrived to decide; what comes later is
//! only compared, so that a second, different vote is still found.

mod tally;
#[cfg(test)]
mod tests;

pub use self::tally::{Heard, Tally};

use crate::block::{Record, Votes};
use crate::contract::{ContractId, SignedContract};
use crate::digest::Digest;
use crate::encode::Encoded;
use crate::refusal::Refusal;
use crate::registry::{Registries, Registry, RegistryVersion};
use crate::sign::{Claim, ProofKey, Verdicts};
use crate::statement::{Answer, Statement};

/// Checks both parties' signatures over `message`, the digest of the contract's body.
///
/// # Errors
/// [`Refusal::NotAMember`] or [`Refusal::BadSignature`] of the first party that fails.
pub fn check_parties(
    contract: &SignedContract,
    message: &Digest,
    registry: &Registry,
    verdicts: &dyn Verdicts,
) -> Result<(), Refusal> {
    let parties =
        [(contract.body.buyer, contract.buyer_sig), (contract.body.seller, contract.seller_sig)];
    for (party, signature) in parties {
        let key = registry.key(party).ok_or(Refusal::NotAMember(party))?;
        if !verdicts.check(key, message, &signature) {
            return Err(Refusal::BadSignature(party));
        }
    }
    Ok(())
}

/// What a voter signs who says yes to the body with digest `body` under `contract_id`.
#[must_use]
pub fn approval_digest(
    contract_id: ContractId,
    body: Digest,
    registry: RegistryVersion,
    community: &Digest,
) -> Digest {
    let answer = Answer::Yes;
    Statement::Approve { contract_id, body, answer, registry }.digest(community)
}

/// Checks what stands behind a record to be settled at `height`: the signatures of a contract's
/// parties, or the grounds for a change of the members, and a quorum of yes among the voters of the
/// registry version that the approvals name. A change is approved by the version it replaces.
///
/// # Errors
/// The first [`Refusal`] that applies; [`Refusal::NotApproved`] when the votes are no quorum,
/// [`Refusal::Unsupported`] for records that are not processed.
pub fn check_approved(
    record: &Record,
    approvals: &Encoded<Votes>,
    height: u64,
    registries: &Registries,
    verdicts: &dyn Verdicts,
) -> Result<ContractId, Refusal> {
    let community = registries.community();
    let (id, digest) = record.subject(&community).ok_or(Refusal::Unsupported)?;
    let registry = registries.approving(approvals.registry, height)?;
    if let Some(contract) = record.contract() {
        // Approvals of a sealed contract are about its stored bytes, the parties signed the body.
        let signed = record.sealed().map_or(digest, |_| contract.body.digest());
        check_parties(contract, &signed, registry, verdicts)?;
    }
    if let Some(change) = record.membership() {
        change.check(registries.at(height), registries, verdicts)?;
        if registries.at(height).version() != approvals.registry {
            return Err(Refusal::StaleRegistry { version: approvals.registry });
        }
    }
    let message = approval_digest(id, digest, approvals.registry, &community);
    let quorum = quorum_for(record, registry);
    let is_proven = check_quorum(approvals, &message, registry, quorum, verdicts);
    if is_proven { Ok(id) } else { Err(Refusal::NotApproved) }
}

/// Votes of `registry` that approve `record`.
#[must_use]
pub fn quorum_for(record: &Record, registry: &Registry) -> usize {
    record.membership().map_or(registry.quorum(), |change| change.quorum(registry))
}

/// Whether `votes` are a quorum of `registry` over `message`; remembered as a whole.
#[must_use]
pub fn check_votes(
    votes: &Encoded<Votes>,
    message: &Digest,
    registry: &Registry,
    verdicts: &dyn Verdicts,
) -> bool {
    check_quorum(votes, message, registry, registry.quorum(), verdicts)
}

/// [`check_votes`] with another quorum; the message must be one that always takes the same.
fn check_quorum(
    votes: &Encoded<Votes>,
    message: &Digest,
    registry: &Registry,
    quorum: usize,
    verdicts: &dyn Verdicts,
) -> bool {
    let key = ProofKey { proof: votes.content(), subject: *message, registry: registry.digest() };
    verdicts.check_once(&key, &mut || {
        let in_order = votes.signatures.windows(2).all(|two| two[0].0 < two[1].0);
        if !in_order || votes.registry != registry.version() || votes.signatures.len() < quorum {
            return false;
        }
        let claims: Option<Vec<_>> = votes
            .signatures
            .iter()
            .map(|(voter, signature)| {
                let key = registry.voter_key(*voter)?;
                Some(Claim { key, message: *message, signature: *signature })
            })
            .collect();
        claims.is_some_and(|claims| verdicts.check_all(&claims).into_iter().all(|ok| ok))
    })
}
