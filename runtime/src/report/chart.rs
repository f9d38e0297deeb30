//! A small builder of SVG charts: stacked step areas, lines, bars, rules, axes.
//!
//! A chart is data plus classes; colours come from the page's CSS variables, so one chart serves
//! light and dark. It is drawn twice, wide and narrow, because text that scales with a drawing is
//! unreadable on a phone; CSS shows one of them. No script, no fonts, no links.

use std::fmt::Write as _;

mod axis;
mod draw;
mod scale;
mod text;

pub use axis::{Across, Up};
pub use text::{escape, typeset};

use scale::Scale;

/// One chart.
#[derive(Debug, Clone)]
pub struct Chart {
    /// Unique on the page; names the title and description elements.
    pub id: String,
    /// Said by a screen reader, and the tooltip of the drawing.
    pub title: String,
    /// What can be seen, in a sentence with figures.
    pub description: String,
    /// The horizontal axis.
    pub across: Across,
    /// The vertical axis.
    pub up: Up,
    /// Drawn in order, the first at the bottom.
    pub layers: Vec<Layer>,
    /// Height of the wide drawing in px; the narrow one follows.
    pub height: f64,
}

/// One thing drawn. `class` names a colour of the page, e.g. `pv`; steps are one value per interval.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// An area between two step curves.
    Band {
        /// Colour class.
        class: &'static str,
        /// Lower edge per interval.
        low: Vec<f64>,
        /// Upper edge per interval.
        high: Vec<f64>,
    },
    /// A step line.
    Steps {
        /// Colour class.
        class: &'static str,
        /// Height per interval.
        values: Vec<f64>,
    },
    /// A line through points (x, y).
    Line {
        /// Colour class.
        class: &'static str,
        /// The points, by rising x.
        points: Vec<(f64, f64)>,
    },
    /// Points (x, y), each with its tooltip.
    Dots {
        /// Colour class.
        class: &'static str,
        /// The points.
        points: Vec<(f64, f64, String)>,
    },
    /// Bars from zero.
    Bars(Vec<Bar>),
    /// A horizontal line with a label.
    Rule {
        /// Colour class.
        class: &'static str,
        /// Its height.
        at: f64,
        /// Its label, written above its right end.
        label: String,
    },
}

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// Colour class.
    pub class: &'static str,
    /// Left edge on the horizontal axis.
    pub from: f64,
    /// Right edge on the horizontal axis.
    pub to: f64,
    /// Height; below zero it hangs.
    pub height: f64,
    /// Its tooltip.
    pub label: String,
}

/// The two drawings of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// For screens from 640 px.
    Wide,
    /// For phones.
    Narrow,
}

impl Chart {
    /// Both drawings, one after the other.
    #[must_use]
    pub fn svg(&self) -> String {
        self.draw(Size::Wide) + &self.draw(Size::Narrow)
    }

    fn draw(&self, size: Size) -> String {
        let frame = Frame::of(self, size);
        let (class, suffix) = match size {
            Size::Wide => ("wide", "w"),
            Size::Narrow => ("narrow", "n"),
        };
        let id = format!("{}-{suffix}", self.id);
        let mut out = format!(
            "<svg class=\"chart {class}\" viewBox=\"0 0 {:.0} {:.0}\" role=\"img\" \
             aria-labelledby=\"{id}-t {id}-d\"><title id=\"{id}-t\">{}</title>\
             <desc id=\"{id}-d\">{}</desc>",
            frame.width,
            frame.height,
            escape(&self.title),
            escape(&self.description),
        );
        axis::grid(&mut out, self, &frame);
        for layer in &self.layers {
            draw::layer(&mut out, &self.across, layer, &frame);
        }
        axis::zero(&mut out, &frame);
        out.push_str("</svg>");
        out
    }

