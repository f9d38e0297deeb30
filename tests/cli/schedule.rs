//! `gridpact schedule`: one answer per site, and refusals that name the field.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::{OK, call, tmp};

const SITE: &str = include_str!("../../deploy/config/site.json");

#[test]
fn every_file_gets_one_json_object_on_a_line() {
    let dir = tmp();
    fs::write(dir.path().join("a.json"), SITE).expect("written");
    fs::write(dir.path().join("b.json"), SITE).expect("written");
    let said = call(dir.path(), ["schedule", "a.json", "b.json", "--json"]);
    assert_eq!(said.code, OK, "{said:?}");
    let answers: Vec<Value> =
        said.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0], answers[1], "the same site, the same schedule");
    for key in [
        "objective",
        "import_w",
        "export_w",
        "curtailed_w",
        "storages",
        "deferrables",
        "shortfalls",
        "marginal_value_per_kwh",
        "gap",
    ] {
        assert!(answers[0].get(key).is_some(), "`{key}` is missing");
    }
}

#[test]
fn the_objective_is_what_the_help_says_it_is() {
    let dir = tmp();
    fs::write(dir.path().join("site.json"), SITE).expect("written");
    let said = call(dir.path(), ["schedule", "site.json", "--json"]);
    let (site, answer): (Value, Value) =
        (serde_json::from_str(SITE).expect("JSON"), serde_json::from_str(&said.out).expect("JSON"));
    let at = |value: &Value, t: usize| value[t].as_f64().expect("a number");
    let kwh = site["dt_h"].as_f64().expect("a number") / 1e3;
    let mut cost = 0.0;
    for t in 0..48 {
        cost += at(&site["import_price"], t) * at(&answer["import_w"], t) * kwh;
        cost -= at(&site["export_price"], t) * at(&answer["export_w"], t) * kwh;
    }
    for s in 0..2 {
        let (said, plan) = (&site["storages"][s], &answer["storages"][s]);
        let given: f64 = (0..48).map(|t| at(&plan["discharge_w"], t) * kwh).sum();
        cost += said["wear_per_kwh"].as_f64().expect("a number") * given;
        let worth = said["terminal_value_per_kwh"].as_f64().expect("a number");
        cost -= worth * at(&plan["soc_wh"], 48) / 1e3;
    }
    let told = answer["objective"].as_f64().expect("a number");
    assert!((cost - told).abs() < 1e-4, "{cost} against {told}");
}

#[test]
fn a_site_that_cannot_be_is_refused_by_file_and_field() {
    let dir = tmp();
    let broken = SITE.replace("\"eta_c\": 0.95", "\"eta_c\": 1.95");
    fs::write(dir.path().join("site.json"), broken).expect("written");
    let said = call(dir.path(), ["schedule", "site.json"]);
    said.refuses(&["site.json", "`storages[0].eta_c` is 1.95", "0.01 to 1"]);
    call(Path::new("."), ["schedule", "nowhere.json"]).refuses(&["nowhere.json"]);
    call(dir.path(), ["schedule"]).refuses(&["SITE.json"]);
}
