//! What a tally counts, verifies and strikes.

use std::cell::Cell;

use ed25519_dalek::{Signer, SigningKey};

use super::*;
use crate::genesis::{Genesis, Limits, Member, Quorum, VERSION};
use crate::sign::{PublicKey, Signature};
use crate::terms::{Energy, PartyId, Power, Price, Timestamp};
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
