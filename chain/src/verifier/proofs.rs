//! The check of what stands beside a pair: parties, approvals, order, ledger votes.

use super::Damage;
use crate::ballot::{approval_digest, check_approved, check_votes, quorum_for};
use crate::batch::{BatchHead, OrderProof, is_ordered};
use crate::block::{Order, Pair, Proof, Record, Votes};
use crate::contract::SignedContract;
use crate::digest::Digest;
use crate::encode::Encoded;
use crate::refusal::Refusal;
use crate::registry::{Registries, Registry};
use crate::sign::{Claim, Verdicts};
use crate::statement::Statement;
use crate::verdicts::Strict;

/// Bytes of a proof.
pub(super) fn len(proof: &Proof) -> usize {
    let votes = proof.ledger_votes.as_ref().map_or(0, |votes| votes.bytes().len());
    proof.approvals.bytes().len() + votes + proof.order.head.bytes().len()
}

/// Checks parties' signatures, approvals, order and, if the pair is closed, ledger votes, each by
/// the registry version that is asked for: approvals by the one they name, the order by the one in
/// force where the batch begins, ledger votes by the one in force at the height.
///
/// # Errors
/// The first [`Damage`] found.
pub fn check_proof(
    pair: &Pair,
    proof: &Proof,
    registries: &Registries,
    verdicts: &dyn Verdicts,
) -> Result<(), Damage> {
    check_version(pair, registries)?;
    let record = &pair.contract.record;
    check_approved(record, &proof.approvals, pair.height(), registries, verdicts)
        .map_err(|reason| damage_of(record, reason))?;
    let community = registries.community();
    let Order { head, proof: order, .. } = &proof.order;
    let ordering = registries.of_batch(head.index);
    if !holds(&proof.order, pair, &community)
        || !is_ordered(head, order, &community, ordering, verdicts)
    {
        return Err(Damage::Order);
    }
    check_ledger_votes(pair, proof, registries, verdicts)
}

/// Whether the block names the version in force at its height.
fn check_version(pair: &Pair, registries: &Registries) -> Result<(), Damage> {
    let in_force = registries.at(pair.height()).version();
    if pair.contract.registry == in_force { Ok(()) } else { Err(Damage::Record) }
}

/// What a refusal means once the record is on the chain.
fn damage_of(record: &Record, reason: Refusal) -> Damage {
    match reason {
        Refusal::NotApproved | Refusal::UnknownRegistry | Refusal::StaleRegistry { .. } => {
            Damage::Approvals
        }
        Refusal::Unsupported => Damage::Record,
        _ if record.contract().is_some() => Damage::Party,
        Refusal::NotTheOperator | Refusal::NoEvidence(_) => Damage::Party,
        _ => Damage::Record,
    }
}

/// Checks the ledger votes, if there are any.
pub(super) fn check_ledger_votes(
    pair: &Pair,
    proof: &Proof,
    registries: &Registries,
    verdicts: &dyn Verdicts,
) -> Result<(), Damage> {
    let Some(votes) = &proof.ledger_votes else { return Ok(()) };
    let message = ledger_digest(pair, votes, &registries.community());
    let is_proven = check_votes(votes, &message, registries.at(pair.height()), verdicts);
    if is_proven { Ok(()) } else { Err(Damage::LedgerVotes) }
}

/// Whether the bytes of a proof still have their content ids, and their values these bytes.
pub(super) fn check_bytes(proof: &Proof) -> Result<(), Damage> {
    check_votes_bytes(proof)?;
    check_head(&proof.order.head)
}

/// The part of [`check_bytes`] that concerns votes.
pub(super) fn check_votes_bytes(proof: &Proof) -> Result<(), Damage> {
    let mut scratch = Vec::with_capacity(len(proof));
    let mut is_whole = |votes: &Encoded<Votes>| {
        Digest::content(votes.bytes()) == votes.content() && votes.is_faithful(&mut scratch)
    };
    if !is_whole(&proof.approvals) {
        return Err(Damage::Approvals);
    }
    if !proof.ledger_votes.as_ref().is_none_or(is_whole) {
        return Err(Damage::LedgerVotes);
    }
    Ok(())
}

/// The part of [`check_bytes`] that concerns the head of the batch.
pub(super) fn check_head(head: &Encoded<BatchHead>) -> Result<(), Damage> {
    let is_whole = Digest::content(head.bytes()) == head.content()
        && head.is_faithful(&mut Vec::with_capacity(head.bytes().len()));
    if is_whole { Ok(()) } else { Err(Damage::Order) }
}

/// Whether the batch names the record at the position, with the block's time.
fn holds(order: &Order, pair: &Pair, community: &Digest) -> bool {
    let named = order.head.items.get(order.position as usize);
    named == Some(&pair.contract.record.digest(community))
        && order.head.time_ms == pair.contract.time_ms
}

