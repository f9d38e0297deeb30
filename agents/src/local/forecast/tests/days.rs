//! Cold starts, silences, and days of 23 and 25 hours, for every method.

use super::*;

fn methods() -> impl Iterator<Item = (MethodName, LearnedForecaster)> {
    let names = MethodName::available().iter();
    names.map(|name| (*name, LearnedForecaster::with_method(utc(), *name)))
}

/// One repeats a value, the other knows no local time.
fn is_blunt(name: MethodName) -> bool {
    matches!(name, MethodName::Persistence | MethodName::Mstl)
}

#[test]
fn every_method_answers_from_the_first_reading_on() {
    let taus = [0.1, 0.5, 0.9];
    for (name, mut forecaster) in methods() {
        assert_eq!(forecaster.expect(LOAD, Interval(5), 3), [0.0; 3], "{name:?}");
        assert_eq!(forecaster.quantiles(LOAD, Interval(5), 3, &taus), [0.0; 3], "{name:?}");
        forecaster.observe(LOAD, Interval(100), 250.0);
        assert_eq!(forecaster.expect(LOAD, Interval(101), 3), [250.0; 3], "{name:?}");
        assert_eq!(forecaster.quantiles(LOAD, Interval(101), 4, &taus), [1_000.0; 3], "{name:?}");
        for (t, wh) in (101_u32..).zip(household(5, 3)) {
            forecaster.observe(LOAD, Interval(t), wh);
            let from = Interval(t + 1);
            let ahead = forecaster.expect(LOAD, from, 48);
            assert!(ahead.iter().all(|wh| wh.is_finite() && *wh >= 0.0), "{name:?} at {t}");
            let q = forecaster.quantiles(LOAD, from, 4, &taus);
            let in_order = q.windows(2).all(|two| two[0] <= two[1]);
            assert!(in_order && q.iter().all(|q| q.is_finite()), "{name:?} at {t}: {q:?}");
        }
        let day: f64 = forecaster.expect(LOAD, Interval(101 + 144), 48).iter().sum();
        let mean = household(5, 3).iter().sum::<f64>() / 3.0;
        assert!(is_blunt(name) || (day / mean - 1.0).abs() < 0.3, "{name:?}: {day} of {mean}");
    }
}

#[test]
fn a_sum_without_a_shape_says_how_much_until_there_is_a_past() {
    for (name, mut forecaster) in methods() {
        for t in 0..20 {
            forecaster.observe_shared(LOAD, Interval(t), 300.0);
        }
        forecaster.observe_shared(LOAD, Interval(20), f64::NAN);
        assert_eq!(forecaster.expect(LOAD, Interval(21), 2), [300.0; 2], "{name:?}");
        assert_eq!(forecaster.quantile(LOAD, Interval(21), 4, 0.9), 1_200.0, "{name:?}");
        forecaster.observe(LOAD, Interval(21), 80.0);
        assert_eq!(forecaster.expect(LOAD, Interval(22), 1), [80.0], "{name:?}");
    }
}

/// Whether the line to the meter is down: every third evening, and now and then for some hours.
fn is_silent(t: usize) -> bool {
    let (day, slot) = (t / 48, t % 48);
    day % 3 == 0 && (33..44).contains(&slot) || day % 7 == 4 && (10..25).contains(&slot)
}

