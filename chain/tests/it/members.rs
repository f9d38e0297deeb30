//! Changes of the members: proposed, approved by the version they replace, in force from the height
//! after; what went before is judged by its own version for ever.

use std::sync::Arc;

use gridpact_chain::block::{Pair, Proof, Record};
use gridpact_chain::digest::Digest;
use gridpact_chain::encode::Encoded;
use gridpact_chain::fault::Fault;
use gridpact_chain::genesis::{Member, Quorum};
use gridpact_chain::membership::{Change, Membership};
use gridpact_chain::message::Message;
use gridpact_chain::refusal::Refusal;
use gridpact_chain::registry::Registries;
use gridpact_chain::replica::{Fanout, Input, Replica};
use gridpact_chain::sequencer::{self, Sequencer};
use gridpact_chain::sign::Signature;
use gridpact_chain::statement::{Answer, Approval, LedgerVote};
use gridpact_chain::terms::{PartyId, Timestamp};
use gridpact_chain::verdicts::{Remembered, Strict};
use gridpact_chain::verifier::{Damage, Finding, Params, Verifier, audit};

use crate::world::{EPOCH, T_SETTLE, World, a_body, a_genesis, key, public, sign, signed};

const EPOCH_MS: u64 = 600_000;

/// Lets the epoch that is open settle, and opens the next one: deals of `nonce` are then welcome.
pub fn next_epoch(world: &mut World, number: u32) {
    world.run_until(Timestamp(T_SETTLE.0 + u64::from(number - 1) * EPOCH_MS + 60_000));
    world.start_epoch(EPOCH.plus(number), settle_of(number));
}

fn settle_of(number: u32) -> Timestamp {
    Timestamp(T_SETTLE.0 + u64::from(number) * EPOCH_MS)
}

/// A deal of epoch `number`, published by its buyer.
pub fn deal_in(world: &mut World, number: u32, buyer: u32, seller: u32, nonce: u8) -> bool {
    let mut body = a_body(&world.community(), buyer, seller, nonce);
    (body.epoch, body.valid_until) = (EPOCH.plus(number), settle_of(number));
    body.contract_id.0.0[0] ^= number as u8;
    let before = world.refusals.len();
    world.tell(buyer as usize, Input::Publish(Box::new(signed(body))));
    world.refusals.len() == before
}

pub fn chain_of(world: &World, node: usize) -> Vec<(Arc<Pair>, Arc<Proof>)> {
    let height = world.replicas[node].snapshot().height;
    (1..=height).filter_map(|h| world.replicas[node].pair(h).cloned()).collect()
}

/// Asserts that an auditor and a verifier who know only genesis prove the whole chain.
pub fn assert_proven(world: &World) -> Registries {
    let node = world.alive()[0];
    let chain = chain_of(world, node);
    let report = audit(&world.genesis, &chain, None, &Remembered::default());
    assert_eq!(report.findings, []);
    assert_eq!(report.closed, chain.len() as u64);
    let mut verifier = Verifier::new(Registries::founding(&world.genesis), Params::default());
    for (pair, proof) in &chain {
        assert_eq!(verifier.push(pair.clone(), proof.clone(), &Strict), None);
    }
    let mut found = Vec::new();
    assert!(verifier.step(world.now, usize::MAX, &mut found));
    assert!(verifier.step_proofs(usize::MAX, &Strict, &mut found));
    assert_eq!(found, []);
    let reborn = Replica::restore(
        world.genesis.clone(),
        world.registry.clone(),
        PartyId(node as u32),
        world.params.clone(),
        world.journals[node].clone(),
    )
    .expect("a sound journal");
    let (old, new) = (world.replicas[node].snapshot(), reborn.snapshot());
    assert_eq!((old.tip, old.registry), (new.tip, new.registry));
    reborn.registries().clone()
}

pub fn newcomer(id: u32) -> Member {
    let mut member = a_genesis(id + 1, Quorum::Majority).members.remove(id as usize);
    member.name = "newcomer".into();
    member
}

