//! The derived state: written anew from the log whenever somebody asks, and never in its way.

use std::fs;

use crate::{OK, call, copy_of_finished, simulate, street, summary, summary_text, tmp};

#[test]
fn the_state_is_rebuilt_from_the_log_alone_and_twice_the_same() {
    let dir = copy_of_finished();
    let before = fs::read(dir.path().join("chain/0001.log")).expect("readable");
    let first = call(dir.path(), ["chain", "rebuild", "."]);
    assert_eq!(first.code, OK, "{first:?}");
    let pairs = summary(dir.path(), "pairs").to_string();
    let tip = summary_text(dir.path(), "tip");
    assert!(first.out.contains(&tip) && first.out.contains(&pairs), "{}", first.out);
    assert!(dir.path().join("state/chain.redb").exists());
    fs::write(dir.path().join("state/chain.redb"), b"spoilt").expect("written");
    let second = call(dir.path(), ["chain", "rebuild", "chain"]);
    assert_eq!((second.code, second.out.lines().nth(2)), (OK, first.out.lines().nth(2)));
    assert_eq!(fs::read(dir.path().join("chain/0001.log")).expect("readable"), before);
    assert_eq!(call(dir.path(), ["chain", "verify", "."]).code, OK);
}

#[test]
fn a_damaged_log_gives_no_state_and_a_directory_that_is_none_is_bad_input() {
    let dir = copy_of_finished();
    let log = dir.path().join("chain/0001.log");
    let mut bytes = fs::read(&log).expect("readable");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&log, bytes).expect("written");
    call(dir.path(), ["chain", "rebuild", "."]).finds(&["0001.log", "byte"]);
    assert!(!dir.path().join("state").exists(), "nothing was begun");
    call(tmp().path(), ["chain", "rebuild", "nowhere"]).refuses(&["nowhere"]);
}

#[test]
fn a_run_is_replaced_together_with_its_state() {
    let dir = street();
    simulate(dir.path(), &[]);
    assert_eq!(call(dir.path(), ["chain", "rebuild", "out"]).code, OK);
    simulate(dir.path(), &[]);
    assert!(!dir.path().join("out/state/chain.redb").exists(), "of the run before");
    fs::write(dir.path().join("out/state/notes.txt"), b"x").expect("written");
    let args = ["simulate", "--scenario", "street.toml", "--out", "out"];
    call(dir.path(), args).refuses(&["state/notes.txt"]);
}
