//! Two group keys under one number: a sequencer that signs both is caught by whoever sees both, and
//! nothing less catches it.

use std::sync::Arc;

use gridpact_chain::encode::Encoded;
use gridpact_chain::fault::Fault;
use gridpact_chain::journal::JournalEntry;
use gridpact_chain::keyring::{KeyLetter, Keyring, Keys};
use gridpact_chain::membership::Change;
use gridpact_chain::message::Message;
use gridpact_chain::refusal::Refusal;
use gridpact_chain::registry::Registries;
use gridpact_chain::replica::{Alarm, Effect, Input, Params, Replica};
use gridpact_chain::seal::GroupKey;
use gridpact_chain::sequencer;
use gridpact_chain::sign::Signature;
use gridpact_chain::statement::Statement;
use gridpact_chain::terms::{PartyId, Timestamp};
use gridpact_chain::verdicts::Strict;

use crate::world::{T_SETTLE, World, a_sealing_genesis, key, seal_secret, sign};

const LATER: Timestamp = Timestamp(T_SETTLE.0 + 60_000);

fn a_world(n: u32, seed: u64) -> World {
    let params = Params { seals: true, ..Params::default() };
    let mut world = World::with_params(a_sealing_genesis(n), params, seed);
    (0..n as usize).for_each(|i| world.tell(i, Input::Started));
    world
}

/// A letter of `signer` with group key `number` for all members, as of registry version `registry`.
fn a_letter(world: &World, group: u8, number: u32, registry: u32, signer: u32) -> KeyLetter {
    let (community, group) = (world.community(), GroupKey::from_bytes([group; 32]));
    let members = world.genesis.members.iter().map(|member| (member.id, member.seal_key));
    let wrapped = group.wrap(&community, number, [71; 32], members);
    let commitment = group.commitment(&community, number);
    let keys = Encoded::new(Keys { registry, commitment, wrapped });
    let signature = sign(&key(signer), &Statement::Keys(keys.clone()).digest(&community));
    KeyLetter { keys, signature }
}

fn halted(world: &World) -> Vec<bool> {
    world.replicas.iter().map(|replica| replica.snapshot().halted).collect()
}

fn founding_letter(world: &World, i: usize) -> KeyLetter {
    let letters = world.journals[i].iter().find_map(|entry| match entry {
        JournalEntry::Keys(letter) => Some(KeyLetter::clone(letter)),
        _ => None,
    });
    letters.expect("the founding letter")
}

#[test]
fn whoever_sees_two_keys_under_one_number_stops_and_shows_both_to_all() {
    let mut world = a_world(4, 1);
    world.publish(1, 2, 0);
    world.run_until(LATER);
    world.assert_agreed(1);
    let rival = a_letter(&world, 9, 0, 0, 0);
    world.hear(2, 3, Message::Keys(Arc::new(rival.clone())));
    assert_eq!(halted(&world), [false, false, true, false], "the first that sees both");
    world.run_until(Timestamp(LATER.0 + 60_000));
    assert_eq!(halted(&world), [true; 4], "and all to whom it shows them");
    let mut alarmed: Vec<u32> = world.alarms.iter().map(|(who, _)| *who).collect();
    alarmed.sort_unstable();
    assert_eq!(alarmed, [0, 1, 2, 3], "each once");
    assert!(world.alarms.iter().all(|(_, alarm)| *alarm == Alarm::KeysForked { number: 0 }));
    assert_eq!(world.faults.len(), 4);
    let registries = Registries::founding(&world.genesis);
    for (_, fault) in &world.faults {
        // As a stranger meets it: from its bytes.
        let bytes = gridpact_chain::encode::encode(fault);
        let fault: Fault =
            gridpact_chain::encode::decode_as("fault", 1 << 20, &bytes).expect("canonical");
        assert!(fault.is_proven(&world.community(), &registries, &Strict));
        assert_eq!(fault.culprit(&registries), Some(PartyId(0)));
        assert!(fault.accuses(PartyId(0), &registries) && !fault.accuses(PartyId(2), &registries));
    }
    // Nothing is sealed or settled any more, and what was settled is still read.
    world.refusals.clear();
    world.publish(2, 3, 1);
    world.run_until(Timestamp(LATER.0 + 120_000));
    assert!(world.refusals.contains(&(2, Refusal::Halted)), "{:?}", world.refusals);
    assert!(world.replicas.iter().all(|replica| replica.snapshot().height == 1));
    assert!(world.replicas[1].pair(1).expect("pair 1").0.is_read());
    world.hear(2, 0, Message::Keys(Arc::new(rival)));
    assert_eq!((world.alarms.len(), world.faults.len()), (4, 4), "said once");
}

#[test]
fn a_node_born_again_remembers_that_two_keys_were_signed() {
    let mut world = a_world(4, 2);
    world.publish(1, 2, 0);
    world.run_until(LATER);
    let rival = a_letter(&world, 9, 0, 0, 0);
    world.hear(3, 0, Message::Keys(Arc::new(rival)));
    let (journal, community) = (world.journals[3].clone(), world.community());
    let letters = journal.iter().filter_map(|entry| match entry {
        JournalEntry::Keys(letter) => Some(letter),
        _ => None,
    });
    let mut keys = Keyring::default();
    for letter in letters {
        let group = letter.unwrap_for(&community, PartyId(3), &seal_secret(3)).expect("a copy");
        keys.add(letter.number(), group);
    }
    let (genesis, registry) = (world.genesis.clone(), world.registry.clone());
    let params = world.params.clone();
    let mut again =
        Replica::restore_reading(genesis, registry, PartyId(3), params, keys, journal.clone())
            .expect("with the key it read with before");
    assert!(again.snapshot().halted);
    let mut out = Vec::new();
    again.handle(LATER, Input::Started, &Strict, &mut out);
    let alarm = |effect: &Effect| *effect == Effect::Alarm(Alarm::KeysForked { number: 0 });
    assert_eq!(out.iter().filter(|effect| alarm(effect)).count(), 1);
}

