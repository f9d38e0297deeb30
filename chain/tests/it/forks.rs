//! Worlds of a lying sequencer, by seed: two batches for one index, forged batches, records left
//! out, time that goes back. It can stop the community, never deceive it: no forged pair, no two
//! honest nodes with different certified pairs, and where orders differ everybody stops with the
//! evidence.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gridpact_chain::batch::{Approved, Batch, OrderProof};
use gridpact_chain::block::Votes;
use gridpact_chain::contract::ContractId;
use gridpact_chain::digest::Digest;
use gridpact_chain::encode::Encoded;
use gridpact_chain::fault::Fault;
use gridpact_chain::genesis::Quorum;
use gridpact_chain::message::Message;
use gridpact_chain::refusal::Refusal;
use gridpact_chain::replica::{Alarm, Fanout, Input};
use gridpact_chain::sign::Signature;
use gridpact_chain::statement::LedgerVote;
use gridpact_chain::terms::{PartyId, Timestamp};
use proptest::prelude::*;

use crate::street::{approved, batch, deal};
use crate::world::{Chance, T_SETTLE, World, a_genesis, key, sign, signed};

/// What the sequencer does with one index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Honest,
    /// Another batch to each half of the honest nodes.
    Fork,
    /// Items that nobody approved, or that are approved for something else.
    Forged,
    /// Signed by somebody else.
    Usurped,
    /// Dated before the batch below.
    Backwards,
    /// Told to one node only; the others hear of it from nobody.
    Whispered,
}

struct Reign {
    world: World,
    index: u64,
    made: u32,
    honest: BTreeSet<ContractId>,
    forked: bool,
    backwards: bool,
}

/// A world whose sequencer, member 0, has no mind but this one. With `TwoThirds` it votes too, and
/// signs every ledger it hears of; a majority promises nothing about order when voters lie, so there
/// it only orders.
fn reign(n: u32, quorum: Quorum, fanout: Fanout, seed: u64) -> Reign {
    let mut genesis = a_genesis(n, quorum);
    genesis.members[0].voter = quorum == Quorum::TwoThirds;
    let mut world = World::with_genesis(genesis, fanout, seed);
    (world.is_idle, world.now) = (true, T_SETTLE);
    world.dead.insert(0);
    let (honest, made) = (BTreeSet::new(), 0);
    Reign { world, index: 0, made, honest, forked: false, backwards: false }
}

impl Reign {
    fn item(&mut self) -> Arc<Approved> {
        let n = self.world.replicas.len() as u32;
        let contract = deal(&self.world.community(), n, self.made);
        self.made += 1;
        self.honest.insert(contract.body.contract_id);
        approved(&self.world.registry, contract)
    }

    fn forgeries(&mut self, draw: usize) -> Vec<Arc<Approved>> {
        let n = self.world.replicas.len() as u32;
        let community = self.world.community();
        let contract = deal(&community, n, 1000 + self.made);
        let good = approved(&self.world.registry, contract.clone());
        let alone = (1..n).map(|voter| (PartyId(voter), sign(&key(0), &Digest([1; 32]))));
        let forged = match draw % 3 {
            0 => Votes { registry: 0, signatures: alone.collect() },
            1 => Votes { registry: 0, signatures: Vec::new() },
            _ => (*self.item().approvals).clone(),
        };
        let approvals = Encoded::new(forged);
        let unapproved = Approved { record: good.record.clone(), approvals };
        let mut unsigned = contract;
        unsigned.buyer_sig = Signature([4; 64]);
        unsigned.body.contract_id.0.0[31] ^= 1;
        let unsigned = approved(&self.world.registry, unsigned);
        let mut unfair = deal(&community, n, 2000 + self.made).body;
        unfair.amount.0 += 1;
        let unfair = approved(&self.world.registry, signed(unfair));
        vec![Arc::new(unapproved), unsigned, unfair]
    }

    fn tell(&mut self, to: impl Iterator<Item = usize>, batch: &Arc<Batch>) {
        for node in to {
            let letter = Message::Batch(batch.clone());
            self.world.mail.push((PartyId(node as u32), PartyId(0), letter));
        }
    }