    /// The lowest and highest value that any layer shows, zero among them.
    fn extent(&self) -> (f64, f64) {
        let mut extent = (0.0_f64, 0.0_f64);
        let mut show = |value: &f64| extent = (extent.0.min(*value), extent.1.max(*value));
        for layer in &self.layers {
            match layer {
                Layer::Band { low, high, .. } => low.iter().chain(high).for_each(&mut show),
                Layer::Steps { values, .. } => values.iter().for_each(&mut show),
                Layer::Line { points, .. } => points.iter().for_each(|(_, y)| show(y)),
                Layer::Dots { points, .. } => points.iter().for_each(|(_, y, _)| show(y)),
                Layer::Bars(bars) => bars.iter().for_each(|bar| show(&bar.height)),
                Layer::Rule { at, .. } => show(at),
            }
        }
        extent
    }
}

/// Where things are in one drawing, in px.
struct Frame {
    width: f64,
    height: f64,
    x: Scale,
    y: Scale,
    y_ticks: Vec<f64>,
    x_ticks_max: usize,
}

impl Frame {
    fn of(chart: &Chart, size: Size) -> Self {
        let (width, height, left, x_ticks_max) = match size {
            Size::Wide => (880.0, chart.height, 56.0, 9),
            Size::Narrow => (360.0, (chart.height * 0.8).max(140.0), 46.0, 5),
        };
        let (top, right, bottom) = (20.0, 10.0, 24.0);
        let tick_room = 44.0;
        let plot_height: f64 = height - top - bottom;
        let most = ((plot_height / tick_room) as usize).clamp(2, 8);
        let (low, high) = chart.up.range.unwrap_or_else(|| chart.extent());
        let y_ticks = scale::ticks(low, high, most, chart.up.whole);
        let (low, high) = match (y_ticks.first(), y_ticks.last()) {
            (Some(first), Some(last)) => (first.min(low), last.max(high)),
            _ => (low, high),
        };
        let (start, end) = chart.across.range();
        Self {
            width,
            height,
            x: Scale::new((start, end), (left, width - right)),
            y: Scale::new((low, high), (height - bottom, top)),
            y_ticks,
            x_ticks_max,
        }
    }
}

/// Width of a drawing that is a file of its own, in px.
const FILE_WIDTH: f64 = 880.0;
/// Room above each of its charts for the title, in px.
const FILE_TITLE: f64 = 44.0;
/// Colours, light and dark, and how layers look.
pub const STYLE: &str = include_str!("chart/chart.css");

/// Charts below each other, each under its title, as one SVG file.
#[must_use]
pub fn file(charts: &[Chart]) -> String {
    let height: f64 = charts.iter().map(|chart| FILE_TITLE + chart.height).sum::<f64>() + 12.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{FILE_WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {FILE_WIDTH} {height}\" font-family=\"system-ui,Arial,'DejaVu Sans',sans-serif\">\
         <style>{STYLE}</style><rect class=\"paper\" width=\"100%\" height=\"100%\"/>"
    );
    let mut y = 0.0;
    for chart in charts {
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "<text class=\"title\" x=\"16\" y=\"{}\">{}</text>\
             <svg y=\"{}\" width=\"{FILE_WIDTH}\" height=\"{}\">{}</svg>",
            y + 28.0,
            typeset(&chart.title),
            y + FILE_TITLE,
            chart.height,
            chart.draw(Size::Wide),
        );
        y += FILE_TITLE + chart.height;
    }
    out + "</svg>\n"
}

/// A legend entry: a swatch of a class with its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Colour class.
    pub class: &'static str,
    /// `area`, `line` or `dash`: the shape of the swatch.
    pub shape: &'static str,
    /// What it means.
    pub words: &'static str,
}

/// A legend as an HTML list, which wraps where a drawing could not.
#[must_use]
pub fn legend(keys: &[Key]) -> String {
    let mut out = String::from("<ul class=\"legend\">");
    for key in keys {
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "<li><i class=\"{} {}\"></i>{}</li>",
            key.shape,
            key.class,
            escape(key.words)
        );
    }
    out + "</ul>"
}

#[cfg(test)]
#[path = "chart_tests.rs"]
mod tests;
