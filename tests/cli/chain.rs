//! `gridpact chain`: 1 for any byte that is not proved.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::{
    FINISHED, OK, STREET, Said, call, copy_of_finished, program, summary, summary_text, tmp,
};

fn verify(dir: &Path, more: &[&str]) -> Said {
    let dir = dir.to_str().expect("text");
    call(Path::new("/"), ["chain", "verify", dir].iter().chain(more))
}

#[test]
fn an_intact_chain_is_proved_against_its_anchor() {
    let (community, tip) = (summary_text(&FINISHED, "community"), summary_text(&FINISHED, "tip"));
    let said = verify(&FINISHED, &["--community", &community, "--tip", &tip]);
    assert_eq!(said.code, OK, "{said:?}");
    assert!(said.out.starts_with("proved against the given community and tip\n"), "{}", said.out);
    let pairs = summary(&FINISHED, "pairs");
    assert!(said.out.contains(&format!("{pairs} (closed {pairs})")), "{}", said.out);
    assert!(said.out.contains(&tip));
    let inner = verify(&FINISHED.join("chain"), &["--community", &community, "--tip", &tip]);
    assert_eq!((inner.code, inner.out), (OK, said.out), "the chain's own folder will do");
}

#[test]
fn without_an_anchor_it_says_what_that_is_worth() {
    let (community, tip) = (summary_text(&FINISHED, "community"), summary_text(&FINISHED, "tip"));
    for (more, words) in [
        (vec![], "not anchored"),
        (vec!["--community", &community], "its end is not anchored"),
        (vec!["--tip", &tip], "its community is not anchored"),
    ] {
        let said = verify(&FINISHED, &more);
        assert_eq!(said.code, OK, "{said:?}");
        assert!(said.out.contains(words), "{}", said.out);
    }
}

#[test]
fn another_anchor_is_found_wrong() {
    let (community, tip) = (summary_text(&FINISHED, "community"), summary_text(&FINISHED, "tip"));
    verify(&FINISHED, &["--tip", &community]).finds(&[&tip]);
    verify(&FINISHED, &["--community", &tip]).finds(&[&community]);
    let upper = tip.to_uppercase();
    assert_eq!(verify(&FINISHED, &["--tip", &upper]).code, OK, "digits, not letters");
}

/// The chain of an older, shorter run is consistent in itself; only the anchor tells.
#[test]
fn a_whole_other_chain_is_found_by_its_anchor_alone() {
    let dir = tmp();
    crate::simulate(dir.path(), &["--seed", "77"]);
    let other = dir.path().join("out");
    assert_eq!(verify(&other, &[]).code, OK);
    verify(&other, &["--tip", &summary_text(&FINISHED, "tip")]).finds(&["the chain ends with"]);
}

#[test]
fn flipped_bits_are_found_in_every_file() {
    let dir = copy_of_finished();
    let chain = dir.path().join("chain");
    for (name, bytes) in crate::tree(&chain) {
        let path = chain.join(&name);
        let places =
            [0, 4, 9, 25, bytes.len() / 3, bytes.len() / 2, bytes.len() - 5, bytes.len() - 1];
        for (at, bit) in places.into_iter().zip((0..8).cycle()) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            fs::write(&path, damaged).expect("written");
            let file = name.to_string_lossy();
            verify(dir.path(), &[]).finds(&[&file]);
        }
        fs::write(&path, bytes).expect("written");
    }
    assert_eq!(verify(dir.path(), &[]).code, OK);
}

#[test]
fn torn_and_lengthened_files_are_found() {
    let dir = copy_of_finished();
    let chain = dir.path().join("chain");
    for (name, bytes) in crate::tree(&chain) {
        let path = chain.join(&name);
        for cut in [0, 10, bytes.len() / 2, bytes.len() - 40, bytes.len() - 1] {
            fs::write(&path, &bytes[..cut]).expect("written");
            verify(dir.path(), &[]).finds(&[]);
        }
        for tail in [&[0][..], &[0; 4096], b"GPF1"] {
            fs::write(&path, [&bytes[..], tail].concat()).expect("written");
            verify(dir.path(), &[]).finds(&[]);
        }
        fs::write(&path, bytes).expect("written");
    }
}

#[test]
fn missing_and_extra_files_are_found() {
    let dir = copy_of_finished();
    let chain = dir.path().join("chain");
    for (name, bytes) in crate::tree(&chain) {
        fs::remove_file(chain.join(&name)).expect("removed");
        verify(dir.path(), &[]).finds(&[]);
        fs::write(chain.join(&name), bytes).expect("written");
    }
    for extra in ["notes.txt", "0001.log.bak", "0003.log", "0002.proof"] {
        fs::write(chain.join(extra), "").expect("written");
        verify(dir.path(), &[]).finds(&[]);
        fs::remove_file(chain.join(extra)).expect("removed");
    }
    fs::create_dir(chain.join("0002.log")).expect("made");
    verify(dir.path(), &[]).finds(&["0002.log"]);
    fs::remove_dir(chain.join("0002.log")).expect("removed");
    assert_eq!(verify(dir.path(), &[]).code, OK);
}

#[test]
fn an_empty_folder_is_no_chain() {
    let dir = tmp();
    verify(dir.path(), &[]).finds(&["0001.log"]);
}