    fn act(&mut self, act: Act, chance: &mut Chance) {
        let n = self.world.replicas.len();
        let registry = self.world.registry.clone();
        let time = T_SETTLE.0 - 60_000 + self.index * 10;
        let mut items: Vec<_> = (0..chance.below(3)).map(|_| self.item()).collect();
        if act == Act::Forged {
            items.extend(self.forgeries(chance.below(3)));
            let shift = chance.below(items.len());
            items.rotate_left(shift);
        }
        let index = self.index;
        let fixed = match act {
            Act::Backwards if index > 0 => batch(&registry, index, time - 11, items),
            _ => batch(&registry, index, time, items),
        };
        match act {
            Act::Fork => {
                let other = vec![self.item()];
                let other = batch(&registry, index, time, other);
                let cut = 2 + chance.below(n - 2);
                self.tell(1..cut, &fixed);
                self.tell(cut..n, &other);
                self.forked |= cut < n;
                // Its own vote goes to both.
                self.world.batches.push(other);
            }
            Act::Usurped => {
                let mut usurped = Batch::clone(&fixed);
                let head = fixed.head.digest(&self.world.community());
                usurped.proof = OrderProof::Sequencer(sign(&key(1), &head));
                self.tell(1..n, &Arc::new(usurped));
                self.tell(1..n, &fixed);
            }
            Act::Whispered => {
                let only = 1 + chance.below(n - 1);
                self.tell(only..=only, &fixed);
                self.world.batches.push(fixed.clone());
            }
            Act::Backwards => {
                self.backwards |= index > 0;
                self.tell(1..n, &fixed);
            }
            Act::Honest | Act::Forged => self.tell(1..n, &fixed),
        }
        self.index += 1;
    }

    /// The sequencer votes for whatever any honest node holds, as long as it has a vote.
    fn vote_for_everything(&mut self) {
        if self.world.registry.voter_key(PartyId(0)).is_none() {
            return;
        }
        let mut letters = Vec::new();
        for replica in &self.world.replicas[1..] {
            for height in 1..=replica.snapshot().height {
                let (pair, _) = replica.pair(height).expect("no gaps");
                let ledger = pair.ledger.digest(&self.world.community());
                let signature = Signature([0; 64]);
                let mut vote =
                    LedgerVote { height, ledger, registry: 0, voter: PartyId(0), signature };
                let digest = vote.statement().digest(&self.world.community());
                vote.signature = sign(&key(0), &digest);
                letters.push(Message::LedgerVote(vote));
            }
        }
        for (to, letter) in
            (1..self.world.replicas.len()).flat_map(|to| letters.iter().map(move |l| (to, l)))
        {
            self.world.mail.push((PartyId(to as u32), PartyId(0), letter.clone()));
        }
    }

    fn assert_safe(&self) {
        let mut closed = BTreeMap::new();
        for (i, replica) in self.world.replicas.iter().enumerate().skip(1) {
            assert_eq!(replica.balances().sum(), 0);
            for height in 1..=replica.snapshot().height {
                let (pair, proof) = replica.pair(height).expect("no gaps");
                let body = pair.contract.record.body().expect("a contract");
                assert!(self.honest.contains(&body.contract_id), "node {i} settled a forgery");
                if proof.ledger_votes.is_some() {
                    let ledger = pair.ledger.digest(&self.world.community());
                    assert_eq!(*closed.entry(height).or_insert(ledger), ledger, "at {height}");
                }
            }
        }
        let registries = self.world.registries();
        for (_, fault) in &self.world.faults {
            assert!(fault.is_proven(&self.world.community(), &registries, &self.world.verdicts));
            // Where two orders were given, a vote for the other one is no lie of its voter; who
            // accuses it finds the two batches next.
            if !matches!(fault, Fault::WrongLedger { .. }) {
                assert_eq!(fault.culprit(&registries), Some(PartyId(0)), "{fault:?}");
            }
        }
    }

    fn has_stopped(&self, node: usize) -> bool {
        let found = |(who, fault): &(u32, Fault)| {
            *who == node as u32
                && matches!(fault, Fault::DoubleBatch(..) | Fault::BackwardsBatch(..))
        };
        self.world.replicas[node].snapshot().halted && self.world.faults.iter().any(found)
    }
}

const ACTS: [Act; 8] = [
    Act::Honest,
    Act::Fork,
    Act::Forged,
    Act::Usurped,
    Act::Backwards,
    Act::Whispered,
    Act::Honest,
    Act::Honest,
];

/// One reign from its first act to the day on which the truth is out.
#[derive(Debug)]
struct Draw {
    seed: u64,
    n: u32,
    two_thirds: bool,
    all_to_all: bool,
    loss: u64,
    acts: Vec<usize>,
}

impl Draw {
    fn reign(&self) -> Reign {
        let quorum = if self.two_thirds { Quorum::TwoThirds } else { Quorum::Majority };
        let fanout = if self.all_to_all { Fanout::AllToAll } else { Fanout::Tally };
        let mut reign = reign(self.n, quorum, fanout, self.seed);
        (reign.world.loss, reign.world.doubling) = (self.loss, 150);
        reign
    }

