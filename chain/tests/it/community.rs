//! Communities of replicas in memory: whatever is lost, doubled, late or a lie, honest nodes end
//! with one tip and nothing made from nothing.

use std::collections::BTreeMap;

use gridpact_chain::block::{Record, Votes};
use gridpact_chain::digest::Digest;
use gridpact_chain::encode::Encoded;
use gridpact_chain::fault::Fault;
use gridpact_chain::genesis::Quorum;
use gridpact_chain::journal::JournalEntry;
use gridpact_chain::lottery;
use gridpact_chain::message::Message;
use gridpact_chain::refusal::Refusal;
use gridpact_chain::replica::{Alarm, Fanout, Input, Replica, RestoreError};
use gridpact_chain::sign::Signature;
use gridpact_chain::statement::{Answer, Approval, LedgerVote, Statement};
use gridpact_chain::terms::{Money, PartyId, Timestamp};
use proptest::prelude::*;

use crate::street::{approved, batch, deal};
use crate::world::{EPOCH, T_SETTLE, Tongue, World, a_body, key, sign, signed};

const LATER: Timestamp = Timestamp(T_SETTLE.0 + 60_000);

fn trade(world: &mut World, deals: u8) {
    let n = world.replicas.len() as u32;
    for nonce in 0..deals {
        let buyer = u32::from(nonce) % n;
        world.publish(buyer, (buyer + 1) % n, nonce);
    }
}

#[test]
fn a_deal_is_approved_ordered_settled_and_closed() {
    let mut world = World::new(4, Quorum::Majority, Fanout::Tally, 1);
    let id = world.publish(1, 2, 0);
    world.run_until(LATER);
    world.assert_agreed(1);
    let amount = a_body(&world.community(), 1, 2, 0).amount;
    for replica in &world.replicas {
        assert!(replica.is_settled(id));
        assert_eq!(replica.balances().of(PartyId(1)), Money(-amount.0));
        assert_eq!(replica.balances().of(PartyId(2)), amount);
    }
    assert_eq!(world.settled.len(), 2);
    assert!(world.lapsed.is_empty() && world.faults.is_empty() && world.alarms.is_empty());
}

#[test]
fn both_quorums_and_both_fanouts_give_the_same_tip_for_the_same_deals() {
    for quorum in [Quorum::Majority, Quorum::TwoThirds] {
        for n in [4, 7] {
            let mut tips = Vec::new();
            for fanout in [Fanout::Tally, Fanout::AllToAll] {
                for seed in 0..4 {
                    let mut world = World::new(n, quorum, fanout, seed);
                    trade(&mut world, 9);
                    world.run_until(LATER);
                    tips.push(world.assert_agreed(9));
                    assert!(world.faults.is_empty() && world.alarms.is_empty());
                }
            }
            assert!(tips.windows(2).all(|two| two[0] == two[1]), "{tips:?}");
        }
    }
}

#[test]
fn a_tally_needs_about_six_letters_per_node_and_deal() {
    let mut world = World::new(20, Quorum::Majority, Fanout::Tally, 1);
    world.publish(3, 4, 0);
    world.run_until(LATER);
    world.assert_agreed(1);
    assert!(world.letters <= 6 * 19, "{} letters", world.letters);
}

