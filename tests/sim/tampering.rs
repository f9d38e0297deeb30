//! Section 8.7 on disk: every byte of every file is guarded, by a sweep that reads the files and by
//! the one thread that never rests; what is damaged is restored from peers.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use gridpact::chain::block::Proof;
use gridpact::chain::digest::MacKey;
use gridpact::chain::journal::JournalEntry;
use gridpact::chain::keyring::Keyring;
use gridpact::chain::registry::{Registries, Registry};
use gridpact::chain::terms::{PartyId, Timestamp};
use gridpact::chain::verifier::{Damage, Finding, Kept, Params, Verifier};
use gridpact::store::files::{Files, Place, seals};
use gridpact::store::restore::restore;
use gridpact::store::{ChainJournal, Entry, Journal, archive};
use gridpact::sweeper::{Guarded, Letter, Said, Sweeper};
use gridpact::verdicts::ProcessVerdicts;
use gridpact_tests::{read_files, write_files};
use tempfile::TempDir;

use crate::STREET;

/// Windows small enough that a short chain has several.
const WINDOW: usize = 1_024;

/// Memory where the machine has it: nothing here is about lasting.
fn a_directory() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a directory")
}

fn record(journal: &mut ChainJournal, (pair, proof): &Kept) {
    let mut admitted = Proof::clone(proof);
    let votes = admitted.ledger_votes.take().expect("closed");
    let (height, pair) = (pair.height(), Arc::clone(pair));
    journal.record(Entry::Chain(JournalEntry::Pair { pair, proof: Arc::new(admitted) }));
    journal.record(Entry::Chain(JournalEntry::Closed { height, votes }));
    journal.commit().expect("written");
}

/// A store with the first `pairs` of the street and some of everything else, stopped cleanly.
fn a_store(dir: &Path, pairs: usize) {
    let archive = &STREET.archive;
    let mut journal = ChainJournal::create(dir, &archive.genesis).expect("created");
    for (at, kept) in archive.pairs[..pairs].iter().enumerate() {
        record(&mut journal, kept);
        if let Some(own) = archive.records.get(at) {
            journal.record(Entry::Chain(own.clone()));
        }
        if let Some(own) = archive.contracts.get(at) {
            journal.record(Entry::Social(own.clone()));
        }
        journal.commit().expect("written");
    }
    journal.close().expect("closed");
}

fn registry() -> Arc<Registry> {
    Registry::founding(&STREET.archive.genesis)
}

fn params(structural_every: u64) -> Params {
    Params { structural_every, segment_bytes: WINDOW }
}

/// One sweep of the pairs and one of the signatures, over what lies in `dir`.
fn sweep(dir: &Path) -> (Vec<Finding>, Vec<Place>) {
    let files = Files::open(dir, WINDOW).expect("there are files");
    let mut verifier = Verifier::over(files, registry(), params(1));
    let mut found = Vec::new();
    while !verifier.step(Timestamp(1), WINDOW, &mut found) {}
    while !verifier.step_signatures(WINDOW, &mut found) {}
    (found, verifier.chain_mut().take_places())
}

#[test]
fn every_byte_of_every_file_is_found_when_it_flips_and_restored_from_peers() {
    let dir = a_directory();
    a_store(dir.path(), 2);
    let sound = read_files(dir.path());
    assert_eq!(sound.len(), 2);
    assert_eq!(sweep(dir.path()), (Vec::new(), Vec::new()));
    let peers = &STREET.archive.pairs[..2];
    for (name, bytes) in &sound {
        let path = dir.path().join(name);
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            fs::write(&path, &damaged).expect("written");
            let (found, places) = sweep(dir.path());
            assert!(!found.is_empty(), "{name}: byte {at} is not missed");
            assert!(
                found.iter().all(|finding| finding.height <= 2),
                "{name}: byte {at}: {found:?}"
            );
            let is_near = |place: &Place| place.file == path && place.offset <= at as u64;
            assert!(places.iter().any(is_near), "{name}: byte {at} is placed: {places:?}");
            let restored = restore(dir.path(), peers);
            assert_eq!(restored.expect("mended"), std::slice::from_ref(&path), "{name}: byte {at}");
            assert!(fs::read(&path).expect("readable") == *bytes, "{name}: byte {at} is back");
        }
        fs::remove_file(dir.path().join(format!("{name}.damaged"))).expect("kept beside");
    }
    assert_eq!(sweep(dir.path()), (Vec::new(), Vec::new()));
}

