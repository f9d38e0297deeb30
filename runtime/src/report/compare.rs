//! What control, trading and foresight are worth: the same homes and days lived in six ways.
//!
//! Every life is billed by the same function, wear, fees and change of stored energy in it. The
//! lives with foresight know every load, every cloud and every departure; what the real ones pay
//! more is the price of forecasting.

use serde::Serialize;

use super::bill::alone;
use super::run::Alone;
use super::{Report, section};

/// Mean cost of a home over the run in micro-currency, per way of living; income is negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// Homes compared.
    pub homes: u64,
    /// No control: battery idle, vehicle charged when plugged in.
    pub uncontrolled_microcurrency: i64,
    /// Every device serves its own home, blind to prices.
    pub greedy_microcurrency: i64,
    /// Local schedules, the grid as the only partner.
    pub local_microcurrency: i64,
    /// Local schedules and trading.
    pub trading_microcurrency: i64,
    /// Local schedules that know the future.
    pub local_foresight_microcurrency: i64,
    /// Trading by homes that know the future: the floor.
    pub trading_foresight_microcurrency: i64,
    /// What trading on forecasts costs more than trading with foresight.
    pub forecasting_microcurrency: i64,
}

impl Comparison {
    /// Compares a run with its homes' greedy lives and with the same run lived with foresight.
    #[must_use]
    pub fn of(real: &Report, greedy: &[Alone], foresight: &Report) -> Self {
        let homes = real.bills().len();
        let sites = real.run().sites.iter().zip(greedy);
        let greedy = mean(sites.map(|(site, life)| alone(real.run(), site, life).total()), homes);
        let over = |report: &Report, of: fn(&super::bill::Bills) -> i64| {
            mean(report.bills().iter().map(of), homes)
        };
        let trading = over(real, |site| site.trading.total());
        let floor = over(foresight, |site| site.trading.total());
        Self {
            homes: homes as u64,
            uncontrolled_microcurrency: over(real, |site| site.uncontrolled.total()),
            greedy_microcurrency: greedy,
            local_microcurrency: over(real, |site| site.local.total()),
            trading_microcurrency: trading,
            local_foresight_microcurrency: over(foresight, |site| site.local.total()),
            trading_foresight_microcurrency: floor,
            forecasting_microcurrency: trading.saturating_sub(floor),
        }
    }

    /// The section of the table.
    pub(super) fn table(&self, currency: &str) -> String {
        let rows = [
            ("no control", self.uncontrolled_microcurrency),
            ("greedy self-consumption", self.greedy_microcurrency),
            ("local schedules", self.local_microcurrency),
            ("trading", self.trading_microcurrency),
            ("local, perfect foresight", self.local_foresight_microcurrency),
            ("trading, perfect foresight", self.trading_foresight_microcurrency),
            ("price of forecasting", self.forecasting_microcurrency),
        ];
        let lines: Vec<String> = rows
            .iter()
            .map(|(label, cost)| section::line(label, &section::amount(*cost), ""))
            .collect();
        section::section(&format!("Cost per home in {currency} ({} homes)", self.homes), &lines)
    }
}

/// The mean of `homes` costs, rounded towards zero; 0 of none.
fn mean(costs: impl Iterator<Item = i64>, homes: usize) -> i64 {
    let sum: i128 = costs.map(i128::from).sum();
    let homes = i128::try_from(homes.max(1)).unwrap_or(i128::MAX);
    i64::try_from(sum / homes).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
}
