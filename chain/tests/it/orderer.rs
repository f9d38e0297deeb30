//! Order: what a batch may hold, when it counts, and what two batches for one index are.

use std::sync::Arc;

use gridpact_chain::batch::{Approved, Batch, OrderProof};
use gridpact_chain::block::Votes;
use gridpact_chain::encode::Encoded;
use gridpact_chain::fault::Fault;
use gridpact_chain::genesis::Quorum;
use gridpact_chain::ledger::{Balances, Ledger};
use gridpact_chain::refusal::Refusal;
use gridpact_chain::replica::{Alarm, Fanout, Input};
use gridpact_chain::sequencer::{Effect, Input as Told, Sequencer};
use gridpact_chain::sign::Signature;
use gridpact_chain::statement::Statement;
use gridpact_chain::terms::{Energy, Money, PartyId, Timestamp};
use gridpact_chain::verdicts::Strict;
use proptest::prelude::*;

use crate::street::{approved, batch, deal};
use crate::world::{EPOCH, T_SETTLE, World, a_body, key, sign, signed};

fn a_world(n: u32) -> World {
    let mut world = World::new(n, Quorum::Majority, Fanout::Tally, 1);
    world.now = T_SETTLE;
    world
}

fn item(world: &World, i: u32) -> Arc<Approved> {
    let n = world.replicas.len() as u32;
    approved(&world.registry, deal(&world.community(), n, i))
}

fn give(world: &mut World, batch: &Arc<Batch>) -> Option<Refusal> {
    let before = world.refusals.len();
    world.tell(1, Input::Ordered(batch.clone()));
    world.refusals.get(before).map(|(_, reason)| *reason)
}

#[test]
fn batches_count_in_the_order_of_their_index_however_they_arrive() {
    let mut world = a_world(4);
    let batches: Vec<_> = (0..4)
        .map(|i| batch(&world.registry, i, T_SETTLE.0, vec![item(&world, i as u32)]))
        .collect();
    for i in [2, 1, 3, 2] {
        assert_eq!(give(&mut world, &batches[i]), None);
        assert_eq!(world.replicas[1].snapshot().height, 0);
    }
    assert_eq!(give(&mut world, &batches[0]), None);
    assert_eq!(world.replicas[1].snapshot().height, 4);
    assert_eq!(world.replicas[1].snapshot().next_batch, 4);
    let far = batch(&world.registry, 4 + 257, T_SETTLE.0, vec![]);
    assert_eq!(give(&mut world, &far), Some(Refusal::BatchGap { expected: 4 }));
    let near = batch(&world.registry, 4 + 256, T_SETTLE.0, vec![]);
    assert_eq!(give(&mut world, &near), None);
}

#[test]
fn a_batch_must_be_signed_whole_and_small() {
    let mut world = a_world(4);
    let good = batch(&world.registry, 0, T_SETTLE.0, vec![item(&world, 0)]);
    let mut forged = Batch::clone(&good);
    forged.proof = OrderProof::Sequencer(sign(&key(2), &good.head.digest(&world.community())));
    assert_eq!(give(&mut world, &Arc::new(forged)), Some(Refusal::OrderUnproven));
    let mut swapped = Batch::clone(&good);
    swapped.items = vec![item(&world, 1)];
    assert_eq!(give(&mut world, &Arc::new(swapped)), Some(Refusal::BatchMismatch));
    let mut engine = Batch::clone(&good);
    engine.proof = OrderProof::Engine { scheme: "bft".into(), bytes: vec![] };
    assert_eq!(give(&mut world, &Arc::new(engine)), Some(Refusal::Unsupported));
    assert_eq!(give(&mut world, &good), None);
    let size = good.items[0].len() as u32;
    for (limit, expected) in [(size - 1, Some(Refusal::TooLarge { limit: size - 1 })), (size, None)]
    {
        let mut genesis = (*world.genesis).clone();
        genesis.limits.batch_bytes = limit;
        let mut world = World::with_genesis(genesis, Fanout::Tally, 1);
        world.now = T_SETTLE;
        let items = vec![item(&world, 0)];
        let same = batch(&world.registry, 0, T_SETTLE.0, items);
        assert_eq!(give(&mut world, &same), expected);
    }
}