    fn live(&self) {
        let mut reign = self.reign();
        let mut chance = Chance(self.seed);
        for (turn, act) in (1..).zip(&self.acts) {
            reign.act(ACTS[*act], &mut chance);
            reign.vote_for_everything();
            reign.world.run_until(Timestamp(T_SETTLE.0 + turn * 700));
            reign.assert_safe();
        }
        reign.tell_the_truth(&mut chance);
        self.judge(&reign);
    }

    fn judge(&self, reign: &Reign) {
        if reign.forked {
            for node in 1..self.n as usize {
                let snapshot = reign.world.replicas[node].snapshot();
                assert!(reign.has_stopped(node), "node {node} goes on: {snapshot:?}");
            }
        }
        let is_backwards =
            |(_, alarm): &(u32, Alarm)| matches!(alarm, Alarm::OrderBackwards { .. });
        if reign.backwards && !reign.forked && !self.acts.contains(&5) {
            assert!(reign.world.alarms.iter().any(is_backwards), "nobody saw time go back");
        }
        if !reign.forked && !reign.backwards {
            let honest = &reign.world.replicas[1..];
            assert!(honest.iter().all(|r| !r.snapshot().halted), "somebody stopped for nothing");
        }
    }
}

impl Reign {
    /// The truth comes out as soon as there is something to vote on at every node.
    fn tell_the_truth(&mut self, chance: &mut Chance) {
        self.world.loss = 0;
        let n = self.world.replicas.len();
        for turn in 0..3 {
            self.act(Act::Honest, chance);
            let item = self.item();
            let (registry, index) = (self.world.registry.clone(), self.index);
            let last = batch(&registry, index, T_SETTLE.0 - 60_000 + index * 10, vec![item]);
            self.index += 1;
            self.tell(1..n, &last);
            self.vote_for_everything();
            self.world.run_until(Timestamp(T_SETTLE.0 + 60_000 * (turn + 1)));
            self.assert_safe();
        }
        self.world.run_until(Timestamp(T_SETTLE.0 + 600_000));
        self.assert_safe();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_lying_sequencer_stops_the_community_and_deceives_nobody(
        seed in any::<u64>(),
        n in 5_u32..9,
        two_thirds in any::<bool>(),
        all_to_all in any::<bool>(),
        loss in 0_u64..200,
        acts in prop::collection::vec(0_usize..8, 3..9),
    ) {
        Draw { seed, n, two_thirds, all_to_all, loss, acts }.live();
    }
}

/// Worlds in which a node once went on without evidence: the orders differed before the height at
/// which the ledgers did; what it was told of the fork was lost; what it told was lost.
#[test]
fn who_hears_of_a_fork_late_stops_with_evidence_too() {
    let draw = |seed, n, quorum, fanout, loss, acts: &[usize]| Draw {
        seed,
        n,
        two_thirds: quorum == Quorum::TwoThirds,
        all_to_all: fanout == Fanout::AllToAll,
        loss,
        acts: acts.to_vec(),
    };
    let (majority, thirds) = (Quorum::Majority, Quorum::TwoThirds);
    let (tally, all) = (Fanout::Tally, Fanout::AllToAll);
    draw(12_597_644_794_429_191_790, 5, majority, all, 38, &[1, 6, 4]).live();
    draw(655, 8, thirds, all, 53, &[1, 0, 4, 2, 2, 4]).live();
    draw(9271, 6, majority, all, 172, &[1, 5, 6, 5, 5, 3]).live();
    draw(9716, 7, majority, tally, 23, &[7, 7, 6, 3, 2, 1]).live();
    draw(5631, 5, thirds, tally, 195, &[5, 0, 6, 1, 7]).live();
}

#[test]
fn what_the_sequencer_leaves_out_is_counted_when_its_time_is_over() {
    let mut world = World::new(4, Quorum::Majority, Fanout::Tally, 3);
    world.is_idle = true;
    let id = world.publish(1, 2, 0);
    world.run_until(T_SETTLE);
    assert_eq!(world.sequencer.waiting(), 1, "it has the record and orders nothing");
    let registry = world.registry.clone();
    let over = batch(&registry, 0, T_SETTLE.0 + 1, vec![]);
    for node in 0..4 {
        world.tell(node, Input::Ordered(over.clone()));
    }
    assert_eq!(world.refusals, [(1, Refusal::LeftOut)]);
    assert!(world.lapsed.contains(&(1, id)) && world.lapsed.contains(&(2, id)));
}
