//! Section 8.7: a stored pair that goes bad is found within one sweep and repaired from a peer; the
//! number of the verifiers' threads changes nothing but the wall clock.

use std::fs;
use std::sync::Arc;

use gridpact::chain::journal::JournalEntry;
use gridpact::chain::terms::{Interval, PartyId};
use gridpact::sim::faults::{Faults, Rot};
use gridpact::store::archive;
use gridpact::store::{ChainJournal, Entry, Journal};
use gridpact_tests::{Lived, a_street, live_with, read_files};

use crate::STREET;

/// An epoch of the afternoon, when there are pairs below and trade above.
fn afternoon() -> Interval {
    STREET.community.start.plus(30)
}

fn rot(party: u32, height: u64, draw: usize) -> Rot {
    Rot { epoch: afternoon(), party: PartyId(party), height, draw }
}

fn live_rotten(rot: Vec<Rot>, liars: &[u32]) -> Lived {
    let liars = liars.iter().copied().map(PartyId).collect();
    let faults = Faults { rot, liars, ..Faults::default() };
    live_with(&a_street(12), &faults).expect("the world comes to its end")
}

/// The chain is proved and is the one of the sound street.
fn assert_same_chain(lived: &Lived) {
    assert!(lived.audit().is_proven());
    assert_eq!(lived.run.chain.tip, STREET.run.chain.tip);
    assert_eq!(lived.run.chain.pairs, STREET.run.chain.pairs);
}

fn height_at(epoch: Interval) -> u64 {
    STREET.contracts().filter(|(_, body)| body.epoch < epoch).count() as u64
}

#[test]
fn a_pair_that_goes_bad_is_found_and_repaired_and_the_tip_stays_the_same() {
    let known = height_at(afternoon());
    assert!(known >= 3, "there are pairs to go bad: {known}");
    for (draw, height) in [(1_001, 1), (2_002, known / 2), (3_001, known)] {
        for party in [0, 5] {
            let lived = live_rotten(vec![rot(party, height, draw)], &[]);
            assert_same_chain(&lived);
            let verifier = &lived.run.chain.verifier;
            assert!(verifier.faults >= 1, "found");
            assert_eq!(verifier.repaired, verifier.faults, "height {height} of {party}");
            assert_eq!(verifier.sweeps, STREET.run.chain.verifier.sweeps);
            // Who settles again signs again: every node has made its signatures.
            assert_eq!(lived.run.contracts, STREET.run.contracts);
        }
    }
}

#[test]
fn every_node_may_lose_another_pair_at_once() {
    let known = height_at(afternoon());
    let rotten = (0..12).map(|party| rot(party, 1 + u64::from(party) % known, 77 * party as usize));
    let lived = live_rotten(rotten.collect(), &[]);
    assert_same_chain(&lived);
    let verifier = &lived.run.chain.verifier;
    assert!(verifier.faults >= 12);
    assert_eq!(verifier.repaired, verifier.faults);
}

#[test]
fn a_lying_majority_of_peers_delays_the_repair_and_does_not_prevent_it() {
    // One honest peer is enough, whoever is asked first.
    let lived = live_rotten(vec![rot(5, 2, 4_001)], &[0, 1, 2, 3, 4, 6, 7, 8, 9, 10]);
    assert_same_chain(&lived);
    let verifier = &lived.run.chain.verifier;
    assert!(verifier.faults >= 1);
    assert_eq!(verifier.repaired, verifier.faults);
}

#[test]
fn without_a_good_copy_one_node_stands_still_and_the_community_does_not() {
    let liars: Vec<u32> = (0..12).filter(|party| *party != 5).collect();
    let lived = live_rotten(vec![rot(5, 2, 4_001)], &liars);
    assert_same_chain(&lived);
    let verifier = &lived.run.chain.verifier;
    assert!(verifier.faults >= 1);
    assert_eq!(verifier.repaired, 0);
}

