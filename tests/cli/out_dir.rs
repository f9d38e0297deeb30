//! `--out`: replaced when an earlier run wrote it, refused when anybody else has something there.

use std::fs;

use crate::{FINISHED, call, copy_of_finished, simulate, street, summary_text, tmp, tree};

const NAMES: [&str; 6] = [
    ".gridpact-out",
    "contracts.csv",
    "report.html",
    "scenario.toml",
    "schedule.csv",
    "summary.json",
];

#[test]
fn a_run_writes_its_files_and_nothing_else() {
    let found: Vec<String> = tree(&FINISHED)
        .into_iter()
        .map(|(path, _)| path.to_string_lossy().into_owned())
        .filter(|path| !path.starts_with("chain") && !path.starts_with("vault"))
        .collect();
    assert_eq!(found, NAMES);
    let vault = tree(&FINISHED.join("vault/00000"));
    assert!(!vault.is_empty() && vault.iter().all(|(_, key)| key.len() == 32), "a key for a day");
    let chain = tree(&FINISHED.join("chain"));
    assert!(chain.iter().any(|(path, _)| path.ends_with("0001.log")), "{}", chain.len());
}

#[test]
fn an_earlier_run_is_replaced_as_a_whole() {
    let dir = tmp();
    simulate(dir.path(), &["--seed", "1"]);
    let first = summary_text(&dir.path().join("out"), "tip");
    simulate(dir.path(), &["--seed", "2"]);
    let out = dir.path().join("out");
    assert_ne!(summary_text(&out, "tip"), first);
    let verified = call(dir.path(), ["chain", "verify", "out"]);
    assert_eq!(verified.code, crate::OK, "nothing of the first chain is left: {verified:?}");
    let kept = ["chain", "vault"].map(|inner| tree(&out.join(inner)).len());
    assert_eq!(tree(&out).len(), NAMES.len() + kept.iter().sum::<usize>());
}

#[test]
fn anything_that_is_not_ours_is_refused_untouched() {
    let places: [(&str, &str); 4] = [
        ("out/thesis.docx", "thesis.docx"),
        ("out/chain/wallet.key", "wallet.key"),
        ("out/summary.json", "summary.json"),
        ("out/sub/deep.txt", "sub"),
    ];
    for (file, named) in places {
        let dir = street();
        let path = dir.path().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, "years of work").expect("written");
        let before = tree(dir.path());
        let args = ["simulate", "--scenario", "street.toml", "--out", "out"];
        call(dir.path(), args).refuses(&["was not written by gridpact", named]);
        assert_eq!(tree(dir.path()), before, "{file}");
    }
}

#[test]
fn our_own_directory_with_a_stray_file_is_refused_untouched() {
    let dir = copy_of_finished();
    fs::write(dir.path().join("notes.md"), "mine").expect("written");
    fs::write(dir.path().join("street.toml"), crate::STREET).expect("written");
    let before = tree(dir.path());
    let args = ["simulate", "--scenario", "street.toml", "--out", "."];
    call(dir.path(), args).refuses(&["was not written by gridpact"]);
    assert_eq!(tree(dir.path()), before);
}

#[test]
fn a_file_in_the_way_is_said() {
    let dir = street();
    fs::write(dir.path().join("out"), "a file").expect("written");
    let args = ["simulate", "--scenario", "street.toml", "--out", "out"];
    call(dir.path(), args).refuses(&["out is not a directory"]);
    let below = ["simulate", "--scenario", "street.toml", "--out", "out/deeper"];
    call(dir.path(), below).refuses(&["out/deeper"]);
}

#[test]
fn bad_input_leaves_earlier_results_alone() {
    let dir = copy_of_finished();
    let before = tree(dir.path());
    let out = dir.path().to_str().expect("text");
    call(dir.path(), ["simulate", "--days", "0", "--out", out]).refuses(&["days"]);
    call(dir.path(), ["simulate", "--scenario", "nope", "--out", out]).refuses(&["nope"]);
    call(dir.path(), ["simulate", "--meters", "nowhere", "--out", out]).refuses(&["nowhere"]);
    assert_eq!(tree(dir.path()), before);
}
