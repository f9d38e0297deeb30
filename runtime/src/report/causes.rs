//! Why a home pays more or less with trading than alone: the difference of two bills, cause by cause.
//!
//! ```text
//! bill C - bill B = bought + fee + not taken + not delivered + sold + bought back + moved
//! ```
//!
//! The parts sum to the difference to the last micro-currency: each is summed exactly and rounded
//! once, and `moved` is what is left. Above zero a part costs, below it saves. Nothing is known here
//! of minds or plans but the cost that a seller's plan gave a sale when it was signed.

use serde::Serialize;

use super::bill::{Bills, paid, rounded};
use super::run::{Run, Site};
use super::settle::{Flow, Settlement};

/// One home's difference between trading (run C) and its own plans alone (run B), micro-currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Causes {
    /// Delivered purchases at the agreed price less what the grid would have asked for the same
    /// energy in the same interval: above zero only where the price was above the grid's.
    pub bought: i64,
    /// Network fees.
    pub fee: i64,
    /// Paid for energy that was bought ahead and that the home then had no use for.
    pub not_taken: i64,
    /// Paid for energy that its sellers did not deliver.
    pub not_delivered: i64,
    /// What its plans said its sales would cost, at signing, less what they brought.
    pub sold: i64,
    /// Sold energy that it had to buy itself, at what that costs above the feed-in price.
    pub bought_back: i64,
    /// Storage, loads and generation ran otherwise than alone: what that cost in grid energy, wear
    /// and stored energy, above what the plans of its sales said.
    pub moved: i64,
}

impl Causes {
    /// Words for each part, in the order of [`Self::parts`].
    pub const WORDS: [&'static str; 7] = [
        "dearer than the grid",
        "network fees",
        "bought, not needed",
        "bought, not delivered",
        "sold below cost",
        "sold, had to buy it",
        "ran at worse times",
    ];

    /// The parts one by one.
    #[must_use]
    pub fn parts(&self) -> [i64; 7] {
        [
            self.bought,
            self.fee,
            self.not_taken,
            self.not_delivered,
            self.sold,
            self.bought_back,
            self.moved,
        ]
    }

    /// All parts together: what the home pays more than alone.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.parts().into_iter().fold(0, i64::saturating_add)
    }

    /// The place of the part that costs most, the first of equals.
    #[must_use]
    pub fn main(&self) -> usize {
        let parts = self.parts();
        let most = parts.iter().copied().max().unwrap_or_default();
        parts.iter().position(|part| *part == most).unwrap_or_default()
    }
}

/// What the parts are made of, before rounding: micro-currency times Wh per kWh where not said.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    /// What the grid would have asked for what was delivered to the home.
    grid_worth: i128,
    /// Bought beyond what the meter imported: worth the feed-in price only.
    surplus: i128,
    /// Sold beyond what the meter exported.
    short: i128,
    /// Planned cost of sales.
    planned: i128,
    /// Paid for delivered energy, micro-currency.
    paid: i64,
    /// Received, micro-currency.
    received: i64,
    /// Paid for nothing, micro-currency.
    not_taken: i64,
    not_delivered: i64,
}

/// The causes of every site, in the order of the run; `bills` are of the same run and settlement.
#[must_use]
pub fn causes(run: &Run, settlement: &Settlement, bills: &[Bills]) -> Vec<Causes> {
    let mut sums: Vec<Sums> = run
        .sites
        .iter()
        .zip(&settlement.flows)
        .map(|(site, flows)| metered(run, site, flows))
        .collect();
    for (contract, fulfilment) in run.contracts.iter().zip(&settlement.fulfilments) {
        let all = paid(contract, fulfilment);
        let part = |wh: u64| match fulfilment.contracted_wh {
            0 => 0,
            of => rounded(i128::from(all) * i128::from(wh), i128::from(of)),
        };
        let delivered = fulfilment.delivered_wh;
        let missing = fulfilment.contracted_wh - delivered - fulfilment.untaken_wh;
        let (not_taken, not_delivered) = (part(fulfilment.untaken_wh), part(missing));
        let buyer = &mut sums[contract.buyer];
        buyer.paid += all - not_taken - not_delivered;
        buyer.not_taken += not_taken;
        buyer.not_delivered += not_delivered;
        let seller = &mut sums[contract.seller];
        seller.received += all;
        seller.planned +=
            i128::from(contract.cost_microcurrency_per_kwh) * i128::from(fulfilment.contracted_wh);
    }
    sums.iter().zip(bills).map(|(sums, bills)| sums.causes(bills)).collect()
}

