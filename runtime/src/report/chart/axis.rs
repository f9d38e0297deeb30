//! Axes: what they span, their ticks and labels, the grid behind the drawing.

use std::fmt::Write as _;

use super::super::units::decimal;
use super::{Chart, Frame, scale, typeset};

/// The horizontal axis.
#[derive(Debug, Clone, PartialEq)]
pub enum Across {
    /// Local time in hours since the midnight before the first interval.
    Hours {
        /// Start of the first interval.
        start: f64,
        /// Length of an interval in hours.
        step: f64,
        /// How many intervals.
        count: usize,
    },
    /// Ranked things, one unit each.
    Ranks {
        /// How many.
        count: usize,
        /// What they are.
        what: &'static str,
    },
    /// Plain numbers.
    Numbers {
        /// Where it begins.
        from: f64,
        /// Where it ends.
        to: f64,
        /// What they count.
        what: String,
    },
}

/// The vertical axis.
#[derive(Debug, Clone)]
pub struct Up {
    /// Unit, written at its top.
    pub unit: String,
    /// Fixed range; else what the layers need, with zero.
    pub range: Option<(f64, f64)>,
    /// Writes a tick with as many decimal places as the ticks need.
    pub tick: fn(f64, usize) -> String,
    /// Whether only whole numbers make sense.
    pub whole: bool,
}

impl Across {
    /// From where to where it spans.
    #[must_use]
    pub fn range(&self) -> (f64, f64) {
        match self {
            Self::Hours { start, step, count } => (*start, start + step * *count as f64),
            Self::Ranks { count, .. } => (0.0, (*count).max(1) as f64),
            Self::Numbers { from, to, .. } => (*from, *to),
        }
    }

    /// Left edge of interval, rank or unit `at`; the right edge is that of `at + 1`.
    #[must_use]
    pub fn edge(&self, at: usize) -> f64 {
        match self {
            Self::Hours { start, step, .. } => start + step * at as f64,
            Self::Ranks { .. } => at as f64,
            Self::Numbers { from, .. } => from + at as f64,
        }
    }

    fn ticks(&self, most: usize) -> Vec<(f64, String)> {
        match self {
            Self::Hours { .. } => hour_ticks(self.range(), most),
            Self::Ranks { count, .. } => rank_ticks(*count, most),
            Self::Numbers { from, to, .. } => number_ticks((*from, *to), most),
        }
    }

    /// What is counted along it, where the labels do not say.
    fn what(&self) -> Option<&str> {
        match self {
            Self::Hours { .. } => None,
            Self::Ranks { what, .. } => Some(what),
            Self::Numbers { what, .. } => Some(what),
        }
    }
}

fn hour_ticks((start, end): (f64, f64), most: usize) -> Vec<(f64, String)> {
    let span = end - start;
    let steps = [0.5, 1.0, 2.0, 3.0, 6.0, 12.0, 24.0, 48.0, 96.0, 168.0];
    let step = steps
        .into_iter()
        .find(|step| span / step < most as f64 + 0.01)
        .unwrap_or_else(|| (span / most as f64 / 168.0).ceil() * 168.0);
    let mut ticks = Vec::new();
    let mut at = (start / step - 1e-9).ceil() * step;
    while at <= end + 1e-9 && ticks.len() < 100 {
        ticks.push((at, hour_label(at, step, (start, end))));
        at += step;
    }
    ticks
}

fn hour_label(at: f64, step: f64, (start, end): (f64, f64)) -> String {
    let minutes = (at * 60.0).round() as i64;
    let (day, minute) = (minutes.div_euclid(1440) + 1, minutes.rem_euclid(1440));
    if step >= 24.0 || (end - start > 48.0 && minute == 0) {
        return format!("day {day}");
    }
    // The end of a single day reads better as 24:00 than as a second midnight.
    let hours =
        if minute == 0 && start == 0.0 && at > 23.99 && end < 24.01 { 24 } else { minute / 60 };
    format!("{hours:02}:{:02}", minute % 60)
}

fn rank_ticks(count: usize, most: usize) -> Vec<(f64, String)> {
    let step = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 5000]
        .into_iter()
        .find(|step| count / step < most)
        .unwrap_or(count.max(1));
    let ranks = std::iter::once(1).chain((1..).map(|i| i * step).filter(|rank| *rank > 1));
    ranks
        .take_while(|rank| *rank <= count)
        .map(|rank| (rank as f64 - 0.5, rank.to_string()))
        .collect()
}

fn number_ticks((from, to): (f64, f64), most: usize) -> Vec<(f64, String)> {
    let ticks = scale::ticks(from, to, most, false);
    let places = scale::places(&ticks);
    let inside = ticks.into_iter().filter(|tick| (from..=to).contains(tick));
    inside.map(|tick| (tick, decimal(tick, places))).collect()
}

/// Grid lines, tick labels and the units.
pub fn grid(out: &mut String, chart: &Chart, frame: &Frame) {
    let ((left, right), (bottom, top)) = (frame.x.px(), frame.y.px());
    let places = scale::places(&frame.y_ticks);
    for tick in &frame.y_ticks {
        let y = frame.y.at(*tick);
        let _ = write!(
            out,
            "<path class=\"g\" d=\"M{left:.1} {y:.1}H{right:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            left - 6.0,
            y + 4.0,
            typeset(&(chart.up.tick)(*tick, places)),
        );
    }
    for (at, label) in chart.across.ticks(frame.x_ticks_max) {
        let x = frame.x.at(at);
        let anchor = if x > right - 16.0 { "end" } else { "middle" };
        let _ = write!(
            out,
            "<path class=\"g\" d=\"M{x:.1} {bottom:.1}v4\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
            bottom + 17.0,
            typeset(&label),
        );
    }
    let _ = write!(
        out,
        "<text class=\"u\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
        left,
        top - 8.0,
        typeset(&chart.up.unit),
    );
    if let Some(what) = chart.across.what() {
        let _ = write!(
            out,
            "<text class=\"u\" x=\"{right:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            top - 8.0,
            typeset(what),
        );
    }
}

/// The zero line, over everything else.
pub fn zero(out: &mut String, frame: &Frame) {
    let ((left, right), y) = (frame.x.px(), frame.y.at(0.0));
    let _ = write!(out, "<path class=\"z\" d=\"M{left:.1} {y:.1}H{right:.1}\"/>");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: Vec<(f64, String)>) -> Vec<String> {
        ticks.into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn a_day_is_labelled_by_the_clock_and_a_week_by_days() {
        let day = labels(hour_ticks((0.0, 24.0), 9));
        assert_eq!(day.first().map(String::as_str), Some("00:00"));
        assert_eq!(day.last().map(String::as_str), Some("24:00"));
        assert_eq!(labels(hour_ticks((0.0, 72.0), 4)), ["day 1", "day 2", "day 3", "day 4"]);
    }

    #[test]
    fn ranks_start_at_one() {
        assert_eq!(labels(rank_ticks(300, 5)), ["1", "100", "200", "300"]);
        assert_eq!(labels(rank_ticks(3, 5)), ["1", "2", "3"]);
        assert!(rank_ticks(0, 5).is_empty());
    }

    #[test]
    fn numbers_are_labelled_where_they_are_round() {
        assert_eq!(labels(number_ticks((0.0, 300.0), 5)), ["0", "100", "200", "300"]);
        assert_eq!(labels(number_ticks((50.0, 190.0), 4)), ["50", "100", "150"]);
    }
}
