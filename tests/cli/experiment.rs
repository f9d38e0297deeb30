//! `simulate --experiment fee` and `--welfare`: what a fee does, and what the market made of its chances.

use serde_json::Value;

use crate::{OK, call, simulate, street, tmp, tree};

fn json(out: &str) -> Value {
    serde_json::from_str(out).expect("JSON")
}

#[test]
fn a_fee_sweep_writes_rows_table_and_page_alike_each_time() {
    let dir = tmp();
    let said = simulate(dir.path(), &["--experiment", "fee", "--json"]);
    let rows = json(&said.out);
    let rows = rows.as_array().expect("one array of rows");
    let column = |key: &str| -> Vec<f64> {
        rows.iter().map(|row| row[key].as_f64().unwrap_or_else(|| panic!("{key}"))).collect()
    };
    assert_eq!(column("fee_per_kwh"), [0.0, 0.02, 0.05, 0.1, 0.15, 0.2]);
    for key in ["contracted", "gainers", "losers", "feeder_peak_w", "savings_ratio"] {
        assert_eq!(column(key).len(), 6, "{key}");
    }
    let (share, saving) = (column("share"), column("saving"));
    assert!(share[0] > 0.0 && share[5] < share[0], "a fee ends trades: {share:?}");
    assert!(saving[5] < saving[0], "and costs: {saving:?}");
    assert!(column("welfare_ratio").iter().all(|ratio| (0.0..=1.0).contains(ratio)));
    let files = || tree(&dir.path().join("out"));
    let written = files();
    let names: Vec<_> = written.iter().map(|(name, _)| name.display().to_string()).collect();
    assert_eq!(names, [".gridpact-out", "experiment.json", "report.html", "scenario.toml"]);
    assert_eq!(json(std::str::from_utf8(&written[1].1).expect("text")), json(&said.out));
    let table = simulate(dir.path(), &["--experiment", "fee"]).out;
    assert!(table.contains("0.15") && table.contains("welfare"), "{table}");
    assert_eq!(files(), written, "the same files twice");
    // No fee is the plain run, and a run replaces what an experiment left.
    let plain = json(&simulate(dir.path(), &["--json"]).out);
    assert_eq!(plain["tip"], rows[0]["tip"]);
    assert_eq!(plain["p2p_share"], rows[0]["share"]);
    assert_eq!(plain["welfare"]["ratio"], rows[0]["welfare_ratio"]);
}

#[test]
fn an_experiment_that_cannot_be_is_refused() {
    let dir = street();
    call(dir.path(), ["simulate", "--experiment", "luck"]).refuses(&["luck", "fee"]);
    for other in [["--fee", "0.1"], ["--explain", "0"], ["--readings", "kept"]] {
        let args = ["simulate", "--experiment", "fee"].into_iter().chain(other);
        call(dir.path(), args).refuses(&["--experiment", other[0]]);
    }
}

#[test]
fn the_welfare_ratio_of_a_run_is_the_one_that_bench_finds() {
    let dir = tmp();
    let on = json(&simulate(dir.path(), &["--json", "--welfare", "on"]).out);
    let off = json(&simulate(dir.path(), &["--json", "--welfare", "off"]).out);
    assert_eq!(on["tip"], off["tip"], "to be watched changes nothing");
    assert!(off["welfare"].is_null());
    let said =
        call(dir.path(), ["bench", "welfare", "--scenario", "street.toml", "--as-is", "--json"]);
    assert_eq!(said.code, OK, "{said:?}");
    let bench = json(&said.out);
    let rows = bench.as_array().expect("rows");
    let row = rows.iter().find(|row| row["name"] == "welfare.asis").expect("a row");
    let micro = |value: &Value| (value.as_f64().expect("a number") * 1e6).round() as i64;
    assert_eq!(on["welfare"]["made_microcurrency"], micro(&row["value"]));
    assert_eq!(on["welfare"]["optimum_microcurrency"], micro(&row["limit_value"]));
    let ratio = |value: &Value| value.as_f64().expect("a ratio");
    assert!((ratio(&on["welfare"]["ratio"]) - ratio(&row["ratio"])).abs() < 1e-6);
}

#[test]
fn a_turbine_is_one_prosumer_more() {
    let dir = tmp();
    let plain = json(&simulate(dir.path(), &["--json"]).out);
    let windy = json(&simulate(dir.path(), &["--json", "--turbine", "20"]).out);
    let count = |of: &Value| of["prosumers"].as_u64().expect("a number");
    assert_eq!(count(&windy), count(&plain) + 1);
}
