//! `gridpact chain show`: one pair of blocks, for people.

use std::fmt::Write as _;

use gridpact_chain::block::{Pair, Proof};
use gridpact_chain::genesis::Genesis;

use super::name_of;
use super::reader::Reader;
use crate::cli::{Failure, say};
use crate::store::archive::Height;

pub(super) fn show(mut chain: Reader, height: u64) -> Result<(), Failure> {
    let (genesis, mut found) = (chain.genesis().clone(), None);
    for kept in &mut chain {
        let kept: Height = kept?;
        found = found.or(Some(kept).filter(|(pair, _)| pair.height() == height));
    }
    chain.finish_with(height)?;
    found.map_or(Ok(()), |(pair, proof)| say(&describe(&genesis, &pair, &proof)))
}

fn describe(genesis: &Genesis, pair: &Pair, proof: &Proof) -> String {
    let community = genesis.community();
    let block = &*pair.contract;
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<20} {value}");
    };
    line("height", pair.height().to_string());
    line("contract block", pair.contract.digest(&community).to_string());
    line("  follows", block.prev_contract_hash.to_string());
    line("  chain time", format!("{} ms", block.time_ms.0));
    line("  registry", block.registry.to_string());
    if let Some(sealed) = block.record.sealed() {
        line("sealed contract", sealed.contract_id.to_string());
        line("  epoch", sealed.epoch.to_string());
        line("  group key", sealed.key.to_string());
        line("  commitment", sealed.commitment.to_string());
        line("  valid until", format!("{} ms", sealed.valid_until.0));
    }
    if let Some(body) = block.record.body() {
        line("contract", body.contract_id.to_string());
        line("  epoch", body.epoch.to_string());
        line("  buyer", format!("{} {}", body.buyer, name_of(genesis, body.buyer)));
        line("  seller", format!("{} {}", body.seller, name_of(genesis, body.seller)));
        line("  intervals", format!("{}..{}", body.start, body.end));
        line("  energy", body.energy.to_string());
        line("  price", body.unit_price.to_string());
        line("  amount", body.amount.to_string());
        line("  valid until", format!("{} ms", body.valid_until.0));
    }
    line("ledger block", pair.ledger.digest(&community).to_string());
    line("  follows", pair.ledger.prev_ledger_hash.to_string());
    for entry in &pair.ledger.entries {
        line("  entry", format!("{} {:+} -> {}", entry.party, entry.delta.0, entry.balance));
    }
    if !pair.is_read() {
        line("  entries", "sealed".to_owned());
    }
    if let Some(root) = pair.ledger.checkpoint {
        line("  checkpoint", root.to_string());
    }
    line("approvals", proof.approvals.signatures.len().to_string());
    let votes = proof.ledger_votes.as_ref().map_or(0, |votes| votes.signatures.len());
    line("ledger votes", votes.to_string());
    line("batch", format!("{} at position {}", proof.order.head.index, proof.order.position));
    text.trim_end().to_owned()
}
