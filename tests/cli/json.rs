//! `--json`: exactly one JSON object on standard output, everything else on the error stream.

use std::fs;

use serde_json::Value;

use crate::{call, program, simulate, summary, tmp};

#[test]
fn standard_output_is_one_object_and_the_summary_file() {
    let dir = tmp();
    let said = simulate(dir.path(), &["--json"]);
    let value: Value = serde_json::from_str(&said.out).expect("one JSON value and nothing else");
    assert!(value.is_object());
    let file = fs::read_to_string(dir.path().join("out/summary.json")).expect("written");
    assert_eq!(said.out.trim_end(), file.trim_end());
    assert_eq!(said.err, "", "--quiet is quiet");
}

#[test]
fn the_published_keys_are_there_with_their_units() {
    let dir = tmp();
    let said = simulate(dir.path(), &["--json"]);
    let value: Value = serde_json::from_str(&said.out).expect("JSON");
    for key in [
        "prosumers",
        "intervals",
        "seed",
        "scenario",
        "tasks",
        "retendered_tasks",
        "temporary_contracts",
        "final_contracts",
        "cancelled_requests",
        "deficit_wh",
        "p2p_wh",
        "p2p_share",
        "contracted_share",
        "grid_import_wh",
        "grid_export_wh",
        "stored_change_wh",
        "cost_microcurrency",
        "baseline_cost_microcurrency",
        "savings_ratio",
        "peak_w",
        "baseline_peak_w",
        "negotiation_ms",
        "negotiation_messages",
        "contract_blocks",
        "ledger_blocks",
        "pairs",
        "validators",
        "community",
        "tip",
        "verifier",
        "signatures",
        "control",
        "wall_s",
    ] {
        assert!(value.get(key).is_some(), "`{key}` is missing");
    }
    assert_eq!(value["prosumers"], 8);
    assert_eq!(value["intervals"], 48);
    assert_eq!(value["verifier"]["faults"], 0);
    assert!(value["final_contracts"].as_u64().expect("a number") > 0);
}

#[test]
fn without_quiet_the_stream_is_as_clean() {
    let dir = tmp();
    fs::write(dir.path().join("street.toml"), crate::STREET).expect("written");
    let said = call(dir.path(), ["simulate", "--scenario", "street.toml", "--json"]);
    assert_eq!(said.code, crate::OK, "{said:?}");
    let value: Value = serde_json::from_str(&said.out).expect("one JSON value and nothing else");
    assert_eq!(value["tip"], summary(&dir.path().join("gridpact-out"), "tip"));
}

#[test]
fn a_refusal_prints_no_json() {
    let dir = tmp();
    call(dir.path(), ["simulate", "--json", "--days", "0"]).refuses(&["days"]);
    call(dir.path(), ["simulate", "--json", "--scenario", "nowhere.toml"]).refuses(&["nowhere"]);
}

#[test]
fn without_json_a_table_and_the_proof_are_printed() {
    let dir = tmp();
    let said = simulate(dir.path(), &[]);
    assert!(said.out.contains("report.html"), "{}", said.out);
    let proof = said.out.lines().find(|line| line.contains("gridpact chain verify"));
    let proof = proof.expect("the command that proves the chain");
    let args = proof.split_whitespace().skip_while(|word| *word != "chain");
    let verified = call(dir.path(), args);
    assert_eq!(verified.code, crate::OK, "{verified:?}");
    assert!(verified.out.contains("proved against the given community and tip"));
}

/// Like `gridpact simulate | head -1`: a reader that goes away is no fault of the run.
#[test]
fn a_reader_that_goes_away_is_no_error() {
    let dir = crate::street();
    let mut child = program(dir.path())
        .args(["simulate", "--scenario", "street.toml", "--quiet"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ends");
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(crate::OK), "{err}");
    assert_eq!(err, "");
}
