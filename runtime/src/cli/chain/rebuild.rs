//! `gridpact chain rebuild`: the derived state, written anew from the log.

use std::path::Path;

use gridpact_chain::keyring::Keyring;

use super::keys::Reading;
use crate::cli::{Failure, say};
use crate::store::rebuild::{Rebuilt, rebuild_beside};
use crate::store::{StoreError, archive};

pub(super) fn rebuild(dir: &Path, reading: &Reading) -> Result<(), Failure> {
    let chain = archive::chain_dir(dir);
    if !chain.is_dir() {
        return Err(Failure::BadInput(format!("{} is not a directory", chain.display())));
    }
    let keys = match reading.is_given() {
        true => reading.keyring(dir)?,
        false => Keyring::default(),
    };
    let rebuilt = rebuild_beside(&chain, &keys);
    let Rebuilt { file, tip: (height, tip), accounts } = rebuilt.map_err(|error| match error {
        StoreError::Sealed { .. } => Failure::BadInput(error.to_string()),
        _ => Failure::FoundWrong(error.to_string()),
    })?;
    say(&format!(
        "state       {}\npairs       {height}\ntip         {tip}\naccounts    {accounts}",
        file.display()
    ))
}
