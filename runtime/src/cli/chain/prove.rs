//! `gridpact chain prove` and `check`: one contract shown to a stranger who knows the community.

use std::path::Path;

use gridpact_chain::digest::Digest;
use gridpact_chain::inclusion::{Inclusion, InclusionError, Search};
use gridpact_chain::keyring::Keyring;
use gridpact_chain::sealed::SealedContract;

use super::reader::Reader;
use crate::cli::{Failure, say, warn};
use crate::verdicts::ProcessVerdicts;

/// Prints what shows that the pair of `height` is on the chain; what a sealed contract says is shown
/// with it where `keys` read it.
pub(super) fn prove(mut chain: Reader, height: u64, keys: &Keyring) -> Result<(), Failure> {
    let (genesis, mut search) = (chain.genesis().clone(), Search::of(height));
    for kept in &mut chain {
        let (pair, proof) = kept?;
        search.take(&pair, &proof);
    }
    chain.finish_with(height)?;
    let inclusion = search.finish(&genesis).ok_or_else(|| {
        Failure::FoundWrong(format!("no pair from height {height} on is closed by ledger votes"))
    })?;
    let is_sealed = inclusion.pair.contract.record.sealed().is_some();
    let inclusion = inclusion.showing(keys);
    if is_sealed && inclusion.opening.is_none() {
        warn(&format!(
            "height {height} is sealed: this shows that the contract is there, not what it says; \
             --key or --disclosed shows that too"
        ));
    }
    say(&serde_json::to_string_pretty(&inclusion).map_err(Failure::input)?)
}

/// Checks what `prove` printed.
pub(super) fn check(file: &Path, community: &Digest) -> Result<(), Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::BadInput(format!("{}: {error}", file.display())))?;
    let inclusion: Inclusion = serde_json::from_str(&text)
        .map_err(|error| Failure::BadInput(format!("{}: {error}", file.display())))?;
    let verdicts = ProcessVerdicts::default();
    let place =
        format!("on the chain of community {community} at height {}", inclusion.pair.height());
    let body =
        match (inclusion.check(community, &verdicts), inclusion.pair.contract.record.sealed()) {
            (Ok(body), _) => body,
            (Err(InclusionError::Sealed), Some(sealed)) => return say(&as_sealed(&place, sealed)),
            (Err(error), _) => {
                return Err(Failure::FoundWrong(format!("{}: {error}", file.display())));
            }
        };
    say(&format!(
        "{place}\ncontract  {}\nbuyer     {}\nseller    {}\nenergy    {}\nprice     {}\namount    {}",
        body.contract_id, body.buyer, body.seller, body.energy, body.unit_price, body.amount,
    ))
}

/// What a stranger learns of a contract whose contents nobody showed him.
fn as_sealed(place: &str, sealed: &SealedContract) -> String {
    format!(
        "{place}\ncontract  {}\nepoch     {}\nsealed    under group key {}: that the voters settled \
         it is proved; parties, energy, price, amount and balances are not shown",
        sealed.contract_id, sealed.epoch.0, sealed.key
    )
}
