//! Ed25519 public keys, signatures and their verdicts; secret keys live elsewhere.
//!
//! Admission is always strict verification. A verdict is a pure function of key, message and
//! signature, so a process may compute it once and remember it; no node skips asking.

use std::fmt;
use std::sync::Arc;

use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::block::{Pair, Proof};
use crate::digest::Digest;

/// Why bytes are not accepted as a public key (protocol 8.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a point of the curve.
    #[error("public key is not a point of the curve")]
    NotAPoint,
    /// Another way to write a point: one key would be two members.
    #[error("public key is not written in its canonical form")]
    NotCanonical,
    /// A point of small order, under which anybody can sign.
    #[error("public key is weak: it has small order")]
    Weak,
    /// A point with a torsion part, which verifiers judge differently.
    #[error("public key is not torsion-free")]
    Torsion,
}

/// A registered Ed25519 public key, kept decompressed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Accepts 32 bytes as a key.
    ///
    /// # Errors
    /// [`KeyError`] when the point is invalid, written otherwise, weak or not torsion-free.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::NotAPoint)?;
        if key.to_edwards().compress().as_bytes() != bytes {
            return Err(KeyError::NotCanonical);
        }
        if key.is_weak() {
            return Err(KeyError::Weak);
        }
        if !key.to_edwards().is_torsion_free() {
            return Err(KeyError::Torsion);
        }
        Ok(Self(key))
    }

    /// The 32 bytes of the key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Verifies strictly, without any memory.
    #[must_use]
    pub fn verifies(&self, message: &Digest, signature: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        self.0.verify_strict(&message.0, &signature).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Digest(*self.as_bytes()).fmt(f)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        crate::encode::fixed::serialize(self.as_bytes(), serializer)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes: [u8; 32] = crate::encode::fixed::deserialize(deserializer)?;
        Self::from_bytes(&bytes).map_err(serde::de::Error::custom)
    }
}

/// An Ed25519 signature over a [`Digest`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Signature(#[serde(with = "crate::encode::fixed")] pub [u8; 64]);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(6).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// One signature to be checked.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// Who is said to have signed.
    pub key: &'a PublicKey,
    /// What was signed.
    pub message: Digest,
    /// The signature.
    pub signature: Signature,
}

/// A whole proof as the argument of a pure function: same proof, subject and registry, same
/// verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProofKey {
    /// Content id of the proof's bytes.
    pub proof: Digest,
    /// Digest every signature in it covers.
    pub subject: Digest,
    /// Digest of the registry version it is counted over.
    pub registry: Digest,
}

/// Who answers whether a signature holds; handed to every mind as an argument (protocol 8.5).
pub trait Verdicts {
    /// Whether `signature` over `message` is `key`'s, strictly.
    fn check(&self, key: &PublicKey, message: &Digest, signature: &Signature) -> bool;

    /// [`check`](Self::check) of each claim, in order.
    fn check_all(&self, claims: &[Claim<'_>]) -> Vec<bool> {
        claims.iter().map(|c| self.check(c.key, &c.message, &c.signature)).collect()
    }

    /// The verdict on a whole proof; `full` computes it when it is not remembered.
    fn check_once(&self, proof: &ProofKey, full: &mut dyn FnMut() -> bool) -> bool {
        let _ = proof;
        full()
    }

    /// One shared copy of equal pairs, so that a process keeps each pair once.
    fn share_pair(&self, pair: Arc<Pair>) -> Arc<Pair> {
        pair
    }

    /// One shared copy of equal proofs of one pair, named by its ledger hash.
    fn share_proof(&self, ledger: &Digest, proof: Arc<Proof>) -> Arc<Proof> {
        let _ = ledger;
        proof
    }
}