#[test]
fn votes_beyond_the_quorum_are_not_verified() {
    let mut world = World::new(7, Quorum::Majority, Fanout::Tally, 1);
    world.publish(3, 4, 0);
    world.run_until(LATER);
    let checked = world.verdicts.counts().checked;
    // Two parties, four approvals, four ledger votes, two batches.
    assert_eq!((checked, world.signed), (12, 14));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn lost_late_and_doubled_letters_do_not_change_the_tip(
        seed in any::<u64>(),
        n in 4_u32..8,
        two_thirds in any::<bool>(),
        all_to_all in any::<bool>(),
        loss in 0_u64..300,
        deals in 1_u8..10,
    ) {
        let quorum = if two_thirds { Quorum::TwoThirds } else { Quorum::Majority };
        let fanout = if all_to_all { Fanout::AllToAll } else { Fanout::Tally };
        let run = |loss, seed| {
            let mut world = World::new(n, quorum, fanout, seed);
            world.loss = loss;
            world.doubling = 200;
            trade(&mut world, deals);
            world.run_until(Timestamp(T_SETTLE.0));
            world.loss = 0;
            world.run_until(Timestamp(LATER.0 + 60_000));
            world
        };
        let (faulty, calm) = (run(loss, seed), run(0, seed ^ 1));
        prop_assert!(faulty.faults.is_empty());
        prop_assert_eq!(faulty.assert_agreed(deals.into()), calm.assert_agreed(deals.into()));
        // At most one approval per node and contract id, one ledger vote per node and height.
        for journal in &faulty.journals {
            let mut seen = BTreeMap::new();
            for entry in journal {
                let said = match entry {
                    JournalEntry::Approval { vote, .. } => (Some(vote.contract_id), 0),
                    JournalEntry::LedgerVote(vote) => (None, vote.height),
                    _ => continue,
                };
                *seen.entry(said).or_insert(0) += 1;
            }
            prop_assert!(seen.values().all(|n| *n == 1));
        }
    }
}

#[test]
fn the_same_seed_twice_gives_the_same_letters_and_tip() {
    let run = || {
        let mut world = World::new(5, Quorum::TwoThirds, Fanout::Tally, 42);
        world.loss = 150;
        world.doubling = 100;
        trade(&mut world, 6);
        world.run_until(LATER);
        (world.letters, world.replicas[2].snapshot(), world.verdicts.counts())
    };
    assert_eq!(run(), run());
}

/// Who is drawn first for the deal between 1 and 2 among `n` homes.
fn broadcaster_of_first_deal(n: u32) -> u32 {
    let mut world = World::new(n, Quorum::Majority, Fanout::Tally, 1);
    world.publish(1, 2, 0);
    world.run_until(LATER);
    let (pair, _) = world.replicas[0].pair(1).expect("one pair");
    let hash = pair.contract.digest(&world.community());
    let drawn = lottery::broadcaster(&world.community(), &hash, 0, world.registry.voters());
    drawn.expect("a voter").0
}

#[test]
fn a_dead_broadcaster_is_drawn_past() {
    let dead = broadcaster_of_first_deal(5);
    for fanout in [Fanout::Tally, Fanout::AllToAll] {
        let mut world = World::new(5, Quorum::Majority, fanout, 3);
        world.publish(1, 2, 0);
        world.run_until(Timestamp(T_SETTLE.0 - 1));
        world.dead.insert(dead);
        world.run_until(LATER);
        world.assert_agreed(1);
        assert!(world.alarms.is_empty());
    }
}

#[test]
fn a_missing_quorum_is_an_alarm_and_heals() {
    let mut world = World::new(5, Quorum::Majority, Fanout::Tally, 3);
    world.publish(1, 2, 0);
    world.run_until(Timestamp(T_SETTLE.0 - 1));
    world.dead.extend([0, 3, 4]);
    world.run_until(LATER);
    assert!(world.alarms.iter().any(|(_, a)| matches!(a, Alarm::NoQuorum { height: 1, .. })));
    assert_eq!(world.replicas[1].snapshot().closed, 0);
    world.dead.clear();
    for i in [0, 3, 4] {
        for batch in world.batches.clone() {
            world.tell(i, Input::Ordered(batch));
        }
    }
    world.run_until(Timestamp(LATER.0 + 60_000));
    world.assert_agreed(1);
}