#[test]
fn nothing_less_than_two_signed_letters_of_one_number_is_proof() {
    let mut world = a_world(4, 3);
    world.run_until(Timestamp(T_SETTLE.0 - 50_000));
    let (community, registries) = (world.community(), Registries::founding(&world.genesis));
    let (first, rival) = (founding_letter(&world, 1), a_letter(&world, 9, 0, 0, 0));
    let is_proven = |a: &KeyLetter, b: &KeyLetter| {
        let fault = Fault::TwoKeys(Box::new(a.clone()), Box::new(b.clone()));
        fault.is_proven(&community, &registries, &Strict)
    };
    assert!(is_proven(&first, &rival) && is_proven(&rival, &first));
    let bent = |bend: &dyn Fn(&mut KeyLetter)| {
        let mut letter = rival.clone();
        bend(&mut letter);
        letter
    };
    let not_proof = [
        ("the same letter twice", first.clone()),
        ("a signature bent", bent(&|letter| letter.signature.0[7] ^= 1)),
        ("no signature", bent(&|letter| letter.signature = Signature([0; 64]))),
        ("another member's", a_letter(&world, 9, 0, 0, 1)),
        ("of a version that is not there", a_letter(&world, 9, 0, 5, 0)),
        ("another number", a_letter(&world, 9, 1, 1, 0)),
        ("the same key to others", {
            let mut keys = Keys::clone(&first.keys);
            keys.wrapped.keys.pop();
            let keys = Encoded::new(keys);
            let signed = Statement::Keys(keys.clone()).digest(&community);
            KeyLetter { keys, signature: sign(&key(0), &signed) }
        }),
    ];
    for (what, letter) in not_proof {
        assert!(!is_proven(&first, &letter) && !is_proven(&letter, &first), "{what}");
        world.hear(2, 3, Message::Keys(Arc::new(letter)));
        assert!(!world.replicas[2].snapshot().halted, "{what}");
    }
    assert!(world.alarms.is_empty() && world.faults.is_empty());
}

#[test]
fn another_sequencers_other_key_is_refused_and_proves_nothing() {
    let mut world = a_world(5, 4);
    world.run_until(Timestamp(T_SETTLE.0 - 50_000));
    world.propose(0, Change::SetSequencer(PartyId(1)));
    world.run_until(Timestamp(T_SETTLE.0 - 40_000));
    world.order(sequencer::Input::Cut);
    world.run_until(Timestamp(T_SETTLE.0 - 30_000));
    assert_eq!(world.replicas[2].snapshot().registry, 1);
    let rival = a_letter(&world, 9, 0, 1, 1);
    world.refusals.clear();
    world.hear(2, 1, Message::Keys(Arc::new(rival)));
    assert_eq!(world.refusals, [(2, Refusal::OtherKey { number: 0 })]);
    assert!(world.faults.is_empty() && !world.replicas[2].snapshot().halted);
}

#[test]
fn a_copy_of_another_key_than_the_letter_names_is_no_copy() {
    let world = a_world(4, 5);
    let community = world.community();
    let mut keys = Keys::clone(&a_letter(&world, 9, 0, 0, 0).keys);
    let other = a_letter(&world, 8, 0, 0, 0);
    keys.wrapped.keys[3] = other.keys.wrapped.keys[3];
    let letter = KeyLetter { keys: Encoded::new(keys), signature: Signature([0; 64]) };
    let open = |party: u32| letter.unwrap_for(&community, PartyId(party), &seal_secret(party));
    assert_eq!(open(2), Some(GroupKey::from_bytes([9; 32])));
    assert_eq!(open(3), None, "it would seal what no other member reads");
    let copied = letter.keys.wrapped.unwrap_for(&community, PartyId(3), &seal_secret(3));
    assert_eq!(copied, Some(GroupKey::from_bytes([8; 32])), "the copy itself is whole");
}

#[test]
fn a_forged_letter_under_a_known_name_is_not_opened() {
    let mut world = a_world(4, 6);
    world.run_until(Timestamp(T_SETTLE.0 - 50_000));
    let (good, mut forged) = (founding_letter(&world, 1), a_letter(&world, 9, 0, 0, 0));
    forged.signature.0[3] ^= 1;
    // A node that has heard of nothing yet, and whose workshop is slow.
    let (genesis, registry) = (world.genesis.clone(), world.registry.clone());
    let mut node = Replica::with_registry(genesis, registry, PartyId(2), world.params.clone());
    let mut hear = |letter: &KeyLetter| {
        let (mut out, message) = (Vec::new(), Message::Keys(Arc::new(letter.clone())));
        node.handle(world.now, Input::Message { from: PartyId(3), message }, &Strict, &mut out);
        out
    };
    assert!(hear(&good).contains(&Effect::Unwrap(Arc::new(good.clone()))));
    assert!(!hear(&forged).iter().any(|effect| matches!(effect, Effect::Unwrap(_))));
    let mut same_key = good.clone();
    same_key.signature.0[3] ^= 1;
    assert!(!hear(&same_key).contains(&Effect::Unwrap(Arc::new(same_key.clone()))));
}
