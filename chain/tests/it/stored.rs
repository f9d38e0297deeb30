//! A chain on which the members change in every way, as rows of kind, height and bytes: whoever
//! reads chains in another language can try himself on it.
//!
//! `tests/reference/members.txt` holds it; `BLESS=1` writes it anew. What is checked is that the
//! stored one is proved, not that it would be made the same way today.

use std::sync::Arc;

use gridpact_chain::block::{Order, Pair, Proof, Votes};
use gridpact_chain::digest::Digest;
use gridpact_chain::encode::{Encoded, decode_as, encode};
use gridpact_chain::genesis::{Genesis, Member, Quorum};
use gridpact_chain::journal::JournalEntry;
use gridpact_chain::membership::Change;
use gridpact_chain::replica::Fanout;
use gridpact_chain::terms::PartyId;
use gridpact_chain::verdicts::Strict;
use gridpact_chain::verifier::{Report, audit};
use serde::{Deserialize, Serialize};

use crate::members::{assert_proven, chain_of, deal_in, newcomer, next_epoch, two_votes};
use crate::world::{World, key, public};

const STORED: &str = include_str!("../../../tests/reference/members.txt");
const GENESIS: u8 = 1;
const PAIR: u8 = 2;
const PROOF: u8 = 5;
const CLOSED: u8 = 7;
const ORDER: u8 = 10;

/// A proof in the two parts in which it lies on disk.
#[derive(Serialize, Deserialize)]
enum Part {
    Admitted { approvals: Encoded<Votes>, order: Order },
    Closed(Encoded<Votes>),
}

/// A chain as it is stored: genesis, pairs with their proofs, tip.
pub type Stored = (Genesis, Vec<(Arc<Pair>, Arc<Proof>)>, Digest);

/// Where a chain for readers in other languages lies.
pub fn reference(name: &str) -> String {
    format!("{}/../tests/reference/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn rows(genesis: &Genesis, chain: &[(Arc<Pair>, Arc<Proof>)]) -> String {
    let mut text = String::from("# kind height payload\n");
    let mut row = |kind: u8, height: u64, payload: &[u8]| {
        text.push_str(&format!("{kind} {height} {}\n", hex(payload)));
    };
    row(GENESIS, 0, &encode(genesis));
    let mut tip = genesis.community();
    for (pair, proof) in chain {
        let (height, approvals, order) =
            (pair.height(), proof.approvals.clone(), proof.order.clone());
        row(PAIR, height, &encode(&**pair));
        row(PROOF, height, &encode(&Part::Admitted { approvals, order }));
        if let Some(votes) = &proof.ledger_votes {
            row(PROOF, height, &encode(&Part::Closed(votes.clone())));
        }
        tip = pair.ledger.digest(&genesis.community());
    }
    row(CLOSED, chain.len() as u64, &tip.0);
    text
}

/// Rows of the letters of keys in a journal, as they lie in the log.
pub fn rows_of_keys(journal: &[JournalEntry]) -> String {
    let letters = journal.iter().filter(|entry| matches!(entry, JournalEntry::Keys(_)));
    letters.map(|entry| format!("{ORDER} 0 {}\n", hex(&encode(entry)))).collect()
}

pub fn read(text: &str) -> Stored {
    let (mut genesis, mut pairs, mut proofs, mut tip) = (None, Vec::new(), Vec::new(), None);
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split(' ').collect();
        let byte = |at: usize| u8::from_str_radix(&fields[2][at..at + 2], 16).expect("hexadecimal");
        let bytes: Vec<u8> = (0..fields[2].len()).step_by(2).map(byte).collect();
        match fields[0].parse::<u8>().expect("a kind") {
            GENESIS => genesis = decode_as("genesis", usize::MAX, &bytes).ok(),
            PAIR => pairs.push(decode_as::<Pair>("pair", usize::MAX, &bytes).expect("a pair")),
            ORDER => {}
            CLOSED => tip = Some(Digest(bytes.try_into().expect("a digest"))),
            _ => match decode_as::<Part>("part", usize::MAX, &bytes).expect("a part") {
                Part::Admitted { approvals, order } => {
                    proofs.push(Proof { approvals, ledger_votes: None, order });
                }
                Part::Closed(votes) => {
                    proofs.last_mut().expect("admitted first").ledger_votes = Some(votes);
                }
            },
        }
    }
    let chain = pairs.into_iter().map(Arc::new).zip(proofs.into_iter().map(Arc::new)).collect();
    (genesis.expect("a genesis"), chain, tip.expect("a tip"))
}

