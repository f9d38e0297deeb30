//! Reasons and contracts as sentences.

use gridpact_agents::local::why::{Bound, Why};
use gridpact_chain::terms::{Interval, Price};

use super::{Deal, Move};
use crate::report::Report;
use crate::report::run::Calendar;
use crate::report::units::{decimal, local_hours, money};

/// What the devices did and why, one line a move.
pub(super) fn moves(report: &Report, moves: &[Move]) -> String {
    let words = Words::of(report);
    let mut out = format!("\nWhat its devices did and why (prices in {}/kWh)\n", words.currency);
    if moves.is_empty() {
        out += "  It owns nothing that could be told what to do.\n";
    }
    for step in moves {
        let span = words.span(step.start, step.end);
        let did = did(step);
        let bound = step.bound.map_or("", bound);
        out += &format!("  {span:<20} {:<16}{did:<20}{}{bound}\n", step.kind, words.why(step.why));
    }
    out
}

/// What each contract earned, one line each, and their sum.
pub(super) fn deals(report: &Report, deals: &[Deal]) -> String {
    let words = Words::of(report);
    let mut out = "\nWhat its contracts earned\n".to_owned();
    if deals.is_empty() {
        out += "  It made no contract.\n";
        return out;
    }
    for deal in deals {
        let (verb, than) = match deal.bought {
            true => ("bought from", "the grid asked"),
            false => ("sold to", "its cost was"),
        };
        out += &format!(
            "  {:<20} {verb} {}: {} at {} ({than} {}), {} delivered, earned {}\n",
            words.span(deal.start, deal.end),
            deal.partner,
            kwh(deal.contracted_wh),
            words.price(Price(deal.price_microcurrency_per_kwh)),
            words.price(Price(deal.otherwise_microcurrency_per_kwh)),
            kwh(deal.delivered_wh),
            money(deal.earned_microcurrency, words.currency),
        );
    }
    let all = deals.iter().fold(0_i64, |sum, deal| sum.saturating_add(deal.earned_microcurrency));
    out += &format!("  together {}\n", money(all, words.currency));
    out
}

pub(super) fn kwh(wh: u64) -> String {
    format!("{} kWh", decimal(wh as f64 / 1e3, 2))
}

fn did(step: &Move) -> String {
    match (step.consume_wh, step.produce_wh) {
        // No plan asks anything of it: what it gives stands in the chart.
        (0, 0) if step.why == Why::Free => "runs".into(),
        (0, 0) => "idle".into(),
        (wh, 0) => format!("takes {}", kwh(wh)),
        (0, wh) => format!("gives {}", kwh(wh)),
        (took, gave) => format!("takes {}, gives {}", kwh(took), kwh(gave)),
    }
}

fn bound(bound: Bound) -> &'static str {
    match bound {
        Bound::Power => "; at its full power",
        Bound::Import => "; the connection imports no more",
        Bound::Export => "; the connection exports no more",
        Bound::Station => "; the station's line carries no more",
    }
}

/// Hours from interval `at` to the start of the run.
fn before_h(calendar: &Calendar, at: u32) -> f64 {
    let intervals = calendar.first_interval.saturating_sub(at);
    f64::from(intervals) * f64::from(calendar.interval_s) / 3600.0
}

/// Figures as this run writes them.
pub(super) struct Words<'a> {
    report: &'a Report,
    currency: &'a str,
}

impl<'a> Words<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        Self { report, currency: &report.run().currency }
    }

    pub(super) fn price(&self, price: Price) -> String {
        decimal(price.0 as f64 / 1e6, 3)
    }

    /// Local clock time at the start of an interval, with the day of the run from the second on.
    pub(super) fn time(&self, at: u32) -> String {
        let calendar = &self.report.run().calendar;
        let hours = match at.checked_sub(calendar.first_interval) {
            Some(later) => local_hours(calendar, later as usize),
            // The first round is held before the run begins.
            None => local_hours(calendar, 0) - before_h(calendar, at),
        };
        let one_day = 86_400 / calendar.interval_s.max(1);
        let (day, minutes) = ((hours / 24.0).floor(), (hours.rem_euclid(24.0) * 60.0).round());
        let clock = format!("{:02}:{:02}", (minutes / 60.0) as u32, minutes as u32 % 60);
        if minutes == 0.0 && day == 1.0 && calendar.intervals <= one_day {
            return "24:00".into();
        }
        if calendar.intervals > one_day || day != 0.0 {
            return format!("d{} {clock}", day as i64 + 1);
        }
        clock
    }

    pub(super) fn span(&self, start: u32, end: u32) -> String {
        format!("{}-{}", self.time(start), self.time(end))
    }

    pub(super) fn at(&self, at: Interval) -> String {
        self.time(at.0)
    }

    fn why(&self, why: Why) -> String {
        match why {
            Why::Away => "away from its charger".into(),
            Why::Contract { .. } => "delivers what was sold under contract".into(),
            Why::Surplus { feed_in } => {
                format!("own surplus, for which the grid pays {}", self.price(feed_in))
            }
            Why::Need { at, due_wh } => {
                format!("must hold {} when it leaves at {}", kwh(due_wh), self.at(at))
            }
            Why::Later { at, then, now } => format!(
                "a kWh costs {} now and {} at {}",
                self.price(now),
                self.price(then),
                self.at(at)
            ),
            Why::Stock { worth, now } => format!(
                "a kWh costs {} now, a stored one is worth {} tomorrow",
                self.price(now),
                self.price(worth)
            ),
            Why::Dear { now } => {
                format!("the grid asks {}, more than refilling costs", self.price(now))
            }
            Why::FedIn { now } => {
                format!("the grid pays {}, more than refilling costs", self.price(now))
            }
            Why::Full => "full".into(),
            Why::Floor { floor_wh } => {
                format!("at its floor of {}, which is never given away", kwh(floor_wh))
            }
            Why::Kept { at, due_wh } => {
                format!("keeps the {} it must hold at {}", kwh(due_wh), self.at(at))
            }
            Why::FullNow { extra, missed_wh } => {
                let missed = match missed_wh {
                    0 => String::new(),
                    wh => format!(" and misses {} of what was sold", kwh(wh)),
                };
                let cost = money(extra.0, self.currency);
                format!("its driver wants it full now, which costs {cost}{missed}")
            }
            Why::NotConsented => "its driver has not consented to giving energy back".into(),
            Why::NotNow => "gives nothing at this hour: its driver allows others only".into(),
            Why::BelowPrice { now, least } => format!(
                "gives only while the grid asks {} or more, and it asks {}",
                self.price(least),
                self.price(now)
            ),
            Why::DaySpent { energy_wh } => {
                format!("has given the {} its driver allows in a day", kwh(energy_wh))
            }
            Why::NeverSold { kept_wh } => {
                format!("holds no more than the {} its driver never sells", kwh(kept_wh))
            }
            Why::NoGain => "no price to come pays for losses and wear".into(),
            Why::Runs { now, until } => {
                format!("a kWh costs {}, no better time before {}", self.price(now), self.at(until))
            }
            Why::Waits { at, then } => {
                format!("waits for {}, when a kWh costs {}", self.at(at), self.price(then))
            }
            Why::NoJob => "nothing to run".into(),
            Why::Free => "gives all it can".into(),
            Why::Negative { feed_in } => {
                format!("curtailed: feeding in costs {}", self.price(Price(-feed_in.0)))
            }
            Why::NoRoom { limit_wh } => format!(
                "curtailed: the connection exports no more than {} in an interval",
                kwh(limit_wh)
            ),
            Why::Fixed => "is as it is".into(),
        }
    }
}
