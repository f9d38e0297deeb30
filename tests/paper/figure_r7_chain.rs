//! R7: what the chain costs.

use std::time::Instant;

use gridpact_tests::{a_street, live};

#[test]
fn figure_r7_the_chain_grows_by_contracts_alone_and_is_proved_in_a_moment() {
    let lived = live(&a_street(12));
    let growth: Vec<(u64, u64)> =
        lived.run.epochs.iter().map(|epoch| (epoch.pairs, epoch.chain_bytes)).collect();
    assert!(growth.is_sorted(), "a chain never shrinks");
    let contracts = lived.contracts().count() as u64;
    assert_eq!(growth.last().map(|(pairs, _)| *pairs), Some(contracts));
    let bytes: usize = lived.files.iter().map(|(_, bytes)| bytes.len()).sum();
    let per_contract = bytes as u64 / contracts;
    // A contract of about 0.6 kB, its ledger block, and 12 approvals and votes of 70 bytes each,
    // kept as proof and as the node's own votes and orders.
    assert!((1_000..16_000).contains(&per_contract), "{per_contract} bytes per contract");
    let began = Instant::now();
    lived.assert_proved();
    assert!(began.elapsed().as_secs() < 20, "{contracts} contracts");
}
