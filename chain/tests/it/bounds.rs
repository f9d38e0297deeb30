//! Each bound just below, at, and just above its limit.

use std::sync::Arc;

use gridpact_chain::block::{Pair, Proof, Record};
use gridpact_chain::encode::{Canonical, Encoded};
use gridpact_chain::genesis::{Member, Quorum};
use gridpact_chain::membership::Change;
use gridpact_chain::message::{Message, RANGE_BYTES_MAX};
use gridpact_chain::refusal::Refusal;
use gridpact_chain::replica::{ALL_TO_ALL_MAX, Fanout, Input};
use gridpact_chain::terms::{Energy, Money, PartyId, Price, Timestamp};
use gridpact_chain::verdicts::Strict;

use crate::street::{approved, batch, deal};
use crate::world::{EPOCH, T_SETTLE, World, a_body, a_genesis, signed};

fn small(world: &World, buyer: u32, nonce: u8) -> Message {
    let mut body = a_body(&world.community(), buyer, (buyer + 1) % 4, nonce);
    body.energy = Energy(1);
    body.amount = Money::of(body.energy, body.unit_price).expect("a small amount");
    Message::Ask { record: Encoded::new(Record::Contract(signed(body))) }
}

/// What node 3 has against `message`, if anything.
fn refused(world: &mut World, message: Message) -> Option<Refusal> {
    let before = world.refusals.len();
    world.hear(3, 1, message);
    world.refusals.get(before).map(|(_, reason)| *reason)
}

#[test]
fn a_pool_of_records_is_full_at_its_limit() {
    for limit in [1, 2, 5] {
        let mut genesis = a_genesis(4, Quorum::Majority);
        genesis.limits.pool_max = limit;
        let mut world = World::with_genesis(genesis, Fanout::Tally, 1);
        for nonce in 0..=limit {
            let letter = small(&world, nonce % 2, nonce as u8);
            let expected = (nonce == limit).then_some(Refusal::PoolFull { limit });
            assert_eq!(refused(&mut world, letter), expected, "record {nonce} of {limit}");
            assert_eq!(world.replicas[3].snapshot().answered, (nonce + 1).min(limit) as usize);
        }
    }
}

#[test]
fn contracts_of_one_buyer_and_epoch_are_counted_to_the_limit() {
    for limit in [1, 3, 64] {
        let mut genesis = a_genesis(4, Quorum::Majority);
        genesis.limits.contracts_per_buyer = limit;
        let mut world = World::with_genesis(genesis, Fanout::Tally, 1);
        for nonce in 0..=limit {
            let letter = small(&world, 1, nonce as u8);
            let expected = (nonce == limit).then_some(Refusal::BuyerLimit { limit });
            assert_eq!(refused(&mut world, letter), expected, "contract {nonce} of {limit}");
        }
    }
}

#[test]
fn energy_is_summed_over_a_buyers_contracts_to_four_days_of_its_line() {
    // 10 kW for 24 h, four times.
    let limit = 960_000;
    for (last, expected) in [
        (limit - 500_001, None),
        (limit - 500_000, None),
        (limit - 499_999, Some(Refusal::EnergyLimit { limit })),
    ] {
        let mut world = World::new(4, Quorum::Majority, Fanout::Tally, 1);
        let mut ask = |energy, nonce| {
            let mut body = a_body(&world.community(), 1, 2, nonce);
            (body.energy, body.unit_price) = (Energy(energy), Price(1));
            body.amount = Money::of(body.energy, body.unit_price).expect("a small amount");
            let record = Encoded::new(Record::Contract(signed(body)));
            refused(&mut world, Message::Ask { record })
        };
        assert_eq!(ask(500_000, 0), None);
        assert_eq!(ask(last, 1), expected);
    }
}

#[test]
fn a_record_is_taken_up_to_4096_bytes() {
    let limit = Record::BYTES_MAX;
    let named = |world: &World, letters: usize| {
        let mut newcomer: Member = a_genesis(5, Quorum::Majority).members.remove(4);
        newcomer.name = "n".repeat(letters);
        world.changed(1, Change::Add(newcomer))
    };
    let world = World::new(4, Quorum::Majority, Fanout::Tally, 1);
    let size = |letters| Encoded::new(Record::Membership(named(&world, letters))).bytes().len();
    let fits = (3_000..4_096).find(|letters| size(*letters) == limit).expect("one letter a byte");
    for (letters, expected) in [
        (fits - 1, None),
        (fits, None),
        (fits + 1, Some(Refusal::TooLarge { limit: limit as u32 })),
    ] {
        let mut world = World::new(4, Quorum::Majority, Fanout::Tally, 1);
        let change = named(&world, letters);
        let record = Encoded::new(Record::Membership(change));
        assert_eq!(refused(&mut world, Message::Ask { record }), expected, "{letters} letters");
    }
}

