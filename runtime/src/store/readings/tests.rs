//! What both stores promise, and what only the file does.

use std::fs;

use gridpact_agents::resource::registers::Base;
use gridpact_chain::terms::{Money, Timestamp};

use super::*;

fn reading(interval: u32) -> Reading {
    let consumed_wh = u64::from(interval) * 3;
    Reading { interval: Interval(interval), consumed_wh, ..Reading::default() }
}

fn standing(interval: u32) -> Standing {
    let at = Interval(interval + 1).starts_at(1800);
    let (registers, part) = Default::default();
    let quality = Default::default();
    Standing { base: Some(Base { at, registers, part, quality, is_open: false }), limit: None }
}

fn record(store: &mut dyn ReadingStore, device: DeviceIndex, intervals: std::ops::Range<u32>) {
    for at in intervals {
        store.record(device, &[reading(at)], &standing(at)).expect("kept");
    }
}

fn intervals(readings: &[Reading]) -> Vec<u32> {
    readings.iter().map(|reading| reading.interval.0).collect()
}

#[test]
fn what_is_kept_is_read_back_and_what_is_old_is_deleted() {
    let dir = tempfile::tempdir().expect("tmp");
    let disk = DiskReadings::open(&dir.path().join("readings.redb"), 1800).expect("new");
    let stores: [Box<dyn ReadingStore>; 2] = [Box::new(MemoryReadings::default()), Box::new(disk)];
    for mut store in stores {
        let store = &mut *store;
        assert_eq!(store.standing(1).expect("read"), Standing::default(), "never heard of");
        record(store, 1, 10..20);
        record(store, 2, 5..8);
        assert_eq!(store.standing(1).expect("read"), standing(19));
        assert_eq!(store.newest(1, 3).expect("read"), [reading(17), reading(18), reading(19)]);
        let some = store.between(1, Interval(12), Interval(14)).expect("read");
        assert_eq!(intervals(&some), [12, 13]);
        assert_eq!(store.between(1, Interval(14), Interval(12)).expect("read"), []);
        let again = Reading { consumed_wh: 7, ..reading(19) };
        store.record(1, std::slice::from_ref(&again), &standing(19)).expect("kept");
        assert_eq!(store.newest(1, 1).expect("read"), [again], "replaced, not doubled");
        store.forget(1, Interval(18)).expect("deleted");
        assert_eq!(intervals(&store.newest(1, 99).expect("read")), [18, 19]);
        assert_eq!(intervals(&store.newest(2, 99).expect("read")), [5, 6, 7], "another device");
        store.forget(2, Interval(99)).expect("deleted");
        assert_eq!(store.newest(2, 99).expect("read"), []);
        assert_eq!(store.standing(2).expect("read"), standing(7), "it goes on from there");
    }
}

#[test]
fn a_file_outlives_its_process_and_belongs_to_one_at_a_time() {
    let dir = tempfile::tempdir().expect("tmp");
    let file = dir.path().join("readings.redb");
    let mut store = DiskReadings::open(&file, 1800).expect("new");
    record(&mut store, 0, 0..50);
    let busy = DiskReadings::open(&file, 1800).expect_err("open already");
    assert!(matches!(busy, ReadingsError::Busy(_)) && busy.to_string().contains("readings.redb"));
    drop(store);
    let store = DiskReadings::open(&file, 1800).expect("again");
    assert_eq!(store.newest(0, 99).expect("read").len(), 50);
    assert_eq!(store.standing(0).expect("read"), standing(49));
    drop(store);
    let other = DiskReadings::open(&file, 900).expect_err("other intervals");
    assert!(matches!(other, ReadingsError::IntervalLength { found: 1800, wanted: 900, .. }));
}

