//! Sealed pairs on their way back: to a node that was away, into a store where one went bad, and to
//! a verifier that gets its key late.

use std::collections::BTreeSet;
use std::sync::Arc;

use gridpact_chain::block::{Pair, Proof};
use gridpact_chain::encode::{decode_as, encode};
use gridpact_chain::keyring::Keyring;
use gridpact_chain::membership::Change;
use gridpact_chain::message::Message;
use gridpact_chain::replica::{Input, Params as ReplicaParams, Replica};
use gridpact_chain::sequencer;
use gridpact_chain::terms::{PartyId, Timestamp};
use gridpact_chain::verdicts::{Remembered, Strict};
use gridpact_chain::verifier::{Damage, Params, Verifier, audit_reading};

use crate::stored::{read, reference, rows, rows_of_keys};
use crate::world::{EPOCH, T_SETTLE, World, a_sealing_genesis};

const LATER: Timestamp = Timestamp(T_SETTLE.0 + 60_000);
const AWAY: u32 = 4;

type Kept = (Arc<Pair>, Arc<Proof>);

/// Five homes that seal; the last one is away from the beginning and has no key.
fn a_world(deals: u8, seed: u64) -> World {
    let params = ReplicaParams { seals: true, ..ReplicaParams::default() };
    let mut world = World::with_params(a_sealing_genesis(5), params, seed);
    world.dead.insert(AWAY);
    (0..5).for_each(|i| world.tell(i, Input::Started));
    for nonce in 0..deals {
        world.publish(u32::from(nonce % 4), u32::from((nonce + 1) % 4), nonce);
    }
    world.run_until(LATER);
    assert_eq!(world.replicas[0].snapshot().height, u64::from(deals));
    world
}

fn kept(world: &World, node: usize, height: u64) -> Kept {
    world.replicas[node].pair(height).expect("a known height").clone()
}

/// The pair as it comes from bytes, unread.
fn unread(pair: &Pair) -> Arc<Pair> {
    Arc::new(decode_as::<Pair>("pair", 1 << 16, &encode(pair)).expect("canonical"))
}

/// The pair with one bit of its ledger block flipped, which stays what it was for its memory.
fn damaged((pair, proof): &Kept, bit: usize) -> Kept {
    let mut bytes = pair.ledger.bytes().to_vec();
    let at = bit % (8 * bytes.len());
    bytes[at / 8] ^= 1 << (at % 8);
    let ledger = pair.ledger.damaged(&bytes);
    (Arc::new(Pair { contract: pair.contract.clone(), ledger }), Arc::clone(proof))
}

fn come_back(world: &mut World) {
    let (genesis, registry) = (world.genesis.clone(), world.registry.clone());
    let params = world.params.clone();
    let node = Replica::restore(genesis, registry, PartyId(AWAY), params, Vec::new());
    world.replicas[AWAY as usize] = node.expect("a blank journal");
    world.dead.remove(&AWAY);
    world.tell(AWAY as usize, Input::Started);
    world.tell(AWAY as usize, Input::EpochStarted { epoch: EPOCH, t_settle: T_SETTLE });
}

#[test]
fn a_node_that_was_away_asks_for_the_key_and_catches_up_over_sealed_pairs() {
    for seed in 0..6 {
        let mut world = a_world(4, seed);
        world.loss = 150 * (seed % 2);
        come_back(&mut world);
        assert!(world.replicas[AWAY as usize].keys().is_empty());
        world.run_until(Timestamp(LATER.0 + 60_000));
        world.loss = 0;
        world.run_until(Timestamp(LATER.0 + 240_000));
        world.assert_agreed(4);
        let node = &world.replicas[AWAY as usize];
        assert_eq!(node.keys(), world.replicas[0].keys(), "seed {seed}");
        assert_eq!(node.balances(), world.replicas[0].balances());
        assert!((1..=4).all(|height| kept(&world, AWAY as usize, height).0.is_read()));
        assert!(world.alarms.is_empty() && world.faults.is_empty());
    }
}

