//! Ballot: counting votes over a registry version, one chance each, double votes as evidence.
//!
//! A tally verifies no signature until enough votes have arrived to decide; what comes later is
//! only compared, so that a second, different vote is still found.

use std::collections::BTreeMap;

use crate::block::Votes;
use crate::contract::SignedContract;
use crate::digest::Digest;
use crate::encode::Encoded;
use crate::refusal::Refusal;
use crate::registry::Registry;
use crate::sign::{Claim, ProofKey, Signature, Verdicts};
use crate::terms::PartyId;

/// Checks both parties' signatures over the contract's body.
///
/// # Errors
/// [`Refusal::NotAMember`] or [`Refusal::BadSignature`] of the first party that fails.
pub fn check_parties(
    contract: &SignedContract,
    registry: &Registry,
    verdicts: &dyn Verdicts,
) -> Result<(), Refusal> {
    let message = contract.body.digest();
    let parties =
        [(contract.body.buyer, contract.buyer_sig), (contract.body.seller, contract.seller_sig)];
    for (party, signature) in parties {
        let key = registry.key(party).ok_or(Refusal::NotAMember(party))?;
        if !verdicts.check(key, &message, &signature) {
            return Err(Refusal::BadSignature(party));
        }
    }
    Ok(())
}

/// Whether `votes` are a quorum of `registry` over `message`; remembered as a whole.
#[must_use]
pub fn check_votes(
    votes: &Encoded<Votes>,
    message: &Digest,
    registry: &Registry,
    verdicts: &dyn Verdicts,
) -> bool {
    let key = ProofKey { proof: votes.content(), subject: *message, registry: registry.digest() };
    verdicts.check_once(&key, &mut || {
        let in_order = votes.signatures.windows(2).all(|two| two[0].0 < two[1].0);
        if !in_order
            || votes.registry != registry.version()
            || votes.signatures.len() < registry.quorum()
        {
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

#[derive(Debug, Clone)]
struct Cast<C> {
    choice: C,
    signature: Signature,
    is_checked: bool,
}

/// What a tally made of one vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard<C> {
    /// Counted.
    New,
    /// Heard before.
    Same,
    /// The voter chose otherwise before; both together may be evidence.
    Conflict(C, Signature),
    /// Not a voter.
    Stranger,
}

/// Votes on one subject, one per voter; `C` is what can be chosen.
#[derive(Debug, Clone)]
pub struct Tally<C> {
    votes: BTreeMap<PartyId, Cast<C>>,
    counts: BTreeMap<C, usize>,
}

impl<C> Default for Tally<C> {
    fn default() -> Self {
        Self { votes: BTreeMap::new(), counts: BTreeMap::new() }
    }
}

impl<C: Ord + Copy> Tally<C> {
    /// Counts a vote; `signature` is not verified yet.
    pub fn add(
        &mut self,
        registry: &Registry,
        voter: PartyId,
        choice: C,
        signature: Signature,
    ) -> Heard<C> {
        if let Some(cast) = self.votes.get(&voter) {
            if cast.choice == choice {
                return Heard::Same;
            }
            return Heard::Conflict(cast.choice, cast.signature);
        }
        if !registry.is_voter(voter) {
            return Heard::Stranger;
        }
        self.votes.insert(voter, Cast { choice, signature, is_checked: false });
        *self.counts.entry(choice).or_insert(0) += 1;
        Heard::New
    }

    /// Forgets `voter`'s vote, because its signature proved forged.
    pub fn strike(&mut self, voter: PartyId) {
        if let Some(cast) = self.votes.remove(&voter)
            && let Some(count) = self.counts.get_mut(&cast.choice)
        {
            *count -= 1;
        }
    }

    /// Whether `voter` was heard.
    #[must_use]
    pub fn has(&self, voter: PartyId) -> bool {
        self.votes.contains_key(&voter)
    }

    /// Votes heard.
    #[must_use]
    pub fn len(&self) -> usize {
        self.votes.len()
    }

    /// Whether nobody was heard.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.votes.is_empty()
    }

    /// Votes for `choice`.
    #[must_use]
    pub fn count(&self, choice: &C) -> usize {
        self.counts.get(choice).copied().unwrap_or(0)
    }

    /// The choice with the most votes.
    #[must_use]
    pub fn leading(&self) -> Option<C> {
        self.counts.iter().max_by_key(|(_, count)| **count).map(|(choice, _)| *choice)
    }

    /// The proof that `choice`, signed as `message`, reached the quorum; verifies what is not yet
    /// verified and strikes forged votes.
    pub fn decide(
        &mut self,
        choice: &C,
        message: &Digest,
        registry: &Registry,
        verdicts: &dyn Verdicts,
    ) -> Option<Encoded<Votes>> {
        let quorum = registry.quorum();
        while self.count(choice) >= quorum {
            let chosen: Vec<_> =
                self.votes.iter().filter(|(_, c)| c.choice == *choice).take(quorum).collect();
            let (voters, claims): (Vec<_>, Vec<_>) = chosen
                .iter()
                .filter(|(_, cast)| !cast.is_checked)
                .filter_map(|(voter, cast)| {
                    let key = registry.voter_key(**voter)?;
                    Some((**voter, Claim { key, message: *message, signature: cast.signature }))
                })
                .unzip();
            if claims.is_empty() {
                let signatures = chosen.iter().map(|(v, cast)| (**v, cast.signature)).collect();
                return Some(Encoded::new(Votes { registry: registry.version(), signatures }));
            }
            let verdict = verdicts.check_all(&claims);
            for (voter, is_valid) in voters.into_iter().zip(verdict) {
                if !is_valid {
                    self.strike(voter);
                } else if let Some(cast) = self.votes.get_mut(&voter) {
                    cast.is_checked = true;
                }
            }
        }
        None
    }
}
