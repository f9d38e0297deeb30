//! What a prosumer did not get from its neighbours, and what they did not take from it, with the
//! reasons its SCA was given and gave.

use std::collections::BTreeMap;

use gridpact_agents::social::{Reason, SalesOutcome, Tally};
use gridpact_chain::terms::Price;
use serde::Serialize;

use super::Unfilled;
use super::words::{Words, kwh};
use crate::report::Report;

/// One trading round from the side of a seller whom somebody asked: the figures of
/// [`SalesOutcome`], in the units of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Selling {
    /// The round, by the interval of the same number.
    pub epoch: u32,
    /// Tasks of others it was asked about.
    pub asked: u32,
    /// Energy they wanted, Wh.
    pub asked_wh: u64,
    /// Tasks it made an offer for.
    pub offered: u32,
    /// Energy of these offers, Wh; several may be of the same kWh.
    pub offered_wh: u64,
    /// Lowest price it asked.
    pub lowest_ask_microcurrency_per_kwh: Option<i64>,
    /// Highest price named against its offers.
    pub highest_bid_microcurrency_per_kwh: Option<i64>,
    /// Temporary contracts.
    pub promised: u32,
    /// Their energy, Wh.
    pub promised_wh: u64,
    /// Contracts it signed.
    pub contracts: u32,
    /// Their energy, Wh.
    pub sold_wh: u64,
    /// Why it refused, and how often.
    pub refused: BTreeMap<Reason, u32>,
    /// Why buyers did not take what it had for them, and how often.
    pub lost: BTreeMap<Reason, u32>,
}

impl From<&SalesOutcome> for Selling {
    fn from(sales: &SalesOutcome) -> Self {
        Self {
            epoch: sales.epoch.0,
            asked: sales.asked,
            asked_wh: sales.asked_wh.0,
            offered: sales.offered,
            offered_wh: sales.offered_wh.0,
            lowest_ask_microcurrency_per_kwh: sales.lowest_ask.map(|price| price.0),
            highest_bid_microcurrency_per_kwh: sales.highest_bid.map(|price| price.0),
            promised: sales.promised,
            promised_wh: sales.promised_wh.0,
            contracts: u32::try_from(sales.finals.len()).unwrap_or(u32::MAX),
            sold_wh: sales.finals.iter().map(|sold| sold.energy.0).sum(),
            refused: sales.refused.0.clone(),
            lost: sales.lost.0.clone(),
        }
    }
}

/// What it did not get and why, one line a task.
pub(super) fn unfilled(report: &Report, tasks: &[Unfilled]) -> String {
    let words = Words::of(report);
    let mut out = "\nWhat it wanted from its neighbours and did not get\n".to_owned();
    if tasks.is_empty() {
        out += "  Nothing: whatever it tendered was covered.\n";
    }
    for task in tasks {
        let reasons = Tally(task.reasons.clone()).words();
        out += &format!(
            "  {:<20} asked at {}: {} of {} left; {} asked, {} could sell, {} offers{}{}\n",
            words.span(task.start, task.end),
            words.time(task.epoch),
            kwh(task.residual_wh),
            kwh(task.wanted_wh),
            task.members,
            task.available,
            task.offers,
            if reasons.is_empty() { "" } else { ": " },
            reasons,
        );
    }
    out
}

/// What it sold of what it was asked for, and why not more: one line for every round with offers, and
/// one for all those without.
pub(super) fn sales(report: &Report, sales: &[Selling]) -> String {
    let words = Words::of(report);
    let mut out = "\nWhat its neighbours wanted from it\n".to_owned();
    if sales.is_empty() {
        out += "  Nothing: nobody asked.\n";
    }
    for round in sales.iter().filter(|round| round.offered > 0) {
        out += &format!("  {:<20} {}\n", words.time(round.epoch), with_offers(round, &words));
    }
    let mut none = Tally::default();
    let (mut rounds, mut asked) = (0_u32, 0_u32);
    for round in sales.iter().filter(|round| round.offered == 0) {
        rounds += 1;
        asked = asked.saturating_add(round.asked);
        for (reason, times) in round.refused.iter().chain(&round.lost) {
            none.note_times(*reason, *times);
        }
    }
    if rounds > 0 {
        out += &format!(
            "  It was asked {asked} times in {rounds} rounds and offered nothing: {}\n",
            none.words()
        );
    }
    out
}

fn with_offers(round: &Selling, words: &Words<'_>) -> String {
    let price = |price: Option<i64>| price.map(|price| words.price(Price(price)));
    let mut said = format!(
        "asked {} times for {}; offered {} to {}",
        round.asked,
        kwh(round.asked_wh),
        kwh(round.offered_wh),
        round.offered,
    );
    if let Some(ask) = price(round.lowest_ask_microcurrency_per_kwh) {
        said += &format!(" from {ask} on");
    }
    said += &format!(", sold {} to {}", kwh(round.sold_wh), round.contracts);
    if !round.lost.is_empty() {
        said += &format!("; lost: {}", Tally(round.lost.clone()).words());
        if let Some(bid) = price(round.highest_bid_microcurrency_per_kwh) {
            said += &format!(" (highest bid {bid})");
        }
    }
    if !round.refused.is_empty() {
        said += &format!("; refused: {}", Tally(round.refused.clone()).words());
    }
    said
}
