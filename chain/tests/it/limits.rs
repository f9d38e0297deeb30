//! Every refusal of a contract, and every limit at limit - 1, limit and limit + 1.

use gridpact_chain::block::{Anchor, Record};
use gridpact_chain::contract::{ContractBody, ContractId};
use gridpact_chain::digest::Digest;
use gridpact_chain::encode::Encoded;
use gridpact_chain::genesis::{GenesisError, Quorum};
use gridpact_chain::journal::JournalEntry;
use gridpact_chain::message::Message;
use gridpact_chain::refusal::Refusal;
use gridpact_chain::replica::{Fanout, Input};
use gridpact_chain::sign::{KeyError, PublicKey};
use gridpact_chain::statement::Answer;
use gridpact_chain::terms::{Energy, Interval, Money, PartyId, Power, Price, Timestamp};
use proptest::prelude::*;

use crate::world::{EPOCH, T_SETTLE, World, a_body, a_genesis, signed};

fn a_world() -> World {
    World::new(4, Quorum::Majority, Fanout::Tally, 1)
}

/// Asks node 3 about `body`; what it answered, if it voted.
fn ask(world: &mut World, body: ContractBody) -> (Option<Answer>, Option<Refusal>) {
    let record = Encoded::new(Record::Contract(signed(body)));
    let before = world.refusals.len();
    let entries = world.journals[3].len();
    world.hear(3, 1, Message::Ask { record });
    let answer = world.journals[3][entries..].iter().find_map(|entry| match entry {
        JournalEntry::Approval { vote, .. } => Some(vote.answer),
        _ => None,
    });
    (answer, world.refusals.get(before).map(|(_, reason)| *reason))
}

fn priced(mut body: ContractBody, energy: u64, price: i64) -> ContractBody {
    (body.energy, body.unit_price) = (Energy(energy), Price(price));
    body.amount = Money::of(body.energy, body.unit_price).expect("a small amount");
    body
}

#[test]
fn false_terms_that_both_signed_get_a_signed_no() {
    let community = a_world().community();
    let base = |nonce| a_body(&community, 1, 2, nonce);
    let cases: [(ContractBody, Refusal); 7] = [
        (ContractBody { seller: PartyId(1), ..base(1) }, Refusal::SellerIsBuyer),
        (ContractBody { end: Interval(101), ..base(2) }, Refusal::EmptyRange),
        (priced(base(3), 0, 5), Refusal::NoEnergy),
        (priced(base(4), 1, 10_000_001), Refusal::PriceLimit { limit: 10_000_000 }),
        (priced(base(5), 1, -10_000_001), Refusal::PriceLimit { limit: 10_000_000 }),
        (ContractBody { amount: Money(1), ..base(6) }, Refusal::WrongAmount),
        (
            ContractBody { shortfall_price: Price(1_000_001), ..base(7) },
            Refusal::PriceLimit { limit: 1_000_000 },
        ),
    ];
    for (body, reason) in cases {
        let mut world = a_world();
        assert_eq!(ask(&mut world, body).0, Some(Answer::No(reason)));
    }
}

#[test]
fn prices_at_their_limit_are_valid() {
    for price in [10_000_000, 9_999_999, -10_000_000, 0] {
        let mut world = a_world();
        let body = priced(a_body(&world.community(), 1, 2, 0), 1000, price);
        assert_eq!(ask(&mut world, body).0, Some(Answer::Yes));
    }
}

#[test]
fn what_is_not_this_nodes_business_spends_no_vote() {
    let community = a_world().community();
    let base = |nonce| a_body(&community, 1, 2, nonce);
    let later = Timestamp(T_SETTLE.0 + 1);
    let cases: [(ContractBody, Refusal); 4] = [
        (ContractBody { seller: PartyId(9), ..base(1) }, Refusal::NotAMember(PartyId(9))),
        (ContractBody { epoch: EPOCH.plus(1), ..base(2) }, Refusal::NotCurrentEpoch),
        (ContractBody { valid_until: later, ..base(3) }, Refusal::WrongDeadline),
        (
            ContractBody {
                contract_id: ContractId(Digest([1; 32])),
                energy: Energy(u64::MAX),
                ..base(4)
            },
            Refusal::EnergyLimit { limit: 960_000 },
        ),
    ];
    for (body, reason) in cases {
        let mut world = a_world();
        assert_eq!(ask(&mut world, body), (None, Some(reason)));
        assert!(world.journals[3].is_empty());
    }
}

