//! The bytes of version 1: every encoded type and every message, pinned in `golden/v1.txt`.
//!
//! Changing a line is a new version of the format. `BLESS=1` writes the file anew.

use std::fmt::Write as _;
use std::sync::Arc;

use gridpact_chain::batch::OrderProof;
use gridpact_chain::block::{Anchor, Delivery, Pair, Proof, Record};
use gridpact_chain::contract::ContractId;
use gridpact_chain::digest::Digest;
use gridpact_chain::encode::{Canonical, EncodeError, Encoded, decode, decode_as, encode};
use gridpact_chain::fault::Fault;
use gridpact_chain::genesis::{Genesis, Quorum};
use gridpact_chain::journal::JournalEntry;
use gridpact_chain::ledger::Balances;
use gridpact_chain::membership::{Change, Membership};
use gridpact_chain::message::Message;
use gridpact_chain::refusal::Refusal;
use gridpact_chain::registry::Registry;
use gridpact_chain::sign::Signature;
use gridpact_chain::statement::{Answer, Approval, LedgerVote, Statement};
use gridpact_chain::terms::{Energy, Interval, PartyId};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::street::{a_chain, approved, batch, deal};
use crate::world::{a_genesis, key, public, sign};

const PINNED: &str = include_str!("../golden/v1.txt");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes any text");
        text
    })
}

/// Encodes, checks that strict decoding gives the value back, and writes one line.
fn pin<T>(lines: &mut String, name: &str, value: &T)
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let bytes = encode(value);
    let back: T = decode_as("golden", usize::MAX, &bytes).expect(name);
    assert_eq!(back, *value, "{name}");
    writeln!(lines, "{name} {}", hex(&bytes)).expect("a string takes any text");
}

fn pin_digest(lines: &mut String, name: &str, digest: Digest) {
    writeln!(lines, "{name} {digest}").expect("a string takes any text");
}

struct Cast {
    genesis: Genesis,
    registry: Arc<Registry>,
    chain: Vec<(Arc<Pair>, Arc<Proof>)>,
    vote: Approval,
    ledger_vote: LedgerVote,
}

fn cast() -> Cast {
    let genesis = a_genesis(2, Quorum::Majority);
    let registry = Registry::founding(&genesis);
    let chain = a_chain(&registry, 2, true);
    let community = registry.community();
    let contract = deal(&community, 2, 0);
    let mut vote = Approval {
        contract_id: contract.body.contract_id,
        body: contract.body.digest(),
        answer: Answer::No(Refusal::PriceLimit { limit: 7 }),
        registry: 0,
        voter: PartyId(1),
        signature: Signature([0; 64]),
    };
    vote.signature = sign(&key(1), &vote.statement().digest(&community));
    let mut ledger_vote = LedgerVote {
        height: 1,
        ledger: chain[0].0.ledger.digest(&community),
        registry: 0,
        voter: PartyId(1),
        signature: Signature([0; 64]),
    };
    ledger_vote.signature = sign(&key(1), &ledger_vote.statement().digest(&community));
    Cast { genesis, registry, chain, vote, ledger_vote }
}

fn pin_types(lines: &mut String, cast: &Cast) {
    let community = cast.registry.community();
    let (pair, proof) = &cast.chain[0];
    pin(lines, "genesis", &cast.genesis);
    pin_digest(lines, "genesis.community", community);
    pin_digest(lines, "registry.digest", cast.registry.digest());
    let contract = deal(&community, 2, 0);
    pin(lines, "contract.body", &contract.body);
    pin_digest(lines, "contract.body.digest", contract.body.digest());
    pin(lines, "contract.signed", &contract);
    pin(lines, "record.contract", &Record::Contract(contract.clone()));
    let contract_id = ContractId(Digest([3; 32]));
    let delivery = Delivery {
        contract_id,
        start: Interval(1),
        end: Interval(2),
        delivered: Energy(480),
        metering: Digest([4; 32]),
        signatures: vec![(PartyId(1), Signature([5; 64]))],
    };
    pin(lines, "record.delivery", &Record::Delivery(delivery));
    pin_changes(lines, cast);
    pin(lines, "record.anchor", &Record::Anchor(Anchor { height: 9, block: Digest([7; 32]) }));
    pin(lines, "block.contract", &*pair.contract);
    pin_digest(lines, "block.contract.digest", pair.contract.digest(&community));
    pin(lines, "block.ledger", &*pair.ledger);
    pin_digest(lines, "block.ledger.digest", pair.ledger.digest(&community));
    pin(lines, "votes", &*proof.approvals);
    pin(lines, "batch.head", &*proof.order.head);
    pin_digest(lines, "batch.head.digest", proof.order.head.digest(&community));
    pin(lines, "order.sequencer", &proof.order.proof);
    pin(lines, "order.engine", &OrderProof::Engine { scheme: "bft".into(), bytes: vec![1] });
    pin(lines, "pair", &**pair);
    pin(lines, "proof", &**proof);
    let mut balances = Balances::default();
    balances.set(&pair.ledger.entries);
    pin_digest(lines, "balances.root", balances.root(&community));
    pin_digest(lines, "approval.digest", cast.vote.statement().digest(&community));
    pin_digest(lines, "ledger_vote.digest", cast.ledger_vote.statement().digest(&community));
    pin(lines, "statement.contract", &Statement::Contract(Box::new(contract.body)));
    pin(lines, "statement.approve", &cast.vote.statement());
    pin(lines, "statement.ledger", &cast.ledger_vote.statement());
    pin(lines, "statement.batch", &Statement::Batch(proof.order.head.clone()));
}