fn lying_tongue(world: &World, voter: u32) -> Tongue {
    let community = world.community();
    Box::new(move |message| {
        let twist = |vote: &LedgerVote| {
            let mut lie = LedgerVote { ledger: Digest([0xee; 32]), ..*vote };
            lie.signature = sign(&key(voter), &lie.statement().digest(&community));
            lie
        };
        vec![match message {
            Message::LedgerVote(vote) => Message::LedgerVote(twist(vote)),
            Message::LedgerProposal { vote, attempt } => {
                Message::LedgerProposal { vote: twist(vote), attempt: *attempt }
            }
            Message::Certified { .. } => return Vec::new(),
            other => other.clone(),
        }]
    })
}

#[test]
fn a_lying_broadcaster_is_evidence_and_the_next_draw_closes_the_pair() {
    let liar = broadcaster_of_first_deal(5);
    for fanout in [Fanout::Tally, Fanout::AllToAll] {
        let mut world = World::new(5, Quorum::Majority, fanout, 8);
        let tongue = lying_tongue(&world, liar);
        world.tongues.insert(liar, tongue);
        world.publish(1, 2, 0);
        world.run_until(LATER);
        world.assert_agreed(1);
        let proven = |(_, fault): &(u32, Fault)| {
            matches!(fault, Fault::WrongLedger { .. })
                && fault.is_proven(&world.community(), &world.registries(), &world.verdicts)
                && fault.culprit(&world.registries()) == Some(PartyId(liar))
        };
        assert!(world.faults.iter().any(proven), "{:?}", world.faults);
    }
}

#[test]
fn a_lying_ledger_voter_changes_nothing() {
    let drawn = broadcaster_of_first_deal(5);
    let liar = (drawn + 1) % 5;
    let mut world = World::new(5, Quorum::Majority, Fanout::Tally, 8);
    let tongue = lying_tongue(&world, liar);
    world.tongues.insert(liar, tongue);
    world.publish(1, 2, 0);
    world.run_until(LATER);
    world.assert_agreed(1);
    assert!(
        world.faults.iter().all(|(_, f)| f.culprit(&world.registries()) == Some(PartyId(liar)))
    );
}

#[test]
fn a_double_approval_is_evidence() {
    let mut world = World::new(5, Quorum::TwoThirds, Fanout::Tally, 8);
    let community = world.community();
    world.tongues.insert(
        4,
        Box::new(move |message| match message {
            Message::Approval(vote) => {
                let mut other = Approval { answer: Answer::No(Refusal::NoEnergy), ..*vote };
                other.signature = sign(&key(4), &other.statement().digest(&community));
                vec![message.clone(), Message::Approval(other)]
            }
            other => vec![other.clone()],
        }),
    );
    world.publish(1, 2, 0);
    world.run_until(LATER);
    world.assert_agreed(1);
    let (_, fault) = world.faults.first().expect("evidence");
    assert!(matches!(fault, Fault::DoubleApproval(..)));
    assert!(fault.is_proven(&world.community(), &world.registries(), &world.verdicts));
}

#[test]
fn a_double_ledger_vote_is_evidence() {
    let drawn = broadcaster_of_first_deal(5);
    let liar = (drawn + 1) % 5;
    let mut world = World::new(5, Quorum::TwoThirds, Fanout::Tally, 2);
    let community = world.community();
    world.tongues.insert(
        liar,
        Box::new(move |message| match message {
            Message::LedgerVote(vote) => {
                let mut other = LedgerVote { ledger: Digest([0xee; 32]), ..*vote };
                other.signature = sign(&key(liar), &other.statement().digest(&community));
                vec![message.clone(), Message::LedgerVote(other)]
            }
            other => vec![other.clone()],
        }),
    );
    world.publish(1, 2, 0);
    world.run_until(LATER);
    world.assert_agreed(1);
    assert!(!world.faults.is_empty());
    for (_, fault) in &world.faults {
        assert!(fault.is_proven(&world.community(), &world.registries(), &world.verdicts));
        assert_eq!(fault.culprit(&world.registries()), Some(PartyId(liar)));
    }
}

