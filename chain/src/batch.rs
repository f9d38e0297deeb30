//! Batch: what an orderer fixes, its index, its time, its items.
//!
//! The head names each item by its record's digest, so a pair's order can be proven later from
//! the head alone.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::block::{Record, Votes};
use crate::digest::{Digest, tag};
use crate::encode::{Canonical, Encoded};
use crate::registry::Registry;
use crate::sign::{Signature, Verdicts};
use crate::terms::{Epoch, Interval, Timestamp};

/// What the orderer signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchHead {
    /// From 0 without gaps.
    pub index: u64,
    /// Chain time of its items.
    pub time_ms: Timestamp,
    /// Digest of each item's record, in order; may be empty.
    pub items: Vec<Digest>,
}

impl Canonical for BatchHead {
    const TAG: &'static str = tag::BATCH;
    const BYTES_MAX: usize = 262_144;
}

/// A record with the approvals that make it fit for order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approved {
    /// The record.
    pub record: Encoded<Record>,
    /// A quorum of yes.
    pub approvals: Encoded<Votes>,
}

impl Approved {
    /// Bytes of record and approvals together.
    #[must_use]
    pub fn len(&self) -> usize {
        self.record.bytes().len() + self.approvals.bytes().len()
    }

    /// Never: a record has bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its place among records that wait: contracts by epoch, changes of the members after them,
    /// so that what was approved before a change is ordered before it.
    #[must_use]
    pub fn rank(&self) -> Epoch {
        self.record.lifetime().map_or(Interval(u32::MAX), |(epoch, _)| epoch)
    }

    /// Chain time after which it is void; a change of the members is void when its version is made.
    #[must_use]
    pub fn valid_until(&self) -> Timestamp {
        self.record.lifetime().map_or(Timestamp(u64::MAX), |(_, valid_until)| valid_until)
    }
}

/// Who fixed a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderProof {
    /// The sequencer's signature over the head's digest.
    Sequencer(Signature),
    /// The certificate of an ordering engine; refused by this version.
    Engine {
        /// Name of the scheme.
        scheme: String,
        /// Certificate in the engine's own form.
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
    },
}

/// Approved records in the order that an orderer fixed (protocol 8.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// What was signed.
    pub head: Encoded<BatchHead>,
    /// The items named in the head.
    pub items: Vec<Arc<Approved>>,
    /// Who fixed it.
    pub proof: OrderProof,
}

impl Batch {
    /// Its index.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.head.index
    }

    /// Its chain time.
    #[must_use]
    pub fn time_ms(&self) -> Timestamp {
        self.head.time_ms
    }

    /// Bytes of all items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.iter().map(|item| item.len()).sum()
    }

    /// Whether it has no item: such a batch only moves chain time.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

/// Whether `proof` fixes `head` under `registry`.
#[must_use]
pub fn is_ordered(
    head: &Encoded<BatchHead>,
    proof: &OrderProof,
    community: &Digest,
    registry: &Registry,
    verdicts: &dyn Verdicts,
) -> bool {
    match (proof, registry.key(registry.sequencer())) {
        (OrderProof::Sequencer(signature), Some(key)) => {
            verdicts.check(key, &head.digest(community), signature)
        }
        (OrderProof::Engine { .. }, _) | (_, None) => false,
    }
}
