//! A stored pair goes bad: it is found, a peer's good copy takes its place, a liar's does not, and
//! without a good copy the node settles nothing but still answers.

use std::collections::BTreeSet;
use std::sync::Arc;

use gridpact_chain::block::{LedgerBlock, Pair, Proof, Votes};
use gridpact_chain::contract::ContractId;
use gridpact_chain::encode::{Canonical, Encoded};
use gridpact_chain::genesis::Quorum;
use gridpact_chain::journal::JournalEntry;
use gridpact_chain::message::Message;
use gridpact_chain::refusal::Refusal;
use gridpact_chain::registry::Registry;
use gridpact_chain::replica::{Alarm, Fanout, Input};
use gridpact_chain::terms::Timestamp;
use gridpact_chain::verdicts::{Remembered, Strict};
use gridpact_chain::verifier::{Damage, Params, Verifier, check_copy};
use proptest::prelude::*;

use crate::street::a_chain;
use crate::world::{Chance, EPOCH, T_SETTLE, World, a_body, a_genesis, signed};

const NODE: usize = 3;
/// The first epoch's deals are on the chain by then.
const SOON: Timestamp = Timestamp(T_SETTLE.0 + 10_000);
/// Settling of the second epoch.
const NEXT_SETTLE: Timestamp = Timestamp(SOON.0 + 60_000);
const LATER: Timestamp = Timestamp(NEXT_SETTLE.0 + 60_000);

type Kept = (Arc<Pair>, Arc<Proof>);

fn flip<T: Canonical + Clone>(encoded: &Encoded<T>, bit: usize) -> Encoded<T> {
    let mut bytes = encoded.bytes().to_vec();
    let at = bit % (8 * bytes.len());
    bytes[at / 8] ^= 1 << (at % 8);
    encoded.damaged(&bytes)
}

/// Pair and proof with one bit flipped in one of their parts.
fn damaged((pair, proof): &Kept, part: usize, bit: usize) -> Kept {
    let (mut pair, mut proof) = (Pair::clone(pair), Proof::clone(proof));
    match part % 4 {
        0 => pair.contract = flip(&pair.contract, bit),
        1 => pair.ledger = flip(&pair.ledger, bit),
        2 => proof.approvals = flip(&proof.approvals, bit),
        _ => proof.ledger_votes = proof.ledger_votes.as_ref().map(|votes| flip(votes, bit)),
    }
    (Arc::new(pair), Arc::new(proof))
}

fn a_world(deals: u8, seed: u64) -> World {
    let mut world = World::new(5, Quorum::Majority, Fanout::Tally, seed);
    for nonce in 0..deals {
        world.publish(u32::from(nonce % 5), u32::from((nonce + 1) % 5), nonce);
    }
    world.run_until(SOON);
    world.assert_agreed(u64::from(deals));
    world
}

fn kept(world: &World, node: usize, height: u64) -> Kept {
    world.replicas[node].pair(height).expect("a known height").clone()
}

/// Another deal, in the epoch after, until it is on the chain.
fn trade_on(world: &mut World, buyer: u32, seller: u32) {
    let epoch = EPOCH.plus(1);
    world.start_epoch(epoch, NEXT_SETTLE);
    let community = world.community();
    let mut body = a_body(&community, buyer, seller, 200);
    (body.epoch, body.start, body.end) = (epoch, epoch.plus(1), epoch.plus(2));
    body.valid_until = NEXT_SETTLE;
    body.contract_id = ContractId::new(&community, epoch, body.buyer, body.seller, &[200; 16], 0);
    world.tell(buyer as usize, Input::Publish(Box::new(signed(body))));
    world.run_until(LATER);
}

/// The heights that one sweep of the node's verifier over pairs and proofs finds damaged.
fn sweep(world: &World, node: usize) -> BTreeSet<u64> {
    let mut verifier = Verifier::new(world.registry.clone(), Params::default());
    for height in 1..=world.replicas[node].snapshot().height {
        let (pair, proof) = kept(world, node, height);
        verifier.reload_next(pair, proof);
    }
    let mut found = Vec::new();
    while !verifier.step(Timestamp(5), 1 << 16, &mut found) {}
    while !verifier.step_proofs(1 << 16, &world.verdicts, &mut found) {}
    found.iter().map(|finding| finding.height).collect()
}

/// The node's copy goes bad and its verifier says so.
fn spoil(world: &mut World, height: u64, part: usize, bit: usize) {
    let (pair, proof) = damaged(&kept(world, NODE, height), part, bit);
    world.replicas[NODE].reload(height, pair, proof);
    let found = sweep(world, NODE);
    assert!(found.contains(&height), "height {height}, part {part}, bit {bit}: {found:?}");
    for height in found {
        world.tell(NODE, Input::Suspect { height });
    }
}

fn is_healed(world: &World, height: u64) -> bool {
    let same = |(own, others): (Kept, Kept)| {
        own.0 == others.0 && own.1.approvals == others.1.approvals && sweep(world, NODE).is_empty()
    };
    same((kept(world, NODE, height), kept(world, 0, height)))
        && world.replicas[NODE].snapshot().suspects == 0
}

