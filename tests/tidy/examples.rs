//! Every example runs and ends well; each is named here and in the manifest.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use gridpact_tests::tree::{root, sources};

/// All examples. One that is missing here or in `examples/Cargo.toml` fails the test below.
const EXAMPLES: [&str; 5] = ["audit_chain", "neighbourhood", "own_pricing", "quickstart", "soak"];

/// The examples that the manifest lists: name and file.
fn listed() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(root().join("examples/Cargo.toml")).expect("a manifest");
    let manifest: toml::Table = text.parse().expect("TOML");
    let examples = manifest.get("example").and_then(toml::Value::as_array);
    let entry = |example: &toml::Value, key: &str| {
        example.get(key).and_then(toml::Value::as_str).expect("name and path").to_owned()
    };
    examples
        .into_iter()
        .flatten()
        .map(|example| (entry(example, "name"), entry(example, "path")))
        .collect()
}

#[test]
fn every_example_file_is_listed_and_named_here() {
    let files: BTreeSet<String> = sources("examples", "rs")
        .into_iter()
        .map(|file| file.path.trim_start_matches("examples/").to_owned())
        .filter(|path| path != "lib.rs" && !path.contains('/'))
        .collect();
    let listed = listed();
    let paths: BTreeSet<String> = listed.iter().map(|(_, path)| path.clone()).collect();
    assert_eq!(files, paths, "files in examples/ and [[example]] entries");
    let names: BTreeSet<&str> = listed.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, EXAMPLES.into_iter().collect(), "entries and the list in this test");
}

/// Where this build puts its programs: the folder above the one this test lies in.
fn built() -> PathBuf {
    let here = std::env::current_exe().expect("a path");
    here.parent().and_then(Path::parent).expect("<target>/<profile>/deps").to_path_buf()
}

/// The examples as the test command of the whole workspace builds them; fresh ones are not built again.
fn build(profile: &Path) {
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--offline", "--locked", "--quiet", "--workspace", "--examples"]);
    if profile.ends_with("release") {
        command.arg("--release");
    }
    command.env("CARGO_TARGET_DIR", profile.parent().expect("<target>"));
    let output = command.current_dir(root()).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_example_runs_and_ends_well() {
    let profile = built();
    build(&profile);
    for name in EXAMPLES {
        let program = profile.join("examples").join(name);
        let dir = tempfile::tempdir().expect("tmp");
        let output = Command::new(&program).current_dir(dir.path()).output();
        let output = output.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {err}");
        assert!(!output.stdout.is_empty(), "{name} tells what it shows");
    }
}