fn ledger_digest(pair: &Pair, votes: &Votes, community: &Digest) -> Digest {
    let (height, registry) = (pair.height(), votes.registry);
    let ledger = pair.ledger.digest(community);
    Statement::Ledger { height, ledger, registry }.digest(community)
}

/// Every signature that proves `pair`, to be checked in bulk and on many threads; who signed and
/// how many are checked here.
///
/// # Errors
/// The first [`Damage`] that needs no signature to be seen.
pub fn claims_of<'r>(
    pair: &Pair,
    proof: &Proof,
    registries: &'r Registries,
) -> Result<Vec<Claim<'r>>, Damage> {
    let community = registries.community();
    check_version(pair, registries)?;
    let record = &*pair.contract.record;
    let (id, digest) = record.subject(&community).ok_or(Damage::Record)?;
    let approving = registries.approving(proof.approvals.registry, pair.height());
    let approving = approving.map_err(|_| Damage::Approvals)?;
    let mut claims = match record {
        Record::Contract(_) | Record::Sealed(_) => match record.contract() {
            Some(contract) => party_claims(contract, approving).ok_or(Damage::Party)?,
            // Who signed is sealed too; the votes stand for it.
            None => Vec::new(),
        },
        Record::Membership(change) => {
            // Evidence has signatures of its own: they are judged at once.
            let in_force = registries.at(pair.height());
            change.check(in_force, registries, &Strict).map_err(|r| damage_of(record, r))?;
            if in_force.version() != proof.approvals.registry {
                return Err(Damage::Approvals);
            }
            Vec::new()
        }
        Record::Delivery(_) | Record::Anchor(_) => return Err(Damage::Record),
    };
    let message = approval_digest(id, digest, proof.approvals.registry, &community);
    let quorum = quorum_for(record, approving);
    add_votes(&proof.approvals, message, approving, quorum, &mut claims)
        .ok_or(Damage::Approvals)?;
    if let Some(votes) = &proof.ledger_votes {
        let ledger = pair.ledger.digest(&community);
        claims.extend(ledger_claims((pair.height(), ledger), votes, registries)?);
    }
    let OrderProof::Sequencer(signature) = proof.order.proof else { return Err(Damage::Order) };
    let ordering = registries.of_batch(proof.order.head.index);
    let key = ordering.key(ordering.sequencer()).ok_or(Damage::Order)?;
    if !holds(&proof.order, pair, &community) {
        return Err(Damage::Order);
    }
    claims.push(Claim { key, message: proof.order.head.digest(&community), signature });
    Ok(claims)
}

/// The signatures of the votes on the ledger block of a height; who signed and how many are checked
/// here.
///
/// # Errors
/// [`Damage::LedgerVotes`] where they are no quorum.
pub(super) fn ledger_claims<'r>(
    (height, ledger): (u64, Digest),
    votes: &Votes,
    registries: &'r Registries,
) -> Result<Vec<Claim<'r>>, Damage> {
    let statement = Statement::Ledger { height, ledger, registry: votes.registry };
    let (counting, mut claims) =
        (registries.at(height), Vec::with_capacity(votes.signatures.len()));
    let message = statement.digest(&registries.community());
    add_votes(votes, message, counting, counting.quorum(), &mut claims)
        .ok_or(Damage::LedgerVotes)?;
    Ok(claims)
}

/// What it means that the claim at position `at` of [`claims_of`] does not hold.
pub(super) fn damage_at(at: usize, pair: &Pair, proof: &Proof) -> Damage {
    let parties = if pair.contract.record.contract().is_some() { 2 } else { 0 };
    let approvals = proof.approvals.signatures.len();
    let votes = proof.ledger_votes.as_ref().map_or(0, |votes| votes.signatures.len());
    match at {
        at if at < parties => Damage::Party,
        at if at < parties + approvals => Damage::Approvals,
        at if at < parties + approvals + votes => Damage::LedgerVotes,
        _ => Damage::Order,
    }
}

fn party_claims<'r>(contract: &SignedContract, registry: &'r Registry) -> Option<Vec<Claim<'r>>> {
    let (body, message) = (&contract.body, contract.body.digest());
    let buyer = Claim { key: registry.key(body.buyer)?, message, signature: contract.buyer_sig };
    let seller = Claim { key: registry.key(body.seller)?, message, signature: contract.seller_sig };
    Some(vec![buyer, seller])
}

fn add_votes<'r>(
    votes: &Votes,
    message: Digest,
    registry: &'r Registry,
    quorum: usize,
    claims: &mut Vec<Claim<'r>>,
) -> Option<()> {
    let in_order = votes.signatures.windows(2).all(|two| two[0].0 < two[1].0);
    let is_enough = votes.signatures.len() >= quorum;
    if !in_order || !is_enough || votes.registry != registry.version() {
        return None;
    }
    for (voter, signature) in &votes.signatures {
        let key = registry.voter_key(*voter)?;
        claims.push(Claim { key, message, signature: *signature });
    }
    Some(())
}
