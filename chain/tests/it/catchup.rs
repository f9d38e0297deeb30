//! A node that was away takes what it missed from its peers, proves it, and votes from the tip on.

use std::sync::Arc;

use gridpact_chain::batch::Batch;
use gridpact_chain::block::{LedgerBlock, Pair, Record};
use gridpact_chain::encode::Encoded;
use gridpact_chain::genesis::Quorum;
use gridpact_chain::journal::JournalEntry;
use gridpact_chain::membership::Change;
use gridpact_chain::message::Message;
use gridpact_chain::refusal::Refusal;
use gridpact_chain::replica::{Alarm, Fanout, Input, Progress, Replica};
use gridpact_chain::terms::{PartyId, Timestamp};
use proptest::prelude::*;

use crate::street::{approved, batch, deal};
use crate::world::{EPOCH, T_SETTLE, World, a_body, a_genesis, signed};

/// The node that is away.
const AWAY: u32 = 4;
const NOW: Timestamp = T_SETTLE;

/// Orders `deals` deals in batches of one, `empty` empty batches after each, heard by all but the
/// dead.
fn order(world: &mut World, deals: u32, empty: u64) {
    (world.is_idle, world.now) = (true, world.now.max(NOW));
    let from = world.replicas[0].snapshot().height as u32;
    let (registry, community) = (world.registry.clone(), world.community());
    for i in from..from + deals {
        let item = approved(&registry, deal(&community, 5, i));
        tell_all(world, |index| batch(&registry, index, NOW.0, vec![item.clone()]));
        for _ in 0..empty {
            tell_all(world, |index| batch(&registry, index, NOW.0, vec![]));
        }
    }
    world.run_until(Timestamp(world.now.0 + 20_000));
}

fn tell_all(world: &mut World, make: impl Fn(u64) -> Arc<Batch>) {
    let batch = make(world.batches.last().map_or(0, |last| last.index() + 1));
    world.batches.push(batch.clone());
    for node in 0..world.replicas.len() {
        world.tell(node, Input::Ordered(batch.clone()));
    }
}

fn a_world(seed: u64) -> World {
    let mut world = World::new(5, Quorum::Majority, Fanout::Tally, seed);
    world.dead.insert(AWAY);
    world
}

/// Brings the node back from what its journal holds.
fn reborn(world: &mut World, journal: Vec<JournalEntry>) {
    let away = AWAY as usize;
    world.replicas[away] = Replica::restore(
        world.genesis.clone(),
        world.registry.clone(),
        PartyId(AWAY),
        world.params.clone(),
        journal.clone(),
    )
    .expect("a sound journal");
    world.journals[away] = journal;
    world.dead.remove(&AWAY);
    world.tell(away, Input::Started);
    world.tell(away, Input::EpochStarted { epoch: EPOCH, t_settle: T_SETTLE });
}

fn progress(world: &World) -> Option<Progress> {
    world.replicas[AWAY as usize].snapshot().catching_up
}

/// Votes of the node in its journal: approvals, ledger votes.
fn votes(world: &World) -> (usize, usize) {
    let journal = &world.journals[AWAY as usize];
    let approvals = journal.iter().filter(|e| matches!(e, JournalEntry::Approval { .. })).count();
    let ledgers = journal.iter().filter(|e| matches!(e, JournalEntry::LedgerVote(_))).count();
    (approvals, ledgers)
}

