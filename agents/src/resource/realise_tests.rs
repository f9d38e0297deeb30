use proptest::prelude::*;

use super::*;

fn ranges(list: &[(u64, u64)]) -> PowerRanges {
    PowerRanges::try_from(list.to_vec()).expect("sound ranges")
}

#[test]
fn lists_that_are_none_are_refused_with_a_reason() {
    let made = |list: &[(u64, u64)]| PowerRanges::try_from(list.to_vec());
    assert_eq!(made(&[(5, 4)]), Err(RangesError::Backwards { lo: 5, hi: 4 }));
    assert_eq!(made(&[(0, 4), (4, 9)]), Err(RangesError::Overlap { lo: 4, hi: 4 }));
    let steps = |n: u64| (0..n).map(|i| (2 * i, 2 * i)).collect::<Vec<_>>();
    assert!(made(&steps(31)).is_ok() && made(&steps(32)).is_ok());
    assert_eq!(made(&steps(33)), Err(RangesError::TooMany(33)));
    assert!(made(&[(0, 0), (1_400, 11_000)]).is_ok(), "0 or 1.4 to 11 kW");
}

#[test]
fn a_charger_does_less_than_its_least_power_in_part_of_the_interval() {
    let charger = PowerRanges::charger(11_000);
    let run = |wh| charger.realise(wh, 1800);
    let on = |power_w, on_s, energy_wh| Realised { power_w, on_s, energy_wh, ..Default::default() };
    assert_eq!(run(2_000), on(4_000, 1_800, 2_000), "within the range");
    assert_eq!(run(350), on(1_400, 900, 350), "below it");
    assert_eq!(run(117), on(1_404, 300, 117), "the least that is switched on for");
    assert_eq!(run(116), Realised { carried_wh: 116, ..Default::default() }, "it moves on");
    let over = run(6_000);
    assert_eq!((over.power_w, over.energy_wh, over.clipped_wh), (11_000, 5_500, 500));
    assert_eq!((charger.least_wh(1800), charger.least_wh(60)), (117, 24));
    assert_eq!(charger.realise(23, 60).energy_wh, 0);
    assert_eq!(charger.realise(24, 60).energy_wh, 24, "an interval shorter than the least time");
}

#[test]
fn stages_run_above_the_gap_for_a_time_or_below_it_for_all_of_it() {
    let stages = ranges(&[(1_000, 1_000), (30_000, 30_000)]);
    let low = stages.realise(600, 1800);
    assert_eq!((low.power_w, low.on_s, low.energy_wh, low.carried_wh), (1_000, 1_800, 500, 100));
    let high = stages.realise(2_500, 1800);
    assert_eq!((high.power_w, high.on_s, high.energy_wh), (30_000, 300, 2_500));
}

/// Up to six ranges with gaps, some of them single powers.
fn any_ranges() -> impl Strategy<Value = PowerRanges> {
    proptest::collection::vec((1_u64..3_000, 0_u64..3_000), 0..6).prop_map(|steps| {
        let mut next = 0;
        let mut list = Vec::new();
        for (gap, width) in steps {
            list.push((next + gap, next + gap + width));
            next += gap + width;
        }
        ranges(&list)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_realised_can_be_held_and_adds_up(
        ranges in any_ranges(),
        wanted_wh in 0_u64..15_000,
        interval_min in prop_oneof![Just(1_u32), Just(5), Just(15), Just(30), Just(60)],
    ) {
        let interval_s = interval_min * 60;
        let run = ranges.realise(wanted_wh, interval_s);
        prop_assert_eq!(run.energy_wh + run.carried_wh + run.clipped_wh, wanted_wh);
        prop_assert!(ranges.holds(run.power_w), "{} W", run.power_w);
        prop_assert!(run.on_s <= interval_s);
        prop_assert!(run.on_s == 0 || run.on_s >= MIN_ON_S.min(interval_s));
        prop_assert_eq!(run.on_s == 0, run.power_w == 0);
        prop_assert_eq!(run.energy_wh, run.power_w * u64::from(run.on_s) / 3600);
        // What moves on is less than some range needs to switch on, or a rounding of a stage.
        let most_w = ranges.0.last().map_or(0, |(_, hi)| *hi);
        let bound = energy_wh(most_w, MIN_ON_S.min(interval_s)) + most_w / 3600 + 2;
        prop_assert!(run.carried_wh <= bound, "{} moves on", run.carried_wh);
    }

    #[test]
    fn any_power_up_to_a_rating_realises_every_wh(rated_w in 0_u64..50_000, wanted_wh in 0_u64..50_000) {
        let run = PowerRanges::up_to(rated_w).realise(wanted_wh, 1800);
        prop_assert_eq!(run.energy_wh, wanted_wh.min(rated_w / 2));
        prop_assert_eq!(run.carried_wh, 0);
    }

    #[test]
    fn a_limit_is_never_passed(ranges in any_ranges(), limit_w in 0_u64..20_000, wh in 0_u64..9_000) {
        prop_assert!(ranges.below(limit_w).realise(wh, 1800).power_w <= limit_w);
    }
}
