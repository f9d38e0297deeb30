//! Whether a run hangs together, asked once before anything is computed from it.

use super::error::ReportError;
use super::run::{Alone, Run, Site};

/// Checks every length and index of `run`, so that the rest of the room need not.
///
/// # Errors
/// The first series of the wrong length or index out of range.
pub fn check(run: &Run) -> Result<(), ReportError> {
    if run.calendar.interval_s == 0 {
        return Err(ReportError::NoLength);
    }
    let expected = run.calendar.intervals as usize;
    for tariff in &run.tariffs {
        let owner = || format!("tariff {}", tariff.name);
        length("retail price", owner, tariff.retail_microcurrency_per_kwh.len(), expected)?;
        length("feed-in price", owner, tariff.feed_in_microcurrency_per_kwh.len(), expected)?;
    }
    for site in &run.sites {
        index("tariff", || format!("prosumer {}", site.name), site.tariff, run.tariffs.len())?;
        length("metered row", || format!("prosumer {}", site.name), site.rows.len(), expected)?;
        alone("net import without storage control", site, &site.uncontrolled, expected)?;
        alone("net import with local schedules", site, &site.local, expected)?;
    }
    for contract in &run.contracts {
        let owner = || format!("contract {}", contract.contract_id);
        index("prosumer", owner, contract.buyer, run.sites.len())?;
        index("prosumer", owner, contract.seller, run.sites.len())?;
        if contract.buyer == contract.seller {
            return Err(ReportError::SelfContract(contract.contract_id.clone()));
        }
    }
    Ok(())
}

fn alone(
    what: &'static str,
    site: &Site,
    life: &Alone,
    expected: usize,
) -> Result<(), ReportError> {
    length(what, || format!("prosumer {}", site.name), life.net_import_wh.len(), expected)
}

fn length(
    what: &'static str,
    owner: impl Fn() -> String,
    found: usize,
    expected: usize,
) -> Result<(), ReportError> {
    if found == expected {
        return Ok(());
    }
    Err(ReportError::Length { what, owner: owner(), found, expected })
}

fn index(
    what: &'static str,
    owner: impl Fn() -> String,
    index: usize,
    count: usize,
) -> Result<(), ReportError> {
    if index < count {
        return Ok(());
    }
    Err(ReportError::Index { what, owner: owner(), index, count })
}