#[test]
fn a_damaged_pair_is_replaced_by_a_peers_copy_and_the_node_goes_on_voting() {
    let (mut approvals, mut ledger_votes) = (0, 0);
    for height in 1..=4 {
        let mut world = a_world(4, height);
        spoil(&mut world, height, height as usize, 77);
        let written = world.journals[NODE].len();
        world.deliver_all();
        assert!(is_healed(&world, height));
        assert_eq!(world.fetched, [(NODE as u32, height)]);
        assert!(world.refusals.is_empty() && world.alarms.is_empty());
        trade_on(&mut world, NODE as u32, 1);
        world.assert_agreed(5);
        for entry in &world.journals[NODE][written..] {
            approvals += u32::from(matches!(entry, JournalEntry::Approval { .. }));
            ledger_votes += u32::from(matches!(entry, JournalEntry::LedgerVote(_)));
        }
    }
    assert_eq!(approvals, 4, "it answers each new contract");
    assert!(ledger_votes > 0, "and signs ledgers, where the quorum is not there without it");
}

#[test]
fn the_first_peer_asked_does_not_answer_and_the_next_is_asked() {
    let mut world = a_world(3, 9);
    spoil(&mut world, 2, 0, 5);
    let (first, _, _) = world.mail.remove(0);
    world.dead.insert(first.0);
    world.run_until(Timestamp(SOON.0 + 1_999));
    assert!(!is_healed(&world, 2), "the peer has its time");
    world.run_until(Timestamp(SOON.0 + 2_001));
    assert!(is_healed(&world, 2));
}

/// Liars answer ranges with a copy that is well-formed in itself.
fn lie(world: &mut World, liars: &[u32], change: fn(&mut LedgerBlock)) {
    for liar in liars {
        let tongue = move |message: &Message| match message {
            Message::Range(pairs) => {
                let wrong = pairs.iter().map(|(pair, proof)| {
                    let mut block = LedgerBlock::clone(&pair.ledger);
                    change(&mut block);
                    let ledger = Encoded::new(block);
                    (Arc::new(Pair { ledger, ..Pair::clone(pair) }), Arc::clone(proof))
                });
                vec![Message::Range(wrong.collect())]
            }
            other => vec![other.clone()],
        };
        world.tongues.insert(*liar, Box::new(tongue));
    }
}

#[test]
fn a_lying_peer_is_refused_with_a_reason_and_the_next_is_asked() {
    for height in [2, 4] {
        let mut world = a_world(4, 3);
        spoil(&mut world, height, 1, 40);
        let first = world.mail[0].0.0;
        lie(&mut world, &[first], |block| block.entries[0].balance.0 += 1);
        world.deliver_all();
        assert!(is_healed(&world, height));
        // Below the last pair the next one tells; the last pair's votes tell.
        let damage = if height == 4 { Damage::LedgerVotes } else { Damage::LedgerHash };
        assert_eq!(world.refusals, [(NODE as u32, Refusal::WrongCopy { height, damage })]);
        assert!(world.alarms.is_empty());
    }
}

#[test]
fn without_a_good_copy_settlement_stops_and_reads_and_questions_go_on() {
    let mut world = a_world(4, 5);
    spoil(&mut world, 2, 0, 900);
    lie(&mut world, &[0, 1, 2, 4], |block| block.entries.swap(0, 1));
    world.deliver_all();
    assert_eq!(world.refusals.len(), 4, "every peer was asked once");
    let alarm = Alarm::NoGoodCopy { height: 2, asked: 4 };
    assert_eq!(world.alarms, [(NODE as u32, alarm)]);
    // The others settle; this node does not, though it still answers contracts.
    trade_on(&mut world, 1, 2);
    let height = |world: &World, node: usize| world.replicas[node].snapshot().height;
    assert_eq!((height(&world, 0), height(&world, NODE)), (5, 4));
    assert!(world.alarms.len() > 1, "it goes on asking");
    // It still gives what is sound and says what it does not have.
    for (asked, answer) in [(1, Some(1)), (2, Some(0)), (3, Some(1))] {
        world.mail.clear();
        world.hear(NODE as u32, 0, Message::RangeRequest { from: asked, to: asked });
        let found = world.mail.iter().find_map(|(_, _, message)| match message {
            Message::Range(pairs) => Some(pairs.len()),
            _ => None,
        });
        assert_eq!(found, answer, "height {asked}");
    }
    assert_eq!(world.replicas[NODE].balances().sum(), 0);
    // One peer comes to its senses: the pair is healed and what had to wait is settled.
    world.tongues.clear();
    world.run_until(Timestamp(LATER.0 + 300_000));
    assert!(is_healed(&world, 2));
    world.assert_agreed(5);
}

#[test]
fn damage_in_neighbours_and_tip_at_once_is_repaired_by_the_votes_alone() {
    let mut world = a_world(4, 8);
    for height in 2..=4 {
        let (pair, proof) = damaged(&kept(&world, NODE, height), height as usize, 300);
        world.replicas[NODE].reload(height, pair, proof);
    }
    for height in sweep(&world, NODE) {
        world.tell(NODE, Input::Suspect { height });
    }
    world.deliver_all();
    assert!((2..=4).all(|height| is_healed(&world, height)));
}

