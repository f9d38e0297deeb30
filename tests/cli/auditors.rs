//! `gridpact chain` for auditors: lists, accounts, exports, and one contract shown to a stranger.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{
    BAD_INPUT, FINISHED, FOUND_WRONG, OK, Said, call, copy_of_finished, summary, summary_text, tmp,
};

fn chain(verb: &str, more: &[&str]) -> Said {
    let dir = FINISHED.to_str().expect("text");
    call(Path::new("/"), ["chain", verb, dir].iter().chain(more))
}

fn pairs() -> usize {
    usize::try_from(summary(&FINISHED, "pairs").as_u64().expect("a number")).expect("fits")
}

#[test]
fn a_list_has_a_line_per_pair_and_can_be_cut() {
    let all = chain("list", &[]);
    assert_eq!((all.code, all.out.lines().count()), (OK, pairs() + 1), "{all:?}");
    let two = chain("list", &["--from", "3", "--most", "2"]);
    let heights: Vec<_> =
        two.out.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(heights, ["3", "4"]);
}

#[test]
fn accounts_sum_to_zero_at_every_height_and_follow_the_exported_records() {
    let exported = chain("export", &["--format", "jsonl"]);
    let records: Vec<serde_json::Value> =
        exported.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(records.len(), pairs());
    let mut held = std::collections::BTreeMap::<u64, i64>::new();
    for (height, record) in (1..).zip(&records) {
        assert_eq!(record["height"], height);
        let amount = record["amount_microcurrency"].as_i64().expect("money");
        *held.entry(record["buyer"].as_u64().expect("a party")).or_default() -= amount;
        *held.entry(record["seller"].as_u64().expect("a party")).or_default() += amount;
        if height % 7 != 1 && height != records.len() {
            continue;
        }
        let said = chain("balances", &["--at", &height.to_string(), "--json"]);
        let told: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
        let accounts: std::collections::BTreeMap<u64, i64> = told["accounts"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|account| {
                let balance = account["balance_microcurrency"].as_i64().expect("money");
                (account["party"].as_u64().expect("a party"), balance)
            })
            .collect();
        assert_eq!(accounts, held, "after height {height}");
        assert_eq!(held.values().sum::<i64>(), 0);
    }
    let csv = chain("export", &[]);
    assert_eq!(csv.out.lines().count(), pairs() + 1);
    assert!(csv.out.starts_with("height,time_ms,registry,contract_id,"));
}

#[test]
fn a_stranger_who_knows_the_community_is_shown_a_contract_and_no_forged_one() {
    let community = summary_text(&FINISHED, "community");
    let proof = chain("prove", &["2"]);
    assert_eq!(proof.code, OK, "{proof:?}");
    let dir = tmp();
    let file = dir.path().join("proof.json");
    let check = |text: &str, community: &str| {
        fs::write(&file, text).expect("written");
        let file = file.to_str().expect("text");
        call(Path::new("/"), ["chain", "check", file, "--community", community])
    };
    let good = check(&proof.out, &community);
    assert_eq!(good.code, OK, "{good:?}");
    assert!(good.out.contains("at height 2"), "{}", good.out);
    assert_eq!(check(&proof.out, &summary_text(&FINISHED, "tip")).code, FOUND_WRONG);
    let told: serde_json::Value = serde_json::from_str(&proof.out).expect("JSON");
    let amount = &told["pair"]["contract"]["record"]["Contract"]["body"]["amount"];
    let forged = proof.out.replacen(
        &format!("\"amount\": {amount}"),
        &format!("\"amount\": {}", amount.as_i64().expect("money") + 1),
        1,
    );
    assert_ne!(forged, proof.out);
    assert_eq!(check(&forged, &community).code, FOUND_WRONG);
    assert_eq!(check(&proof.out[..proof.out.len() / 2], &community).code, BAD_INPUT);
}

#[test]
fn a_height_that_is_not_there_is_named_with_those_that_are() {
    for verb in ["prove", "show"] {
        let said = chain(verb, &["0"]);
        assert_eq!(said.code, BAD_INPUT);
        assert!(said.err.contains(&format!("1..={}", pairs())), "{}", said.err);
    }
}

/// The Python of the gate, or the one of this machine.
fn interpreter() -> OsString {
    std::env::var_os("GRIDPACT_PYTHON").unwrap_or_else(|| "python3".into())
}

fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/reference").join(name)
}

