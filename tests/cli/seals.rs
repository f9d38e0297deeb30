//! Sealed chains, as an auditor with and without a key meets them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::{FOUND_WRONG, OK, STREET, Said, call, tmp};

const SEALED: &str = "\n[chain]\nseal_contracts = true\n";

fn simulate_sealed(dir: &Path, seed: &str) {
    fs::write(dir.join("sealed.toml"), format!("{STREET}{SEALED}")).expect("written");
    let args = ["simulate", "--scenario", "sealed.toml", "--out", "out", "--quiet", "--seed", seed];
    let said = call(dir, args);
    assert_eq!(said.code, OK, "{said:?}");
    assert!(said.out.contains("keys/home-000.pem"), "{}", said.out);
}

fn chain(dir: &Path, verb: &str, more: &[&str]) -> Said {
    call(dir, ["chain", verb, "out"].iter().chain(more))
}

#[test]
fn a_member_reads_a_sealed_chain_and_an_outsider_is_told_what_he_did_not() {
    let dir = tmp();
    simulate_sealed(dir.path(), "1");
    let dir = dir.path();
    let file = dir.join("out/keys/home-000.pem");
    let mode = fs::metadata(&file).expect("the key").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let key = ["--key", "out/keys/home-000.pem"];

    let outside = chain(dir, "verify", &[]);
    assert_eq!(outside.code, OK, "{outside:?}");
    assert!(outside.out.contains("sealed; their links, order and votes are proved"));
    assert!(outside.out.contains("energy      0 Wh"), "{}", outside.out);
    let inside = chain(dir, "verify", &key);
    assert_eq!(inside.code, OK, "{inside:?}");
    assert!(!inside.out.contains("sealed") && !inside.out.contains("energy      0 Wh"));

    let (blind, read) = (chain(dir, "list", &[]), chain(dir, "list", &key));
    assert_eq!((blind.code, read.code), (OK, OK));
    assert!(blind.err.contains("are sealed and were not read"), "{}", blind.err);
    assert!(blind.out.contains("sealed") && !read.out.contains("sealed") && read.err.is_empty());
    assert_eq!(blind.out.lines().count(), read.out.lines().count());
    chain(dir, "balances", &[]).refuses(&["sealed", "--key"]);
    let balances = chain(dir, "balances", &key);
    assert!(balances.out.contains("together 0"), "{balances:?}");
    assert!(chain(dir, "show", &["1"]).out.contains("group key"));
    assert!(chain(dir, "show", &[&["1"][..], &key].concat()).out.contains("amount"));
    let rows = |said: Said| said.out.lines().count();
    assert!(rows(chain(dir, "export", &[])) <= 1, "no record can be read");
    assert!(rows(chain(dir, "export", &key)) > 1);
}

#[test]
fn one_epoch_is_disclosed_and_no_other() {
    let dir = tmp();
    simulate_sealed(dir.path(), "1");
    let dir = dir.path();
    let key = ["--key", "out/keys/home-000.pem"];
    let epoch = |height: &str| {
        let shown = chain(dir, "show", &[height]).out;
        let line =
            shown.lines().find(|line| line.trim_start().starts_with("epoch")).expect("epoch");
        line.split_whitespace().last().expect("a number").to_owned()
    };
    let first = epoch("1");
    let shown = chain(dir, "disclose", &["--epoch", &first, key[0], key[1]]);
    assert_eq!(shown.code, OK, "{shown:?}");
    fs::write(dir.join("shown.json"), &shown.out).expect("written");
    let value: serde_json::Value = serde_json::from_str(&shown.out).expect("JSON");
    let opened = value["contracts"].as_u64().expect("a number");
    let all = chain(dir, "list", &[]).out.lines().filter(|line| line.contains("sealed")).count();
    let list = chain(dir, "list", &["--disclosed", "shown.json"]);
    let left = list.out.lines().filter(|line| line.contains("sealed")).count();
    assert!(opened > 0 && left > 0 && left as u64 + opened == all as u64, "{opened} {left} {all}");
    let verified = chain(dir, "verify", &["--disclosed", "shown.json"]);
    assert_eq!(verified.code, OK, "{verified:?}");
    assert!(verified.out.contains(&format!("unread      {left}: sealed")), "{}", verified.out);

    chain(dir, "disclose", &["--epoch", "7", key[0], key[1]]).refuses(&["no contract of epoch 7"]);
    fs::write(dir.join("bad.json"), shown.out.replace("\"community\": \"", "\"community\": \"00"))
        .expect("written");
    chain(dir, "verify", &["--disclosed", "bad.json"]).refuses(&["this is of community 00"]);
    fs::write(dir.join("bad.pem"), "nothing").expect("written");
    chain(dir, "verify", &["--key", "bad.pem"]).refuses(&["bad.pem", "not an Ed25519 secret key"]);
}