#[test]
fn without_a_good_copy_the_file_is_left_as_it_is() {
    let dir = a_directory();
    a_store(dir.path(), 2);
    let path = dir.path().join("0001.log");
    let mut bytes = fs::read(&path).expect("readable");
    let part = STREET.archive.pairs[1].0.ledger.bytes();
    let at = bytes.windows(part.len()).position(|window| window == part).expect("it lies there");
    bytes[at + 5] ^= 1;
    bytes[at + 90] ^= 1;
    fs::write(&path, &bytes).expect("written");
    let error = restore(dir.path(), &STREET.archive.pairs[..1]).expect_err("two bytes are wrong");
    assert!(error.to_string().contains("damaged at byte"), "{error}");
    assert_eq!(fs::read(&path).expect("readable"), bytes);
    restore(dir.path(), &STREET.archive.pairs[..2]).expect("a peer has it");
    assert_eq!(sweep(dir.path()), (Vec::new(), Vec::new()));
}

#[test]
fn segment_sweeps_find_a_change_that_no_checksum_shows() {
    let dir = a_directory();
    a_store(dir.path(), 12);
    let files = Files::open(dir.path(), WINDOW).expect("there are files");
    let mut verifier = Verifier::over(files, registry(), params(u64::MAX));
    let mut found = Vec::new();
    verifier.open(Timestamp(1), &mut found);
    while !verifier.step_signatures(WINDOW, &mut found) {}
    assert_eq!(found, []);
    for name in ["0001.log", "0001.proof"] {
        let path = dir.path().join(name);
        let sound = fs::read(&path).expect("readable");
        // The opening frame: another number of the segment, with checksums to match.
        let mut bytes = sound.clone();
        bytes[21] ^= 1;
        let sum = crc32c_of(&bytes[21..57]);
        bytes[57..61].copy_from_slice(&sum);
        fs::write(&path, &bytes).expect("written");
        while !verifier.step(Timestamp(2), WINDOW, &mut found) {}
        assert!(found.iter().any(|f| f.damage == Damage::Stored), "{name}: {found:?}");
        found.clear();
        fs::write(&path, &sound).expect("written");
        for height in verifier.suspects().clone() {
            verifier.mended(height);
        }
        for _ in 0..2 {
            while !verifier.step(Timestamp(3), WINDOW, &mut found) {}
            while !verifier.step_signatures(WINDOW, &mut found) {}
        }
        assert_eq!(found, [], "{name}: mended");
    }
}

/// CRC-32C, bit by bit.
fn crc32c_of(bytes: &[u8]) -> [u8; 4] {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 * (crc & 1)))
    };
    (!bytes.iter().fold(u32::MAX, step)).to_le_bytes()
}

#[test]
fn sealed_digests_spare_the_next_start_its_proofs_and_a_wrong_tag_does_not() {
    let (dir, state) = (a_directory(), a_directory());
    a_store(dir.path(), 12);
    let community = registry().community();
    let (path, key) = (state.path().join("segments"), MacKey::derive(seals::PURPOSE, &[7; 32]));
    let opened = |key: &MacKey| {
        let files = Files::open(dir.path(), WINDOW).expect("there are files");
        let mut verifier = Verifier::over(files, registry(), params(8));
        let is_resumed = seals::resume(&path, key, community, &mut verifier);
        let mut found = Vec::new();
        while !verifier.step(Timestamp(1), WINDOW, &mut found) {}
        (verifier, is_resumed, found)
    };
    let (verifier, is_resumed, found) = opened(&key);
    assert!(!is_resumed && found.is_empty());
    seals::save(&path, &key, community, &verifier).expect("written");
    let (again, is_resumed, found) = opened(&key);
    assert!(is_resumed && found.is_empty() && again.is_open());
    assert_eq!((again.tip(), again.height()), (verifier.tip(), verifier.height()));

    // Another key, or one byte that is not ours: as if there were nothing.
    assert!(!opened(&MacKey::derive(seals::PURPOSE, &[8; 32])).1);
    let sound = fs::read(&path).expect("readable");
    for at in (0..sound.len()).step_by(97) {
        let mut wrong = sound.clone();
        wrong[at] ^= 0x10;
        fs::write(&path, &wrong).expect("written");
        let (verifier, is_resumed, found) = opened(&key);
        assert!(!is_resumed && found.is_empty() && verifier.tip() == again.tip(), "byte {at}");
    }
    fs::write(&path, &sound).expect("written");
    // What changed while the node was away is found by the comparison.
    let log = dir.path().join("0001.log");
    let mut bytes = fs::read(&log).expect("readable");
    bytes[3_000] ^= 1;
    fs::write(&log, &bytes).expect("written");
    let (_, is_resumed, found) = opened(&key);
    assert!(is_resumed && !found.is_empty());
}

