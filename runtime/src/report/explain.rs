//! One prosumer's run in plain words: what its devices did and why, what each contract earned, and
//! why there was no deal.
//!
//! The reasons come from the prosumer's own plans as data; here they are only gathered, joined where
//! one goes on over several intervals, and put into words.

mod day;
mod short;
mod trade;
mod words;

use std::collections::BTreeMap;

use gridpact_agents::local::missing::Missing;
use gridpact_agents::local::why::{Bound, Reasoned, Why};
use gridpact_agents::social::Reason;
use gridpact_chain::terms::{Interval, Price};
use serde::Serialize;

use super::bill::paid;
use super::run::{Contract, Run, TaskEnd};
use super::settle::Fulfilment;
use super::{Report, ReportError};

pub use trade::Selling;

/// One prosumer, explained.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The prosumer's name.
    pub prosumer: String,
    /// What its devices did, in order of time, then of devices.
    pub moves: Vec<Move>,
    /// Its contracts, in chain order.
    pub deals: Vec<Deal>,
    /// What its plans could not have when it came to it, in order of time.
    pub missing: Vec<Missing>,
    /// What it wanted to buy and did not get, in order of time.
    pub unfilled: Vec<Unfilled>,
    /// What others wanted to buy from it and why not more came of it, in order of time.
    pub sales: Vec<Selling>,
    /// Index of the prosumer in the run.
    #[serde(skip)]
    site: usize,
}

/// What a device did over one or more intervals, for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Move {
    /// The device's index within its site.
    pub device: usize,
    /// What it is, in a word.
    pub kind: &'static str,
    /// First interval, on the UTC grid.
    pub start: u32,
    /// One past the last interval.
    pub end: u32,
    /// Energy it was to take, Wh.
    pub consume_wh: u64,
    /// Energy it was to give, Wh.
    pub produce_wh: u64,
    /// The reason; energies in it are those of the first interval.
    #[serde(flatten)]
    pub why: Why,
    /// What kept it from more, if anything did.
    pub bound: Option<Bound>,
}

/// A contract from this prosumer's side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deal {
    /// Height of its contract block.
    pub height: u64,
    /// Whether this prosumer bought.
    pub bought: bool,
    /// The other side's name.
    pub partner: String,
    /// First interval of delivery, on the UTC grid.
    pub start: u32,
    /// One past the last interval.
    pub end: u32,
    /// Contracted energy inside the run, Wh.
    pub contracted_wh: u64,
    /// Of that, delivered, Wh.
    pub delivered_wh: u64,
    /// Agreed price.
    pub price_microcurrency_per_kwh: i64,
    /// What it is compared with: the grid's price for a buyer, its own cost for a seller.
    pub otherwise_microcurrency_per_kwh: i64,
    /// What it earned: a buyer against the grid and its fee, a seller above its cost.
    pub earned_microcurrency: i64,
}

/// A task that was not covered, or not wholly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unfilled {
    /// Trading round in which it was tendered, by the interval of the same number.
    pub epoch: u32,
    /// First interval of its block, on the UTC grid.
    pub start: u32,
    /// One past the last interval.
    pub end: u32,
    /// Energy wanted, Wh.
    pub wanted_wh: u64,
    /// Of that, not contracted, Wh.
    pub residual_wh: u64,
    /// Members that were asked.
    pub members: u32,
    /// Of these, with something to sell.
    pub available: u32,
    /// Offers received.
    pub offers: u32,
    /// Why something did not become a deal, and how often.
    pub reasons: BTreeMap<Reason, u32>,
}

impl Explanation {
    /// Explains the prosumer called `name`, or with this number.
    ///
    /// # Errors
    /// [`ReportError::Prosumer`] when nobody is called that.
    pub fn of(report: &Report, name: &str) -> Result<Self, ReportError> {
        let run = report.run();
        let names: Vec<&str> = run.sites.iter().map(|site| site.name.as_str()).collect();
        let site = find(&names, name)?;
        let sides = run.contracts.iter().zip(&report.settlement().fulfilments);
        Ok(Self {
            prosumer: run.sites[site].name.clone(),
            moves: moves(run, site),
            deals: sides.filter_map(|(contract, done)| deal(run, site, contract, done)).collect(),
            missing: short::missing(run, site),
            unfilled: run.ends.iter().filter_map(|end| unfilled(site, end)).collect(),
            sales: run.sales.iter().filter(|(s, _)| *s == site).map(|(_, s)| s.into()).collect(),
            site,
        })
    }

    /// Index of the prosumer in the run.
    #[must_use]
    pub fn site(&self) -> usize {
        self.site
    }

    /// The explanation as text for a terminal; a line with many reasons may be long.
    #[must_use]
    pub fn text(&self, report: &Report) -> String {
        let mut out = format!("{} explained\n", self.prosumer);
        out += &day::chart(report, self.site);
        out += &words::moves(report, &self.moves);
        out += &words::deals(report, &self.deals);
        out += &short::text(report, self.site, &self.missing);
        out += &trade::unfilled(report, &self.unfilled);
        out += &trade::sales(report, &self.sales);
        out
    }
}

