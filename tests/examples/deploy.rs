//! The files in `deploy/` are data, and mean what their comments say.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use gridpact::config;
use gridpact::sim::scenario::Scenario;

fn street() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../deploy/config/street.toml")
}

/// Keys with their sections, comments left out.
fn keys(text: &str) -> BTreeSet<String> {
    let mut section = String::new();
    let mut found = BTreeSet::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = format!("{name}.");
        } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            found.insert(format!("{section}{key}"));
        }
    }
    found
}

#[test]
fn the_street_is_the_default_scenario_under_another_name() {
    let street = config::read_scenario(&street()).expect("the sample parses");
    assert_eq!(street.name, "street");
    assert_eq!(Scenario { name: "reference".to_owned(), ..street }, Scenario::default());
}

#[test]
fn the_street_shows_every_setting_there_is() {
    let all = config::write_scenario(&Scenario::default()).expect("a scenario can be written");
    let mut shown = keys(&fs::read_to_string(street()).expect("the sample is there"));
    assert!(shown.remove("base"));
    assert_eq!(shown, keys(&all));
}