#[test]
fn time_never_runs_backwards_and_the_near_future_is_waited_for() {
    let mut world = a_world(4);
    let first = batch(&world.registry, 0, T_SETTLE.0 - 5, vec![item(&world, 0)]);
    assert_eq!(give(&mut world, &first), None);
    let past = batch(&world.registry, 1, T_SETTLE.0 - 6, vec![]);
    assert_eq!(
        world.replicas[1].check(T_SETTLE, &past, &Strict),
        Err(Refusal::TimeBackwards),
        "an engine is told before it decides"
    );
    let future = batch(&world.registry, 1, T_SETTLE.0 + 2001, vec![]);
    assert_eq!(
        world.replicas[1].check(T_SETTLE, &future, &Strict),
        Err(Refusal::TimeAhead { limit_ms: 2000 })
    );
    assert_eq!(give(&mut world, &future), None);
    assert_eq!(world.replicas[1].snapshot().next_batch, 1);
    assert!(world.replicas[1].wake_at().is_some_and(|at| at <= Timestamp(T_SETTLE.0 + 1)));
    world.now = Timestamp(T_SETTLE.0 + 1);
    world.tell(1, Input::Wake);
    assert_eq!(world.replicas[1].snapshot().next_batch, 2);
}

#[test]
fn a_batch_that_goes_back_in_time_is_evidence_and_stops_the_node() {
    let mut world = a_world(4);
    let first = batch(&world.registry, 0, T_SETTLE.0 - 5, vec![item(&world, 0)]);
    assert_eq!(give(&mut world, &first), None);
    let past = batch(&world.registry, 1, T_SETTLE.0 - 6, vec![item(&world, 1)]);
    assert_eq!(give(&mut world, &past), Some(Refusal::TimeBackwards));
    assert_eq!(world.alarms, [(1, Alarm::OrderBackwards { index: 1 })]);
    let (_, fault) = world.faults.first().expect("evidence");
    assert!(matches!(fault, Fault::BackwardsBatch(..)));
    assert!(fault.is_proven(&world.community(), &world.registries(), &Strict));
    assert_eq!(fault.culprit(&world.registries()), Some(PartyId(0)));
    assert!(world.replicas[1].snapshot().halted);
    assert_eq!(world.replicas[1].snapshot().height, 1);
    // In step with time it is none.
    let same = batch(&world.registry, 1, T_SETTLE.0 - 5, vec![]);
    let head = |batch: &Batch| (batch.head.clone(), batch.proof.clone());
    let sound = Fault::BackwardsBatch(head(&first), head(&same));
    assert!(!sound.is_proven(&world.community(), &world.registries(), &Strict));
}

#[test]
fn a_batch_far_ahead_is_an_alarm_and_waits_for_its_time() {
    let mut world = a_world(4);
    for (ahead, alarms) in [(60_000, 0), (60_001, 1)] {
        let far = batch(&world.registry, alarms, T_SETTLE.0 + ahead, vec![]);
        give(&mut world, &far);
        assert_eq!(world.alarms.len() as u64, alarms);
        world.now = Timestamp(T_SETTLE.0 + ahead);
        world.tell(1, Input::Wake);
        assert_eq!(world.replicas[1].snapshot().next_batch, alarms + 1);
        world.now = T_SETTLE;
    }
}

#[test]
fn no_state_changes_after_its_deadline() {
    for (time, height) in [(T_SETTLE.0, 1), (T_SETTLE.0 + 1, 0)] {
        let mut world = a_world(4);
        let late = batch(&world.registry, 0, time, vec![item(&world, 0)]);
        let refused = give(&mut world, &late);
        assert_eq!(refused, (height == 0).then_some(Refusal::Expired));
        assert_eq!(world.replicas[1].snapshot().height, height);
        assert_eq!(world.replicas[1].snapshot().next_batch, 1);
    }
}

