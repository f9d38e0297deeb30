//! The law of the verifier: any one-bit change in stored bytes is found within one sweep.

use std::sync::{Arc, OnceLock};

use gridpact_chain::batch::OrderProof;
use gridpact_chain::block::{Pair, Proof};
use gridpact_chain::encode::{Canonical, Encoded};
use gridpact_chain::genesis::Quorum;
use gridpact_chain::registry::Registry;
use gridpact_chain::terms::Timestamp;
use gridpact_chain::verdicts::{Remembered, Strict};
use gridpact_chain::verifier::{Damage, Finding, Params, Verifier, audit};
use proptest::prelude::*;

use crate::street::a_chain;
use crate::world::a_genesis;

type Kept = (Arc<Pair>, Arc<Proof>);

fn the_registry() -> Arc<Registry> {
    static REGISTRY: OnceLock<Arc<Registry>> = OnceLock::new();
    REGISTRY.get_or_init(|| Registry::founding(&a_genesis(4, Quorum::Majority))).clone()
}

fn flip<T: Canonical + Clone>(encoded: &Encoded<T>, bit: usize) -> Encoded<T> {
    let mut bytes = encoded.bytes().to_vec();
    let at = bit % (8 * bytes.len());
    bytes[at / 8] ^= 1 << (at % 8);
    encoded.damaged(&bytes)
}

fn a_verifier(params: Params, chain: &[Kept]) -> Verifier {
    static VERDICTS: OnceLock<Remembered> = OnceLock::new();
    let verdicts = VERDICTS.get_or_init(Remembered::default);
    let mut verifier = Verifier::new(the_registry(), params);
    for (pair, proof) in chain {
        assert_eq!(verifier.push(pair.clone(), proof.clone(), verdicts), None);
    }
    verifier
}

fn sweep(verifier: &mut Verifier, budget: usize) -> Vec<Finding> {
    let mut found = Vec::new();
    while !verifier.step(Timestamp(5), budget, &mut found) {}
    found
}

/// One chain for all cases: making it is what takes time.
fn the_chain() -> &'static [Kept] {
    static CHAIN: OnceLock<Vec<Kept>> = OnceLock::new();
    CHAIN.get_or_init(|| a_chain(&the_registry(), 300, true))
}

#[test]
fn a_sound_chain_sweeps_clean_in_every_rhythm() {
    let chain = the_chain();
    for structural_every in [1, 2, 4] {
        for segment_bytes in [1, 1000, 65_536] {
            let mut verifier = a_verifier(Params { structural_every, segment_bytes }, chain);
            for round in 1..=5 {
                assert_eq!(sweep(&mut verifier, 777 * round), []);
                let seen = verifier.counters();
                assert_eq!((seen.sweeps, seen.faults), (round as u64, 0));
                assert_eq!(seen.pairs_checked, 300 * (1 + round as u64));
            }
            assert_eq!(verifier.age_ms(Timestamp(9)), Some(4));
        }
    }
}

#[test]
fn a_step_keeps_to_its_budget() {
    let mut verifier = a_verifier(Params::default(), the_chain());
    let before = verifier.counters().pairs_checked;
    let pair = the_chain()[0].0.len();
    assert!(!verifier.step(Timestamp(0), 10 * pair, &mut Vec::new()));
    let checked = verifier.counters().pairs_checked - before;
    assert!((10..=11).contains(&checked), "{checked}");
}