#[test]
fn another_communitys_contract_gets_a_no_because_both_signed_it_here() {
    let mut world = a_world();
    let other = a_genesis(5, Quorum::Majority).community();
    let body = a_body(&other, 1, 2, 0);
    assert_eq!(ask(&mut world, body).0, Some(Answer::No(Refusal::WrongCommunity)));
}

#[test]
fn a_contract_is_answered_until_its_deadline_and_not_after() {
    for (now, expected) in
        [(T_SETTLE.0 - 1, None), (T_SETTLE.0, None), (T_SETTLE.0 + 1, Some(Refusal::Expired))]
    {
        let mut world = a_world();
        world.now = Timestamp(now);
        let body = a_body(&world.community(), 1, 2, 0);
        assert_eq!(ask(&mut world, body).1, expected);
    }
}

#[test]
fn a_buyer_gets_64_contracts_in_approval_and_no_more() {
    let mut world = a_world();
    for nonce in 0..64 {
        let body = priced(a_body(&world.community(), 1, 2, nonce), 10, 5);
        assert_eq!(ask(&mut world, body).0, Some(Answer::Yes), "contract {nonce}");
    }
    let body = priced(a_body(&world.community(), 1, 2, 64), 10, 5);
    assert_eq!(ask(&mut world, body), (None, Some(Refusal::BuyerLimit { limit: 64 })));
    let other = priced(a_body(&world.community(), 2, 1, 64), 10, 5);
    assert_eq!(ask(&mut world, other).0, Some(Answer::Yes));
    // The next epoch counts from nothing.
    let t_settle = Timestamp(T_SETTLE.0 + 1_800_000);
    world.start_epoch(EPOCH.plus(1), t_settle);
    let mut body = priced(a_body(&world.community(), 1, 2, 65), 10, 5);
    (body.epoch, body.valid_until) = (EPOCH.plus(1), t_settle);
    assert_eq!(ask(&mut world, body).0, Some(Answer::Yes));
}

#[test]
fn a_buyers_energy_is_bounded_by_its_line() {
    // 10 kW for 24 h, four times: 960 kWh.
    for (energy, reason) in
        [(959_999, None), (960_000, None), (960_001, Some(Refusal::EnergyLimit { limit: 960_000 }))]
    {
        let mut world = a_world();
        let body = priced(a_body(&world.community(), 1, 2, 0), energy, 5);
        assert_eq!(ask(&mut world, body).1, reason);
    }
}

#[test]
fn a_full_pool_keeps_what_expires_last() {
    let mut genesis = a_genesis(4, Quorum::Majority);
    genesis.limits.pool_max = 3;
    let mut world = World::with_genesis(genesis, Fanout::Tally, 1);
    for nonce in 0..3 {
        let body = a_body(&world.community(), 1, 2, nonce);
        assert_eq!(ask(&mut world, body).0, Some(Answer::Yes));
    }
    let body = a_body(&world.community(), 1, 2, 3);
    assert_eq!(ask(&mut world, body), (None, Some(Refusal::PoolFull { limit: 3 })));
    let t_settle = Timestamp(T_SETTLE.0 + 1_800_000);
    world.start_epoch(EPOCH.plus(1), t_settle);
    let mut body = a_body(&world.community(), 1, 2, 4);
    (body.epoch, body.valid_until) = (EPOCH.plus(1), t_settle);
    assert_eq!(ask(&mut world, body).0, Some(Answer::Yes));
    assert_eq!(world.replicas[3].snapshot().answered, 3);
}

#[test]
fn an_ended_membership_signs_no_contract() {
    let mut genesis = a_genesis(4, Quorum::Majority);
    genesis.members[2].not_after = Timestamp(crate::world::T_START.0 - 1);
    let mut world = World::with_genesis(genesis, Fanout::Tally, 1);
    let body = a_body(&world.community(), 1, 2, 0);
    assert_eq!(ask(&mut world, body), (None, Some(Refusal::MembershipEnded(PartyId(2)))));
}

