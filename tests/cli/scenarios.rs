//! Scenarios by name and by file; a slip of the pen is answered with what was meant.

use std::fs;

use crate::{FINISHED, OK, call, summary_text, tmp};

#[test]
fn list_names_every_preset_once() {
    let dir = tmp();
    let said = call(dir.path(), ["simulate", "--scenario", "list"]);
    assert_eq!((said.code, said.err.as_str()), (OK, ""), "{said:?}");
    let names: Vec<&str> =
        said.out.lines().filter_map(|line| line.split_whitespace().next()).collect();
    for name in ["reference", "reference_mean", "paper", "london", "meters"] {
        assert_eq!(names.iter().filter(|found| **found == name).count(), 1, "{name}");
    }
    assert!(
        said.out.lines().all(|line| line.split_whitespace().count() > 3),
        "each says what it is"
    );
    assert!(crate::tree(dir.path()).is_empty());
}

#[test]
fn a_preset_that_is_not_there_is_answered_with_the_nearest() {
    let dir = tmp();
    let ask = |name: &str| call(dir.path(), ["simulate", "--scenario", name]);
    ask("referense").refuses(&["referense", "did you mean `reference`?", "--scenario list"]);
    ask("papper").refuses(&["did you mean `paper`?"]);
    ask("sydney").refuses(&["sydney", "--scenario list"]);
    ask("").refuses(&["--scenario list"]);
}

#[cfg(not(feature = "mstl"))]
#[test]
fn a_method_that_this_build_lacks_is_refused_with_what_to_do() {
    let dir = tmp();
    fs::write(dir.path().join("my.toml"), "[lca]\nforecast = \"mstl\"").expect("written");
    let said = call(dir.path(), ["simulate", "--scenario", "my.toml"]);
    said.refuses(&["lca.forecast", "mstl", "--features mstl"]);
}

#[test]
fn a_scenario_file_that_cannot_be_names_file_and_key() {
    let dir = tmp();
    let cases: [(&str, &[&str]); 12] = [
        ("prosumer = 4", &["unknown key `prosumer`", "did you mean `prosumers`?"]),
        ("[negotiate]\nmargn = 0.2", &["`negotiate.margn`", "did you mean `negotiate.margin`?"]),
        ("margin = 0.2", &["did you mean `negotiate.margin`?"]),
        ("[sites]\ndays = 3", &["`sites.days`", "stands above all sections"]),
        ("days = 1.5", &["days"]),
        ("days = \"one\"", &["days"]),
        ("[epoch]\ninterval_min = 7", &["epoch.interval_min", "7", "1, 5, 10, 15, 30 or 60"]),
        ("[sites]\npv_share = 0.8\nwind_share = 0.3", &["pv_share", "wind_share"]),
        ("zone = \"Mars/Olympus\"", &["zone", "Mars/Olympus"]),
        ("start = \"2013-13-40\"", &["start", "2013-13-40"]),
        ("[lca]\nforecast = \"oracle\"", &["[lca]", "oracle", "`similar`"]),
        ("base = \"papr\"", &["did you mean `paper`?"]),
    ];
    for (text, words) in cases {
        fs::write(dir.path().join("my.toml"), text).expect("written");
        let said = call(dir.path(), ["simulate", "--scenario", "my.toml"]);
        said.refuses(words);
    }
    fs::write(dir.path().join("my.toml"), "days = [").expect("written");
    call(dir.path(), ["simulate", "--scenario", "my.toml"]).refuses(&["my.toml", "line 1"]);
    fs::write(dir.path().join("my.toml"), [0xff, 0xfe, 0x00]).expect("written");
    call(dir.path(), ["simulate", "--scenario", "my.toml"]).refuses(&["my.toml"]);
    call(dir.path(), ["simulate", "--scenario", "absent.toml"]).refuses(&["absent.toml"]);
    call(dir.path(), ["simulate", "--scenario", "."]).refuses(&[]);
    assert!(!dir.path().join("gridpact-out").exists(), "nothing was made");
}

/// A run writes its scenario beside its results: whoever runs that file gets the same chain.
#[test]
fn the_scenario_a_run_writes_gives_the_same_run_again() {
    let dir = tmp();
    let scenario = FINISHED.join("scenario.toml");
    let scenario = scenario.to_str().expect("text");
    let said = call(dir.path(), ["simulate", "--scenario", scenario, "--out", "again", "--quiet"]);
    assert_eq!(said.code, OK, "{said:?}");
    let again = dir.path().join("again");
    assert_eq!(summary_text(&again, "tip"), summary_text(&FINISHED, "tip"));
    assert_eq!(
        fs::read(again.join("scenario.toml")).expect("read"),
        fs::read(FINISHED.join("scenario.toml")).expect("read"),
    );
}

#[test]
fn flags_go_over_the_file() {
    let dir = tmp();
    crate::simulate(dir.path(), &["--seed", "5", "--prosumers", "3", "--fee", "0.02"]);
    let text = fs::read_to_string(dir.path().join("out/scenario.toml")).expect("read");
    for line in ["seed = 5", "prosumers = 3", "p2p_fee = 0.02", "name = \"street\""] {
        assert!(text.lines().any(|found| found.trim() == line), "`{line}` is not in\n{text}");
    }
}
