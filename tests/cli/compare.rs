//! `simulate --compare`: the same homes and days lived in six ways; `--explain`: one home in words.

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

#[test]
fn one_prosumer_is_explained_in_words_and_as_data() {
    let dir = tmp();
    let said = simulate(dir.path(), &["--explain", "0"]).out;
    for words in ["home-000 explained", "did and why", "contracts earned", "did not get"] {
        assert!(said.contains(words), "{words} is missing from\n{said}");
    }
    let data = json(&simulate(dir.path(), &["--json", "--explain", "home-000"]).out);
    assert_eq!(data["explain"]["prosumer"], "home-000");
    for key in ["moves", "deals", "unfilled"] {
        assert!(data["explain"][key].is_array(), "{key}");
    }
    let page = std::fs::read_to_string(dir.path().join("out/report.html")).expect("written");
    assert!(page.contains("24 hours at home-000"), "the page shows the one who is explained");
    crate::call(dir.path(), ["simulate", "--prosumers", "3", "--explain", "home-9"]).refuses(&[
        "home-9",
        "home-000",
        "there are 3",
    ]);
}