#[test]
fn a_file_of_something_else_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().expect("tmp");
    let file = dir.path().join("letter.txt");
    let texts: [&[u8]; 2] = [b"Dear neighbour", &[b'x'; 40_000]];
    for text in texts {
        fs::write(&file, text).expect("written");
        let error = DiskReadings::open(&file, 1800).expect_err("no readings");
        assert!(matches!(error, ReadingsError::Foreign { .. }), "{error}");
        assert!(error.to_string().contains("letter.txt"), "{error}");
        assert_eq!(fs::read(&file).expect("still there"), text);
    }
    let file = dir.path().join("other.redb");
    let other = redb::Database::create(&file).expect("new");
    let write = other.begin_write().expect("begun");
    write.open_table(redb::TableDefinition::<u64, u64>::new("debts")).expect("made");
    write.commit().expect("written");
    drop(other);
    let error = DiskReadings::open(&file, 1800).expect_err("somebody else's database");
    assert!(matches!(error, ReadingsError::Foreign { .. }), "{error}");
}

/// Bytes that rot are found when the file is opened, or were not in use: never read as something else.
#[test]
fn a_damaged_file_is_refused_by_name_or_gives_back_what_was_kept() {
    let dir = tempfile::tempdir().expect("tmp");
    let file = dir.path().join("readings.redb");
    let mut store = DiskReadings::open(&file, 1800).expect("new");
    record(&mut store, 0, 0..40);
    let kept = store.newest(0, 99).expect("read");
    drop(store);
    let sound = fs::read(&file).expect("read");
    let found = sound.windows(12).position(|part| part == b"\"interval\":3").expect("as JSON");
    let spread = (0..120).map(|n| n * (sound.len() / 120));
    let mut refused = 0;
    for at in [found, found + 11].into_iter().chain(spread) {
        let mut bad = sound.clone();
        bad[at] ^= 0x10;
        fs::write(&file, &bad).expect("written");
        match DiskReadings::open(&file, 1800) {
            Ok(store) => assert_eq!(store.newest(0, 99).expect("read"), kept, "byte {at}"),
            Err(error) => {
                refused += 1;
                assert!(error.to_string().contains("readings.redb"), "{error}");
                if at == found {
                    assert!(matches!(error, ReadingsError::Damaged { .. }), "{error}");
                }
            }
        }
    }
    assert!(refused >= 2, "both flips within a reading were found");
}

#[test]
fn a_reading_keeps_everything_it_says() {
    use gridpact_agents::resource::nature::{Deferrable, FullNow, Stay};
    use gridpact_agents::resource::priority::GridLimit;
    use gridpact_agents::resource::reading::Quality;

    let dir = tempfile::tempdir().expect("tmp");
    let file = dir.path().join("readings.redb");
    let (from, until) = (Interval(3), Interval(9));
    let full = Reading {
        quality: Quality::Suspect,
        produced_wh: u64::MAX,
        curtailed_wh: 2,
        stored_wh: Some(3),
        stays: vec![Stay { arrival: from, departure: until, departure_wh: 4, trip_wh: 5 }],
        jobs: vec![Deferrable { from, until, energy_wh: 6, power_w: 7, is_run_once: false }],
        wish: Some(FullNow { at_most: Some(Money(8)) }),
        ..reading(2)
    };
    let valid_until = Timestamp(99);
    let limit = Some(GridLimit { consume_w: Some(1), produce_w: None, valid_until });
    let standing = Standing { limit, ..standing(2) };
    let mut store = DiskReadings::open(&file, 1800).expect("new");
    store.record(9, std::slice::from_ref(&full), &standing).expect("kept");
    drop(store);
    let store = DiskReadings::open(&file, 1800).expect("again");
    assert_eq!(store.newest(9, 9).expect("read"), [full]);
    assert_eq!(store.standing(9).expect("read"), standing);
}

#[test]
fn a_reading_of_before_there_were_wishes_is_read_and_written_as_ever() {
    let old = r#"{"interval":3,"quality":"Measured","consumed_wh":1,"produced_wh":0,"curtailed_wh":0,"stored_wh":5,"stays":[],"jobs":[]}"#;
    let read: Reading = serde_json::from_str(old).expect("read");
    assert_eq!((read.stored_wh, read.wish), (Some(5), None));
    assert_eq!(serde_json::to_string(&read).expect("written"), old);
}
