//! Convex piecewise-linear functions as pieces in order of slope.

/// A stretch on which a function changes by `slope` per kWh.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Piece {
    pub slope: f64,
    /// kWh.
    pub width: f64,
}

/// One function per interval, in one allocation; filled from the last interval to the first.
#[derive(Debug)]
pub(super) struct Pieces {
    all: Vec<Piece>,
    ranges: Vec<(usize, usize)>,
}

impl Pieces {
    pub fn new(intervals: usize) -> Self {
        Self { all: Vec::with_capacity(16 * intervals), ranges: vec![(0, 0); intervals] }
    }

    pub fn put(&mut self, t: usize, value: &[Piece]) {
        let from = self.all.len();
        self.all.extend_from_slice(value);
        self.ranges[t] = (from, self.all.len());
    }

    pub fn get(&self, t: usize) -> &[Piece] {
        let (from, until) = self.ranges[t];
        &self.all[from..until]
    }
}

/// The pieces of two functions in one order: their infimal convolution.
pub(super) fn merge(a: &[Piece], b: &[Piece], out: &mut Vec<Piece>) {
    out.clear();
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        let takes_a = a[i].slope <= b[j].slope;
        out.push(if takes_a { a[i] } else { b[j] });
        if takes_a { i += 1 } else { j += 1 }
    }
    out.extend_from_slice(&a[i..]);
    out.extend_from_slice(&b[j..]);
}

/// What is left of `value` after its first `skip` kWh, `width` kWh long; equal slopes become one.
pub(super) fn clip(value: &[Piece], mut skip: f64, mut width: f64, out: &mut Vec<Piece>) {
    out.clear();
    for piece in value {
        let skipped = piece.width.min(skip);
        skip -= skipped;
        let kept = (piece.width - skipped).min(width);
        if kept <= 0.0 {
            continue;
        }
        width -= kept;
        match out.last_mut() {
            Some(last) if last.slope == piece.slope => last.width += kept,
            _ => out.push(Piece { slope: piece.slope, width: kept }),
        }
        if width <= 0.0 {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(slope: f64, width: f64) -> Piece {
        Piece { slope, width }
    }

    #[test]
    fn merging_keeps_the_order_of_slopes_and_all_width() {
        let (a, b) = ([piece(-2.0, 1.0), piece(1.0, 2.0)], [piece(-3.0, 0.5), piece(0.0, 4.0)]);
        let mut out = Vec::new();
        merge(&a, &b, &mut out);
        assert_eq!(out, [piece(-3.0, 0.5), piece(-2.0, 1.0), piece(0.0, 4.0), piece(1.0, 2.0)]);
    }

    #[test]
    fn clipping_takes_both_ends_off_and_joins_equals() {
        let value = [piece(-3.0, 1.0), piece(-1.0, 1.0), piece(-1.0, 1.0), piece(2.0, 5.0)];
        let mut out = Vec::new();
        clip(&value, 0.5, 3.0, &mut out);
        assert_eq!(out, [piece(-3.0, 0.5), piece(-1.0, 2.0), piece(2.0, 0.5)]);
        clip(&value, 0.0, 0.0, &mut out);
        assert!(out.is_empty());
    }
}
