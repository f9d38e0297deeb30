//! `gridpact forget`: a site's secrets go, its chain stays.

use std::fs;
use std::path::Path;

use crate::{OK, call, simulate, summary_text, tmp, tree};

/// A finished run with readings on disk.
fn lived(dir: &Path) {
    simulate(dir, &["--readings", "kept"]);
}

fn keys(dir: &Path) -> usize {
    let vault = dir.join("out/vault/00000");
    fs::read_dir(vault).expect("a vault").count()
}

#[test]
fn a_site_forgets_and_its_chain_still_verifies_byte_for_byte() {
    let dir = tmp();
    lived(dir.path());
    assert!(keys(dir.path()) > 0, "the first home has traded");
    let chain = tree(&dir.path().join("out/chain"));
    let others = tree(&dir.path().join("kept")).len();
    let args = ["forget", "0", "--store", "out", "--readings", "kept"];
    let said = call(dir.path(), args);
    assert_eq!((said.code, said.err.as_str()), (OK, ""), "{said:?}");
    assert_eq!(keys(dir.path()), 0);
    assert!(!dir.path().join("kept/home-00000.redb").exists(), "{said:?}");
    assert_eq!(tree(&dir.path().join("kept")).len(), others - 1, "nobody else's readings");
    assert_eq!(tree(&dir.path().join("out/chain")), chain);
    let out = dir.path().join("out");
    let (community, tip) = (summary_text(&out, "community"), summary_text(&out, "tip"));
    let verify = ["chain", "verify", "out", "--community", &community, "--tip", &tip];
    assert_eq!(call(dir.path(), verify).code, OK);
    let again = call(dir.path(), args);
    assert_eq!(again.code, OK, "{again:?}");
    assert!(again.out.contains("no profile or salt of a contract was left"), "{again:?}");
}

#[test]
fn only_what_was_over_before_a_day_goes() {
    let dir = tmp();
    lived(dir.path());
    let before = keys(dir.path());
    let early = ["forget", "0", "--store", "out", "--readings", "kept", "--before", "1990-01-01"];
    assert_eq!(call(dir.path(), early).code, OK);
    assert_eq!(keys(dir.path()), before);
    assert!(dir.path().join("kept/home-00000.redb").exists());
    let late = ["forget", "0", "--store", "out", "--readings", "kept", "--before", "2990-01-01"];
    let said = call(dir.path(), late);
    assert_eq!(said.code, OK, "{said:?}");
    assert_eq!(keys(dir.path()), 0);
    let again = call(dir.path(), late);
    assert!(again.out.contains("readings   0 of"), "{again:?}");
}

#[test]
fn strangers_and_places_without_a_chain_are_refused() {
    let dir = tmp();
    lived(dir.path());
    call(dir.path(), ["forget", "nobody", "--store", "out"]).refuses(&["nobody"]);
    call(dir.path(), ["forget", "0", "--store", "kept"]).refuses(&["kept"]);
    call(dir.path(), ["forget", "0", "--store", "nowhere"]).refuses(&["nowhere"]);
    let never = ["forget", "0", "--store", "out", "--before", "yesterday"];
    call(dir.path(), never).refuses(&["YYYY-MM-DD"]);
}
