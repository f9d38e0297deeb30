//! 0 ok, 1 found wrong, 2 usage or bad input.

use crate::{BAD_INPUT, FINISHED, OK, call, street, tmp};

#[test]
fn asking_for_help_or_version_is_well() {
    let dir = tmp();
    for args in [
        &["--help"][..],
        &["--version"],
        &["help"],
        &["simulate", "--help"],
        &["chain", "--help"],
        &["chain", "verify", "--help"],
        &["chain", "show", "--help"],
    ] {
        let said = call(dir.path(), args);
        assert_eq!(said.code, OK, "{args:?}: {said:?}");
        assert!(said.out.contains("gridpact"), "{args:?}: {said:?}");
        assert_eq!(said.err, "");
    }
    assert!(call(dir.path(), ["--version"]).out.contains(env!("CARGO_PKG_VERSION")));
    assert!(crate::tree(dir.path()).is_empty(), "help leaves nothing behind");
}

#[test]
fn bad_usage_is_2_and_leaves_nothing_behind() {
    let dir = tmp();
    for args in [
        &[][..],
        &["simulat"],
        &["chain"],
        &["chain", "verify"],
        &["chain", "show", "."],
        &["chain", "show", ".", "one"],
        &["chain", "verify", ".", "--tip", "abc"],
        &["chain", "verify", ".", "--community", "zz"],
        &["simulate", "--days"],
        &["simulate", "--days", "two"],
        &["simulate", "--days", "1.5"],
        &["simulate", "--prosumers", "-3"],
        &["simulate", "--prosumers", "99999999999"],
        &["simulate", "--seed", "x"],
        &["simulate", "--season", "autumn"],
        &["simulate", "--no-such-flag"],
        &["simulate", "--quiet", "--quiet"],
        &["simulate", "stray"],
    ] {
        let said = call(dir.path(), args);
        assert_eq!(said.code, BAD_INPUT, "{args:?}: {said:?}");
        assert_eq!(said.out, "", "{args:?}");
        assert!(!said.err.is_empty(), "{args:?} says why");
    }
    assert!(crate::tree(dir.path()).is_empty());
}

#[test]
fn a_misspelt_flag_or_verb_is_answered_with_the_right_one() {
    let dir = tmp();
    call(dir.path(), ["simulate", "--prosumer", "4"]).refuses(&["--prosumers"]);
    call(dir.path(), ["simulat"]).refuses(&["simulate"]);
    call(dir.path(), ["chain", "verfy", "."]).refuses(&["verify"]);
}

#[test]
fn values_out_of_range_name_the_key_what_was_found_and_what_is_allowed() {
    let dir = tmp();
    let cases: [(&[&str], &[&str]); 9] = [
        (&["--days", "0"], &["days", "0", "1 to 366"]),
        (&["--days", "367"], &["days", "367", "1 to 366"]),
        (&["--prosumers", "0"], &["prosumers", "0", "1 to 100000"]),
        (&["--prosumers", "100001"], &["prosumers", "100001"]),
        (&["--validators", "0"], &["validators", "0", "1 to 50"]),
        (&["--validators", "51"], &["validators", "51", "1 to 50"]),
        (&["--fee=-0.01"], &["p2p_fee", "-0.01"]),
        (&["--fee", "cheap"], &["--fee", "cheap"]),
        (&["--seed", "18446744073709551615"], &["seed"]),
    ];
    for (args, words) in cases {
        let args: Vec<&str> = ["simulate"].iter().chain(args).copied().collect();
        call(dir.path(), &args).refuses(words);
    }
    assert!(crate::tree(dir.path()).is_empty(), "nothing is made before the input is sound");
}

#[test]
fn flags_that_exclude_each_other_say_so() {
    let dir = street();
    let both = ["simulate", "--data", ".", "--meters", "."];
    call(dir.path(), both).refuses(&["--data", "--meters"]);
    call(dir.path(), ["simulate", "--season", "summer"]).refuses(&["--season", "--data"]);
    let street = ["simulate", "--scenario", "street.toml", "--data", "."];
    call(dir.path(), street).refuses(&["street", "--scenario"]);
    call(dir.path(), ["simulate", "--scenario", "london"]).refuses(&["--data"]);
    call(dir.path(), ["simulate", "--scenario", "meters"]).refuses(&["--meters"]);
}

#[test]
fn a_chain_that_is_not_there_is_bad_input() {
    let dir = street();
    call(dir.path(), ["chain", "verify", "nowhere"]).refuses(&["nowhere"]);
    call(dir.path(), ["chain", "verify", "street.toml"]).refuses(&["street.toml"]);
    call(dir.path(), ["chain", "show", "nowhere", "1"]).refuses(&["nowhere"]);
    let out = FINISHED.to_str().expect("text");
    call(dir.path(), ["chain", "show", out, "0"]).refuses(&["no height 0"]);
    call(dir.path(), ["chain", "show", out, "99999"]).refuses(&["no height 99999", "1..="]);
}
