//! The calendar of a run: which interval is which hour of which local day.
//!
//! Days are those of the site's clock, so one may have 23 or 25 hours; intervals are counted in UTC.

use gridpact_chain::terms::{Interval, Timestamp};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan};

use super::scenario::{Scenario, ScenarioError};
use super::tariff::local;

/// The local clock at the start of an interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Local days since the first simulated one; negative in the history.
    pub day: i32,
    /// Hour of the local clock, 0 to below 24.
    pub hour: f64,
    /// 0 = Monday.
    pub weekday: u8,
}

/// Which interval is which hour of which local day, from the history to the last look ahead.
#[derive(Debug, Clone)]
pub struct Calendar {
    /// First simulated local day.
    pub date: Date,
    /// First interval of the history.
    pub first: Interval,
    /// First simulated interval.
    pub start: Interval,
    /// Simulated intervals.
    pub intervals: u32,
    /// Intervals of look ahead after the last simulated one.
    pub beyond: u32,
    /// Length of an interval in seconds.
    pub interval_s: u32,
    /// The clock.
    pub zone: TimeZone,
    /// Every interval from `first` on.
    pub moments: Vec<Moment>,
}

/// The zone with this name.
///
/// # Errors
/// [`ScenarioError::Range`] when the time zone database has no such name.
pub fn zone(name: &str) -> Result<TimeZone, ScenarioError> {
    TimeZone::get(name).map_err(|_| ScenarioError::Range {
        key: "zone".to_owned(),
        found: name.to_owned(),
        allowed: "a name of the time zone database, such as Europe/London".to_owned(),
    })
}

impl Calendar {
    /// The calendar of a scenario that states its first day and its zone.
    ///
    /// # Errors
    /// When it states no `start`, or as [`Calendar::new`].
    pub fn of(scenario: &Scenario) -> Result<Self, ScenarioError> {
        let date = scenario.start.ok_or_else(|| {
            ScenarioError::Conflict("generated homes need a `start`, such as 2013-12-02".to_owned())
        })?;
        Self::new(scenario, date, zone(&scenario.zone)?)
    }

    /// The calendar of a scenario whose first simulated day is `date`.
    ///
    /// # Errors
    /// When the zone does not exist or the days are outside the calendar.
    pub fn new(scenario: &Scenario, date: Date, zone: TimeZone) -> Result<Self, ScenarioError> {
        let interval_s = scenario.params.epoch.interval_s();
        let midnight = |days: i64| {
            let day = date.checked_add(days.days()).ok()?;
            let second = day.to_zoned(zone.clone()).ok()?.timestamp().as_second();
            u32::try_from(second.div_euclid(interval_s.into())).ok().map(Interval)
        };
        let (first, start, end) = (
            midnight(-i64::from(scenario.history_days)),
            midnight(0),
            midnight(scenario.days.into()),
        );
        let (Some(first), Some(start), Some(end)) = (first, start, end) else {
            return Err(ScenarioError::Conflict(format!(
                "the days around {date} are not on the calendar; change `start`"
            )));
        };
        if date
            .to_zoned(zone.clone())
            .is_ok_and(|day| day.timestamp().as_second().rem_euclid(i64::from(interval_s)) != 0)
        {
            return Err(ScenarioError::Conflict(format!(
                "the days of zone {} begin within an interval of {} min; take a shorter \
                 epoch.interval_min that divides its offset",
                scenario.zone, scenario.params.epoch.interval_min
            )));
        }
        let beyond = scenario.params.epoch.horizon();
        let moments = (first.0..end.0 + beyond)
            .map(|at| moment(&local(Interval(at), interval_s, &zone), date))
            .collect();
        let intervals = end.0 - start.0;
        Ok(Self { date, first, start, intervals, beyond, interval_s, zone, moments })
    }

    /// Intervals of the history.
    #[must_use]
    pub fn history(&self) -> u32 {
        self.start.0 - self.first.0
    }

    /// One past the last interval, look ahead included.
    #[must_use]
    pub fn until(&self) -> Interval {
        self.first.plus(u32::try_from(self.moments.len()).unwrap_or(u32::MAX))
    }

    /// Intervals per hour.
    #[must_use]
    pub fn per_hour(&self) -> f64 {
        3600.0 / f64::from(self.interval_s)
    }

    /// The interval at `hour` of the local day `day`; hours from 24 on are of the days after.
    #[must_use]
    pub fn at(&self, day: i32, hour: f64) -> Interval {
        let midnight = self.date_of(day).to_datetime(jiff::civil::Time::midnight());
        let clock = midnight.saturating_add(SignedDuration::from_secs((hour * 3600.0) as i64));
        let second = u64::try_from(self.second_of(clock)).unwrap_or(0);
        Interval::containing(Timestamp(second * 1000), self.interval_s)
    }

    /// The date of the local day `day`.
    #[must_use]
    pub fn date_of(&self, day: i32) -> Date {
        self.date.checked_add(i64::from(day).days()).unwrap_or(self.date)
    }

    /// Seconds since 1970 at which the local clock shows `clock`.
    #[must_use]
    pub fn second_of(&self, clock: DateTime) -> i64 {
        clock.to_zoned(self.zone.clone()).map_or(0, |zoned| zoned.timestamp().as_second())
    }

    /// The local days from the first to the last, look ahead included.
    #[must_use]
    pub fn days(&self) -> std::ops::Range<i32> {
        let day = |moment: Option<&Moment>| moment.map_or(0, |m| m.day);
        day(self.moments.first())..day(self.moments.last()) + 1
    }
}

fn moment(clock: &jiff::Zoned, date: Date) -> Moment {
    let seconds = f64::from(clock.hour()) * 3600.0
        + f64::from(clock.minute()) * 60.0
        + f64::from(clock.second());
    Moment {
        day: date.until(clock.date()).map_or(0, |span| span.get_days()),
        hour: seconds / 3600.0,
        weekday: clock.weekday().to_monday_zero_offset().unsigned_abs(),
    }
}
