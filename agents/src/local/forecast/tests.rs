//! Laws of forecasting: no bias, quantiles that are quantiles, local time.

mod days;

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

/// What forecasts of one series, or of several, came to.
#[derive(Debug, Clone, Copy, Default)]
struct Judged {
    expected: f64,
    actual: f64,
    /// Absolute error of the P50.
    error: f64,
    /// Half-hours, and sums over blocks of four, between P10 and P90; and how many of each.
    covered: [f64; 2],
    n: [f64; 2],
}

impl Judged {
    fn add(&mut self, other: &Self) {
        self.expected += other.expected;
        self.actual += other.actual;
        self.error += other.error;
        for i in 0..2 {
            self.covered[i] += other.covered[i];
            self.n[i] += other.n[i];
        }
    }

    fn bias(&self) -> f64 {
        self.expected / self.actual - 1.0
    }
}

/// Learns the first part of `series`, forecasts the rest every `every` intervals.
fn judge(
    mut forecaster: LearnedForecaster,
    series: &[f64],
    horizon: usize,
    every: usize,
) -> Judged {
    let warm = series.len() * 2 / 5;
    forecaster.preload(LOAD, Interval(0), &series[..warm]);
    let mut judged = Judged::default();
    for now in warm..series.len() - horizon {
        let from = Interval(now as u32);
        if now % every == 0 {
            judged.expected += forecaster.expect(LOAD, from, horizon).iter().sum::<f64>();
            for (at, actual) in (from.0..).zip(&series[now..now + horizon]) {
                let q = forecaster.quantiles(LOAD, Interval(at), 1, &[0.1, 0.5, 0.9]);
                judged.actual += actual;
                judged.error += (q[1] - actual).abs();
                judged.covered[0] += f64::from(u8::from((q[0]..=q[2]).contains(actual)));
                judged.n[0] += 1.0;
            }
            for start in (0..horizon).step_by(4) {
                let q = forecaster.quantiles(LOAD, from.plus(start as u32), 4, &[0.1, 0.9]);
                let sum: f64 = series[now + start..now + start + 4].iter().sum();
                judged.covered[1] += f64::from(u8::from((q[0]..=q[1]).contains(&sum)));
                judged.n[1] += 1.0;
            }
        }
        forecaster.observe(LOAD, from, series[now]);
    }
    judged
}

