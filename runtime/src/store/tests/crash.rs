//! Crashes: torn tails at every byte, interrupted rotation, kill -9 in the middle of writing.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use super::super::Cut;
use super::faulty::Chance;
use super::*;

/// A log as a crash leaves it: two committed groups, then `tail` bytes of a third one.
fn torn(dir: &Path, tail: usize) -> (Said, usize) {
    let mut log = Log::create(dir).expect("created");
    let mut said: Said = (1..=2).flat_map(|n| a_group(&mut log, n)).collect();
    let file = dir.join("0001.log");
    let committed = ended(&fs::read(&file).expect("readable"));
    let third = a_group(&mut log, 3);
    drop(log);
    let mut whole = fs::read(&file).expect("readable");
    whole.truncate(ended(&whole));
    let keep = (committed + tail).min(whole.len());
    fs::write(&file, &whole[..keep]).expect("written");
    if keep == whole.len() {
        said.extend(third);
    }
    (said, whole.len() - committed)
}

#[test]
fn a_torn_tail_of_any_length_is_cut_and_nothing_else() {
    let (mut tail, mut last) = (0, usize::MAX);
    while tail <= last {
        let tmp = tempfile::tempdir().expect("tmp");
        let (mut said, length) = torn(tmp.path(), tail);
        last = length;
        let (mut log, found) = reopened(tmp.path(), 1 << 20).expect("only torn");
        assert_eq!(found, said, "{tail} bytes of the third group");
        said.extend(a_group(&mut log, 4));
        log.close(b"tip").expect("closed");
        said.push((Kind::Closed, 4, b"tip".to_vec()));
        assert_eq!(strictly(tmp.path()).expect("proved"), said);
        tail += 1;
    }
    assert!(last > 100, "the tail was cut at every byte of a group");
}

#[test]
fn zeros_where_the_tail_should_be_are_cut() {
    let tmp = tempfile::tempdir().expect("tmp");
    let (said, _) = torn(tmp.path(), 0);
    let file = tmp.path().join("0001.log");
    let mut bytes = fs::read(&file).expect("readable");
    bytes.resize(bytes.len() + 5_000, 0);
    fs::write(&file, &bytes).expect("written");
    strictly(tmp.path()).expect_err("the end frame is missing");
    let (log, found) = reopened(tmp.path(), 1 << 20).expect("only torn");
    assert_eq!(found, said);
    assert!(
        !log.found().was_closed && log.found().cut.is_empty(),
        "zeros are room, nothing is cut"
    );
    drop(log);
    let (from, length) = (ended(&bytes), bytes.len() + 1);
    bytes.push(1);
    fs::write(&file, &bytes).expect("written");
    let (log, found) = reopened(tmp.path(), 1 << 20).expect("the last sector of a torn group");
    assert_eq!(found, said);
    let cut = Cut { file, offset: from as u64, bytes: (length - from) as u64 };
    assert_eq!(log.found().cut, [cut], "and it is said");
}

#[test]
fn proofs_that_no_commit_pins_are_cut() {
    let tmp = tempfile::tempdir().expect("tmp");
    let (said, _) = torn(tmp.path(), 0);
    let file = tmp.path().join("0001.proof");
    let mut pinned = fs::read(&file).expect("readable");
    pinned.truncate(ended(&pinned));
    fs::write(&file, [&pinned[..], b"GPF1 and then the power went"].concat()).expect("written");
    strictly(tmp.path()).expect_err("they are not proved");
    assert_eq!(reopened(tmp.path(), 1 << 20).expect("only torn").1, said);
    assert_eq!(fs::read(&file).expect("readable"), pinned);
    fs::write(&file, &pinned[..pinned.len() - 1]).expect("written");
    let error = reopened(tmp.path(), 1 << 20).expect_err("pinned proofs are missing");
    assert!(matches!(error, LogError::Damage { .. }));
}

#[test]
fn a_first_segment_whose_start_was_interrupted_is_started_again() {
    let tmp = tempfile::tempdir().expect("tmp");
    let path = |name: &str| tmp.path().join(name);
    drop(Log::create_with(Arc::new(RealDisk), tmp.path(), small_of(150)).expect("created"));
    // The crash came after the log of the segment, before its proof file.
    fs::rename(path("0001.proof"), path("0001.proof.tmp")).expect("moved");
    let (mut log, found) = reopened(tmp.path(), 150).expect("only interrupted");
    assert_eq!(found, []);
    let mut said = a_group(&mut log, 1);
    log.close(b"tip").expect("closed");
    said.push((Kind::Closed, 1, b"tip".to_vec()));
    assert_eq!(strictly(tmp.path()).expect("proved"), said);
}

