//! Experiment `fee` as rows: what a charge on peer-to-peer energy does to share, saving and feeder.
//!
//! One row per fee, for a table, a JSON array and a page with the curves.

use gridpact_chain::terms::Price;
use serde::Serialize;

use super::error::ReportError;
use super::units::{count, decimal, percent, power};
use super::{Report, html};

mod page;

/// The same days under one fee.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct FeeRow {
    /// The fee on peer-to-peer energy, currency per kWh.
    pub fee_per_kwh: f64,
    /// Share of bought energy that peers delivered, 0 to 1.
    pub share: f64,
    /// The same of what was contracted; it may pass 1.
    pub contracted: f64,
    /// What trading saves the community against local schedules alone, fees paid, currency.
    pub saving: f64,
    /// The same over what local schedules alone cost; null unless they cost something.
    pub savings_ratio: Option<f64>,
    /// Fees on delivered energy, currency.
    pub network_fee: f64,
    /// Homes that pay less with trading than with local schedules alone.
    pub gainers: u64,
    /// Homes that pay more.
    pub losers: u64,
    /// Welfare of the contracts over that of the exact optimum under the same fee; null where it was
    /// not computed or nothing could be traded.
    pub welfare_ratio: Option<f64>,
    /// Highest interval mean at the common transformer, W.
    pub feeder_peak_w: i64,
    /// Minutes beyond its limits; null where none is set.
    pub overload_minutes: Option<u64>,
    /// Final contracts on the chain.
    pub final_contracts: u64,
    /// Hash of the last ledger block, hexadecimal.
    pub tip: String,
}

/// The rows of the experiment, and of what.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FeeSweep {
    /// One row per fee, by rising fee.
    pub rows: Vec<FeeRow>,
    currency: String,
    about: String,
}

impl FeeSweep {
    /// Adds the days that `report` is of, lived under `fee`.
    pub fn add(&mut self, fee: Price, report: &Report) {
        let summary = report.summary();
        let money = |microcurrency: i64| microcurrency as f64 / 1e6;
        let saved = summary.baseline_cost_microcurrency.saturating_sub(summary.cost_microcurrency);
        let minutes = f64::from(report.run().calendar.interval_s) / 60.0;
        self.currency.clone_from(&report.run().currency);
        self.about = format!(
            "{}: {} prosumers, {} intervals of {} min, seed {}",
            summary.scenario,
            count(summary.prosumers),
            count(summary.intervals),
            decimal(minutes, usize::from(minutes.fract() > 0.0)),
            summary.seed
        );
        self.rows.push(FeeRow {
            fee_per_kwh: money(fee.0),
            share: summary.p2p_share,
            contracted: summary.contracted_share,
            saving: money(saved),
            savings_ratio: summary.savings_ratio,
            network_fee: money(summary.network_fee_microcurrency),
            gainers: summary.fairness.gainers,
            losers: summary.fairness.losers,
            welfare_ratio: summary.welfare.and_then(|welfare| welfare.ratio),
            feeder_peak_w: summary.peak_w,
            overload_minutes: summary.feeder.trading.overload_minutes,
            final_contracts: summary.final_contracts,
            tip: summary.tip.clone(),
        });
    }

    /// The rows as one JSON array.
    ///
    /// # Errors
    /// Only if a figure cannot be written as JSON.
    pub fn json(&self) -> Result<String, ReportError> {
        serde_json::to_string_pretty(&self.rows).map_err(|source| ReportError::Format {
            what: "experiment.json",
            reason: source.to_string(),
        })
    }

    /// The table for a terminal.
    #[must_use]
    pub fn table(&self) -> String {
        let row = |cells: [String; COLUMNS]| {
            let cells = cells.iter().zip(WIDTHS).map(|(cell, width)| format!("{cell:>width$}"));
            cells.collect::<String>()
        };
        let head = self.heads().map(|(head, _)| head);
        let rows = self.rows.iter().map(|each| row(each.cells()));
        let lines: Vec<String> = std::iter::once(row(head)).chain(rows).collect();
        format!(
            "{}\nfee on P2P energy, saving and fees paid in {}; saving is against local schedules \
             alone\n\n{}\n",
            self.about,
            self.currency,
            lines.join("\n")
        )
    }