/// Runs Python with the auditor imported as `chain`, where there is one with `cryptography`.
pub(crate) fn python(program: &str, more: &[&OsStr]) -> Option<String> {
    let has = Command::new(interpreter()).args(["-c", "import cryptography"]).output().ok();
    if has.is_none_or(|said| !said.status.success()) {
        eprintln!("skipped: no Python with cryptography here");
        return None;
    }
    let mut command = Command::new(interpreter());
    command.args(["-B", "-c", program]).args(more).env("PYTHONPATH", reference(""));
    let said = command.output().expect("Python runs");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    Some(String::from_utf8(said.stdout).expect("text"))
}

/// What the auditor in Python says of each directory: whether it proved it, and its words.
fn audited(dirs: &[PathBuf]) -> Option<Vec<(bool, String)>> {
    let program = "import sys, chain\nfor dir in sys.argv[1:]: print(chain.main(dir) or 'proved')";
    let dirs: Vec<&OsStr> = dirs.iter().map(|dir| dir.as_os_str()).collect();
    let said = python(program, &dirs)?;
    let verdicts = said.lines().filter(|line| !line.starts_with("proved:"));
    Some(verdicts.map(|line| (line == "proved", line.to_owned())).collect())
}

#[test]
fn an_auditor_in_another_language_proves_the_same_chain() {
    let (community, tip) = (summary_text(&FINISHED, "community"), summary_text(&FINISHED, "tip"));
    let program = "import sys, chain\nprint(chain.main(*sys.argv[1:]))";
    let ask = |community: &str, tip: &str| {
        python(program, &[FINISHED.as_os_str(), community.as_ref(), tip.as_ref()])
    };
    let Some(said) = ask(&community, &tip) else { return };
    let expected = format!("proved: {} pairs", pairs());
    assert!(said.starts_with(&expected) && said.ends_with("None\n"), "{said}");
    assert!(said.contains(&tip) && said.contains(&community), "{said}");
    let other = ask(&community, &community).expect("as before");
    assert!(other.contains("not proved") && other.contains(&tip), "{other}");
    let other = ask(&tip, &tip).expect("as before");
    assert!(other.contains("not proved") && other.contains(&community), "{other}");
}

/// Where each frame of a file starts, its kind, and its length.
fn frames_of(bytes: &[u8]) -> Vec<(usize, u8, usize)> {
    let (mut at, mut found) = (0, Vec::new());
    while bytes.get(at..at + 4) == Some(b"GPF1") {
        let length = bytes[at + 5..at + 9].iter().rev().fold(0, |n, b| n << 8 | usize::from(*b));
        found.push((at, bytes[at + 4], 25 + length));
        at += 25 + length;
    }
    found
}

/// One damage: what it is, the file, and its bytes then.
type Damage = (String, PathBuf, Vec<u8>);

/// A flipped bit in every part of the first and the last frame of each kind, and tails cut off.
fn damages(chain: &Path) -> Vec<Damage> {
    let mut all = Vec::new();
    for (name, bytes) in crate::tree(chain) {
        let frames = frames_of(&bytes);
        assert!(frames.len() > 4, "{}: frames are found", name.display());
        for kind in 1..=10 {
            let mut of_kind = frames.iter().filter(|(_, found, _)| *found == kind);
            let (first, last) = (of_kind.next(), of_kind.next_back());
            for (at, _, length) in first.into_iter().chain(last) {
                for inside in [0, 4, 6, 12, 18, 21, length / 2, length - 5, length - 2] {
                    let mut flipped = bytes.clone();
                    flipped[at + inside] ^= 1 << (inside % 8);
                    all.push((format!("kind {kind}, byte {inside}"), name.clone(), flipped));
                }
            }
        }
        let commits = frames.iter().filter(|(_, kind, _)| *kind == 6);
        let behind: Vec<usize> = commits.map(|(at, _, length)| at + length).collect();
        let (some, last) = (behind[behind.len() / 2], behind[behind.len() - 1]);
        for cut in [0, 10, some, some + 30, last - 1, bytes.len() - 1] {
            all.push((format!("cut at {cut}"), name.clone(), bytes[..cut].to_vec()));
        }
        all.push(("a longer file".to_owned(), name.clone(), [&bytes[..], &[1]].concat()));
    }
    all
}

