//! Law 6: nobody is committed to more than it needs or can carry.

use std::collections::BTreeMap;

use gridpact_tests::Lived;

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

/// In one interval a home buys or sells, never both, and never more than its line carries.
pub fn check(lived: &Lived) {
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
