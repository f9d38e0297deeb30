use proptest::prelude::*;

use super::*;

const LENGTH_S: u32 = 900;

fn begins(interval: u32) -> Timestamp {
    Interval(interval).starts_at(LENGTH_S)
}

fn at(ms: u64, import_wh: u64) -> Telemetry {
    let registers = Counts { import_wh, ..Counts::default() };
    Telemetry { at: begins(100).after_ms(ms), registers, ..Telemetry::default() }
}

/// Takes a sample the moment it was made.
fn take(registers: &mut Registers, sample: &Telemetry) -> Result<Vec<Reading>, Refusal> {
    registers.take(sample.at, &Nature::Load, sample)
}

fn energies(readings: &[Reading]) -> Vec<(u32, u64, Quality)> {
    readings.iter().map(|r| (r.interval.0, r.consumed_wh, r.quality)).collect()
}

const MINUTE: u64 = 60_000;

#[test]
fn samples_on_the_boundaries_give_measured_energies() {
    let mut registers = Registers::new(LENGTH_S, None);
    assert_eq!(take(&mut registers, &at(0, 5_000)), Ok(vec![]));
    assert_eq!(take(&mut registers, &at(5 * MINUTE, 5_070)), Ok(vec![]), "nothing has ended");
    let readings = take(&mut registers, &at(15 * MINUTE, 5_300)).expect("good");
    assert_eq!(energies(&readings), [(100, 300, Quality::Measured)]);
}

#[test]
fn a_boundary_between_samples_is_estimated_on_both_sides() {
    let mut registers = Registers::new(LENGTH_S, None);
    take(&mut registers, &at(0, 0)).expect("good");
    let readings = take(&mut registers, &at(20 * MINUTE, 200)).expect("good");
    assert_eq!(energies(&readings), [(100, 150, Quality::Estimated)]);
    let readings = take(&mut registers, &at(30 * MINUTE, 290)).expect("good");
    assert_eq!(energies(&readings), [(101, 140, Quality::Estimated)]);
    let readings = take(&mut registers, &at(45 * MINUTE, 300)).expect("good");
    assert_eq!(energies(&readings), [(102, 10, Quality::Measured)]);
}

#[test]
fn a_silence_is_shared_out_and_only_its_end_knows_the_state() {
    let mut registers = Registers::new(LENGTH_S, None);
    take(&mut registers, &at(0, 0)).expect("good");
    let job = crate::resource::nature::Deferrable {
        from: Interval(110),
        until: Interval(112),
        energy_wh: 5,
        power_w: 5,
        is_run_once: false,
    };
    let sample = Telemetry { jobs: vec![job], ..at(45 * MINUTE, 100) };
    let readings = registers.take(sample.at, &Nature::Deferrable, &sample).expect("good");
    let estimated = Quality::Estimated;
    assert_eq!(
        energies(&readings),
        [(100, 33, estimated), (101, 33, estimated), (102, 34, estimated)]
    );
    let jobs: Vec<usize> = readings.iter().map(|reading| reading.jobs.len()).collect();
    assert_eq!(jobs, [0, 0, 1]);
}

#[test]
fn a_silence_at_the_limit_is_shared_out_and_one_beyond_it_begins_anew() {
    let length_ms = u64::from(LENGTH_S) * 1000;
    for (intervals, refused) in
        [(GAP_INTERVALS_MAX - 1, false), (GAP_INTERVALS_MAX, false), (GAP_INTERVALS_MAX + 1, true)]
    {
        let mut registers = Registers::new(LENGTH_S, None);
        take(&mut registers, &at(0, 0)).expect("good");
        let late = at(u64::from(intervals) * length_ms, 7_777);
        match take(&mut registers, &late) {
            Ok(readings) => {
                assert!(!refused);
                assert_eq!(readings.len(), intervals as usize);
                assert_eq!(readings.iter().map(|r| r.consumed_wh).sum::<u64>(), 7_777);
            }
            Err(refusal) => {
                assert!(refused);
                assert_eq!(refusal, Refusal::Gap);
                let next = at(u64::from(intervals + 1) * length_ms, 7_787);
                let readings = take(&mut registers, &next).expect("good");
                let suspect = (100, 0, Quality::Suspect);
                let measured = (100 + intervals, 10, Quality::Measured);
                assert_eq!(energies(&readings), [suspect, measured]);
            }
        }
    }
}

#[test]
fn a_stale_sample_is_refused_just_beyond_the_limit() {
    let limit_ms = u64::from(STALE_AFTER_INTERVALS) * u64::from(LENGTH_S) * 1000;
    for (age_ms, wanted) in
        [(limit_ms - 1, Ok(vec![])), (limit_ms, Ok(vec![])), (limit_ms + 1, Err(Refusal::Stale))]
    {
        let sample = at(0, 0);
        let now = sample.at.after_ms(age_ms);
        let mut registers = Registers::new(LENGTH_S, None);
        assert_eq!(registers.take(now, &Nature::Load, &sample), wanted, "{age_ms} ms");
    }
}