#[test]
fn every_node_skips_the_same_items() {
    let mut world = a_world(4);
    let good = item(&world, 0);
    let unapproved = Approved {
        record: item(&world, 1).record.clone(),
        approvals: Encoded::new(Votes { registry: 0, signatures: vec![] }),
    };
    let borrowed =
        Approved { record: item(&world, 2).record.clone(), approvals: good.approvals.clone() };
    let mut forged = signed(a_body(&world.community(), 1, 2, 9));
    forged.seller_sig = Signature([3; 64]);
    let forged = approved(&world.registry, forged);
    let mut false_terms = a_body(&world.community(), 1, 2, 10);
    false_terms.amount = Money(5);
    let false_terms = approved(&world.registry, signed(false_terms));
    let last = item(&world, 3);
    let items = vec![
        good.clone(),
        Arc::new(unapproved),
        Arc::new(borrowed),
        forged,
        false_terms,
        good,
        last,
    ];
    let all = batch(&world.registry, 0, T_SETTLE.0, items);
    for node in 0..4 {
        world.tell(node, Input::Ordered(all.clone()));
    }
    let reasons: Vec<_> = world.refusals.iter().map(|(_, reason)| *reason).collect();
    let expected = [
        Refusal::NotApproved,
        Refusal::NotApproved,
        Refusal::BadSignature(PartyId(2)),
        Refusal::WrongAmount,
        Refusal::UsedId,
    ];
    assert_eq!(reasons, [expected; 4].concat());
    world.run_until(Timestamp(T_SETTLE.0 + 30_000));
    world.assert_agreed(2);
}

#[test]
fn check_answers_without_changing_and_agrees_with_apply() {
    let mut world = a_world(4);
    let items: Vec<_> = (0..5).map(|i| item(&world, i)).collect();
    let good = batch(&world.registry, 0, T_SETTLE.0, items.clone());
    let before = world.replicas[1].snapshot();
    let tip = world.replicas[1].check(T_SETTLE, &good, &Strict);
    assert_eq!(world.replicas[1].snapshot(), before);
    let twice = batch(&world.registry, 0, T_SETTLE.0, vec![items[0].clone(), items[0].clone()]);
    assert_eq!(world.replicas[1].check(T_SETTLE, &twice, &Strict), Err(Refusal::UsedId));
    assert_eq!(give(&mut world, &good), None);
    assert_eq!(tip, Ok(world.replicas[1].snapshot().tip));
    let again = world.replicas[1].check(T_SETTLE, &good, &Strict);
    assert_eq!(again, Err(Refusal::BatchGap { expected: 1 }));
    let same = batch(&world.registry, 1, T_SETTLE.0, items[..1].to_vec());
    assert_eq!(world.replicas[1].check(T_SETTLE, &same, &Strict), Err(Refusal::UsedId));
    let mut swapped = Batch::clone(&batch(&world.registry, 1, T_SETTLE.0, vec![]));
    swapped.items = vec![items[0].clone()];
    let mismatch = world.replicas[1].check(T_SETTLE, &swapped, &Strict);
    assert_eq!(mismatch, Err(Refusal::BatchMismatch));
}

#[test]
fn two_batches_for_one_index_are_evidence_and_stop_the_node() {
    let mut world = a_world(4);
    let first = batch(&world.registry, 0, T_SETTLE.0, vec![item(&world, 0)]);
    let second = batch(&world.registry, 0, T_SETTLE.0, vec![item(&world, 1)]);
    assert_eq!(give(&mut world, &first), None);
    assert_eq!(give(&mut world, &first), None);
    let mut forged = Batch::clone(&second);
    forged.proof = OrderProof::Sequencer(Signature([1; 64]));
    assert_eq!(give(&mut world, &Arc::new(forged)), Some(Refusal::OrderUnproven));
    assert!(world.faults.is_empty());
    give(&mut world, &second);
    assert!(matches!(&world.faults[..], [(1, Fault::DoubleBatch(..))]));
    assert!(world.faults[0].1.is_proven(&world.community(), &world.registries(), &Strict));
    assert_eq!(world.faults[0].1.culprit(&world.registries()), Some(PartyId(0)));
    assert_eq!(world.alarms, [(1, Alarm::OrderForked { index: 0 })]);
    assert!(world.replicas[1].snapshot().halted);
    let next = batch(&world.registry, 1, T_SETTLE.0, vec![item(&world, 2)]);
    give(&mut world, &next);
    assert_eq!(world.replicas[1].snapshot().height, 1);
}

