//! The source tree as text, for tests about the house itself.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its path from the root of the workspace, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// The root of the workspace.
///
/// # Panics
/// Never: this package lies inside it.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("tests/ lies in the workspace").to_path_buf()
}

/// All files below `dir` (from the root) with this extension, by path.
///
/// # Panics
/// When a folder or file cannot be read.
#[must_use]
pub fn sources(dir: &str, extension: &str) -> Vec<Source> {
    let root = root();
    let (mut open, mut found) = (vec![root.join(dir)], Vec::new());
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).expect("listable") {
            let path = entry.expect("listable").path();
            if path.is_dir() {
                if path.file_name().is_none_or(|name| name != "target") {
                    open.push(path);
                }
            } else if path.extension().is_some_and(|found| found == extension) {
                let text = fs::read_to_string(&path).expect("text");
                let path = path.strip_prefix(&root).expect("below the root");
                let path = path.to_string_lossy().replace('\\', "/");
                found.push(Source { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

impl Source {
    /// Whether the file holds nothing but tests.
    #[must_use]
    pub fn is_test(&self) -> bool {
        let path = format!("/{}", self.path);
        path.contains("/tests/") || path.ends_with("tests.rs") || path.contains("/benches/")
    }

    /// The lines that reach production, numbered from 1: without comments, and without what stands
    /// under `#[cfg(test)]`.
    #[must_use]
    pub fn production(&self) -> Vec<(usize, &str)> {
        let (mut lines, mut skipping) = (Vec::new(), None);
        for (number, line) in (1..).zip(self.text.lines()) {
            let indent = line.len() - line.trim_start().len();
            let code = line.trim();
            match skipping {
                // The item under the attribute ends at its closing brace, or at a semicolon.
                Some(at) if indent == at => {
                    let over = code.ends_with(';') || code.starts_with('}') || code.ends_with("{}");
                    if over {
                        skipping = None;
                    }
                }
                Some(_) => {}
                None if code.starts_with("#[cfg(test)]") => skipping = Some(indent),
                None if code.starts_with("//") || code.is_empty() => {}
                None => lines.push((number, line)),
            }
        }
        lines
    }
}
