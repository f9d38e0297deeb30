//! Laws of forecasting: no bias, quantiles that are quantiles, local time.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;

const LOAD: SeriesId = SeriesId::Device(0);

fn utc() -> Arc<FixedOffset> {
    Arc::new(FixedOffset { slots_per_day: 48, ahead: 0 })
}

/// A household: two bumps a day, noise in proportion, lazy weekends; `seed` makes it this one.
fn household(seed: u64, days: u32) -> Vec<f64> {
    let mut state = seed | 1;
    let mut draw = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut mood: f64 = 0.0;
    (0..days * 48)
        .map(|t| {
            let hour = f64::from(t % 48) / 2.0;
            let late = if (t / 48 + 3) % 7 >= 5 { 1.5 } else { 0.0 };
            let bump = |at: f64, width: f64| (-((hour - at) / width).powi(2)).exp();
            mood = 0.6 * mood + 0.4 * (draw() - 0.5);
            let shape = 150.0 + 350.0 * bump(7.3 + late, 1.5) + 700.0 * bump(19.0, 2.5);
            // Kettles: rare and large, as in real half-hours.
            let kettle = if draw() < 0.1 { 600.0 * draw() } else { 0.0 };
            shape * (1.0 + mood) + kettle
        })
        .collect()
}

/// Forecast over actual energy, and mean absolute error, over the second half of `series`.
fn judge(series: &[f64], horizon: usize, every: usize) -> (f64, f64, f64) {
    let mut forecaster = LearnedForecaster::new(utc());
    let warm = series.len() / 2;
    forecaster.preload(LOAD, Interval(0), &series[..warm]);
    let (mut expected, mut actual, mut error) = (0.0, 0.0, 0.0);
    for now in warm..series.len() - horizon {
        if now % every == 0 {
            let ahead = forecaster.expect(LOAD, Interval(now as u32), horizon);
            expected += ahead.iter().sum::<f64>();
            for (f, a) in ahead.iter().zip(&series[now..]) {
                actual += a;
                error += (f - a).abs();
            }
        }
        forecaster.observe(LOAD, Interval(now as u32), series[now]);
    }
    (expected, actual, error)
}

#[test]
fn generated_households_are_forecast_without_bias() {
    for horizon in [4, 48] {
        let (mut expected, mut actual) = (0.0, 0.0);
        for seed in 1..40 {
            let (e, a, _) = judge(&household(seed * 7919, 28), horizon, 5);
            (expected, actual) = (expected + e, actual + a);
        }
        let bias = expected / actual - 1.0;
        assert!(bias.abs() < 0.03, "bias {bias} over {horizon} intervals");
    }
}

/// The homes of one recorded file, Wh.
fn recorded(path: &str) -> Vec<Vec<f64>> {
    let text = std::fs::read_to_string(path).expect("GRIDPACT_DATA holds the London homes");
    let row = |l: &str| -> Vec<f64> {
        l.split(',').skip(1).map(|v| v.parse::<f64>().expect("kWh") * 1e3).collect()
    };
    let rows: Vec<Vec<f64>> = text.lines().skip(1).map(row).collect();
    (0..rows[0].len()).map(|home| rows.iter().map(|r| r[home]).collect()).collect()
}

#[test]
fn real_homes_are_forecast_without_bias() {
    let Ok(dir) = std::env::var("GRIDPACT_DATA") else {
        println!("skipped: GRIDPACT_DATA names no directory with london_300/ and london_homes/");
        return;
    };
    for set in ["london_300", "london_homes"] {
        for horizon in [4, 48] {
            let (mut all_expected, mut all_actual) = (0.0, 0.0);
            for season in ["winter", "summer"] {
                let (mut expected, mut actual, mut error) = (0.0, 0.0, 0.0);
                for series in recorded(&format!("{dir}/{set}/load_{season}.csv")) {
                    let (e, a, x) = judge(&series, horizon, 7);
                    (expected, actual, error) = (expected + e, actual + a, error + x);
                }
                let (bias, error) = (expected / actual - 1.0, error / actual);
                println!("{set} {season}, {horizon} ahead: bias {bias:+.4}, error {error:.3}");
                // One season of london_300 is one week after another, and a thaw set in between:
                // that is weather, so only both seasons together tell the forecaster's own bias.
                assert!(bias.abs() < 0.06);
                (all_expected, all_actual) = (all_expected + expected, all_actual + actual);
            }
            let bias = all_expected / all_actual - 1.0;
            assert!(bias.abs() < 0.03, "{set}, {horizon} ahead: bias {bias}");
        }
    }
}

