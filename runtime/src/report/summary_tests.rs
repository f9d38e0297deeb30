use super::*;
use crate::report::Report;
use crate::report::sample::a_run;

fn report() -> Report {
    Report::new(a_run(20, 1, 5)).expect("the sample is consistent")
}

#[test]
fn the_keys_are_the_published_ones_in_their_order() {
    let json = report().json().expect("writable");
    let published = "prosumers intervals seed scenario tasks retendered_tasks temporary_contracts \
        final_contracts cancelled_requests deficit_wh p2p_wh p2p_share contracted_share \
        grid_import_wh grid_export_wh stored_change_wh cost_microcurrency \
        baseline_cost_microcurrency network_fee_microcurrency savings_ratio peak_w baseline_peak_w \
        feeder import_limit_w export_limit_w enforced \
        no_control peak_w peak_at minimum_w minimum_at ramp_3h_w overload_minutes \
        local peak_w peak_at minimum_w minimum_at ramp_3h_w overload_minutes \
        trading peak_w peak_at minimum_w minimum_at ramp_3h_w overload_minutes \
        welfare ratio made_microcurrency optimum_microcurrency made_wh optimum_wh \
        negotiation_ms mean p50 p95 p99 negotiation_messages contract_blocks ledger_blocks pairs \
        validators community tip verifier pairs_checked sweeps faults age_max_ms by_kind signatures made checked \
        remembered control orders refused unable fairness gainers losers lost_microcurrency \
        losses dearer_than_grid homes microcurrency fee homes microcurrency bought_not_needed homes \
        microcurrency bought_not_delivered homes microcurrency sold_below_cost homes microcurrency \
        bought_back homes microcurrency ran_at_worse_times homes microcurrency gain_min_microcurrency gain_median_microcurrency gain_gini wall_s";
    let keys: Vec<&str> = json
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.split_once("\":").map(|(key, _)| key))
        .collect();
    assert_eq!(keys, published.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn the_figures_agree_with_each_other() {
    let report = report();
    let summary = report.summary();
    assert_eq!(summary.deficit_wh, summary.p2p_wh + summary.grid_import_wh);
    assert!(summary.p2p_wh > 0);
    assert!((summary.p2p_share - share(summary.p2p_wh, summary.deficit_wh)).abs() < 1e-12);
    let ratio =
        1.0 - summary.cost_microcurrency as f64 / summary.baseline_cost_microcurrency as f64;
    assert_eq!(summary.savings_ratio, Some(ratio));
    let net: i64 = report.run().sites.iter().flat_map(|s| &s.rows).map(|r| r.net_import_wh).sum();
    assert_eq!(net, summary.grid_import_wh as i64 - summary.grid_export_wh as i64);
    assert_eq!(summary.peak_w, report.load().trading_w.iter().copied().max().unwrap_or(0));
}

#[test]
fn an_empty_run_has_figures_but_no_invented_ones() {
    let report = Report::new(a_run(0, 0, 5)).expect("the sample is consistent");
    let summary = report.summary();
    assert_eq!((summary.savings_ratio, summary.negotiation_ms), (None, Spread::default()));
    assert!(report.json().expect("writable").contains("\"savings_ratio\": null"));
    assert!(report.html().ends_with("</html>\n"));
    assert!(report.table().contains("P2P share"));
}

#[test]
fn percentiles_are_nearest_ranks() {
    let epochs: Vec<Epoch> = (1..=100)
        .map(|ms| Epoch { negotiation_us: Some(ms * 1000), ..Epoch::default() })
        .chain([Epoch::default()])
        .collect();
    let spread = Spread::of(&epochs);
    let figures = [spread.mean, spread.p50, spread.p95, spread.p99];
    assert_eq!(figures, [Some(50.5), Some(50.0), Some(95.0), Some(99.0)]);
    assert_eq!(Spread::of(&epochs[..1]).p99, Some(1.0));
}

#[test]
fn a_run_that_does_not_hang_together_is_refused() {
    let refused = |spoil: fn(&mut crate::report::Run)| {
        let mut run = a_run(4, 1, 5);
        spoil(&mut run);
        Report::new(run).expect_err("spoilt").to_string()
    };
    let short = refused(|run| run.sites[1].rows.truncate(47));
    assert_eq!(short, "metered row of prosumer p0002 has 47 intervals, the run has 48");
    let stray = refused(|run| run.sites[0].tariff = 1);
    assert_eq!(stray, "prosumer p0001 points at tariff 1, the run has 1");
    let own = refused(|run| run.contracts[0].seller = run.contracts[0].buyer);
    assert!(own.ends_with("has the same buyer and seller"));
    assert_eq!(
        refused(|run| run.calendar.interval_s = 0),
        "interval length is 0 s, at least 1 s is needed"
    );
}

#[test]
fn csv_files_have_the_published_columns_and_the_delivered_energy() {
    let report = report();
    let (mut contracts, mut schedule) = (Vec::new(), Vec::new());
    crate::report::csv::contracts(report.run(), &mut contracts).expect("writable");
    crate::report::csv::schedule(report.run(), report.settlement(), &mut schedule)
        .expect("writable");
    let contracts = String::from_utf8(contracts).expect("text");
    assert!(contracts.starts_with(
        "height,contract_id,epoch,buyer,seller,start,end,energy_wh,price_microcurrency_per_kwh,\
         amount_microcurrency,retail_microcurrency_per_kwh,cost_microcurrency_per_kwh\n"
    ));
    assert_eq!(contracts.lines().count(), report.run().contracts.len() + 1);
    let schedule = String::from_utf8(schedule).expect("text");
    assert!(schedule.starts_with(
        "prosumer,interval,load_wh,shifted_load_wh,pv_wh,wind_wh,battery_charge_wh,\
         battery_discharge_wh,ev_charge_wh,ev_discharge_wh,battery_soc_wh,ev_soc_wh,p2p_bought_wh,\
         p2p_sold_wh,grid_import_wh,grid_export_wh,curtailed_wh\n"
    ));
    let column = |at: usize| -> u64 {
        let cell = |line: &str| line.split(',').nth(at).and_then(|cell| cell.parse::<u64>().ok());
        schedule.lines().skip(1).filter_map(cell).sum()
    };
    let summary = report.summary();
    assert_eq!((column(12), column(13)), (summary.p2p_wh, summary.p2p_wh));
    assert_eq!((column(14), column(15)), (summary.grid_import_wh, summary.grid_export_wh));
}