#[test]
fn a_removed_member_trades_until_its_record_and_not_after() {
    for (quorum, fanout) in
        [(Quorum::Majority, Fanout::Tally), (Quorum::TwoThirds, Fanout::AllToAll)]
    {
        let mut world = World::new(5, quorum, fanout, 3);
        assert!(deal_in(&mut world, 0, 4, 1, 0));
        world.deliver_all();
        world.propose(1, Change::Remove(PartyId(4)));
        next_epoch(&mut world, 1);
        // Its deal was approved before the record and is ordered before it.
        world.assert_agreed(2);
        assert!(world.replicas.iter().all(|r| r.snapshot().registry == 1));
        assert!(!deal_in(&mut world, 1, 1, 4, 1), "the seller has left");
        assert_eq!(world.refusals.last(), Some(&(1, Refusal::NotAMember(PartyId(4)))));
        assert!(!deal_in(&mut world, 1, 4, 1, 2));
        assert!(deal_in(&mut world, 1, 1, 2, 3));
        next_epoch(&mut world, 2);
        world.dead.insert(4);
        world.assert_agreed(3);
        let (pair, proof) = world.replicas[0].pair(3).expect("three pairs");
        assert_eq!((pair.contract.registry, proof.approvals.registry), (1, 1));
        let quorum = world.registries().current().quorum();
        assert_eq!(proof.ledger_votes.as_ref().map(|v| v.signatures.len()), Some(quorum));
        assert_proven(&world);
        assert!(world.faults.is_empty() && world.alarms.is_empty(), "{:?}", world.alarms);
    }
}

#[test]
fn a_newcomer_is_added_gets_a_vote_and_then_decides_with_the_others() {
    let mut genesis = a_genesis(4, Quorum::TwoThirds);
    genesis.members[3].voter = false;
    let mut world = World::with_genesis(genesis, Fanout::Tally, 5);
    world.propose(0, Change::Add(Member { voter: false, ..newcomer(4) }));
    world.run_until(Timestamp(T_SETTLE.0 + 10_000));
    let params = world.params.clone();
    let born = Replica::restore(
        world.genesis.clone(),
        world.registry.clone(),
        PartyId(4),
        params,
        world.journals[3].clone().into_iter().filter(|e| {
            use gridpact_chain::journal::JournalEntry as J;
            matches!(e, J::Pair { .. } | J::Applied { .. } | J::Closed { .. })
        }),
    );
    world.replicas.push(born.expect("the chain of a neighbour"));
    world.journals.push(Vec::new());
    next_epoch(&mut world, 1);
    world.propose(0, Change::SetVoter { member: PartyId(4), voter: true });
    assert!(deal_in(&mut world, 1, 4, 1, 1));
    next_epoch(&mut world, 2);
    world.assert_agreed(3);
    let registry = world.registries().current().clone();
    assert_eq!((registry.version(), registry.voters().len(), registry.quorum()), (2, 4, 3));
    // Three of four: without one of the founders the newcomer's vote is needed.
    world.dead.insert(2);
    assert!(deal_in(&mut world, 2, 1, 0, 2));
    next_epoch(&mut world, 3);
    world.assert_agreed(4);
    let (_, proof) = world.replicas[0].pair(4).expect("four pairs");
    assert!(proof.approvals.signatures.iter().any(|(voter, _)| *voter == PartyId(4)));
    let registries = assert_proven(&world);
    assert_eq!(registries.at(1).version(), 0);
    assert_eq!((registries.at(2).version(), registries.at(4).version()), (1, 2));
}

