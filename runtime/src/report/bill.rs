//! What a site pays in one of the three runs, item by item.
//!
//! ```text
//! cost = retail x grid import - feed-in x grid export + contract amounts + fee x delivered
//!        + wear x discharge - change of stored energy x v_s
//! ```
//!
//! The same function bills runs A, B and C. Each item is summed exactly and rounded once, half to
//! even; contract amounts come from the chain and are the same number on both sides, so what
//! prosumers pay each other cancels in the community's bill.

use super::run::{Alone, Contract, Run, Site, Store};
use super::settle::{Flow, Fulfilment, Settlement};

/// One site's or one community's costs in micro-currency; income is negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bill {
    /// Energy bought from the grid at retail.
    pub grid_import: i64,
    /// Energy fed into the grid, as income: zero or below unless the feed-in price is negative.
    pub grid_export: i64,
    /// Contract amounts and their later adjustments: paid as buyer less received as seller.
    pub trade: i64,
    /// Network fee on delivered energy, paid by the buyer outside the chain.
    pub fee: i64,
    /// Wear of battery and vehicle.
    pub wear: i64,
    /// Worth of the change of stored energy, as income: a fuller store lowers the cost.
    pub stored: i64,
}

impl Bill {
    /// Everything together, micro-currency.
    #[must_use]
    pub fn total(&self) -> i64 {
        [self.grid_import, self.grid_export, self.trade, self.fee, self.wear, self.stored]
            .into_iter()
            .fold(0, i64::saturating_add)
    }

    /// Item by item, both bills together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            grid_import: self.grid_import.saturating_add(other.grid_import),
            grid_export: self.grid_export.saturating_add(other.grid_export),
            trade: self.trade.saturating_add(other.trade),
            fee: self.fee.saturating_add(other.fee),
            wear: self.wear.saturating_add(other.wear),
            stored: self.stored.saturating_add(other.stored),
        }
    }
}

/// The bills of one site in the three runs of protocol R6.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bills {
    /// Run A: no storage control.
    pub uncontrolled: Bill,
    /// Run B: local schedules, the baseline.
    pub local: Bill,
    /// Run C: trading.
    pub trading: Bill,
}

impl Bills {
    /// What trading saved against the baseline, micro-currency; negative for a loss.
    #[must_use]
    pub fn gain(&self) -> i64 {
        self.local.total().saturating_sub(self.trading.total())
    }
}

/// Bills every site of a settled run, in the order of the run.
#[must_use]
pub fn bills(run: &Run, settlement: &Settlement) -> Vec<Bills> {
    let mut bills: Vec<Bills> = run
        .sites
        .iter()
        .zip(&settlement.flows)
        .map(|(site, flows)| Bills {
            uncontrolled: alone(run, site, &site.uncontrolled),
            local: alone(run, site, &site.local),
            trading: trading(run, site, flows),
        })
        .collect();
    for (contract, fulfilment) in run.contracts.iter().zip(&settlement.fulfilments) {
        let paid = paid(contract, fulfilment);
        let fee =
            i128::from(contract.fee_microcurrency_per_kwh) * i128::from(fulfilment.delivered_wh);
        let buyer = &mut bills[contract.buyer].trading;
        buyer.trade = buyer.trade.saturating_add(paid);
        buyer.fee = buyer.fee.saturating_add(rounded(fee, 1000));
        let seller = &mut bills[contract.seller].trading;
        seller.trade = seller.trade.saturating_sub(paid);
    }
    bills
}

/// What the buyer paid for the part of the contract inside the run, adjustments included.
#[must_use]
pub fn paid(contract: &Contract, fulfilment: &Fulfilment) -> i64 {
    let all: u128 = contract.profile_wh.iter().map(|wh| u128::from(*wh)).sum();
    let owed =
        i128::from(contract.amount_microcurrency) - i128::from(contract.adjustment_microcurrency);
    match i128::try_from(all) {
        Ok(all) if all > 0 => rounded(owed * i128::from(fulfilment.contracted_wh), all),
        _ => rounded(owed, 1),
    }
}

fn trading(run: &Run, site: &Site, flows: &[Flow]) -> Bill {
    let out =
        |wh: fn(&super::run::Row) -> u64| site.rows.iter().map(wh).fold(0, u64::saturating_add);
    let end = site.rows.last().copied().unwrap_or_default();
    let batteries = stores(
        site,
        (out(|row| row.battery_discharge_wh), end.battery_soc_wh),
        (out(|row| row.ev_discharge_wh), end.ev_soc_wh),
        site.rows.is_empty(),
    );
    grid(run, site, flows.iter().copied()).plus(&batteries)
}

/// Bills a life without trading.
#[must_use]
pub fn alone(run: &Run, site: &Site, life: &Alone) -> Bill {
    let batteries = stores(
        site,
        (life.battery_discharge_wh, life.battery_end_wh),
        (life.ev_discharge_wh, life.ev_end_wh),
        life.net_import_wh.is_empty(),
    );
    grid(run, site, life.net_import_wh.iter().map(|net| Flow::of_grid(*net))).plus(&batteries)
}

fn grid(run: &Run, site: &Site, flows: impl Iterator<Item = Flow>) -> Bill {
    let tariff = &run.tariffs[site.tariff];
    let prices =
        tariff.retail_microcurrency_per_kwh.iter().zip(&tariff.feed_in_microcurrency_per_kwh);
    let (mut import, mut export) = (0_i128, 0_i128);
    for (flow, (retail, feed_in)) in flows.zip(prices) {
        import += i128::from(flow.grid_import_wh) * i128::from(*retail);
        export += i128::from(flow.grid_export_wh) * i128::from(*feed_in);
    }
    Bill {
        grid_import: rounded(import, 1000),
        grid_export: rounded(-export, 1000),
        ..Bill::default()
    }
}

/// Wear and stored energy; each device is given as (discharged Wh, Wh stored at the end).
fn stores(site: &Site, battery: (u64, u64), ev: (u64, u64), nothing_ran: bool) -> Bill {
    let mut bill = Bill::default();
    let devices = [(&site.battery, battery), (&site.ev, ev)];
    for (store, (discharged, end)) in devices {
        let Some(store) = store.as_ref().filter(|_| !nothing_ran) else { continue };
        let wear = i128::from(store.wear_microcurrency_per_kwh) * i128::from(discharged);
        bill.wear = bill.wear.saturating_add(rounded(wear, 1000));
        bill.stored = bill.stored.saturating_sub(stored_worth(store, end));
    }
    bill
}

fn stored_worth(store: &Store, end_wh: u64) -> i64 {
    let change = i128::from(end_wh) - i128::from(store.start_wh);
    rounded(change * i128::from(store.value_microcurrency_per_kwh), 1000)
}

/// `sum / unit` rounded half to even, as [`crate::chain::terms::Money::of`] does; stops at the
/// ends of the integer, far beyond any community's bill.
pub(super) fn rounded(sum: i128, unit: i128) -> i64 {
    let (floor, rest) = (sum.div_euclid(unit), sum.rem_euclid(unit));
    let up = rest * 2 > unit || (rest * 2 == unit && floor.rem_euclid(2) == 1);
    let whole = floor + i128::from(up);
    i64::try_from(whole).unwrap_or(if whole < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
#[path = "bill_tests.rs"]
mod tests;