fn pin_changes(lines: &mut String, cast: &Cast) {
    let member = PartyId(1);
    let changes = [
        ("add", Change::Add(cast.genesis.members[1].clone())),
        ("remove", Change::Remove(member)),
        (
            "replace_key",
            Change::ReplaceKey { member, sign_key: public(&key(7)), seal_key: [8; 32] },
        ),
        ("set_voter", Change::SetVoter { member, voter: false }),
        ("set_sequencer", Change::SetSequencer(member)),
        ("set_operator", Change::SetOperator(public(&key(9)))),
        (
            "exclude",
            Change::Exclude {
                member,
                evidence: Box::new(Fault::DoubleApproval(cast.vote, cast.vote)),
            },
        ),
    ];
    for (name, change) in changes {
        let is_signed = !matches!(change, Change::Exclude { .. });
        let operator_sig = is_signed.then_some(Signature([6; 64]));
        let change = Membership { version: 1, change, operator_sig };
        let digest = change.digest(&cast.registry.community());
        pin_digest(lines, &format!("membership.{name}.digest"), digest);
        pin(lines, &format!("record.membership.{name}"), &Record::Membership(change));
    }
}

fn pin_letters(lines: &mut String, cast: &Cast) {
    let community = cast.registry.community();
    let (pair, proof) = &cast.chain[0];
    let (vote, ledger_vote) = (cast.vote, cast.ledger_vote);
    let item = approved(&cast.registry, deal(&community, 2, 0));
    let fixed = batch(&cast.registry, 0, 5, vec![item.clone()]);
    let record = pair.contract.record.clone();
    let (contract_id, reason) = (vote.contract_id, Refusal::BuyerLimit { limit: 64 });
    let votes = proof.approvals.clone();
    let letters = [
        ("ask", Message::Ask { record: record.clone() }),
        ("approval", Message::Approval(vote)),
        ("refused", Message::Refused { contract_id, reason }),
        ("approved", Message::Approved(item)),
        ("batch", Message::Batch(fixed.clone())),
        ("ledger_proposal", Message::LedgerProposal { vote: ledger_vote, attempt: 2 }),
        ("ledger_vote", Message::LedgerVote(ledger_vote)),
        (
            "certified",
            Message::Certified { height: 1, ledger: ledger_vote.ledger, votes: votes.clone() },
        ),
        ("range_request", Message::RangeRequest { from: 1, to: 9 }),
        ("range", Message::Range(vec![(pair.clone(), proof.clone())])),
        ("order", Message::Order { head: fixed.head.clone(), proof: fixed.proof.clone() }),
        ("tip_request", Message::TipRequest),
        ("tip", Message::Tip { height: 300 }),
    ];
    for (name, letter) in letters {
        pin(lines, &format!("message.{name}"), &letter);
    }
    let (head, order) = (fixed.head.clone(), fixed.proof.clone());
    let entries = [
        ("published", JournalEntry::Published(record.clone())),
        ("approval", JournalEntry::Approval { vote, record: record.clone() }),
        ("ledger_vote", JournalEntry::LedgerVote(ledger_vote)),
        ("pair", JournalEntry::Pair { pair: pair.clone(), proof: proof.clone() }),
        ("applied", JournalEntry::Applied { head: head.clone(), proof: order.clone() }),
        ("closed", JournalEntry::Closed { height: 1, votes }),
        ("batch", JournalEntry::Batch(fixed)),
    ];
    for (name, entry) in entries {
        pin(lines, &format!("journal.{name}"), &entry);
    }
    let contract = Box::new(deal(&community, 2, 0));
    let faults = [
        ("double_approval", Fault::DoubleApproval(vote, vote)),
        ("double_ledger_vote", Fault::DoubleLedgerVote(ledger_vote, ledger_vote)),
        (
            "double_batch",
            Fault::DoubleBatch((head.clone(), order.clone()), (head.clone(), order.clone())),
        ),
        ("backwards_batch", Fault::BackwardsBatch((head.clone(), order.clone()), (head, order))),
        ("two_bodies", Fault::TwoBodies(contract.clone(), contract)),
        ("wrong_ledger", Fault::WrongLedger { vote: ledger_vote, expected: Digest([8; 32]) }),
    ];
    for (name, fault) in faults {
        pin(lines, &format!("fault.{name}"), &fault);
    }
}