    /// The page.
    #[must_use]
    pub fn html(&self) -> String {
        html::document(&format!("gridpact: fee, {}", self.about), &page::sections(self))
    }

    /// Short heads for a terminal, and long ones for the page.
    fn heads(&self) -> [(String, String); COLUMNS] {
        let currency = &self.currency;
        [
            ("fee".to_owned(), format!("Fee, {currency} per kWh")),
            ("share".to_owned(), "P2P share".to_owned()),
            ("contracted".to_owned(), "Contracted".to_owned()),
            ("saving".to_owned(), format!("Saving, {currency}")),
            ("of cost".to_owned(), "Of cost".to_owned()),
            ("fees".to_owned(), format!("Fees paid, {currency}")),
            ("gain".to_owned(), "Homes that gain".to_owned()),
            ("lose".to_owned(), "Homes that lose".to_owned()),
            ("welfare".to_owned(), "Welfare ratio".to_owned()),
            ("peak".to_owned(), "Feeder peak".to_owned()),
            ("overload".to_owned(), "Overload".to_owned()),
        ]
    }
}

/// Columns of both tables.
const COLUMNS: usize = 11;
/// Their widths in a terminal.
const WIDTHS: [usize; COLUMNS] = [6, 9, 12, 10, 9, 10, 6, 6, 9, 11, 11];

impl FeeRow {
    fn cells(&self) -> [String; COLUMNS] {
        let ratio = |ratio: Option<f64>| ratio.map_or("-".to_owned(), percent);
        [
            decimal(self.fee_per_kwh, 2),
            percent(self.share),
            percent(self.contracted),
            decimal(self.saving, 2),
            ratio(self.savings_ratio),
            decimal(self.network_fee, 2),
            count(self.gainers),
            count(self.losers),
            ratio(self.welfare_ratio),
            power(self.feeder_peak_w),
            self.overload_minutes.map_or("-".to_owned(), |min| format!("{} min", count(min))),
        ]
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::sample::a_run;
    use super::*;

    /// Fees whose figures fall.
    pub(crate) fn a_sweep() -> FeeSweep {
        let report = Report::new(a_run(12, 1, 5)).expect("the sample is consistent");
        let mut sweep = FeeSweep::default();
        for (nth, fee) in crate::sim::experiment::fee::FEES.into_iter().enumerate() {
            sweep.add(fee, &report);
            let row = sweep.rows.last_mut().expect("just added");
            row.share /= 1.0 + nth as f64;
            row.saving = 40.0 - 9.0 * nth as f64;
        }
        sweep
    }

    #[test]
    fn every_fee_has_a_row_in_json_table_and_page() {
        let sweep = a_sweep();
        let json: serde_json::Value =
            serde_json::from_str(&sweep.json().expect("JSON")).expect("an array");
        let rows = json.as_array().expect("an array");
        assert_eq!(rows.len(), 6);
        for key in [
            "fee_per_kwh",
            "share",
            "contracted",
            "saving",
            "gainers",
            "losers",
            "welfare_ratio",
            "feeder_peak_w",
        ] {
            assert!(rows.iter().all(|row| row[key].is_number()), "{key}");
        }
        let fees: Vec<f64> = rows.iter().filter_map(|row| row["fee_per_kwh"].as_f64()).collect();
        assert_eq!(fees, [0.0, 0.02, 0.05, 0.1, 0.15, 0.2]);
        assert!(rows[0]["overload_minutes"].is_null(), "no limit, no overload");
        let (table, page) = (sweep.table(), sweep.html());
        assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
        assert_eq!(page.matches("<circle").count(), 2 * 3 * 6, "three curves, drawn wide and narrow");
        assert!(!page.contains("NaN") && page.contains("AUD per kWh"));
        for row in &sweep.rows {
            assert!(table.contains(&decimal(row.saving, 2)), "{table}");
        }
    }
}
