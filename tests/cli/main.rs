//! The program itself, as its users and their scripts meet it: arguments, exit codes, streams, files.

mod auditors;
mod bench_forecast;
mod bench_settle;
mod bench_welfare;
mod chain;
mod compare;
mod data;
mod exit_codes;
mod experiment;
mod forget;
mod json;
mod kill;
mod out_dir;
mod processes;
mod readings;
mod rebuild;
mod scenarios;
mod schedule;
mod seals;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use tempfile::TempDir;

/// Everything went well.
const OK: i32 = 0;
/// The input was readable, and what it says is wrong.
const FOUND_WRONG: i32 = 1;
/// Bad usage or bad input.
const BAD_INPUT: i32 = 2;

/// A small community that trades within a second, as a scenario file.
const STREET: &str = r#"
name = "street"
prosumers = 8
history_days = 2
[generation]
wind_common = 0.0
[tariff]
preset = "solar_soak"
[sites]
pv_share = 0.3
wind_share = 0.4
bess_share = 0.4
ev_share = 0.4
"#;

/// What a call of the program gave.
#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Self {
            code: output.status.code().expect("an exit code, not a signal"),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}

impl Said {
    /// Panics unless the program refused its input, said so on the error stream in words that
    /// hold all of `words`, and printed nothing else.
    fn refuses(&self, words: &[&str]) {
        assert_eq!(self.code, BAD_INPUT, "{self:?}");
        self.complains(words);
    }

    /// Panics unless the program found something wrong and said so.
    fn finds(&self, words: &[&str]) {
        assert_eq!(self.code, FOUND_WRONG, "{self:?}");
        self.complains(words);
    }

    fn complains(&self, words: &[&str]) {
        assert_eq!(self.out, "", "nothing on standard output");
        for word in words {
            assert!(self.err.contains(word), "`{word}` is not in: {}", self.err);
        }
        assert!(!self.err.contains("panicked"), "{}", self.err);
    }
}

/// The program, in a folder of its own where it finds no earlier results.
fn program(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gridpact"));
    command.current_dir(dir).stdin(Stdio::null());
    command
}

fn call<S: AsRef<OsStr>>(dir: &Path, args: impl IntoIterator<Item = S>) -> Said {
    program(dir).args(args).output().expect("the program starts").into()
}

fn tmp() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// A folder with the street in it.
fn street() -> TempDir {
    let dir = tmp();
    fs::write(dir.path().join("street.toml"), STREET).expect("written");
    dir
}

/// Simulates the street into `out` within `dir` and panics unless that goes well.
fn simulate(dir: &Path, more: &[&str]) -> Said {
    fs::write(dir.join("street.toml"), STREET).expect("written");
    let args = ["simulate", "--scenario", "street.toml", "--out", "out", "--quiet"];
    let said = call(dir, args.iter().chain(more));
    assert_eq!(said.code, OK, "{said:?}");
    said
}

/// One finished run for all tests that only read it or copy it.
static FINISHED: LazyLock<PathBuf> = LazyLock::new(|| {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli-finished");
    fs::create_dir_all(&dir).expect("made");
    simulate(&dir, &[]);
    dir.join("out")
});

/// A copy of the finished run, to be damaged.
fn copy_of_finished() -> TempDir {
    let dir = tmp();
    copy(&FINISHED, dir.path());
    dir
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("listable") {
        let path = entry.expect("listable").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("copied");
        }
    }
}

/// A key of a run's `summary.json`.
fn summary(out: &Path, key: &str) -> serde_json::Value {
    let text = fs::read_to_string(out.join("summary.json")).expect("a summary");
    let mut value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    value[key].take()
}

/// A key of a run's `summary.json` that is text.
fn summary_text(out: &Path, key: &str) -> String {
    summary(out, key).as_str().expect("text").to_owned()
}

/// Every file below `dir` with its bytes, by path.
fn tree(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let (mut open, mut found) = (vec![dir.to_path_buf()], Vec::new());
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).expect("listable") {
            let path = entry.expect("listable").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let bytes = fs::read(&path).expect("readable");
                found.push((path.strip_prefix(dir).expect("below").to_path_buf(), bytes));
            }
        }
    }
    found.sort();
    found
}
