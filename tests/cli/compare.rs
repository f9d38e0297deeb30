//! `simulate --compare`: the same homes and days lived in six ways, and what foresight is worth.

use serde_json::Value;

use crate::{simulate, tmp};

fn json(out: &str) -> Value {
    serde_json::from_str(out).expect("one JSON object")
}

#[test]
fn comparing_changes_nothing_about_the_run_itself() {
    let dir = tmp();
    let plain = json(&simulate(dir.path(), &["--json"]).out);
    let names = || crate::tree(dir.path()).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let before = names();
    let compared = json(&simulate(dir.path(), &["--json", "--compare"]).out);
    assert_eq!(names(), before, "the same files, no trace of the other lives");
    assert!(plain.get("compare").is_none());
    for key in ["tip", "pairs", "cost_microcurrency", "baseline_cost_microcurrency"] {
        assert_eq!(plain[key], compared[key], "{key}");
    }
}

#[test]
fn control_beats_none_trading_beats_control_and_foresight_is_the_floor() {
    let dir = tmp();
    let said = json(&simulate(dir.path(), &["--json", "--compare"]).out);
    let cost = |key: &str| {
        said["compare"][format!("{key}_microcurrency")].as_i64().expect("a number for every life")
    };
    assert_eq!(said["compare"]["homes"], said["prosumers"]);
    assert!(cost("greedy") < cost("uncontrolled"));
    assert!(cost("local_foresight") <= cost("local"));
    assert!(cost("trading_foresight") < cost("local_foresight"));
    assert!(cost("trading_foresight") < cost("trading"));
    assert_eq!(cost("forecasting"), cost("trading") - cost("trading_foresight"));
    let homes = said["prosumers"].as_i64().expect("a number");
    let mean = said["baseline_cost_microcurrency"].as_i64().expect("a number") / homes;
    assert!((mean - cost("local")).abs() <= 1, "the baseline is the local life");
}

#[test]
fn the_table_names_every_life() {
    let dir = tmp();
    let said = simulate(dir.path(), &["--compare"]).out;
    for row in [
        "Cost per home in AUD (8 homes)",
        "no control",
        "greedy self-consumption",
        "local schedules",
        "local, perfect foresight",
        "trading, perfect foresight",
        "price of forecasting",
    ] {
        assert!(said.contains(row), "{row} is missing from\n{said}");
    }
}