#[test]
fn quantiles_cover_their_share_and_those_of_sums_are_their_own() {
    let (mut below, mut blocks, mut trials) = (0, 0, 0);
    for seed in 1..60 {
        let series = household(seed * 104_729, 21);
        let mut forecaster = LearnedForecaster::new(utc());
        let now = 20 * 48 + (seed as usize * 5) % 40;
        forecaster.preload(LOAD, Interval(0), &series[..now]);
        for ahead in [1_usize, 3] {
            let from = Interval((now + ahead) as u32);
            let one = forecaster.quantile(LOAD, from, 1, 0.76);
            let sum = forecaster.quantile(LOAD, from, 4, 0.76);
            below += i32::from(series[now + ahead] <= one);
            blocks += i32::from(series[now + ahead..now + ahead + 4].iter().sum::<f64>() <= sum);
            trials += 1;
        }
    }
    for hits in [below, blocks] {
        let share = f64::from(hits) / f64::from(trials);
        assert!((share - 0.76).abs() < 0.12, "{share}");
    }
}

#[test]
fn a_cold_start_repeats_what_it_last_saw_then_yesterday() {
    let mut forecaster = LearnedForecaster::new(utc());
    assert_eq!(forecaster.expect(LOAD, Interval(0), 3), [0.0; 3]);
    forecaster.observe(LOAD, Interval(100), 250.0);
    assert_eq!(forecaster.expect(LOAD, Interval(101), 2)[0], 250.0);
    let day: Vec<f64> = (0..48).map(|t| f64::from(t) * 10.0).collect();
    let mut forecaster = LearnedForecaster::new(utc());
    forecaster.preload(LOAD, Interval(0), &day);
    let ahead = forecaster.expect(LOAD, Interval(48), 48);
    assert!((ahead[30] - 300.0).abs() < 40.0, "{}", ahead[30]);
}

/// Local time that jumps one hour forward at the start of interval 480.
struct SpringForward;

impl Calendar for SpringForward {
    fn slots_per_day(&self) -> u32 {
        48
    }
    fn slot_of_day(&self, at: Interval) -> u32 {
        (at.0 + if at.0 >= 480 { 2 } else { 0 }) % 48
    }
    fn day(&self, at: Interval) -> u32 {
        (at.0 + if at.0 >= 480 { 2 } else { 0 }) / 48
    }
}

#[test]
fn habits_follow_the_wall_clock_through_a_change_of_the_clocks() {
    let mut forecaster = LearnedForecaster::new(Arc::new(SpringForward));
    for t in 0..480_u32 {
        forecaster.observe(LOAD, Interval(t), if t % 48 == 36 { 900.0 } else { 100.0 });
    }
    // Dinner at slot 36 is two market intervals earlier now.
    let ahead = forecaster.expect(LOAD, Interval(480), 48);
    let dinner = ahead.iter().position(|wh| *wh > 500.0);
    assert_eq!(dinner, Some(34));
}

#[test]
fn a_generator_sleeps_at_night_and_stays_below_its_rating() {
    let sun = SeriesId::Device(1);
    let mut forecaster = LearnedForecaster::new(utc()).with_rated(sun, 2_000.0);
    let output = |t: u32| match t % 48 {
        s @ 14..=34 => 1_900.0 * (1.0 - (f64::from(s) - 24.0).abs() / 11.0),
        _ => 0.0,
    };
    for t in 0..10 * 48 + 24 {
        forecaster.observe(sun, Interval(t), output(t));
    }
    forecaster.observe(sun, Interval(10 * 48 + 24), 2_000.0);
    let ahead = forecaster.expect(sun, Interval(10 * 48 + 25), 48);
    assert!(ahead.iter().all(|wh| (0.0..=2_000.0).contains(wh)));
    assert!(ahead[16..30].iter().all(|wh| *wh == 0.0), "night");
}

#[test]
fn a_perfect_forecaster_knows() {
    let perfect = Perfect::new().with(LOAD, Interval(10), Arc::from([1_u32, 2, 3]));
    assert_eq!(perfect.expect(LOAD, Interval(9), 5), [0.0, 1.0, 2.0, 3.0, 0.0]);
    assert_eq!(perfect.quantile(LOAD, Interval(10), 3, 0.9), 6.0);
    assert_eq!(perfect.expect(SeriesId::Net, Interval(9), 1), [0.0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn no_load_is_expected_below_zero(values in proptest::collection::vec(0.0..3_000.0, 60..300)) {
        let mut forecaster = LearnedForecaster::new(utc());
        forecaster.preload(LOAD, Interval(7), &values);
        let from = Interval(7 + values.len() as u32);
        prop_assert!(forecaster.expect(LOAD, from, 60).iter().all(|wh| *wh >= -1e-9));
        let mut last = 0.0;
        for tau in [0.1, 0.5, 0.76, 0.9] {
            let q = forecaster.quantile(LOAD, from, 3, tau);
            prop_assert!(q >= last);
            last = q;
        }
    }
}
