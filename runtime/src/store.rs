//! The journal of the chain on disk: a framed, checksummed, append-only log.

/// Whether `name` is one the store gives to its own files: `NNNN.log`, `NNNN.proof`, their drafts
/// and what was set aside as damaged.
#[must_use]
pub fn is_store_file(name: &str) -> bool {
    let name = name.strip_suffix(".tmp").or_else(|| name.strip_suffix(".damaged")).unwrap_or(name);
    let Some((number, kind)) = name.split_once('.') else { return false };
    let numbered = number.len() >= 4 && number.bytes().all(|b| b.is_ascii_digit());
    numbered && matches!(kind, "log" | "proof") || name == "journal.lock"
}