/// The index of the prosumer with this name or number.
///
/// # Errors
/// [`ReportError::Prosumer`] with an example when there is none.
pub fn find(names: &[&str], name: &str) -> Result<usize, ReportError> {
    let by_name = names.iter().position(|known| *known == name);
    let by_number = || name.parse::<usize>().ok().filter(|number| *number < names.len());
    by_name.or_else(by_number).ok_or_else(|| ReportError::Prosumer {
        name: name.to_owned(),
        example: names.first().copied().unwrap_or_default().to_owned(),
        count: names.len(),
    })
}

/// The moves of all devices whose reasons are worth telling.
fn moves(run: &Run, site: usize) -> Vec<Move> {
    let site = &run.sites[site];
    let first = run.calendar.first_interval;
    let range = first..first.saturating_add(run.calendar.intervals);
    let mut moves: Vec<Move> = Vec::new();
    let mut latest: Vec<Option<usize>> = vec![None; site.devices.len()];
    for (at, reasons) in site.reasons.range(range) {
        for reasoned in reasons.iter().filter(|r| r.why != Why::Fixed && r.why != Why::NoJob) {
            let device = usize::from(reasoned.device);
            let Some(last) = latest.get_mut(device) else { continue };
            match last.and_then(|i| moves.get_mut(i)) {
                Some(open) if goes_on(open, *at, reasoned) => extend(open, reasoned),
                _ => {
                    *last = Some(moves.len());
                    moves.push(opened(site.devices[device], *at, reasoned));
                }
            }
        }
    }
    moves
}

fn opened(kind: &'static str, at: u32, reasoned: &Reasoned) -> Move {
    Move {
        device: usize::from(reasoned.device),
        kind,
        start: at,
        end: at.saturating_add(1),
        consume_wh: reasoned.consume_wh,
        produce_wh: reasoned.produce_wh,
        why: reasoned.why,
        bound: reasoned.bound,
    }
}

fn goes_on(open: &Move, at: u32, reasoned: &Reasoned) -> bool {
    open.end == at && open.bound == reasoned.bound && alike(open.why) == alike(reasoned.why)
}

fn extend(open: &mut Move, reasoned: &Reasoned) {
    open.end = open.end.saturating_add(1);
    open.consume_wh = open.consume_wh.saturating_add(reasoned.consume_wh);
    open.produce_wh = open.produce_wh.saturating_add(reasoned.produce_wh);
}

/// The reason without what changes from interval to interval while it stays the same reason.
fn alike(why: Why) -> Why {
    match why {
        Why::Contract { .. } => Why::Contract { sold_wh: 0 },
        Why::Waits { .. } => Why::Waits { at: Interval(0), then: Price::ZERO },
        other => other,
    }
}

fn unfilled(site: usize, end: &TaskEnd) -> Option<Unfilled> {
    if end.buyer != site || end.residual_wh == 0 {
        return None;
    }
    let length = u32::try_from(end.need_wh.len()).unwrap_or(0);
    Some(Unfilled {
        epoch: end.epoch,
        start: end.start,
        end: end.start.saturating_add(length),
        wanted_wh: end.need_wh.iter().fold(0, |sum, wh| sum.saturating_add(*wh)),
        residual_wh: end.residual_wh,
        members: end.members,
        available: end.available,
        offers: end.offers,
        reasons: end.reasons.clone(),
    })
}

fn deal(run: &Run, site: usize, contract: &Contract, done: &Fulfilment) -> Option<Deal> {
    let bought = contract.buyer == site;
    if !bought && contract.seller != site {
        return None;
    }
    let partner = if bought { contract.seller } else { contract.buyer };
    let price = contract.price_microcurrency_per_kwh;
    let otherwise = match bought {
        true => contract.retail_microcurrency_per_kwh,
        false => contract.cost_microcurrency_per_kwh,
    };
    let at = |price: i64| {
        let exact = i128::from(price) * i128::from(done.delivered_wh) / 1000;
        i64::try_from(exact).unwrap_or(i64::MAX)
    };
    let paid = paid(contract, done);
    let earned = match bought {
        true => at(otherwise)
            .saturating_sub(paid)
            .saturating_sub(at(contract.fee_microcurrency_per_kwh)),
        false => paid.saturating_sub(at(otherwise)),
    };
    Some(Deal {
        height: contract.height,
        bought,
        partner: run.sites[partner].name.clone(),
        start: contract.start,
        end: contract.start.saturating_add(u32::try_from(contract.profile_wh.len()).unwrap_or(0)),
        contracted_wh: done.contracted_wh,
        delivered_wh: done.delivered_wh,
        price_microcurrency_per_kwh: price,
        otherwise_microcurrency_per_kwh: otherwise,
        earned_microcurrency: earned,
    })
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
