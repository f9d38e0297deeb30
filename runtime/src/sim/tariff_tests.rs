//! Tests of tariffs: windows on the local clock, weekdays, and days of 23 and 25 hours.

#![allow(clippy::unwrap_used)]

use jiff::civil::date;

use super::*;

const STEP: u32 = 1_800;

fn at(zone: &TimeZone, clock: jiff::civil::DateTime) -> Interval {
    let second = clock.to_zoned(zone.clone()).unwrap().timestamp().as_second();
    Interval(u32::try_from(second / i64::from(STEP)).unwrap())
}

fn tariff(rule: Rule, zone: &TimeZone) -> SiteTariff {
    SiteTariff::new(rule, zone.clone(), STEP, Interval(0), Interval(0))
}

#[test]
fn time_of_use_follows_the_local_clock_and_weekday() {
    let zone = TimeZone::get("Australia/Sydney").unwrap();
    let tou = tariff(Rule::Nsw2013Tou, &zone);
    let price =
        |day, hour, minute| tou.retail(at(&zone, date(2013, 12, day).at(hour, minute, 0, 0))).0;
    assert_eq!(price(2, 13, 30), 210_000);
    assert_eq!(price(2, 14, 0), 520_000);
    assert_eq!(price(2, 19, 30), 520_000);
    assert_eq!(price(2, 20, 0), 210_000);
    assert_eq!(price(2, 22, 0), 130_000);
    assert_eq!(price(3, 6, 30), 130_000);
    assert_eq!(price(3, 7, 0), 210_000);
    assert_eq!(price(7, 15, 0), 210_000, "no peak on Saturday");
    assert_eq!(tou.feed_in(at(&zone, date(2013, 12, 2).at(15, 0, 0, 0))), Price(80_000));
}

#[test]
fn days_of_23_and_25_hours_keep_their_windows() {
    let zone = TimeZone::get("Australia/Sydney").unwrap();
    let soak = tariff(Rule::SolarSoak, &zone);
    // Clocks go forward on 6 October 2013 and back on 6 April 2014.
    for (day, hours) in [(date(2013, 10, 6), 23), (date(2014, 4, 6), 25), (date(2014, 1, 1), 24)] {
        let start = at(&zone, day.at(0, 0, 0, 0));
        let end = at(&zone, day.tomorrow().unwrap().at(0, 0, 0, 0));
        assert_eq!(end.0 - start.0, hours * 2, "{day}");
        let count =
            |micro| (start.0..end.0).filter(|i| soak.retail(Interval(*i)).0 == micro).count();
        assert_eq!((count(150_000), count(550_000)), (10, 12), "{day}");
    }
}

#[test]
fn a_table_says_the_same_as_the_rule() {
    let zone = TimeZone::get("Europe/London").unwrap();
    let from = at(&zone, date(2013, 3, 30).at(0, 0, 0, 0));
    let table = SiteTariff::new(Rule::SolarSoak, zone.clone(), STEP, from, from.plus(150));
    let rule = tariff(Rule::SolarSoak, &zone);
    for i in 0..200 {
        let at = Interval(from.0 - 20 + i);
        assert_eq!((table.retail(at), table.feed_in(at)), (rule.retail(at), rule.feed_in(at)));
    }
}

#[test]
fn outside_a_published_series_the_nearest_day_repeats() {
    let retail: Arc<[Price]> = (0..96).map(Price).collect();
    let rule = Rule::Series { from: Interval(1_000), retail, feed_in: Price(5) };
    let series = tariff(rule, &TimeZone::UTC);
    assert_eq!(series.retail(Interval(1_010)), Price(10));
    assert_eq!(series.retail(Interval(1_095)), Price(95));
    assert_eq!(series.retail(Interval(1_096)), Price(48), "a day earlier");
    assert_eq!(series.retail(Interval(1_144)), Price(48));
    assert_eq!(series.retail(Interval(999)), Price(47), "a day later");
    assert_eq!(series.feed_in(Interval(1)), Price(5));
}
