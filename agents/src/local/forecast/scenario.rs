//! What may come, with weights: the one form in which every method answers.

/// One possible energy; a weight of zero says that this one is not known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scenario {
    /// Energy, in the unit of the series.
    pub wh: f64,
    /// Weight, at least 0.
    pub weight: f64,
}

impl Scenario {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self { wh: 0.0, weight: 0.0 };
}

/// Weighted mean; none without any known scenario.
pub(super) fn mean(scenarios: &[Scenario]) -> Option<f64> {
    let (sum, weight) =
        scenarios.iter().fold((0.0, 0.0), |(s, w), x| (s + x.weight * x.wh, w + x.weight));
    (weight > 0.0).then(|| sum / weight)
}

/// Weighted quantile, by straight lines between the middles of the weights; sorts.
pub(super) fn quantile(scenarios: &mut Vec<Scenario>, tau: f64) -> Option<f64> {
    scenarios.retain(|s| s.weight > 0.0);
    scenarios.sort_unstable_by(|a, b| a.wh.total_cmp(&b.wh));
    sorted_quantile(scenarios, tau)
}

/// The same of known scenarios in ascending order.
pub(super) fn sorted_quantile(scenarios: &[Scenario], tau: f64) -> Option<f64> {
    let goal = tau.clamp(0.0, 1.0) * scenarios.iter().map(|s| s.weight).sum::<f64>();
    let mut below = 0.0;
    let mut last: Option<(f64, f64)> = None;
    for scenario in scenarios {
        let middle = below + scenario.weight / 2.0;
        if middle >= goal {
            return Some(match last {
                Some((place, wh)) if middle > place => {
                    wh + (scenario.wh - wh) * (goal - place) / (middle - place)
                }
                _ => scenario.wh,
            });
        }
        last = Some((middle, scenario.wh));
        below += scenario.weight;
    }
    last.map(|(_, wh)| wh)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(pairs: &[(f64, f64)]) -> Vec<Scenario> {
        pairs.iter().map(|(wh, weight)| Scenario { wh: *wh, weight: *weight }).collect()
    }

    #[test]
    fn weights_move_the_mean_and_the_median() {
        let mut even = list(&[(30.0, 1.0), (10.0, 1.0), (20.0, 1.0), (99.0, 0.0)]);
        assert_eq!(mean(&even), Some(20.0));
        assert_eq!(quantile(&mut even, 0.5), Some(20.0));
        assert_eq!(quantile(&mut even, 0.0), Some(10.0));
        assert_eq!(quantile(&mut even, 1.0), Some(30.0));
        let mut heavy = list(&[(10.0, 1.0), (20.0, 1.0), (30.0, 8.0)]);
        assert_eq!(mean(&heavy), Some(27.0));
        assert!(quantile(&mut heavy, 0.5) > Some(27.0));
        assert_eq!((mean(&[]), quantile(&mut Vec::new(), 0.5)), (None, None));
    }
}
