//! `gridpact bench settle`: every contract ends in a closed pair on the disks of all nodes.

use crate::{OK, call, tmp};

#[test]
fn contracts_settle_on_the_disks_of_one_and_of_four_nodes() {
    let dir = tmp();
    let args = ["bench", "settle", "--most", "4", "--contracts", "5", "--json", "--dir", "."];
    let said = call(dir.path(), args);
    assert_eq!((said.code, said.err.as_str()), (OK, ""), "{said:?}");
    let value: serde_json::Value = serde_json::from_str(&said.out).expect("one JSON array");
    let rows = value.as_array().expect("rows");
    for n in [1, 4] {
        let figure = |name: &str| {
            let row = rows.iter().find(|row| row["name"] == name && row["n"] == n);
            row.and_then(|row| row["value"].as_f64()).unwrap_or_else(|| panic!("{name}: {n}"))
        };
        for name in ["settle", "settle.wall", "settle.disk", "settle.syncs", "settle.growth"] {
            assert!(figure(name) > 0.0, "{name} of {n} nodes");
        }
    }
    let left = std::fs::read_dir(dir.path()).expect("the directory").count();
    assert_eq!(left, 0, "nothing is left behind");
    let nowhere = ["bench", "settle", "--most", "1", "--dir", "nowhere/at/all"];
    call(dir.path(), nowhere).refuses(&["nowhere/at/all"]);
}
