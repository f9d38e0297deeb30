use std::path::Path;

use super::*;
use crate::report::sample::a_run;

#[test]
fn the_table_names_all_that_was_promised_and_fits_a_terminal() {
    let report = Report::new(a_run(30, 2, 9)).expect("the sample is consistent");
    let table = report.table();
    for word in [
        "own solar",
        "own wind",
        "own battery",
        "own vehicle",
        "from peers",
        "from the grid",
        "tasks",
        "final contracts",
        "P2P share",
        "saved against B",
        "network fee",
        "wear",
        "change of stored energy",
        "no control (A)",
        "local (B)",
        "trading (C)",
        "peak",
        "negotiation time",
        "pairs",
        "sweeps",
        "signatures",
        "wall time",
    ] {
        assert!(table.contains(word), "{word} is missing from\n{table}");
    }
    let widest = table.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    assert!(widest <= 100, "{widest} columns:\n{table}");
}

#[test]
fn the_verify_command_survives_a_shell() {
    let report = Report::new(a_run(2, 1, 9)).expect("the sample is consistent");
    let plain = report.verify_command(Path::new("./gridpact-out"));
    assert!(plain.starts_with("gridpact chain verify ./gridpact-out --community 5f5f"));
    assert!(plain.contains(" --tip c3c3"));
    let odd = report.verify_command(Path::new("my 'run'"));
    assert!(odd.starts_with(r"gridpact chain verify 'my '\''run'\''' --community"));
}
