//! The promises of the log, kept on real files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::RealDisk;
use super::frame::{HEADER, TRAILER};
use super::{Frame, FrameLog, Kind, Log, LogError, Memory, Sizes, read_all};

mod crash;
mod faults;
mod faulty;
mod opening;
mod seals;
mod streams;
mod strict;
mod vault;

/// What was appended: kind, height, payload.
type Said = Vec<(Kind, u64, Vec<u8>)>;

fn said(frames: &[Frame]) -> Said {
    frames.iter().map(|frame| (frame.kind, frame.height, frame.payload.clone())).collect()
}

/// Group `n` of every test log: a pair, a vote, and for even `n` a proof.
fn a_group(journal: &mut impl FrameLog, n: u64) -> Said {
    let mut said =
        vec![(Kind::Pair, n, format!("pair {n}").into_bytes()), (Kind::Vote, n, vec![n as u8; 3])];
    if n.is_multiple_of(2) {
        said.push((Kind::Proof, n, format!("proof of {n}").into_bytes()));
    }
    for (kind, height, payload) in &said {
        journal.append(*kind, *height, payload).expect("appended");
    }
    journal.commit().expect("committed");
    said
}

/// Segments of this size, made ready in halves.
fn small_of(segment: u64) -> Sizes {
    Sizes { segment, step: segment.div_ceil(2) }
}

/// Where the zeros of a file begin.
fn ended(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

/// A closed log of `groups` groups and what it says, the end frame included.
fn a_log(dir: &Path, groups: u64, segment_bytes: u64) -> Said {
    let mut log =
        Log::create_with(Arc::new(RealDisk), dir, small_of(segment_bytes)).expect("created");
    let mut said: Said = (1..=groups).flat_map(|n| a_group(&mut log, n)).collect();
    log.close(b"tip").expect("closed");
    said.push((Kind::Closed, groups, b"tip".to_vec()));
    said
}

fn strictly(dir: &Path) -> Result<Said, LogError> {
    read_all(dir)?.collect::<Result<Vec<Frame>, LogError>>().map(|frames| said(&frames))
}

fn reopened(dir: &Path, segment_bytes: u64) -> Result<(Log, Said), LogError> {
    let mut frames = Vec::new();
    let log = Log::open_with(Arc::new(RealDisk), dir, small_of(segment_bytes), |frame| {
        frames.push(frame)
    })?;
    Ok((log, said(&frames)))
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(dir).expect("listable").map(|entry| entry.expect("listable").path()).collect();
    files.sort();
    files
}

#[test]
fn what_was_appended_is_read_back() {
    let tmp = tempfile::tempdir().expect("tmp");
    let dir = tmp.path().join("chain");
    let said = a_log(&dir, 5, 64 << 20);
    assert_eq!(strictly(&dir).expect("proved"), said);
    assert_eq!(files(&dir), [dir.join("0001.log"), dir.join("0001.proof")]);
}

#[test]
fn an_empty_log_is_a_log() {
    let tmp = tempfile::tempdir().expect("tmp");
    a_log(tmp.path(), 0, 1);
    assert_eq!(strictly(tmp.path()).expect("proved"), [(Kind::Closed, 0, b"tip".to_vec())]);
}

#[test]
fn segments_follow_each_other_over_restarts() {
    let tmp = tempfile::tempdir().expect("tmp");
    let dir = tmp.path();
    let mut said = a_log(dir, 4, 400);
    for n in 5..9 {
        said.pop();
        let (mut log, found) = reopened(dir, 400).expect("proved");
        assert_eq!(found, said);
        assert_eq!(log.height(), n - 1);
        said.extend(a_group(&mut log, n));
        log.close(b"later tip").expect("closed");
        said.push((Kind::Closed, n, b"later tip".to_vec()));
        assert_eq!(strictly(dir).expect("proved"), said);
    }
    assert!(files(dir).len() >= 6, "several segments");
}

#[test]
fn acknowledgements_count_what_was_appended() {
    let tmp = tempfile::tempdir().expect("tmp");
    let mut log = Log::create(tmp.path()).expect("created");
    let mut memory = Memory::new();
    for (kind, ack) in [(Kind::Genesis, 1), (Kind::Reservation, 2), (Kind::Proof, 3)] {
        assert_eq!(log.append(kind, 0, b"x").expect("appended"), ack);
        assert_eq!(memory.append(kind, 0, b"x").expect("appended"), ack);
    }
    assert!(memory.committed().is_empty());
    assert_eq!((log.commit().ok(), memory.commit().ok()), (Some(3), Some(3)));
    assert_eq!((log.commit().ok(), memory.committed().len()), (Some(3), 3));
    for kind in [Kind::Commit, Kind::Closed, Kind::Open, Kind::Mark] {
        assert!(matches!(log.append(kind, 0, b"x"), Err(LogError::Reserved(_))));
        assert!(matches!(memory.append(kind, 0, b"x"), Err(LogError::Reserved(_))));
    }
}

#[test]
fn a_log_has_one_writer() {
    let tmp = tempfile::tempdir().expect("tmp");
    let dir = tmp.path();
    // Small segments, so that the lock must outlive the segment on which it was taken.
    let mut log = Log::create_with(Arc::new(RealDisk), dir, small_of(1)).expect("created");
    for n in 1..3 {
        assert!(matches!(Log::open(dir), Err(LogError::Busy(_))));
        assert!(matches!(read_all(dir), Err(LogError::Busy(_))));
        assert!(matches!(Log::create(dir), Err(LogError::Exists(_))));
        a_group(&mut log, n);
    }
    log.close(b"tip").expect("closed");
    let (first, second) = (read_all(dir), read_all(dir));
    assert!(first.is_ok() && second.is_ok(), "readers do not mind each other");
    assert!(matches!(Log::open(dir), Err(LogError::Busy(_))));
    drop((first, second));
    Log::open(dir).expect("free");
}

#[test]
fn a_directory_of_somebody_else_is_refused() {
    let tmp = tempfile::tempdir().expect("tmp");
    fs::write(tmp.path().join("notes.txt"), b"x").expect("written");
    assert!(matches!(Log::create(tmp.path()), Err(LogError::Foreign(_))));
    assert!(matches!(Log::open(tmp.path()), Err(LogError::Missing(_))));
    assert_eq!(files(tmp.path()).len(), 1);
}

#[test]
fn store_files_are_known_by_name() {
    for name in ["0001.log", "0002.proof", "0001.log.tmp", "0007.log.damaged"] {
        assert!(super::is_store_file(name), "{name}");
    }
    for name in ["1.log", "0001.txt", "wallet.key", "0001.log.bak", ""] {
        assert!(!super::is_store_file(name), "{name}");
    }
}
