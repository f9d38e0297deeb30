//! Killed in the middle of a run: what is left is told from a finished chain and replaced by the next run.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::{OK, STREET, call, program, summary, tmp};

/// Starts a long run and kills it once its chain has grown to some size.
fn killed(dir: &Path) {
    fs::write(dir.join("street.toml"), STREET).expect("written");
    let args = ["simulate", "--scenario", "street.toml", "--days", "60", "--out", "out", "--quiet"];
    let mut child = program(dir)
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let log = dir.join("out/chain/0001.log");
    let began = Instant::now();
    while fs::metadata(&log).map_or(0, |found| found.len()) < 60_000 {
        assert!(began.elapsed() < Duration::from_secs(120), "the chain does not grow");
        assert_eq!(child.try_wait().expect("asked"), None, "the run is not over yet");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
}

#[test]
fn a_killed_run_leaves_a_cut_tail_that_is_said_and_is_replaced() {
    let dir = tmp();
    killed(dir.path());
    call(dir.path(), ["chain", "verify", "out"]).finds(&["cut tail", "0001.log", "from byte"]);
    let shown = call(dir.path(), ["chain", "show", "out", "1"]);
    assert_eq!(shown.code, OK, "{shown:?}");
    assert!(shown.err.contains("not closed: the node runs or crashed"), "{}", shown.err);
    assert!(!dir.path().join("out/summary.json").exists(), "a summary means a whole run");
    crate::simulate(dir.path(), &[]);
    assert_eq!(call(dir.path(), ["chain", "verify", "out"]).code, OK);
    assert_eq!(summary(&dir.path().join("out"), "prosumers"), 8);
}

#[test]
fn a_run_under_way_is_read_and_not_replaced() {
    let dir = tmp();
    fs::write(dir.path().join("street.toml"), STREET).expect("written");
    let args = ["simulate", "--scenario", "street.toml", "--days", "60", "--out", "out", "--quiet"];
    let mut child = program(dir.path())
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let log = dir.path().join("out/chain/0001.log");
    let began = Instant::now();
    while fs::metadata(&log).map_or(0, |found| found.len()) < 1_000 {
        assert!(began.elapsed() < Duration::from_secs(120), "the chain does not grow");
        std::thread::sleep(Duration::from_millis(5));
    }
    let again = call(dir.path(), ["simulate", "--scenario", "street.toml", "--out", "out"]);
    let verified = call(dir.path(), ["chain", "verify", "out"]);
    assert_eq!(child.try_wait().expect("asked"), None, "the run is not over yet");
    child.kill().expect("killed");
    child.wait().expect("ended");
    again.refuses(&["is being written by another run"]);
    assert_eq!(verified.code, OK, "{verified:?}");
    assert!(verified.out.starts_with("not closed: the node runs"), "{}", verified.out);
}
