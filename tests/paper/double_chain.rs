//! Section 8: contract blocks, ledger blocks that settle them, votes beside both.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use gridpact::chain::batch::OrderProof;
use gridpact::chain::terms::PartyId;
use gridpact_tests::{Lived, a_street, live};

static LIVED: LazyLock<Lived> = LazyLock::new(|| live(&a_street(12)));

#[test]
fn section_8_1_ledger_block_h_settles_contract_block_h() {
    let community = LIVED.archive.genesis.community();
    let (mut contract, mut ledger) = (community, community);
    for (height, (pair, _)) in (1..).zip(&LIVED.archive.pairs) {
        assert_eq!((pair.contract.height, pair.ledger.height), (height, height));
        assert_eq!(pair.contract.prev_contract_hash, contract);
        assert_eq!(pair.ledger.prev_ledger_hash, ledger);
        contract = pair.contract.digest(&community);
        ledger = pair.ledger.digest(&community);
        assert_eq!(pair.ledger.contract_block_hash, contract);
        assert_eq!(pair.ledger.entries.len(), 2, "buyer and seller");
    }
    assert_eq!(ledger, LIVED.archive.tip);
}

#[test]
fn section_8_2_more_than_half_of_the_voters_approve_every_contract() {
    for validators in [1, 4, 12] {
        let mut scenario = a_street(12);
        scenario.validators = Some(validators);
        let lived = live(&scenario);
        assert!(!lived.archive.pairs.is_empty());
        for (_, proof) in &lived.archive.pairs {
            let parties: Vec<PartyId> =
                proof.approvals.signatures.iter().map(|(party, _)| *party).collect();
            assert!(parties.len() as u32 > validators / 2);
            assert!(parties.iter().all(|party| party.0 < validators), "{parties:?}");
        }
    }
}

#[test]
fn section_8_3_a_batch_is_in_the_order_of_epoch_and_contract() {
    let mut batches: BTreeMap<u64, Vec<_>> = BTreeMap::new();
    for (pair, proof) in &LIVED.archive.pairs {
        let body = pair.contract.record.body().expect("contracts only");
        let items = batches.entry(proof.order.head.index).or_default();
        assert_eq!(proof.order.position as usize, items.len(), "no item is left out");
        items.push((body.epoch, body.contract_id));
        assert!(matches!(proof.order.proof, OrderProof::Sequencer(_)), "the sequencer signs it");
    }
    assert!(batches.len() > 5);
    assert!(batches.values().any(|items| items.len() > 1));
    for (index, items) in batches {
        assert!(items.is_sorted(), "batch {index}");
    }
}

/// Who may know a contract's half-hours: its two parties. The block carries only a commitment.
#[test]
fn section_8_1_a_contract_block_holds_no_profile() {
    for (index, (pair, body)) in LIVED.contracts().enumerate() {
        let profile = LIVED.profile(index);
        if profile.wh.len() < 3 || profile.wh.iter().filter(|wh| **wh > 300).count() < 3 {
            continue;
        }
        let bytes = pair.contract.bytes();
        let encoded = gridpact::chain::encode::encode(&profile.wh);
        let is_told = bytes.windows(encoded.len()).any(|window| window == encoded);
        assert!(!is_told, "{}", body.contract_id);
    }
}

#[test]
fn section_8_7_every_node_sweeps_its_chain_once_an_epoch() {
    let verifier = &LIVED.run.chain.verifier;
    let epochs = LIVED.run.epochs.len() as u64;
    assert!(verifier.sweeps >= 12 * epochs, "{} sweeps in {epochs} epochs", verifier.sweeps);
    assert!(verifier.pairs_checked >= 12 * LIVED.run.chain.pairs, "every node checked every pair");
    assert_eq!(verifier.faults, 0);
}