#[test]
fn a_forged_vote_in_anothers_name_is_not_counted() {
    let mut world = World::new(4, Quorum::TwoThirds, Fanout::Tally, 2);
    let id = world.publish(1, 2, 0);
    let body = a_body(&world.community(), 1, 2, 0).digest();
    let forged = Approval {
        contract_id: id,
        body,
        answer: Answer::Yes,
        registry: 0,
        voter: PartyId(3),
        signature: Signature([5; 64]),
    };
    world.tell(1, Input::Message { from: PartyId(2), message: Message::Approval(forged) });
    assert_eq!(world.refusals.last(), Some(&(1, Refusal::NotAVoter(PartyId(3)))));
    // From the voter itself, but with a broken signature: struck when the tally decides.
    world.tell(1, Input::Message { from: PartyId(3), message: Message::Approval(forged) });
    world.run_until(LATER);
    world.assert_agreed(1);
}

#[test]
fn a_forged_contract_is_refused_and_spends_no_vote() {
    let mut world = World::new(4, Quorum::Majority, Fanout::Tally, 2);
    let mut forged = signed(a_body(&world.community(), 1, 2, 0));
    forged.seller_sig = sign(&key(3), &forged.body.digest());
    let record = Encoded::new(Record::Contract(forged.clone()));
    for i in 0..4 {
        let message = Message::Ask { record: record.clone() };
        world.tell(i, Input::Message { from: PartyId(1), message });
    }
    let refused = (0..4).map(|i| (i, Refusal::BadSignature(PartyId(2)))).collect::<Vec<_>>();
    assert_eq!(world.refusals, refused);
    assert!(world.journals.iter().all(Vec::is_empty));
    world.publish(1, 2, 0);
    world.run_until(LATER);
    world.assert_agreed(1);
}

#[test]
fn two_bodies_under_one_id_are_evidence_and_only_the_first_gets_the_vote() {
    let mut world = World::new(4, Quorum::Majority, Fanout::Tally, 2);
    let id = world.publish(1, 2, 0);
    world.deliver_all();
    let mut body = a_body(&world.community(), 1, 2, 1);
    body.contract_id = id;
    let record = Encoded::new(Record::Contract(signed(body)));
    world.tell(3, Input::Message { from: PartyId(1), message: Message::Ask { record } });
    let (node, fault) = world.faults.first().expect("evidence");
    assert_eq!(*node, 3);
    assert!(fault.is_proven(&world.community(), &world.registries(), &world.verdicts));
    let votes = |entry: &&JournalEntry| matches!(entry, JournalEntry::Approval { .. });
    assert_eq!(world.journals[3].iter().filter(votes).count(), 1);
    world.run_until(LATER);
    world.assert_agreed(1);
}

#[test]
fn a_contract_that_misses_its_deadline_lapses_on_both_sides() {
    let mut world = World::new(5, Quorum::Majority, Fanout::Tally, 2);
    world.dead.extend([0, 3, 4]);
    let id = world.publish(1, 2, 0);
    world.run_until(LATER);
    for i in [1, 2] {
        assert_eq!(world.replicas[i].snapshot().height, 0);
        assert_eq!(world.replicas[i].snapshot().answered, 0);
    }
    let mut lapsed = world.lapsed.clone();
    lapsed.sort_unstable();
    assert_eq!(lapsed, [(1, id), (2, id)]);
    // The chance is spent: the same id is not answered in a later epoch.
    let (epoch, t_settle) = (EPOCH.plus(1), Timestamp(LATER.0 + 60_000));
    world.start_epoch(epoch, t_settle);
    let mut body = a_body(&world.community(), 1, 2, 0);
    (body.epoch, body.valid_until) = (epoch, t_settle);
    let record = Encoded::new(Record::Contract(signed(body)));
    world.tell(2, Input::Message { from: PartyId(1), message: Message::Ask { record } });
    assert_eq!(world.refusals.last(), Some(&(2, Refusal::UsedId)));
}

