//! `gridpact chain list` and `balances`: the chain at a glance.

use std::fmt::Write as _;

use gridpact_chain::ledger::Balances;
use serde::Serialize;

use super::{at, name_of};
use crate::cli::{Failure, say};
use crate::store::archive::Archive;

/// A line per pair.
pub(super) fn list(archive: &Archive, from: u64, most: Option<u64>) -> Result<(), Failure> {
    let pairs = archive.pairs.iter().filter(|(pair, _)| pair.height() >= from);
    let mut text = format!(
        "{:>8} {:>15} {:<10} {:>6} {:>6} {:>19} {:>9} {:>9} {:>12}\n",
        "height", "time_ms", "contract", "buyer", "seller", "intervals", "Wh", "u/kWh", "u"
    );
    for (pair, _) in
        pairs.take(most.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX)))
    {
        let record = &pair.contract.record;
        let Some(body) = record.body() else {
            if let Some(sealed) = record.sealed() {
                let (height, time_ms) = (pair.height(), pair.contract.time_ms.0);
                let id = &sealed.contract_id.to_string()[..10];
                let _ = writeln!(text, "{height:>8} {time_ms:>15} {id:<10} sealed");
            }
            continue;
        };
        let _ = writeln!(
            text,
            "{:>8} {:>15} {:<10} {:>6} {:>6} {:>19} {:>9} {:>9} {:>12}",
            pair.height(),
            pair.contract.time_ms.0,
            &body.contract_id.to_string()[..10],
            body.buyer.to_string(),
            body.seller.to_string(),
            format!("{}..{}", body.start, body.end),
            body.energy.0,
            body.unit_price.0,
            body.amount.0,
        );
    }
    say(text.trim_end())
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
pub(super) fn balances(archive: &Archive, height: Option<u64>, json: bool) -> Result<(), Failure> {
    let height = height.unwrap_or(archive.pairs.len() as u64);
    if height > 0 {
        at(archive, height)?;
    }
    let mut held = Balances::default();
    let upto = || archive.pairs.iter().take_while(|(pair, _)| pair.height() <= height);
    if upto().any(|(pair, _)| !pair.is_read()) {
        let why = format!("accounts at height {height} are sealed: give a member's --key");
        return Err(Failure::BadInput(why));
    }
    for (pair, _) in upto() {
        held.set(&pair.ledger.entries);
    }
    let account =
        |(party, money): (gridpact_chain::terms::PartyId, gridpact_chain::terms::Money)| {
            let name = name_of(archive, party);
            Account { party: party.0, name, balance_microcurrency: money.0 }
        };
    let accounts = Accounts {
        community: archive.genesis.community().to_string(),
        height,
        currency: &archive.genesis.currency,
        accounts: held.iter().map(account).collect(),
    };
    if json {
        let text = serde_json::to_string_pretty(&accounts).map_err(Failure::input)?;
        return say(&text);
    }
    let mut text = format!("{:<10} {:<20} {:>20}\n", "party", "name", "micro-currency");
    for account in &accounts.accounts {
        let party = gridpact_chain::terms::PartyId(account.party).to_string();
        let held = account.balance_microcurrency;
        let _ = writeln!(text, "{party:<10} {:<20} {held:>20}", account.name);
    }
    say(&format!("{text}after height {height}; together {}", held.sum()))
}