#[test]
fn pairs_pushed_during_a_sweep_belong_to_it() {
    let chain = the_chain();
    let mut verifier = a_verifier(Params::default(), &chain[..100]);
    assert!(!verifier.step(Timestamp(0), 1000, &mut Vec::new()));
    for (pair, proof) in &chain[100..] {
        assert_eq!(verifier.push(pair.clone(), proof.clone(), &Remembered::default()), None);
    }
    assert_eq!(sweep(&mut verifier, 10_000), []);
    assert_eq!(verifier.counters().pairs_checked, 600);
    assert_eq!(sweep(&mut verifier, 10_000), []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bit_of_a_pair_is_found_within_one_sweep(
        height in 1_usize..=300,
        bit in any::<usize>(),
        in_ledger in any::<bool>(),
        segments in any::<bool>(),
        sweeps_before in 0_u32..3,
    ) {
        let segment_bytes = if segments { 4096 } else { usize::MAX };
        let params = Params { segment_bytes, structural_every: 3 };
        let mut verifier = a_verifier(params, the_chain());
        for _ in 0..sweeps_before {
            prop_assert_eq!(sweep(&mut verifier, usize::MAX), []);
        }
        let (pair, proof) = &the_chain()[height - 1];
        let damaged = if in_ledger {
            Pair { ledger: flip(&pair.ledger, bit), ..Pair::clone(pair) }
        } else {
            Pair { contract: flip(&pair.contract, bit), ..Pair::clone(pair) }
        };
        verifier.reload(height as u64, Arc::new(damaged), proof.clone());
        let found = sweep(&mut verifier, 3000);
        prop_assert!(!found.is_empty());
        prop_assert!(found.iter().all(|f| f.height.abs_diff(height as u64) <= 1), "{:?}", found);
        // A good copy heals it, a bad one is not taken.
        let height = height as u64;
        let wrong = the_chain()[(height as usize) % 300].clone();
        prop_assert!(!verifier.repair(height, wrong.0, wrong.1, &Strict));
        prop_assert!(verifier.repair(height, pair.clone(), proof.clone(), &Strict));
        for suspect in verifier.suspects().clone() {
            let (pair, proof) = the_chain()[suspect as usize - 1].clone();
            prop_assert!(verifier.repair(suspect, pair, proof, &Strict));
        }
        prop_assert_eq!(sweep(&mut verifier, usize::MAX), []);
    }

    #[test]
    fn any_bit_of_a_proof_is_found_within_one_proof_sweep(
        height in 1_usize..=20,
        bit in any::<usize>(),
        part in 0..4,
    ) {
        let chain = &the_chain()[..20];
        let mut verifier = a_verifier(Params::default(), chain);
        let (pair, proof) = &chain[height - 1];
        let mut damaged = Proof::clone(proof);
        let expected = match part {
            0 => {
                damaged.approvals = flip(&proof.approvals, bit);
                Damage::Approvals
            }
            1 => {
                damaged.ledger_votes = proof.ledger_votes.as_ref().map(|v| flip(v, bit));
                Damage::LedgerVotes
            }
            2 => {
                damaged.order.head = flip(&proof.order.head, bit);
                Damage::Order
            }
            _ => {
                if let OrderProof::Sequencer(signature) = &mut damaged.order.proof {
                    signature.0[bit / 8 % 64] ^= 1 << (bit % 8);
                }
                Damage::Order
            }
        };
        verifier.reload(height as u64, pair.clone(), Arc::new(damaged));
        let (verdicts, mut found) = (Remembered::default(), Vec::new());
        while !verifier.step_proofs(10_000, &verdicts, &mut found) {}
        prop_assert_eq!(found, [Finding { height: height as u64, damage: expected }]);
    }

    #[test]
    fn an_audit_finds_what_strict_decoding_lets_through(
        height in 1_usize..=12,
        bit in any::<usize>(),
        in_ledger in any::<bool>(),
    ) {
        let mut chain = the_chain()[..12].to_vec();
        let (pair, proof) = chain[height - 1].clone();
        let block = if in_ledger { pair.ledger.bytes() } else { pair.contract.bytes() };
        let mut bytes = block.to_vec();
        let at = bit % (8 * bytes.len());
        bytes[at / 8] ^= 1 << (at % 8);
        let read = if in_ledger {
            Encoded::from_bytes(&bytes).map(|ledger| Pair { ledger, ..Pair::clone(&pair) })
        } else {
            Encoded::from_bytes(&bytes).map(|contract| Pair { contract, ..Pair::clone(&pair) })
        };
        if let Ok(read) = read {
            chain[height - 1] = (Arc::new(read), proof);
            let report = audit(&a_genesis(4, Quorum::Majority), &chain, None, &Strict);
            prop_assert!(!report.is_proven());
            prop_assert!(report.findings[0].height.abs_diff(height as u64) <= 1);
        }
    }
}

#[test]
fn an_audit_proves_a_chain_and_counts_what_it_proved() {
    let chain = the_chain();
    let genesis = a_genesis(4, Quorum::Majority);
    let tip = chain[299].0.ledger.digest(&genesis.community());
    let report = audit(&genesis, chain, Some((300, tip)), &Strict);
    assert!(report.is_proven(), "{:?}", report.findings);
    assert_eq!((report.pairs, report.closed, report.tip), (300, 300, tip));
    assert_eq!(report.signatures, 300 * (2 + 3 + 3 + 1));
    let bought: u64 =
        chain.iter().filter_map(|(p, _)| Some(p.contract.record.body()?.energy.0)).sum();
    assert_eq!(report.energy.0, bought);
}

#[test]
fn an_audit_holds_a_shortened_chain_against_the_anchor() {
    let genesis = a_genesis(4, Quorum::Majority);
    let tip = the_chain()[9].0.ledger.digest(&genesis.community());
    let short = audit(&genesis, &the_chain()[..9], Some((10, tip)), &Remembered::default());
    assert_eq!(short.findings, [Finding { height: 10, damage: Damage::Tip }]);
    let other = audit(&genesis, &the_chain()[..9], Some((9, tip)), &Remembered::default());
    assert_eq!(other.findings, [Finding { height: 9, damage: Damage::Tip }]);
}

#[test]
fn an_audit_misses_no_reordered_or_doubled_pair() {
    let genesis = a_genesis(4, Quorum::Majority);
    let mut swapped = the_chain()[..6].to_vec();
    swapped.swap(2, 3);
    assert!(!audit(&genesis, &swapped, None, &Remembered::default()).is_proven());
    let mut doubled = the_chain()[..6].to_vec();
    doubled.insert(3, doubled[2].clone());
    assert!(!audit(&genesis, &doubled, None, &Remembered::default()).is_proven());
}

#[test]
fn too_few_or_foreign_votes_prove_nothing() {
    let genesis = a_genesis(4, Quorum::Majority);
    let (pair, proof) = the_chain()[0].clone();
    let mut few = gridpact_chain::block::Votes::clone(&proof.approvals);
    few.signatures.pop();
    let few = Proof { approvals: Encoded::new(few), ..Proof::clone(&proof) };
    let mut twice = gridpact_chain::block::Votes::clone(&proof.approvals);
    twice.signatures[1] = twice.signatures[0];
    let twice = Proof { approvals: Encoded::new(twice), ..Proof::clone(&proof) };
    for damaged in [few, twice] {
        let chain = [(pair.clone(), Arc::new(damaged))];
        let report = audit(&genesis, &chain, None, &Strict);
        assert_eq!(report.findings, [Finding { height: 1, damage: Damage::Approvals }]);
    }
}
