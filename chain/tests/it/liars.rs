//! Worlds of liars, by seed: fewer than half of the voters say what they like while the sequencer is
//! honest. Honest nodes never differ and nothing forged is settled; when the lying ends, so does the
//! harm.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gridpact_chain::batch::Approved;
use gridpact_chain::block::{Record, Votes};
use gridpact_chain::contract::{ContractBody, ContractId};
use gridpact_chain::digest::Digest;
use gridpact_chain::encode::Encoded;
use gridpact_chain::fault::Fault;
use gridpact_chain::genesis::Quorum;
use gridpact_chain::journal::JournalEntry;
use gridpact_chain::membership::Change;
use gridpact_chain::message::Message;
use gridpact_chain::refusal::Refusal;
use gridpact_chain::replica::{Fanout, Input};
use gridpact_chain::sequencer;
use gridpact_chain::sign::Signature;
use gridpact_chain::statement::{Answer, Approval, LedgerVote};
use gridpact_chain::terms::{PartyId, Timestamp};
use gridpact_chain::verifier::audit;
use proptest::prelude::*;

use crate::street::{approved, batch};
use crate::world::{
    Chance, EPOCH, T_SETTLE, T_START, Tongue, World, a_body, a_genesis, key, sign, signed,
};

const NEXT_SETTLE: Timestamp = Timestamp(T_SETTLE.0 + 600_000);
const END: Timestamp = Timestamp(NEXT_SETTLE.0 + 240_000);

fn resigned(voter: u32, community: &Digest, vote: Approval) -> Approval {
    let signature = sign(&key(voter), &vote.statement().digest(community));
    Approval { signature, ..vote }
}

fn restated(voter: u32, community: &Digest, vote: LedgerVote) -> LedgerVote {
    let signature = sign(&key(voter), &vote.statement().digest(community));
    LedgerVote { signature, ..vote }
}

/// A tongue that says one of many falsehoods, by chance.
fn liar(me: u32, community: Digest, seed: u64) -> Tongue {
    let state = Cell::new(seed);
    Box::new(move |message| {
        let mut chance = Chance(state.get());
        let draw = chance.below(8);
        state.set(chance.next());
        match message {
            Message::Approval(vote) => approvals(me, &community, *vote, draw),
            Message::LedgerVote(vote) => {
                let said = ledgers(me, &community, *vote, draw);
                said.into_iter().map(Message::LedgerVote).collect()
            }
            Message::LedgerProposal { vote, attempt } => {
                let said = ledgers(me, &community, *vote, draw);
                let attempt = if draw == 7 { attempt + 1 } else { *attempt };
                said.into_iter().map(|vote| Message::LedgerProposal { vote, attempt }).collect()
            }
            Message::Certified { height, ledger, votes } => {
                let alone = votes
                    .signatures
                    .iter()
                    .map(|(voter, _)| (*voter, sign(&key(me), &Digest([draw as u8; 32]))));
                let forged = Votes { registry: votes.registry, signatures: alone.collect() };
                let (height, ledger) = (*height, if draw < 4 { Digest([9; 32]) } else { *ledger });
                vec![Message::Certified { height, ledger, votes: Encoded::new(forged) }]
            }
            Message::Tip { .. } if draw < 4 => vec![Message::Tip { height: u64::MAX }],
            Message::Range(_) if draw < 4 => vec![Message::Range(Vec::new())],
            Message::Refused { contract_id, .. } => {
                vec![Message::Refused { contract_id: *contract_id, reason: Refusal::NoEnergy }]
            }
            _ if draw == 0 => Vec::new(),
            other => vec![other.clone()],
        }
    })
}

fn approvals(me: u32, community: &Digest, vote: Approval, draw: usize) -> Vec<Message> {
    let no = resigned(me, community, Approval { answer: Answer::No(Refusal::NoEnergy), ..vote });
    let said = match draw {
        0 => vec![],
        1 => vec![no],
        2 => vec![vote, no],
        3 => vec![Approval { signature: Signature([7; 64]), ..vote }],
        4 => vec![resigned(me, community, Approval { registry: vote.registry + 1, ..vote })],
        5 => vec![resigned(me, community, Approval { body: Digest([1; 32]), ..vote })],
        // Somebody else's name under its own signature.
        6 => vec![Approval { voter: PartyId((me + 1) % 4), ..vote }],
        _ => vec![vote],
    };
    said.into_iter().map(Message::Approval).collect()
}

fn ledgers(me: u32, community: &Digest, vote: LedgerVote, draw: usize) -> Vec<LedgerVote> {
    let wrong = restated(me, community, LedgerVote { ledger: Digest([0xee; 32]), ..vote });
    match draw {
        0 => vec![],
        1 | 2 => vec![wrong],
        3 => vec![vote, wrong],
        4 => vec![LedgerVote { signature: Signature([7; 64]), ..vote }],
        5 => vec![restated(me, community, LedgerVote { registry: vote.registry + 1, ..vote })],
        6 => vec![restated(me, community, LedgerVote { height: vote.height + 1, ..vote })],
        _ => vec![vote],
    }
}