#[test]
fn heights_run_ahead_of_their_votes_up_to_the_limit() {
    let mut genesis = crate::world::a_genesis(4, Quorum::Majority);
    genesis.limits.heights_ahead = 3;
    let mut world = World::with_genesis(genesis, Fanout::Tally, 1);
    world.now = T_SETTLE;
    let items: Vec<_> = (0..5).map(|i| item(&world, i)).collect();
    let first = batch(&world.registry, 0, T_SETTLE.0, items[..3].to_vec());
    let second = batch(&world.registry, 1, T_SETTLE.0, items[3..].to_vec());
    for node in 0..4 {
        world.tell(node, Input::Ordered(first.clone()));
        world.tell(node, Input::Ordered(second.clone()));
        let seen = world.replicas[node].snapshot();
        assert_eq!((seen.height, seen.closed, seen.waiting, seen.next_batch), (3, 0, 1, 1));
    }
    world.run_until(Timestamp(T_SETTLE.0 + 30_000));
    world.assert_agreed(5);
}

fn submit(sequencer: &mut Sequencer, now: Timestamp, item: Arc<Approved>) -> Vec<Effect> {
    let mut out = Vec::new();
    sequencer.handle(now, Told::Submit(item), &Strict, &mut out);
    out
}

fn born(world: &World, last: Option<Arc<Batch>>) -> Sequencer {
    let (genesis, registry) = (world.genesis.clone(), world.registry.clone());
    Sequencer::new(genesis, registry, world.genesis.sequencer, last)
}

/// Wakes the sequencer at `now` and signs for it until it is quiet.
fn settle(sequencer: &mut Sequencer, world: &World, now: Timestamp) -> Vec<Arc<Batch>> {
    let (mut out, mut decided) = (Vec::new(), Vec::new());
    sequencer.handle(now, Told::Wake, &Strict, &mut out);
    while !out.is_empty() {
        for effect in std::mem::take(&mut out) {
            match effect {
                Effect::Sign(statement) => {
                    let signature = sign(&key(0), &statement.digest(&world.community()));
                    let told = Told::Signed { statement, signature };
                    sequencer.handle(now, told, &Strict, &mut out);
                }
                Effect::Decided(batch) => decided.push(batch),
                Effect::Record(_) | Effect::Refused { .. } => {}
            }
        }
    }
    decided
}

#[test]
fn the_sequencer_sorts_fills_and_ends_each_epoch_with_an_empty_batch() {
    let world = a_world(4);
    let size = item(&world, 0).len();
    let mut genesis = (*world.genesis).clone();
    genesis.limits.batch_bytes = 2 * size as u32;
    let world = World::with_genesis(genesis, Fanout::Tally, 1);
    let mut sequencer = born(&world, None);
    let started = Told::EpochStarted { epoch: EPOCH, t_settle: T_SETTLE };
    sequencer.handle(Timestamp(1), started, &Strict, &mut Vec::new());
    assert_eq!(sequencer.wake_at(), Some(T_SETTLE));
    for i in [3, 0, 2, 1, 0] {
        assert_eq!(submit(&mut sequencer, Timestamp(2), item(&world, i)), []);
    }
    assert_eq!(sequencer.waiting(), 4);
    let decided = settle(&mut sequencer, &world, T_SETTLE);
    let seen: Vec<_> = decided.iter().map(|b| (b.index(), b.time_ms().0, b.items.len())).collect();
    let t = T_SETTLE.0;
    assert_eq!(seen, [(0, t, 2), (1, t, 2), (2, t + 1, 0)]);
    let ids: Vec<_> = decided
        .iter()
        .flat_map(|b| &b.items)
        .filter_map(|item| Some(item.record.body()?.contract_id))
        .collect();
    assert!(ids.windows(2).all(|two| two[0] < two[1]));
    assert_eq!(sequencer.wake_at(), None);
    let late = submit(&mut sequencer, Timestamp(t), item(&world, 9));
    assert!(matches!(late[..], [Effect::Refused { reason: Refusal::Expired, .. }]));
}