#[test]
fn a_replaced_key_signs_from_the_next_height_and_old_signatures_stay_good() {
    let mut world = World::new(4, Quorum::Majority, Fanout::Tally, 2);
    assert!(deal_in(&mut world, 0, 2, 1, 0));
    let change =
        Change::ReplaceKey { member: PartyId(2), sign_key: public(&key(77)), seal_key: [9; 32] };
    world.propose(1, change);
    next_epoch(&mut world, 1);
    world.assert_agreed(2);
    // Signed with the key that was replaced: refused by everybody.
    assert!(!deal_in(&mut world, 1, 2, 1, 1));
    assert_eq!(world.refusals.last(), Some(&(2, Refusal::BadSignature(PartyId(2)))));
    let mut body = a_body(&world.community(), 2, 1, 3);
    (body.epoch, body.valid_until) = (EPOCH.plus(1), settle_of(1));
    let mut contract = signed(body);
    contract.buyer_sig = sign(&key(77), &contract.body.digest());
    world.tell(2, Input::Publish(Box::new(contract)));
    // The others still believe node 2 to sign with its old key: its votes are struck, theirs do.
    next_epoch(&mut world, 2);
    world.assert_agreed(3);
    assert_proven(&world);
}

#[test]
fn changes_that_cannot_be_are_refused_by_name() {
    let world = World::new(4, Quorum::Majority, Fanout::Tally, 2);
    let registries = world.registries();
    let registry = registries.current();
    let member = PartyId(1);
    let cases = [
        (Change::Remove(PartyId(9)), Refusal::NotAMember(PartyId(9))),
        (Change::Remove(PartyId(0)), Refusal::SequencerNeeded(PartyId(0))),
        (Change::SetSequencer(PartyId(9)), Refusal::NotAMember(PartyId(9))),
        (Change::SetSequencer(PartyId(0)), Refusal::NothingChanges),
        (Change::SetVoter { member: PartyId(8), voter: true }, Refusal::NotAMember(PartyId(8))),
        (Change::SetVoter { member, voter: true }, Refusal::NothingChanges),
        (Change::Add(newcomer(3)), Refusal::ReusedId(PartyId(3))),
        (
            Change::Add(Member { sign_key: public(&key(2)), ..newcomer(4) }),
            Refusal::SharedKey(PartyId(2)),
        ),
        (
            Change::ReplaceKey { member, sign_key: public(&key(2)), seal_key: [1; 32] },
            Refusal::SharedKey(PartyId(2)),
        ),
    ];
    for (change, reason) in cases {
        let change = world.changed(1, change);
        assert_eq!(change.check(registry, &registries, &Strict), Err(reason), "{change:?}");
    }
    for version in [0, 2, u32::MAX] {
        let change = world.changed(version, Change::Remove(member));
        let expected = Err(Refusal::WrongVersion { expected: 1 });
        assert_eq!(change.check(registry, &registries, &Strict), expected);
    }
    let sound = world.changed(1, Change::Remove(member));
    assert_eq!(sound.check(registry, &registries, &Strict), Ok(()));
    let by_nobody = Membership { operator_sig: None, ..sound.clone() };
    let by_another = Membership {
        operator_sig: Some(sign(&key(1), &sound.digest(&world.community()))),
        ..sound
    };
    for unsigned in [by_nobody, by_another] {
        let refused = unsigned.check(registry, &registries, &Strict);
        assert_eq!(refused, Err(Refusal::NotTheOperator));
    }
}

#[test]
fn the_last_voter_stays_and_a_number_is_never_given_twice() {
    let mut genesis = a_genesis(3, Quorum::Majority);
    genesis.members[0].voter = false;
    genesis.members[1].voter = false;
    let world = World::with_genesis(genesis, Fanout::Tally, 1);
    let registry = world.registry.clone();
    let last = PartyId(2);
    assert_eq!(registry.next(&Change::Remove(last)), Err(Refusal::LastVoter));
    let mute = Change::SetVoter { member: last, voter: false };
    assert_eq!(registry.next(&mute), Err(Refusal::LastVoter));
    let grown = registry.next(&Change::Add(newcomer(3))).expect("a free number");
    let shrunk = grown.next(&Change::Remove(PartyId(3))).expect("a member");
    assert_eq!(shrunk.next(&Change::Add(newcomer(3))), Err(Refusal::ReusedId(PartyId(3))));
    assert!(shrunk.next(&Change::Add(newcomer(4))).is_ok());
    assert_eq!((shrunk.version(), shrunk.members().len()), (2, 3));
    assert_ne!(shrunk.digest(), registry.digest());
}

