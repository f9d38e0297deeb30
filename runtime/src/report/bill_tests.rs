use super::*;
use crate::report::run::{Calendar, Row, Tariff};
use crate::report::sample::a_run;
use crate::report::settle::settle;

fn a_pair() -> Run {
    let row = |net_import_wh, battery_discharge_wh, battery_soc_wh| Row {
        net_import_wh,
        battery_discharge_wh,
        battery_soc_wh,
        ..Row::default()
    };
    let alone = |net: i64| Alone { net_import_wh: vec![net], ..Alone::default() };
    let battery = Store {
        capacity_wh: 5_000,
        start_wh: 3_000,
        wear_microcurrency_per_kwh: 60_000,
        value_microcurrency_per_kwh: 140_000,
    };
    Run {
        calendar: Calendar { interval_s: 3600, first_interval: 0, intervals: 1, utc_offset_s: 0 },
        tariffs: vec![Tariff {
            name: "flat".into(),
            retail_microcurrency_per_kwh: vec![300_000],
            feed_in_microcurrency_per_kwh: vec![80_000],
        }],
        sites: vec![
            Site { rows: vec![row(2_000, 0, 0)], local: alone(2_000), ..Site::default() },
            Site {
                battery: Some(battery),
                rows: vec![row(-1_000, 1_000, 2_000)],
                local: Alone { battery_end_wh: 3_000, ..alone(0) },
                ..Site::default()
            },
        ],
        contracts: vec![Contract {
            buyer: 0,
            seller: 1,
            profile_wh: vec![800],
            amount_microcurrency: 160_000,
            adjustment_microcurrency: 10_000,
            fee_microcurrency_per_kwh: 50_000,
            ..Contract::default()
        }],
        ..Run::default()
    }
}

#[test]
fn a_bill_has_every_item_of_the_law() {
    let run = a_pair();
    let bills = bills(&run, &settle(&run));
    let buyer = bills[0].trading;
    assert_eq!(
        buyer,
        Bill { grid_import: 360_000, trade: 150_000, fee: 40_000, ..Bill::default() }
    );
    let seller = bills[1].trading;
    let expected = Bill {
        grid_export: -16_000,
        trade: -150_000,
        wear: 60_000,
        stored: 140_000,
        ..Bill::default()
    };
    assert_eq!(seller, expected);
    assert_eq!(bills[0].local.total(), 600_000);
    assert_eq!(bills[0].gain(), 600_000 - 550_000);
    assert_eq!(bills[1].local.total(), 0);
}

#[test]
fn a_contract_past_the_end_is_paid_for_the_part_inside() {
    let contract =
        Contract { profile_wh: vec![100, 300], amount_microcurrency: 1_001, ..Contract::default() };
    let inside = Fulfilment { contracted_wh: 100, ..Fulfilment::default() };
    assert_eq!(paid(&contract, &inside), 250);
    let all = Fulfilment { contracted_wh: 400, ..Fulfilment::default() };
    assert_eq!(paid(&contract, &all), 1_001);
}

#[test]
fn what_prosumers_pay_each_other_cancels() {
    let run = a_run(30, 1, 3);
    let bills = bills(&run, &settle(&run));
    assert!(bills.iter().any(|site| site.trading.trade != 0));
    assert_eq!(bills.iter().map(|site| site.trading.trade).sum::<i64>(), 0);
    assert!(bills.iter().all(|site| site.local.trade == 0 && site.uncontrolled.fee == 0));
}

#[test]
fn rounding_is_half_to_even_and_stops_at_the_ends() {
    assert_eq!([rounded(1_500, 1000), rounded(2_500, 1000), rounded(-500, 1000)], [2, 2, 0]);
    assert_eq!(rounded(i128::MAX, 1000), i64::MAX);
    assert_eq!(rounded(i128::MIN / 2, 1000), i64::MIN);
}
