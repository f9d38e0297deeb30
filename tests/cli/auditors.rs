//! `gridpact chain` for auditors: lists, accounts, exports, and one contract shown to a stranger.

use std::fs;
use std::path::Path;
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

/// The auditor in Python, where there is one with `cryptography`.
fn python(dir: &Path, more: &[&str]) -> Option<(bool, String)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/reference/chain.py");
    let has = Command::new("python3").args(["-c", "import cryptography"]).output().ok()?;
    if !has.status.success() {
        eprintln!("skipped: no Python with cryptography here");
        return None;
    }
    let said = Command::new("python3").arg(script).arg(dir).args(more).output().ok()?;
    Some((said.status.success(), String::from_utf8_lossy(&said.stdout).into_owned()))
}

#[test]
fn an_auditor_in_another_language_comes_to_the_same_verdicts() {
    let (community, tip) = (summary_text(&FINISHED, "community"), summary_text(&FINISHED, "tip"));
    let Some((is_proved, said)) = python(&FINISHED, &["--community", &community, "--tip", &tip])
    else {
        return;
    };
    assert!(is_proved && said.contains(&tip) && said.contains(&community), "{said}");
    assert!(said.contains(&format!("{} pairs", pairs())), "{said}");
    assert_eq!(python(&FINISHED, &["--tip", &community]).map(|(ok, _)| ok), Some(false));
    let dir = copy_of_finished();
    let inner = dir.path().join("chain");
    for (name, bytes) in crate::tree(&inner) {
        let path = inner.join(&name);
        for at in [0, 30, bytes.len() / 3, bytes.len() / 2, bytes.len() - 5] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 4;
            fs::write(&path, damaged).expect("written");
            assert_eq!(python(dir.path(), &[]).map(|(ok, _)| ok), Some(false), "byte {at}");
        }
        for cut in [10, bytes.len() / 2, bytes.len() - 1] {
            fs::write(&path, &bytes[..cut]).expect("written");
            assert_eq!(python(dir.path(), &[]).map(|(ok, _)| ok), Some(false), "cut at {cut}");
        }
        fs::write(&path, bytes).expect("written");
    }
}