#[test]
fn the_operators_key_changes_only_with_more_than_two_thirds() {
    // Three of five are a majority, and no two thirds.
    for (dead, version) in [(vec![3, 4], 0), (vec![4], 1)] {
        let mut world = World::new(5, Quorum::Majority, Fanout::Tally, 2);
        world.dead.extend(dead);
        world.propose(1, Change::SetOperator(public(&key(500))));
        assert!(deal_in(&mut world, 0, 1, 2, 0));
        world.run_until(Timestamp(T_SETTLE.0 + 10_000));
        assert_eq!(world.replicas[1].snapshot().registry, version);
        assert_eq!(world.replicas[1].snapshot().height, 1 + u64::from(version));
    }
    let mut world = World::new(4, Quorum::Majority, Fanout::Tally, 2);
    world.propose(1, Change::SetOperator(public(&key(500))));
    next_epoch(&mut world, 1);
    world.assert_agreed(1);
    world.propose(1, Change::Remove(PartyId(3)));
    assert_eq!(world.refusals.last(), Some(&(1, Refusal::NotTheOperator)));
    world.operator = 500;
    world.propose(1, Change::Remove(PartyId(3)));
    next_epoch(&mut world, 2);
    world.assert_agreed(2);
    assert_proven(&world);
}

/// Two votes of one voter at one height.
pub fn two_votes(world: &World, voter: u32, height: u64) -> Fault {
    let vote = |ledger| {
        let mut vote = LedgerVote {
            height,
            ledger,
            registry: world.registries().at(height).version(),
            voter: PartyId(voter),
            signature: Signature([0; 64]),
        };
        vote.signature = sign(&key(voter), &vote.statement().digest(&world.community()));
        vote
    };
    Fault::DoubleLedgerVote(vote(Digest([1; 32])), vote(Digest([2; 32])))
}

#[test]
fn an_exclusion_needs_evidence_and_a_quorum_but_no_operator() {
    let mut world = World::new(5, Quorum::Majority, Fanout::Tally, 4);
    let evidence = two_votes(&world, 4, 1);
    let exclude =
        |member, evidence: &Fault| Change::Exclude { member, evidence: Box::new(evidence.clone()) };
    let Fault::DoubleLedgerVote(first, second) = evidence.clone() else { unreachable!() };
    let forged = LedgerVote { signature: Signature([3; 64]), ..second };
    let cases = [
        (PartyId(3), evidence.clone()),
        (PartyId(4), Fault::DoubleLedgerVote(first, first)),
        (PartyId(4), Fault::DoubleLedgerVote(first, forged)),
        // Which of two ledgers is right, the vote alone does not show.
        (PartyId(4), Fault::WrongLedger { vote: first, expected: Digest([7; 32]) }),
    ];
    for (member, weak) in cases {
        world.propose(1, exclude(member, &weak));
        assert_eq!(world.refusals.pop(), Some((1, Refusal::NoEvidence(member))));
    }
    let mut signed_too = world.changed(1, exclude(PartyId(4), &evidence));
    signed_too.operator_sig = Some(sign(&key(u32::MAX), &signed_too.digest(&world.community())));
    world.tell(1, Input::Propose(Box::new(signed_too)));
    assert_eq!(world.refusals.pop(), Some((1, Refusal::NotTheOperator)));
    world.propose(1, exclude(PartyId(4), &evidence));
    next_epoch(&mut world, 1);
    world.assert_agreed(1);
    assert_eq!(world.registries().current().voters().len(), 4);
    assert!(deal_in(&mut world, 1, 1, 2, 1));
    world.dead.insert(4);
    next_epoch(&mut world, 2);
    world.assert_agreed(2);
    assert_proven(&world);
}

