//! Stored blocks as slices: decoded without a copy, as strictly as [`crate::encode::decode`].
//!
//! Only records that are contracts are read this way, which is what a chain is made of; any other
//! record is handed out as [`RecordSlices::Other`] and read the owned way.

use super::cursor::{Cursor, NotCanonical, Read};
use crate::block::{ContractBlock, LedgerBlock, Pair, Record};
use crate::digest::Digest;
use crate::encode::{Canonical, Encoded};
use crate::entries::NONCE;
use crate::terms::{Money, PartyId};

/// The stored bytes of one pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairBytes<'a> {
    /// Those of the contract block.
    pub contract: &'a [u8],
    /// Those of the ledger block.
    pub ledger: &'a [u8],
}

impl<'a> PairBytes<'a> {
    /// The bytes of `pair`.
    #[must_use]
    pub fn of(pair: &'a Pair) -> Self {
        Self { contract: pair.contract.bytes(), ledger: pair.ledger.bytes() }
    }

    /// Both blocks within the canonical bytes of a [`Pair`]; none where these are no pair at all.
    #[must_use]
    pub fn within(bytes: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor(bytes);
        cursor.fields(2).ok()?;
        let (contract, ledger) = (cursor.bytes().ok()?, cursor.bytes().ok()?);
        cursor.end().ok()?;
        Some(Self { contract, ledger })
    }

    /// Bytes of both blocks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.contract.len() + self.ledger.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The root in the ledger block, where it has one and can be read.
    #[must_use]
    pub fn checkpoint(&self) -> Option<Digest> {
        LedgerSlices::read(self.ledger).ok()?.checkpoint.map(|root| Digest(*root))
    }

    /// The pair, read the owned way; none where the bytes are not canonical.
    #[must_use]
    pub fn decode(&self) -> Option<Pair> {
        let contract = Encoded::from_bytes(self.contract).ok()?;
        let ledger = Encoded::from_bytes(self.ledger).ok()?;
        Some(Pair { contract, ledger })
    }

    /// Whether both blocks are canonical, read without a copy: the same answer as that of
    /// [`decode`](Self::decode).
    #[must_use]
    pub fn is_canonical(&self) -> bool {
        match ContractSlices::read(self.contract) {
            Ok(contract) => match contract.record {
                RecordSlices::Contract(_) => LedgerSlices::read(self.ledger).is_ok(),
                RecordSlices::Other => self.decode().is_some(),
            },
            Err(NotCanonical) => false,
        }
    }
}

/// A contract block in its bytes.
#[derive(Debug)]
pub(super) struct ContractSlices<'a> {
    pub(super) version: u8,
    pub(super) height: u64,
    pub(super) prev: &'a [u8; 32],
    pub(super) time_ms: u64,
    pub(super) record: RecordSlices,
}

/// What a contract block states.
#[derive(Debug)]
pub(super) enum RecordSlices {
    Contract(Deal),
    /// Not looked at: neither decoded nor refused.
    Other,
}

/// What a contract moves.
#[derive(Debug)]
pub(super) struct Deal {
    pub(super) buyer: PartyId,
    pub(super) seller: PartyId,
    pub(super) energy: u64,
    pub(super) unit_price: i64,
    pub(super) amount: Money,
}

/// A record that is a contract begins so: a map of one entry, its name, an array of three.
const IS_CONTRACT: &[u8] = b"\x81\xa8Contract";

impl<'a> ContractSlices<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Read<Self> {
        if bytes.len() > ContractBlock::BYTES_MAX {
            return Err(NotCanonical);
        }
        let mut cursor = Cursor(bytes);
        cursor.fields(6)?;
        let (version, height) = (cursor.u8()?, cursor.u64()?);
        let (prev, time_ms) = (cursor.array()?, cursor.u64()?);
        let _registry = cursor.u32()?;
        let record = cursor.bytes()?;
        cursor.end()?;
        Ok(Self { version, height, prev, time_ms, record: RecordSlices::read(record)? })
    }
}

