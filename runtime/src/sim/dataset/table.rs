//! A CSV file in which every cell is where and what it should be.

use std::path::{Path, PathBuf};

use csv::{ReaderBuilder, StringRecord};
use jiff::Timestamp;
use jiff::civil::DateTime;

use super::DatasetError;

/// Most energy in half an hour that a home's meter can have measured, kWh.
pub const ENERGY_MAX_KWH: f64 = 100.0;

/// First second of the year 2200: no meter has measured beyond it.
const SECOND_MAX: i64 = 7_258_118_400;

/// A file that has been read, with its header.
#[derive(Debug)]
pub struct Table {
    file: PathBuf,
    columns: Vec<String>,
    rows: Vec<(u64, StringRecord)>,
}

/// One line of a table.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    table: &'a Table,
    line: u64,
    record: &'a StringRecord,
}

/// A column that is known to exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column(pub usize);

impl Table {
    /// Reads a file whose header must contain the columns `needs`.
    ///
    /// # Errors
    /// When it is missing, empty or binary, has a header twice or too few columns, or a row of
    /// another length than its header.
    pub fn read(file: &Path, needs: &[&str]) -> Result<Self, DatasetError> {
        let bytes = std::fs::read(file)
            .map_err(|e| DatasetError::file(file, format!("cannot be read: {e}")))?;
        let first = needs.first().copied().unwrap_or("1");
        let text = text(&bytes).map_err(|(line, problem)| cell(file, line, first, problem))?;
        let mut reader =
            ReaderBuilder::new().flexible(true).has_headers(true).from_reader(text.as_bytes());
        let header = reader.headers().map_err(|e| cell(file, 1, first, e.to_string()))?;
        let columns: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
        let mut table = Self { file: file.to_owned(), columns, rows: Vec::new() };
        table.check_header(needs)?;
        for record in reader.records() {
            let record = record.map_err(|e| {
                let line = e.position().map_or(0, csv::Position::line);
                cell(file, line, first, e.to_string())
            })?;
            let line = record.position().map_or(0, csv::Position::line);
            table.check_length(line, &record)?;
            table.rows.push((line, record));
        }
        if table.rows.is_empty() {
            return Err(cell(file, 2, first, "the file has a header and no rows"));
        }
        Ok(table)
    }

    fn check_header(&self, needs: &[&str]) -> Result<(), DatasetError> {
        for need in needs {
            if !self.columns.iter().any(|name| name == need) {
                return Err(cell(&self.file, 1, need, "the column is missing"));
            }
        }
        for (i, name) in self.columns.iter().enumerate() {
            if name.is_empty() {
                return Err(cell(&self.file, 1, &format!("{}", i + 1), "the column has no name"));
            }
            if self.columns[..i].contains(name) {
                return Err(cell(&self.file, 1, name, "the column is there twice"));
            }
        }
        Ok(())
    }

    fn check_length(&self, line: u64, record: &StringRecord) -> Result<(), DatasetError> {
        let (found, wanted) = (record.len(), self.columns.len());
        if found == wanted {
            return Ok(());
        }
        let column =
            self.columns.get(found).map_or_else(|| format!("{}", wanted + 1), String::clone);
        Err(cell(&self.file, line, &column, format!("the row has {found} of {wanted} columns")))
    }

    /// The file it was read from.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// A column by name.
    ///
    /// # Errors
    /// When the header has no such column.
    pub fn column(&self, name: &str) -> Result<Column, DatasetError> {
        let found = self.columns.iter().position(|column| column == name);
        found.map(Column).ok_or_else(|| cell(&self.file, 1, name, "the column is missing"))
    }

    /// The columns whose names have this beginning and end, with what is between.
    #[must_use]
    pub fn columns(&self, begin: &str, end: &str) -> Vec<(Column, String)> {
        let named = self.columns.iter().enumerate();
        let between = |name: &str| Some(name.strip_prefix(begin)?.strip_suffix(end)?.to_owned());
        named.filter_map(|(i, name)| Some((Column(i), between(name)?))).collect()
    }

    /// An error about a cell.
    #[must_use]
    pub fn error(&self, line: u64, column: Column, problem: impl Into<String>) -> DatasetError {
        cell(&self.file, line, self.columns.get(column.0).map_or("", String::as_str), problem)
    }

    /// The rows in the order of the file.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|(line, record)| Row { table: self, line: *line, record })
    }
}

