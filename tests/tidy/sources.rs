//! What source files may say, by room.

use gridpact_tests::tree::{Source, sources};

use crate::assert_none;

/// Production files of the given folders.
fn production(dirs: &[&str]) -> Vec<Source> {
    let all = dirs.iter().flat_map(|dir| sources(dir, "rs"));
    all.filter(|file| !file.is_test()).collect()
}

/// Lines of production code in which any of `words` stands, unless `may` excuses the file.
fn hits(dirs: &[&str], words: &[&str], may: impl Fn(&str) -> bool) -> Vec<String> {
    let mut hits = Vec::new();
    for file in production(dirs).iter().filter(|file| !may(&file.path)) {
        for (number, line) in file.production() {
            let code = line.split("//").next().unwrap_or_default();
            for word in words.iter().filter(|word| names(code, word)) {
                hits.push(format!("{}:{number}: {word}", file.path));
            }
        }
    }
    hits
}

/// Whether `word` stands in `code` as a word of its own.
fn names(code: &str, word: &str) -> bool {
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back().is_some_and(is_letter);
        let after = code[at + word.len()..].chars().next().is_some_and(is_letter);
        let (opens, closes) = (word.starts_with(is_letter), word.ends_with(is_letter));
        !(opens && before || closes && after)
    })
}

/// The folders in which only facts and intentions stand.
const PURE: [&str; 2] = ["chain/src", "agents/src"];
const ALL: [&str; 3] = ["chain/src", "agents/src", "runtime/src"];

#[test]
fn the_scanner_tells_production_from_tests_and_comments() {
    let text = "use a;\n// unwrap()\nfn f() { x.unwrap() }\n#[cfg(test)]\nmod tests {\n    \
                y.unwrap()\n}\nfn g() {}\n#[cfg(test)]\nuse b;\nlet z;\n";
    let source = Source { path: "chain/src/a.rs".into(), text: text.into() };
    let lines: Vec<usize> = source.production().iter().map(|(number, _)| *number).collect();
    assert_eq!(lines, [1, 3, 8, 11]);
    assert!(names("a.unwrap()", ".unwrap()") && !names("a.unwrap_or(b)", ".unwrap()"));
    assert!(names("use tokio::sync", "tokio") && !names("tokio_like", "tokio"));
}

#[test]
fn time_chance_and_order_are_arguments_in_facts_and_intentions() {
    let words = [
        "HashMap",
        "HashSet",
        "RandomState",
        "Instant::now",
        "SystemTime",
        "thread_rng",
        "OsRng",
        "rand::rng",
        "getrandom",
    ];
    assert_none("minds and facts ask nobody", &hits(&PURE, &words, |_| false));
}

#[test]
fn facts_and_intentions_neither_wait_nor_open_nor_print() {
    let words = [
        "async",
        "await",
        "std::fs",
        "std::net",
        "std::thread",
        "std::env",
        "println!",
        "eprintln!",
        "static mut",
        "RefCell",
        "Mutex",
        "RwLock",
    ];
    // The table of remembered verdicts is shared between threads behind a trait of its own.
    let shared = |path: &str| path == "chain/src/verdicts.rs";
    assert_none("circumstances are runtime's", &hits(&PURE, &words, shared));
}

#[test]
fn facts_are_counted_in_integers() {
    assert_none("no float in chain", &hits(&["chain/src"], &["f32", "f64"], |_| false));
    assert_none(
        "bargaining counts in integers",
        &hits(&["agents/src/social"], &["f32", "f64"], |_| false),
    );
}

#[test]
fn actix_stays_behind_the_actor_kit() {
    let may = |path: &str| {
        path.starts_with("runtime/src/supervise")
            || path.starts_with("runtime/src/actors")
            || path == "runtime/src/node.rs"
            // What supervision costs is measured beside actix as it is.
            || path == "runtime/src/cli/bench/negotiation/stock.rs"
    };
    assert_none(
        "actix only in supervise, actors, node and its yardstick",
        &hits(&ALL, &["actix", "actix_rt"], may),
    );
}

#[test]
fn each_external_crate_has_its_rooms() {
    let rooms: [(&[&str], &[&str]); 13] = [
        (&["tokio"], &["runtime/src"]),
        (&["microlp", "augurs"], &["agents/src/local"]),
        (&["rmp_serde"], &["chain/src/encode.rs", "runtime/src/wire.rs"]),
        (&["sha2"], &["chain/src/digest.rs", "chain/src/verdicts.rs", "runtime/src"]),
        (&["blake3"], &["chain/src"]),
        (&["ed25519_dalek"], &["chain/src", "runtime/src/keys.rs"]),
        (&["chacha20poly1305", "x25519_dalek"], &["chain/src/seal.rs"]),
        (&["clap", "indicatif"], &["runtime/src/cli"]),
        (&["redb"], &["runtime/src/store"]),
        (&["dashmap"], &["runtime/src/supervise", "runtime/src/observe.rs"]),
        (&["csv::"], &["runtime/src/report", "runtime/src/sim/dataset"]),
        (&["config::Config"], &["runtime/src/config.rs"]),
        (&["crc32c"], &["runtime/src/store"]),
    ];
    let mut violations = Vec::new();
    for (crates, rooms) in rooms {
        violations
            .extend(hits(&ALL, crates, |path| rooms.iter().any(|room| path.starts_with(room))));
    }
    assert_none("each external crate has exactly its rooms", &violations);
}

#[test]
fn nothing_unwraps_in_production() {
    assert_none("expect with a sentence, or an error", &hits(&ALL, &[".unwrap()"], |_| false));
}

#[test]
fn every_file_opens_with_a_sentence_about_itself() {
    let mut violations = Vec::new();
    for file in production(&["chain", "agents", "runtime", "examples"]) {
        if !file.text.trim_start().starts_with("//!") && !file.text.starts_with("#!") {
            violations.push(format!("{}:1: does not open with //!", file.path));
        }
    }
    assert_none("write the sentence first", &violations);
}

#[test]
fn no_module_is_called_mod_and_no_room_is_a_drawer() {
    let drawers =
        ["mod.rs", "utils.rs", "util.rs", "common.rs", "helpers.rs", "types.rs", "misc.rs"];
    let files = production(&["chain/src", "agents/src", "runtime/src", "examples"]);
    let named = |file: &Source| file.path.rsplit('/').next().is_some_and(|n| drawers.contains(&n));
    let violations: Vec<String> =
        files.iter().filter(|file| named(file)).map(|file| file.path.clone()).collect();
    assert_none("modules are nouns of the domain", &violations);
}

#[test]
fn unsafe_code_is_denied_everywhere() {
    assert_none("no unsafe", &hits(&ALL, &["unsafe"], |_| false));
}