/// Waits for the next word that `is_it`.
fn await_said(said: &Receiver<Said>, is_it: impl Fn(&Said) -> bool) -> Said {
    loop {
        let word = said.recv_timeout(Duration::from_secs(30)).expect("it says so");
        assert_eq!(word.refused, None);
        if is_it(&word) {
            return word;
        }
    }
}

fn guarded(node: u32, dir: PathBuf) -> Guarded {
    let registries = Registries::from(registry());
    let (keys, params) = (Keyring::default(), params(8));
    Guarded { node: PartyId(node), dir, reach: None, registries, keys, params, seals: None }
}

/// Two stores, one of them still written to.
static SECONDS: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);

#[test]
fn one_thread_guards_all_stores_of_a_process_and_finds_what_changes_under_it() {
    let (quiet, busy) = (a_directory(), a_directory());
    a_store(quiet.path(), 6);
    let mut journal = ChainJournal::create(busy.path(), &STREET.archive.genesis).expect("created");
    STREET.archive.pairs[..4].iter().for_each(|kept| record(&mut journal, kept));
    let (say, said) = channel();
    let now = || Timestamp(u64::try_from(SECONDS.elapsed().as_millis()).unwrap_or(0));
    let verdicts = Arc::new(ProcessVerdicts::default());
    let sweeper = Sweeper::start(WINDOW, verdicts, now, move |word| _ = say.send(word));
    let sweeper = sweeper.expect("a thread");
    let tell = |letter: Letter| assert!(sweeper.tell(letter).is_ok(), "there is room");
    tell(Letter::Guard(Box::new(guarded(0, quiet.path().into()))));
    let reach = journal.reach();
    tell(Letter::Guard(Box::new(Guarded { reach, ..guarded(1, busy.path().into()) })));
    await_said(&said, |word| word.node == PartyId(0) && word.snapshot.counters.sweeps > 2);
    await_said(&said, |word| word.node == PartyId(1) && word.snapshot.counters.sweeps > 2);

    // New pairs are checked at once and swept from then on.
    for kept in &STREET.archive.pairs[4..9] {
        record(&mut journal, kept);
        let reach = journal.reach().expect("open");
        let (pair, proof) = kept.clone();
        let (node, height) = (PartyId(1), pair.height());
        let admitted = Arc::new(Proof { ledger_votes: None, ..Proof::clone(&proof) });
        tell(Letter::Appended { node, pair, proof: admitted, reach });
        tell(Letter::Closed { node, height, proof, reach });
    }
    let word = await_said(&said, |word| word.node == PartyId(1) && word.snapshot.height == 9);
    assert!(word.found.is_empty() && word.snapshot.suspects.is_empty(), "{word:?}");
    assert!(word.snapshot.age_ms.is_some_and(|age| age < 10_000), "{word:?}");

    // A byte goes bad in the store that nobody writes to.
    let files = read_files(quiet.path());
    let path = quiet.path().join("0001.log");
    let mut bytes = fs::read(&path).expect("readable");
    let part = STREET.archive.pairs[2].0.ledger.bytes();
    let at = bytes.windows(part.len()).position(|window| window == part).expect("it lies there");
    bytes[at + 40] ^= 0x20;
    fs::write(&path, &bytes).expect("written");
    let word = await_said(&said, |word| !word.found.is_empty());
    assert_eq!(word.node, PartyId(0));
    assert!(word.snapshot.suspects.contains(&3), "{word:?}");
    assert!(word.snapshot.counters.faults_by_kind().map(|(_, count)| count).sum::<u64>() >= 1);

    // Repaired, it is swept clean again. Until the file was whole, more may have been found in it.
    write_files(quiet.path(), &files);
    let sweeps = word.snapshot.counters.sweeps;
    let is_clean = |word: &Said| {
        word.node == PartyId(0)
            && word.snapshot.suspects.is_empty()
            && word.snapshot.counters.sweeps > sweeps + 10
    };
    let patience = std::time::Instant::now() + Duration::from_secs(120);
    loop {
        let word = await_said(&said, |word| word.node == PartyId(0));
        if is_clean(&word) {
            break;
        }
        for height in word.snapshot.suspects {
            // A full queue takes it with the next word.
            _ = sweeper.tell(Letter::Mended { node: PartyId(0), height });
        }
        assert!(std::time::Instant::now() < patience, "it is not clean again");
    }
    let before = std::time::Instant::now();
    sweeper.stop();
    assert!(before.elapsed() < Duration::from_secs(2), "it stops after its slice");
    while said.try_recv().is_ok() {}
    assert!(said.recv().is_err(), "nothing is said after it");
    journal.close().expect("closed");
    assert_eq!(archive::read(busy.path()).expect("sound").pairs.len(), 9);
}
