//! Files to validated settings: the only reader of TOML.
//!
//! Keys are checked against those that exist, so that a slip of the pen is answered with the key that
//! was meant instead of being ignored.

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
