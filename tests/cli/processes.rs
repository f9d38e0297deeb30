//! Law 5 across processes: the same scenario gives the same chain, byte for byte.

use std::fs;

use crate::{FINISHED, simulate, summary_text, tmp, tree};

#[test]
fn two_processes_write_the_same_chain() {
    let dir = tmp();
    simulate(dir.path(), &[]);
    let out = dir.path().join("out");
    assert_eq!(summary_text(&out, "tip"), summary_text(&FINISHED, "tip"));
    assert!(tree(&out.join("chain")) == tree(&FINISHED.join("chain")), "byte for byte");
    for file in ["contracts.csv", "schedule.csv", "scenario.toml"] {
        let read = |dir: &std::path::Path| fs::read(dir.join(file)).expect("read");
        assert!(read(&out) == read(&FINISHED), "{file}");
    }
}

/// Only what was measured on the process clock may differ between two runs.
#[test]
fn two_summaries_differ_in_measured_time_alone() {
    let dir = tmp();
    simulate(dir.path(), &[]);
    let read = |dir: &std::path::Path| {
        let text = fs::read_to_string(dir.join("summary.json")).expect("read");
        let mut value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let object = value.as_object_mut().expect("an object");
        object.remove("wall_s").expect("measured");
        object.remove("negotiation_ms").expect("measured");
        value
    };
    assert_eq!(read(&dir.path().join("out")), read(&FINISHED));
}