#[test]
fn the_number_of_verifier_threads_changes_nothing_but_the_wall_clock() {
    let with = |threads| {
        let mut scenario = a_street(12);
        scenario.verifier.threads = threads;
        let faults = Faults { rot: vec![rot(3, 2, 901), rot(7, 4, 12)], ..Faults::default() };
        live_with(&scenario, &faults).expect("the world comes to its end")
    };
    let one = with(1);
    for threads in [2, 5] {
        let many = with(threads);
        assert_eq!(many.run.chain, one.run.chain, "tip, sweeps, findings, repairs, signatures");
        assert_eq!(many.files, one.files);
    }
}

/// A journal on disk with all pairs of the street, still open.
fn a_journal(dir: &std::path::Path) -> ChainJournal {
    let archive = &STREET.archive;
    let mut journal = ChainJournal::create(dir, &archive.genesis).expect("created");
    for (pair, proof) in &archive.pairs {
        let height = pair.height();
        let mut admitted = (**proof).clone();
        let votes = admitted.ledger_votes.take().expect("closed");
        let (pair, proof) = (Arc::clone(pair), Arc::new(admitted));
        journal.record(Entry::Chain(JournalEntry::Pair { pair, proof }));
        journal.record(Entry::Chain(JournalEntry::Closed { height, votes }));
        journal.commit().expect("written");
    }
    journal
}

/// Where `part` lies in `whole`.
fn find(whole: &[u8], part: &[u8]) -> usize {
    whole.windows(part.len()).position(|window| window == part).expect("it lies there")
}

#[test]
fn a_damaged_file_gets_its_bytes_back_and_the_damaged_one_is_kept() {
    let last = STREET.archive.pairs.len() - 1;
    for (at, byte) in [(0, 0), (1, 7), (last / 2, 60), (last, 3)] {
        for (name, is_proof) in [("0001.log", false), ("0001.proof", true)] {
            let dir = tempfile::tempdir().expect("tmp");
            let mut journal = a_journal(dir.path());
            let (pair, proof) = &STREET.archive.pairs[at];
            journal.repair(pair.height(), pair, proof).expect("nothing is damaged");
            let sound = read_files(dir.path());
            assert_eq!(sound.len(), 2, "what is whole stays as it is");

            let path = dir.path().join(name);
            let mut bytes = fs::read(&path).expect("readable");
            let part = if is_proof { proof.approvals.bytes() } else { pair.ledger.bytes() };
            let offset = find(&bytes, part) + byte;
            bytes[offset] ^= 4;
            fs::write(&path, &bytes).expect("written");
            journal.repair(pair.height(), pair, proof).expect("mended");
            let aside = dir.path().join(format!("{name}.damaged"));
            assert_eq!(fs::read(&aside).expect("kept"), bytes);
            for (name, bytes) in &sound {
                assert_eq!(&fs::read(dir.path().join(name)).expect("there"), bytes, "{name}");
            }
            // The journal goes on in the new file, and is read back strictly.
            let again = Arc::clone(&STREET.archive.pairs[last].0);
            let tip = again.ledger.digest(&STREET.archive.genesis.community());
            journal.close().expect("closed");
            let read = archive::read(dir.path()).expect("every byte is proved");
            assert_eq!((read.pairs.len(), read.tip), (last + 1, tip));
        }
    }
}

#[test]
fn a_file_that_a_good_copy_does_not_mend_is_left_as_it_is() {
    let dir = tempfile::tempdir().expect("tmp");
    let mut journal = a_journal(dir.path());
    let path = dir.path().join("0001.log");
    let mut bytes = fs::read(&path).expect("readable");
    let (pair, _) = &STREET.archive.pairs[1];
    let offset = find(&bytes, pair.ledger.bytes());
    bytes[offset] ^= 1;
    fs::write(&path, &bytes).expect("written");
    let (other, proof) = &STREET.archive.pairs[0];
    let error = journal.repair(other.height(), other, proof).expect_err("another pair");
    assert!(error.to_string().contains("even with a good copy of the pair"), "{error}");
    assert_eq!(fs::read(&path).expect("readable"), bytes);
}