#[test]
fn a_node_that_missed_hundreds_of_batches_catches_up_and_votes_from_the_tip_on() {
    let mut world = a_world(1);
    order(&mut world, 5, 80);
    // The ordering has long forgotten them.
    world.held_from = 405;
    world.dead.remove(&AWAY);
    let (now, registry) = (world.now, world.registry.clone());
    tell_all(&mut world, |index| batch(&registry, index, NOW.0, vec![]));
    assert!(world.refusals.contains(&(AWAY, Refusal::BatchGap { expected: 0 })));
    assert_eq!(progress(&world), None);
    world.deliver_all();
    world.now = Timestamp(now.0 + 2_000);
    world.tell(AWAY as usize, Input::Wake);
    let mut seen = Vec::new();
    while !world.mail.is_empty() {
        let (to, from, message) = world.mail.remove(0);
        world.tell(to.0 as usize, Input::Message { from, message });
        seen.extend(progress(&world));
    }
    assert!(seen.contains(&Progress { from: 0, to: 5, at: 0 }), "{seen:?}");
    assert_eq!(progress(&world), None);
    world.assert_agreed(5);
    assert_eq!(votes(&world), (0, 0), "what is closed needs no vote");
    // The next pair bridges the empty batches that nobody holds any more; from then on it votes.
    order(&mut world, 1, 0);
    world.assert_agreed(6);
    order(&mut world, 2, 0);
    world.assert_agreed(8);
    assert!(votes(&world).1 >= 1, "unless the pair was closed before it was asked");
    assert!(world.faults.is_empty() && world.alarms.is_empty());
    // What it took over is in its journal like everything else.
    let journal = world.journals[AWAY as usize].clone();
    let tip = world.replicas[0].snapshot().tip;
    reborn(&mut world, journal);
    assert_eq!(world.replicas[AWAY as usize].snapshot().tip, tip);
}

#[test]
fn nothing_is_voted_on_before_a_quorum_has_said_how_far_it_is() {
    for others in [2, 1] {
        let mut world = a_world(2);
        world.dead.extend(if others == 2 { vec![0, 2] } else { vec![0, 2, 3] });
        let blank = Vec::new();
        reborn(&mut world, blank);
        let record = Encoded::new(Record::Contract(signed(a_body(&world.community(), 1, 3, 77))));
        world.hear(AWAY, 1, Message::Ask { record: record.clone() });
        assert_eq!(world.refusals.last(), Some(&(AWAY, Refusal::CatchingUp)));
        world.run_until(Timestamp(T_SETTLE.0 - 1));
        world.hear(AWAY, 1, Message::Ask { record });
        // Three of five are a quorum, the node itself among them; two are none, however long it asks.
        if others == 2 {
            assert_eq!((votes(&world), progress(&world)), ((1, 0), None));
        } else {
            assert_eq!(world.refusals.last(), Some(&(AWAY, Refusal::CatchingUp)));
            assert_eq!(votes(&world), (0, 0));
            assert!(progress(&world).is_some());
        }
    }
}

#[test]
fn the_registry_of_each_height_judges_what_is_fetched() {
    let mut world = a_world(3);
    world.propose(1, Change::SetVoter { member: PartyId(0), voter: false });
    world.run_until(Timestamp(T_SETTLE.0 + 10_000));
    let settle = Timestamp(T_SETTLE.0 + 600_000);
    world.start_epoch(EPOCH.plus(1), settle);
    let mut body = a_body(&world.community(), 1, 2, 5);
    (body.epoch, body.valid_until) = (EPOCH.plus(1), settle);
    world.tell(1, Input::Publish(Box::new(signed(body))));
    world.propose(1, Change::Remove(PartyId(3)));
    world.run_until(Timestamp(settle.0 + 10_000));
    world.dead.remove(&AWAY);
    let blank = Vec::new();
    reborn(&mut world, blank);
    world.run_until(Timestamp(settle.0 + 30_000));
    world.dead.insert(3);
    world.assert_agreed(3);
    let seen = world.replicas[AWAY as usize].snapshot();
    assert_eq!((seen.registry, seen.catching_up), (2, None));
    let (pair, proof) = world.replicas[AWAY as usize].pair(2).expect("three pairs");
    assert_eq!((pair.contract.registry, proof.approvals.registry), (1, 1));
}

