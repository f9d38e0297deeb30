//! The promise of the vault: what was destroyed cannot be read, and no byte of the log changes.

use std::os::unix::fs::PermissionsExt as _;

use gridpact_agents::social::Entry as SocialEntry;
use gridpact_chain::encode::encode;
use gridpact_chain::terms::{Interval, Profile};

use super::super::entry::{Entry, Journal as _};
use super::super::vault::{self, Vault, VaultError};
use super::super::{ChainJournal, read_all};
use super::opening::{at, genesis, open_at, records};
use super::*;

/// Intervals of the market's 1 800 s in a day.
const A_DAY: u32 = 48;

/// A purchase that is delivered on day `day`, with a profile and a salt of its own.
fn a_purchase(day: u32) -> SocialEntry {
    let community = genesis("street").community();
    let record = super::opening::record(community, u64::from(day) + 1);
    let mut contract = record.contract().expect("a contract").clone();
    let start = Interval(day * A_DAY + 20);
    (contract.body.start, contract.body.end) = (start, Interval(start.0 + 2));
    let profile = Profile { start, wh: vec![4_321 + u64::from(day), 1_234 + u64::from(day)] };
    SocialEntry::Bought {
        contract: Box::new(contract),
        profile_final: Arc::new(profile.clone()),
        share: profile,
        salt: [day as u8 + 100; 32],
    }
}

/// A store with purchases of days 5 and 6 and two heights of the chain; its process has crashed.
fn a_store(root: &Path) {
    let mut journal = open_at(root).expect("opened").journal;
    for entry in [a_purchase(5), a_purchase(6)].map(Entry::Social) {
        journal.record(entry);
    }
    for entry in records(2) {
        journal.record(entry);
    }
    journal.commit().expect("committed");
}

fn purchases(journal: &ChainJournal) -> Vec<SocialEntry> {
    let social = |entry| match entry {
        Entry::Social(entry) => Some(entry),
        Entry::Chain(_) => None,
    };
    journal.entries().into_iter().filter_map(social).collect()
}

/// All bytes of the chain's files.
fn chain_bytes(root: &Path) -> Vec<u8> {
    let mut files: Vec<PathBuf> = fs::read_dir(at(root).dir.join("chain"))
        .expect("listable")
        .map(|entry| entry.expect("listable").path())
        .collect();
    files.sort();
    files.iter().flat_map(|file| fs::read(file).expect("readable")).collect()
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn the_vault(root: &Path) -> Vault {
    let opening = at(root);
    let place = vault::place(&opening.dir, opening.party);
    Vault::open(&place, 1_800, vault::from_the_system()).expect("a vault")
}

#[test]
fn profiles_and_salts_lie_hidden_in_the_log_and_come_back_with_the_next_life() {
    let tmp = tempfile::tempdir().expect("tmp");
    a_store(tmp.path());
    let bytes = chain_bytes(tmp.path());
    for day in [5, 6] {
        let SocialEntry::Bought { profile_final, salt, .. } = a_purchase(day) else {
            unreachable!()
        };
        assert!(!has(&bytes, &encode(&*profile_final)), "the profile of day {day}");
        assert!(!has(&bytes, &salt), "the salt of day {day}");
    }
    let journal = open_at(tmp.path()).expect("opened").journal;
    assert_eq!(purchases(&journal), [a_purchase(5), a_purchase(6)]);
}

#[test]
fn without_a_vault_they_lie_open() {
    let tmp = tempfile::tempdir().expect("tmp");
    let mut journal = ChainJournal::create(tmp.path(), &genesis("street")).expect("created");
    journal.record(Entry::Social(a_purchase(5)));
    journal.commit().expect("committed");
    let bytes = fs::read(tmp.path().join("0001.log")).expect("readable");
    assert!(has(&bytes, &[105; 32]), "the salt: this is what the search above would find");
}

#[test]
fn what_was_over_is_forgotten_for_good_and_the_log_is_the_same_and_proves_itself() {
    let tmp = tempfile::tempdir().expect("tmp");
    a_store(tmp.path());
    let before = chain_bytes(tmp.path());
    let mut vault = the_vault(tmp.path());
    assert_eq!(vault.forget(Interval(6 * A_DAY - 1)).expect("nothing is over"), 0);
    assert_eq!(vault.forget(Interval(6 * A_DAY)).expect("destroyed"), 1);
    drop(vault);
    assert_eq!(chain_bytes(tmp.path()), before);
    let opened = open_at(tmp.path()).expect("opened");
    assert!(opened.journal.damage().is_empty());
    assert_eq!(opened.journal.pairs(), 2);
    assert_eq!(purchases(&opened.journal), [a_purchase(6)]);
    drop(opened);
    assert_eq!(the_vault(tmp.path()).forget_all().expect("destroyed"), 1);
    assert_eq!(purchases(&open_at(tmp.path()).expect("opened").journal), []);
    let dir = at(tmp.path()).dir;
    let frames = read_all(&dir.join("chain")).expect("readable");
    assert!(frames.map_while(Result::ok).filter(|f| f.kind == Kind::Reservation).count() == 2);
}

#[test]
fn retention_destroys_keys_while_the_node_runs() {
    let tmp = tempfile::tempdir().expect("tmp");
    a_store(tmp.path());
    let mut journal = open_at(tmp.path()).expect("opened").journal;
    journal.forget(Interval(6 * A_DAY)).expect("forgotten");
    assert_eq!(purchases(&journal), [a_purchase(6)], "in memory");
    drop(journal);
    assert_eq!(purchases(&open_at(tmp.path()).expect("opened").journal), [a_purchase(6)]);
}

#[test]
fn keys_that_others_may_read_and_strange_files_are_refused_and_torn_drafts_are_not() {
    let tmp = tempfile::tempdir().expect("tmp");
    a_store(tmp.path());
    let place = vault::place(&at(tmp.path()).dir, at(tmp.path()).party);
    let open = || Vault::open(&place, 1_800, vault::from_the_system());
    fs::write(place.join("day-00009.key.tmp"), [1; 7]).expect("written");
    open().expect("a crash while a key was made");
    assert!(!place.join("day-00009.key.tmp").exists());

    let key = place.join("day-00005.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("changed");
    let refused = open().expect_err("others may read it");
    assert!(matches!(refused, VaultError::Exposed { mode: 0o644, .. }), "{refused}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("changed");

    fs::write(&key, [0; 31]).expect("written");
    assert!(open().expect_err("short").to_string().contains("it has not 32 bytes"));
    fs::write(&key, [0; 32]).expect("written");
    fs::write(place.join("diary.txt"), "dear").expect("written");
    assert!(open().expect_err("a stranger's file").to_string().contains("diary.txt"));
}