/// What is told of a home behind such a line: what happened in a silence comes as even shares.
fn judge_behind_a_line(
    series: &[f64],
    shared: fn(&mut LearnedForecaster, Interval, f64),
) -> Judged {
    let mut forecaster = LearnedForecaster::new(utc());
    let mut judged = Judged::default();
    let mut silence = Vec::new();
    for (now, wh) in series.iter().enumerate() {
        let from = Interval(now as u32);
        if now > series.len() / 2 && now % 11 == 0 && now + 48 <= series.len() {
            let expected = forecaster.expect(LOAD, from, 48);
            judged.expected += expected.iter().sum::<f64>();
            for (ahead, actual) in series[now..now + 48].iter().enumerate() {
                let q = forecaster.quantiles(LOAD, from.plus(ahead as u32), 1, &[0.1, 0.5, 0.9]);
                judged.actual += actual;
                judged.error += (q[1] - actual).abs();
                judged.covered[0] += f64::from(u8::from((q[0]..=q[2]).contains(actual)));
                judged.n[0] += 1.0;
            }
            for start in (0..48).step_by(4) {
                let q = forecaster.quantiles(LOAD, from.plus(start as u32), 4, &[0.1, 0.9]);
                let sum: f64 = series[now + start..now + start + 4].iter().sum();
                judged.covered[1] += f64::from(u8::from((q[0]..=q[1]).contains(&sum)));
                judged.n[1] += 1.0;
            }
        }
        silence.push(*wh);
        if is_silent(now) {
            continue;
        }
        let first = now + 1 - silence.len();
        let mean = silence.iter().sum::<f64>() / silence.len() as f64;
        match silence.len() {
            1 => forecaster.observe(LOAD, from, *wh),
            n => (first..first + n).for_each(|t| shared(&mut forecaster, Interval(t as u32), mean)),
        }
        silence.clear();
    }
    judged
}

#[test]
fn silences_bias_neither_the_expectation_nor_the_quantiles() {
    let all = |shared: fn(&mut LearnedForecaster, Interval, f64)| {
        let mut all = Judged::default();
        for seed in 1..16 {
            all.add(&judge_behind_a_line(&household(seed * 7_919, 35), shared));
        }
        all
    };
    let as_gaps = all(|forecaster, at, wh| forecaster.observe_shared(LOAD, at, wh));
    assert!(as_gaps.bias().abs() < 0.03, "{}", as_gaps.bias());
    for i in 0..2 {
        let covered = as_gaps.covered[i] / as_gaps.n[i];
        assert!((0.75..=0.85).contains(&covered), "{covered}");
    }
    let as_values = all(|forecaster, at, wh| forecaster.observe(LOAD, at, wh));
    assert!(as_gaps.error < 0.98 * as_values.error, "a share taken for a value spoils the habit");
}

#[test]
fn habits_hold_through_days_of_23_and_25_hours_and_after_them() {
    // One interval of the wall clock in which dinner is cooked.
    const DINNER: u32 = 36;
    let calendars: [(Arc<dyn Calendar>, u32); 2] =
        [(Arc::new(SpringForward), 46), (Arc::new(FallBack), 50)];
    for (calendar, length) in calendars {
        let wh = |t: u32| match calendar.slot_of_day(Interval(t)) {
            DINNER => 900.0,
            _ => 100.0,
        };
        let names = MethodName::available().iter().filter(|name| !is_blunt(**name));
        for name in names.copied().map(Some).chain([None]) {
            let mut forecaster = match name {
                Some(name) => LearnedForecaster::with_method(Arc::clone(&calendar), name),
                None => LearnedForecaster::new(Arc::clone(&calendar)),
            };
            for now in 0..480 + 9 * 48 {
                // Before the night, within it, on the day itself and on each day after it.
                if now >= 480 - 24 && now % 7 == 0 {
                    let from = Interval(now);
                    for (ahead, at) in forecaster.expect(LOAD, from, 50).iter().zip(now..) {
                        let is_near = name != Some(MethodName::Similar) && name.is_some();
                        let off = if is_near { 1.0 } else { 450.0 };
                        assert!((ahead - wh(at)).abs() <= off, "{name:?}, {now}: {at} is {ahead}");
                    }
                    let dinner = (now..).find(|t| wh(*t) > 100.0).expect("every day has one");
                    let q = forecaster.quantiles(LOAD, Interval(dinner), 1, &[0.1, 0.5, 0.9]);
                    assert!(q[1] > 450.0, "{name:?}, {now}: {q:?}");
                }
                if now == 480 {
                    let day = forecaster.expect(LOAD, Interval(now), length as usize);
                    let wanted = f64::from(length) * 100.0 + 800.0;
                    let day: f64 = day.iter().sum();
                    assert!((day / wanted - 1.0).abs() < 0.05, "{name:?}: {day} of {wanted}");
                }
                forecaster.observe(LOAD, Interval(now), wh(now));
            }
        }
    }
}
