//! Where the energy came from and where it went, over any part of a run.

use super::run::Row;
use super::settle::Flow;

/// Energies in Wh: the first six enter the prosumers' bars, the rest leave them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sources {
    /// Solar generation before curtailment.
    pub pv_wh: u64,
    /// Wind generation before curtailment.
    pub wind_wh: u64,
    /// Out of batteries.
    pub battery_discharge_wh: u64,
    /// Out of vehicles to their sites.
    pub ev_discharge_wh: u64,
    /// Delivered by other prosumers.
    pub bought_wh: u64,
    /// From the grid.
    pub grid_import_wh: u64,
    /// Load after shifting.
    pub load_wh: u64,
    /// Into batteries.
    pub battery_charge_wh: u64,
    /// Into vehicles.
    pub ev_charge_wh: u64,
    /// Delivered to other prosumers.
    pub sold_wh: u64,
    /// Into the grid.
    pub grid_export_wh: u64,
    /// Generation thrown away.
    pub curtailed_wh: u64,
}

impl Sources {
    /// Sums rows and their flows.
    pub fn of<'a>(rows: impl Iterator<Item = (&'a Row, &'a Flow)>) -> Self {
        rows.fold(Self::default(), |sum, (row, flow)| sum.with(row, flow))
    }

    fn with(mut self, row: &Row, flow: &Flow) -> Self {
        let add = |sum: &mut u64, wh: u64| *sum = sum.saturating_add(wh);
        add(&mut self.pv_wh, row.pv_wh);
        add(&mut self.wind_wh, row.wind_wh);
        add(&mut self.battery_discharge_wh, row.battery_discharge_wh);
        add(&mut self.ev_discharge_wh, row.ev_discharge_wh);
        add(&mut self.bought_wh, flow.bought_wh);
        add(&mut self.grid_import_wh, flow.grid_import_wh);
        add(&mut self.load_wh, row.shifted_load_wh);
        add(&mut self.battery_charge_wh, row.battery_charge_wh);
        add(&mut self.ev_charge_wh, row.ev_charge_wh);
        add(&mut self.sold_wh, flow.sold_wh);
        add(&mut self.grid_export_wh, flow.grid_export_wh);
        add(&mut self.curtailed_wh, row.curtailed_wh);
        self
    }
}
