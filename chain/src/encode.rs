//! Canonical bytes: the only bytes ever hashed, signed or swept.
//!
//! Array-form MessagePack of integer-only structs. Decoding is strict: what has not the shape of
//! canonical bytes, or does not re-encode to the same bytes, is refused, so one value has exactly
//! one encoding. [`Encoded`] keeps a value
//! with its bytes and digests, computed once and shared.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::Digest;
use crate::shape::{self, Deviation};

/// Most characters of what a decoder says of bytes it does not understand.
const REASON_MAX: usize = 200;

/// Why bytes were not accepted as a canonical value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The bytes are not a value of the type at all.
    #[error("{kind} cannot be decoded: {reason}")]
    Malformed {
        /// What was expected (its tag).
        kind: &'static str,
        /// What the decoder found.
        reason: String,
    },
    /// The bytes decode, but the value is written otherwise, or more bytes follow it.
    #[error("{kind} is not in canonical form: {what} at byte {at}")]
    NotCanonical {
        /// What was expected (its tag).
        kind: &'static str,
        /// First byte that is written otherwise.
        at: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// The bytes are more than such a value may have.
    #[error("{kind} has {bytes} bytes, limit is {limit}")]
    TooLarge {
        /// What was expected (its tag).
        kind: &'static str,
        /// Bytes given.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
}

/// A type with canonical bytes of its own, hashed under its own tag.
pub trait Canonical: Serialize + DeserializeOwned {
    /// Domain-separation tag of its digest.
    const TAG: &'static str;
    /// Most bytes its encoding may have; more is refused before decoding.
    const BYTES_MAX: usize;
}

/// The canonical bytes of `value`.
#[must_use]
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    encode_into(value, &mut bytes);
    bytes
}

/// Appends the canonical bytes of `value` to `bytes`.
pub fn encode_into<T: Serialize>(value: &T, bytes: &mut Vec<u8>) {
    rmp_serde::encode::write(bytes, value)
        .expect("a derived struct of known length is written to memory without error");
}

/// Decodes strictly: re-encodes, compares, allows no trailing bytes.
///
/// # Errors
/// [`EncodeError`] when the bytes are too many, malformed or not canonical.
pub fn decode<T: Canonical>(bytes: &[u8]) -> Result<T, EncodeError> {
    decode_as(T::TAG, T::BYTES_MAX, bytes)
}

/// [`decode`] for a type without a tag of its own, named `kind` in errors.
///
/// # Errors
/// [`EncodeError`] when the bytes are more than `limit`, malformed or not canonical.
pub fn decode_as<T: Serialize + DeserializeOwned>(
    kind: &'static str,
    limit: usize,
    bytes: &[u8],
) -> Result<T, EncodeError> {
    if bytes.len() > limit {
        return Err(EncodeError::TooLarge { kind, bytes: bytes.len(), limit });
    }
    shape::check(bytes).map_err(|Deviation { at, what, is_other_writing }| {
        if is_other_writing {
            return EncodeError::NotCanonical { kind, at, what };
        }
        EncodeError::Malformed { kind, reason: format!("{what} at byte {at}") }
    })?;
    let value: T = rmp_serde::from_slice(bytes)
        .map_err(|error| EncodeError::Malformed { kind, reason: printable(&error.to_string()) })?;
    let own = encode(&value);
    if own == bytes {
        return Ok(value);
    }
    let at = own.iter().zip(bytes).take_while(|(own, given)| own == given).count();
    Err(EncodeError::NotCanonical { kind, at, what: "another writing of the value" })
}

/// A decoder's complaint may quote what it was given: it is cut and its controls are escaped, so
/// that a stranger's bytes neither fill a log nor steer a terminal.
fn printable(reason: &str) -> String {
    reason.chars().flat_map(char::escape_debug).take(REASON_MAX).collect()
}

struct Inner<T> {
    value: T,
    bytes: Box<[u8]>,
    content: OnceLock<Digest>,
    digest: OnceLock<(Digest, Digest)>,
}

/// An immutable value with its canonical bytes and digests, computed once; clones share it.
///
/// Inside another encoding it stands as one byte string, so its bytes are a slice of the whole.
pub struct Encoded<T>(Arc<Inner<T>>);

