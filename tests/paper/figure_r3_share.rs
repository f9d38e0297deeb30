//! R3: how much of the deficit is met peer to peer, counted anew from the files of a run.

use std::collections::BTreeMap;

use gridpact::agents::params::BlockShape;
use gridpact::report::csv;
use gridpact::sim::scenario::{Graph, Scenario};
use gridpact_tests::{Lived, a_street, live};

use crate::{lives, mean, mean_share};

/// A CSV file as columns of numbers; text counts as nothing.
pub fn table(bytes: &[u8]) -> BTreeMap<String, Vec<String>> {
    let mut reader = ::csv::Reader::from_reader(bytes);
    let names: Vec<String> =
        reader.headers().expect("a header").iter().map(str::to_owned).collect();
    let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for record in reader.records() {
        for (name, cell) in names.iter().zip(record.expect("a row").iter()) {
            columns.entry(name.clone()).or_default().push(cell.to_owned());
        }
    }
    columns
}

/// `schedule.csv` of a run.
pub fn schedule(lived: &Lived) -> BTreeMap<String, Vec<String>> {
    let (report, mut bytes) = (lived.report(), Vec::new());
    csv::schedule(report.run(), report.settlement(), &mut bytes).expect("written");
    table(&bytes)
}

pub fn contracts(lived: &Lived) -> BTreeMap<String, Vec<String>> {
    let mut bytes = Vec::new();
    csv::contracts(&lived.run, &mut bytes).expect("written");
    table(&bytes)
}

pub fn numbers(table: &BTreeMap<String, Vec<String>>, column: &str) -> Vec<i64> {
    table[column].iter().map(|cell| cell.parse().expect("a whole number")).collect()
}

fn sum(table: &BTreeMap<String, Vec<String>>, column: &str) -> f64 {
    numbers(table, column).iter().sum::<i64>() as f64
}

#[test]
fn figure_r3_the_share_is_what_the_files_say() {
    for scenario in [a_street(12), energy_blocks(12)] {
        let lived = live(&scenario);
        let report = lived.report();
        let summary = report.summary();
        let schedule = schedule(&lived);
        let (p2p, grid) = (sum(&schedule, "p2p_bought_wh"), sum(&schedule, "grid_import_wh"));
        assert!(p2p > 0.0);
        assert!((summary.p2p_share - p2p / (p2p + grid)).abs() < 1e-12);
        assert_eq!(summary.deficit_wh as f64, p2p + grid, "each Wh once");
        let contracted = sum(&contracts(&lived), "energy_wh");
        assert!((summary.contracted_share - contracted / (p2p + grid)).abs() < 1e-12);
    }
}

fn energy_blocks(homes: u32) -> Scenario {
    let mut scenario = a_street(homes);
    scenario.params.lca.block_shape = BlockShape::Energy;
    scenario
}

/// delivered_t = min(contracted_t, seller's export, buyer's import), counted from the meters by an
/// upper bound per party: nobody is credited with more than its meter and its contracts saw.
#[test]
fn figure_r3_a_kilowatt_hour_is_peer_to_peer_where_both_meters_see_it() {
    let lived = live(&a_street(12));
    let report = lived.report();
    let first = lived.run.calendar.first_interval;
    let intervals = lived.run.calendar.intervals as usize;
    let mut contracted = vec![vec![(0, 0); intervals]; lived.run.sites.len()];
    let mut best = vec![0; intervals];
    for (index, contract) in lived.run.contracts.iter().enumerate() {
        for (at, wh) in lived.profile(index).iter() {
            let at = (at.0 - first) as usize;
            contracted[contract.buyer][at].0 += wh;
            contracted[contract.seller][at].1 += wh;
            let net = |site: usize| lived.run.sites[site].rows[at].net_import_wh;
            let seen = net(contract.buyer).max(0).min((-net(contract.seller)).max(0)) as u64;
            best[at] += wh.min(seen);
        }
    }
    for at in 0..intervals {
        let mut delivered = 0;
        for (site, flows) in report.settlement().flows.iter().enumerate() {
            let (flow, net) = (flows[at], lived.run.sites[site].rows[at].net_import_wh);
            assert!(flow.bought_wh <= contracted[site][at].0.min(net.max(0) as u64));
            assert!(flow.sold_wh <= contracted[site][at].1.min((-net).max(0) as u64));
            let grid = flow.grid_import_wh as i64 - flow.grid_export_wh as i64;
            assert_eq!(grid, net - flow.bought_wh as i64 + flow.sold_wh as i64);
            delivered += flow.bought_wh;
        }
        assert!(
            delivered <= best[at],
            "interval {at}: {delivered} Wh, the meters allow {}",
            best[at]
        );
    }
}

#[test]
fn figure_r3_the_sources_count_takes_contracted_energy_as_delivered() {
    let lived = live(&energy_blocks(12));
    let contracted: u64 = lived.contracts().map(|(_, body)| body.energy.0).sum();
    assert_eq!(lived.report().summary().p2p_wh, contracted);
}

/// The source's experiment in small: far below its 300 homes single days scatter widely, so only
/// the mean is held, and only against the wide band in which the source's 75-80 % lies.
#[test]
fn figure_r3_the_papers_experiment_meets_most_of_the_deficit_among_neighbours() {
    let mut scenario = Scenario::preset("paper").expect("a preset");
    scenario.prosumers = 40;
    scenario.history_days = 0;
    scenario.validators = Some(3);
    let share = mean_share(&scenario, 4);
    assert!((0.6..0.95).contains(&share), "mean share {share:.3}");
}

#[test]
fn section_12_3_wind_and_vehicles_carry_the_share() {
    let of_mix = |wind: f64, ev: f64| {
        let mut scenario = a_street(16);
        scenario.sites.wind_share = wind;
        scenario.sites.ev_share = ev;
        mean_share(&scenario, 3)
    };
    let (calm, windy) = (of_mix(0.1, 0.4), of_mix(0.6, 0.4));
    assert!(windy > calm, "share {calm:.3} with wind on 10 % of homes, {windy:.3} on 60 %");
}

#[test]
fn section_12_3_more_neighbours_trade_more() {
    let mut scenario = a_street(20);
    scenario.params.coalition.depth_max = 1;
    let ring = mean_share(&scenario, 3);
    scenario.params.coalition.depth_max = 4;
    scenario.scenario.graph = Graph::SmallWorld;
    let wide = mean_share(&scenario, 3);
    assert!(wide > ring, "share {ring:.3} among next neighbours, {wide:.3} in a small world");
}

#[test]
fn figure_r3_the_change_of_stored_energy_is_told_beside_the_share() {
    let lives = lives(&a_street(12), 2);
    for lived in &lives {
        let told = lived.report().summary().stored_change_wh;
        let change = |site: &gridpact::report::run::Site| {
            let last = site.rows.last().copied().unwrap_or_default();
            let battery =
                site.battery.as_ref().map_or(0, |s| last.battery_soc_wh as i64 - s.start_wh as i64);
            battery + site.ev.as_ref().map_or(0, |s| last.ev_soc_wh as i64 - s.start_wh as i64)
        };
        assert_eq!(told, lived.run.sites.iter().map(change).sum::<i64>());
    }
    assert!(mean(&lives, |_, report| report.summary().p2p_share) > 0.0);
}