#[test]
fn what_is_published_while_the_next_epoch_trades_is_still_approved_and_settled() {
    let mut world = World::new(5, Quorum::Majority, Fanout::Tally, 3);
    let next_settle = Timestamp(T_SETTLE.0 + 1_800_000);
    world.start_epoch(EPOCH.plus(1), next_settle);
    let id = world.publish(0, 1, 7);
    world.run_until(Timestamp(T_SETTLE.0 + 60_000));
    assert!(world.replicas.iter().all(|replica| replica.is_settled(id)));
    // Once it has settled, its time is over, and that of the one before it long ago.
    let late = world.publish(2, 3, 8);
    world.start_epoch(EPOCH.plus(2), Timestamp(next_settle.0 + 1_800_000));
    world.run_until(Timestamp(next_settle.0 + 60_000));
    assert!(world.replicas.iter().all(|replica| !replica.is_settled(late)));
}

#[test]
fn a_restarted_node_says_again_what_it_said_and_nothing_else() {
    let mut world = World::new(5, Quorum::TwoThirds, Fanout::Tally, 5);
    world.loss = 300;
    trade(&mut world, 5);
    world.run_until(Timestamp(T_SETTLE.0 - 30_000));
    for round in 0..3_u64 {
        for i in 0..5 {
            let reborn = Replica::restore(
                world.genesis.clone(),
                world.registry.clone(),
                PartyId(i as u32),
                world.params.clone(),
                world.journals[i].clone(),
            )
            .expect("a sound journal");
            let (old, new) = (world.replicas[i].snapshot(), reborn.snapshot());
            assert_eq!((old.tip, old.height, old.closed), (new.tip, new.height, new.closed));
            assert_eq!((old.time_ms, old.next_batch), (new.time_ms, new.next_batch));
            world.replicas[i] = reborn;
            world.tell(i, Input::Started);
            let (epoch, t_settle) = (EPOCH, T_SETTLE);
            world.tell(i, Input::EpochStarted { epoch, t_settle });
            for batch in world.batches.clone() {
                world.tell(i, Input::Ordered(batch));
            }
        }
        world.run_until(Timestamp(T_SETTLE.0 - 20_000 + round * 30_000));
    }
    world.loss = 0;
    world.run_until(Timestamp(LATER.0 + 60_000));
    world.assert_agreed(5);
    assert!(world.faults.is_empty(), "{:?}", world.faults);
}

/// Votes of the first `voters` homes on `ledger` at height 1, whatever it is.
fn certificate(world: &World, ledger: Digest, voters: u32) -> Message {
    let statement = Statement::Ledger { height: 1, ledger, registry: 0 };
    let message = statement.digest(&world.community());
    let signatures = (0..voters).map(|i| (PartyId(i), sign(&key(i), &message))).collect();
    let votes = Encoded::new(Votes { registry: 0, signatures });
    Message::Certified { height: 1, ledger, votes }
}

#[test]
fn a_node_that_differs_from_a_certified_ledger_stops_and_says_so() {
    let mut world = World::new(4, Quorum::Majority, Fanout::Tally, 2);
    let (registry, community) = (world.registry.clone(), world.community());
    world.now = T_SETTLE;
    let first = batch(&registry, 0, T_SETTLE.0, vec![approved(&registry, deal(&community, 4, 0))]);
    world.tell(3, Input::Ordered(first));
    assert_eq!(world.replicas[3].snapshot().height, 1);
    let few = certificate(&world, Digest([9; 32]), 2);
    world.hear(3, 1, few);
    assert_eq!(world.refusals.last(), Some(&(3, Refusal::NotApproved)));
    assert!(!world.replicas[3].snapshot().halted);
    let enough = certificate(&world, Digest([9; 32]), 3);
    world.hear(3, 1, enough);
    assert_eq!(world.alarms, [(3, Alarm::Diverged { height: 1 })]);
    assert!(world.replicas[3].snapshot().halted);
    // Stopped means: no further answer, no further pair.
    let record = Encoded::new(Record::Contract(signed(a_body(&community, 1, 2, 5))));
    world.hear(3, 1, Message::Ask { record });
    assert_eq!(world.refusals.last(), Some(&(3, Refusal::Halted)));
    let second = batch(&registry, 1, T_SETTLE.0, vec![approved(&registry, deal(&community, 4, 1))]);
    world.tell(3, Input::Ordered(second));
    assert_eq!(world.replicas[3].snapshot().height, 1);
}