#[test]
fn one_sealed_contract_is_shown_to_a_stranger_and_no_other() {
    let dir = tmp();
    simulate_sealed(dir.path(), "1");
    let dir = dir.path();
    let key = ["--key", "out/keys/home-000.pem"];
    let verified = chain(dir, "verify", &[]).out;
    let community = verified.lines().find_map(|line| line.strip_prefix("community   "));
    let community = community.expect("a community").trim();
    let check = |text: &str| {
        fs::write(dir.join("proof.json"), text).expect("written");
        call(dir, ["chain", "check", "proof.json", "--community", community])
    };
    let blind = chain(dir, "prove", &["2"]);
    assert_eq!(blind.code, OK, "{blind:?}");
    assert!(blind.err.contains("not what it says"), "{}", blind.err);
    let there = check(&blind.out);
    assert_eq!(there.code, OK, "{there:?}");
    assert!(there.out.contains("at height 2") && there.out.contains("are not shown"), "{there:?}");
    assert!(!there.out.contains("Wh"), "{}", there.out);

    let shown = chain(dir, "prove", &[&["2"][..], &key].concat());
    assert!(shown.code == OK && shown.err.is_empty(), "{shown:?}");
    let read = check(&shown.out);
    assert_eq!(read.code, OK, "{read:?}");
    let listed = chain(dir, "show", &[&["2"][..], &key].concat()).out;
    let energy = read.out.lines().find_map(|line| line.strip_prefix("energy    ")).expect("it");
    assert!(listed.contains(energy), "{energy} in {listed}");

    // One Wh more, another contract's opening, another salt: the commitment fits none of them.
    let value: serde_json::Value = serde_json::from_str(&shown.out).expect("JSON");
    let other = chain(dir, "prove", &[&["1"][..], &key].concat());
    let other: serde_json::Value = serde_json::from_str(&other.out).expect("JSON");
    let bend = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut bent = value.clone();
        change(&mut bent);
        assert_ne!(bent, value);
        check(&bent.to_string())
    };
    let forged = [
        bend(&|v| {
            let energy = v["opening"]["body"]["energy"].as_u64().expect("energy") + 1;
            v["opening"]["body"]["energy"] = energy.into();
        }),
        bend(&|v| v["opening"] = other["opening"].clone()),
        bend(&|v| v["opening"]["salt"] = "00".repeat(32).into()),
    ];
    for said in forged {
        assert_eq!(said.code, FOUND_WRONG, "{said:?}");
        assert!(said.err.contains("not that of the sealed contract"), "{}", said.err);
    }
}

#[test]
fn the_state_of_a_sealed_chain_is_rebuilt_with_a_key_or_not_at_all() {
    let dir = tmp();
    simulate_sealed(dir.path(), "1");
    let dir = dir.path();
    let key = ["--key", "out/keys/home-000.pem"];
    chain(dir, "rebuild", &[]).refuses(&["are sealed", "--key"]);
    assert!(!dir.join("out/state").exists(), "nothing was written");
    let rebuilt = chain(dir, "rebuild", &key);
    assert_eq!(rebuilt.code, OK, "{rebuilt:?}");
    let balances = chain(dir, "balances", &[&["--json"][..], &key].concat());
    let balances: serde_json::Value = serde_json::from_str(&balances.out).expect("JSON");
    let accounts = balances["accounts"].as_array().expect("a list").len();
    assert!(rebuilt.out.contains(&format!("accounts    {accounts}")), "{}", rebuilt.out);
}

#[test]
fn the_auditor_in_python_proves_a_sealed_chain_as_an_outsider() {
    let dir = tmp();
    simulate_sealed(dir.path(), "1");
    let dir = dir.path();
    let pairs = chain(dir, "list", &[]).out.lines().filter(|line| line.contains("sealed")).count();
    let copy = |name: &str, bend: &dyn Fn(&mut Vec<u8>)| {
        let to = dir.join(name);
        fs::create_dir_all(to.join("chain")).expect("made");
        for file in ["0001.log", "0001.proof"] {
            let mut bytes = fs::read(dir.join("out/chain").join(file)).expect("readable");
            if file == "0001.log" {
                bend(&mut bytes);
            }
            fs::write(to.join("chain").join(file), bytes).expect("written");
        }
        to
    };
    let bits = [3, 7, 12, 40].map(|at| {
        copy(&format!("bent-{at}"), &|bytes| {
            let at = bytes.len() / 50 * at;
            bytes[at] ^= 4;
        })
    });
    let program = "import sys, chain\nfor dir in sys.argv[1:]: print(chain.main(dir))";
    let dirs = [&[dir.join("out")][..], &bits].concat();
    let dirs: Vec<&std::ffi::OsStr> = dirs.iter().map(|dir| dir.as_os_str()).collect();
    let Some(said) = crate::auditors::python(program, &dirs) else { return };
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("proved: ") && lines[1] == "None", "{said}");
    assert!(lines[0].contains(&format!("; {pairs} are sealed: amounts not read")), "{said}");
    assert_eq!(lines.len(), 2 + bits.len());
    assert!(lines[2..].iter().all(|line| line.starts_with("not proved")), "{said}");
}

#[test]
fn a_stranger_s_key_is_no_member_s() {
    let (dir, other) = (tmp(), tmp());
    simulate_sealed(dir.path(), "1");
    simulate_sealed(other.path(), "2");
    let stranger = other.path().join("out/keys/home-000.pem");
    let stranger = stranger.to_str().expect("text");
    chain(dir.path(), "verify", &["--key", stranger]).refuses(&["no key of a member"]);
    // The next run replaces the directory, its key included.
    simulate_sealed(other.path(), "1");
    assert_eq!(
        fs::read(other.path().join("out/keys/home-000.pem")).expect("a key"),
        fs::read(dir.path().join("out/keys/home-000.pem")).expect("a key"),
    );
}
