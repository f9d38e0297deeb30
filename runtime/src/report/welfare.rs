//! What the market made of its chances, as the report says it.

use serde::Serialize;

use super::run::{BlockShape, Run, Welfare};
use super::section::{amount, line};
use super::units::percent;

/// What the market made of its chances.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct WelfareKeys {
    /// Welfare of the contracts over that of the optimum; null where nothing could be traded.
    pub ratio: Option<f64>,
    /// What is compared.
    #[serde(flatten)]
    pub of: Welfare,
}

impl From<Welfare> for WelfareKeys {
    fn from(of: Welfare) -> Self {
        Self { ratio: of.ratio(), of }
    }
}

/// Why there is no ratio, in words.
pub(super) fn absence(run: &Run) -> &'static str {
    match run.block_shape {
        BlockShape::Profile => "not computed; --welfare on asks for it",
        BlockShape::Energy => "bare energy blocks leave the interval to the seller: no optimum",
    }
}

/// The line of the table.
pub(super) fn row(run: &Run) -> String {
    const LABEL: &str = "welfare ratio";
    let Some(welfare) = run.welfare else { return line(LABEL, "-", absence(run)) };
    let of = format!(
        "{} of the {} {} that bids and asks allowed",
        amount(welfare.made_microcurrency),
        amount(welfare.optimum_microcurrency),
        run.currency
    );
    line(LABEL, &welfare.ratio().map_or("-".to_owned(), percent), &of)
}

#[cfg(test)]
mod tests {
    use super::super::Report;
    use super::super::sample::a_run;
    use super::*;

    #[test]
    fn a_ratio_is_told_and_so_is_why_there_is_none() {
        let mut run = a_run(8, 1, 5);
        let told = |run: &Run| Report::new(run.clone()).expect("the sample is consistent");
        let (table, page) = (told(&run).table(), told(&run).html());
        assert!(table.contains("97.2 %  24.30 of the 25.00 AUD"), "{table}");
        assert!(page.contains("Welfare ratio") && page.contains("97.2"), "the page tells it");
        run.welfare = None;
        assert!(told(&run).table().contains("--welfare on"));
        assert_eq!(told(&run).summary().welfare, None);
        run.block_shape = BlockShape::Energy;
        let report = told(&run);
        assert!(report.table().contains("no optimum") && report.html().contains("no optimum"));
        let nothing = Welfare::default();
        assert_eq!(WelfareKeys::from(nothing).ratio, None, "nothing could be made of nothing");
    }
}
