//! `simulate --readings DIR`: what devices said, kept on disk.

use std::fs;

use crate::{call, simulate, summary_text, tmp, tree};

#[test]
fn readings_are_kept_a_file_per_home_and_change_nothing_else() {
    let (dir, plain) = (tmp(), tmp());
    simulate(dir.path(), &["--readings", "kept"]);
    simulate(plain.path(), &[]);
    let (out, other) = (dir.path().join("out"), plain.path().join("out"));
    assert_eq!(summary_text(&out, "tip"), summary_text(&other, "tip"), "it decides nothing");
    assert_eq!(fs::read_dir(dir.path().join("kept")).expect("made").count(), 8, "one per home");
    let before = tree(&out);
    let args = ["simulate", "--scenario", "street.toml", "--readings", "kept", "--out", "out"];
    call(dir.path(), args).refuses(&["kept holds readings of an earlier run", "another directory"]);
    assert_eq!(tree(&out), before, "refused before anything is replaced");
}