#[test]
fn two_changes_for_one_version_are_no_fork_and_the_other_can_be_proposed_again() {
    let mut world = World::new(5, Quorum::Majority, Fanout::Tally, 4);
    world.propose(1, Change::Remove(PartyId(4)));
    world.propose(2, Change::SetVoter { member: PartyId(3), voter: false });
    next_epoch(&mut world, 1);
    world.assert_agreed(1);
    assert!(world.replicas.iter().all(|r| r.snapshot().registry == 1 && r.snapshot().asking == 0));
    let (pair, _) = world.replicas[0].pair(1).expect("a pair").clone();
    let other = match pair.contract.record.membership().map(|m| &m.change) {
        Some(Change::Remove(_)) => Change::SetVoter { member: PartyId(3), voter: false },
        _ => Change::Remove(PartyId(4)),
    };
    world.propose(1, other);
    next_epoch(&mut world, 2);
    assert!(world.replicas[..4].iter().all(|r| r.snapshot().registry == 2));
    assert_eq!(world.registries().current().voters().len(), 3);
    assert_proven(&world);
}

#[test]
fn lost_and_doubled_letters_do_not_lose_a_change() {
    for seed in 0..12 {
        let fanout = if seed % 2 == 0 { Fanout::Tally } else { Fanout::AllToAll };
        let quorum = if seed % 3 == 0 { Quorum::Majority } else { Quorum::TwoThirds };
        let mut world = World::new(6, quorum, fanout, seed);
        (world.loss, world.doubling) = (200, 200);
        world.propose(1, Change::Remove(PartyId(5)));
        for nonce in 0..4 {
            assert!(deal_in(&mut world, 0, u32::from(nonce), u32::from(nonce) + 1, nonce));
        }
        world.run_until(T_SETTLE);
        world.loss = 0;
        next_epoch(&mut world, 1);
        assert!(deal_in(&mut world, 1, 1, 2, 9));
        world.dead.insert(5);
        next_epoch(&mut world, 2);
        world.assert_agreed(6);
        assert!(world.faults.is_empty() && world.alarms.is_empty());
        assert_proven(&world);
    }
}

#[test]
fn another_sequencer_takes_over_with_the_next_batch() {
    let mut world = World::new(4, Quorum::Majority, Fanout::Tally, 4);
    assert!(deal_in(&mut world, 0, 1, 2, 0));
    world.propose(1, Change::SetSequencer(PartyId(3)));
    world.run_until(Timestamp(T_SETTLE.0 + 10_000));
    world.assert_agreed(2);
    let last = world.batches.last().cloned().expect("batches");
    assert_eq!(last.items.len(), 2, "no empty batch follows: the office is over");
    // The old one is asked in vain, and what it signs now is no order.
    let registries = world.registries();
    assert_eq!(registries.of_batch(last.index()).sequencer(), PartyId(0));
    assert_eq!(registries.of_batch(last.index() + 1).sequencer(), PartyId(3));
    let usurped = crate::street::batch(&world.registry, last.index() + 1, T_SETTLE.0 + 1, vec![]);
    world.tell(1, Input::Ordered(usurped));
    assert_eq!(world.refusals.last(), Some(&(1, Refusal::OrderUnproven)));
    world.sequencer = Sequencer::new(world.genesis.clone(), registries, PartyId(3), Some(last));
    world.orderer = 3;
    world.order(sequencer::Input::Started);
    next_epoch(&mut world, 1);
    assert!(deal_in(&mut world, 1, 1, 2, 1));
    next_epoch(&mut world, 2);
    world.assert_agreed(3);
    assert_proven(&world);
}

