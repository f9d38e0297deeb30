//! Strict reading finds every byte that is not proved; recovery never takes damage for a crash.

use super::*;

/// Three groups in two segments: small enough to spoil every bit of every file.
fn small(dir: &Path) -> Said {
    a_log(dir, 3, 600)
}

fn spoilt(dir: &Path, file: &Path, content: &[u8]) -> (LogError, LogError) {
    fs::write(file, content).expect("written");
    let strict = strictly(dir).expect_err("strict reading finds it");
    let open = reopened(dir, 600).expect_err("recovery finds it");
    (strict, open)
}

#[test]
fn every_flipped_bit_is_found() {
    let tmp = tempfile::tempdir().expect("tmp");
    small(tmp.path());
    for file in files(tmp.path()) {
        let good = fs::read(&file).expect("readable");
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                let (strict, open) = spoilt(tmp.path(), &file, &bad);
                for error in [strict, open] {
                    let LogError::Damage { offset, .. } = &error else {
                        panic!("byte {at} bit {bit}: {error}");
                    };
                    assert!(*offset <= at as u64, "byte {at}: {error}");
                }
            }
        }
        fs::write(&file, &good).expect("restored");
    }
    strictly(tmp.path()).expect("all was restored");
}

#[test]
fn every_lost_or_added_byte_is_found() {
    let tmp = tempfile::tempdir().expect("tmp");
    small(tmp.path());
    for file in files(tmp.path()) {
        let good = fs::read(&file).expect("readable");
        for length in 0..ended(&good) {
            fs::write(&file, &good[..length]).expect("written");
            strictly(tmp.path()).expect_err("a file cut short");
        }
        for extra in [&b"x"[..], b"\0x", &good] {
            fs::write(&file, [&good[..], extra].concat()).expect("written");
            strictly(tmp.path()).expect_err("a file with more at its end");
        }
        fs::write(&file, &good).expect("restored");
    }
    strictly(tmp.path()).expect("all was restored");
}

#[test]
fn damage_is_named_by_file_offset_and_height() {
    let tmp = tempfile::tempdir().expect("tmp");
    small(tmp.path());
    let file = tmp.path().join("0001.log");
    let mut bytes = fs::read(&file).expect("readable");
    let at = bytes.windows(6).position(|six| six == b"pair 2").expect("group 2 is there");
    bytes[at] ^= 1;
    let (strict, _) = spoilt(tmp.path(), &file, &bytes);
    let start = at - HEADER;
    let expected =
        format!("0001.log is damaged at byte {start}, after height 1: checksum of the payload");
    assert!(strict.to_string().contains(&expected), "{strict}");
}

#[test]
fn a_forged_frame_with_good_checksums_breaks_the_running_hash() {
    let tmp = tempfile::tempdir().expect("tmp");
    small(tmp.path());
    let file = tmp.path().join("0001.log");
    let mut bytes = fs::read(&file).expect("readable");
    let at = bytes.windows(6).position(|six| six == b"pair 1").expect("group 1 is there");
    let mut forged = Vec::new();
    super::super::frame::encode(&mut forged, Kind::Pair, 1, b"PAIR 1");
    bytes[at - HEADER..at + 6 + TRAILER].copy_from_slice(&forged);
    let (strict, open) = spoilt(tmp.path(), &file, &bytes);
    for error in [strict, open] {
        assert!(error.to_string().contains("the Commit does not match its group"), "{error}");
    }
}

#[test]
fn missing_swapped_and_foreign_files_are_found() {
    let tmp = tempfile::tempdir().expect("tmp");
    a_log(tmp.path(), 9, 600);
    let path = |name: &str| tmp.path().join(name);
    let refused = || {
        let strict = strictly(tmp.path()).expect_err("strict reading finds it");
        (strict, reopened(tmp.path(), 300).err())
    };
    for name in ["0001.proof", "0002.log", "0002.proof"] {
        fs::rename(path(name), tmp.path().with_extension("aside")).expect("moved");
        assert!(matches!(refused(), (LogError::Missing(_), Some(LogError::Missing(_)))), "{name}");
        fs::rename(tmp.path().with_extension("aside"), path(name)).expect("moved back");
    }
    let newest = files(tmp.path()).len() / 2;
    fs::rename(path(&format!("{newest:04}.log")), tmp.path().with_extension("aside"))
        .expect("moved");
    assert!(matches!(refused(), (LogError::Missing(_), Some(LogError::Missing(_)))));
    fs::rename(tmp.path().with_extension("aside"), path(&format!("{newest:04}.log")))
        .expect("back");
    let (one, two) = (path("0002.log"), path("0003.log"));
    let (a, b) = (fs::read(&one).expect("readable"), fs::read(&two).expect("readable"));
    fs::write(&one, &b).expect("written");
    fs::write(&two, &a).expect("written");
    assert!(matches!(refused(), (LogError::Damage { .. }, Some(LogError::Damage { .. }))));
    fs::write(&one, &a).expect("written");
    fs::write(&two, &b).expect("written");
    for name in ["notes.txt", "0001.log.tmp", "notes.damaged", "0004.log.bak"] {
        fs::write(path(name), b"").expect("written");
        assert!(matches!(strictly(tmp.path()), Err(LogError::Foreign(_))), "{name}");
        fs::remove_file(path(name)).expect("removed");
    }
    // What a repair has set aside is no part of the log any more.
    fs::write(path("0001.log.damaged"), b"").expect("written");
    strictly(tmp.path()).expect("passed over");
    fs::create_dir(path("0009.log")).expect("made");
    assert!(matches!(strictly(tmp.path()), Err(LogError::Foreign(_))));
    fs::remove_dir(path("0009.log")).expect("removed");
    strictly(tmp.path()).expect("all was restored");
}

#[test]
fn a_log_without_its_end_frame_is_not_proved() {
    let tmp = tempfile::tempdir().expect("tmp");
    let mut log = Log::create(tmp.path()).expect("created");
    let said_before = a_group(&mut log, 1);
    drop(log);
    let mut frames = read_all(tmp.path()).expect("readable");
    for expected in said_before {
        let frame = frames.next().and_then(Result::ok).expect("the group is proved");
        assert_eq!((frame.kind, frame.height, frame.payload), expected);
    }
    let error = frames.next().and_then(Result::err).expect("the end is missing");
    assert!(error.to_string().ends_with("after height 1: the end frame is missing"), "{error}");
    assert!(frames.next().is_none());
}