struct Lies {
    world: World,
    liars: BTreeSet<u32>,
    /// What both parties really signed for this community.
    honest: BTreeSet<ContractId>,
}

/// A world of `n` with as many liars as there may be; the sequencer's home is honest.
fn lies(n: u32, quorum: Quorum, fanout: Fanout, seed: u64) -> Lies {
    let mut world = World::new(n, quorum, fanout, seed);
    let mut chance = Chance(seed ^ 0x11a5);
    let most = (n - 1) / 2;
    let mut liars = BTreeSet::new();
    while (liars.len() as u32) < most {
        liars.insert(1 + chance.below(n as usize - 1) as u32);
    }
    for me in &liars {
        world.tongues.insert(*me, liar(*me, world.community(), chance.next()));
    }
    Lies { world, liars, honest: BTreeSet::new() }
}

impl Lies {
    fn deal(&mut self, buyer: u32, seller: u32, nonce: u8) {
        self.honest.insert(self.world.publish(buyer, seller, nonce));
    }

    /// Letters that no honest mind would write, from each liar to everybody.
    fn slander(&mut self, nonce: u8) {
        let n = self.world.replicas.len() as u32;
        let world = &mut self.world;
        let community = world.community();
        for liar in &self.liars {
            let (buyer, seller) = (*liar, (*liar + 1) % n);
            let base = |nonce| a_body(&community, buyer, seller, nonce);
            let mut forged = signed(base(nonce));
            forged.seller_sig = sign(&key(buyer), &forged.body.digest());
            let foreign = a_genesis(n + 1, Quorum::Majority).community();
            let foreign = signed(ContractBody { community: foreign, ..base(nonce ^ 1) });
            let stale = ContractBody { valid_until: T_START, ..base(nonce ^ 2) };
            let expired = ContractBody { epoch: EPOCH.plus(9), ..base(nonce ^ 3) };
            let contracts = [forged, foreign, signed(stale), signed(expired)];
            let mut letters: Vec<_> = contracts
                .into_iter()
                .map(|contract| Encoded::new(Record::Contract(contract)))
                .flat_map(|record| {
                    // Straight to the orderer, with the liar's signature as everybody's approval.
                    let message = Digest([nonce; 32]);
                    let alone = (0..n).map(|voter| (PartyId(voter), sign(&key(*liar), &message)));
                    let forged = Votes { registry: 0, signatures: alone.collect() };
                    let approvals = Encoded::new(forged);
                    let item = Arc::new(Approved { record: record.clone(), approvals });
                    world.order(sequencer::Input::Submit(item.clone()));
                    let mut order = (*batch(&world.registry, 0, T_SETTLE.0, vec![item])).clone();
                    let head = order.head.digest(&community);
                    order.proof =
                        gridpact_chain::batch::OrderProof::Sequencer(sign(&key(*liar), &head));
                    [Message::Ask { record }, Message::Batch(Arc::new(order))]
                })
                .collect();
            if let Some((pair, _)) = world.replicas[0].pair(1).cloned() {
                let record = pair.contract.record.clone();
                letters.push(Message::Ask { record });
            }
            for (to, letter) in (0..n).flat_map(|to| letters.iter().map(move |l| (to, l))) {
                world.mail.push((PartyId(to), PartyId(*liar), letter.clone()));
            }
        }
    }

