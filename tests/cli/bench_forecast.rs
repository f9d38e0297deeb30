//! `gridpact bench forecast`: every method, the same figures, each beside its limit.

use crate::{OK, call, tmp};

#[test]
fn every_method_is_scored_beside_the_best_naive_one_alike_each_time() {
    let dir = tmp();
    let ask = || call(dir.path(), ["bench", "forecast", "--homes", "2", "--every", "97", "--json"]);
    let said = ask();
    assert_eq!((said.code, said.err.as_str()), (OK, ""), "{said:?}");
    assert_eq!(said.out, ask().out, "the same figures twice");
    let value: serde_json::Value = serde_json::from_str(&said.out).expect("one JSON array");
    let rows = value.as_array().expect("rows");
    let number = |name: &str, key: &str| {
        let row = rows.iter().find(|row| row["name"] == name);
        row.and_then(|row| row[key].as_f64()).unwrap_or_else(|| panic!("{name}: {key}"))
    };
    let methods = ["similar", "weekday", "profile", "exponential", "seasonal_day", "seasonal_week"];
    for method in methods.into_iter().chain(["persistence", "auto"]) {
        for figure in ["mae_2h", "mae_24h", "pinball_p10", "pinball_p50", "pinball_p90"] {
            let name = format!("forecast.{method}.{figure}");
            let (value, limit) = (number(&name, "value"), number(&name, "limit_value"));
            assert!(value > 0.0 && number(&name, "n") > 0.0, "{name}");
            assert!((number(&name, "ratio") - value / limit).abs() < 1e-9, "{name}");
        }
        for figure in ["bias_2h", "bias_24h", "covered", "covered_blocks", "bought_cost"] {
            number(&format!("forecast.{method}.{figure}"), "ratio");
        }
        let number = |figure: &str, key| number(&format!("forecast.{method}.{figure}"), key);
        let (cost, median) = (number("bought_cost", "value"), number("bought_cost", "limit_value"));
        let saving = number("newsvendor_saving", "value");
        assert!((saving - (1.0 - cost / median)).abs() < 1e-9, "{method}: {saving}");
        for figure in ["covered", "covered_blocks"] {
            let off = (number(figure, "value") - 0.8).abs() / 0.05;
            assert!(
                (number(figure, "ratio") - off).abs() < 1e-9,
                "at most 1 is within 0.75 to 0.85"
            );
        }
        assert!(
            (number("bias_24h", "value").abs() / 0.03 - number("bias_24h", "ratio")).abs() < 1e-9
        );
    }
    let naive = ["seasonal_day", "seasonal_week", "persistence"];
    let best = naive.map(|name| number(&format!("forecast.{name}.mae_24h"), "ratio"));
    assert!(best.iter().any(|ratio| (ratio - 1.0).abs() < 1e-9), "one of them is the best");
    let chosen = |method: &str| number(&format!("forecast.auto.chooses_{method}"), "value");
    let all: f64 = methods.into_iter().chain(["persistence"]).map(chosen).sum();
    assert!((all - 2.0).abs() < 1e-9, "each series uses one method: {all}");
}

#[test]
fn a_bench_of_what_is_not_there_is_refused() {
    let dir = tmp();
    call(dir.path(), ["bench", "forecast", "--data", "absent"]).refuses(&["absent"]);
    let long = ["bench", "forecast", "--homes", "1", "--learn", "90"];
    call(dir.path(), long).refuses(&["--learn 90", " days; leave"]);
    call(dir.path(), ["bench", "forecast", "--every", "0"]).refuses(&["--every"]);
}