#[test]
fn generated_households_are_forecast_without_bias() {
    for horizon in [4, 48] {
        let mut judged = Judged::default();
        for seed in 1..24 {
            let home = household(seed * 7919, 28);
            judged.add(&judge(LearnedForecaster::new(utc()), &home, horizon, 11));
        }
        assert!(judged.bias().abs() < 0.02, "{} over {horizon} intervals", judged.bias());
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

/// All homes of a season, every forecast with the method of this name, or each home's choice.
fn season(homes: &[Vec<f64>], name: Option<MethodName>, horizon: usize) -> Judged {
    let mut all = Judged::default();
    for series in homes {
        let forecaster = match name {
            Some(name) => LearnedForecaster::with_method(utc(), name),
            None => LearnedForecaster::new(utc()),
        };
        all.add(&judge(forecaster, series, horizon, 47));
    }
    all
}

/// The promise of protocol 3.1 on ten weeks of 55 homes, four of them to learn from.
#[test]
fn real_homes_are_forecast_a_third_better_than_by_habit_without_bias_and_with_honest_bounds() {
    let Ok(dir) = std::env::var("GRIDPACT_DATA") else {
        println!("skipped: GRIDPACT_DATA names no directory with london_homes/");
        return;
    };
    for which in ["winter", "summer"] {
        let homes = recorded(&format!("{dir}/london_homes/load_{which}.csv"));
        for (horizon, better) in [(4, 0.33), (48, 0.25)] {
            let auto = season(&homes, None, horizon);
            let naive = [MethodName::Persistence, MethodName::SeasonalDay];
            let naive = naive.map(|name| season(&homes, Some(name), horizon).error);
            let gain = 1.0 - auto.error / naive[0].min(naive[1]);
            let covered = [0, 1].map(|i| auto.covered[i] / auto.n[i]);
            println!("{which}, {horizon}: gain {gain:.3}, bias {:+.4}, {covered:.3?}", auto.bias());
            assert!(gain > better, "{which}, {horizon} ahead: {gain}");
            assert!(auto.bias().abs() < 0.02, "{which}, {horizon} ahead: {}", auto.bias());
            assert!(covered.iter().all(|share| (0.75..=0.85).contains(share)), "{covered:?}");
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

#[test]
fn days_without_readings_are_left_out_and_not_taken_as_zero() {
    let day = |t: u32| 200.0 + f64::from(t % 48) * 10.0;
    for name in MethodName::available() {
        let mut forecaster = LearnedForecaster::with_method(utc(), *name);
        for t in (0..20 * 48_u32).filter(|t| t % 5 != 0 && !(700..760).contains(t)) {
            forecaster.observe(LOAD, Interval(t), day(t));
        }
        // Silent for three hours, and asked all the same.
        let from = Interval(20 * 48 + 6);
        let ahead = forecaster.expect(LOAD, from, 48);
        for (wh, t) in ahead.iter().zip(from.0..) {
            let is_blunt = matches!(name, MethodName::Persistence | MethodName::Mstl);
            let near = if is_blunt { 700.0 } else { 120.0 };
            assert!((wh - day(t)).abs() < near, "{name:?} at {t}: {wh} for {}", day(t));
        }
        let low = forecaster.quantile(LOAD, from, 4, 0.1);
        assert!(low <= forecaster.quantile(LOAD, from, 4, 0.9), "{name:?}");
    }
}

#[test]
fn a_reading_that_is_no_number_is_not_learnt() {
    let mut forecaster = LearnedForecaster::new(utc());
    forecaster.preload(LOAD, Interval(0), &[100.0; 96]);
    forecaster.observe(LOAD, Interval(96), f64::NAN);
    forecaster.observe(LOAD, Interval(97), f64::INFINITY);
    assert!(forecaster.expect(LOAD, Interval(98), 48).iter().all(|wh| (wh - 100.0).abs() < 1.0));
}

#[test]
fn a_series_that_repeats_by_the_week_chooses_a_method_that_knows_weeks() {
    // Each weekday has a level of its own: only a week ago tells it.
    let wh = |t: u32| 100.0 * f64::from(1 + (t / 48) * 5 % 7);
    let mut forecaster = LearnedForecaster::new(utc());
    assert_eq!(forecaster.method(LOAD), None);
    for t in 0..48 * 48_u32 {
        forecaster.observe(LOAD, Interval(t), wh(t));
        if t == 48 {
            assert_eq!(forecaster.method(LOAD), Some(MethodName::Similar), "not judged yet");
        }
    }
    assert_eq!(forecaster.method(LOAD), Some(MethodName::SeasonalWeek));
    let error: f64 = (forecaster.expect(LOAD, Interval(48 * 48), 48).iter().zip(48 * 48..))
        .map(|(e, t)| (e - wh(t)).abs())
        .sum();
    assert!(error < 1.0, "{error}");
}

#[test]
fn a_net_load_may_be_expected_below_zero() {
    let wh = |t: u32| if (16..32).contains(&(t % 48)) { -800.0 } else { 300.0 };
    let mut forecaster = LearnedForecaster::new(utc());
    for t in 0..14 * 48_u32 {
        forecaster.observe(SeriesId::Net, Interval(t), wh(t));
    }
    let ahead = forecaster.expect(SeriesId::Net, Interval(14 * 48), 48);
    assert!((ahead[24] + 800.0).abs() < 40.0, "{}", ahead[24]);
    assert!((ahead[40] - 300.0).abs() < 40.0, "{}", ahead[40]);
}

/// What buying ahead costs at a deal of `deal` between a grid price of 1 and a feed-in of 0.
fn bought(series: &[f64], tau: f64, deal: f64) -> f64 {
    let mut forecaster = LearnedForecaster::new(utc());
    let warm = series.len() / 2;
    forecaster.preload(LOAD, Interval(0), &series[..warm]);
    let mut cost = 0.0;
    for now in warm..series.len() - 8 {
        let from = Interval(now as u32);
        if now % 7 == 0 {
            let bought = forecaster.quantile(LOAD, from, 8, tau);
            let used: f64 = series[now..now + 8].iter().sum();
            cost += deal * bought + (used - bought).max(0.0);
        }
        forecaster.observe(LOAD, from, series[now]);
    }
    cost
}

#[test]
fn the_newsvendor_quantile_costs_less_than_the_median() {
    for deal in [0.15, 0.8] {
        let total = |tau| -> f64 {
            (1..16).map(|seed| bought(&household(seed * 6_700_417, 28), tau, deal)).sum()
        };
        let (newsvendor, median) = (total(1.0 - deal), total(0.5));
        assert!(newsvendor < 0.99 * median, "{newsvendor} beside {median} at {deal}");
    }
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

/// Local time that goes one hour back in the middle of the same night.
struct FallBack;

impl Calendar for FallBack {
    fn slots_per_day(&self) -> u32 {
        48
    }
    fn slot_of_day(&self, at: Interval) -> u32 {
        (at.0 - if at.0 >= 486 { 2 } else { 0 }) % 48
    }
    fn day(&self, at: Interval) -> u32 {
        (at.0 - if at.0 >= 486 { 2 } else { 0 }) / 48
    }
}

#[test]
fn habits_follow_the_wall_clock_through_a_change_of_the_clocks() {
    let calendars: [(Arc<dyn Calendar>, usize); 2] =
        [(Arc::new(SpringForward), 34), (Arc::new(FallBack), 38)];
    for (calendar, dinner) in calendars {
        for name in MethodName::available() {
            if matches!(name, MethodName::Persistence | MethodName::Mstl) {
                // One knows no time of day, the other only market time.
                continue;
            }
            let mut forecaster = LearnedForecaster::with_method(Arc::clone(&calendar), *name);
            for t in 0..480_u32 {
                forecaster.observe(LOAD, Interval(t), if t % 48 == 36 { 900.0 } else { 100.0 });
            }
            // Dinner at slot 36 of the wall clock is an hour earlier, or later, in market time.
            let ahead = forecaster.expect(LOAD, Interval(480), 48);
            let most = (0..48).max_by(|a, b| ahead[*a].total_cmp(&ahead[*b]));
            assert_eq!(most, Some(dinner), "{name:?}");
        }
    }
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