const CHILD: &str = "GRIDPACT_STORE_CHILD";

/// Sizes with which every few groups begin a segment.
fn tiny() -> Sizes {
    small_of(4_000)
}

/// The child of the test below: appends until it is killed, saying what was acknowledged.
#[test]
fn child_that_writes_until_it_is_killed() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let dir = Path::new(&dir);
    let disk = Arc::new(RealDisk);
    let opened = match dir.join("0001.log").exists() {
        true => Log::open_with(disk, dir, tiny(), |_| ()),
        false => Log::create_with(disk, dir, tiny()),
    };
    let mut log = opened.expect("opened");
    let start = log.height();
    for n in start + 1..start + 1_000_000 {
        a_group(&mut log, n);
        println!("acknowledged {n}");
    }
}

/// One life of the child, killed after `most` acknowledgements, or `after` some time if that is first;
/// the last thing it said was acknowledged.
fn killed(dir: &Path, most: u64, after: Option<Duration>) -> Option<u64> {
    let mut child = Command::new(std::env::current_exe().expect("a test binary"))
        .args(["--exact", "store::tests::crash::child_that_writes_until_it_is_killed"])
        .args(["--nocapture", "--test-threads=1"])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("started");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let child = Arc::new(Mutex::new(child));
    let killer = Arc::clone(&child);
    let timer = after.map(|after| {
        std::thread::spawn(move || {
            std::thread::sleep(after);
            let _ = killer.lock().expect("whole").kill();
        })
    });
    let (mut last, mut said) = (None, 0);
    for line in lines.map_while(Result::ok) {
        let Some((_, n)) = line.rsplit_once("acknowledged ") else { continue };
        (last, said) = (n.parse().ok(), said + 1);
        if said >= most {
            // SIGKILL; what the pipe still holds was acknowledged as well and is read on.
            let _ = child.lock().expect("whole").kill();
        }
    }
    timer.into_iter().for_each(|timer| timer.join().expect("slept"));
    let _ = child.lock().expect("whole").wait();
    last
}

/// Rounds of killing, spread over this many logs.
const ROUNDS: u64 = 240;
const LOGS: u64 = 6;

#[test]
fn kill_nine_loses_nothing_that_was_acknowledged() {
    let mut chance = Chance(9);
    let (mut torn, mut idle) = (0, 0);
    for _ in 0..LOGS {
        let tmp = tempfile::tempdir().expect("tmp");
        let mut total = 0;
        for round in 0..ROUNDS / LOGS {
            // Sometimes while it still starts, sometimes in the middle of whatever it does.
            let after = Duration::from_micros(chance.draw(30_000));
            let after = Some(after).filter(|_| round % 3 == 2);
            let last = killed(tmp.path(), 1 + chance.draw(20), after);
            idle += u64::from(last.is_none());
            if !tmp.path().join("0001.log").exists() {
                continue;
            }
            let (log, found) = reopened(tmp.path(), 4_000).expect("a kill only tears");
            let least = last.unwrap_or(total);
            let height = log.height();
            assert!(height >= least && height <= least + 1, "round {round}: {height}, {least}");
            torn += log.found().cut.len();
            total = height;
            let mut memory = Memory::new();
            (1..=total).for_each(|n| _ = a_group(&mut memory, n));
            assert_eq!(found, memory.committed());
        }
        assert!(total > 40, "the children wrote");
        Log::open(tmp.path()).expect("whole").close(b"tip").expect("closed");
        strictly(tmp.path()).expect("proved");
        assert!(files(tmp.path()).len() > 4, "kills hit several segments");
    }
    println!("{ROUNDS} kills: {torn} torn files, {idle} before the first word");
    assert!(idle <= ROUNDS / 3, "most children came to write: {idle}");
}

#[test]
fn two_processes_never_share_a_log() {
    let tmp = tempfile::tempdir().expect("tmp");
    let log = Log::create_with(Arc::new(RealDisk), tmp.path(), tiny()).expect("created");
    assert_eq!(killed(tmp.path(), 1, None), None, "the child was refused");
    assert!(matches!(Log::open(tmp.path()), Err(LogError::Busy(_))));
    drop(log);
    assert_eq!(killed(tmp.path(), 1, None), Some(1));
}
