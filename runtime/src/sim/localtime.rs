//! Local time of a community as a table, so that minds can ask for it millions of times.

use gridpact_agents::local::forecast::Calendar;
use gridpact_chain::terms::Interval;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Local slot and day of every interval of a run, beyond it as in its last day.
#[derive(Debug, Clone)]
pub struct ZoneCalendar {
    first: Interval,
    slots_per_day: u32,
    slots: Vec<(u32, u32)>,
}

impl ZoneCalendar {
    /// The calendar of `intervals` intervals of `interval_s` seconds from `first` on, in `zone`.
    #[must_use]
    pub fn new(first: Interval, intervals: usize, interval_s: u32, zone: &TimeZone) -> Self {
        let interval_s = interval_s.max(1);
        let numbers = first.0..first.0.saturating_add(u32::try_from(intervals).unwrap_or(u32::MAX));
        let slots = numbers.map(|at| local_slot(Interval(at), interval_s, zone)).collect();
        Self { first, slots_per_day: 86_400 / interval_s, slots }
    }

    fn at(&self, at: Interval) -> (u32, u32) {
        let known = at.0.checked_sub(self.first.0).and_then(|i| self.slots.get(i as usize));
        known.copied().unwrap_or_else(|| {
            // Outside the table the clock goes on without daylight saving.
            let (slot, day) = self.slots.first().copied().unwrap_or_default();
            let per_day = i64::from(self.slots_per_day.max(1));
            let since = i64::from(at.0) - i64::from(self.first.0) + i64::from(slot);
            let day = i64::from(day) + since.div_euclid(per_day);
            let number = |n: i64| u32::try_from(n.max(0)).unwrap_or(u32::MAX);
            (number(since.rem_euclid(per_day)), number(day))
        })
    }
}

fn local_slot(at: Interval, interval_s: u32, zone: &TimeZone) -> (u32, u32) {
    let second = i64::from(at.0) * i64::from(interval_s);
    let local =
        Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone.clone());
    let of_day = i64::from(local.hour()) * 3600 + i64::from(local.minute()) * 60;
    let day = local.date().since(Date::constant(1970, 1, 1)).map_or(0, |span| span.get_days());
    let slot = u32::try_from(of_day / i64::from(interval_s)).unwrap_or(0);
    (slot, u32::try_from(day).unwrap_or(0))
}

impl Calendar for ZoneCalendar {
    fn slots_per_day(&self) -> u32 {
        self.slots_per_day
    }

    fn slot_of_day(&self, at: Interval) -> u32 {
        self.at(at).0
    }

    fn day(&self, at: Interval) -> u32 {
        self.at(at).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_clock_repeats_an_hour_when_summer_time_ends() {
        let zone = TimeZone::get("Europe/London").expect("the bundled database knows London");
        // 2026-10-25: the clock goes back at 01:00 UTC.
        let midnight = Interval(u32::try_from(1_792_882_800_i64 / 1800).expect("fits"));
        let calendar = ZoneCalendar::new(midnight, 50, 1800, &zone);
        let slots: Vec<u32> = (0..6).map(|i| calendar.slot_of_day(midnight.plus(i))).collect();
        assert_eq!(slots, [0, 1, 2, 3, 2, 3]);
        assert_eq!(calendar.day(midnight.plus(49)), calendar.day(midnight));
        assert_eq!(calendar.day(midnight.plus(50)), calendar.day(midnight) + 1);
        assert_eq!(calendar.weekday(midnight), 6, "a Sunday");
    }
}