impl<'a> Row<'a> {
    /// Its line in the file, from 1.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.line
    }

    /// An error about one of its cells.
    #[must_use]
    pub fn error(&self, column: Column, problem: impl Into<String>) -> DatasetError {
        self.table.error(self.line, column, problem)
    }

    /// A cell that is not empty.
    ///
    /// # Errors
    /// When it is.
    pub fn text(&self, column: Column) -> Result<&'a str, DatasetError> {
        let text = self.record.get(column.0).unwrap_or_default().trim();
        if text.is_empty() { Err(self.error(column, "the value is missing")) } else { Ok(text) }
    }

    /// A number within a range, both ends included.
    ///
    /// # Errors
    /// When it is no number, not finite or out of the range.
    pub fn number(&self, column: Column, least: f64, most: f64) -> Result<f64, DatasetError> {
        let text = self.text(column)?;
        let number: f64 = text
            .parse()
            .map_err(|_| self.error(column, format!("`{}` is not a number", short(text))))?;
        if !number.is_finite() {
            return Err(self.error(column, format!("`{}` is not a finite number", short(text))));
        }
        if number < least {
            let problem =
                if least == 0.0 { "is negative".into() } else { format!("is below {least}") };
            return Err(self.error(column, format!("{number} {problem}")));
        }
        if number > most {
            return Err(self.error(column, format!("{number} is more than the possible {most}")));
        }
        Ok(number)
    }

    /// A point in time with its offset stated (`Z` or `+02:00`), in seconds since 1970.
    ///
    /// # Errors
    /// When it is none, or not within 1970 to 2199.
    pub fn instant(&self, column: Column) -> Result<i64, DatasetError> {
        let text = self.text(column)?;
        let stamp: Timestamp = text.parse().map_err(|_| {
            let wanted = "a time with offset such as 2013-06-03T00:30:00Z";
            self.error(column, format!("`{}` is not {wanted}", short(text)))
        })?;
        let second = stamp.as_second();
        if !(0..SECOND_MAX).contains(&second) || stamp.subsec_nanosecond() != 0 {
            let wanted = "a whole second from 1970 to 2199";
            return Err(self.error(column, format!("`{text}` is not {wanted}")));
        }
        Ok(second)
    }

    /// A time of the local clock, without offset.
    ///
    /// # Errors
    /// When it is none.
    pub fn clock(&self, column: Column) -> Result<DateTime, DatasetError> {
        let text = self.text(column)?;
        text.parse().map_err(|_| {
            let wanted = "a local time such as 2016-06-06T00:30:00";
            self.error(column, format!("`{}` is not {wanted}", short(text)))
        })
    }

    /// Checks that this stamp follows the last one by exactly `step_s`.
    ///
    /// # Errors
    /// When it repeats, goes back or leaves a gap.
    pub fn follows(
        &self,
        column: Column,
        last_s: Option<i64>,
        this_s: i64,
        step_s: i64,
    ) -> Result<(), DatasetError> {
        let Some(last_s) = last_s else { return Ok(()) };
        let text = self.text(column)?;
        let (after, minutes) = (this_s - last_s, step_s / 60);
        let problem = match after {
            _ if after == step_s => return Ok(()),
            0 => format!("`{text}` is there twice"),
            i64::MIN..0 => format!("`{text}` is before the row above"),
            _ => format!("gap: `{text}` is {} min after the row above, not {minutes}", after / 60),
        };
        Err(self.error(column, problem))
    }
}

fn cell(file: &Path, line: u64, column: &str, problem: impl Into<String>) -> DatasetError {
    DatasetError::Cell {
        file: file.to_owned(),
        line,
        column: column.to_owned(),
        problem: problem.into(),
    }
}

/// The start of a cell, so that an error stays readable.
fn short(text: &str) -> String {
    text.chars().take(40).map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// The text of a file, or the line from which it is none.
fn text(bytes: &[u8]) -> Result<&str, (u64, &'static str)> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let line = |end: usize| 1 + bytes[..end].iter().filter(|b| **b == b'\n').count() as u64;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err((1, "the file is empty"));
    }
    let binary = |b: &u8| *b < 32 && !matches!(*b, b'\n' | b'\r' | b'\t');
    if let Some(at) = bytes.iter().position(binary) {
        return Err((line(at), "the file is binary, not text"));
    }
    std::str::from_utf8(bytes).map_err(|e| (line(e.valid_up_to()), "the file is not UTF-8 text"))
}
