//! Sealed contracts: members read, outsiders do not, one epoch shown shows no other, and whoever has
//! left reads nothing new.

use std::sync::Arc;

use gridpact_chain::block::{Pair, Proof, Record};
use gridpact_chain::digest::Digest;
use gridpact_chain::encode::{Canonical, Encoded, decode, encode};
use gridpact_chain::entries::Entries;
use gridpact_chain::fault::Fault;
use gridpact_chain::journal::JournalEntry;
use gridpact_chain::keyring::{KeyLetter, Keyring};
use gridpact_chain::membership::Change;
use gridpact_chain::message::Message;
use gridpact_chain::refusal::Refusal;
use gridpact_chain::replica::{Input, Params, Replica, RestoreError};
use gridpact_chain::sealed::SealedContract;
use gridpact_chain::terms::{Interval, PartyId, Timestamp};
use gridpact_chain::verdicts::Strict;
use gridpact_chain::verifier::{Damage, audit, audit_reading};
use proptest::prelude::*;

use crate::world::{EPOCH, T_SETTLE, World, a_body, a_sealing_genesis, drawn, seal_secret, signed};

const LATER: Timestamp = Timestamp(T_SETTLE.0 + 60_000);

/// A community that seals, with the founding key under way.
fn a_sealing_world(n: u32, seed: u64) -> World {
    let params = Params { seals: true, ..Params::default() };
    let mut world = World::with_params(a_sealing_genesis(n), params, seed);
    (0..n as usize).for_each(|i| world.tell(i, Input::Started));
    world
}

fn pairs_of(replica: &Replica) -> Vec<(Arc<Pair>, Arc<Proof>)> {
    (1..).map_while(|height| replica.pair(height).cloned()).collect()
}