#[test]
fn every_type_and_message_has_the_bytes_of_version_1() {
    let (mut lines, cast) = (String::new(), cast());
    pin_types(&mut lines, &cast);
    pin_letters(&mut lines, &cast);
    if std::env::var_os("BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/v1.txt");
        std::fs::write(path, &lines).expect("the golden file can be written");
        return;
    }
    for (now, pinned) in lines.lines().zip(PINNED.lines()) {
        assert_eq!(now, pinned);
    }
    assert_eq!(lines.lines().count(), PINNED.lines().count());
}

#[test]
fn other_writings_of_the_same_value_are_refused() {
    let (pair, _) = cast().chain[0].clone();
    let bytes = pair.ledger.bytes().to_vec();
    let refused = |bytes: &[u8]| Encoded::<gridpact_chain::block::LedgerBlock>::from_bytes(bytes);
    assert_eq!(refused(&bytes), Ok(pair.ledger.clone()));
    // Trailing byte.
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(matches!(refused(&longer), Err(EncodeError::NotCanonical { .. })));
    // The version (1, second byte) written in two bytes.
    let mut wide = vec![bytes[0], 0xcc, 1];
    wide.extend_from_slice(&bytes[2..]);
    assert!(matches!(refused(&wide), Err(EncodeError::NotCanonical { .. })));
    // Too long for its kind.
    let limit = gridpact_chain::block::LedgerBlock::BYTES_MAX;
    let long = vec![0; limit + 1];
    assert_eq!(
        refused(&long),
        Err(EncodeError::TooLarge {
            kind: gridpact_chain::digest::tag::LEDGER_BLOCK,
            bytes: limit + 1,
            limit
        })
    );
    assert!(matches!(refused(&bytes[..bytes.len() - 1]), Err(EncodeError::Malformed { .. })));
}

#[test]
fn every_digest_of_one_value_differs_by_kind_and_community() {
    let cast = cast();
    let (pair, _) = &cast.chain[0];
    let home = cast.registry.community();
    let away = Registry::founding(&a_genesis(3, Quorum::Majority)).community();
    assert_ne!(home, away);
    assert_ne!(pair.contract.digest(&home), pair.contract.digest(&away));
    assert_eq!(pair.contract.digest(&away), pair.contract.rehash(&away));
    assert_eq!(pair.contract.content(), Digest::content(pair.contract.bytes()));
}

#[test]
fn people_read_digests_and_keys_as_hex() {
    let genesis = a_genesis(2, Quorum::TwoThirds);
    let text = serde_json::to_string(&genesis).expect("genesis is plain data");
    assert!(text.contains(&hex(genesis.operator_key.as_bytes())));
    let back: Genesis = serde_json::from_str(&text).expect("what was written is read");
    assert_eq!(back, genesis);
    assert_eq!(back.community(), genesis.community());
    assert!(serde_json::from_str::<Digest>("\"00\"").is_err());
    assert!(serde_json::from_str::<Digest>(&format!("\"{}\"", "zz".repeat(32))).is_err());
}

proptest! {
    #[test]
    fn strangers_bytes_never_panic_and_never_decode_to_another_writing(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        if let Ok(message) = decode_as::<Message>("message", 1 << 20, &bytes) {
            prop_assert_eq!(encode(&message), bytes.clone());
        }
        if let Ok(record) = decode::<Record>(&bytes) {
            prop_assert_eq!(encode(&record), bytes);
        }
    }

    #[test]
    fn a_flipped_bit_of_a_block_is_refused_or_another_value(bit in any::<usize>()) {
        let chain = a_chain(&Registry::founding(&a_genesis(1, Quorum::Majority)), 0, false);
        prop_assert!(chain.is_empty());
        let pinned = PINNED.lines().find_map(|line| line.strip_prefix("block.contract "));
        let text = pinned.unwrap_or_default();
        let mut bytes: Vec<u8> = (0..text.len() / 2)
            .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).expect("hex"))
            .collect();
        let value = Encoded::<gridpact_chain::block::ContractBlock>::from_bytes(&bytes).expect("pinned");
        let at = bit % (8 * bytes.len());
        bytes[at / 8] ^= 1 << (at % 8);
        if let Ok(other) = Encoded::from_bytes(&bytes) {
            prop_assert_ne!(other, value);
        }
    }
}