#[test]
fn an_exchanged_meter_invents_nothing_and_loses_nothing_it_has_counted() {
    let mut registers = Registers::new(LENGTH_S, None);
    take(&mut registers, &at(0, 90_000)).expect("good");
    take(&mut registers, &at(5 * MINUTE, 90_040)).expect("good");
    assert_eq!(take(&mut registers, &at(7 * MINUTE, 3)), Err(Refusal::Backwards));
    assert_eq!(take(&mut registers, &at(10 * MINUTE, 23)), Ok(vec![]), "it goes on from there");
    let readings = take(&mut registers, &at(15 * MINUTE, 63)).expect("good");
    assert_eq!(energies(&readings), [(100, 40 + 60, Quality::Suspect)]);
    let readings = take(&mut registers, &at(30 * MINUTE, 163)).expect("good");
    assert_eq!(energies(&readings), [(101, 100, Quality::Measured)]);
}

#[test]
fn a_meter_exchanged_over_some_intervals_leaves_a_hole() {
    let mut registers = Registers::new(LENGTH_S, None);
    take(&mut registers, &at(0, 900)).expect("good");
    take(&mut registers, &at(5 * MINUTE, 940)).expect("good");
    assert_eq!(take(&mut registers, &at(50 * MINUTE, 0)), Err(Refusal::Backwards));
    let readings = take(&mut registers, &at(60 * MINUTE, 30)).expect("good");
    let suspect = Quality::Suspect;
    assert_eq!(energies(&readings), [(100, 40, suspect), (103, 30, suspect)]);
}

#[test]
fn a_register_that_jumps_is_a_new_meter_only_if_the_next_sample_agrees() {
    let mut registers = Registers::new(LENGTH_S, None);
    take(&mut registers, &at(0, 100)).expect("good");
    let jumped = at(5 * MINUTE, u64::MAX);
    assert_eq!(take(&mut registers, &jumped), Err(Refusal::Consumption));
    let readings = take(&mut registers, &at(15 * MINUTE, 400)).expect("a slip");
    assert_eq!(energies(&readings), [(100, 300, Quality::Measured)]);
    assert_eq!(take(&mut registers, &at(20 * MINUTE, 5_000_000)), Err(Refusal::Consumption));
    assert_eq!(take(&mut registers, &at(25 * MINUTE, 5_000_050)), Ok(vec![]));
    let readings = take(&mut registers, &at(30 * MINUTE, 5_000_100)).expect("the new meter");
    assert_eq!(energies(&readings), [(101, 100, Quality::Suspect)]);
}

#[test]
fn a_device_that_estimates_makes_estimates() {
    let mut registers = Registers::new(LENGTH_S, None);
    take(&mut registers, &at(0, 0)).expect("good");
    let guess = Telemetry { quality: Quality::Estimated, ..at(15 * MINUTE, 10) };
    let readings = take(&mut registers, &guess).expect("good");
    assert_eq!(energies(&readings), [(100, 10, Quality::Estimated)]);
}

#[test]
fn a_silence_is_marked_as_shared_and_samples_a_little_off_the_boundary_are_not() {
    let shared = |samples: &[u64]| -> Vec<bool> {
        let mut registers = Registers::new(LENGTH_S, None);
        let readings = samples.iter().flat_map(|ms| take(&mut registers, &at(*ms, ms / 500)));
        readings.flatten().map(|reading| reading.is_shared).collect()
    };
    let every_quarter = |off: u64| (0..6).map(|n| n * 15 * MINUTE + off).collect::<Vec<_>>();
    assert_eq!(shared(&every_quarter(0)), [false; 5]);
    // The first is suspect for its beginning: it has not been metered.
    let near_ms = 15 * MINUTE / NEAR_PART;
    assert_eq!(shared(&every_quarter(near_ms))[1..], [false; 4], "just near enough");
    assert_eq!(shared(&every_quarter(near_ms + 1))[1..], [true; 4], "too far");
    // From 0:15 to 1:20 nothing is heard: what began or ended in between has no shape.
    let silence = [0, 15 * MINUTE, 80 * MINUTE, 90 * MINUTE, 105 * MINUTE];
    assert_eq!(shared(&silence), [false, true, true, true, true, true, false]);
}

#[test]
fn a_later_life_knows_of_a_silence_that_its_interval_began_in() {
    let mut registers = Registers::new(LENGTH_S, None);
    for ms in [0, 38 * MINUTE] {
        take(&mut registers, &at(ms, ms / 500)).expect("good");
    }
    let mut later = Registers::new(LENGTH_S, registers.base());
    let readings = take(&mut later, &at(45 * MINUTE, 45 * 120)).expect("good");
    assert!(readings[0].is_shared, "it began at 0:30, eight minutes before a sample");
}

/// A meter by the minute: what it has counted, in Wh.
fn meter() -> impl Strategy<Value = Vec<u64>> {
    proptest::collection::vec(0_u64..400, 30..200).prop_map(|steps| {
        let mut sum = 0;
        let counted = steps.into_iter().map(|step| {
            sum += step;
            sum
        });
        counted.collect()
    })
}