#[test]
fn records_of_later_versions_are_refused_by_name() {
    let mut world = a_world();
    let record = Encoded::new(Record::Anchor(Anchor { height: 1, block: Digest([1; 32]) }));
    world.hear(3, 1, Message::Ask { record });
    assert_eq!(world.refusals, [(3, Refusal::Unsupported)]);
}

#[test]
fn a_buyer_is_told_why_its_own_contract_is_not_published() {
    let mut world = a_world();
    let mut body = a_body(&world.community(), 1, 2, 0);
    body.amount = Money(3);
    world.tell(1, Input::Publish(Box::new(signed(body))));
    assert_eq!(world.refusals, [(1, Refusal::WrongAmount)]);
    assert!(world.mail.is_empty());
}

#[test]
fn enough_noes_end_the_asking() {
    let mut genesis = a_genesis(4, Quorum::Majority);
    genesis.members[1].line_limit_w = Power(10_000);
    let mut world = World::with_genesis(genesis, Fanout::Tally, 1);
    // The others have used up the buyer's allowance.
    for nonce in 0..64 {
        let body = priced(a_body(&world.community(), 1, 2, nonce), 10, 5);
        let record = Encoded::new(Record::Contract(signed(body)));
        for node in [0, 2, 3] {
            world.hear(node, 2, Message::Ask { record: record.clone() });
        }
    }
    world.mail.clear();
    world.publish(1, 2, 99);
    world.run_until(Timestamp(T_SETTLE.0 - 1));
    assert!(world.refusals.contains(&(1, Refusal::Rejected)));
    assert_eq!(world.replicas[1].snapshot().asking, 1);
    world.run_until(Timestamp(T_SETTLE.0 + 10));
    assert_eq!(world.replicas[1].snapshot().asking, 0);
}

#[test]
fn weak_and_twisted_keys_are_not_registered() {
    let mut identity = [0; 32];
    identity[0] = 1;
    assert_eq!(PublicKey::from_bytes(&identity), Err(KeyError::Weak));
    let not_a_point = (2..=255_u8)
        .map(|b| [b; 32])
        .find(|bytes| PublicKey::from_bytes(bytes) == Err(KeyError::NotAPoint));
    assert!(not_a_point.is_some());
    // Half of the decompressible byte strings carry torsion; none of them is accepted.
    let torsion =
        (2..=255_u8).filter(|b| PublicKey::from_bytes(&[*b; 32]) == Err(KeyError::Torsion));
    assert!(torsion.count() > 10);
}

#[test]
fn a_key_is_written_in_one_way_only() {
    // y and p + y are one coordinate; only below p is it canonical.
    let others = (0..19_u8).flat_map(|y| {
        [0x7f, 0xff].map(|last| {
            let mut bytes = [0xff; 32];
            (bytes[0], bytes[31]) = (0xed + y, last);
            bytes
        })
    });
    let verdicts: Vec<_> = others.map(|bytes| PublicKey::from_bytes(&bytes)).collect();
    let points = verdicts.iter().filter(|v| **v == Err(KeyError::NotCanonical)).count();
    assert!(points > 4, "some of them are points: {points}");
    assert!(
        verdicts.iter().all(|v| matches!(v, Err(KeyError::NotCanonical | KeyError::NotAPoint)))
    );
}

#[test]
fn a_genesis_is_checked_cause_by_cause() {
    let base = || a_genesis(4, Quorum::Majority);
    assert_eq!(base().check(), Ok(()));
    let mut g = base();
    g.version = 2;
    assert_eq!(g.check(), Err(GenesisError::Version { found: 2 }));
    let mut g = base();
    g.members.swap(1, 2);
    assert_eq!(g.check(), Err(GenesisError::MemberOrder(PartyId(1))));
    let mut g = base();
    g.members[3].sign_key = g.members[0].sign_key;
    assert_eq!(g.check(), Err(GenesisError::SharedKey(PartyId(0), PartyId(3))));
    let mut g = base();
    g.members.iter_mut().for_each(|m| m.voter = false);
    assert_eq!(g.check(), Err(GenesisError::NoVoter));
    let mut g = base();
    g.sequencer = PartyId(7);
    assert_eq!(g.check(), Err(GenesisError::NoSequencer(PartyId(7))));
    let mut g = base();
    g.limits.heights_ahead = 0;
    assert_eq!(g.check(), Err(GenesisError::Zero { what: "heights_ahead" }));
}