#[test]
fn while_nobody_hands_out_the_key_nothing_is_taken_over_unread() {
    let mut world = a_world(3, 9);
    come_back(&mut world);
    for _ in 0..200 {
        world.mail.retain(|(to, _, message)| to.0 != AWAY || !matches!(message, Message::Keys(_)));
        let Some((to, from, message)) = world.mail.pop() else { break };
        world.tell(to.0 as usize, Input::Message { from, message });
    }
    let seen = world.replicas[AWAY as usize].snapshot();
    assert_eq!((seen.height, seen.balance), (0, gridpact_chain::terms::Money(0)), "{seen:?}");
    world.run_until(Timestamp(LATER.0 + 240_000));
    world.assert_agreed(3);
}

#[test]
fn a_sealed_pair_that_went_bad_is_replaced_by_a_peers_copy_and_read_again() {
    for (height, bit) in [(1, 77), (2, 501), (3, 1_400), (3, 2_003)] {
        let mut world = a_world(3, 20 + height);
        let good = kept(&world, 0, height);
        let (pair, proof) = damaged(&kept(&world, 2, height), bit);
        world.replicas[2].reload(height, pair, proof);
        world.tell(2, Input::Suspect { height });
        // Whoever is away does not answer, and the next is asked.
        world.run_until(Timestamp(LATER.0 + 60_000));
        let (pair, proof) = kept(&world, 2, height);
        assert!(pair == good.0 && proof.approvals == good.1.approvals, "height {height}");
        assert!(pair.is_read() && pair.ledger.entries[..] == good.0.ledger.entries[..]);
        assert_eq!(world.replicas[2].snapshot().suspects, 0);
        assert_eq!(world.fetched, [(2, height)]);
        assert!(world.alarms.is_empty() && world.faults.is_empty());
    }
}

/// Sealed, open, a member removed, sealed under the next key, and open again.
fn a_mixed_chain() -> World {
    let seals = |i| ReplicaParams { seals: i != 1, ..ReplicaParams::default() };
    let mut world = World::with_params(a_sealing_genesis(5), seals(0), 6);
    let (genesis, registry) = (world.genesis.clone(), world.registry.clone());
    world.replicas[1] = Replica::with_registry(genesis, registry, PartyId(1), seals(1));
    world.tell(1, Input::EpochStarted { epoch: EPOCH, t_settle: T_SETTLE });
    (0..5).for_each(|i| world.tell(i, Input::Started));
    let settled = |world: &mut World, left: u64| {
        world.run_until(Timestamp(T_SETTLE.0 - left));
        world.order(sequencer::Input::Cut);
        world.run_until(Timestamp(T_SETTLE.0 - left + 1_500));
    };
    world.publish(2, 3, 0);
    settled(&mut world, 50_000);
    world.publish(1, 3, 1);
    settled(&mut world, 40_000);
    world.propose(0, Change::Remove(PartyId(4)));
    settled(&mut world, 30_000);
    world.publish(3, 2, 2);
    settled(&mut world, 20_000);
    world.publish(1, 2, 3);
    world.run_until(LATER);
    assert_eq!(world.replicas[0].snapshot().height, 5);
    world
}

/// `tests/reference/sealed.txt` holds it for readers in other languages; `BLESS=1` writes it anew.
#[test]
fn a_chain_of_sealed_and_open_pairs_is_stored_and_proved_as_an_outsider_can() {
    let path = reference("sealed.txt");
    if std::env::var_os("BLESS").is_some() {
        let world = a_mixed_chain();
        let chain: Vec<Kept> = (1..=5).map(|height| kept(&world, 0, height)).collect();
        let text = rows(&world.genesis, &chain) + &rows_of_keys(&world.journals[0]);
        return std::fs::write(path, text).expect("the file can be written");
    }
    let (genesis, chain, tip) = read(&std::fs::read_to_string(path).expect("the stored chain"));
    let report = audit_reading(&genesis, &chain, None, &Keyring::default(), &Strict);
    assert_eq!((report.findings.len(), report.tip), (0, tip), "{report:?}");
    assert_eq!((report.pairs, report.closed, report.unread), (5, 5, 2));
    let keys: Vec<_> = chain.iter().map(|(pair, _)| pair.contract.record.sealed()).collect();
    let keys: Vec<Option<u32>> = keys.iter().map(|sealed| sealed.map(|s| s.key)).collect();
    assert_eq!(keys, [Some(0), None, None, Some(1), None]);
}

