//! `gridpact bench welfare`: a market beside the best that could have been made of it.

use crate::{OK, STREET, call, tmp};

#[test]
fn what_was_made_of_a_market_stands_beside_its_optimum_alike_each_time() {
    let dir = tmp();
    std::fs::write(dir.path().join("street.toml"), STREET).expect("a scenario file");
    let ask = || {
        let args = ["bench", "welfare", "--scenario", "street.toml", "--export", "case", "--json"];
        call(dir.path(), args)
    };
    let said = ask();
    assert_eq!((said.code, said.err.as_str()), (OK, ""), "{said:?}");
    assert_eq!(said.out, ask().out, "the same figures twice");
    let value: serde_json::Value = serde_json::from_str(&said.out).expect("one JSON array");
    let rows = value.as_array().expect("rows");
    let number = |name: &str, key: &str| {
        let row = rows.iter().find(|row| row["name"] == name);
        row.and_then(|row| row[key].as_f64()).unwrap_or_else(|| panic!("{name}: {key}"))
    };
    for mode in ["paper", "best"] {
        for figure in ["welfare", "energy", "cancelled", "beyond"] {
            let name = format!("{figure}.{mode}");
            let (value, limit) = (number(&name, "value"), number(&name, "limit_value"));
            assert!((number(&name, "ratio") - value / limit).abs() < 1e-9, "{name}");
        }
        let welfare = number(&format!("welfare.{mode}"), "ratio");
        assert!(welfare > 0.0 && welfare <= 1.0, "{mode}: {welfare}");
        for (table, head) in [
            ("bids.csv", "slot,agent,kwh,price"),
            ("asks.csv", "slot,agent,kwh,price,store"),
            ("limits.csv", "buyer,seller,kwh"),
            ("caps.csv", "agent,kwh"),
            ("budget.csv", "store,until_slot,kwh"),
            ("deals.csv", "slot,buyer,seller,kwh"),
        ] {
            let path = dir.path().join("case").join(mode).join(table);
            let text = std::fs::read_to_string(path).expect(table);
            assert_eq!(text.lines().next(), Some(head), "{mode}/{table}");
            assert!(text.lines().count() > 1, "{mode}/{table} has rows");
        }
    }
    assert!(number("cancelled.best", "value") <= 0.1);
    assert!(number("welfare.best", "ratio") >= number("welfare.paper", "ratio"));
}

#[test]
fn one_mode_alone_and_markets_that_cannot_be_counted() {
    let dir = tmp();
    std::fs::write(dir.path().join("street.toml"), STREET).expect("a scenario file");
    let one = ["bench", "welfare", "--scenario", "street.toml", "--mode", "best"];
    let said = call(dir.path(), one);
    assert_eq!(said.code, OK, "{said:?}");
    assert!(said.out.contains("welfare.best") && !said.out.contains("welfare.paper"), "{said:?}");
    call(dir.path(), ["bench", "welfare", "--mode", "worst"]).refuses(&["worst", "paper or best"]);
    call(dir.path(), ["bench", "welfare", "--scenario", "paper"]).refuses(&["block_shape"]);
    let best = ["simulate", "--scenario", "paper", "--mode", "best"];
    call(dir.path(), best).refuses(&["negotiate.award", "block_shape"]);
}