#[test]
fn halves_of_two_chains_do_not_fit() {
    let dir = tmp();
    crate::simulate(dir.path(), &["--seed", "78"]);
    let out = dir.path().join("out");
    for file in ["0001.log", "0001.proof"] {
        let path = out.join("chain").join(file);
        let own = fs::read(&path).expect("read");
        fs::copy(FINISHED.join("chain").join(file), &path).expect("copied");
        verify(&out, &[]).finds(&[]);
        fs::write(&path, own).expect("written");
    }
}

#[test]
fn show_prints_a_pair_and_who_signed_for_it() {
    let pairs = summary(&FINISHED, "pairs").as_u64().expect("a number");
    let out = FINISHED.to_str().expect("text");
    for height in [1, pairs] {
        let said = call(Path::new("/"), ["chain", "show", out, &height.to_string()]);
        assert_eq!((said.code, said.err.as_str()), (OK, ""), "{said:?}");
        for word in ["height", "contract", "buyer", "seller", "ledger block", "approvals"] {
            assert!(said.out.contains(word), "{}", said.out);
        }
    }
    let last = call(Path::new("/"), ["chain", "show", out, &pairs.to_string()]);
    assert!(last.out.contains(&summary_text(&FINISHED, "tip")), "the last pair is the tip");
}

#[test]
fn show_does_not_show_what_is_not_proved() {
    let dir = copy_of_finished();
    let log = dir.path().join("chain/0001.log");
    let mut bytes = fs::read(&log).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&log, bytes).expect("written");
    let dir = dir.path().to_str().expect("text");
    call(Path::new("/"), ["chain", "show", dir, "1"]).finds(&["0001.log"]);
}

/// Every verb that reads a chain.
const VERBS: [&[&str]; 6] =
    [&["verify"], &["show", "1"], &["list"], &["balances"], &["export"], &["prove", "1"]];

fn ask(verb: &[&str], dir: &Path) -> Said {
    let mut args = vec!["chain", verb[0], dir.to_str().expect("text")];
    args.extend(&verb[1..]);
    call(Path::new("/"), args)
}

/// A long run under way whose chain has at least `pairs` pairs.
fn under_way(dir: &Path, pairs: usize) -> Child {
    fs::write(dir.join("street.toml"), STREET).expect("written");
    let args =
        ["simulate", "--scenario", "street.toml", "--days", "300", "--out", "out", "--quiet"];
    let mut command = program(dir);
    command.args(args).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().expect("starts");
    let began = Instant::now();
    while ask(&["list"], &dir.join("out")).out.lines().count() <= pairs {
        assert!(began.elapsed() < Duration::from_secs(120), "the chain does not grow");
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

#[test]
fn a_chain_that_is_being_written_is_proved_as_far_as_it_is_committed() {
    let dir = tmp();
    let mut child = under_way(dir.path(), 20);
    let out = dir.path().join("out");
    let names = || crate::tree(&out.join("chain")).into_iter().map(|(name, _)| name);
    let (mut proved, before) = (Vec::new(), names().collect::<Vec<_>>());
    for _ in 0..10 {
        let said = ask(&["verify"], &out);
        assert_eq!(said.code, OK, "{said:?}");
        let (first, _) = said.out.split_once('\n').expect("lines");
        let words = "not closed: the node runs or crashed; proved up to height ";
        let height: u64 = first.strip_prefix(words).expect(first).parse().expect("a height");
        proved.push(height);
    }
    for verb in VERBS {
        let said = ask(verb, &out);
        assert_eq!(said.code, OK, "{verb:?}: {said:?}");
        assert!(said.out.len() > 20);
    }
    assert_eq!(child.try_wait().expect("asked"), None, "the run is not over yet");
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert!(proved.is_sorted() && proved[9] > proved[0], "it grew meanwhile: {proved:?}");
    assert_eq!(names().collect::<Vec<_>>(), before, "auditors create nothing");
}

#[test]
fn damage_is_told_from_a_cut_tail_also_while_a_node_writes() {
    let dir = copy_of_finished();
    let log = dir.path().join("chain/0001.log");
    let bytes = fs::read(&log).expect("read");
    let end = 25 + 64;
    fs::write(&log, &bytes[..bytes.len() - end]).expect("written");
    verify(dir.path(), &[]).finds(&["cut tail", "0001.log", "the end frame is missing"]);
    fs::write(&log, &bytes[..bytes.len() - end - 30]).expect("written");
    verify(dir.path(), &[]).finds(&["cut tail", "0001.log", "from byte"]);
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    fs::write(&log, &flipped).expect("written");
    let told = verify(dir.path(), &[]);
    told.finds(&["is damaged at byte", "0001.log"]);
    assert!(!told.err.contains("cut tail"), "{}", told.err);

    let dir = tmp();
    let mut child = under_way(dir.path(), 5);
    let log = dir.path().join("out/chain/0001.log");
    let file = fs::File::options().write(true).open(&log).expect("open");
    std::os::unix::fs::FileExt::write_all_at(&file, &[0xff], 400).expect("damaged");
    let told = verify(&dir.path().join("out"), &[]);
    child.kill().expect("killed");
    child.wait().expect("ended");
    told.finds(&["is damaged at byte", "0001.log"]);
}

#[test]
fn auditors_change_nothing() {
    let before = crate::tree(&FINISHED);
    for verb in VERBS {
        assert_eq!(ask(verb, &FINISHED).code, OK, "{verb:?}");
    }
    assert!(crate::tree(&FINISHED) == before);
}
