//! Layers as SVG elements.

use std::fmt::Write as _;

use super::{Across, Bar, Frame, Layer, typeset};

/// Draws one layer.
pub fn layer(out: &mut String, across: &Across, layer: &Layer, frame: &Frame) {
    match layer {
        Layer::Band { class, low, high } => band(out, across, frame, class, (low, high)),
        Layer::Steps { class, values } => {
            let _ = write!(out, "<path class=\"l {class}\" d=\"");
            steps(out, across, frame, values.iter().copied().enumerate(), true);
            out.push_str("\"/>");
        }
        Layer::Line { class, points } => line(out, frame, class, points),
        Layer::Dots { class, points } => dots(out, frame, class, points),
        Layer::Bars(all) => all.iter().for_each(|one| bar(out, frame, one)),
        Layer::Rule { class, at, label } => rule(out, frame, class, *at, label),
    }
}

/// Runs of intervals where the band has any height, each one closed shape.
fn band(
    out: &mut String,
    across: &Across,
    frame: &Frame,
    class: &str,
    (low, high): (&[f64], &[f64]),
) {
    let thick: Vec<bool> = low
        .iter()
        .zip(high)
        .map(|(l, h)| (frame.y.at(*l) - frame.y.at(*h)).abs() >= 0.05)
        .collect();
    if !thick.contains(&true) {
        return;
    }
    let _ = write!(out, "<path class=\"a {class}\" d=\"");
    let mut from = 0;
    for run in thick.chunk_by(|a, b| a == b) {
        let to = from + run.len();
        if run.first() == Some(&true) {
            let top = (from..to).map(|at| (at, high[at]));
            steps(out, across, frame, top, true);
            // Back along the lower edge, right to left.
            for at in (from..to).rev() {
                let y = frame.y.at(low[at]);
                let _ = write!(out, "V{y:.1}H{:.1}", frame.x.at(across.edge(at)));
            }
            out.push('Z');
        }
        from = to;
    }
    out.push_str("\"/>");
}

fn steps(
    out: &mut String,
    across: &Across,
    frame: &Frame,
    values: impl Iterator<Item = (usize, f64)>,
    mut start: bool,
) {
    for (at, value) in values {
        let y = frame.y.at(value);
        if std::mem::take(&mut start) {
            let _ = write!(out, "M{:.1} {y:.1}", frame.x.at(across.edge(at)));
        } else {
            let _ = write!(out, "V{y:.1}");
        }
        let _ = write!(out, "H{:.1}", frame.x.at(across.edge(at + 1)));
    }
}

fn line(out: &mut String, frame: &Frame, class: &str, points: &[(f64, f64)]) {
    let _ = write!(out, "<path class=\"l {class}\" d=\"");
    for (at, (x, y)) in points.iter().enumerate() {
        let pen = if at == 0 { 'M' } else { 'L' };
        let _ = write!(out, "{pen}{:.1} {:.1}", frame.x.at(*x), frame.y.at(*y));
    }
    out.push_str("\"/>");
}

fn dots(out: &mut String, frame: &Frame, class: &str, points: &[(f64, f64, String)]) {
    for (x, y, label) in points {
        let _ = write!(
            out,
            "<circle class=\"b {class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\"><title>{}</title></circle>",
            frame.x.at(*x),
            frame.y.at(*y),
            typeset(label),
        );
    }
}

fn bar(out: &mut String, frame: &Frame, bar: &Bar) {
    let (left, right) = (frame.x.at(bar.from), frame.x.at(bar.to));
    let (zero, end) = (frame.y.at(0.0), frame.y.at(bar.height));
    // Wide neighbours keep a gap; thin ones overlap a little, or the seams would show as stripes.
    let gap = if right - left > 4.0 { 1.0 } else { -0.4 };
    let _ = write!(
        out,
        "<rect class=\"b {}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"><title>{}</title></rect>",
        bar.class,
        left,
        zero.min(end),
        (right - left - gap).max(0.5),
        (zero - end).abs().max(0.5),
        typeset(&bar.label),
    );
}

fn rule(out: &mut String, frame: &Frame, class: &str, at: f64, label: &str) {
    let ((left, right), y) = (frame.x.px(), frame.y.at(at));
    let _ = write!(
        out,
        "<path class=\"l r {class}\" d=\"M{left:.1} {y:.1}H{right:.1}\"/>\
         <text class=\"halo\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
        right - 2.0,
        y - 5.0,
        typeset(label),
    );
}
