//! Ballot: counting votes over a registry version, one chance each, double votes as evidence.
//!
//! A tally verifies no signature until enough votes have arrived to decide; what comes later is
//! only compared, so that a second, different vote is still found.

use std::collections::BTreeMap;

use crate::block::{Record, Votes};
use crate::contract::{ContractId, SignedContract};
use crate::digest::Digest;
use crate::encode::Encoded;
use crate::refusal::Refusal;
use crate::registry::{Registries, Registry, RegistryVersion};
use crate::sign::{Claim, ProofKey, Signature, Verdicts};
use crate::statement::{Answer, Statement};
use crate::terms::PartyId;

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

    /// Votes for choices that pass `is_meant`.
    #[must_use]
    pub fn count_if(&self, is_meant: impl Fn(&C) -> bool) -> usize {
        self.counts.iter().filter(|(choice, _)| is_meant(choice)).map(|(_, n)| n).sum()
    }

    /// The proof that `choice`, signed as `message`, reached `quorum`; verifies what is not yet
    /// verified and strikes forged votes.
    pub fn decide(
        &mut self,
        choice: &C,
        message: &Digest,
        registry: &Registry,
        quorum: usize,
        verdicts: &dyn Verdicts,
    ) -> Option<Encoded<Votes>> {
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use ed25519_dalek::{Signer, SigningKey};

    use super::*;
    use crate::genesis::{Genesis, Limits, Member, Quorum, VERSION};
    use crate::sign::PublicKey;
    use crate::terms::{Energy, Power, Price, Timestamp};
    use crate::verdicts::Strict;

    fn key(i: u32) -> SigningKey {
        SigningKey::from_bytes(&[i as u8 + 1; 32])
    }

    fn registry(n: u32) -> std::sync::Arc<Registry> {
        let public = |i| PublicKey::from_bytes(key(i).verifying_key().as_bytes()).expect("honest");
        let member = |i| Member {
            id: PartyId(i),
            name: String::new(),
            sign_key: public(i),
            seal_key: [0; 32],
            roles: Vec::new(),
            voter: i < 5,
            line_limit_w: Power(1),
            not_after: Timestamp(u64::MAX),
        };
        Registry::founding(&Genesis {
            version: VERSION,
            name: String::new(),
            operator_key: public(99),
            members: (0..n).map(member).collect(),
            quorum: Quorum::Majority,
            sequencer: PartyId(0),
            interval_s: 1800,
            currency: String::new(),
            limits: Limits::default(),
            grace_s: 0,
            tolerance_wh: Energy(0),
            imbalance_cap: Price(0),
            correction_days: 0,
        })
    }

    fn sign(i: u32, message: &Digest) -> Signature {
        Signature(key(i).sign(&message.0).to_bytes())
    }

    /// Counts what it is asked.
    struct Counting(Cell<usize>);

    impl Verdicts for Counting {
        fn check(&self, key: &PublicKey, message: &Digest, signature: &Signature) -> bool {
            self.0.set(self.0.get() + 1);
            Strict.check(key, message, signature)
        }
    }

    #[test]
    fn nothing_is_verified_before_the_quorum_and_nothing_beyond_it() {
        let (registry, message) = (registry(6), Digest([1; 32]));
        let (verdicts, mut tally) = (Counting(Cell::new(0)), Tally::<u8>::default());
        for voter in 0..2 {
            assert_eq!(tally.add(&registry, PartyId(voter), 1, sign(voter, &message)), Heard::New);
            assert_eq!(tally.decide(&1, &message, &registry, 3, &verdicts), None);
        }
        assert_eq!(verdicts.0.get(), 0);
        for voter in 2..5 {
            tally.add(&registry, PartyId(voter), 1, sign(voter, &message));
        }
        let votes = tally.decide(&1, &message, &registry, 3, &verdicts).expect("five of five");
        assert_eq!((votes.signatures.len(), verdicts.0.get()), (3, 3));
        assert!(check_votes(&votes, &message, &registry, &verdicts));
        assert!(!check_votes(&votes, &Digest([2; 32]), &registry, &verdicts));
    }

    #[test]
    fn forged_votes_are_struck_and_the_next_ones_take_their_place() {
        let (registry, message) = (registry(6), Digest([1; 32]));
        let mut tally = Tally::<u8>::default();
        for voter in 0..2 {
            tally.add(&registry, PartyId(voter), 1, Signature([9; 64]));
        }
        tally.add(&registry, PartyId(2), 1, sign(2, &message));
        assert_eq!(tally.decide(&1, &message, &registry, 3, &Strict), None);
        assert!(!tally.has(PartyId(0)) && tally.has(PartyId(2)));
        for voter in 3..5 {
            tally.add(&registry, PartyId(voter), 1, sign(voter, &message));
        }
        let votes = tally.decide(&1, &message, &registry, 3, &Strict).expect("three honest ones");
        let voters: Vec<_> = votes.signatures.iter().map(|(voter, _)| voter.0).collect();
        assert_eq!(voters, [2, 3, 4]);
    }

    #[test]
    fn each_voter_has_one_chance() {
        let (registry, mut tally) = (registry(6), Tally::<u8>::default());
        let signature = Signature([1; 64]);
        assert_eq!(tally.add(&registry, PartyId(1), 1, signature), Heard::New);
        assert_eq!(tally.add(&registry, PartyId(1), 1, Signature([2; 64])), Heard::Same);
        let second = tally.add(&registry, PartyId(1), 2, Signature([2; 64]));
        assert_eq!(second, Heard::Conflict(1, signature));
        assert_eq!(tally.add(&registry, PartyId(5), 1, signature), Heard::Stranger);
        assert_eq!(tally.add(&registry, PartyId(77), 1, signature), Heard::Stranger);
        assert_eq!((tally.len(), tally.count(&1), tally.count(&2)), (1, 1, 0));
    }

    #[test]
    fn a_member_without_a_vote_or_a_second_signature_makes_no_quorum() {
        let (registry, message) = (registry(7), Digest([1; 32]));
        let votes = |voters: &[u32]| {
            let signatures = voters.iter().map(|i| (PartyId(*i), sign(*i, &message))).collect();
            Encoded::new(Votes { registry: 0, signatures })
        };
        let check = |voters: &[u32]| check_votes(&votes(voters), &message, &registry, &Strict);
        assert!(check(&[0, 1, 2]) && check(&[0, 1, 2, 4]));
        assert!(!check(&[0, 1]) && !check(&[0, 1, 5]) && !check(&[0, 1, 1]) && !check(&[2, 1, 0]));
        let late = Votes { registry: 1, ..Votes::clone(&votes(&[0, 1, 2])) };
        assert!(!check_votes(&Encoded::new(late), &message, &registry, &Strict));
    }
}