#[test]
fn an_older_store_is_found_against_peers_and_votes_on_nothing_twice() {
    let mut world = World::new(5, Quorum::TwoThirds, Fanout::Tally, 4);
    let short = world.journals[AWAY as usize].clone();
    world.dead.insert(0);
    for nonce in 0..3 {
        world.publish(1, 2, nonce);
    }
    world.dead.remove(&0);
    world.deliver_all();
    let waiting = a_body(&world.community(), 1, 2, 0);
    // The disk comes back as it was before any of it: the node knows nothing of its votes.
    world.dead.insert(AWAY);
    world.run_until(Timestamp(T_SETTLE.0 + 10_000));
    reborn(&mut world, short);
    world.run_until(Timestamp(T_SETTLE.0 + 30_000));
    world.assert_agreed(3);
    assert!(matches!(world.alarms[..], [(AWAY, Alarm::RolledBack { .. })]), "{:?}", world.alarms);
    // In the epoch that was running it may have voted: asked for another body, it says nothing.
    world.now = Timestamp(T_SETTLE.0 - 1);
    let mut other = a_body(&world.community(), 1, 2, 99);
    other.valid_until = waiting.valid_until;
    let record = Encoded::new(Record::Contract(signed(other)));
    world.hear(AWAY, 1, Message::Ask { record });
    assert_eq!(world.refusals.last(), Some(&(AWAY, Refusal::CatchingUp)));
    assert_eq!(votes(&world), (0, 0));
    // In the next one it votes like everybody.
    let settle = Timestamp(T_SETTLE.0 + 600_000);
    world.now = Timestamp(T_SETTLE.0 + 30_000);
    world.start_epoch(EPOCH.plus(1), settle);
    let mut body = a_body(&world.community(), 1, 2, 7);
    (body.epoch, body.valid_until) = (EPOCH.plus(1), settle);
    world.tell(1, Input::Publish(Box::new(signed(body))));
    world.run_until(Timestamp(settle.0 + 30_000));
    world.assert_agreed(4);
    assert_eq!(votes(&world), (1, 1));
    assert!(world.faults.is_empty(), "{:?}", world.faults);
}

#[test]
fn liars_among_those_asked_are_refused_and_the_others_have_it() {
    // One boasts and delivers nothing, one changes what it hands on.
    let mut world = a_world(5);
    order(&mut world, 6, 3);
    world.held_from = u64::MAX;
    world.tongues.insert(
        1,
        Box::new(|message| match message {
            Message::Tip { .. } => vec![Message::Tip { height: u64::MAX }],
            Message::Range(_) => vec![],
            other => vec![other.clone()],
        }),
    );
    world.tongues.insert(
        2,
        Box::new(|message| {
            let Message::Range(pairs) = message else { return vec![message.clone()] };
            let mut pairs = pairs.clone();
            if let Some((pair, _)) = pairs.last_mut() {
                let block = LedgerBlock { entries: Vec::new().into(), ..(*pair.ledger).clone() };
                let contract = pair.contract.clone();
                *pair = Arc::new(Pair { contract, ledger: Encoded::new(block) });
            }
            vec![Message::Tip { height: 7 }, Message::Range(pairs)]
        }),
    );
    let blank = Vec::new();
    reborn(&mut world, blank);
    world.run_until(Timestamp(world.now.0 + 60_000));
    world.assert_agreed(6);
    assert_eq!(progress(&world), None);
    let wrong = |(node, reason): &(u32, Refusal)| {
        *node == AWAY && matches!(reason, Refusal::WrongCopy { height: 6, .. })
    };
    assert!(world.refusals.iter().any(wrong), "{:?}", world.refusals);
    assert!(world.alarms.is_empty());
}