/// What one site's meter says of its trades.
fn metered(run: &Run, site: &Site, flows: &[Flow]) -> Sums {
    let tariff = &run.tariffs[site.tariff];
    let prices =
        tariff.retail_microcurrency_per_kwh.iter().zip(&tariff.feed_in_microcurrency_per_kwh);
    let mut sums = Sums::default();
    for ((row, flow), (retail, feed_in)) in site.rows.iter().zip(flows).zip(prices) {
        let (import, export) = (row.net_import_wh.max(0), row.net_import_wh.saturating_neg());
        let beyond = |traded: u64, flow: i64| {
            (i128::from(traded) - i128::from(flow.max(0))).max(0) * i128::from(retail - feed_in)
        };
        sums.grid_worth += i128::from(flow.bought_wh) * i128::from(*retail);
        sums.surplus += beyond(flow.bought_wh, import);
        sums.short += beyond(flow.sold_wh, export);
    }
    sums
}

impl Sums {
    fn causes(&self, bills: &Bills) -> Causes {
        let kwh = |sum: i128| rounded(sum, 1000);
        let parts = Causes {
            bought: self.paid - kwh(self.grid_worth),
            fee: bills.trading.fee,
            not_taken: self.not_taken + kwh(self.surplus),
            not_delivered: self.not_delivered,
            sold: kwh(self.planned) - self.received,
            bought_back: kwh(self.short),
            moved: 0,
        };
        let more = bills.trading.total().saturating_sub(bills.local.total());
        Causes { moved: more.saturating_sub(parts.total()), ..parts }
    }
}

/// How the losses of a community's losers divide by cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Losses {
    /// The price was above the grid's.
    pub dearer_than_grid: Loss,
    /// Network fees.
    pub fee: Loss,
    /// Energy was bought ahead and then not needed.
    pub bought_not_needed: Loss,
    /// Energy was paid for that sellers did not deliver.
    pub bought_not_delivered: Loss,
    /// Sales brought less than the plan said they cost.
    pub sold_below_cost: Loss,
    /// Sold energy had to be bought.
    pub bought_back: Loss,
    /// Storage, loads and generation ran at worse times than planned.
    pub ran_at_worse_times: Loss,
}

/// One cause among the losers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// Losers whom this cost more than anything else.
    pub homes: u64,
    /// This part of what all losers pay more, micro-currency; below zero where it saved. The parts
    /// sum to what they lose together.
    pub microcurrency: i64,
}

impl Losses {
    /// Counts losers.
    pub(super) fn of<'a>(losers: impl Iterator<Item = &'a Causes>) -> Self {
        let mut all = [Loss::default(); 7];
        for causes in losers {
            all[causes.main()].homes += 1;
            for (loss, part) in all.iter_mut().zip(causes.parts()) {
                loss.microcurrency = loss.microcurrency.saturating_add(part);
            }
        }
        let [dearer_than_grid, fee, needed, delivered, sold_below_cost, bought_back, moved] = all;
        Self {
            dearer_than_grid,
            fee,
            bought_not_needed: needed,
            bought_not_delivered: delivered,
            sold_below_cost,
            bought_back,
            ran_at_worse_times: moved,
        }
    }

    /// Each with its words, in the order of [`Causes::parts`].
    #[must_use]
    pub fn all(&self) -> [(&'static str, Loss); 7] {
        let losses = [
            self.dearer_than_grid,
            self.fee,
            self.bought_not_needed,
            self.bought_not_delivered,
            self.sold_below_cost,
            self.bought_back,
            self.ran_at_worse_times,
        ];
        std::array::from_fn(|at| (Causes::WORDS[at], losses[at]))
    }
}

#[cfg(test)]
#[path = "causes_tests.rs"]
mod tests;
