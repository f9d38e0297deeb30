//! Experiment `strategy` as rows: what each way to bargain brings those who take it, and the rest,
//! against the same days with all homes honest and alike.

use serde::Serialize;

use super::Report;
use super::error::ReportError;
use super::units::{count, decimal, percent};

/// Mean and spread of a figure over draws.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct OverDraws {
    /// Arithmetic mean.
    pub mean: f64,
    /// Standard deviation between draws; 0 with one draw.
    pub deviation: f64,
    /// Lowest of all draws.
    pub min: f64,
    /// Highest of all draws.
    pub max: f64,
}

impl OverDraws {
    fn of(figures: &[f64]) -> Self {
        let n = figures.len() as f64;
        if figures.is_empty() {
            return Self::default();
        }
        let mean = figures.iter().sum::<f64>() / n;
        let squares: f64 = figures.iter().map(|figure| (figure - mean).powi(2)).sum();
        Self {
            mean,
            deviation: (squares / (n - 1.0).max(1.0)).sqrt(),
            min: figures.iter().copied().fold(f64::INFINITY, f64::min),
            max: figures.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    }
}

/// One draw of one strategy, held against its honest life.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Outcome {
    homes: usize,
    own: f64,
    rest: f64,
    welfare: f64,
    share: f64,
    honest_share: f64,
}

impl Outcome {
    /// What `deviants` and the rest gain; both reports are of the same homes and days.
    fn of(honest: &Report, lied: &Report, deviants: &[u32]) -> Self {
        let cost = |report: &Report, home: usize| report.bills()[home].trading.total();
        let homes = honest.bills().len();
        let gain = |home: usize| (cost(honest, home) - cost(lied, home)) as f64 / 1e6;
        let is_deviant = |home: &usize| deviants.iter().any(|deviant| *deviant as usize == *home);
        let (own, rest): (Vec<usize>, Vec<usize>) = (0..homes).partition(is_deviant);
        let mean = |homes: &[usize]| {
            homes.iter().map(|home| gain(*home)).sum::<f64>() / homes.len().max(1) as f64
        };
        Self {
            homes: own.len(),
            own: mean(&own),
            rest: mean(&rest),
            welfare: (0..homes).map(gain).sum(),
            share: lied.summary().p2p_share,
            honest_share: honest.summary().p2p_share,
        }
    }
}

/// One strategy over all draws.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct StrategyRow {
    /// What is done, e.g. `seller_states_cost`.
    pub strategy: String,
    /// By how much: stated over true cost, or true over stated worth; null where it is no matter of
    /// degree.
    pub factor: Option<f64>,
    /// Draws: each of other homes, weather and deviants.
    pub draws: u64,
    /// Deviants per draw, mean.
    pub homes: f64,
    /// What a deviant pays less than in the honest life, currency.
    pub own_gain: OverDraws,
    /// Draws in which deviants gained.
    pub gained_in: u64,
    /// The same per other home.
    pub rest_gain: OverDraws,
    /// The same of all homes together: what the community saved or lost by it.
    pub welfare: OverDraws,
    /// Share of bought energy that peers delivered, mean.
    pub share: f64,
    /// The same in the honest life.
    pub honest_share: f64,
}

/// The rows of the experiment, and of what.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Strategies {
    about: String,
    currency: String,
    outcomes: Vec<(String, Option<f64>, Vec<Outcome>)>,
}

impl Strategies {
    /// Adds one draw of one strategy: the honest life, the other, and who bargained otherwise in it.
    pub fn add(
        &mut self,
        (strategy, factor_ppm): (&str, Option<i64>),
        honest: &Report,
        lied: &Report,
        deviants: &[u32],
    ) {
        let summary = honest.summary();
        self.currency.clone_from(&honest.run().currency);
        self.about = format!("scenario {}, {} prosumers", summary.scenario, summary.prosumers);
        let factor = factor_ppm.map(|ppm| ppm as f64 / 1e6);
        let outcome = Outcome::of(honest, lied, deviants);
        let known = self.outcomes.iter_mut().find(|(s, f, _)| s == strategy && *f == factor);
        match known {
            Some((_, _, outcomes)) => outcomes.push(outcome),
            None => self.outcomes.push((strategy.to_owned(), factor, vec![outcome])),
        }
    }

    /// One row per strategy and degree, in the order in which they were first added.
    #[must_use]
    pub fn rows(&self) -> Vec<StrategyRow> {
        self.outcomes.iter().map(|(strategy, factor, all)| row(strategy, *factor, all)).collect()
    }

