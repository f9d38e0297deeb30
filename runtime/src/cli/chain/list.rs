//! `gridpact chain list` and `balances`: the chain at a glance.

use std::fmt::Write as _;

use gridpact_chain::block::Pair;
use gridpact_chain::genesis::Genesis;
use gridpact_chain::ledger::Balances;
use gridpact_chain::terms::{Money, PartyId};
use serde::Serialize;

use super::name_of;
use super::reader::Reader;
use crate::cli::{Failure, say};

/// A line per pair, as they are read.
pub(super) fn list(mut chain: Reader, from: u64, most: Option<u64>) -> Result<(), Failure> {
    say(&format!(
        "{:>8} {:>15} {:<10} {:>6} {:>6} {:>19} {:>9} {:>9} {:>12}",
        "height", "time_ms", "contract", "buyer", "seller", "intervals", "Wh", "u/kWh", "u"
    ))?;
    let last = most.map_or(u64::MAX, |most| from.max(1).saturating_add(most) - 1);
    for height in &mut chain {
        let (pair, _) = height?;
        if (from.max(1)..=last).contains(&pair.height())
            && let Some(line) = line(&pair)
        {
            say(&line)?;
        }
    }
    chain.finish().map(|_| ())
}

fn line(pair: &Pair) -> Option<String> {
    let (height, time_ms) = (pair.height(), pair.contract.time_ms.0);
    let record = &pair.contract.record;
    let Some(body) = record.body() else {
        let id = &record.sealed()?.contract_id.to_string()[..10];
        return Some(format!("{height:>8} {time_ms:>15} {id:<10} sealed"));
    };
    Some(format!(
        "{height:>8} {time_ms:>15} {:<10} {:>6} {:>6} {:>19} {:>9} {:>9} {:>12}",
        &body.contract_id.to_string()[..10],
        body.buyer.to_string(),
        body.seller.to_string(),
        format!("{}..{}", body.start, body.end),
        body.energy.0,
        body.unit_price.0,
        body.amount.0,
    ))
}

/// One account.
#[derive(Debug, Serialize)]
struct Account<'a> {
    party: u32,
    name: &'a str,
    balance_microcurrency: i64,
}

/// What every account holds.
#[derive(Debug, Serialize)]
struct Accounts<'a> {
    community: String,
    height: u64,
    currency: &'a str,
    accounts: Vec<Account<'a>>,
}

/// What every account holds after `height`, the last one by default.
pub(super) fn balances(mut chain: Reader, at: Option<u64>, json: bool) -> Result<(), Failure> {
    let genesis = chain.genesis().clone();
    let (mut held, mut unread) = (Balances::default(), false);
    for height in &mut chain {
        let (pair, _) = height?;
        if at.is_some_and(|at| pair.height() > at) {
            continue;
        }
        match pair.is_read() {
            true => held.set(&pair.ledger.entries),
            false => unread = true,
        }
    }
    let height = match at {
        Some(0) => chain.finish().map(|_| 0)?,
        Some(at) => chain.finish_with(at).map(|()| at)?,
        None => chain.finish()?,
    };
    if unread {
        let why = format!("accounts at height {height} are sealed: give a member's --key");
        return Err(Failure::BadInput(why));
    }
    print(&genesis, height, &held, json)
}

fn print(genesis: &Genesis, height: u64, held: &Balances, json: bool) -> Result<(), Failure> {
    let account = |(party, money): (PartyId, Money)| {
        let name = name_of(genesis, party);
        Account { party: party.0, name, balance_microcurrency: money.0 }
    };
    let accounts = Accounts {
        community: genesis.community().to_string(),
        height,
        currency: &genesis.currency,
        accounts: held.iter().map(account).collect(),
    };
    if json {
        let text = serde_json::to_string_pretty(&accounts).map_err(Failure::input)?;
        return say(&text);
    }
    let mut text = format!("{:<10} {:<20} {:>20}\n", "party", "name", "micro-currency");
    for account in &accounts.accounts {
        let party = PartyId(account.party).to_string();
        let held = account.balance_microcurrency;
        let _ = writeln!(text, "{party:<10} {:<20} {held:>20}", account.name);
    }
    say(&format!("{text}after height {height}; together {}", held.sum()))
}
