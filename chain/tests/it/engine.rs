//! A second orderer, as an engine would be, that exists only here: in turns, several members propose
//! a batch for one index, everybody is asked to `check` each, one is decided, and what was decided
//! is delivered again after a restart and kept for a while for those it skipped. It proves the seam
//! and nothing else: how members agree on one of the proposals is an engine's business.

use std::collections::BTreeSet;
use std::sync::Arc;

use gridpact_chain::batch::{Approved, Batch, BatchHead, OrderProof};
use gridpact_chain::contract::ContractId;
use gridpact_chain::digest::Digest;
use gridpact_chain::encode::Encoded;
use gridpact_chain::genesis::Quorum;
use gridpact_chain::refusal::Refusal;
use gridpact_chain::replica::{Alarm, Fanout, Input, Replica};
use gridpact_chain::sign::Signature;
use gridpact_chain::terms::{PartyId, Timestamp};
use proptest::prelude::*;

use crate::world::{Chance, EPOCH, T_SETTLE, World, key, sign};

/// Bytes a proposer asks its node for.
const PICK_BYTES: usize = 6_000;

struct Engine {
    world: World,
    chance: Chance,
    /// Decided and still held: an engine forgets too.
    held: Vec<Arc<Batch>>,
    /// Proposals asked about and never decided.
    dropped: usize,
    refused: BTreeSet<Refusal>,
    /// Whether proposals may hold what is used already.
    is_careless: bool,
}

impl Engine {
    fn new(n: u32, quorum: Quorum, fanout: Fanout, seed: u64) -> Self {
        let mut world = World::new(n, quorum, fanout, seed);
        world.is_idle = true;
        world.held_from = u64::MAX;
        let chance = Chance(seed ^ 0xe);
        let (held, refused) = (Vec::new(), BTreeSet::new());
        Self { world, chance, held, dropped: 0, refused, is_careless: true }
    }

    fn next_index(&self) -> u64 {
        self.held.last().map_or(0, |batch| batch.index() + 1)
    }

    /// What `proposer` would order next; nobody has signed it yet.
    fn propose(&mut self, proposer: usize) -> Batch {
        let community = self.world.community();
        let mut items: Vec<Arc<Approved>> = self.world.replicas[proposer].pick(PICK_BYTES);
        if self.chance.per_mille(300) {
            items.reverse();
        }
        if self.is_careless
            && self.chance.per_mille(150)
            && let Some(old) = self.held.iter().rev().flat_map(|batch| &batch.items).next()
        {
            items.push(old.clone());
        }
        let digests = items.iter().map(|item| item.record.digest(&community)).collect();
        let (index, time_ms) = (self.next_index(), self.world.now);
        let head = Encoded::new(BatchHead { index, time_ms, items: digests });
        Batch { head, items, proof: OrderProof::Sequencer(Signature([0; 64])) }
    }

    /// The tip that everybody who is at the tip says this batch would give, if they all say so.
    fn check(&mut self, batch: &Batch) -> Option<Digest> {
        let mut tips = BTreeSet::new();
        let mut is_refused = false;
        for i in self.world.alive() {
            let before = self.world.replicas[i].snapshot();
            if before.next_batch != batch.index() {
                continue;
            }
            let answer = self.world.replicas[i].check(self.world.now, batch, &self.world.verdicts);
            assert_eq!(self.world.replicas[i].snapshot(), before, "asking changes nothing");
            match answer {
                Ok(tip) => _ = tips.insert(tip),
                Err(reason) => {
                    is_refused = true;
                    self.refused.insert(reason);
                }
            }
        }
        assert!(!is_refused || tips.is_empty(), "some take what others refuse: {tips:?}");
        assert!(tips.len() <= 1, "one batch, one tip: {tips:?}");
        tips.pop_first()
    }

    /// One index: several proposals by chance, one decision by chance, told to all but `skipped`.
    fn decide(&mut self, skipped: Option<usize>) {
        let n = self.world.replicas.len();
        let count = 2 + self.chance.below(3);
        let proposers: Vec<_> = (0..count).map(|_| self.chance.below(n)).collect();
        self.decide_among(&proposers, skipped);
    }

    fn decide_among(&mut self, proposers: &[usize], skipped: Option<usize>) {
        let count = proposers.len();
        let proposals: Vec<_> = proposers.iter().map(|proposer| self.propose(*proposer)).collect();
        let mut sound: Vec<_> = proposals
            .into_iter()
            .filter_map(|batch| self.check(&batch).map(|tip| (batch, tip)))
            .collect();
        self.dropped += count - usize::from(!sound.is_empty());
        if sound.is_empty() {
            return;
        }
        let (mut batch, tip) = sound.swap_remove(self.chance.below(sound.len()));
        let digest = batch.head.digest(&self.world.community());
        batch.proof = OrderProof::Sequencer(sign(&key(0), &digest));
        let batch = Arc::new(batch);
        self.held.push(batch.clone());
        for node in self.world.alive().into_iter().filter(|node| Some(*node) != skipped) {
            let at_tip = self.world.replicas[node].snapshot().next_batch == batch.index();
            self.world.tell(node, Input::Ordered(batch.clone()));
            // An engine delivers at least once.
            self.world.tell(node, Input::Ordered(batch.clone()));
            let seen = self.world.replicas[node].snapshot();
            if at_tip && seen.next_batch == batch.index() + 1 {
                assert_eq!(seen.tip, tip, "what was checked is what was applied");
            }
        }
    }