/// Sweeps until one has ended, structure and proofs.
fn sweep(verifier: &mut Verifier) -> BTreeSet<(u64, Damage)> {
    let mut found = Vec::new();
    while !verifier.step(Timestamp(5), 1 << 16, &mut found) {}
    while !verifier.step_proofs(1 << 16, &Remembered::default(), &mut found) {}
    found.iter().map(|finding| (finding.height, finding.damage)).collect()
}

#[test]
fn a_verifier_finds_and_mends_sealed_pairs_with_and_without_the_key() {
    let world = a_world(6, 30);
    for (keys, is_opened) in [(world.replicas[0].keys().clone(), true), (Keyring::default(), false)]
    {
        for bad in [1, 3, 6] {
            let params = Params { structural_every: 2, segment_bytes: 2048 };
            let mut verifier = Verifier::new(world.registry.clone(), params);
            verifier.learn(&keys);
            for height in 1..=6 {
                let (pair, proof) = kept(&world, 1, height);
                let good = (if is_opened { pair } else { unread(&pair) }, proof);
                let (pair, proof) = if height == bad { damaged(&good, 1_111) } else { good };
                verifier.reload_next(pair, proof);
            }
            let found = sweep(&mut verifier);
            assert!(found.iter().any(|(height, _)| *height == bad), "{bad}: {found:?}");
            for suspect in verifier.suspects().clone() {
                let (pair, proof) = kept(&world, 3, suspect);
                // A copy comes as bytes.
                let verdicts = Remembered::default();
                assert!(verifier.repair(suspect, unread(&pair), proof, &verdicts), "{suspect}");
            }
            for _ in 0..3 {
                assert_eq!(sweep(&mut verifier), BTreeSet::new(), "height {bad}");
            }
            assert!(verifier.suspects().is_empty());
            assert_eq!(verifier.tip(), world.replicas[0].snapshot().tip);
        }
    }
}

#[test]
fn a_verifier_that_learns_the_key_late_finds_what_it_could_not_see_before() {
    let world = a_world(4, 40);
    let (community, keys) = (world.community(), world.replicas[0].keys().clone());
    let lie = |pair: &Pair| {
        let mut entries = pair.ledger.entries.to_vec();
        entries[1].delta.0 += 1;
        let key = keys.epoch(&community, 0, EPOCH).expect("held");
        let block = pair.contract.digest(&community);
        let entries = gridpact_chain::entries::Entries::seal(entries, &key, &community, &block);
        let ledger = gridpact_chain::block::LedgerBlock { entries, ..(*pair.ledger).clone() };
        Pair {
            contract: pair.contract.clone(),
            ledger: gridpact_chain::encode::Encoded::new(ledger),
        }
    };
    let mut verifier = Verifier::new(world.registry.clone(), Params::default());
    let (pair, proof) = kept(&world, 0, 1);
    verifier.reload_next(unread(&lie(&pair)), proof);
    let mut found = Vec::new();
    while !verifier.step(Timestamp(5), 1 << 16, &mut found) {}
    assert!(found.is_empty(), "nobody without the key sees it: {found:?}");
    verifier.learn(&keys);
    for _ in 0..2 {
        while !verifier.step(Timestamp(6), 1 << 16, &mut found) {}
    }
    assert!(found.iter().any(|f| (f.height, f.damage) == (1, Damage::Entries)), "{found:?}");
    // The votes are for another block, so an auditor without the key sees that much.
    let chain = [(unread(&lie(&pair)), kept(&world, 0, 1).1)];
    let outside = audit_reading(&world.genesis, &chain, None, &Keyring::default(), &Strict);
    assert!(!outside.is_proven());
}
