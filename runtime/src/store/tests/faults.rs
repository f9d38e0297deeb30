//! Whatever a disk does: nothing acknowledged is lost, nothing unacknowledged is half there, and
//! opening says what it found.

use super::faulty::{Fault, FaultyDisk, Lies};
use super::*;

/// Groups of one life: with these sizes every second one begins a segment.
const GROUPS: u64 = 6;
const SIZES: Sizes = Sizes { segment: 900, step: 300 };

/// What a life has come to.
#[derive(Debug, Default)]
struct Life {
    is_created: bool,
    /// What was said in each group, in order.
    groups: Vec<Said>,
    /// Groups that were acknowledged.
    acknowledged: usize,
}

impl Life {
    fn said(&self, groups: usize) -> Said {
        self.groups[..groups].concat()
    }
}

/// Group `n`, not committed; some are longer than a sector.
fn says(log: &mut Log, n: u64) -> Said {
    let long = vec![n as u8; if n.is_multiple_of(3) { 700 } else { 20 }];
    let mut said = vec![(Kind::Pair, n, long), (Kind::Vote, n, vec![n as u8; 3])];
    if n.is_multiple_of(2) {
        said.push((Kind::Proof, n, format!("proof of {n}").into_bytes()));
    }
    for (kind, height, payload) in &said {
        log.append(*kind, *height, payload).expect("memory");
    }
    said
}

/// Creates a log and writes groups, asking up to `tries` times for each commit.
fn live(disk: &FaultyDisk, dir: &Path, tries: usize) -> (Life, Option<Log>) {
    let mut life = Life::default();
    let Ok(mut log) = Log::create_with(Arc::new(disk.clone()), dir, SIZES) else {
        return (life, None);
    };
    life.is_created = true;
    for n in 1..=GROUPS {
        life.groups.push(says(&mut log, n));
        if !(0..tries).any(|_| log.commit().is_ok()) {
            return (life, None);
        }
        life.acknowledged += 1;
    }
    (life, Some(log))
}

fn open(disk: &FaultyDisk, dir: &Path) -> Result<(Log, Said), LogError> {
    let mut frames = Vec::new();
    let log = Log::open_with(Arc::new(disk.clone()), dir, SIZES, |frame| frames.push(frame))?;
    Ok((log, said(&frames)))
}

/// Whether `found` is a life up to the end of some group, and of which one.
fn groups_of(life: &Life, found: &Said) -> Option<usize> {
    (0..=life.groups.len()).find(|groups| life.said(*groups) == *found)
}

/// Goes on in what was found, and reads all of it back strictly.
fn goes_on(mut log: Log, dir: &Path, mut found: Said) {
    found.extend(says(&mut log, 100));
    log.commit().expect("the disk is sound again");
    log.close(b"tip").expect("closed");
    found.push((Kind::Closed, 100, b"tip".to_vec()));
    assert_eq!(strictly(dir).expect("proved"), found);
}

/// Operations of a whole life.
fn operations() -> u64 {
    let tmp = tempfile::tempdir().expect("tmp");
    let disk = FaultyDisk::over(tmp.path(), 0);
    let (life, log) = live(&disk, tmp.path(), 1);
    assert!(log.is_some() && life.acknowledged as u64 == GROUPS);
    assert!(files(tmp.path()).len() >= 6, "several segments");
    disk.done()
}

#[test]
fn a_power_cut_at_any_operation_loses_nothing_that_was_acknowledged() {
    let (mut whole, mut more, mut damaged) = (0, 0, 0);
    for at in 0..operations() {
        for seed in 0..12 {
            let tmp = tempfile::tempdir().expect("tmp");
            let disk = FaultyDisk::over(tmp.path(), at * 100 + seed);
            disk.plan(at, Fault::PowerCut);
            let (life, log) = live(&disk, tmp.path(), 1);
            drop(log);
            disk.restart();
            let before: Vec<_> =
                files(tmp.path()).iter().map(|f| fs::read(f).expect("read")).collect();
            match open(&disk, tmp.path()) {
                Ok((log, found)) => {
                    let groups = groups_of(&life, &found);
                    let groups = groups.unwrap_or_else(|| panic!("op {at} seed {seed}: {found:?}"));
                    assert!(groups >= life.acknowledged, "op {at} seed {seed}: {groups} {life:?}");
                    assert!(groups <= life.acknowledged + 1, "one group at most was under way");
                    whole += 1;
                    more += usize::from(groups > life.acknowledged);
                    goes_on(log, tmp.path(), found);
                }
                Err(LogError::Missing(_)) if !life.is_created => {}
                // Sectors of the torn group came to the disk out of order: whole frames behind a
                // hole could be acknowledged ones, so nothing is cut.
                Err(LogError::Damage { what, .. }) => {
                    assert_eq!(what, "no whole frame lies here, but one follows");
                    let after = files(tmp.path());
                    assert!(after.iter().map(|f| fs::read(f).expect("read")).eq(before));
                    damaged += 1;
                }
                Err(error) => panic!("op {at} seed {seed}: {error}"),
            }
        }
    }
    assert!(whole > 500 && more > 5, "{whole} {more}");
    assert!(damaged * 50 < whole, "{damaged} of {whole} need an operator or a peer");
}

