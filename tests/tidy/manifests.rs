//! The direction of dependencies, as Cargo sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use gridpact_tests::tree::{root, sources};
use serde_json::Value;

use crate::assert_none;

/// Packages the default build may compile, ours included.
const PACKAGES_MAX: usize = 200;

/// What only circumstances may name: they wait, open, listen.
const CIRCUMSTANCES: [&str; 10] = [
    "actix",
    "actix-rt",
    "tokio",
    "async-std",
    "smol",
    "mio",
    "socket2",
    "hyper",
    "axum",
    "futures",
];

/// `cargo tree` of one package of the workspace, without tests: names of all it builds.
fn built_for(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--edges", "normal,build", "--prefix", "none"])
        .args(["--package", package, "--format", "{p}"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    // Name and version; the same name in two versions counts twice.
    text.lines()
        .map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect()
}

fn manifest(path: &str) -> toml::Table {
    let text = std::fs::read_to_string(root().join(path)).expect("a manifest");
    text.parse().expect("TOML")
}

#[test]
fn facts_and_intentions_build_nothing_that_waits_or_listens() {
    let mut violations = Vec::new();
    for package in ["gridpact-chain", "gridpact-agents"] {
        for built in built_for(package) {
            let name = built.split(' ').next().unwrap_or_default();
            if CIRCUMSTANCES.contains(&name) {
                violations.push(format!("{package} builds {built}"));
            }
        }
    }
    assert_none("actix, tokio and sockets belong to runtime", &violations);
}

#[test]
fn dependencies_point_one_way() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("chain", &[][..]),
        ("agents", &["gridpact-chain"]),
        ("runtime", &["gridpact-chain", "gridpact-agents"]),
        ("examples", &["gridpact"]),
        ("tests", &["gridpact"]),
    ]);
    let mut violations = Vec::new();
    for (room, allowed) in allowed {
        let manifest = manifest(&format!("{room}/Cargo.toml"));
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(named) = manifest.get(section).and_then(toml::Value::as_table) else {
                continue;
            };
            let ours = named.keys().filter(|name| name.starts_with("gridpact"));
            for name in ours.filter(|name| !allowed.contains(&name.as_str())) {
                violations.push(format!("{room}/Cargo.toml [{section}] names {name}"));
            }
        }
    }
    assert_none("chain <- agents <- runtime <- examples, tests", &violations);
}

#[test]
fn the_default_build_stays_small() {
    let built = built_for("gridpact");
    assert!(built.len() > 20, "{} packages: the tree was not read", built.len());
    assert!(built.len() < PACKAGES_MAX, "{} packages, the limit is {PACKAGES_MAX}", built.len());
}

#[test]
fn a_panic_unwinds_in_every_profile() {
    let mut violations = Vec::new();
    for manifest in sources(".", "toml").iter().filter(|file| file.path.ends_with("Cargo.toml")) {
        for (number, line) in (1..).zip(manifest.text.lines()) {
            let line: String = line.split_whitespace().collect();
            if line.starts_with("panic=") && line != "panic=\"unwind\"" {
                violations.push(format!("{}:{number}: {line}", manifest.path));
            }
        }
    }
    assert_none("supervision needs panics that unwind", &violations);
}

/// With `arbitrary_precision` serde_json writes numbers as strings into every untagged value.
#[test]
fn json_numbers_are_plain() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--locked", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let nodes = metadata["resolve"]["nodes"].as_array().expect("a list");
    let of_json: Vec<&Value> = nodes
        .iter()
        .filter(|node| node["id"].as_str().is_some_and(|id| id.contains("serde_json@")))
        .flat_map(|node| node["features"].as_array().expect("a list"))
        .collect();
    assert!(!of_json.is_empty(), "serde_json is in the tree");
    assert!(!of_json.iter().any(|feature| *feature == "arbitrary_precision"), "{of_json:?}");
}

#[test]
fn all_rooms_share_version_edition_and_lints() {
    let mut violations = Vec::new();
    for room in ["chain", "agents", "runtime", "examples", "tests"] {
        let manifest = manifest(&format!("{room}/Cargo.toml"));
        let is_shared = |value: Option<&toml::Value>| {
            value.and_then(|v| v.get("workspace")).and_then(toml::Value::as_bool) == Some(true)
        };
        let package = manifest.get("package");
        for key in ["version", "edition", "rust-version", "license"] {
            if !is_shared(package.and_then(|package| package.get(key))) {
                violations.push(format!("{room}/Cargo.toml: {key}.workspace = true is missing"));
            }
        }
        if !is_shared(manifest.get("lints")) {
            violations.push(format!("{room}/Cargo.toml: [lints] workspace = true is missing"));
        }
    }
    assert_none("one version, one edition, one set of lints", &violations);
}