#[test]
fn an_approval_or_a_ledger_vote_that_waits_for_the_tip_is_given_there() {
    let mut world = a_world(6);
    order(&mut world, 2, 0);
    world.dead.extend([0, 3]);
    // Three of five are needed, and two are left.
    order(&mut world, 1, 0);
    assert_eq!(world.replicas[1].snapshot().closed, 2);
    world.dead.remove(&0);
    world.held_from = 2;
    let blank = Vec::new();
    reborn(&mut world, blank);
    for batch in world.batches.clone() {
        world.tell(0, Input::Ordered(batch));
    }
    world.run_until(Timestamp(world.now.0 + 60_000));
    world.assert_agreed(3);
    assert_eq!(votes(&world), (0, 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn whatever_is_lost_on_the_way_the_node_ends_at_the_tip(
        seed in any::<u64>(),
        deals in 1_u32..12,
        empty in 0_u64..40,
        known in 0_usize..6,
        loss in 0_u64..400,
    ) {
        let mut world = a_world(seed);
        (world.loss, world.doubling) = (loss, 100);
        order(&mut world, deals, empty);
        let journal: Vec<_> = world.journals[0]
            .iter()
            .filter(|e| matches!(e, JournalEntry::Pair { .. } | JournalEntry::Applied { .. }))
            .take(known)
            .cloned()
            .collect();
        world.held_from = u64::from(deals / 2) * (empty + 1);
        reborn(&mut world, journal);
        world.run_until(Timestamp(NOW.0 + 120_000));
        world.loss = 0;
        world.run_until(Timestamp(NOW.0 + 240_000));
        world.assert_agreed(deals.into());
        prop_assert_eq!(progress(&world), None);
        prop_assert!(world.faults.is_empty());
        let is_rollback = |alarm: &(u32, Alarm)| matches!(alarm.1, Alarm::RolledBack { .. });
        prop_assert_eq!(world.alarms.iter().filter(|alarm| is_rollback(alarm)).count(), 0);
    }
}

#[test]
fn a_community_that_restarts_as_one_goes_on() {
    let mut genesis = a_genesis(5, Quorum::TwoThirds);
    genesis.members[2].voter = false;
    let mut world = World::with_genesis(genesis, Fanout::AllToAll, 7);
    for nonce in 0..4 {
        world.publish(1, 2, nonce);
    }
    world.run_until(Timestamp(T_SETTLE.0 - 30_000));
    for i in 0..5 {
        world.replicas[i] = Replica::restore(
            world.genesis.clone(),
            world.registry.clone(),
            PartyId(i as u32),
            world.params.clone(),
            world.journals[i].clone(),
        )
        .expect("a sound journal");
    }
    for i in 0..5 {
        world.tell(i, Input::Started);
        world.tell(i, Input::EpochStarted { epoch: EPOCH, t_settle: T_SETTLE });
    }
    world.publish(3, 4, 9);
    world.run_until(Timestamp(T_SETTLE.0 + 30_000));
    world.assert_agreed(5);
    assert!(world.faults.is_empty() && world.alarms.is_empty(), "{:?}", world.alarms);
}

#[test]
fn a_node_whose_shell_doubts_its_store_answers_no_contract_of_the_running_epoch() {
    let mut world = World::new(4, Quorum::Majority, Fanout::Tally, 8);
    world.tell(3, Input::CatchUp);
    world.deliver_all();
    let record = Encoded::new(Record::Contract(signed(a_body(&world.community(), 1, 2, 3))));
    world.hear(3, 1, Message::Ask { record });
    assert_eq!(world.refusals, [(3, Refusal::CatchingUp)]);
    assert_eq!(world.replicas[3].snapshot().catching_up, None, "it is at the tip all the same");
    let settle = Timestamp(T_SETTLE.0 + 600_000);
    world.start_epoch(EPOCH.plus(1), settle);
    let mut body = a_body(&world.community(), 1, 2, 4);
    (body.epoch, body.valid_until) = (EPOCH.plus(1), settle);
    let record = Encoded::new(Record::Contract(signed(body)));
    world.hear(3, 1, Message::Ask { record });
    assert_eq!(world.refusals.len(), 1);
}
