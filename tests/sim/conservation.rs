//! Law 1: balances sum to zero after every ledger block, and energy bought is energy sold.

use std::collections::BTreeMap;

use gridpact::chain::terms::{Money, PartyId};
use gridpact_tests::{Lived, a_prosumer, live};

use crate::{SEERS, STREET};

/// Replays the ledger by hand: after every block the balances sum to zero, and each entry says the
/// balance that the entries before it make.
pub fn check(lived: &Lived) -> BTreeMap<PartyId, i64> {
    let mut balances: BTreeMap<PartyId, i64> = BTreeMap::new();
    for (pair, _) in &lived.archive.pairs {
        for entry in &pair.ledger.entries {
            let balance = balances.entry(entry.party).or_default();
            *balance += entry.delta.0;
            assert_eq!(entry.balance.0, *balance, "height {}", pair.height());
        }
        assert_eq!(balances.values().sum::<i64>(), 0, "after height {}", pair.height());
    }
    balances
}

#[test]
fn balances_sum_to_zero_after_every_ledger_block() {
    for lived in [&*STREET, &*SEERS] {
        lived.assert_proved();
        assert!(lived.archive.pairs.len() > 20, "{} pairs", lived.archive.pairs.len());
        check(lived);
    }
}

#[test]
fn what_buyers_paid_is_what_sellers_got() {
    let lived = &*STREET;
    let mut expected: BTreeMap<PartyId, i64> = BTreeMap::new();
    for (_, body) in lived.contracts() {
        assert_eq!(Money::of(body.energy, body.unit_price).expect("small"), body.amount);
        *expected.entry(body.buyer).or_default() -= body.amount.0;
        *expected.entry(body.seller).or_default() += body.amount.0;
    }
    assert_eq!(check(lived), expected);
}

#[test]
fn energy_bought_is_energy_sold() {
    for lived in [&*STREET, &*SEERS] {
        let report = lived.report();
        let flows = &report.settlement().flows;
        for at in 0..lived.run.calendar.intervals as usize {
            let sum = |of: &dyn Fn(usize) -> u64| (0..flows.len()).map(of).sum::<u64>();
            let bought = sum(&|site| flows[site][at].bought_wh);
            let sold = sum(&|site| flows[site][at].sold_wh);
            assert_eq!(bought, sold, "interval {at}");
        }
    }
}

#[test]
fn contracts_say_the_same_on_chain_and_in_the_report() {
    for lived in [&*STREET, &*SEERS] {
        let told = &lived.run.contracts;
        assert_eq!(lived.contracts().count(), told.len());
        for ((pair, body), told) in lived.contracts().zip(told) {
            assert_eq!(pair.height(), told.height);
            assert_eq!(body.contract_id.to_string(), told.contract_id);
            assert_eq!(body.energy.0, told.profile_wh.iter().sum::<u64>());
            assert_eq!(u64::from(body.end.0 - body.start.0), told.profile_wh.len() as u64);
            assert_eq!(body.amount.0, told.amount_microcurrency);
        }
    }
}

#[test]
fn a_home_alone_founds_a_chain_and_trades_nothing() {
    let lived = live(&a_prosumer());
    lived.assert_proved();
    assert_eq!(lived.contracts().count(), 0);
    assert_eq!(lived.report().summary().p2p_wh, 0);
}
