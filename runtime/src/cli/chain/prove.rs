//! `gridpact chain prove` and `check`: one contract shown to a stranger who knows the community.

use std::path::Path;

use gridpact_chain::digest::Digest;
use gridpact_chain::inclusion::{Inclusion, Search};

use super::reader::Reader;
use crate::cli::{Failure, say};
use crate::verdicts::ProcessVerdicts;

/// Prints what shows that the pair of `height` is on the chain.
pub(super) fn prove(mut chain: Reader, height: u64) -> Result<(), Failure> {
    let (genesis, mut search) = (chain.genesis().clone(), Search::of(height));
    for kept in &mut chain {
        let (pair, proof) = kept?;
        search.take(&pair, &proof);
    }
    chain.finish_with(height)?;
    let inclusion = search.finish(&genesis).ok_or_else(|| {
        Failure::FoundWrong(format!("no pair from height {height} on is closed by ledger votes"))
    })?;
    say(&serde_json::to_string_pretty(&inclusion).map_err(Failure::input)?)
}

/// Checks what `prove` printed.
pub(super) fn check(file: &Path, community: &Digest) -> Result<(), Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::BadInput(format!("{}: {error}", file.display())))?;
    let inclusion: Inclusion = serde_json::from_str(&text)
        .map_err(|error| Failure::BadInput(format!("{}: {error}", file.display())))?;
    let verdicts = ProcessVerdicts::default();
    let body = inclusion
        .check(community, &verdicts)
        .map_err(|error| Failure::FoundWrong(format!("{}: {error}", file.display())))?;
    say(&format!(
        "on the chain of community {community} at height {}\ncontract  {}\nbuyer     {}\nseller    {}\nenergy    {}\nprice     {}\namount    {}",
        inclusion.pair.height(),
        body.contract_id,
        body.buyer,
        body.seller,
        body.energy,
        body.unit_price,
        body.amount,
    ))
}