/// The same pairs as somebody reads them from bytes: without anybody's view.
fn stored(replica: &Replica) -> Vec<(Arc<Pair>, Arc<Proof>)> {
    let pair = |pair: &Pair| {
        let bytes = encode(pair);
        gridpact_chain::encode::decode_as::<Pair>("pair", 1 << 16, &bytes).expect("canonical")
    };
    pairs_of(replica).iter().map(|(p, proof)| (Arc::new(pair(p)), proof.clone())).collect()
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

#[test]
fn members_settle_what_outsiders_cannot_read() {
    let mut world = a_sealing_world(4, 1);
    let id = world.publish(1, 2, 0);
    world.run_until(LATER);
    world.assert_agreed(1);
    let body = a_body(&world.community(), 1, 2, 0);
    for replica in &world.replicas {
        assert!(replica.is_settled(id));
        assert_eq!(replica.balances().of(PartyId(2)), body.amount);
        let (pair, _) = replica.pair(1).expect("one pair");
        assert_eq!(pair.contract.record.body(), Some(&body));
        assert_eq!(pair.ledger.entries.len(), 2);
    }
    assert!(world.faults.is_empty() && world.alarms.is_empty());
    let (pair, proof) = &stored(&world.replicas[3])[0];
    assert!(pair.contract.record.body().is_none() && !pair.is_read());
    // Neither the body, nor a number of it, nor an entry stands in what is stored or sent.
    let bytes = [encode(&**pair), encode(&**proof)].concat();
    let numbers = [body.energy.0, body.unit_price.0.unsigned_abs(), body.amount.0.unsigned_abs()];
    let mut secrets: Vec<Vec<u8>> = numbers.iter().map(encode).collect();
    secrets.extend([encode(&body), encode(&body.profile_commitment), body.digest().0.to_vec()]);
    secrets
        .push(encode(&(body.epoch, body.buyer, body.seller, body.start, body.end))[1..].to_vec());
    secrets.push(encode(&-body.amount.0));
    for secret in secrets {
        assert!(!contains(&bytes, &secret), "{secret:02x?} can be read");
        assert!(
            contains(&[&bytes[..], &secret].concat(), &secret),
            "the search finds what is there"
        );
    }
    assert!(!format!("{pair:?}").contains(&body.energy.0.to_string()));
    let opened = format!("{:?}", world.replicas[0].pair(1).expect("one pair").0);
    assert!(!opened.contains(&body.energy.0.to_string()), "what is printed may leave the house");
}

#[test]
fn an_outsider_proves_all_but_amounts_and_says_how_many_were_unread() {
    let mut world = a_sealing_world(4, 2);
    for nonce in 0..5 {
        world.publish(u32::from(nonce) % 4, (u32::from(nonce) + 1) % 4, nonce);
    }
    world.run_until(LATER);
    let tip = world.assert_agreed(5);
    let chain = stored(&world.replicas[1]);
    let outside = audit(&world.genesis, &chain, Some((5, tip)), &Strict);
    assert!(outside.is_proven(), "{outside:?}");
    assert_eq!((outside.pairs, outside.unread, outside.energy.0), (5, 5, 0));
    let keys = world.replicas[1].keys();
    let inside = audit_reading(&world.genesis, &chain, Some((5, tip)), keys, &Strict);
    assert!(inside.is_proven() && inside.unread == 0 && inside.energy.0 > 0, "{inside:?}");
    // Two signatures more of each contract: those of the parties.
    assert_eq!(inside.signatures, outside.signatures + 10);
}

#[test]
fn one_disclosed_epoch_opens_that_epoch_and_no_other() {
    let mut world = a_sealing_world(4, 3);
    world.publish(1, 2, 0);
    world.run_until(LATER);
    let (next, settle) = (Interval(EPOCH.0 + 1), Timestamp(LATER.0 + 60_000));
    world.start_epoch(next, settle);
    let mut body = a_body(&world.community(), 2, 3, 9);
    (body.epoch, body.valid_until) = (next, settle);
    world.tell(2, Input::Publish(Box::new(signed(body))));
    world.run_until(Timestamp(settle.0 + 60_000));
    world.assert_agreed(2);
    let (community, chain) = (world.community(), stored(&world.replicas[0]));
    for (shown, unread) in [(EPOCH, 2), (next, 1)] {
        let key = world.replicas[0].keys().epoch(&community, 0, shown).expect("held");
        let mut keys = Keyring::default();
        keys.disclose(0, shown, gridpact_chain::seal::EpochKey::from_bytes(key.disclose()));
        let report = audit_reading(&world.genesis, &chain, None, &keys, &Strict);
        assert!(report.is_proven(), "{report:?}");
        assert_eq!(report.unread, 1);
        for (pair, _) in &chain {
            let opened = pair.opened(&community, &keys);
            let is_shown = pair.height() != unread;
            assert_eq!(opened.is_ok(), is_shown, "height {}", pair.height());
        }
    }
}

#[test]
fn after_a_removal_the_old_keys_open_nothing_new() {
    let mut world = a_sealing_world(5, 4);
    world.publish(1, 2, 0);
    world.run_until(Timestamp(T_SETTLE.0 - 30_000));
    world.order(gridpact_chain::sequencer::Input::Cut);
    world.run_until(Timestamp(T_SETTLE.0 - 25_000));
    world.propose(0, Change::Remove(PartyId(4)));
    world.run_until(Timestamp(T_SETTLE.0 - 20_000));
    world.order(gridpact_chain::sequencer::Input::Cut);
    world.run_until(Timestamp(T_SETTLE.0 - 15_000));
    world.publish(2, 3, 1);
    world.run_until(LATER);
    let community = world.community();
    let gone = world.replicas[4].keys().clone();
    assert_eq!(gone.numbers().collect::<Vec<_>>(), [0]);
    for i in 0..4 {
        let seen = world.replicas[i].snapshot();
        assert_eq!((seen.height, seen.closed, seen.registry), (3, 3, 1), "node {i}: {seen:?}");
        assert_eq!(world.replicas[i].keys().numbers().collect::<Vec<_>>(), [0, 1]);
    }
    let chain = stored(&world.replicas[0]);
    let number = |at: usize| chain[at].0.contract.record.sealed().map(|sealed| sealed.key);
    assert_eq!((number(0), number(1), number(2)), (Some(0), None, Some(1)));
    assert!(chain[0].0.opened(&community, &gone).is_ok(), "who left keeps what he could read");
    assert_eq!(chain[2].0.opened(&community, &gone), Err(Refusal::NoKey { number: 1 }));
    assert!(world.journals[4].iter().all(|entry| match entry {
        JournalEntry::Keys(letter) => letter.number() == 0,
        _ => true,
    }));
    let report = audit_reading(&world.genesis, &chain, None, world.replicas[0].keys(), &Strict);
    assert!(report.is_proven() && report.unread == 0, "{report:?}");
}

#[test]
fn what_is_sealed_under_the_key_before_a_removal_gets_no_vote() {
    let mut world = a_sealing_world(5, 5);
    world.run_until(Timestamp(T_SETTLE.0 - 50_000));
    world.propose(0, Change::Remove(PartyId(4)));
    world.run_until(Timestamp(T_SETTLE.0 - 40_000));
    world.order(gridpact_chain::sequencer::Input::Cut);
    world.run_until(Timestamp(T_SETTLE.0 - 30_000));
    let contract = signed(a_body(&world.community(), 1, 2, 0));
    let keys = world.replicas[1].keys().clone();
    let old = SealedContract::seal(contract, 0, &world.community(), &keys).expect("key 0 is held");
    let record = Encoded::new(Record::Sealed(old));
    world.hear(3, 1, Message::Ask { record });
    world.run_until(Timestamp(T_SETTLE.0 - 20_000));
    assert!(world.refusals.contains(&(3, Refusal::OldKey { expected: 1 })), "{:?}", world.refusals);
    let answered = |entry: &JournalEntry| matches!(entry, JournalEntry::Approval { record, .. } if record.sealed().is_some());
    assert!(!world.journals[3].iter().any(answered));
}

#[test]
fn a_newcomer_gets_every_key_and_reads_the_whole_chain() {
    let mut world = a_sealing_world(4, 6);
    world.publish(1, 2, 0);
    world.run_until(Timestamp(T_SETTLE.0 - 30_000));
    let mut genesis = a_sealing_genesis(5);
    let newcomer = genesis.members.remove(4);
    world.propose(0, Change::Add(newcomer));
    world.run_until(Timestamp(T_SETTLE.0 - 20_000));
    world.order(gridpact_chain::sequencer::Input::Cut);
    world.run_until(LATER);
    let letters = world.journals[0].iter().filter_map(|entry| match entry {
        JournalEntry::Keys(letter) => Some(letter.clone()),
        _ => None,
    });
    let mine: Vec<_> = letters.filter(|letter| letter.is_for(PartyId(4))).collect();
    assert_eq!(mine.iter().map(|letter| letter.name()).collect::<Vec<_>>(), [(0, 1)]);
    let community = world.community();
    let key = mine[0].unwrap_for(&community, PartyId(4), &seal_secret(4));
    let mut keys = Keyring::default();
    keys.add(0, key.expect("it is for the newcomer"));
    let chain = stored(&world.replicas[0]);
    let report = audit_reading(&world.genesis, &chain, None, &keys, &Strict);
    assert!(report.is_proven() && report.unread == 0, "{report:?}");
}

/// Sealed by somebody who has the key and lies about what is in it.
fn liars(world: &World) -> Vec<SealedContract> {
    let (community, keys) = (world.community(), world.replicas[1].keys().clone());
    let seal = |nonce| {
        let contract = signed(a_body(&community, 1, 2, nonce));
        SealedContract::seal(contract, 0, &community, &keys).expect("key 0 is held")
    };
    let other = seal(9);
    let bent = |nonce, bend: &dyn Fn(&mut SealedContract)| {
        let mut sealed = seal(nonce);
        bend(&mut sealed);
        sealed
    };
    vec![
        bent(1, &|sealed| sealed.commitment = other.commitment),
        bent(2, &|sealed| sealed.contract_id = other.contract_id),
        bent(3, &|sealed| sealed.sealed = other.sealed.clone()),
        bent(4, &|sealed| sealed.epoch = Interval(EPOCH.0 + 1)),
        bent(5, &|sealed| sealed.valid_until = LATER),
    ]
}

#[test]
fn what_does_not_fit_its_open_fields_gets_no_vote_and_stops_nobody() {
    let mut world = a_sealing_world(4, 7);
    world.run_until(Timestamp(T_SETTLE.0 - 50_000));
    for lie in liars(&world) {
        let record = Encoded::new(Record::Sealed(lie));
        world.refusals.clear();
        world.hear(3, 1, Message::Ask { record });
        assert_eq!(world.refusals, [(3, Refusal::SealBroken)]);
    }
    let id = world.publish(1, 2, 0);
    world.run_until(LATER);
    world.assert_agreed(1);
    assert!(world.replicas[3].is_settled(id));
}

#[test]
fn an_unknown_key_is_asked_for_and_the_contract_asked_about_again() {
    let mut world = a_sealing_world(4, 8);
    // Node 3 never gets the founding letter; it hears of the key in the first contract.
    world.mail.retain(|(to, _, message)| to.0 != 3 || !matches!(message, Message::Keys(_)));
    let id = world.publish(1, 2, 0);
    world.run_until(LATER);
    world.assert_agreed(1);
    assert!(world.refusals.contains(&(3, Refusal::NoKey { number: 0 })));
    assert!(world.replicas[3].is_settled(id));
}

#[test]
fn a_letter_of_keys_that_the_sequencer_did_not_sign_is_refused() {
    let mut world = a_sealing_world(4, 9);
    let sent = world.mail.iter().find_map(|(_, _, message)| match message {
        Message::Keys(letter) => Some(letter.clone()),
        _ => None,
    });
    world.mail.clear();
    let mut letter = (*sent.expect("the founding letter")).clone();
    letter.signature.0[5] ^= 1;
    world.hear(2, 0, Message::Keys(Arc::new(letter)));
    assert!(world.replicas[2].keys().is_empty());
    assert_eq!(world.refusals, [(2, Refusal::NotSequencer)]);
}

#[test]
fn sealed_and_open_contracts_settle_to_the_balances_of_open_ones() {
    // Of three nodes one seals; of none, and of all.
    let run = |seals: &dyn Fn(u32) -> bool, seed| {
        let params = |i| Params { seals: seals(i), ..Params::default() };
        let mut world = World::with_params(a_sealing_genesis(6), params(0), seed);
        for i in 0..6 {
            let (genesis, registry) = (world.genesis.clone(), world.registry.clone());
            let node = Replica::with_registry(genesis, registry, PartyId(i), params(i));
            world.replicas[i as usize] = node;
            let settles = Input::EpochStarted { epoch: EPOCH, t_settle: T_SETTLE };
            world.tell(i as usize, settles);
        }
        (0..6).for_each(|i| world.tell(i, Input::Started));
        for nonce in 0..12 {
            world.publish(u32::from(nonce) % 6, (u32::from(nonce) + 2) % 6, nonce);
        }
        world.run_until(LATER);
        world.assert_agreed(12);
        let chain = stored(&world.replicas[5]);
        let is_sealed = |(pair, _): &&(Arc<Pair>, Arc<Proof>)| !pair.is_read();
        let sealed = chain.iter().filter(is_sealed).count();
        let outside = audit(&world.genesis, &chain, None, &Strict);
        assert!(outside.is_proven() && outside.unread == sealed as u64, "{outside:?}");
        let balances: Vec<_> = world.replicas[0].balances().iter().collect();
        (sealed, balances)
    };
    for seed in 0..4 {
        let (open, mixed) = (run(&|_| false, seed), run(&|i| i % 3 == 0, seed));
        let sealed = run(&|_| true, seed);
        assert_eq!((open.0, mixed.0, sealed.0), (0, 4, 12));
        assert!(open.1 == mixed.1 && open.1 == sealed.1, "seed {seed}");
    }
}

#[test]
fn a_node_is_born_again_with_its_keys_and_not_without() {
    let mut world = a_sealing_world(4, 11);
    world.publish(1, 2, 0);
    world.publish(2, 3, 1);
    world.run_until(LATER);
    let tip = world.assert_agreed(2);
    let journal = world.journals[3].clone();
    let born = |keys: Keyring, entries: Vec<JournalEntry>| {
        let (genesis, registry) = (world.genesis.clone(), world.registry.clone());
        Replica::restore_reading(genesis, registry, PartyId(3), world.params.clone(), keys, entries)
    };
    let blind = born(Keyring::default(), journal.clone()).map(|_| ());
    assert_eq!(blind, Err(RestoreError::Sealed { height: 1, number: 0 }));
    let mut keys = Keyring::default();
    for entry in &journal {
        if let JournalEntry::Keys(letter) = entry {
            let (me, secret) = (PartyId(3), seal_secret(3));
            let key = letter.keys.wrapped.unwrap_for(&world.community(), me, &secret);
            keys.add(letter.number(), key.expect("it is for node 3"));
        }
    }
    // As they come from the disk: bytes only.
    let entries = journal.iter().map(|entry| {
        let bytes = encode(entry);
        gridpact_chain::encode::decode_as("entry", 1 << 20, &bytes).expect("canonical")
    });
    let again = born(keys, entries.collect()).expect("with its keys");
    assert_eq!((again.snapshot().tip, again.snapshot().height), (tip, 2));
    assert_eq!(again.balances(), world.replicas[0].balances());
    assert!(again.pair(2).expect("pair 2").0.is_read());
}

#[test]
fn a_verifier_finds_entries_that_were_sealed_wrongly() {
    let mut world = a_sealing_world(4, 12);
    world.publish(1, 2, 0);
    world.run_until(LATER);
    world.assert_agreed(1);
    let (community, keys) = (world.community(), world.replicas[0].keys().clone());
    let below = gridpact_chain::ledger::Ledger::new(community).reading(keys.clone());
    let outside = gridpact_chain::ledger::Ledger::new(community);
    let (pair, _) = &stored(&world.replicas[0])[0];
    let check = |below, pair: &Pair| gridpact_chain::verifier::check_pair(below, pair, |_| None);
    assert_eq!((check(&below, pair), check(&outside, pair)), (Ok(()), Ok(())));
    let mut wrong = world.replicas[0].pair(1).expect("pair 1").0.ledger.entries.to_vec();
    wrong[1].delta.0 += 1;
    let key = keys.epoch(&community, 0, EPOCH).expect("held");
    let block = pair.contract.digest(&community);
    let with = |entries| {
        let mut ledger = (*pair.ledger).clone();
        ledger.entries = entries;
        Pair { contract: pair.contract.clone(), ledger: Encoded::new(ledger) }
    };
    let lie = with(Entries::seal(wrong.clone(), &key, &community, &block));
    assert_eq!(check(&below, &lie), Err(Damage::Entries));
    assert_eq!(check(&outside, &lie), Ok(()), "an outsider cannot know");
    let elsewhere = with(Entries::seal(wrong.clone(), &key, &community, &Digest([1; 32])));
    assert_eq!(check(&below, &elsewhere), Err(Damage::Entries));
    let open = with(Entries::from(wrong));
    assert_eq!(check(&below, &open), Err(Damage::Entries));
    assert_eq!(check(&outside, &open), Err(Damage::Entries), "open entries of a sealed record");
}

#[test]
fn sweeps_over_stored_bytes_prove_sealed_pairs_with_the_key_and_pass_them_without() {
    use gridpact_chain::verifier::{PairBytes, State};
    let mut world = a_sealing_world(4, 14);
    (0..6)
        .for_each(|nonce| _ = world.publish(u32::from(nonce) % 4, 3 - u32::from(nonce) % 3, nonce));
    world.run_until(LATER);
    let height = world.replicas[0].snapshot().height;
    let tip = world.assert_agreed(height);
    let (community, keys) = (world.community(), world.replicas[0].keys().clone());
    let mut inside = State::new(community).reading(keys.clone());
    let mut outside = State::new(community);
    for (pair, _) in &stored(&world.replicas[0]) {
        let bytes = PairBytes::of(pair);
        assert!(bytes.is_canonical());
        let mut bent =
            world.replicas[0].pair(pair.height()).expect("there").0.ledger.entries.to_vec();
        bent[0].balance.0 += 1;
        let key = keys.epoch(&community, 0, EPOCH).expect("held");
        let block = pair.contract.digest(&community);
        let entries = Entries::seal(bent, &key, &community, &block);
        let lie = encode(&gridpact_chain::block::LedgerBlock { entries, ..(*pair.ledger).clone() });
        let lie = PairBytes { contract: pair.contract.bytes(), ledger: &lie };
        assert_eq!(inside.clone().take(lie, &mut |_| None), Err(Damage::Entries));
        for state in [&mut inside, &mut outside] {
            assert_eq!(state.take(bytes, &mut |_| None), Ok(()));
        }
    }
    assert_eq!((inside.tip(), outside.tip()), (tip, tip));
    assert_eq!(inside.ledger().balances, *world.replicas[0].balances());
    assert!(outside.ledger().unread > 0);
}

#[test]
fn both_forms_of_entries_are_read_strictly() {
    let mut world = a_sealing_world(4, 13);
    world.publish(1, 2, 0);
    world.run_until(LATER);
    let (pair, _) = stored(&world.replicas[0])[0].clone();
    let ledger = pair.ledger.bytes();
    let sealed = encode(&pair.ledger.entries);
    assert_eq!(sealed[0], 0xc4, "a byte string");
    let at = ledger.windows(sealed.len()).position(|w| w == sealed).expect("its place");
    let with = |form: &[u8]| {
        let bytes = [&ledger[..at], form, &ledger[at + sealed.len()..]].concat();
        decode::<gridpact_chain::block::LedgerBlock>(&bytes)
    };
    assert!(with(&sealed).is_ok());
    assert!(with(&encode(&pair_entries(&world))).is_ok(), "an array");
    let long = [&[0xc5, 0][..], &sealed[1..]].concat();
    let text = [&[0xd9, sealed[1]][..], &vec![b'a'; sealed.len() - 2]].concat();
    for form in [&[0xc0][..], &[0x80], &[0x07], &[0xc4, 2, 1, 1], &[0xa2, b'a', b'b'], &long, &text]
    {
        assert!(with(form).is_err(), "{form:02x?}");
    }
}

/// Bytes of version 3, pinned in `golden/v3.txt`: changing a line is a new version of the format.
/// `BLESS=1` writes the file anew.
#[test]
fn sealed_forms_have_the_bytes_of_version_3() {
    use std::fmt::Write as _;
    let mut world = a_sealing_world(2, 1);
    world.publish(0, 1, 0);
    world.run_until(LATER);
    world.assert_agreed(1);
    let (pair, _) = stored(&world.replicas[1])[0].clone();
    let community = world.community();
    let letter = world.journals[1].iter().find_map(|entry| match entry {
        JournalEntry::Keys(letter) => Some(letter.clone()),
        _ => None,
    });
    let letter = letter.expect("the founding key");
    let twice = Box::new(KeyLetter::clone(&letter));
    let (_, subject) = pair.contract.record.subject(&community).expect("a contract");
    let shown = world.replicas[0].keys().epoch(&community, 0, EPOCH).expect("held").disclose();
    let lines = [
        ("record.sealed", pair.contract.record.bytes().to_vec()),
        ("record.sealed.subject", subject.0.to_vec()),
        ("block.contract", pair.contract.bytes().to_vec()),
        ("block.contract.digest", pair.contract.digest(&community).0.to_vec()),
        ("block.ledger", pair.ledger.bytes().to_vec()),
        ("block.ledger.digest", pair.ledger.digest(&community).0.to_vec()),
        ("keys", letter.keys.bytes().to_vec()),
        ("keys.digest", letter.keys.digest(&community).0.to_vec()),
        ("message.keys", encode(&Message::Keys(letter.clone()))),
        ("message.keys_request", encode(&Message::KeysRequest { number: 7 })),
        ("journal.keys", encode(&JournalEntry::Keys(letter.clone()))),
        ("fault.two_keys", encode(&Fault::TwoKeys(twice.clone(), twice))),
        ("epoch.key", shown.to_vec()),
    ];
    let mut text = String::new();
    for (name, bytes) in lines {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(text, "{name} {hex}").expect("a string takes any text");
    }
    if std::env::var_os("BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/v3.txt");
        return std::fs::write(path, &text).expect("the golden file can be written");
    }
    assert_eq!(text, include_str!("../golden/v3.txt"));
}

