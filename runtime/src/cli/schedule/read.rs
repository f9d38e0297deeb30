//! From text to a checked site; a value of the wrong kind is told by its path, not only its line.

use super::checks::check;
use super::site::Site;

/// Reads and checks a site.
///
/// # Errors
/// What is wrong and where.
pub(super) fn read(text: &str) -> Result<Site, String> {
    let site: Site = serde_json::from_str(text).map_err(|error| {
        let path = path_at(text, offset(text, error.line(), error.column()));
        let said = error.to_string();
        // That is noticed where its object ends: the path leads to the object's last key.
        if let Some(missing) = said.strip_prefix("missing field `") {
            let (field, _) = missing.split_once('`').unwrap_or((missing, ""));
            let object =
                path.rsplit_once('.').map_or(String::new(), |(object, _)| format!("{object}."));
            return format!("`{object}{field}` is missing: every site must say it");
        }
        if path.is_empty() { said } else { format!("`{path}`: {said}") }
    })?;
    check(&site)?;
    Ok(site)
}

/// Byte offset of a line and a column, both from 1.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (before + column).min(text.len())
}

/// One step of a path: a key, or a place in a list.
enum Step {
    Key(String),
    Index(usize),
}

/// The path of the value that ends at or after `end`.
fn path_at(text: &str, end: usize) -> String {
    let mut steps: Vec<Step> = Vec::new();
    let mut bytes = text.bytes().take(end.saturating_sub(1));
    let mut is_key = false;
    while let Some(byte) = bytes.next() {
        is_key = match byte {
            b'{' | b',' => true,
            b':' => false,
            _ => is_key,
        };
        match byte {
            b'{' => steps.push(Step::Key(String::new())),
            b'[' => steps.push(Step::Index(0)),
            b'}' | b']' => {
                steps.pop();
            }
            b',' => {
                if let Some(Step::Index(index)) = steps.last_mut() {
                    *index += 1;
                }
            }
            b'"' => {
                let word = string(&mut bytes);
                if let (true, Some(Step::Key(key))) = (is_key, steps.last_mut()) {
                    *key = word;
                }
            }
            _ => {}
        }
    }
    let mut path = String::new();
    for step in &steps {
        match step {
            Step::Key(key) if key.is_empty() => {}
            Step::Key(key) if path.is_empty() => path.push_str(key),
            Step::Key(key) => path.push_str(&format!(".{key}")),
            Step::Index(index) => path.push_str(&format!("[{index}]")),
        }
    }
    path
}

/// The rest of a string whose opening quote has been read.
fn string(bytes: &mut impl Iterator<Item = u8>) -> String {
    let mut word = Vec::new();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => break,
            b'\\' => word.extend(bytes.next()),
            _ => word.push(byte),
        }
    }
    String::from_utf8_lossy(&word).into_owned()
}
