//! What a run says: a table for people, one JSON object for programs, CSV files and one HTML page.
//!
//! Everything starts from [`run::Run`], plain data that the world fills. [`Report::new`] checks
//! it, settles it and computes every figure once; the rest of the room only writes them down.
//! This room never simulates, never reads the chain and never asks what time it is.

use std::path::Path;

pub mod bill;
pub mod causes;
pub mod chart;
mod check;
pub mod compare;
pub mod csv;
pub mod error;
pub mod explain;
pub mod fairness;
pub mod feeder;
pub mod fees;
mod html;
mod json;
pub mod load;
pub mod out;
mod page;
pub mod records;
pub mod run;
mod section;
pub mod settle;
pub mod sources;
pub mod strategies;
pub mod summary;
mod table;
pub mod units;
pub mod welfare;

#[cfg(test)]
pub(crate) mod sample;

pub use error::ReportError;
pub use out::OutDir;
pub use run::Run;
pub use summary::Summary;

use bill::Bills;
use causes::Causes;
use compare::Comparison;
use explain::Explanation;
use load::NetLoad;
use settle::Settlement;
use sources::Sources;

/// A finished run with every figure computed.
#[derive(Debug, Clone)]
pub struct Report {
    run: Run,
    settlement: Settlement,
    bills: Vec<Bills>,
    causes: Vec<Causes>,
    load: NetLoad,
    sources: Sources,
    summary: Summary,
}

impl Report {
    /// Checks and settles a run and computes its figures.
    ///
    /// # Errors
    /// When a series has the wrong length or an index points past its list.
    pub fn new(run: Run) -> Result<Self, ReportError> {
        check::check(&run)?;
        let settlement = settle::settle(&run);
        let bills = bill::bills(&run, &settlement);
        let causes = causes::causes(&run, &settlement, &bills);
        let load = NetLoad::of(&run);
        let summary = Summary::of(&run, &settlement, (&bills, &causes), &load);
        let metered = run.sites.iter().zip(&settlement.flows);
        let sources = Sources::of(metered.flat_map(|(site, flows)| site.rows.iter().zip(flows)));
        Ok(Self { run, settlement, bills, causes, load, sources, summary })
    }

    /// The run itself.
    #[must_use]
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// What was delivered and what came from the grid.
    #[must_use]
    pub fn settlement(&self) -> &Settlement {
        &self.settlement
    }

    /// Every site's bills in the three runs, in the order of the run.
    #[must_use]
    pub fn bills(&self) -> &[Bills] {
        &self.bills
    }

    /// Why every site pays more or less with trading than alone, in the order of the run.
    #[must_use]
    pub fn causes(&self) -> &[Causes] {
        &self.causes
    }

    /// The community's net load in the three runs.
    #[must_use]
    pub fn load(&self) -> &NetLoad {
        &self.load
    }

    /// Energy by source over all prosumers and intervals.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// The published figures.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Adds what the same homes and days cost when lived otherwise.
    #[must_use]
    pub fn compared(mut self, comparison: Comparison) -> Self {
        self.summary.compare = Some(comparison);
        self
    }

    /// What the same homes and days cost when lived otherwise, where that was asked for.
    #[must_use]
    pub fn comparison(&self) -> Option<&Comparison> {
        self.summary.compare.as_ref()
    }

    /// Adds the explanation of one prosumer, who is then the one whose day the page shows.
    ///
    /// # Errors
    /// [`ReportError::Prosumer`] when nobody is called that.
    pub fn explained(mut self, prosumer: &str) -> Result<Self, ReportError> {
        self.summary.explain = Some(Explanation::of(&self, prosumer)?);
        Ok(self)
    }

    /// The explanation of one prosumer, where that was asked for.
    #[must_use]
    pub fn explanation(&self) -> Option<&Explanation> {
        self.summary.explain.as_ref()
    }

    /// The table for a terminal.
    #[must_use]
    pub fn table(&self) -> String {
        table::table(self)
    }

    /// The summary as one JSON object.
    ///
    /// # Errors
    /// Only if a figure cannot be written as JSON.
    pub fn json(&self) -> Result<String, ReportError> {
        json::json(&self.summary)
    }

    /// The self-contained page.
    #[must_use]
    pub fn html(&self) -> String {
        html::html(self)
    }

    /// The command that proves the chain of this run again, with its anchor.
    #[must_use]
    pub fn verify_command(&self, out: &Path) -> String {
        let chain = &self.run.chain;
        format!(
            "gridpact chain verify {} --community {} --tip {}",
            quoted(&out.display().to_string()),
            chain.community,
            chain.tip
        )
    }

    /// Writes all files of the report into `out`; `chain/` is left to the store.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, out: &OutDir) -> Result<(), ReportError> {
        let mut contracts = Vec::new();
        csv::contracts(&self.run, &mut contracts)?;
        let mut schedule = Vec::new();
        csv::schedule(&self.run, &self.settlement, &mut schedule)?;
        out.write("scenario.toml", self.run.scenario_toml.as_bytes())?;
        out.write("contracts.csv", &contracts)?;
        out.write("schedule.csv", &schedule)?;
        out.write("report.html", self.html().as_bytes())?;
        out.write("summary.json", format!("{}\n", self.json()?).as_bytes())
    }
}

/// A path as a POSIX shell takes it back.
fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,=".contains(c);
    if !path.is_empty() && path.chars().all(plain) {
        return path.to_owned();
    }
    format!("'{}'", path.replace('\'', r"'\''"))
}