#[test]
fn a_copy_from_another_community_is_not_taken() {
    let home = Registry::founding(&a_genesis(4, Quorum::Majority));
    let mut genesis = a_genesis(4, Quorum::Majority);
    genesis.name = "elsewhere".into();
    let away = Registry::founding(&genesis);
    let (pair, proof) = a_chain(&away, 1, true).remove(0);
    assert_eq!(check_copy(1, None, (&pair, &proof), &away.into(), &Strict), Ok(()));
    assert_eq!(check_copy(1, None, (&pair, &proof), &home.into(), &Strict), Err(Damage::Record));
}

#[test]
fn a_copy_without_a_quorum_of_ledger_votes_is_not_taken() {
    let registry = Registry::founding(&a_genesis(4, Quorum::Majority));
    let (pair, proof) = a_chain(&registry, 1, true).remove(0);
    let open = Proof { ledger_votes: None, ..Proof::clone(&proof) };
    let mut few = Votes::clone(proof.ledger_votes.as_ref().expect("closed"));
    few.signatures.pop();
    let few = Proof { ledger_votes: Some(Encoded::new(few)), ..Proof::clone(&proof) };
    for proof in [open, few] {
        let judged = check_copy(1, None, (&pair, &proof), &registry.clone().into(), &Strict);
        assert_eq!(judged, Err(Damage::LedgerVotes));
    }
}

#[test]
fn a_verifier_that_learned_a_damaged_chain_is_whole_again_after_the_repair() {
    let registry = Registry::founding(&a_genesis(4, Quorum::Majority));
    let chain = a_chain(&registry, 300, true);
    for height in [1_usize, 255, 256, 257, 300] {
        let params = Params { structural_every: 2, segment_bytes: 4096 };
        let mut verifier = Verifier::new(registry.clone(), params);
        for (at, kept) in chain.iter().enumerate() {
            let (pair, proof) = match at + 1 == height {
                true => damaged(kept, 1, 123),
                false => kept.clone(),
            };
            verifier.reload_next(pair, proof);
        }
        let mut found = Vec::new();
        while !verifier.step(Timestamp(1), 1 << 20, &mut found) {}
        while !verifier.step_proofs(1 << 20, &Remembered::default(), &mut found) {}
        assert!(found.iter().any(|f| f.height == height as u64), "{height}: {found:?}");
        for suspect in verifier.suspects().clone() {
            let (pair, proof) = chain[suspect as usize - 1].clone();
            assert!(verifier.repair(suspect, pair, proof, &Remembered::default()));
        }
        found.clear();
        for _ in 0..3 {
            while !verifier.step(Timestamp(2), 1 << 20, &mut found) {}
        }
        assert_eq!((found, verifier.suspects().len()), (vec![], 0), "height {height}");
        assert_eq!(verifier.tip(), chain[299].0.ledger.digest(&registry.community()));
    }
}

/// Every byte of both blocks of a pair of a short chain, one bit each by seed.
#[test]
fn every_byte_of_a_pair_is_found_and_repaired() {
    let mut chance = Chance(11);
    let mut world = a_world(3, 1);
    let (pair, _) = kept(&world, NODE, 2);
    let lengths = [pair.contract.bytes().len(), pair.ledger.bytes().len()];
    for (part, length) in lengths.into_iter().enumerate() {
        for byte in 0..length {
            spoil(&mut world, 2, part, 8 * byte + chance.below(8));
            world.deliver_all();
            assert!(is_healed(&world, 2), "part {part}, byte {byte}");
        }
    }
    assert!(world.refusals.is_empty() && world.alarms.is_empty());
    trade_on(&mut world, 1, 2);
    world.assert_agreed(4);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bit_of_any_pair_or_proof_is_found_and_repaired(
        height in 1_u64..=4,
        part in 0_usize..4,
        bit in any::<usize>(),
        seed in 0_u64..4,
    ) {
        let mut world = a_world(4, seed);
        let tip = world.replicas[NODE].snapshot().tip;
        spoil(&mut world, height, part, bit);
        world.deliver_all();
        prop_assert!(is_healed(&world, height));
        prop_assert_eq!(world.replicas[NODE].snapshot().tip, tip);
        prop_assert_eq!(world.replicas[NODE].balances(), world.replicas[0].balances());
    }
}

#[test]
fn an_answer_that_nobody_asked_for_changes_nothing() {
    let mut world = a_world(3, 2);
    let good = kept(&world, 0, 2);
    let (pair, proof) = damaged(&good, 0, 1);
    world.replicas[NODE].reload(2, pair, proof);
    world.hear(NODE as u32, 0, Message::Range(vec![good]));
    assert!(world.fetched.is_empty());
    assert_ne!(kept(&world, NODE, 2).0, kept(&world, 0, 2).0);
    world.tell(NODE, Input::Suspect { height: 0 });
    world.tell(NODE, Input::Suspect { height: 99 });
    assert_eq!(world.replicas[NODE].snapshot().suspects, 0);
}