#[test]
fn the_sequencer_takes_no_unapproved_record_and_a_cut_orders_early() {
    let world = a_world(4);
    let mut sequencer = born(&world, None);
    let started = Told::EpochStarted { epoch: EPOCH, t_settle: T_SETTLE };
    sequencer.handle(Timestamp(1), started, &Strict, &mut Vec::new());
    let bad = Approved {
        record: item(&world, 1).record.clone(),
        approvals: Encoded::new(Votes { registry: 0, signatures: vec![] }),
    };
    let refused = submit(&mut sequencer, Timestamp(2), Arc::new(bad));
    assert!(matches!(refused[..], [Effect::Refused { reason: Refusal::NotApproved, .. }]));
    submit(&mut sequencer, Timestamp(2), item(&world, 1));
    let mut out = Vec::new();
    sequencer.handle(Timestamp(77), Told::Cut, &Strict, &mut out);
    assert!(matches!(&out[..], [Effect::Sign(Statement::Batch(head))] if head.time_ms.0 == 77));
}

#[test]
fn a_restarted_sequencer_says_its_last_batch_again_and_goes_on_after_it() {
    let world = a_world(4);
    let last = batch(&world.registry, 6, T_SETTLE.0, vec![item(&world, 0)]);
    let mut sequencer = born(&world, Some(last.clone()));
    let mut out = Vec::new();
    sequencer.handle(Timestamp(1), Told::Started, &Strict, &mut out);
    assert_eq!(out, [Effect::Decided(last)]);
    assert_eq!(sequencer.next_batch(), 7);
    // What the last batch held is not ordered twice.
    assert_eq!(submit(&mut sequencer, T_SETTLE, item(&world, 0)), []);
    assert_eq!(sequencer.waiting(), 0);
}

#[test]
fn a_late_wake_still_ends_the_epoch_before_the_next_begins() {
    let world = a_world(4);
    let mut sequencer = born(&world, None);
    let first = Told::EpochStarted { epoch: EPOCH, t_settle: T_SETTLE };
    sequencer.handle(Timestamp(1), first, &Strict, &mut Vec::new());
    submit(&mut sequencer, Timestamp(2), item(&world, 0));
    let next_settle = Timestamp(T_SETTLE.0 + 1_800_000);
    let next = Told::EpochStarted { epoch: EPOCH.plus(1), t_settle: next_settle };
    let mut out = Vec::new();
    sequencer.handle(Timestamp(T_SETTLE.0 + 500), next, &Strict, &mut out);
    assert!(matches!(&out[..], [Effect::Sign(Statement::Batch(head))] if head.time_ms == T_SETTLE));
    assert_eq!(sequencer.wake_at(), Some(next_settle));
    assert_eq!(sequencer.next_batch(), 2);
}

#[test]
fn an_epoch_that_still_settles_is_ordered_at_its_own_time_beside_the_next_one() {
    let world = a_world(4);
    let mut sequencer = born(&world, None);
    let next_settle = Timestamp(T_SETTLE.0 + 1_800_000);
    for (now, epoch, t_settle) in [(1, EPOCH, T_SETTLE), (500, EPOCH.plus(1), next_settle)] {
        let started = Told::EpochStarted { epoch, t_settle };
        let mut out = Vec::new();
        sequencer.handle(Timestamp(now), started, &Strict, &mut out);
        assert_eq!(out, [], "nothing is over yet");
    }
    assert_eq!(sequencer.wake_at(), Some(T_SETTLE));
    assert_eq!(submit(&mut sequencer, Timestamp(600), item(&world, 0)), [], "of the first epoch");
    let decided = settle(&mut sequencer, &world, T_SETTLE);
    let seen: Vec<_> = decided.iter().map(|b| (b.time_ms().0, b.items.len())).collect();
    assert_eq!(seen, [(T_SETTLE.0, 1), (T_SETTLE.0 + 1, 0)]);
    assert_eq!(sequencer.wake_at(), Some(next_settle), "the next one is open still");
    let decided = settle(&mut sequencer, &world, next_settle);
    assert_eq!(decided.iter().map(|b| b.time_ms().0).collect::<Vec<_>>(), [next_settle.0 + 1]);
    assert_eq!(sequencer.wake_at(), None);
}