impl<T: Canonical> Encoded<T> {
    /// Encodes `value`.
    #[must_use]
    pub fn new(value: T) -> Self {
        let bytes = encode(&value).into_boxed_slice();
        Self::with(value, bytes)
    }

    /// Decodes stored or received bytes strictly.
    ///
    /// # Errors
    /// [`EncodeError`] when the bytes are too many, malformed or not canonical.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EncodeError> {
        Ok(Self::with(decode(bytes)?, bytes.into()))
    }

    /// The same bytes beside `value`, which differs only in what is never encoded.
    pub(crate) fn seen_as(&self, value: T) -> Self {
        Self::with(value, self.0.bytes.clone())
    }

    /// The value with bytes that may not be its own: how damage looks. Only a verifier's tests
    /// have a use for it.
    #[doc(hidden)]
    #[must_use]
    pub fn damaged(&self, bytes: &[u8]) -> Self
    where
        T: Clone,
    {
        Self::with(self.0.value.clone(), bytes.into())
    }

    fn with(value: T, bytes: Box<[u8]>) -> Self {
        Self(Arc::new(Inner { value, bytes, content: OnceLock::new(), digest: OnceLock::new() }))
    }

    /// SHA-256 under the type's tag and `community`; computed at the first call.
    #[must_use]
    pub fn digest(&self, community: &Digest) -> Digest {
        let (known, digest) = self.0.digest.get_or_init(|| (*community, self.rehash(community)));
        if known == community { *digest } else { self.rehash(community) }
    }

    /// The digest of the bytes as they are now, not as remembered: what a verifier asks for.
    #[must_use]
    pub fn rehash(&self, community: &Digest) -> Digest {
        Digest::of(T::TAG, community, &[&self.0.bytes])
    }

    /// Whether the value still encodes to the bytes kept beside it; `scratch` is overwritten.
    #[must_use]
    pub fn is_faithful(&self, scratch: &mut Vec<u8>) -> bool {
        scratch.clear();
        encode_into(&self.0.value, scratch);
        scratch[..] == self.0.bytes[..]
    }
}

impl<T> Encoded<T> {
    /// The canonical bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// BLAKE3 of the bytes; computed at the first call.
    #[must_use]
    pub fn content(&self) -> Digest {
        *self.0.content.get_or_init(|| Digest::content(&self.0.bytes))
    }

    /// Whether both are one shared value in memory.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Clone for Encoded<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Encoded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T> PartialEq for Encoded<T> {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other) || self.0.bytes == other.0.bytes
    }
}

impl<T> Eq for Encoded<T> {}

impl<T: fmt::Debug> fmt::Debug for Encoded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.value.fmt(f)
    }
}

impl<T: Canonical> Serialize for Encoded<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            self.0.value.serialize(serializer)
        } else {
            serializer.serialize_bytes(&self.0.bytes)
        }
    }
}

impl<'de, T: Canonical> Deserialize<'de> for Encoded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let own = Self::new(T::deserialize(deserializer)?);
            let (bytes, limit) = (own.bytes().len(), T::BYTES_MAX);
            if bytes > limit {
                return Err(D::Error::custom(EncodeError::TooLarge { kind: T::TAG, bytes, limit }));
            }
            return Ok(own);
        }
        let bytes = serde_bytes::ByteBuf::deserialize(deserializer)?;
        Self::from_bytes(&bytes).map_err(D::Error::custom)
    }
}

/// Byte arrays of fixed length: a byte string in canonical form, hex digits where people read.
pub mod fixed {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes `bytes`.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer, const N: usize>(
        bytes: &[u8; N],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            serializer.serialize_str(&hex)
        } else {
            serializer.serialize_bytes(bytes)
        }
    }

    /// Reads exactly `N` bytes.
    ///
    /// # Errors
    /// Those of the deserializer, and a wrong length or digit.
    pub fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        deserializer: D,
    ) -> Result<[u8; N], D::Error> {
        if !deserializer.is_human_readable() {
            return serde_bytes::deserialize(deserializer);
        }
        let hex = String::deserialize(deserializer)?;
        if hex.len() != 2 * N || !hex.is_ascii() {
            return Err(D::Error::custom(format!("expected {} hex digits", 2 * N)));
        }
        let mut bytes = [0; N];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).map_err(D::Error::custom)?;
        }
        Ok(bytes)
    }
}