#[test]
fn approvals_of_a_version_count_a_while_after_its_end_and_then_are_stale() {
    let mut genesis = a_genesis(4, Quorum::Majority);
    genesis.limits.heights_ahead = 3;
    let mut world = World::with_genesis(genesis, Fanout::Tally, 4);
    world.propose(1, Change::SetVoter { member: PartyId(3), voter: false });
    next_epoch(&mut world, 1);
    world.assert_agreed(1);
    let item = |world: &World, nonce| {
        let mut body = a_body(&world.community(), 1, 2, nonce);
        (body.epoch, body.valid_until) = (EPOCH.plus(1), settle_of(1));
        crate::street::approved(&world.registry, signed(body))
    };
    let time = settle_of(1).0 - 1;
    let first = world.batches.last().map_or(0, |batch| batch.index() + 1);
    world.now = settle_of(1);
    for (index, nonce) in (first..).zip(0..5) {
        let old = crate::street::batch(&world.registry, index, time, vec![item(&world, nonce)]);
        for node in 0..4 {
            world.tell(node, Input::Ordered(old.clone()));
        }
        world.deliver_all();
    }
    // Version 1 is in force from height 2: heights 2, 3 and 4 are within three of it.
    world.assert_agreed(4);
    let stale = (0, Refusal::StaleRegistry { version: 0 });
    assert_eq!(world.refusals.iter().filter(|refused| **refused == stale).count(), 2);
    assert_proven(&world);
    // The verifier says the same of a chain in which somebody put one.
    let chain = chain_of(&world, 0);
    let mut registries = world.registries();
    registries.restart();
    assert_eq!(registries.approving(0, 900).map(|r| r.version()), Ok(0));
    chain.iter().for_each(|(pair, proof)| registries.follow(pair, proof));
    for (height, stale) in [(2, false), (4, false), (5, true), (900, true)] {
        assert_eq!(registries.approving(0, height).is_err(), stale, "{height}");
    }
    assert_eq!(registries.approving(2, 9).err(), Some(Refusal::UnknownRegistry));
}

#[test]
fn votes_that_name_another_version_than_the_one_in_force_are_not_counted() {
    let mut world = World::new(4, Quorum::Majority, Fanout::Tally, 2);
    let mut vote = LedgerVote {
        height: 1,
        ledger: Digest([1; 32]),
        registry: 1,
        voter: PartyId(2),
        signature: Signature([0; 64]),
    };
    vote.signature = sign(&key(2), &vote.statement().digest(&world.community()));
    world.hear(1, 2, Message::LedgerVote(vote));
    assert_eq!(world.refusals.last(), Some(&(1, Refusal::UnknownRegistry)));
    let id = world.publish(1, 2, 0);
    let body = a_body(&world.community(), 1, 2, 0).digest();
    let mut early = Approval {
        contract_id: id,
        body,
        answer: Answer::Yes,
        registry: 1,
        voter: PartyId(2),
        signature: Signature([0; 64]),
    };
    early.signature = sign(&key(2), &early.statement().digest(&world.community()));
    world.hear(1, 2, Message::Approval(early));
    assert_eq!(world.refusals.last(), Some(&(1, Refusal::UnknownRegistry)));
    world.run_until(Timestamp(T_SETTLE.0 + 10_000));
    world.assert_agreed(1);
}

#[test]
fn too_many_proposals_at_once_are_refused() {
    let mut world = World::new(4, Quorum::Majority, Fanout::Tally, 2);
    world.dead.extend([0, 2]);
    for i in 0..16 {
        world.propose(1, Change::Add(newcomer(4 + i)));
        assert!(world.refusals.is_empty());
    }
    world.propose(1, Change::Add(newcomer(99)));
    assert_eq!(world.refusals, [(1, Refusal::PoolFull { limit: 16 })]);
}

#[test]
fn a_change_on_the_chain_that_nobody_stands_for_is_found() {
    let mut world = World::new(4, Quorum::Majority, Fanout::Tally, 2);
    world.propose(1, Change::Remove(PartyId(3)));
    world.run_until(Timestamp(T_SETTLE.0 + 10_000));
    let (pair, proof) = world.replicas[0].pair(1).expect("a pair").clone();
    let membership = pair.contract.record.membership().expect("a change").clone();
    let mut block = (*pair.contract).clone();
    let unsigned = Membership { operator_sig: Some(Signature([1; 64])), ..membership };
    block.record = Encoded::new(Record::Membership(unsigned));
    let contract = Encoded::new(block);
    let mut ledger = (*pair.ledger).clone();
    ledger.contract_block_hash = contract.digest(&world.community());
    let forged = Pair { contract, ledger: Encoded::new(ledger) };
    let report = audit(&world.genesis, &[(Arc::new(forged), proof)], None, &Remembered::default());
    assert_eq!(report.findings, [Finding { height: 1, damage: Damage::Party }]);
}
