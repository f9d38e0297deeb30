//! Figures as people write them: kWh, kW, per cent, money, bytes, clock times.

use super::run::Calendar;

/// Grouped thousands: `1 234 567`, with narrow gaps only where a page can show them.
#[must_use]
pub fn count(n: u64) -> String {
    grouped(&n.to_string())
}

fn grouped(digits: &str) -> String {
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// A number with grouped thousands and a real minus sign, e.g. `-1 234.5`.
#[must_use]
pub fn decimal(figure: f64, places: usize) -> String {
    let text = format!("{:.places$}", figure.abs());
    let (whole, rest) = text.split_once('.').map_or((text.as_str(), ""), |(w, r)| (w, r));
    let negative = figure < 0.0 && text.bytes().any(|b| (b'1'..=b'9').contains(&b));
    let sign = if negative { "-" } else { "" };
    let dot = if rest.is_empty() { "" } else { "." };
    format!("{sign}{}{dot}{rest}", grouped(whole))
}

/// Watt-hours as kWh with one place, or MWh from 10 MWh on.
#[must_use]
pub fn energy(wh: i128) -> String {
    if wh.abs() >= 10_000_000 {
        return format!("{} MWh", decimal(wh as f64 / 1e6, 2));
    }
    format!("{} kWh", decimal(wh as f64 / 1e3, 1))
}

/// Watts as kW with one place.
#[must_use]
pub fn power(w: i64) -> String {
    format!("{} kW", decimal(w as f64 / 1e3, 1))
}

/// A ratio as per cent with one place.
#[must_use]
pub fn percent(ratio: f64) -> String {
    format!("{} %", decimal(ratio * 100.0, 1))
}

/// Micro-currency as money with two places, code last: `12.34 AUD`.
#[must_use]
pub fn money(microcurrency: i64, currency: &str) -> String {
    format!("{} {currency}", decimal(microcurrency as f64 / 1e6, 2))
}

/// Bytes as B, KiB or MiB.
#[must_use]
pub fn bytes(n: u64) -> String {
    match n {
        0..10_240 => format!("{} B", count(n)),
        10_240..10_485_760 => format!("{} KiB", decimal(n as f64 / 1024.0, 0)),
        _ => format!("{} MiB", decimal(n as f64 / 1_048_576.0, 1)),
    }
}

/// Milliseconds, with as many places as carry meaning; a dash when never measured.
#[must_use]
pub fn milliseconds(ms: Option<f64>) -> String {
    let Some(ms) = ms else { return "-".into() };
    format!("{} ms", decimal(ms, if ms < 10.0 { 2 } else { usize::from(ms < 100.0) }))
}

/// Local hours since the local midnight before the run, at the start of interval `at`.
#[must_use]
pub fn local_hours(calendar: &Calendar, at: usize) -> f64 {
    let length_s = i64::from(calendar.interval_s);
    let start_s = i64::from(calendar.first_interval) * length_s + i64::from(calendar.utc_offset_s);
    let since_midnight = start_s.rem_euclid(86_400);
    let offset = i64::try_from(at).unwrap_or(i64::MAX).saturating_mul(length_s);
    since_midnight.saturating_add(offset) as f64 / 3600.0
}

/// The local time at the start of interval `at`, by the offset at the start of the run.
fn local(calendar: &Calendar, at: usize) -> Option<jiff::Zoned> {
    let at = i64::try_from(at).ok()?.checked_add(i64::from(calendar.first_interval))?;
    let start = jiff::Timestamp::from_second(at.checked_mul(calendar.interval_s.into())?).ok()?;
    let offset = jiff::tz::Offset::from_seconds(calendar.utc_offset_s).ok()?;
    Some(start.to_zoned(jiff::tz::TimeZone::fixed(offset)))
}

/// The start of interval `at` as programs read it: `2013-06-18T19:30:00+01:00`.
#[must_use]
pub fn moment(calendar: &Calendar, at: usize) -> Option<String> {
    Some(local(calendar, at)?.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
}

/// The start of interval `at` as people read it: `Tue 18 Jun 19:30`; a dash without intervals.
#[must_use]
pub fn clock(calendar: &Calendar, at: usize) -> String {
    let local = local(calendar, at).filter(|_| calendar.intervals > 0);
    local.map_or("-".to_owned(), |local| local.strftime("%a %-d %b %H:%M").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_write_them() {
        assert_eq!(count(0), "0");
        assert_eq!(count(1_234_567), "1 234 567");
        assert_eq!(decimal(-0.04, 1), "0.0");
        assert_eq!(decimal(-1234.56, 1), "-1 234.6");
        assert_eq!(energy(-1_500), "-1.5 kWh");
        assert_eq!(energy(12_345_678), "12.35 MWh");
        assert_eq!(percent(0.6789), "67.9 %");
        assert_eq!(money(-12_340_000, "AUD"), "-12.34 AUD");
        assert_eq!(bytes(1_048_576), "1 024 KiB");
        assert_eq!(milliseconds(None), "-");
        assert_eq!(milliseconds(Some(3.216)), "3.22 ms");
    }

    #[test]
    fn local_hours_count_from_the_midnight_before() {
        let sydney =
            Calendar { interval_s: 1800, first_interval: 28, intervals: 48, utc_offset_s: 36_000 };
        assert!((local_hours(&sydney, 0) - 0.0).abs() < 1e-9);
        assert!((local_hours(&sydney, 3) - 1.5).abs() < 1e-9);
    }

    #[test]
    fn an_interval_is_told_by_the_communitys_own_clock() {
        let sydney =
            Calendar { interval_s: 1800, first_interval: 28, intervals: 48, utc_offset_s: 36_000 };
        assert_eq!(moment(&sydney, 1).as_deref(), Some("1970-01-02T00:30:00+10:00"));
        assert_eq!(clock(&sydney, 1), "Fri 2 Jan 00:30");
        assert_eq!(clock(&Calendar { intervals: 0, ..sydney }, 0), "-");
    }
}