    /// The process of `node` ends and begins again from its journal; the engine delivers whatever
    /// follows what it has applied, and a little more.
    fn restart(&mut self, node: usize) {
        let world = &mut self.world;
        let reborn = Replica::restore(
            world.genesis.clone(),
            world.registry.clone(),
            PartyId(node as u32),
            world.params.clone(),
            world.journals[node].clone(),
        );
        world.replicas[node] = reborn.expect("a sound journal");
        world.tell(node, Input::Started);
        world.tell(node, Input::EpochStarted { epoch: EPOCH, t_settle: T_SETTLE });
        let next = world.replicas[node].snapshot().next_batch;
        self.deliver_from(node, next.saturating_sub(2));
    }

    fn deliver_from(&mut self, node: usize, from: u64) {
        for batch in self.held.clone().into_iter().filter(|batch| batch.index() >= from) {
            self.world.tell(node, Input::Ordered(batch));
        }
    }

    /// Forgets all but the newest batches.
    fn prune(&mut self, keep: usize) {
        let first = self.held.len().saturating_sub(keep);
        self.held.drain(..first);
    }

    fn pass(&mut self, ms: u64) {
        self.world.run_until(Timestamp(self.world.now.0 + ms));
    }
}

/// A world in which every decision is proposed several times, one node misses some, and nodes
/// restart.
#[derive(Debug)]
struct Draw {
    seed: u64,
    n: u32,
    quorum: Quorum,
    fanout: Fanout,
    loss: u64,
    keep: usize,
}

impl Draw {
    fn live(&self) {
        let n = self.n as usize;
        let mut engine = Engine::new(self.n, self.quorum, self.fanout, self.seed);
        (engine.world.loss, engine.world.doubling) = (self.loss, 100);
        let skipped = engine.chance.below(n);
        let mut ids = Vec::new();
        for turn in 0..10_u8 {
            for deal in 0..2 {
                let buyer = engine.chance.below(n) as u32;
                ids.push(engine.world.publish(buyer, (buyer + 1) % self.n, turn * 2 + deal));
            }
            engine.pass(700);
            // From the third to the seventh decision one node hears nothing of it.
            engine.decide((2..7).contains(&turn).then_some(skipped));
            engine.prune(self.keep);
            if engine.chance.per_mille(300) {
                let node = engine.chance.below(n);
                engine.restart(node);
            }
        }
        // Everybody proposes in its turn and with care, so nothing that waits is left to chance.
        (engine.world.loss, engine.is_careless) = (0, false);
        for turn in 0..24 {
            engine.pass(1_200);
            engine.decide_among(&[turn % n], None);
            for node in engine.world.alive() {
                engine.deliver_from(node, 0);
            }
        }
        engine.pass(5_000);
        engine.judge(skipped, &ids);
    }
}

impl Engine {
    fn judge(&self, skipped: usize, ids: &[ContractId]) {
        let height = self.world.replicas[skipped].snapshot().height;
        self.world.assert_agreed(height);
        assert_eq!(height, ids.len() as u64, "{:?}", self.world.refusals);
        for id in ids {
            assert!(self.world.replicas.iter().all(|replica| replica.is_settled(*id)));
        }
        assert!(self.world.faults.is_empty(), "{:?}", self.world.faults);
        let forked = |(_, alarm): &(u32, Alarm)| matches!(alarm, Alarm::OrderForked { .. });
        assert!(!self.world.alarms.iter().any(forked));
        assert!(self.dropped > 0, "every proposal was decided");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn an_engine_that_proposes_much_and_decides_one_gives_one_chain(
        seed in any::<u64>(),
        n in 4_u32..8,
        two_thirds in any::<bool>(),
        all_to_all in any::<bool>(),
        loss in 0_u64..150,
        keep in 1_usize..4,
    ) {
        let quorum = if two_thirds { Quorum::TwoThirds } else { Quorum::Majority };
        let fanout = if all_to_all { Fanout::AllToAll } else { Fanout::Tally };
        Draw { seed, n, quorum, fanout, loss, keep }.live();
    }
}

#[test]
fn what_was_checked_and_dropped_leaves_no_trace_and_what_is_used_is_refused() {
    let mut engine = Engine::new(5, Quorum::Majority, Fanout::Tally, 3);
    for nonce in 0..4 {
        engine.world.publish(1, 2, nonce);
    }
    engine.pass(1_000);
    let (all, mut one) = (engine.propose(1), engine.propose(1));
    assert_eq!(all.items.len(), 4);
    one.items.truncate(1);
    let digests = vec![one.items[0].record.digest(&engine.world.community())];
    let head = BatchHead { index: 0, time_ms: engine.world.now, items: digests };
    one.head = Encoded::new(head);
    let (tip_of_all, tip_of_one) = (engine.check(&all), engine.check(&one));
    assert!(tip_of_all.is_some() && tip_of_one.is_some() && tip_of_all != tip_of_one);
    one.proof = OrderProof::Sequencer(sign(&key(0), &one.head.digest(&engine.world.community())));
    let one = Arc::new(one);
    engine.held.push(one.clone());
    for node in 0..5 {
        engine.world.tell(node, Input::Ordered(one.clone()));
        assert_eq!(Some(engine.world.replicas[node].snapshot().tip), tip_of_one);
    }
    // The dropped proposal under the next index holds a record that is used now.
    let mut late = all;
    let head = BatchHead { index: 1, ..(*late.head).clone() };
    late.head = Encoded::new(head);
    assert_eq!(engine.check(&late), None);
    assert_eq!(engine.refused, BTreeSet::from([Refusal::UsedId]));
    engine.pass(5_000);
    engine.world.assert_agreed(1);
}