    fn assert_safe(&self) {
        let mut closed = BTreeMap::new();
        for (i, replica) in self.world.replicas.iter().enumerate() {
            assert_eq!(replica.balances().sum(), 0, "node {i} made money");
            assert!(!replica.snapshot().halted, "node {i}: {:?}", self.world.alarms);
            for height in 1..=replica.snapshot().height {
                let (pair, proof) = replica.pair(height).expect("no gaps");
                let record = &pair.contract.record;
                if let Some(body) = record.body() {
                    assert!(self.honest.contains(&body.contract_id), "forged at {height}");
                }
                if proof.ledger_votes.is_some() {
                    let ledger = pair.ledger.digest(&self.world.community());
                    assert_eq!(*closed.entry(height).or_insert(ledger), ledger, "fork at {height}");
                }
            }
        }
        for (_, fault) in &self.world.faults {
            let registries = self.world.registries();
            assert!(fault.is_proven(&self.world.community(), &registries, &self.world.verdicts));
            let culprit = fault.culprit(&registries).expect("a culprit");
            assert!(self.liars.contains(&culprit.0), "{culprit} is honest: {fault:?}");
        }
        for journal in &self.world.journals {
            let mut seen = BTreeSet::new();
            for entry in journal {
                let said = match entry {
                    JournalEntry::Approval { vote, .. } => (Some(vote.contract_id), 0),
                    JournalEntry::LedgerVote(vote) => (None, vote.height),
                    _ => continue,
                };
                assert!(seen.insert(said), "voted twice: {entry:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn fewer_than_half_of_the_voters_lie_and_honest_nodes_never_differ(
        seed in any::<u64>(),
        n in 4_u32..10,
        two_thirds in any::<bool>(),
        all_to_all in any::<bool>(),
        loss in 0_u64..200,
        deals in 2_u8..8,
    ) {
        let quorum = if two_thirds { Quorum::TwoThirds } else { Quorum::Majority };
        let fanout = if all_to_all { Fanout::AllToAll } else { Fanout::Tally };
        let mut lies = lies(n, quorum, fanout, seed);
        (lies.world.loss, lies.world.doubling) = (loss, 150);
        for nonce in 0..deals {
            let buyer = u32::from(nonce) % n;
            lies.deal(buyer, (buyer + 1) % n, nonce);
            lies.slander(100 + nonce * 4);
            lies.world.run_until(Timestamp(T_START.0 + u64::from(nonce) * 3_000));
        }
        lies.world.run_until(Timestamp(T_SETTLE.0 + 30_000));
        lies.assert_safe();

        // The lying ends, the post works again: what is agreed from now on is settled everywhere.
        lies.world.tongues.clear();
        lies.world.loss = 0;
        lies.world.start_epoch(EPOCH.plus(1), NEXT_SETTLE);
        let settled = lies.world.replicas[0].snapshot().height;
        let mut ids = Vec::new();
        for nonce in 0..3_u8 {
            let buyer = u32::from(nonce) % n;
            let mut body = a_body(&lies.world.community(), buyer, (buyer + 2) % n, 50 + nonce);
            (body.epoch, body.valid_until) = (EPOCH.plus(1), NEXT_SETTLE);
            ids.push(body.contract_id);
            lies.honest.insert(body.contract_id);
            lies.world.tell(buyer as usize, Input::Publish(Box::new(signed(body))));
        }
        lies.world.run_until(END);
        lies.assert_safe();
        for id in ids {
            prop_assert!(lies.world.replicas.iter().all(|replica| replica.is_settled(id)));
        }
        let height = lies.world.replicas[0].snapshot().height;
        prop_assert_eq!(height, settled + 3);
        lies.world.assert_agreed(height);
        let chain: Vec<_> =
            (1..=height).filter_map(|h| lies.world.replicas[0].pair(h).cloned()).collect();
        let report = audit(&lies.world.genesis, &chain, None, &lies.world.verdicts);
        prop_assert!(report.is_proven(), "{:?}", report.findings);
    }
}

/// Whether a world of this seed caught a double vote; if so, its voter is put out.
fn exclude_whom_is_caught(seed: u64, fanout: Fanout) -> bool {
    let n = 5 + (seed % 4) as u32;
    let mut lies = lies(n, Quorum::Majority, fanout, seed);
    for nonce in 0..6 {
        let buyer = u32::from(nonce) % n;
        lies.deal(buyer, (buyer + 1) % n, nonce);
    }
    lies.world.run_until(Timestamp(T_SETTLE.0 + 30_000));
    lies.assert_safe();
    let doubles =
        |fault: &Fault| matches!(fault, Fault::DoubleApproval(..) | Fault::DoubleLedgerVote(..));
    let caught = lies.world.faults.iter().map(|(_, fault)| fault).find(|f| doubles(f)).cloned();
    let Some(evidence) = caught else { return false };
    let member = evidence.culprit(&lies.world.registries()).expect("a voter");
    lies.world.start_epoch(EPOCH.plus(1), NEXT_SETTLE);
    // Nobody asks the operator: any member that has the evidence proposes it.
    lies.world.propose(0, Change::Exclude { member, evidence: Box::new(evidence) });
    lies.world.run_until(Timestamp(NEXT_SETTLE.0 + 60_000));
    lies.assert_safe();
    let registries = lies.world.registries();
    assert!(registries.current().member(member).is_none(), "{:?}", lies.world.refusals);
    assert_eq!(registries.current().version(), 1);
    true
}

#[test]
fn who_double_voted_is_excluded_by_its_own_signatures() {
    for fanout in [Fanout::Tally, Fanout::AllToAll] {
        let caught = (0..16).filter(|seed| exclude_whom_is_caught(*seed, fanout)).count();
        assert!(caught > 8, "{caught} of 16 worlds caught a double vote");
    }
}

#[test]
fn approvals_of_an_old_registry_do_not_bring_a_removed_member_back() {
    let mut world = World::new(5, Quorum::Majority, Fanout::Tally, 3);
    world.propose(1, Change::Remove(PartyId(4)));
    world.run_until(Timestamp(T_SETTLE.0 + 10_000));
    world.assert_agreed(1);
    // Five voters of version 0 once approved a deal of the one who left; it comes too late.
    let mut body = a_body(&world.community(), 4, 1, 7);
    (body.epoch, body.valid_until) = (EPOCH.plus(1), NEXT_SETTLE);
    let item = approved(&world.registry, signed(body));
    let next = world.batches.last().map_or(0, |last| last.index() + 1);
    let late = batch(&world.registry, next, T_SETTLE.0 + 20_000, vec![item.clone()]);
    world.now = Timestamp(T_SETTLE.0 + 20_000);
    for node in 0..4 {
        world.tell(node, Input::Ordered(late.clone()));
    }
    let refused = (0, Refusal::NotAMember(PartyId(4)));
    assert!(world.refusals.contains(&refused), "{:?}", world.refusals);
    assert_eq!(world.replicas[0].snapshot().height, 1);
}