#[test]
fn a_batch_may_be_two_seconds_ahead_of_the_clock() {
    let mut world = World::new(4, Quorum::Majority, Fanout::Tally, 1);
    world.now = T_SETTLE;
    for (ahead, expected) in
        [(1_999, None), (2_000, None), (2_001, Some(Refusal::TimeAhead { limit_ms: 2_000 }))]
    {
        let near = batch(&world.registry, 0, T_SETTLE.0 + ahead, vec![]);
        assert_eq!(world.replicas[1].check(T_SETTLE, &near, &Strict).err(), expected);
    }
}

#[test]
fn heights_run_ahead_of_their_votes_by_256_and_no_more() {
    let mut world = World::new(4, Quorum::Majority, Fanout::Tally, 1);
    (world.is_idle, world.now) = (true, T_SETTLE);
    let (registry, community) = (world.registry.clone(), world.community());
    for i in 0..258 {
        let item = approved(&registry, deal(&community, 4, i));
        let next = batch(&registry, i.into(), T_SETTLE.0, vec![item]);
        world.tell(3, Input::Ordered(next));
        let seen = world.replicas[3].snapshot();
        assert_eq!((seen.height, seen.closed), (u64::from(i + 1).min(256), 0));
    }
}

#[test]
fn everybody_votes_to_everybody_up_to_32_voters() {
    for (voters, direct) in [(31, true), (32, true), (33, false)] {
        let mut world = World::new(voters, Quorum::Majority, Fanout::AllToAll, 1);
        world.publish(1, 2, 0);
        world.mail.clear();
        let record = Encoded::new(Record::Contract(signed(a_body(&world.community(), 1, 2, 0))));
        world.hear(3, 1, Message::Ask { record });
        let to_all = usize::try_from(voters - 1).expect("a small number");
        assert_eq!(world.mail.len(), if direct { to_all } else { 1 }, "{voters} voters");
    }
    // A newcomer may be the one too many.
    let mut genesis = a_genesis(33, Quorum::Majority);
    genesis.members[32].voter = false;
    let mut world = World::with_genesis(genesis, Fanout::AllToAll, 1);
    world.propose(1, Change::SetVoter { member: PartyId(32), voter: true });
    world.run_until(Timestamp(T_SETTLE.0 + 20_000));
    world.assert_agreed(1);
    assert_eq!(world.registries().current().voters().len(), ALL_TO_ALL_MAX + 1);
    let settle = Timestamp(T_SETTLE.0 + 600_000);
    world.start_epoch(EPOCH.plus(1), settle);
    let before = world.letters;
    let mut body = a_body(&world.community(), 1, 2, 5);
    (body.epoch, body.valid_until) = (EPOCH.plus(1), settle);
    world.tell(1, Input::Publish(Box::new(signed(body))));
    world.run_until(Timestamp(settle.0 + 20_000));
    world.assert_agreed(2);
    assert!(world.letters - before <= 6 * 33, "{} letters", world.letters - before);
}

#[test]
fn a_range_is_cut_at_its_bytes_and_never_empty() {
    let mut world = World::new(4, Quorum::Majority, Fanout::Tally, 1);
    (world.is_idle, world.now) = (true, T_SETTLE);
    let (registry, community) = (world.registry.clone(), world.community());
    for i in 0..320 {
        let item = approved(&registry, deal(&community, 4, i));
        let next = batch(&registry, i.into(), T_SETTLE.0, vec![item]);
        for node in 0..4 {
            world.tell(node, Input::Ordered(next.clone()));
        }
        world.deliver_all();
    }
    world.run_until(Timestamp(T_SETTLE.0 + 20_000));
    world.assert_agreed(320);
    world.hear(3, 1, Message::RangeRequest { from: 1, to: u64::MAX });
    let Some((_, _, Message::Range(pairs))) = world.mail.pop() else { panic!("no range") };
    let size = |(pair, proof): &(Arc<Pair>, Arc<Proof>)| {
        let votes = proof.ledger_votes.as_ref().map_or(0, |votes| votes.bytes().len());
        pair.len() + votes + proof.approvals.bytes().len() + proof.order.head.bytes().len()
    };
    let bytes: usize = pairs.iter().map(size).sum();
    assert!(bytes <= RANGE_BYTES_MAX && bytes > RANGE_BYTES_MAX - 2_000, "{bytes} bytes");
    assert!(pairs.len() < 320);
}