fn pair_entries(world: &World) -> Vec<gridpact_chain::block::Entry> {
    world.replicas[0].pair(1).expect("pair 1").0.ledger.entries.to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn lost_and_doubled_letters_do_not_change_what_sealed_contracts_settle_to(
        seed in any::<u64>(),
        loss in 0_u64..250,
        deals in 1_u8..6,
    ) {
        let run = |loss, seed| {
            let mut world = a_sealing_world(4, seed);
            (world.loss, world.doubling) = (loss, 150);
            for nonce in 0..deals {
                world.publish(u32::from(nonce) % 4, (u32::from(nonce) + 1) % 4, nonce);
            }
            world.run_until(T_SETTLE);
            world.loss = 0;
            world.run_until(Timestamp(LATER.0 + 60_000));
            world
        };
        let (faulty, calm) = (run(loss, seed), run(0, seed ^ 1));
        prop_assert_eq!(faulty.assert_agreed(deals.into()), calm.assert_agreed(deals.into()));
    }

    #[test]
    fn hostile_bytes_in_a_sealed_record_are_refused_and_never_panic(
        at in any::<prop::sample::Index>(),
        to in any::<u8>(),
    ) {
        let (community, mut keys) = (Digest([5; 32]), Keyring::default());
        keys.add(0, drawn(0, 0, 0).group);
        let contract = signed(a_body(&community, 1, 2, 0));
        let sealed = SealedContract::seal(contract, 0, &community, &keys).expect("held");
        let record = Encoded::new(Record::Sealed(sealed));
        let mut bytes = record.bytes().to_vec();
        let at = at.index(bytes.len());
        let is_same = std::mem::replace(&mut bytes[at], to) == to;
        prop_assert!(bytes.len() <= Record::BYTES_MAX);
        if let Ok(bent) = Encoded::<Record>::from_bytes(&bytes) {
            prop_assert_eq!(bent.opened(&community, &keys).is_ok(), is_same);
        }
    }
}
