//! `gridpact chain rebuild`: the derived state, written anew from the log.

use std::path::Path;

use crate::cli::{Failure, say};
use crate::store::archive;
use crate::store::rebuild::{Rebuilt, rebuild_beside};

pub(super) fn rebuild(dir: &Path) -> Result<(), Failure> {
    let chain = archive::chain_dir(dir);
    if !chain.is_dir() {
        return Err(Failure::BadInput(format!("{} is not a directory", chain.display())));
    }
    let rebuilt = rebuild_beside(&chain);
    let Rebuilt { file, tip: (height, tip), accounts } =
        rebuilt.map_err(|error| Failure::FoundWrong(error.to_string()))?;
    say(&format!(
        "state       {}\npairs       {height}\ntip         {tip}\naccounts    {accounts}",
        file.display()
    ))
}
