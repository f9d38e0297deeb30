//! Contracts and schedules as CSV files for a spreadsheet.

use std::io::Write;

use csv::Writer;

use super::error::ReportError;
use super::run::{Contract, Row, Run};
use super::settle::{Flow, Settlement};

/// Header of `contracts.csv`.
pub const CONTRACTS: [&str; 12] = [
    "height",
    "contract_id",
    "epoch",
    "buyer",
    "seller",
    "start",
    "end",
    "energy_wh",
    "price_microcurrency_per_kwh",
    "amount_microcurrency",
    "retail_microcurrency_per_kwh",
    "cost_microcurrency_per_kwh",
];

/// Header of `schedule.csv`; `p2p_*` is delivered energy.
pub const SCHEDULE: [&str; 17] = [
    "prosumer",
    "interval",
    "load_wh",
    "shifted_load_wh",
    "pv_wh",
    "wind_wh",
    "battery_charge_wh",
    "battery_discharge_wh",
    "ev_charge_wh",
    "ev_discharge_wh",
    "battery_soc_wh",
    "ev_soc_wh",
    "p2p_bought_wh",
    "p2p_sold_wh",
    "grid_import_wh",
    "grid_export_wh",
    "curtailed_wh",
];

/// Writes one line per final contract, in chain order.
///
/// # Errors
/// When `out` cannot be written.
pub fn contracts(run: &Run, out: impl Write) -> Result<(), ReportError> {
    let mut csv = Writer::from_writer(out);
    csv.write_record(CONTRACTS).map_err(|e| format("contracts.csv", &e))?;
    for contract in &run.contracts {
        csv.write_record(contract_record(run, contract))
            .map_err(|e| format("contracts.csv", &e))?;
    }
    csv.flush().map_err(|e| format("contracts.csv", &e))
}

fn contract_record(run: &Run, contract: &Contract) -> [String; CONTRACTS.len()] {
    let length = u32::try_from(contract.profile_wh.len()).unwrap_or(u32::MAX);
    let energy_wh = contract.profile_wh.iter().fold(0_u64, |sum, wh| sum.saturating_add(*wh));
    [
        contract.height.to_string(),
        contract.contract_id.clone(),
        contract.epoch.to_string(),
        run.sites[contract.buyer].name.clone(),
        run.sites[contract.seller].name.clone(),
        contract.start.to_string(),
        contract.start.saturating_add(length).to_string(),
        energy_wh.to_string(),
        contract.price_microcurrency_per_kwh.to_string(),
        contract.amount_microcurrency.to_string(),
        contract.retail_microcurrency_per_kwh.to_string(),
        contract.cost_microcurrency_per_kwh.to_string(),
    ]
}

/// Writes one line per prosumer and interval.
///
/// # Errors
/// When `out` cannot be written.
pub fn schedule(run: &Run, settlement: &Settlement, out: impl Write) -> Result<(), ReportError> {
    let mut csv = Writer::from_writer(out);
    csv.write_record(SCHEDULE).map_err(|e| format("schedule.csv", &e))?;
    for (site, flows) in run.sites.iter().zip(&settlement.flows) {
        for (interval, (row, flow)) in
            (run.calendar.first_interval..).zip(site.rows.iter().zip(flows))
        {
            let figures = schedule_figures(row, flow).map(|wh| wh.to_string());
            let mut record = vec![site.name.clone(), interval.to_string()];
            record.extend(figures);
            csv.write_record(record).map_err(|e| format("schedule.csv", &e))?;
        }
    }
    csv.flush().map_err(|e| format("schedule.csv", &e))
}

fn schedule_figures(row: &Row, flow: &Flow) -> [u64; SCHEDULE.len() - 2] {
    [
        row.load_wh,
        row.shifted_load_wh,
        row.pv_wh,
        row.wind_wh,
        row.battery_charge_wh,
        row.battery_discharge_wh,
        row.ev_charge_wh,
        row.ev_discharge_wh,
        row.battery_soc_wh,
        row.ev_soc_wh,
        flow.bought_wh,
        flow.sold_wh,
        flow.grid_import_wh,
        flow.grid_export_wh,
        row.curtailed_wh,
    ]
}

fn format(what: &'static str, reason: &dyn std::fmt::Display) -> ReportError {
    ReportError::Format { what, reason: reason.to_string() }
}
