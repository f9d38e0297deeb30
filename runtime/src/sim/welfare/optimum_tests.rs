//! The optimum of a case whose welfare another solver has found, and of cases small enough to see.

use std::collections::BTreeSet;

use gridpact_agents::network::NetworkFees;

use super::*;
use crate::sim::welfare::case::{Ask, Bid, Budget};

/// What HiGHS makes of the tables in `known/`, and of the same without budgets: they bind.
const KNOWN: f64 = 4.328_365;
const UNBOUND: f64 = 5.074_101;

/// A decimal with at most `digits` digits behind the point, as a whole number.
fn whole(text: &str, digits: usize) -> i64 {
    let (int, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = format!("{fraction:0<digits$}");
    format!("{int}{fraction}").parse().expect("a decimal")
}

fn table(text: &str) -> Vec<Vec<&str>> {
    text.lines().skip(1).map(|line| line.split(',').collect()).collect()
}

/// The tables of `known/` as a case.
fn known() -> Case {
    let home = |agent: &str| agent[1..].parse::<usize>().expect("a home");
    let wh = |text: &str| whole(text, 3).unsigned_abs();
    let mut case = Case { line: vec![0; 8], reach: vec![BTreeSet::new(); 8], ..Case::default() };
    for row in table(include_str!("known/bids.csv")) {
        let slot = row[0].parse().expect("a slot");
        case.bids.push(Bid { slot, buyer: home(row[1]), wh: wh(row[2]), value: whole(row[3], 6) });
    }
    let mut names: Vec<&str> = Vec::new();
    for row in table(include_str!("known/asks.csv")) {
        let store = (!row[4].is_empty()).then(|| {
            names.iter().position(|name| *name == row[4]).unwrap_or_else(|| {
                names.push(row[4]);
                case.stores.push((home(row[1]), 0));
                names.len() - 1
            })
        });
        let (slot, seller) = (row[0].parse().expect("a slot"), home(row[1]));
        case.asks.push(Ask { slot, seller, wh: wh(row[2]), cost: whole(row[3], 6), store });
    }
    for row in table(include_str!("known/limits.csv")) {
        case.reach[home(row[0])].insert(home(row[1]));
    }
    for row in table(include_str!("known/caps.csv")) {
        case.line[home(row[0])] = wh(row[1]);
    }
    for row in table(include_str!("known/budget.csv")) {
        let store = names.iter().position(|name| *name == row[0]).expect("a store that asks");
        let until = row[1].parse().expect("a slot");
        case.budgets.push(Budget { store, until, wh: wh(row[2]) });
    }
    case
}

fn free() -> Fees {
    Fees::new(NetworkFees::default(), Vec::new())
}

#[test]
fn another_solver_finds_the_same_welfare() {
    let mut case = known();
    let found = solve(&case, &free(), None).welfare;
    assert!((found - KNOWN).abs() < 1e-6, "{found}");
    case.budgets.iter_mut().for_each(|budget| budget.wh = 99_000);
    let found = solve(&case, &free(), None).welfare;
    assert!((found - UNBOUND).abs() < 1e-6, "{found}");
}

#[test]
fn a_stored_kwh_is_sold_once_and_where_it_is_worth_most() {
    let bid = |slot, value| Bid { slot, buyer: 0, wh: 1_000, value };
    let ask = |slot| Ask { slot, seller: 1, wh: 1_000, cost: 100_000, store: Some(0) };
    let mut case = Case {
        bids: vec![bid(0, 200_000), bid(1, 500_000), bid(2, 300_000)],
        asks: (0..3).map(ask).collect(),
        budgets: (0..3).map(|until| Budget { store: 0, until, wh: 1_000 }).collect(),
        stores: vec![(1, 0)],
        line: vec![0, 2_500],
        reach: vec![BTreeSet::from([1]), BTreeSet::new()],
    };
    assert_eq!(solve(&case, &free(), None), Outcome { welfare: 0.4, energy: 1.0 });
    // Nothing is there yet when it would be worth most.
    case.budgets[1].wh = 0;
    assert_eq!(solve(&case, &free(), None), Outcome { welfare: 0.2, energy: 1.0 });
    // A fee that eats the gain ends the trade.
    let dear = Fees::new(NetworkFees::uniform(gridpact_chain::terms::Price(200_000)), Vec::new());
    assert_eq!(solve(&case, &dear, None).energy, 0.0);
}

#[test]
fn contracts_count_as_far_as_they_serve_the_case() {
    let case = known();
    let best = solve(&case, &free(), None);
    assert_eq!(solve(&case, &free(), Some(&Deals::new())), Outcome::default());
    let everything: Deals = (0..12)
        .flat_map(|slot| (0..8).flat_map(move |b| (0..8).map(move |s| ((b, s, slot), 9_999))))
        .collect();
    assert_eq!(solve(&case, &free(), Some(&everything)).welfare, best.welfare, "no more than it");
    let some: Deals = everything.into_keys().map(|pair| (pair, 100)).collect();
    let made = solve(&case, &free(), Some(&some));
    assert!(made.welfare > 0.0 && made.welfare < best.welfare, "{made:?}");
}