/// Every way in which members can change, one after another, with a deal in between.
fn a_restless_street() -> World {
    let mut world = World::new(5, Quorum::Majority, Fanout::Tally, 6);
    assert!(deal_in(&mut world, 0, 1, 2, 0));
    let excluded = PartyId(4);
    let evidence = Box::new(two_votes(&world, 4, 1));
    let changes = [
        Change::Add(Member { voter: false, ..newcomer(5) }),
        Change::SetVoter { member: PartyId(3), voter: false },
        Change::ReplaceKey { member: PartyId(2), sign_key: public(&key(77)), seal_key: [9; 32] },
        Change::SetOperator(public(&key(500))),
        Change::Exclude { member: excluded, evidence },
        Change::Remove(PartyId(5)),
        Change::SetSequencer(PartyId(3)),
    ];
    for (number, change) in (1..).zip(changes) {
        let is_operator = matches!(change, Change::SetOperator(_));
        let is_exclusion = matches!(change, Change::Exclude { .. });
        world.propose(1, change);
        next_epoch(&mut world, number);
        if is_operator {
            world.operator = 500;
        }
        if is_exclusion {
            world.dead.insert(excluded.0);
        }
        if number == 2 || number == 5 {
            assert!(deal_in(&mut world, number, 0, 1, number as u8));
        }
    }
    assert_eq!(assert_proven(&world).current().version(), 7);
    world
}

fn audited(chain: &Stored) -> Report {
    audit(&chain.0, &chain.1, None, &Strict)
}

#[test]
fn a_chain_with_every_change_of_the_members_is_stored_and_proved() {
    if std::env::var_os("BLESS").is_some() {
        let world = a_restless_street();
        let text = rows(&world.genesis, &chain_of(&world, 0));
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/reference/members.txt");
        std::fs::write(path, &text).expect("the file can be written");
        return;
    }
    let stored = read(STORED);
    let report = audited(&stored);
    assert_eq!((report.findings.len(), report.tip), (0, stored.2), "{:?}", report.findings);
    let changes: Vec<String> = stored
        .1
        .iter()
        .filter_map(|(pair, _)| pair.contract.record.membership())
        .map(|change| format!("{:?}", change.change).split([' ', '(']).next().map(str::to_owned))
        .map(|name| name.expect("a name"))
        .collect();
    let all = ["Add", "SetVoter", "ReplaceKey", "SetOperator", "Exclude", "Remove", "SetSequencer"];
    assert_eq!(changes, all);
    assert!(report.pairs > 9, "and deals between them");
}

#[test]
fn without_one_of_its_changes_the_stored_chain_is_not_proved() {
    let stored = read(STORED);
    for at in 0..stored.1.len() {
        let mut shorter = read(STORED);
        shorter.1.remove(at);
        let report = audited(&shorter);
        assert!(!report.findings.is_empty() || report.tip != stored.2, "without pair {at}");
    }
    for at in 1..stored.1.len() {
        let mut swapped = read(STORED);
        let below = swapped.1[at - 1].1.clone();
        let own = std::mem::replace(&mut swapped.1[at].1, below);
        swapped.1[at - 1].1 = own;
        assert!(!audited(&swapped).findings.is_empty(), "proofs of {at} and the one below swapped");
    }
}
