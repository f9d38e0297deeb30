//! Hostile bytes, without the fuzzer's toolchain: the corpus of every fuzz target and seeded
//! mutations of it go through the same functions, and memory is counted while they do.

mod mutate;
mod seeds;

use std::sync::Mutex;

use gridpact_tests::hostile::{TARGETS, Target, corpus, corpus_dir};
use peak_alloc::PeakAlloc;

use mutate::{Chance, mutated};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// One at a time: the allocator counts for the whole process.
static TURN: Mutex<()> = Mutex::new(());

/// Memory that a decoder may take however little it is given, bytes: tables of remembered verdicts,
/// buffers of files, pages of the readings' database.
const MEMORY_BASE: usize = 24 << 20;
/// Bytes of memory per byte of input: a list of small integers costs the most.
const MEMORY_PER_BYTE: usize = 64;

/// Runs the target and panics when it takes more memory than its input explains.
fn measured(target: &Target, name: &str, bytes: &[u8]) -> bool {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let is_accepted = (target.run)(bytes);
    let taken = MEMORY.peak_usage().saturating_sub(before);
    let limit = MEMORY_BASE + MEMORY_PER_BYTE * bytes.len();
    assert!(taken <= limit, "{} {name}: {taken} bytes for {} given", target.name, bytes.len());
    is_accepted
}

#[test]
fn every_decoder_keeps_its_promises_over_its_corpus_and_mutations_of_it() {
    let _turn = TURN.lock().unwrap_or_else(|broken| broken.into_inner());
    for target in &TARGETS {
        let seeds = corpus(target.name);
        assert!(seeds.len() > 2, "{} has a corpus", target.name);
        let mut chance = Chance(0x6772_6964);
        let (mut accepted, mut refused) = (0, 0);
        for (name, bytes) in &seeds {
            for round in 0..=if target.has_files { 30 } else { 1000 } {
                let bytes =
                    if round == 0 { bytes.clone() } else { mutated(bytes, &seeds, &mut chance) };
                let is_accepted = measured(target, &format!("{name}, round {round}"), &bytes);
                *(if is_accepted { &mut accepted } else { &mut refused }) += 1;
            }
        }
        assert!(
            accepted > 0 && refused > 0,
            "{}: {accepted} accepted, {refused} refused",
            target.name
        );
    }
}

#[test]
fn a_megabyte_of_nesting_or_of_lies_about_lengths_is_refused_by_every_decoder() {
    let _turn = TURN.lock().unwrap_or_else(|broken| broken.into_inner());
    let deep = |unit: &[u8]| unit.repeat((1 << 20) / unit.len());
    let evil = [
        ("arrays", deep(&[0x91])),
        ("long arrays", deep(&[0xdd, 0xff, 0xff, 0xff, 0xff])),
        ("maps", deep(&[0x81, 0xa1, b'a'])),
        ("variants", deep(b"\x81\xa8Contract")),
        ("tuples", deep(b"\x92\xc0")),
        ("bytes", deep(&[0xc6, 0xff, 0xff, 0xff, 0xff])),
        ("extensions", deep(&[0xd4, 0x01, 0x91])),
        ("json arrays", deep(b"[")),
        ("json objects", deep(b"{\"a\":")),
        ("zeros", vec![0; 1 << 20]),
        ("ones", vec![0xff; 1 << 20]),
    ];
    for target in &TARGETS {
        for (name, bytes) in &evil {
            let is_accepted = measured(target, name, bytes);
            // Frames of no sense are passed over before any is read: an empty log is a log.
            assert!(!is_accepted, "{} takes {name}", target.name);
        }
    }
}

#[test]
fn every_seed_lies_in_the_corpus() {
    for (target, name, bytes) in seeds::all() {
        let path = corpus_dir(target).join(&name);
        if std::env::var_os("BLESS").is_some() {
            std::fs::create_dir_all(corpus_dir(target)).expect("made");
            std::fs::write(&path, &bytes).expect("the corpus can be written");
        }
        let found = std::fs::read(&path).unwrap_or_default();
        assert!(found == bytes, "{target}/{name} is not the seed; BLESS=1 writes it");
    }
}

#[test]
fn sound_seeds_are_accepted_and_evil_ones_refused() {
    let _turn = TURN.lock().unwrap_or_else(|broken| broken.into_inner());
    for (target, name, bytes) in seeds::all() {
        let target = TARGETS.iter().find(|known| known.name == target).expect("a target");
        assert_eq!((target.run)(&bytes), !name.starts_with("evil"), "{}/{name}", target.name);
    }
}
