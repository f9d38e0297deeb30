//! Ed25519 public keys, signatures and their verdicts; secret keys live elsewhere.
//!
//! Admission is always strict verification. A verdict is a pure function of key, message and
//! signature, so a process may compute it once and remember it; no node skips asking. Batches only
//! check again what was admitted strictly ([`recheck`]).

use std::fmt;
use std::sync::Arc;

use ed25519_dalek::{VerifyingKey, verify_batch};
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

/// Signatures in one equation: beyond this a batch gains little and costs memory.
const BATCH: usize = 1024;

/// Below this many, single checks find the wrong one as fast as smaller batches would.
const BISECTED: usize = 16;

/// Checks signatures again that were all admitted strictly before, in their order.
///
/// One equation for many signatures is three times faster than one each, and not quite as strict: a
/// signature made to be disputed may pass it now and then. What was never admitted strictly must
/// not be asked for here. Where the equation does not hold, halves are tried, then each signature
/// strictly; the coefficients are a function of all inputs, so the answer is one, too.
#[must_use]
pub fn recheck(claims: &[Claim<'_>]) -> Vec<bool> {
    let mut verdicts = Vec::with_capacity(claims.len());
    claims.chunks(BATCH).for_each(|batch| bisect(batch, &mut verdicts));
    verdicts
}

fn bisect(claims: &[Claim<'_>], verdicts: &mut Vec<bool>) {
    if claims.len() <= BISECTED {
        verdicts.extend(claims.iter().map(|c| c.key.verifies(&c.message, &c.signature)));
    } else if holds(claims) {
        verdicts.extend(claims.iter().map(|_| true));
    } else {
        let (left, right) = claims.split_at(claims.len() / 2);
        bisect(left, verdicts);
        bisect(right, verdicts);
    }
}

fn holds(claims: &[Claim<'_>]) -> bool {
    let messages: Vec<&[u8]> = claims.iter().map(|c| &c.message.0[..]).collect();
    let signature = |c: &Claim<'_>| ed25519_dalek::Signature::from_bytes(&c.signature.0);
    let signatures: Vec<_> = claims.iter().map(signature).collect();
    let keys: Vec<VerifyingKey> = claims.iter().map(|c| c.key.0).collect();
    verify_batch(&messages, &signatures, &keys).is_ok()
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

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};

    use super::*;

    #[test]
    fn a_recheck_names_every_wrong_signature_wherever_it_stands() {
        let secrets: Vec<_> = (0..5).map(|i| SigningKey::from_bytes(&[i + 1; 32])).collect();
        let public = |key: &SigningKey| PublicKey::from_bytes(key.verifying_key().as_bytes());
        let keys: Vec<_> = secrets.iter().map(|key| public(key).expect("honest")).collect();
        let mut claims: Vec<_> = (0..1100_usize)
            .map(|i| {
                let (at, message) = (i % 5, Digest([(i % 251) as u8; 32]));
                let signature = Signature(secrets[at].sign(&message.0).to_bytes());
                Claim { key: &keys[at], message, signature }
            })
            .collect();
        assert!(recheck(&claims).into_iter().all(|holds| holds));
        let wrong = [0, 15, 16, 17, 511, 512, 1023, 1024, 1099];
        for (at, case) in wrong.into_iter().zip((0..3).cycle()) {
            match case {
                0 => claims[at].signature.0[3] ^= 1,
                1 => claims[at].signature.0[63] |= 0xe0,
                _ => claims[at].message.0[0] ^= 0x80,
            }
        }
        let verdicts = recheck(&claims);
        let found: Vec<_> = (0..claims.len()).filter(|at| !verdicts[*at]).collect();
        assert_eq!(found, wrong);
        assert!(recheck(&[]).is_empty());
    }
}
