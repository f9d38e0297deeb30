//! Law 7: any one-bit change in stored bytes is found.

use std::path::Path;
use std::sync::Arc;

use gridpact::chain::block::{Pair, Proof};
use gridpact::chain::encode::{Canonical, Encoded};
use gridpact::chain::registry::Registry;
use gridpact::chain::terms::Timestamp;
use gridpact::chain::verifier::{Params, Verifier, audit};
use gridpact::store::archive;
use gridpact::verdicts::ProcessVerdicts;
use gridpact_tests::{read_files, write_files};

use crate::STREET;

/// Numbers that look drawn, the same in every run.
fn draws(seed: u64) -> impl Iterator<Item = usize> {
    let step = |x: &u64| {
        Some(x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    };
    std::iter::successors(Some(seed), step).map(|x| (x >> 33) as usize)
}

fn is_found(dir: &Path) -> bool {
    archive::read(dir).is_err()
}

#[test]
fn a_flipped_bit_in_any_file_is_found_by_reading_alone() {
    let dir = tempfile::tempdir().expect("tmp");
    write_files(dir.path(), &STREET.files);
    assert!(!is_found(dir.path()), "the chain itself is sound");
    for (name, bytes) in &STREET.files {
        let path = dir.path().join(name);
        // Every bit of the first and last frame's bytes is a boundary; between them, a draw.
        let ends = (0..24).chain(bytes.len() - 24..bytes.len());
        let drawn = draws(7).take(80).map(|n| n % bytes.len());
        for (at, bit) in ends.chain(drawn).zip((0..8).cycle()) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            std::fs::write(&path, &damaged).expect("written");
            assert!(is_found(dir.path()), "{name}: bit {bit} of byte {at} is not missed");
        }
        std::fs::write(&path, bytes).expect("written");
    }
    assert!(!is_found(dir.path()), "put back, it is sound again");
}

#[test]
fn a_missing_tail_is_found_wherever_it_is_torn() {
    let dir = tempfile::tempdir().expect("tmp");
    write_files(dir.path(), &STREET.files);
    for (name, bytes) in &STREET.files {
        let path = dir.path().join(name);
        let cuts = [0, 1, 20, 21, bytes.len() / 2, bytes.len() - 1];
        for cut in cuts.into_iter().chain(draws(11).take(20).map(|n| n % bytes.len())) {
            std::fs::write(&path, &bytes[..cut]).expect("written");
            assert!(is_found(dir.path()), "{name}: cut after {cut} bytes");
        }
        std::fs::write(&path, bytes).expect("written");
    }
    let files = read_files(dir.path());
    for (name, bytes) in &files {
        std::fs::remove_file(dir.path().join(name)).expect("removed");
        assert!(is_found(dir.path()), "without {name}");
        std::fs::write(dir.path().join(name), bytes).expect("written");
    }
    std::fs::write(dir.path().join("notes.txt"), "mine").expect("written");
    assert!(is_found(dir.path()), "a file that is none of ours");
}

fn flip<T: Canonical + Clone>(value: &Encoded<T>, byte: usize, bit: usize) -> Encoded<T> {
    let mut bytes = value.bytes().to_vec();
    let at = byte % bytes.len();
    bytes[at] ^= 1 << (bit % 8);
    value.damaged(&bytes)
}

/// The same pair and proof with one bit flipped in one of its four parts.
fn damaged(
    pair: &Pair,
    proof: &Proof,
    part: usize,
    byte: usize,
    bit: usize,
) -> (Arc<Pair>, Arc<Proof>) {
    let (mut pair, mut proof) = (pair.clone(), proof.clone());
    match part % 4 {
        0 => pair.contract = flip(&pair.contract, byte, bit),
        1 => pair.ledger = flip(&pair.ledger, byte, bit),
        2 => proof.approvals = flip(&proof.approvals, byte, bit),
        _ => proof.ledger_votes = proof.ledger_votes.as_ref().map(|votes| flip(votes, byte, bit)),
    }
    (Arc::new(pair), Arc::new(proof))
}

/// Bytes that go bad under a running node: its verifier meets them within one sweep of pairs and one
/// of proofs.
#[test]
fn a_flipped_bit_in_pair_or_proof_is_found_within_one_sweep() {
    let archive = &STREET.archive;
    let registry = Registry::founding(&archive.genesis);
    let verdicts = ProcessVerdicts::default();
    let params = || Params { segment_bytes: 4_096, ..Params::default() };
    for (case, byte) in draws(13).take(64).enumerate() {
        let mut verifier = Verifier::new(Arc::clone(&registry), params());
        for (pair, proof) in &archive.pairs {
            let found = verifier.push(Arc::clone(pair), Arc::clone(proof), &verdicts);
            assert_eq!(found, None);
        }
        let mut found = Vec::new();
        while !verifier.step(Timestamp(1), 1 << 20, &mut found) {}
        assert_eq!(found, [], "the chain itself is sound");
        let at = (byte / 7) % archive.pairs.len();
        let (pair, proof) = &archive.pairs[at];
        let (pair, proof) = damaged(pair, proof, case, byte, case / 4);
        verifier.reload(at as u64 + 1, pair, proof);
        while !verifier.step(Timestamp(2), 1 << 20, &mut found) {}
        while !verifier.step_proofs(1 << 20, &verdicts, &mut found) {}
        let heights: Vec<u64> = found.iter().map(|finding| finding.height).collect();
        assert!(
            heights.contains(&(at as u64 + 1)),
            "part {} of pair {}: {found:?}",
            case % 4,
            at + 1
        );
    }
}

/// A chain whose values were changed and encoded anew: the links, sums and signatures tell.
#[test]
fn a_rewritten_value_is_found_by_the_audit() {
    let archive = &STREET.archive;
    let verdicts = ProcessVerdicts::default();
    let last = archive.pairs.len() - 1;
    for at in [0, last / 2, last] {
        let rewrite = |change: &dyn Fn(&mut Pair)| {
            let mut pairs = archive.pairs.clone();
            let mut pair = (*pairs[at].0).clone();
            change(&mut pair);
            pairs[at].0 = Arc::new(pair);
            audit(&archive.genesis, &pairs, None, &verdicts)
        };
        let ledger = |change: &dyn Fn(&mut gridpact::chain::block::LedgerBlock)| {
            rewrite(&|pair| {
                let mut block = (*pair.ledger).clone();
                change(&mut block);
                pair.ledger = Encoded::new(block);
            })
        };
        let contract = |change: &dyn Fn(&mut gridpact::chain::block::ContractBlock)| {
            rewrite(&|pair| {
                let mut block = (*pair.contract).clone();
                change(&mut block);
                pair.contract = Encoded::new(block);
            })
        };
        let reports = [
            ledger(&|block| block.entries[0].delta.0 ^= 1),
            ledger(&|block| block.entries[0].balance.0 ^= 1),
            ledger(&|block| block.entries.swap(0, 1)),
            ledger(&|block| block.entries.open_mut().truncate(1)),
            ledger(&|block| block.prev_ledger_hash.0[31] ^= 1),
            ledger(&|block| block.contract_block_hash.0[0] ^= 0x80),
            contract(&|block| block.time_ms.0 ^= 1),
            contract(&|block| block.registry ^= 1),
            contract(&|block| block.prev_contract_hash.0[7] ^= 4),
        ];
        for (case, report) in reports.iter().enumerate() {
            assert!(!report.is_proven(), "case {case} at height {}", at + 1);
        }
    }
}
