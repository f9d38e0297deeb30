//! Measured files: a cell that cannot be names file, line and column; sound ones are run.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::{OK, call, copy, summary, tmp};

const HEADER: &str = "site,start,import_wh,export_wh\n";

/// Five days of hourly readings of four homes; two give at noon what the others take.
fn meters() -> String {
    let mut text = HEADER.to_owned();
    for site in 0..4 {
        for hour in 0..5 * 24 {
            let noon = (9..16).contains(&(hour % 24));
            let (import, export) = if noon && site < 2 { (0, 1_400) } else { (450 + 30 * site, 0) };
            let (day, hour) = (1 + hour / 24, hour % 24);
            let _ =
                writeln!(text, "home{site},2024-06-{day:02}T{hour:02}:00:00Z,{import},{export}");
        }
    }
    text
}

fn folder(text: &str) -> TempDir {
    let dir = tmp();
    fs::create_dir(dir.path().join("meters")).expect("made");
    fs::write(dir.path().join("meters/june.csv"), text).expect("written");
    dir
}

#[test]
fn a_communitys_own_meters_are_run() {
    let dir = folder(&meters());
    let args = ["simulate", "--meters", "meters", "--out", "out", "--quiet"];
    let said = call(dir.path(), args);
    assert_eq!(said.code, OK, "{said:?}");
    let out = dir.path().join("out");
    assert_eq!(summary(&out, "prosumers"), 4);
    assert!(summary(&out, "p2p_wh").as_u64().expect("a number") > 0, "noon is shared");
    assert_eq!(call(dir.path(), ["chain", "verify", "out"]).code, OK);
}

#[test]
fn a_bad_reading_names_file_line_and_column() {
    let good = meters();
    let replace = |line: usize, column: usize, cell: &str| {
        let lines = good.lines().enumerate().map(|(number, text)| {
            let mut cells: Vec<&str> = text.split(',').collect();
            if number + 1 == line {
                cells[column] = cell;
            }
            cells.join(",") + "\n"
        });
        lines.collect::<String>()
    };
    let cases = [
        (replace(3, 2, "-5"), "line 3", "`import_wh`"),
        (replace(7, 2, "lots"), "line 7", "`import_wh`"),
        (replace(9, 3, ""), "line 9", "`export_wh`"),
        (replace(9, 3, "NaN"), "line 9", "`export_wh`"),
        (replace(9, 2, "1e12"), "line 9", "`import_wh`"),
        (replace(12, 1, "yesterday"), "line 12", "`start`"),
        (replace(12, 1, "2024-06-01T09:00:00Z"), "line 12", "`start`"),
        (replace(12, 1, "2024-06-01 10:00:00"), "line 12", "`start`"),
        (replace(1, 2, "import"), "line 1", "`import_wh`"),
        (format!("{good}home9,2024-06-01T00:00:00Z,1\n"), "line 482", "`export_wh`"),
    ];
    for (text, line, column) in cases {
        let dir = folder(&text);
        let said = call(dir.path(), ["simulate", "--meters", "meters"]);
        said.refuses(&["june.csv", line, column]);
        assert!(!dir.path().join("gridpact-out").exists(), "nothing was made");
    }
}

#[test]
fn a_folder_without_meters_is_said() {
    let dir = tmp();
    call(dir.path(), ["simulate", "--meters", "absent"]).refuses(&["absent"]);
    call(dir.path(), ["simulate", "--meters", "."]).refuses(&["site,start,import_wh,export_wh"]);
    folder_of(HEADER).refuses(&["june.csv", "no rows"]);
    folder_of("").refuses(&["june.csv"]);
}

fn folder_of(text: &str) -> crate::Said {
    let dir = folder(text);
    call(dir.path(), ["simulate", "--meters", "meters"])
}

#[test]
fn more_homes_or_days_than_were_measured_is_said() {
    let dir = folder(&meters());
    let ask =
        |flag: &str, value: &str| call(dir.path(), ["simulate", "--meters", "meters", flag, value]);
    ask("--prosumers", "5").refuses(&["--prosumers"]);
    ask("--days", "30").refuses(&["--days"]);
    ask("--season", "winter").refuses(&["winter"]);
}

#[test]
fn a_folder_without_measured_homes_is_said() {
    let dir = tmp();
    call(dir.path(), ["simulate", "--data", "absent"]).refuses(&["absent"]);
    call(dir.path(), ["simulate", "--data", "."]).refuses(&[]);
}

/// The folder of measured data, or `None` with a word to whoever reads the test's output.
fn measured(test: &str) -> Option<PathBuf> {
    let dir = std::env::var_os("GRIDPACT_DATA").map(PathBuf::from).filter(|dir| dir.is_dir());
    if dir.is_none() {
        eprintln!("{test}: skipped, GRIDPACT_DATA names no folder");
    }
    dir
}

#[test]
fn measured_homes_vehicles_and_yields_are_run() {
    let Some(data) = measured("measured_homes_vehicles_and_yields_are_run") else { return };
    let data = data.to_str().expect("text");
    let dir = tmp();
    for season in ["summer", "winter"] {
        let more = ["--season", season, "--prosumers", "6", "--quiet", "--json"];
        let said = call(dir.path(), ["simulate", "--data", data].iter().chain(&more));
        assert_eq!(said.code, OK, "{said:?}");
        let value: serde_json::Value = serde_json::from_str(&said.out).expect("one object");
        assert_eq!(value["prosumers"], 6);
        assert_eq!(value["scenario"], "london");
        assert_eq!(call(dir.path(), ["chain", "verify", "gridpact-out"]).code, OK);
    }
}

/// The first line of a file that `--data` reads, with one cell made impossible.
fn damage(file: &Path, line: usize, column: usize, cell: &str) -> String {
    let text = fs::read_to_string(file).expect("readable");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let name = lines[0].split(',').nth(column).expect("a column").to_owned();
    let mut cells: Vec<&str> = lines[line - 1].split(',').collect();
    cells[column] = cell;
    lines[line - 1] = cells.join(",");
    fs::write(file, lines.join("\n") + "\n").expect("written");
    name
}

#[test]
fn a_bad_cell_in_measured_files_names_file_line_and_column() {
    let Some(data) = measured("a_bad_cell_in_measured_files_names_file_line_and_column") else {
        return;
    };
    let dir = tmp();
    let folders = ["london_homes", "pv_wind", "ev_norway"];
    for (file, line, column) in [
        ("london_homes/load_summer.csv", 100, 3),
        ("ev_norway/sessions.csv", 50, 5),
        ("pv_wind/germany_summer_30min.csv", 20, 1),
    ] {
        let copied = dir.path().join("data");
        let _ = fs::remove_dir_all(&copied);
        for folder in folders {
            copy(&data.join(folder), &copied.join(folder));
        }
        for path in crate::tree(&copied) {
            make_writable(&copied.join(path.0));
        }
        let name = damage(&copied.join(file), line, column, "oops");
        let said = call(dir.path(), ["simulate", "--data", "data", "--prosumers", "4"]);
        let base = Path::new(file).file_name().and_then(|name| name.to_str()).expect("a name");
        said.refuses(&[base, &format!("line {line}"), &name]);
    }
}

/// Copies of read-only files are read-only.
#[allow(clippy::permissions_set_readonly_false)]
fn make_writable(file: &Path) {
    let mut permissions = fs::metadata(file).expect("there").permissions();
    permissions.set_readonly(false);
    fs::set_permissions(file, permissions).expect("set");
}