#[test]
fn after_any_single_failure_the_log_heals_from_its_bytes_and_goes_on() {
    for fault in [Fault::Short, Fault::Eio, Fault::NoSpace] {
        for at in 0..operations() {
            for seed in 0..3 {
                let tmp = tempfile::tempdir().expect("tmp");
                let disk = FaultyDisk::over(tmp.path(), at * 10 + seed);
                disk.plan(at, fault);
                let (life, log) = live(&disk, tmp.path(), 2);
                let Some(log) = log else {
                    assert!(!life.is_created, "{fault:?} at {at}: {life:?}");
                    continue;
                };
                assert!(disk.has_failed());
                let all = life.said(life.groups.len());
                // What was acknowledged after the failure outlives a power cut as well.
                drop(log);
                disk.restart();
                let (log, found) = open(&disk, tmp.path()).expect("whole");
                assert_eq!(found, all, "{fault:?} at {at}");
                goes_on(log, tmp.path(), found);
            }
        }
    }
}

#[test]
fn nothing_of_a_failed_group_is_acknowledged() {
    for fault in [Fault::Short, Fault::Eio, Fault::NoSpace] {
        for at in 0..operations() {
            let tmp = tempfile::tempdir().expect("tmp");
            let disk = FaultyDisk::over(tmp.path(), at);
            disk.plan(at, fault);
            let (life, log) = live(&disk, tmp.path(), 1);
            if !life.is_created {
                continue;
            }
            assert!(log.is_none(), "{fault:?} at {at} was said");
            // The process ends here and the next one finds what the first has written.
            let (log, found) = open(&disk, tmp.path()).expect("at most torn");
            let groups = groups_of(&life, &found).expect("whole groups");
            assert!(groups >= life.acknowledged, "{fault:?} at {at}");
            goes_on(log, tmp.path(), found);
        }
    }
}

#[test]
fn under_a_disk_that_lies_a_loss_is_noticed_or_leaves_a_clean_prefix() {
    let (mut prefixes, mut noticed) = (0, 0);
    let lies = [(true, false), (false, true), (true, true)];
    for (flush, names) in lies {
        for at in 0..operations() {
            for seed in 0..6 {
                let tmp = tempfile::tempdir().expect("tmp");
                let disk = FaultyDisk::over(tmp.path(), at * 100 + seed);
                disk.lie(Lies { flush, names });
                disk.plan(at, Fault::PowerCut);
                let (life, log) = live(&disk, tmp.path(), 1);
                drop(log);
                disk.lie(Lies::default());
                disk.restart();
                match open(&disk, tmp.path()) {
                    Ok((log, found)) => {
                        assert!(groups_of(&life, &found).is_some(), "op {at} seed {seed}");
                        prefixes += 1;
                        goes_on(log, tmp.path(), found);
                    }
                    Err(LogError::Damage { .. } | LogError::Missing(_)) => noticed += 1,
                    Err(error) => panic!("op {at} seed {seed}: {error}"),
                }
            }
        }
    }
    assert!(prefixes > 100 && noticed > 100, "{prefixes} {noticed}");
}

#[test]
fn a_full_disk_holds_a_group_back_until_there_is_room_and_a_clean_stop_needs_none() {
    let tmp = tempfile::tempdir().expect("tmp");
    let disk = FaultyDisk::over(tmp.path(), 0);
    let mut log = Log::create_with(Arc::new(disk.clone()), tmp.path(), SIZES).expect("created");
    let mut all = says(&mut log, 1);
    log.commit().expect("written");
    disk.limit(Some(0));
    let mut held = Vec::new();
    for n in 2..6 {
        held.extend(says(&mut log, n));
        match log.commit() {
            Ok(_) => all.append(&mut held),
            Err(error) => assert!(error.is_no_room(), "{error}"),
        }
    }
    assert!(!held.is_empty(), "it came to its limit");
    disk.limit(None);
    log.commit().expect("there is room again");
    all.append(&mut held);
    disk.limit(Some(0));
    log.close(b"tip").expect("the end frame has its room");
    all.push((Kind::Closed, 5, b"tip".to_vec()));
    // Groups that waited are one group: its proofs come last.
    let mut found = strictly(tmp.path()).expect("proved");
    for said in [&mut found, &mut all] {
        said.sort_by_key(|(kind, height, _)| (*height, *kind as u8));
    }
    assert_eq!(found, all);
}
