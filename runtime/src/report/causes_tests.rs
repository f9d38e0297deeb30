use super::*;
use crate::report::bill::bills;
use crate::report::run::{Alone, BlockShape, Calendar, Contract, Row, Tariff};
use crate::report::sample::a_run;
use crate::report::settle::settle;

fn of(run: &Run) -> Vec<Causes> {
    let settlement = settle(run);
    causes(run, &settlement, &bills(run, &settlement))
}

/// Two homes without storage for one interval: what their meters saw, the same in every life.
fn a_pair(shape: BlockShape, net_wh: [i64; 2], contract: Contract) -> Run {
    let site = |net: i64| Site {
        rows: vec![Row { net_import_wh: net, ..Row::default() }],
        local: Alone { net_import_wh: vec![net], ..Alone::default() },
        ..Site::default()
    };
    Run {
        block_shape: shape,
        calendar: Calendar { interval_s: 3600, first_interval: 0, intervals: 1, utc_offset_s: 0 },
        tariffs: vec![Tariff {
            name: "flat".into(),
            retail_microcurrency_per_kwh: vec![300_000],
            feed_in_microcurrency_per_kwh: vec![80_000],
        }],
        sites: net_wh.map(site).to_vec(),
        contracts: vec![contract],
        ..Run::default()
    }
}

/// A kWh at 0.20, which its seller's plan has for 0.10, under a fee of 0.05.
fn a_contract() -> Contract {
    Contract {
        buyer: 0,
        seller: 1,
        profile_wh: vec![1_000],
        amount_microcurrency: 200_000,
        fee_microcurrency_per_kwh: 50_000,
        cost_microcurrency_per_kwh: 100_000,
        ..Contract::default()
    }
}

#[test]
fn the_parts_sum_to_the_difference_of_the_bills_to_the_last_micro_currency() {
    for (homes, days, seed) in [(30, 1, 3), (8, 2, 4)] {
        for shape in [BlockShape::Profile, BlockShape::Energy] {
            let run = Run { block_shape: shape, ..a_run(homes, days, seed) };
            let settlement = settle(&run);
            let bills = bills(&run, &settlement);
            for (causes, bills) in causes(&run, &settlement, &bills).iter().zip(&bills) {
                assert_eq!(causes.total(), -bills.gain());
            }
        }
    }
}

#[test]
fn a_deal_that_is_kept_divides_into_price_and_fee_on_one_side_and_margin_on_the_other() {
    let causes = of(&a_pair(BlockShape::Profile, [1_500, -1_000], a_contract()));
    let buyer = Causes { bought: -100_000, fee: 50_000, ..Causes::default() };
    assert_eq!(causes[0], buyer);
    // Its surplus would have brought 0.08, not the 0.10 of its plan.
    assert_eq!(causes[1], Causes { sold: -100_000, moved: -20_000, ..Causes::default() });
}

#[test]
fn what_is_paid_for_nothing_has_the_name_of_the_side_that_failed() {
    let unused = of(&a_pair(BlockShape::Profile, [400, -1_000], a_contract()));
    assert_eq!((unused[0].not_taken, unused[0].not_delivered), (120_000, 0));
    assert_eq!(unused[0].bought, 80_000 - 120_000);
    let missing = of(&a_pair(BlockShape::Profile, [1_000, -400], a_contract()));
    assert_eq!((missing[0].not_taken, missing[0].not_delivered), (0, 120_000));
    let both = of(&a_pair(BlockShape::Profile, [700, -400], a_contract()));
    assert_eq!((both[0].not_taken, both[0].not_delivered), (60_000, 60_000));
}

#[test]
fn under_bare_blocks_surplus_is_worth_its_feed_in_and_what_is_short_is_bought() {
    let causes = of(&a_pair(BlockShape::Energy, [400, -300], a_contract()));
    assert_eq!(causes[0].not_taken, 600 * 220, "600 Wh bring 0.08 instead of saving 0.30");
    assert_eq!(causes[1].bought_back, 700 * 220, "700 Wh cost 0.30 instead of bringing 0.08");
    assert_eq!([causes[0].moved, causes[1].moved], [0, -20_000], "0.08 were lost, 0.10 planned");
}

#[test]
fn a_price_above_the_grids_is_called_so_and_is_the_main_cause() {
    let contract = Contract { amount_microcurrency: 360_000, ..a_contract() };
    let causes = of(&a_pair(BlockShape::Profile, [1_000, -1_000], contract));
    assert_eq!((causes[0].bought, causes[0].main()), (60_000, 0));
    let losses = Losses::of(causes[..1].iter());
    assert_eq!(losses.dearer_than_grid, Loss { homes: 1, microcurrency: 60_000 });
    assert_eq!(losses.fee, Loss { homes: 0, microcurrency: 50_000 });
    let all: i64 = losses.all().iter().map(|(_, loss)| loss.microcurrency).sum();
    assert_eq!(all, causes[0].total());
}