    /// The rows as one JSON array.
    ///
    /// # Errors
    /// Only if a figure cannot be written as JSON.
    pub fn json(&self) -> Result<String, ReportError> {
        serde_json::to_string_pretty(&self.rows()).map_err(|source| ReportError::Format {
            what: "experiment.json",
            reason: source.to_string(),
        })
    }

    /// The rows as a table.
    #[must_use]
    pub fn table(&self) -> String {
        let mut lines = vec![
            format!("{}; gains in {} a home, against all honest", self.about, self.currency),
            String::new(),
            format!(
                "{:<20}{:>7}{:>7}{:>16}{:>9}{:>16}{:>10}{:>8}",
                "strategy", "factor", "homes", "own gain", "gained", "rest's gain", "all", "share"
            ),
        ];
        let with = |figure: &OverDraws, places| {
            format!("{} +- {}", decimal(figure.mean, places), decimal(figure.deviation, places))
        };
        lines.extend(self.rows().iter().map(|row| {
            format!(
                "{:<20}{:>7}{:>7}{:>16}{:>9}{:>16}{:>10}{:>8}",
                row.strategy,
                row.factor.map_or("-".to_owned(), |factor| decimal(factor, 2)),
                decimal(row.homes, 1),
                with(&row.own_gain, 3),
                format!("{}/{}", count(row.gained_in), count(row.draws)),
                with(&row.rest_gain, 4),
                decimal(row.welfare.mean, 2),
                percent(row.share),
            )
        }));
        lines.join("\n")
    }
}

fn row(strategy: &str, factor: Option<f64>, all: &[Outcome]) -> StrategyRow {
    let each = |of: fn(&Outcome) -> f64| all.iter().map(of).collect::<Vec<f64>>();
    let mean = |of: fn(&Outcome) -> f64| OverDraws::of(&each(of)).mean;
    StrategyRow {
        strategy: strategy.to_owned(),
        factor,
        draws: all.len() as u64,
        homes: mean(|outcome| outcome.homes as f64),
        own_gain: OverDraws::of(&each(|outcome| outcome.own)),
        gained_in: all.iter().filter(|outcome| outcome.own > 0.0).count() as u64,
        rest_gain: OverDraws::of(&each(|outcome| outcome.rest)),
        welfare: OverDraws::of(&each(|outcome| outcome.welfare)),
        share: mean(|outcome| outcome.share),
        honest_share: mean(|outcome| outcome.honest_share),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::a_run;

    /// The same run, in which home 0 pays `more` on the chain and home 1 gets it.
    fn shifted(more: i64) -> Report {
        let mut run = a_run(6, 1, 5);
        let contract = &mut run.contracts[0];
        (contract.buyer, contract.seller) = (0, 1);
        contract.amount_microcurrency += more;
        Report::new(run).expect("the sample is consistent")
    }

    #[test]
    fn what_one_wins_by_a_price_another_loses_and_the_community_keeps() {
        let mut strategies = Strategies::default();
        for more in [1_000_000, 3_000_000] {
            let lie = ("seller_states_cost", Some(1_250_000));
            strategies.add(lie, &shifted(0), &shifted(more), &[1]);
        }
        let rows = strategies.rows();
        let [row] = &rows[..] else { panic!("one strategy, one row: {rows:?}") };
        assert_eq!((row.draws, row.gained_in, row.homes), (2, 2, 1.0));
        assert!((row.own_gain.mean - 2.0).abs() < 1e-9, "{row:?}");
        assert!((row.own_gain.deviation - 2.0_f64.sqrt()).abs() < 1e-9);
        assert!((row.rest_gain.mean + 2.0 / 5.0).abs() < 1e-9);
        assert!(row.welfare.max.abs() < 1e-9, "money only changed hands");
        assert_eq!(row.share, row.honest_share);
    }

    #[test]
    fn rows_are_an_array_and_a_table_of_plain_width() {
        let mut strategies = Strategies::default();
        strategies.add(("buyer_bids_low", None), &shifted(0), &shifted(0), &[0]);
        strategies.add(("seller_states_cost", Some(2_000_000)), &shifted(0), &shifted(5), &[1, 2]);
        let json: serde_json::Value =
            serde_json::from_str(&strategies.json().expect("JSON")).expect("an array");
        assert_eq!(json.as_array().map(Vec::len), Some(2));
        assert!(json[0]["factor"].is_null() && json[1]["factor"] == 2.0);
        for key in ["own_gain", "rest_gain", "welfare"] {
            assert!(json[1][key]["mean"].is_number(), "{key}");
        }
        let table = strategies.table();
        assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
    }
}
