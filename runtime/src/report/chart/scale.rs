//! From values to px, and where the round values lie.

/// A linear map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    domain: (f64, f64),
    px: (f64, f64),
}

impl Scale {
    /// Maps `domain` onto `px`; an empty domain maps to the start.
    pub fn new(domain: (f64, f64), px: (f64, f64)) -> Self {
        Self { domain, px }
    }

    /// Where `value` lies, in px; never outside the frame.
    pub fn at(&self, value: f64) -> f64 {
        let span = self.domain.1 - self.domain.0;
        if span <= 0.0 || !value.is_finite() {
            return self.px.0;
        }
        let along = ((value - self.domain.0) / span).clamp(0.0, 1.0);
        self.px.0 + along * (self.px.1 - self.px.0)
    }

    /// First and last px.
    pub fn px(&self) -> (f64, f64) {
        self.px
    }
}

/// Round values (1, 2, 2.5 or 5 times a power of ten) that enclose `low..high`, at most about `most`;
/// only whole ones if `whole`.
pub fn ticks(low: f64, high: f64, most: usize, whole: bool) -> Vec<f64> {
    let span = if high - low > 0.0 && (high - low).is_finite() { high - low } else { 1.0 };
    let least = span / most.max(1) as f64;
    let magnitude = 10_f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * magnitude)
        .find(|step| *step >= least * (1.0 - 1e-9))
        .unwrap_or(10.0 * magnitude);
    let step = if whole { step.ceil() } else { step };
    let first = (low / step + 1e-9).floor();
    let last = ((low + span) / step - 1e-9).ceil();
    let count = (last - first).clamp(1.0, 100.0) as usize;
    (0..=count).map(|i| (first + i as f64) * step).collect()
}

/// Decimal places that tell all `ticks` apart, at most 4.
pub fn places(ticks: &[f64]) -> usize {
    let exact = |places: i32| {
        let unit = 10_f64.powi(places);
        ticks.iter().all(|tick| (tick * unit - (tick * unit).round()).abs() < 1e-6)
    };
    (0..4).find(|places| exact(*places as i32)).unwrap_or(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_enclose_the_range() {
        assert_eq!(ticks(0.0, 97.0, 5, false), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(ticks(-3.0, 7.0, 5, false), [-4.0, -2.0, 0.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!(ticks(0.0, 1.0, 4, false), [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(ticks(0.0, 0.0, 3, false).first(), Some(&0.0));
        assert!(ticks(0.0, f64::NAN, 3, false).len() >= 2);
    }

    #[test]
    fn labels_have_the_places_their_ticks_need() {
        assert_eq!(places(&[0.0, 0.25, 0.5]), 2);
        assert_eq!(places(&[0.0, 2.5, 5.0]), 1);
        assert_eq!(places(&[-20.0, 0.0, 20.0]), 0);
        assert_eq!(ticks(0.0, 1.0, 5, true), [0.0, 1.0]);
        assert_eq!(places(&ticks(0.0, 2.0, 5, true)), 0);
    }

    #[test]
    fn a_scale_keeps_inside_its_frame() {
        let scale = Scale::new((0.0, 10.0), (100.0, 0.0));
        assert_eq!(scale.at(2.5), 75.0);
        assert_eq!(scale.at(99.0), 0.0);
        assert_eq!(scale.at(f64::NAN), 100.0);
        assert_eq!(Scale::new((1.0, 1.0), (5.0, 9.0)).at(1.0), 5.0);
    }
}
