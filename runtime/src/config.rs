//! Files to validated settings: the only reader of TOML settings.
//!
//! A file says what differs from a preset (`base`, or `reference`). Keys are checked against those
//! that exist, so that a slip of the pen is answered with the key that was meant instead of being
//! ignored; values keep their type, so that `days = 1.5` is refused instead of rounded.

use std::path::{Path, PathBuf};

use config::{Config, File, FileFormat};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::sim::scenario::{Scenario, ScenarioError};

/// The key that names the preset a file starts from.
const BASE: &str = "base";

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read, is no TOML, or has a value that cannot be.
    #[error("{}: {problem}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A key that does not exist.
    #[error("{}: unknown key `{key}`{near}", file.display())]
    UnknownKey {
        /// The file.
        file: PathBuf,
        /// The key with its section.
        key: String,
        /// A suggestion, or nothing.
        near: String,
    },
    /// A setting that cannot be.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
}

/// The scenario that `--scenario` names: a TOML file, or a preset.
///
/// # Errors
/// When there is no such preset, or the file has an unknown key or an impossible value.
pub fn scenario(name_or_file: &str) -> Result<Scenario, ConfigError> {
    let path = Path::new(name_or_file);
    if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("toml")) || path.is_file() {
        read_scenario(path)
    } else {
        Ok(Scenario::preset(name_or_file)?)
    }
}

/// Reads a scenario file; what it leaves out is as in the preset it names as `base`.
///
/// # Errors
/// When it cannot be read, or has an unknown key or an impossible value.
pub fn read_scenario(file: &Path) -> Result<Scenario, ConfigError> {
    let text = std::fs::read_to_string(file)
        .map_err(|e| file_error(file, format!("cannot be read: {e}")))?;
    let mut scenario = parse_scenario(&text, file)?;
    let dir = &scenario.data.dir;
    if dir.is_relative() && !dir.as_os_str().is_empty() {
        let folder = file.parent().unwrap_or(Path::new(""));
        scenario.data.dir =
            std::path::absolute(folder.join(dir)).unwrap_or_else(|_| folder.join(dir));
    }
    Ok(scenario)
}

/// Writes a scenario so that [`read_scenario`] gives the same one.
///
/// # Errors
/// When a path of it is not text.
pub fn write_scenario(scenario: &Scenario) -> Result<String, ConfigError> {
    toml::to_string(scenario).map_err(|e| file_error(Path::new("scenario"), e.to_string()))
}

fn parse_scenario(text: &str, file: &Path) -> Result<Scenario, ConfigError> {
    let source = File::from_str(text, FileFormat::Toml);
    let mut given = table(Config::builder().add_source(source.clone()), file)?;
    let base = match given.remove(BASE) {
        None => Scenario::default(),
        Some(Value::String(name)) => Scenario::preset(&name)?,
        Some(other) => {
            let problem = format!("`{BASE}` = {other} is not the name of a preset in quotes");
            return Err(file_error(file, problem));
        }
    };
    let known = Table::try_from(&base).map_err(|e| file_error(file, e.to_string()))?;
    check_keys(&given, &known, "", &known, file)?;
    let merged = merge(known, given);
    Scenario::deserialize(merged.clone()).map_err(|e| {
        let place = culprit(&base, &merged).unwrap_or_default();
        let problem = e.message();
        // A range is named by its own error, with the whole key.
        let named = problem.contains(" is out of range: ");
        file_error(file, if named { problem.to_owned() } else { format!("{place}{problem}") })
    })
}

/// The section or key whose value alone makes a scenario impossible.
fn culprit(base: &Scenario, merged: &Table) -> Option<String> {
    let base = Table::try_from(base).ok()?;
    let fails = |(key, value): &(&String, &Value)| {
        let mut one = base.clone();
        one.insert((*key).clone(), (*value).clone());
        Scenario::deserialize(one).is_err()
    };
    merged.iter().find(fails).map(|(key, value)| match value {
        Value::Table(_) => format!("[{key}] "),
        other => format!("{key} = {other}: "),
    })
}

/// `meters.toml` beside a community's own meters: what their rows do not say.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MetersFile {
    /// Name of the zone of stamps without offset, and of the tariff's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// Reads `meters.toml`; a file that does not exist says nothing.
///
/// # Errors
/// When it cannot be read, or has an unknown key or an impossible value.
pub fn read_meters(file: &Path) -> Result<MetersFile, ConfigError> {
    if !file.exists() {
        return Ok(MetersFile::default());
    }
    let source = File::from(file).format(FileFormat::Toml);
    let given = table(Config::builder().add_source(source), file)?;
    let known = MetersFile { zone: Some(String::new()) };
    let known = Table::try_from(&known).map_err(|e| file_error(file, e.to_string()))?;
    check_keys(&given, &known, "", &known, file)?;
    MetersFile::deserialize(given).map_err(|e| file_error(file, e.message()))
}

fn table(
    builder: config::ConfigBuilder<config::builder::DefaultState>,
    file: &Path,
) -> Result<Table, ConfigError> {
    let read = builder.build().and_then(Config::try_deserialize::<Table>);
    read.map_err(|e| file_error(file, e.to_string()))
}

fn file_error(file: &Path, problem: impl Into<String>) -> ConfigError {
    ConfigError::File { file: file.to_owned(), problem: problem.into() }
}

/// The values of `over` on top of those of `under`, section by section.
fn merge(mut under: Table, over: Table) -> Table {
    for (key, value) in over {
        let merged = match (under.remove(&key), value) {
            (Some(Value::Table(under)), Value::Table(over)) => Value::Table(merge(under, over)),
            (_, value) => value,
        };
        under.insert(key, merged);
    }
    under
}

fn check_keys(
    given: &Table,
    known: &Table,
    section: &str,
    all: &Table,
    file: &Path,
) -> Result<(), ConfigError> {
    for (key, value) in given {
        let path = if section.is_empty() { key.clone() } else { format!("{section}.{key}") };
        match (known.get(key), value) {
            (None, _) => {
                let near = suggestion(key, known, section, all);
                return Err(ConfigError::UnknownKey { file: file.to_owned(), key: path, near });
            }
            (Some(Value::Table(known)), Value::Table(given)) => {
                check_keys(given, known, &path, all, file)?;
            }
            (Some(Value::Table(_)), _) => {
                let problem = format!("`{path}` is a section: write [{path}] and its keys below");
                return Err(file_error(file, problem));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The key that was probably meant: the same one in another section, or one spelt nearly so.
fn suggestion(key: &str, known: &Table, section: &str, all: &Table) -> String {
    let elsewhere = all.iter().find(|(_, value)| value.get(key).is_some());
    if let Some((other, _)) = elsewhere {
        return format!("; did you mean `{other}.{key}`?");
    }
    if all.contains_key(key) {
        return format!("; `{key}` stands above all sections");
    }
    match nearest(key, known.keys().map(String::as_str)) {
        Some(near) if section.is_empty() => format!("; did you mean `{near}`?"),
        Some(near) => format!("; did you mean `{section}.{near}`?"),
        None => {
            let keys: Vec<&str> = known.keys().map(String::as_str).collect();
            format!("; known here: {}", keys.join(", "))
        }
    }
}

/// The candidate that is nearest to `word`, if any is near enough to be meant.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = candidates.map(|candidate| (distance(word, candidate), candidate)).min()?;
    (near.0 <= (word.len() / 3).max(2)).then_some(near.1)
}

/// Edits that turn one word into the other: insertions, deletions, replacements.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut corner = i;
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = corner + usize::from(a != *b);
            corner = row[j + 1];
            row[j + 1] = replaced.min(corner + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
