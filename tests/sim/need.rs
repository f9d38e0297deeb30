//! Law 6: nobody is committed to more than it needs or can carry.

use std::collections::{BTreeMap, BTreeSet};

use gridpact::agents::params::{Award, BlockShape};
use gridpact::chain::contract::ContractId;
use gridpact::chain::terms::{Interval, PartyId};
use gridpact::report::run::TaskEnd;
use gridpact_tests::{Lived, a_street, live};

use crate::{SEERS, STREET};

/// Contracted energy of every home per interval, bought and sold, inside the run.
pub fn committed(lived: &Lived) -> (Vec<Vec<u64>>, Vec<Vec<u64>>) {
    let calendar = &lived.run.calendar;
    let empty = vec![vec![0; calendar.intervals as usize]; lived.run.sites.len()];
    let (mut bought, mut sold) = (empty.clone(), empty);
    for (index, contract) in lived.run.contracts.iter().enumerate() {
        for (at, wh) in lived.profile(index).iter() {
            let at = at.0 as usize - calendar.first_interval as usize;
            bought[contract.buyer][at] += wh;
            sold[contract.seller][at] += wh;
        }
    }
    (bought, sold)
}

/// Every identity that a contract of this task can have: its seller and round are free.
fn identities<'a>(lived: &'a Lived, end: &'a TaskEnd) -> impl Iterator<Item = String> + 'a {
    let community = lived.archive.genesis.community();
    let params = &lived.scenario.params.negotiate;
    let rounds = match params.award {
        Award::FirstCome => params.max_rounds,
        Award::Cheapest => gridpact::agents::social::limits::ASKS_MAX,
    };
    let sellers = (0..lived.run.sites.len() as u32).map(PartyId);
    let (epoch, buyer) = (Interval(end.epoch), PartyId(end.buyer as u32));
    sellers.flat_map(move |seller| {
        (0..rounds).map(move |round| {
            ContractId::new(&community, epoch, buyer, seller, &end.task, round).to_string()
        })
    })
}

/// What the chain says about each task, found by the identity of the contracts and not by what the
/// buyer tells: per interval no more energy than the task asked for, and all of it told.
pub fn check_tasks(lived: &Lived) -> usize {
    let chain: BTreeMap<&str, usize> =
        lived.run.contracts.iter().enumerate().map(|(i, c)| (c.contract_id.as_str(), i)).collect();
    let mut claimed = BTreeSet::new();
    for end in &lived.run.ends {
        let mut left = end.need_wh.clone();
        let need: u64 = left.iter().sum();
        let mut sum = 0;
        for id in identities(lived, end) {
            let Some(index) = chain.get(id.as_str()) else { continue };
            assert!(claimed.insert(*index), "{id} serves two tasks");
            assert!(end.finals.iter().any(|(told, _)| *told == id), "{id} is not told");
            let profile = lived.profile(*index);
            sum += profile.energy().0;
            if lived.scenario.params.lca.block_shape == BlockShape::Profile {
                for (at, wh) in profile.iter() {
                    let left = &mut left[(at.0 - end.start) as usize];
                    assert!(wh <= *left, "{id}: {wh} Wh at {at} where {left} Wh are needed");
                    *left -= wh;
                }
            }
        }
        // What was signed and never came onto the chain is not residual either.
        assert!(sum + end.residual_wh <= need, "{sum} + {} of {need} Wh", end.residual_wh);
    }
    // A buyer whose mind broke cannot tell how its tasks ended.
    let orphans = lived.run.contracts.len() - claimed.len();
    assert!(orphans == 0 || lived.broken > 0, "{orphans} contracts belong to no task");
    claimed.len()
}

/// In one interval a home buys or sells, never both, and never more than its line carries.
pub fn check(lived: &Lived) {
    check_tasks(lived);
    let (bought, sold) = committed(lived);
    let per_interval = |w: u64| w * u64::from(lived.run.calendar.interval_s) / 3600;
    for (number, site) in lived.community.sites.iter().enumerate() {
        for (at, (bought, sold)) in bought[number].iter().zip(&sold[number]).enumerate() {
            assert!(*bought == 0 || *sold == 0, "{} both sells and buys at {at}", site.name);
            assert!(*bought <= per_interval(site.import_w), "{} buys {bought} at {at}", site.name);
            assert!(*sold <= per_interval(site.export_w), "{} sells {sold} at {at}", site.name);
        }
    }
}

#[test]
fn no_task_gets_more_than_it_needs() {
    for lived in [&*STREET, &*SEERS] {
        assert_eq!(check_tasks(lived), lived.run.contracts.len());
        assert_eq!(lived.run.ends.len() as u64, {
            let tasks = &lived.run.tasks;
            tasks.tasks + tasks.retendered_tasks
        });
        let shared = lived.run.ends.iter().filter(|end| end.finals.len() > 1).count();
        assert!(shared > 0, "some need is covered by several contracts");
    }
}

#[test]
fn bare_sums_and_eager_buyers_get_no_more_than_they_need() {
    let mut sums = a_street(12);
    sums.params.lca.block_shape = BlockShape::Energy;
    let mut eager = a_street(12);
    eager.params.finals.window = 8;
    eager.params.negotiate.overbook_ppm = 8_000_000;
    for scenario in [sums, eager] {
        assert!(check_tasks(&live(&scenario)) > 0);
    }
}

#[test]
fn nobody_buys_and_sells_at_once_or_beyond_its_line() {
    for lived in [&*STREET, &*SEERS] {
        check(lived);
    }
}

#[test]
fn who_knows_the_future_never_buys_more_than_it_takes() {
    let lived = &*SEERS;
    let (bought, _) = committed(lived);
    let mut over: BTreeMap<(usize, usize), i64> = BTreeMap::new();
    for (site, bought) in bought.iter().enumerate() {
        for (at, bought) in bought.iter().enumerate() {
            let taken = lived.run.sites[site].rows[at].net_import_wh;
            let spare = *bought as i64 - taken.max(0);
            if spare > 1 {
                over.insert((site, at), spare);
            }
        }
    }
    assert!(over.is_empty(), "bought and not taken, Wh by (home, interval): {over:?}");
}
