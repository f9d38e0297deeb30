//! A case as CSV, for another solver: `bids.csv`, `asks.csv`, `limits.csv`, `caps.csv`, `budget.csv`;
//! and beside them in `deals.csv` what was contracted of it.
//!
//! Energies are kWh with three decimals and prices currency per kWh with six, so nothing is rounded.
//! A home buys as `b7` and sells as `s7`: a line limit holds for one side only.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use gridpact_chain::terms::Price;

use crate::sim::welfare::case::{Case, Deals};

/// Writes `case` into `dir`, which is made if it is not there; `fee` is due on every traded kWh and
/// comes off the bids.
pub(super) fn write(case: &Case, deals: &Deals, fee: Price, dir: &Path) -> io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let put = |name: &str, text: String| std::fs::write(dir.join(name), text);
    put("bids.csv", bids(case, fee))?;
    put("asks.csv", asks(case))?;
    put("limits.csv", limits(case))?;
    put("caps.csv", caps(case))?;
    put("budget.csv", budget(case))?;
    put("deals.csv", contracted(deals))
}

/// Whole thousandths as a decimal.
fn kwh(wh: u64) -> String {
    format!("{}.{:03}", wh / 1000, wh % 1000)
}

/// Whole millionths as a decimal.
fn price(micro: i64) -> String {
    let sign = if micro < 0 { "-" } else { "" };
    format!("{sign}{}.{:06}", micro.unsigned_abs() / 1_000_000, micro.unsigned_abs() % 1_000_000)
}

fn line(text: &mut String, row: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{row}");
}

fn bids(case: &Case, fee: Price) -> String {
    let mut text = "slot,agent,kwh,price\n".to_owned();
    for bid in &case.bids {
        let (slot, buyer, wh) = (bid.slot, bid.buyer, kwh(bid.wh));
        line(&mut text, format_args!("{slot},b{buyer},{wh},{}", price(bid.value - fee.0)));
    }
    text
}

fn asks(case: &Case) -> String {
    let mut text = "slot,agent,kwh,price,store\n".to_owned();
    for ask in &case.asks {
        let (slot, seller, wh, cost) = (ask.slot, ask.seller, kwh(ask.wh), price(ask.cost));
        let store = ask.store.map(|store| name(case, store)).unwrap_or_default();
        line(&mut text, format_args!("{slot},s{seller},{wh},{cost},{store}"));
    }
    text
}

fn name(case: &Case, store: usize) -> String {
    let (home, number) = case.stores[store];
    format!("s{home}.{number}")
}

/// Who may trade with whom: pairs that are not listed may not. A pair carries what its seller's
/// line does.
fn limits(case: &Case) -> String {
    let buyers: BTreeSet<usize> = case.bids.iter().map(|bid| bid.buyer).collect();
    let sellers: BTreeSet<usize> = case.asks.iter().map(|ask| ask.seller).collect();
    let mut text = "buyer,seller,kwh\n".to_owned();
    for buyer in buyers {
        for seller in case.reach[buyer].intersection(&sellers) {
            line(&mut text, format_args!("b{buyer},s{seller},{}", kwh(case.line[*seller])));
        }
    }
    text
}

fn contracted(deals: &Deals) -> String {
    let mut text = "slot,buyer,seller,kwh\n".to_owned();
    for ((buyer, seller, slot), wh) in deals {
        line(&mut text, format_args!("{slot},b{buyer},s{seller},{}", kwh(*wh)));
    }
    text
}

fn caps(case: &Case) -> String {
    let sellers: BTreeSet<usize> = case.asks.iter().map(|ask| ask.seller).collect();
    let mut text = "agent,kwh\n".to_owned();
    for seller in sellers {
        line(&mut text, format_args!("s{seller},{}", kwh(case.line[seller])));
    }
    text
}

fn budget(case: &Case) -> String {
    let mut text = "store,until_slot,kwh\n".to_owned();
    for budget in &case.budgets {
        let store = name(case, budget.store);
        line(&mut text, format_args!("{store},{},{}", budget.until, kwh(budget.wh)));
    }
    text
}