proptest! {
    #[test]
    fn nothing_is_made_and_what_is_bought_is_sold(
        deals in prop::collection::vec((0_u32..6, 1_u32..6, 1_u64..100_000, -9_000_000_i64..9_000_000), 1..60),
    ) {
        let community = gridpact_chain::digest::Digest([1; 32]);
        let mut ledger = Ledger::new(community);
        let (mut bought, mut sold) = ([0_u64; 6], [0_u64; 6]);
        for (i, (buyer, away, energy, price)) in deals.iter().enumerate() {
            let mut body = a_body(&community, *buyer, (buyer + away) % 6, (i % 250) as u8);
            (body.energy, body.unit_price.0) = (Energy(*energy), *price);
            body.amount = Money::of(body.energy, body.unit_price).expect("a small amount");
            bought[body.buyer.0 as usize] += energy;
            sold[body.seller.0 as usize] += energy;
            let contract = gridpact_chain::contract::SignedContract {
                body,
                buyer_sig: Signature([1; 64]),
                seller_sig: Signature([2; 64]),
            };
            let record = Encoded::new(gridpact_chain::block::Record::Contract(contract));
            let pair = ledger.next(Timestamp(i as u64), 0, &record).expect("a small deal");
            prop_assert_eq!(pair.ledger.entries.iter().map(|e| e.delta.0).sum::<i64>(), 0);
            ledger.push(&Arc::new(pair));
            prop_assert_eq!(ledger.balances.sum(), 0);
        }
        prop_assert_eq!(bought.iter().sum::<u64>(), sold.iter().sum::<u64>());
    }

    #[test]
    fn the_root_changes_with_every_balance(count in 1_u32..40, at in 0_u32..40, by in 1_i64..1000) {
        use gridpact_chain::block::Entry;
        let community = gridpact_chain::digest::Digest([1; 32]);
        let account = |i: u32, balance: i64| Entry { party: PartyId(i), delta: Money(0), balance: Money(balance) };
        let mut balances = Balances::default();
        let entries: Vec<_> = (0..count).map(|i| account(i, i64::from(i) * 7)).collect();
        balances.set(&entries);
        let before = balances.root(&community);
        let mut reversed = Balances::default();
        reversed.set(&entries.iter().rev().copied().collect::<Vec<_>>());
        prop_assert_eq!(reversed.root(&community), before);
        let i = at % count;
        balances.set(&[account(i, i64::from(i) * 7 + by)]);
        prop_assert_ne!(balances.root(&community), before);
    }
}

#[test]
fn an_overflowing_balance_refuses_the_record_and_not_the_chain() {
    use gridpact_chain::block::{Entry, Record};
    let community = gridpact_chain::digest::Digest([1; 32]);
    let mut ledger = Ledger::new(community);
    let full = Entry { party: PartyId(2), delta: Money(0), balance: Money(i64::MAX) };
    ledger.balances.set(&[full]);
    let record = Encoded::new(Record::Contract(signed(a_body(&community, 1, 2, 0))));
    assert_eq!(ledger.next(Timestamp(1), 0, &record), Err(Refusal::Overflow));
}

#[test]
fn every_256th_ledger_block_carries_the_root() {
    let registry = crate::world::World::new(4, Quorum::Majority, Fanout::Tally, 1).registry;
    let chain = crate::street::a_chain(&registry, 513, false);
    let mut balances = Balances::default();
    for (pair, _) in &chain {
        balances.set(&pair.ledger.entries);
        let root = balances.root(&registry.community());
        let expected = pair.height().is_multiple_of(256).then_some(root);
        assert_eq!(pair.ledger.checkpoint, expected);
    }
}
