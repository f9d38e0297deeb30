use proptest::prelude::*;

use super::*;
use crate::report::run::{Calendar, Row, Site};

fn site(net_import_wh: &[i64]) -> Site {
    let row = |net: &i64| Row { net_import_wh: *net, ..Row::default() };
    Site { rows: net_import_wh.iter().map(row).collect(), ..Site::default() }
}

fn contract(buyer: usize, seller: usize, start: u32, profile_wh: &[u64]) -> Contract {
    Contract { buyer, seller, start, profile_wh: profile_wh.to_vec(), ..Contract::default() }
}

fn run(block_shape: BlockShape, meters: &[&[i64]], contracts: Vec<Contract>) -> Run {
    let intervals = meters.first().map_or(0, |meter| meter.len() as u32);
    Run {
        block_shape,
        calendar: Calendar { interval_s: 1800, first_interval: 100, intervals, utc_offset_s: 0 },
        sites: meters.iter().map(|meter| site(meter)).collect(),
        contracts,
        ..Run::default()
    }
}

#[test]
fn a_kilowatt_hour_counts_where_both_meters_saw_it() {
    let meters: [&[i64]; 2] = [&[300, 300, -50], &[-400, 20, -400]];
    let settled = settle(&run(BlockShape::Profile, &meters, vec![contract(0, 1, 100, &[200; 3])]));
    let bought: Vec<u64> = settled.flows[0].iter().map(|flow| flow.bought_wh).collect();
    assert_eq!(bought, [200, 0, 0]);
    assert_eq!(
        settled.fulfilments,
        [Fulfilment { contracted_wh: 600, delivered_wh: 200, untaken_wh: 200 }]
    );
    assert_eq!(
        settled.flows[0][0],
        Flow { bought_wh: 200, sold_wh: 0, grid_import_wh: 100, grid_export_wh: 0 }
    );
    assert_eq!(
        settled.flows[1][0],
        Flow { bought_wh: 0, sold_wh: 200, grid_import_wh: 0, grid_export_wh: 200 }
    );
}

#[test]
fn a_short_seller_is_shared_in_proportion_to_the_wh() {
    let meters: [&[i64]; 3] = [&[500], &[500], &[-100]];
    let contracts = vec![contract(0, 2, 100, &[200]), contract(1, 2, 100, &[100])];
    let settled = settle(&run(BlockShape::Profile, &meters, contracts));
    assert_eq!(settled.flows[0][0].bought_wh, 67);
    assert_eq!(settled.flows[1][0].bought_wh, 33);
    assert_eq!(settled.flows[2][0].grid_export_wh, 0);
}

#[test]
fn what_lies_outside_the_run_is_not_settled() {
    let contracts = vec![contract(0, 1, 99, &[10, 20, 30, 40])];
    let settled = settle(&run(BlockShape::Profile, &[&[50, 50], &[-50, -50]], contracts));
    assert_eq!(
        settled.fulfilments,
        [Fulfilment { contracted_wh: 50, delivered_wh: 50, untaken_wh: 0 }]
    );
}

#[test]
fn bare_blocks_count_in_full_and_the_grid_balances() {
    let meters: [&[i64]; 2] = [&[300, 100], &[-50, -500]];
    let settled = settle(&run(BlockShape::Energy, &meters, vec![contract(0, 1, 100, &[300, 60])]));
    assert_eq!(
        settled.fulfilments,
        [Fulfilment { contracted_wh: 360, delivered_wh: 360, untaken_wh: 0 }]
    );
    let sold: Vec<u64> = settled.flows[1].iter().map(|flow| flow.sold_wh).collect();
    assert_eq!(sold, [50, 310], "the seller's surplus came later than it was promised");
    assert_eq!(settled.flows[0].iter().map(|flow| flow.grid_import_wh).sum::<u64>(), 40);
}

#[test]
fn an_apportionment_gives_the_remainder_to_the_largest_fractions() {
    assert_eq!(apportion(10, &[1, 1, 1]), [1, 1, 1]);
    assert_eq!(apportion(2, &[1, 1, 1]), [1, 1, 0]);
    assert_eq!(apportion(100, &[200, 100, 0]), [67, 33, 0]);
    assert_eq!(apportion(0, &[5]), [0]);
    assert_eq!(apportion(u64::MAX - 1, &[u64::MAX, u64::MAX]).iter().sum::<u64>(), u64::MAX - 1);
}

fn a_world() -> impl Strategy<Value = Run> {
    let meters = prop::collection::vec(prop::collection::vec(-5_000_i64..5_000, 4), 2..6);
    (meters, any::<bool>()).prop_flat_map(|(meters, bare)| {
        let n = meters.len();
        let one = (0..n, 1..n, 98_u32..104, prop::collection::vec(0_u64..3_000, 1..5));
        prop::collection::vec(one, 0..12).prop_map(move |deals| {
            let deals = deals.into_iter().map(|(buyer, step, start, profile)| {
                contract(buyer, (buyer + step) % n, start, &profile)
            });
            let shape = if bare { BlockShape::Energy } else { BlockShape::Profile };
            let meters: Vec<&[i64]> = meters.iter().map(Vec::as_slice).collect();
            run(shape, &meters, deals.collect())
        })
    })
}

proptest! {
    #[test]
    fn nothing_is_delivered_that_was_not_contracted_and_both_sides_agree(run in a_world()) {
        let settled = settle(&run);
        for fulfilment in &settled.fulfilments {
            prop_assert!(fulfilment.delivered_wh <= fulfilment.contracted_wh);
        }
        let total = |of: fn(&Flow) -> u64| settled.flows.iter().flatten().map(of).sum::<u64>();
        let delivered = settled.fulfilments.iter().map(|f| f.delivered_wh).sum::<u64>();
        prop_assert_eq!(total(|flow| flow.bought_wh), delivered);
        prop_assert_eq!(total(|flow| flow.sold_wh), delivered);
    }

    #[test]
    fn every_meter_is_accounted_for(run in a_world()) {
        let settled = settle(&run);
        for (site, flows) in run.sites.iter().zip(&settled.flows) {
            for (row, flow) in site.rows.iter().zip(flows) {
                let into = i128::from(flow.grid_import_wh) + i128::from(flow.bought_wh);
                let out = i128::from(flow.grid_export_wh) + i128::from(flow.sold_wh);
                prop_assert_eq!(into - out, i128::from(row.net_import_wh));
                if run.block_shape == BlockShape::Profile {
                    prop_assert_eq!(into, i128::from(row.net_import_wh.max(0)));
                    prop_assert!(flow.bought_wh == 0 || flow.sold_wh == 0);
                }
            }
        }
    }

    #[test]
    fn shares_sum_to_the_limit_and_never_exceed_a_wish(
        limit in 0_u64..20_000,
        wanted in prop::collection::vec(0_u64..5_000, 0..9),
    ) {
        let shares = apportion(limit, &wanted);
        prop_assert_eq!(shares.iter().sum::<u64>(), limit.min(wanted.iter().sum()));
        prop_assert!(shares.iter().zip(&wanted).all(|(share, wish)| share <= wish));
    }
}