impl RecordSlices {
    fn read(bytes: &[u8]) -> Read<Self> {
        if bytes.len() > Record::BYTES_MAX {
            return Err(NotCanonical);
        }
        let Some(rest) = bytes.strip_prefix(IS_CONTRACT) else { return Ok(Self::Other) };
        let mut cursor = Cursor(rest);
        cursor.fields(3)?;
        let deal = Deal::read(&mut cursor)?;
        let (_buyer, _seller) = (cursor.array::<64>()?, cursor.array::<64>()?);
        cursor.end()?;
        Ok(Self::Contract(deal))
    }
}

impl Deal {
    fn read(cursor: &mut Cursor<'_>) -> Read<Self> {
        cursor.fields(14)?;
        let (_community, _id) = (cursor.array::<32>()?, cursor.array::<32>()?);
        let _epoch = cursor.u32()?;
        let (buyer, seller) = (PartyId(cursor.u32()?), PartyId(cursor.u32()?));
        let (_start, _end) = (cursor.u32()?, cursor.u32()?);
        let energy = cursor.u64()?;
        let _commitment = cursor.array::<32>()?;
        let (unit_price, amount) = (cursor.i64()?, Money(cursor.i64()?));
        let (_shortfall, _surplus) = (cursor.i64()?, cursor.i64()?);
        let _valid_until = cursor.u64()?;
        Ok(Self { buyer, seller, energy, unit_price, amount })
    }
}

/// A ledger block in its bytes.
#[derive(Debug)]
pub(super) struct LedgerSlices<'a> {
    pub(super) version: u8,
    pub(super) height: u64,
    pub(super) prev: &'a [u8; 32],
    pub(super) contract: &'a [u8; 32],
    /// The two entries of a contract; none where there is another number of them.
    pub(super) entries: Option<[EntrySlices; 2]>,
    pub(super) checkpoint: Option<&'a [u8; 32]>,
}

/// One entry: account, change, balance.
pub(super) type EntrySlices = (PartyId, Money, Money);

impl<'a> LedgerSlices<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Read<Self> {
        if bytes.len() > LedgerBlock::BYTES_MAX {
            return Err(NotCanonical);
        }
        let mut cursor = Cursor(bytes);
        cursor.fields(6)?;
        let (version, height) = (cursor.u8()?, cursor.u64()?);
        let (prev, contract) = (cursor.array()?, cursor.array()?);
        let is_sealed = matches!(cursor.0.first(), Some(0xc4..=0xc6));
        let entries = match if is_sealed { 0xc4 } else { cursor.byte()? } {
            // Sealed entries: not looked at here, but they begin with a nonce.
            0xc4 if is_sealed && cursor.bytes()?.len() >= NONCE => None,
            0x92 => Some([entry(&mut cursor)?, entry(&mut cursor)?]),
            other => {
                let count = match other {
                    0x90..=0x9f => u16::from(other & 0xf),
                    0xdc => match (cursor.byte()?, cursor.byte()?) {
                        (0, few) if few < 16 => return Err(NotCanonical),
                        (high, low) => u16::from_be_bytes([high, low]),
                    },
                    _ => return Err(NotCanonical),
                };
                for _ in 0..count {
                    entry(&mut cursor)?;
                }
                None
            }
        };
        let checkpoint = match cursor.0.first() {
            Some(0xc0) => cursor.literal(&[0xc0]).map(|()| None)?,
            _ => Some(cursor.array()?),
        };
        cursor.end()?;
        Ok(Self { version, height, prev, contract, entries, checkpoint })
    }
}

fn entry(cursor: &mut Cursor<'_>) -> Read<EntrySlices> {
    cursor.fields(3)?;
    Ok((PartyId(cursor.u32()?), Money(cursor.i64()?), Money(cursor.i64()?)))
}
