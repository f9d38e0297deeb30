//! Law 8: at most one approval per node and contract, at most one ledger vote per node and height.

use std::collections::{BTreeMap, BTreeSet};

use gridpact::chain::journal::JournalEntry;
use gridpact_tests::Lived;

use crate::{SEERS, STREET};

/// The writing node voted once on everything; every proof counts each voter once, and enough of them.
pub fn check(lived: &Lived) {
    let (mut approvals, mut ledgers) = (BTreeMap::new(), BTreeMap::new());
    for record in &lived.archive.records {
        match record {
            JournalEntry::Approval { vote, .. } => {
                let before = approvals.insert(vote.contract_id, (vote.body, vote.answer));
                assert!(before.is_none(), "two answers to {}", vote.contract_id);
            }
            JournalEntry::LedgerVote(vote) => {
                let before = ledgers.insert(vote.height, vote.ledger);
                assert!(before.is_none(), "two ledger votes at {}", vote.height);
            }
            _ => {}
        }
    }
    let voters: BTreeSet<_> =
        lived.archive.genesis.members.iter().filter(|m| m.voter).map(|m| m.id).collect();
    let quorum = lived.archive.genesis.quorum.of(voters.len());
    for (pair, proof) in &lived.archive.pairs {
        let height = pair.height();
        let closed = proof.ledger_votes.as_ref().expect("closed");
        for votes in [&proof.approvals, closed] {
            let parties: BTreeSet<_> = votes.signatures.iter().map(|(party, _)| *party).collect();
            assert_eq!(parties.len(), votes.signatures.len(), "height {height}: counted twice");
            assert!(parties.is_subset(&voters), "height {height}: not a voter");
            assert!(parties.len() >= quorum, "height {height}: no quorum");
        }
    }
}

#[test]
fn nobody_votes_twice() {
    for lived in [&*STREET, &*SEERS] {
        check(lived);
    }
}

#[test]
fn a_contract_is_on_the_chain_once() {
    for lived in [&*STREET, &*SEERS] {
        let ids: BTreeSet<_> = lived.contracts().map(|(_, body)| body.contract_id).collect();
        assert_eq!(ids.len(), lived.contracts().count());
    }
}
