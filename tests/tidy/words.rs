//! Words that say that something is not finished never reach the main branch, and those that a newcomer
//! needs are there.

use gridpact_tests::tree::{root, sources};

use crate::assert_none;

/// Spelt in halves, so that this file passes its own test.
fn unfinished() -> [String; 7] {
    [
        ["TO", "DO"],
        ["FIX", "ME"],
        ["XX", "X"],
        ["HA", "CK"],
        ["to", "do!"],
        ["unimplem", "ented!"],
        ["dbg", "!("],
    ]
    .map(|halves| halves.concat())
}

#[test]
fn nothing_is_left_unfinished() {
    let mut violations = Vec::new();
    for extension in ["rs", "toml", "md"] {
        for dir in ["chain", "agents", "runtime", "examples", "tests"] {
            for file in sources(dir, extension) {
                for (number, line) in (1..).zip(file.text.lines()) {
                    let found = unfinished().into_iter().filter(|word| stands_in(line, word));
                    violations.extend(found.map(|word| format!("{}:{number}: {word}", file.path)));
                }
            }
        }
    }
    assert_none("finished, or not on main", &violations);
}

fn stands_in(line: &str, word: &str) -> bool {
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_some_and(is_letter);
        let after = line[at + word.len()..].chars().next().is_some_and(is_letter);
        !(before || after && word.ends_with(is_letter))
    })
}

/// Lines that no editor or reviewer likes.
#[test]
fn sources_have_no_tabs_and_no_trailing_blanks() {
    let mut violations = Vec::new();
    for dir in ["chain", "agents", "runtime", "examples", "tests"] {
        for file in sources(dir, "rs") {
            for (number, line) in (1..).zip(file.text.lines()) {
                if line.contains('\t') || line.ends_with(' ') {
                    violations.push(format!("{}:{number}", file.path));
                }
            }
            if !file.text.ends_with('\n') {
                violations.push(format!("{}: no newline at the end", file.path));
            }
        }
    }
    assert_none("plain text", &violations);
}

/// The front door has all its rooms, in the order a newcomer needs them.
#[test]
fn the_readme_has_all_its_sections() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("README.md is there");
    let sections: Vec<&str> = readme.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let wanted = [
        "Start",
        "A tour of `simulate`",
        "The market",
        "One site",
        "Real data",
        "Embedding",
        "Not there yet",
        "Measured",
        "The house",
        "What a majority promises",
        "The sources' words",
        "Licence",
    ];
    assert_eq!(sections, wanted);
}