/// Hears the meter at these minutes, and at the last boundary it reaches.
fn hear(meter: &[u64], minutes: &[usize], registers: &mut Registers) -> Vec<Reading> {
    let last = (meter.len() - 1) / 15 * 15;
    let mut minutes: Vec<usize> =
        minutes.iter().copied().filter(|m| *m < last).chain([0, last]).collect();
    minutes.sort_unstable();
    minutes.dedup();
    let sample = |minute: usize| at(minute as u64 * MINUTE, meter[minute]);
    minutes.iter().flat_map(|m| take(registers, &sample(*m)).expect("plausible")).collect()
}

proptest! {
    #[test]
    fn any_sampling_gives_the_same_sum_and_never_a_gap(
        meter in meter(),
        minutes in proptest::collection::vec(0_usize..200, 0..60),
    ) {
        let readings = hear(&meter, &minutes, &mut Registers::new(LENGTH_S, None));
        let last = (meter.len() - 1) / 15;
        let sum: u64 = readings.iter().map(|reading| reading.consumed_wh).sum();
        prop_assert_eq!(sum, meter[last * 15] - meter[0]);
        let intervals: Vec<u32> = readings.iter().map(|reading| reading.interval.0).collect();
        prop_assert_eq!(intervals, (100..100 + last as u32).collect::<Vec<_>>());
        for reading in &readings {
            let first = (reading.interval.0 - 100) as usize * 15;
            let is_exact = [first, first + 15].iter().all(|m| minutes.contains(m) || [0, last * 15].contains(m));
            prop_assert_eq!(reading.quality == Quality::Measured, is_exact);
            if is_exact {
                prop_assert_eq!(reading.consumed_wh, meter[first + 15] - meter[first]);
            }
        }
    }

    #[test]
    fn a_later_life_goes_on_where_the_base_was_kept(
        meter in meter(),
        minutes in proptest::collection::vec(0_usize..200, 0..60),
        broken in 1_usize..200,
    ) {
        let whole = hear(&meter, &minutes, &mut Registers::new(LENGTH_S, None));
        let sum: u64 = whole.iter().map(|reading| reading.consumed_wh).sum();
        // The life ends at some minute; what it kept last is the base of its last reading.
        let last = (meter.len() - 1) / 15 * 15;
        let end = broken.min(last - 1);
        let heard: std::collections::BTreeSet<usize> =
            minutes.iter().copied().filter(|m| *m > 0 && *m <= end).collect();
        let mut first = Registers::new(LENGTH_S, None);
        take(&mut first, &at(0, meter[0])).expect("good");
        let (mut readings, mut kept) = (Vec::new(), first.base());
        for minute in heard {
            let said = take(&mut first, &at(minute as u64 * MINUTE, meter[minute])).expect("good");
            if !said.is_empty() {
                kept = first.base();
            }
            readings.extend(said);
        }
        let mut second = Registers::new(LENGTH_S, kept);
        let sample = at(last as u64 * MINUTE, meter[last]);
        readings.extend(take(&mut second, &sample).expect("good"));
        let again: u64 = readings.iter().map(|reading| reading.consumed_wh).sum();
        prop_assert_eq!(again, sum, "nothing lost, nothing doubled");
        let intervals: Vec<u32> = readings.iter().map(|reading| reading.interval.0).collect();
        prop_assert_eq!(intervals, (100..100 + (last / 15) as u32).collect::<Vec<_>>());
    }

    #[test]
    fn no_refused_sample_changes_a_reading(
        meter in meter(),
        minutes in proptest::collection::vec(1_usize..200, 1..40),
        kind in 0_usize..7,
        after in 0_usize..40,
    ) {
        let last = (meter.len() - 1) / 15 * 15;
        let mut times: Vec<usize> = minutes.iter().copied().filter(|m| *m < last).chain([0, last]).collect();
        times.sort_unstable();
        times.dedup();
        let clean = hear(&meter, &minutes, &mut Registers::new(LENGTH_S, None));
        let mut registers = Registers::new(LENGTH_S, None);
        let mut readings = Vec::new();
        for (index, minute) in times.iter().enumerate() {
            let good = at(*minute as u64 * MINUTE, meter[*minute]);
            readings.extend(take(&mut registers, &good).expect("plausible"));
            if index == after % times.len() {
                let soon = good.at.after_ms(1);
                let before = registers.base();
                let mut bad = Telemetry { at: soon, ..good.clone() };
                bad.registers.import_wh += 1_000;
                let mut now = soon;
                let wanted = match kind {
                    0 => Refusal::Consumption,
                    1 => { bad.at = good.at; Refusal::Duplicate }
                    2 => { bad.at = Timestamp(good.at.0 - 1); Refusal::OutOfOrder }
                    3 => { now = good.at; Refusal::FromTheFuture }
                    4 => { now = soon.after_ms(u64::from(LENGTH_S) * 2_000 + 1); Refusal::Stale }
                    5 => { bad.quality = Quality::Suspect; Refusal::Suspect }
                    _ => { bad.stored_wh = Some(1); Refusal::Storage }
                };
                prop_assert_eq!(registers.take(now, &Nature::Load, &bad), Err(wanted));
                prop_assert_eq!(registers.base(), before);
            }
        }
        prop_assert_eq!(readings, clean);
    }
}
