//! Entries: the changed accounts of one ledger block, in the two forms in which they stand in bytes.

use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::de::{SeqAccess, Visitor, value::SeqAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::block::Entry;
use crate::digest::Digest;
use crate::encode::{decode_as, encode};
use crate::seal::{EpochKey, Sealed};

/// Most bytes of the entries of one ledger block.
const ENTRIES_MAX: usize = 1024;
/// Bytes of a nonce, which stands before the payload of sealed entries.
pub(crate) const NONCE: usize = 24;

/// The changed accounts of one ledger block: an array in the bytes, or one sealed byte string. Reads
/// as the entries; as none where they are sealed and were not opened.
#[derive(Clone)]
pub struct Entries {
    entries: Vec<Entry>,
    sealed: Option<Sealed>,
    is_read: bool,
}

impl Entries {
    /// `entries`, sealed under `key` for the contract block with hash `block`.
    #[must_use]
    pub fn seal(entries: Vec<Entry>, key: &EpochKey, community: &Digest, block: &Digest) -> Self {
        let sealed = key.seal(&[community.0, block.0].concat(), &encode(&entries));
        Self { entries, sealed: Some(sealed), is_read: true }
    }

    /// What `key` lets read, an earlier view counting for nothing; none where the bytes are not
    /// sealed entries of this block. Open entries are themselves.
    #[must_use]
    pub fn opened(&self, key: &EpochKey, community: &Digest, block: &Digest) -> Option<Self> {
        let Some(sealed) = &self.sealed else { return Some(self.clone()) };
        let bytes = key.open(&[community.0, block.0].concat(), sealed)?;
        let entries = decode_as("sealed entries", ENTRIES_MAX, &bytes).ok()?;
        Some(Self { entries, sealed: Some(sealed.clone()), is_read: true })
    }

    /// Whether only members can read them.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.sealed.is_some()
    }

    /// Whether they can be read here: open, or sealed and opened.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.is_read
    }

    /// The entries to be changed; they stand open from now on.
    pub fn open_mut(&mut self) -> &mut Vec<Entry> {
        (self.sealed, self.is_read) = (None, true);
        &mut self.entries
    }
}

impl From<Vec<Entry>> for Entries {
    fn from(entries: Vec<Entry>) -> Self {
        Self { entries, sealed: None, is_read: true }
    }
}

impl Deref for Entries {
    type Target = [Entry];

    fn deref(&self) -> &[Entry] {
        &self.entries
    }
}

impl DerefMut for Entries {
    /// As [`open_mut`](Entries::open_mut).
    fn deref_mut(&mut self) -> &mut [Entry] {
        self.open_mut()
    }
}

impl<'e> IntoIterator for &'e Entries {
    type Item = &'e Entry;
    type IntoIter = std::slice::Iter<'e, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter()
    }
}

impl PartialEq for Entries {
    fn eq(&self, other: &Self) -> bool {
        match (&self.sealed, &other.sealed) {
            (Some(one), Some(other)) => one == other,
            (None, None) => self.entries == other.entries,
            _ => false,
        }
    }
}

impl Eq for Entries {}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sealed {
            Some(_) => f.write_str("Sealed(..)"),
            None => self.entries.fmt(f),
        }
    }
}

impl Serialize for Entries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(Sealed { nonce, payload }) = &self.sealed else {
            return self.entries.serialize(serializer);
        };
        let bytes = [&nonce[..], payload].concat();
        if serializer.is_human_readable() {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            serializer.serialize_str(&hex)
        } else {
            serializer.serialize_bytes(&bytes)
        }
    }
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let is_text = deserializer.is_human_readable();
        deserializer.deserialize_any(EntriesVisitor { is_text })
    }
}

/// Accepts the two forms and nothing else.
struct EntriesVisitor {
    is_text: bool,
}

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of entries, or sealed entries as bytes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Entries, A::Error> {
        Vec::<Entry>::deserialize(SeqAccessDeserializer::new(seq)).map(Entries::from)
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Entries, E> {
        let nonce = bytes.first_chunk::<NONCE>().ok_or_else(|| E::custom("no nonce"))?;
        let payload = bytes[NONCE..].to_vec();
        let sealed = Some(Sealed { nonce: *nonce, payload });
        Ok(Entries { entries: Vec::new(), sealed, is_read: false })
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Entries, E> {
        if !self.is_text || !text.is_ascii() || !text.len().is_multiple_of(2) {
            return Err(E::custom("sealed entries are bytes"));
        }
        let digits = |at| u8::from_str_radix(&text[at..at + 2], 16).map_err(E::custom);
        let bytes: Result<Vec<u8>, E> = (0..text.len()).step_by(2).map(digits).collect();
        self.visit_bytes(&bytes?)
    }
}
