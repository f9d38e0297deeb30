//! What a pair and its proof are in the files: the pair in the log, its proof in the proof file in two
//! parts, the second of which comes when the pair is closed.

use std::fmt;

use gridpact_chain::batch::{BatchHead, OrderProof};
use gridpact_chain::block::{Order, Pair, Proof, Votes};
use gridpact_chain::encode::{EncodeError, Encoded, encode};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::chain::decode;
use super::frame::Kind;

/// One part of a pair's proof, as it lies in the proof file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum ProofPart {
    /// Why its record was admitted, and where it was placed.
    Admitted {
        /// Approvals of the record.
        approvals: Encoded<Votes>,
        /// Its place in a batch.
        order: Order,
    },
    /// A quorum of ledger votes.
    Closed(Encoded<Votes>),
}

/// The same bytes, the head of the batch not looked at yet.
#[derive(Serialize, Deserialize)]
enum BarePart {
    Admitted { approvals: Encoded<Votes>, order: BareOrder },
    Closed(Encoded<Votes>),
}

/// An [`Order`] whose head is bytes.
#[derive(Serialize, Deserialize)]
struct BareOrder {
    head: HeadBytes,
    position: u32,
    proof: OrderProof,
}

/// A byte string, as [`Encoded`] is one within other records.
struct HeadBytes(Vec<u8>);

impl Serialize for HeadBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for HeadBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = HeadBytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a byte string")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<HeadBytes, E> {
                Ok(HeadBytes(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

/// Reads parts of proofs strictly. All pairs of a batch carry its whole head: it is decoded once, and
/// kept once by all of them.
#[derive(Debug, Default)]
pub(super) struct PartReader {
    head: Option<Encoded<BatchHead>>,
}

impl PartReader {
    /// The part that `bytes` are.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<ProofPart, EncodeError> {
        let (approvals, bare) = match decode("proof", bytes)? {
            BarePart::Admitted { approvals, order } => (approvals, order),
            BarePart::Closed(votes) => return Ok(ProofPart::Closed(votes)),
        };
        let known = self.head.take().filter(|head| head.bytes() == bare.head.0);
        let head = known.map_or_else(|| Encoded::from_bytes(&bare.head.0), Ok)?;
        self.head = Some(head.clone());
        let order = Order { head, position: bare.position, proof: bare.proof };
        Ok(ProofPart::Admitted { approvals, order })
    }
}

/// What a pair and its proof are in the files: the pair, its admission and, once closed, its votes.
pub(super) fn parts_of_pair(pair: &Pair, proof: &Proof) -> impl Iterator<Item = (Kind, Vec<u8>)> {
    let (approvals, order) = (proof.approvals.clone(), proof.order.clone());
    let admitted = encode(&ProofPart::Admitted { approvals, order });
    let closed = proof.ledger_votes.clone().map(|votes| encode(&ProofPart::Closed(votes)));
    let proofs = std::iter::once(admitted).chain(closed).map(|part| (Kind::Proof, part));
    std::iter::once((Kind::Pair, encode(pair))).chain(proofs)
}