#[test]
fn members_that_do_not_vote_trade_all_the_same() {
    let mut genesis = a_genesis(6, Quorum::TwoThirds);
    for i in [1, 2, 5] {
        genesis.members[i].voter = false;
    }
    for fanout in [Fanout::Tally, Fanout::AllToAll] {
        let mut world = World::with_genesis(genesis.clone(), fanout, 3);
        world.publish(1, 2, 0);
        world.run_until(Timestamp(T_SETTLE.0 + 30_000));
        world.assert_agreed(1);
        let spoke =
            |i: usize| world.journals[i].iter().any(|e| matches!(e, JournalEntry::LedgerVote(_)));
        assert!(!spoke(1) && !spoke(5));
    }
}

proptest! {
    #[test]
    fn a_quorum_is_more_than_its_share_and_never_more_than_all(voters in 1_usize..2000) {
        let majority = Quorum::Majority.of(voters);
        prop_assert!(2 * majority > voters && 2 * (majority - 1) <= voters && majority <= voters);
        let two_thirds = Quorum::TwoThirds.of(voters);
        prop_assert!(3 * two_thirds > 2 * voters && 3 * (two_thirds - 1) <= 2 * voters);
        prop_assert!(two_thirds <= voters);
    }

    #[test]
    fn contract_ids_depend_on_each_part(epoch in 0_u32..9, buyer in 0_u32..9, seller in 0_u32..9,
        nonce in 0_u8..9, round in 0_u32..9) {
        let id = |e, b, s, n: u8, r| {
            ContractId::new(&Digest([1; 32]), Interval(e), PartyId(b), PartyId(s), &[n; 16], r)
        };
        let base = id(epoch, buyer, seller, nonce, round);
        prop_assert_ne!(base, id(epoch + 1, buyer, seller, nonce, round));
        prop_assert_ne!(base, id(epoch, buyer + 1, seller, nonce, round));
        prop_assert_ne!(base, id(epoch, buyer, seller + 1, nonce, round));
        prop_assert_ne!(base, id(epoch, buyer, seller, nonce + 1, round));
        prop_assert_ne!(base, id(epoch, buyer, seller, nonce, round + 1));
    }
}

#[test]
fn a_node_picks_its_own_approved_records_within_the_bytes_it_is_given() {
    let mut world = a_world();
    for nonce in 0..3 {
        world.publish(1, 2, nonce);
    }
    assert!(world.replicas[1].pick(usize::MAX).is_empty());
    world.deliver_all();
    let all = world.replicas[1].pick(usize::MAX);
    assert_eq!(all.len(), 3);
    assert!(world.replicas[2].pick(usize::MAX).is_empty());
    let two = all[0].len() + all[1].len();
    assert_eq!(world.replicas[1].pick(two), all[..2]);
    assert_eq!(world.replicas[1].pick(two - 1), all[..1]);
    world.run_until(Timestamp(T_SETTLE.0 + 10));
    assert!(world.replicas[1].pick(usize::MAX).is_empty());
}

#[test]
fn whoever_asks_for_a_range_gets_closed_pairs_only() {
    let mut world = a_world();
    world.hear(3, 1, Message::RangeRequest { from: 0, to: 9 });
    assert!(world.mail.is_empty());
    for nonce in 0..3 {
        world.publish(1, 2, nonce);
    }
    world.run_until(Timestamp(T_SETTLE.0 + 10_000));
    world.hear(3, 1, Message::RangeRequest { from: 2, to: u64::MAX });
    let (to, _, message) = world.mail.pop().expect("an answer");
    let Message::Range(pairs) = message else { panic!("not a range: {message:?}") };
    assert_eq!(to, PartyId(1));
    assert_eq!(pairs.iter().map(|(pair, _)| pair.height()).collect::<Vec<_>>(), [2, 3]);
    assert!(pairs.iter().all(|(_, proof)| proof.ledger_votes.is_some()));
}