#[test]
fn both_auditors_refuse_the_same_damage() {
    let damages = damages(&FINISHED.join("chain"));
    assert!(damages.len() > 100, "{} damages", damages.len());
    let dirs: Vec<_> = damages.iter().map(|_| copy_of_finished()).collect();
    for (dir, (what, name, bytes)) in dirs.iter().zip(&damages) {
        fs::write(dir.path().join("chain").join(name), bytes).expect("written");
        let ours = call(Path::new("/"), ["chain", "verify", dir.path().to_str().expect("text")]);
        assert_eq!(ours.code, FOUND_WRONG, "{what} of {}: {ours:?}", name.display());
    }
    let paths: Vec<PathBuf> = dirs.iter().map(|dir| dir.path().to_path_buf()).collect();
    let Some(theirs) = audited(&paths) else { return };
    assert_eq!(theirs.len(), damages.len());
    for ((is_proved, said), (what, name, _)) in theirs.iter().zip(&damages) {
        assert!(!is_proved, "{what} of {}: {said}", name.display());
    }
}

/// Lines that verifiers of other makes judge differently; ours are checked in the room `chain`.
#[test]
fn both_auditors_judge_signatures_alike() {
    let program = "import sys, chain\n\
        for line in open(sys.argv[1]):\n \
            if line.startswith('#'): continue\n \
            name, key, message, signature, verdict, _ = line.split()\n \
            key, message, signature = map(bytes.fromhex, (key, message, signature))\n \
            is_key = chain.is_key(key)\n \
            said = chain.is_signed(key, message, signature) if is_key else 'key'\n \
            said = {True: 'holds', False: 'signature'}.get(said, said)\n \
            print(name, verdict, said)\n";
    let file = reference("signatures.txt");
    let Some(said) = python(program, &[file.as_os_str()]) else { return };
    assert!(said.lines().count() > 100, "{said}");
    for line in said.lines() {
        let [name, expected, found] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        assert_eq!(found, expected, "{name}");
    }
}

/// A chain on which the members change in every way; the room `chain` proves the same rows.
#[test]
fn both_auditors_follow_the_members() {
    let program = "import sys, chain\n\
        lines = [line.split() for line in open(sys.argv[1]) if line[0] != '#']\n\
        rows = [(int(kind), int(at), bytes.fromhex(payload)) for kind, at, payload in lines]\n\
        print(*chain.audit(rows)[:2])\n\
        for gone in range(1, len(rows)):\n \
            try: print('proved without', gone, chain.audit(rows[:gone] + rows[gone + 1:]))\n \
            except Exception: pass\n";
    let file = reference("members.txt");
    let Some(said) = python(program, &[file.as_os_str()]) else { return };
    let mut lines = said.lines();
    let first = lines.next().and_then(|line| line.split_once(' ')).expect("pairs and signatures");
    assert_eq!(first.0, "10", "pairs: {said}");
    // Without its ledger votes a pair is open, and an open pair is no lie.
    let text = fs::read_to_string(&file).expect("the rows");
    let rows: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    for line in lines {
        let gone = line.split(' ').nth(2).and_then(|n| n.parse::<usize>().ok()).expect("a row");
        assert!(rows[gone].starts_with("5 ") && rows[gone].contains(" 81a6"), "{line}");
    }
}

/// Sealed and open pairs, with a removal between two group keys; the room `chain` proves the same rows.
#[test]
fn both_auditors_prove_what_an_outsider_can_of_sealed_pairs() {
    let program = "import sys, chain\n\
        lines = [line.split() for line in open(sys.argv[1]) if line[0] != '#']\n\
        rows = [(int(kind), int(at), bytes.fromhex(payload)) for kind, at, payload in lines]\n\
        print(*chain.audit(rows))\n\
        for at, (kind, height, payload) in enumerate(rows):\n \
            for inside in range(9 + at % 7, len(payload), 61):\n  \
                bent = payload[:inside] + bytes([payload[inside] ^ 1]) + payload[inside + 1:]\n  \
                try: print('bent', kind, at, inside, chain.audit([*rows[:at], (kind, height, bent), *rows[at + 1:]]))\n  \
                except Exception: pass\n";
    let file = reference("sealed.txt");
    let Some(said) = python(program, &[file.as_os_str()]) else { return };
    let mut lines = said.lines();
    let first: Vec<&str> = lines.next().expect("a verdict").split(' ').collect();
    assert_eq!((first[0], first[first.len() - 1]), ("5", "2"), "pairs and unread: {said}");
    assert_eq!(lines.next(), None, "a bent bit of any row is found");
}

#[test]
fn the_other_auditor_stays_short() {
    let text = fs::read_to_string(reference("chain.py")).expect("the script");
    let lines = text.lines().count();
    assert!(lines < 200, "{lines} lines");
}
