//! R4: a prosumer's day adds up, and shifting moves energy without making or losing any.

use gridpact::sim::community::DeviceData;
use gridpact_tests::{Lived, a_street, a_street_of_seers, live};

use crate::figure_r3_share::{numbers, schedule};

#[test]
fn figure_r4_above_less_below_the_axis_is_the_shifted_load() {
    for scenario in [a_street(12), a_street_of_seers(12)] {
        let lived = live(&scenario);
        let table = schedule(&lived);
        let column = |name: &str| numbers(&table, name);
        let above = [
            "pv_wh",
            "wind_wh",
            "battery_discharge_wh",
            "ev_discharge_wh",
            "p2p_bought_wh",
            "grid_import_wh",
        ];
        let below =
            ["battery_charge_wh", "ev_charge_wh", "p2p_sold_wh", "grid_export_wh", "curtailed_wh"];
        let mut residual = vec![0; table["interval"].len()];
        for (names, sign) in [(&above[..], 1), (&below[..], -1), (&["shifted_load_wh"][..], -1)] {
            for name in names {
                residual.iter_mut().zip(column(name)).for_each(|(sum, wh)| *sum += sign * wh);
            }
        }
        assert_eq!(residual.len(), 12 * 48);
        assert!(residual.iter().all(|wh| wh.abs() <= 1), "worst {:?}", residual.iter().max());
    }
}

/// Energy that jobs want within the run, and whether all of them must be done by its end.
fn jobs_are_inside(lived: &Lived, site: usize) -> bool {
    let (start, end) = (lived.community.start, lived.community.end());
    lived.community.sites[site].devices.iter().all(|device| match &device.data {
        DeviceData::Jobs(jobs) => jobs
            .iter()
            .filter(|job| job.until > start && job.from < end)
            .all(|job| job.from >= start && job.until <= end),
        _ => true,
    })
}

#[test]
fn figure_r4_shifting_keeps_the_energy_of_the_load() {
    let mut scenario = a_street(12);
    scenario.sites.deferrable_share = 0.8;
    let lived = live(&scenario);
    let (mut shifted_homes, mut checked) = (0, 0);
    for (number, site) in lived.run.sites.iter().enumerate() {
        let original: u64 = site.rows.iter().map(|row| row.load_wh).sum();
        let shifted: u64 = site.rows.iter().map(|row| row.shifted_load_wh).sum();
        if jobs_are_inside(&lived, number) {
            assert_eq!(original, shifted, "{}", site.name);
            checked += 1;
        }
        shifted_homes += u64::from(site.rows.iter().any(|row| row.load_wh != row.shifted_load_wh));
    }
    assert!(checked >= 6, "{checked} homes prove little");
    assert!(shifted_homes >= 3, "{shifted_homes} homes shift");
}
