//! Who gains by trading, and who does not (run C against run B, home by home).

use serde::Serialize;

use super::bill::Bills;
use super::causes::{Causes, Loss, Losses};
use super::section;
use super::units::{count, decimal};

/// Gains below one ten-thousandth of the currency are rounding.
const NONE_MICROCURRENCY: i64 = 100;

/// How the gains of trading are spread over the homes; a gain is what a home's own plans would have
/// cost alone less what it paid with trading, wear, fees and change of stored energy in both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Fairness {
    /// Homes that pay less.
    pub gainers: u64,
    /// Homes that pay more.
    pub losers: u64,
    /// What these lose together, zero or above.
    pub lost_microcurrency: i64,
    /// Why they lose: homes by what costs them most, and each cause's part of what they lose.
    pub losses: Losses,
    /// The smallest gain; negative where somebody loses. Null without homes.
    pub gain_min_microcurrency: Option<i64>,
    /// The gain that half of the homes reach.
    pub gain_median_microcurrency: Option<i64>,
    /// Gini coefficient of the gains, a loss counted as none: 0 = all the same, near 1 = one has all.
    /// Null where nobody gains.
    pub gain_gini: Option<f64>,
}

impl Fairness {
    /// `causes` stand in the order of `bills`.
    pub(super) fn of(bills: &[Bills], causes: &[Causes]) -> Self {
        let loses = |(bills, _): &(&Bills, &Causes)| bills.gain() < -NONE_MICROCURRENCY;
        let losers = bills.iter().zip(causes).filter(loses).map(|(_, causes)| causes);
        let mut gains: Vec<i64> = bills.iter().map(Bills::gain).collect();
        gains.sort_unstable();
        let many = |is: &dyn Fn(&&i64) -> bool| gains.iter().filter(is).count() as u64;
        Self {
            gainers: many(&|gain| **gain > NONE_MICROCURRENCY),
            losers: many(&|gain| **gain < -NONE_MICROCURRENCY),
            lost_microcurrency: gains
                .iter()
                .filter(|gain| **gain < -NONE_MICROCURRENCY)
                .fold(0, |sum, gain| sum.saturating_sub(*gain)),
            losses: Losses::of(losers),
            gain_min_microcurrency: gains.first().copied(),
            gain_median_microcurrency: gains.get(gains.len() / 2).copied(),
            gain_gini: gini(&gains),
        }
    }

    /// The section of the table.
    pub(super) fn table(&self, currency: &str) -> String {
        let money = |amount: Option<i64>| amount.map_or("-".to_owned(), section::amount);
        let lost = format!("{} lost together", section::amount(self.lost_microcurrency));
        let mut lines = vec![
            section::line("homes that gain", &count(self.gainers), ""),
            section::line("homes that lose", &count(self.losers), &lost),
        ];
        lines.extend(self.causes());
        lines.extend([
            section::line("smallest gain", &money(self.gain_min_microcurrency), ""),
            section::line("median gain", &money(self.gain_median_microcurrency), ""),
            section::line(
                "Gini of the gains",
                &self.gain_gini.map_or("-".to_owned(), |gini| decimal(gini, 2)),
                "",
            ),
        ]);
        section::section(&format!("Who gains by trading, in {currency}"), &lines)
    }

    /// One line for each cause that costs a loser more than any other.
    fn causes(&self) -> Vec<String> {
        let causes = self.losses.all().into_iter().filter(|(_, loss)| loss.homes > 0);
        let line = |(words, loss): (&str, Loss)| {
            let part = format!("{} of all they lose", section::amount(loss.microcurrency));
            section::line(&format!("  {words}"), &count(loss.homes), &part)
        };
        causes.map(line).collect()
    }
}

/// Of gains in ascending order, losses counted as none.
fn gini(gains: &[i64]) -> Option<f64> {
    let gains = gains.iter().map(|gain| (*gain).max(0) as f64);
    let n = gains.len() as f64;
    let sum: f64 = gains.clone().sum();
    let ranked: f64 = (1..).zip(gains).map(|(rank, gain)| f64::from(rank) * gain).sum();
    (sum > 0.0).then(|| (2.0 * ranked / (n * sum) - (n + 1.0) / n).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::bill::Bill;

    fn homes(gains: &[i64]) -> Vec<Bills> {
        let alone = |gain: &i64| Bills {
            local: Bill { grid_import: *gain, ..Bill::default() },
            ..Bills::default()
        };
        gains.iter().map(alone).collect()
    }

    /// All that is lost or gained, is by running otherwise.
    fn fairness(bills: &[Bills]) -> Fairness {
        let causes = |bills: &Bills| Causes { moved: -bills.gain(), ..Causes::default() };
        Fairness::of(bills, &bills.iter().map(causes).collect::<Vec<_>>())
    }

    #[test]
    fn equal_gains_have_no_spread_and_one_taker_nearly_all() {
        let equal = fairness(&homes(&[5_000; 10]));
        assert!(equal.gain_gini.is_some_and(|gini| gini < 1e-12), "{equal:?}");
        let mut gains = vec![0; 99];
        gains.push(1_000_000);
        let one = fairness(&homes(&gains));
        assert!(one.gain_gini.is_some_and(|gini| (gini - 0.99).abs() < 1e-12), "{one:?}");
        assert_eq!((one.gainers, one.losers), (1, 0));
    }

    #[test]
    fn losers_are_counted_with_what_they_lose() {
        let some = fairness(&homes(&[3_000, -2_000, 50, -1_000, 9_000]));
        assert_eq!((some.gainers, some.losers, some.lost_microcurrency), (2, 2, 3_000));
        assert_eq!(some.gain_min_microcurrency, Some(-2_000));
        assert_eq!(some.gain_median_microcurrency, Some(50));
        let moved = Loss { homes: 2, microcurrency: 3_000 };
        assert_eq!(some.losses, Losses { ran_at_worse_times: moved, ..Losses::default() });
        let none = fairness(&[]);
        assert_eq!((none.gain_gini, none.gain_min_microcurrency), (None, None));
    }
}
