//! London homes: who they are (`homes.csv`) and what they consumed (`load_*.csv`).

use std::collections::BTreeMap;
use std::path::Path;

use super::series::Segment;
use super::table::{ENERGY_MAX_KWH, Table};
use super::{DatasetError, files};

/// Half an hour, the step of these files, seconds.
pub const STEP_S: i64 = 1_800;

/// A measured home.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasuredHome {
    /// Its name in the files.
    pub name: String,
    /// Whether it is on the dynamic price, not on the flat one.
    pub dynamic: bool,
    /// What it consumed, one segment per file.
    pub load: Vec<Segment>,
    /// What it fed into the network; empty where that was not measured.
    pub feed: Vec<Segment>,
}

/// Reads the homes of one folder in the order of its `homes.csv`.
///
/// # Errors
/// Any cell that is missing or impossible, a home without load, or a load without home.
pub fn read(dir: &Path) -> Result<Vec<MeasuredHome>, DatasetError> {
    let mut homes = read_names(&dir.join("homes.csv"))?;
    let index: BTreeMap<String, usize> =
        homes.iter().enumerate().map(|(i, home)| (home.name.clone(), i)).collect();
    let loads = files(dir, "load_", ".csv")?;
    if loads.is_empty() {
        return Err(DatasetError::file(dir, "has no load_*.csv"));
    }
    for file in loads {
        read_load(&file, &mut homes, &index)?;
    }
    Ok(homes)
}

fn read_names(file: &Path) -> Result<Vec<MeasuredHome>, DatasetError> {
    let needs = ["household", "max_half_hour_kWh", "filled_intervals", "tariff"];
    let table = Table::read(file, &needs)?;
    let [name, largest, filled, tariff] = needs.map(|need| table.column(need));
    let (name, largest, filled, tariff) = (name?, largest?, filled?, tariff?);
    let yearly = table.columns("energy_", "_kWh");
    if yearly.is_empty() {
        table.column("energy_<year>_kWh")?;
    }
    let mut homes: Vec<MeasuredHome> = Vec::new();
    for row in table.rows() {
        let id = row.text(name)?;
        if homes.iter().any(|home| home.name == id) {
            return Err(row.error(name, format!("`{id}` is there twice")));
        }
        for (column, _) in &yearly {
            row.number(*column, 0.0, ENERGY_MAX_KWH * 48.0 * 366.0)?;
        }
        row.number(largest, 0.0, ENERGY_MAX_KWH)?;
        row.number(filled, 0.0, 1e6)?;
        let dynamic = match row.text(tariff)? {
            "ToU" => true,
            "Std" => false,
            other => return Err(row.error(tariff, format!("`{other}` is neither Std nor ToU"))),
        };
        let home =
            MeasuredHome { name: id.to_owned(), dynamic, load: Vec::new(), feed: Vec::new() };
        homes.push(home);
    }
    Ok(homes)
}

fn read_load(
    file: &Path,
    homes: &mut [MeasuredHome],
    index: &BTreeMap<String, usize>,
) -> Result<(), DatasetError> {
    let table = Table::read(file, &["start_utc"])?;
    let stamp = table.column("start_utc")?;
    for home in homes.iter() {
        table.column(&format!("{}_kWh", home.name))?;
    }
    let columns = table.columns("", "_kWh");
    let mut segments = vec![Vec::new(); columns.len()];
    let (mut first, mut last) = (None, None);
    for row in table.rows() {
        let at = row.instant(stamp)?;
        row.follows(stamp, last, at, STEP_S)?;
        first.get_or_insert(at);
        last = Some(at);
        for ((column, id), wh) in columns.iter().zip(&mut segments) {
            if !index.contains_key(id) {
                return Err(row.error(*column, "the home is not in homes.csv"));
            }
            wh.push(1000.0 * row.number(*column, 0.0, ENERGY_MAX_KWH)?);
        }
    }
    let start_s = first.unwrap_or(0);
    for ((_, id), wh) in columns.iter().zip(segments) {
        if let Some(home) = index.get(id).and_then(|i| homes.get_mut(*i)) {
            home.load.push(Segment { start_s, step_s: STEP_S, wh });
        }
    }
    Ok(())
}