#[test]
fn certificates_that_come_before_the_batch_are_kept_for_it() {
    let mut ahead = World::new(4, Quorum::Majority, Fanout::Tally, 2);
    ahead.publish(1, 2, 0);
    ahead.run_until(LATER);
    let tip = ahead.assert_agreed(1);
    let mut world = World::new(4, Quorum::Majority, Fanout::Tally, 2);
    let early = certificate(&world, tip, 3);
    world.hear(3, 1, early);
    assert!(world.refusals.is_empty());
    world.now = T_SETTLE;
    for batch in ahead.batches.clone() {
        world.tell(3, Input::Ordered(batch));
    }
    let seen = world.replicas[3].snapshot();
    assert_eq!((seen.height, seen.closed, seen.tip), (1, 1, tip));
}

#[test]
fn only_the_drawn_voter_may_propose() {
    let drawn = broadcaster_of_first_deal(5);
    let mut world = World::new(5, Quorum::Majority, Fanout::Tally, 2);
    world.publish(1, 2, 0);
    world.run_until(LATER);
    let tip = world.assert_agreed(1);
    let other = (drawn + 1) % 5;
    let mut vote = LedgerVote {
        height: 1,
        ledger: tip,
        registry: 0,
        voter: PartyId(other),
        signature: Signature([0; 64]),
    };
    vote.signature = sign(&key(other), &vote.statement().digest(&world.community()));
    let to = (drawn + 2) % 5;
    world.hear(to, other, Message::LedgerProposal { vote, attempt: 0 });
    assert_eq!(world.refusals.last(), Some(&(to, Refusal::NotDrawn(PartyId(other)))));
    world.hear(to, drawn, Message::LedgerProposal { vote, attempt: 0 });
    assert_eq!(world.refusals.last(), Some(&(to, Refusal::NotAVoter(PartyId(other)))));
}

#[test]
fn a_journal_with_a_hole_or_a_strange_pair_is_not_restored() {
    let mut world = World::new(4, Quorum::Majority, Fanout::Tally, 2);
    for nonce in 0..3 {
        world.publish(1, 2, nonce);
    }
    world.run_until(LATER);
    let restore = |entries: Vec<JournalEntry>| {
        let (genesis, registry) = (world.genesis.clone(), world.registry.clone());
        Replica::restore(genesis, registry, PartyId(1), world.params.clone(), entries)
            .map(|replica| replica.snapshot().tip)
    };
    let whole = world.journals[1].clone();
    assert_eq!(restore(whole.clone()), Ok(world.replicas[1].snapshot().tip));
    let is_pair = |entry: &JournalEntry| matches!(entry, JournalEntry::Pair { .. });
    let pairs: Vec<_> = (0..whole.len()).filter(|i| is_pair(&whole[*i])).collect();
    let mut hole = whole.clone();
    hole.remove(pairs[1]);
    assert_eq!(restore(hole), Err(RestoreError::Gap { expected: 2, found: 3 }));
    let mut foreign = World::new(5, Quorum::Majority, Fanout::Tally, 2);
    foreign.publish(1, 2, 0);
    foreign.run_until(LATER);
    let strange = foreign.journals[1].iter().find(|entry| is_pair(entry)).cloned();
    let strange = strange.into_iter().collect();
    assert_eq!(restore(strange), Err(RestoreError::Differs { height: 1 }));
}
