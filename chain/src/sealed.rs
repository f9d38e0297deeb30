//! Sealed: a contract and its ledger entries as outsiders see them, and how members read them.
//!
//! What lies in the bytes is the sealed form; what was read of it is a view beside it that is never
//! encoded, never compared and never taken from somebody else: whoever takes in a record opens it
//! again from its bytes. Sealing draws nothing, so every node seals into the same bytes.

use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::de::{SeqAccess, Visitor, value::SeqAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::block::{ContractBlock, Entry, LedgerBlock, Pair, Record};
use crate::contract::{ContractBody, ContractId, SignedContract};
use crate::digest::{Digest, tag};
use crate::encode::{Encoded, decode_as, encode};
use crate::keyring::Keyring;
use crate::refusal::Refusal;
use crate::seal::{EpochKey, KeyNumber, Sealed};
use crate::sign::Signature;
use crate::terms::{Epoch, Timestamp};

/// Most bytes of what is sealed of one contract.
const CONTENTS_MAX: usize = 2048;
/// Most bytes of the entries of one ledger block.
const ENTRIES_MAX: usize = 1024;
/// Bytes of a nonce, which stands before the payload of sealed entries.
const NONCE: usize = 24;

/// A contract that only members can read (protocol 8.8): what decides about its order and its end
/// is open, everything else is sealed.
#[derive(Clone, Serialize, Deserialize)]
pub struct SealedContract {
    /// Its identity.
    pub contract_id: ContractId,
    /// Trading round it was made in, whose key it is sealed under.
    pub epoch: Epoch,
    /// Settle time of the epoch; ordered later, the contract is void.
    pub valid_until: Timestamp,
    /// Group key from which the epoch's key follows.
    pub key: KeyNumber,
    /// Salted commitment to the body: what was sealed cannot be exchanged for something else.
    pub commitment: Digest,
    /// Salt, body and both signatures, sealed.
    pub sealed: Sealed,
    /// What this node read of it.
    #[serde(skip)]
    opened: Option<Box<SignedContract>>,
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Contents {
    #[serde(with = "crate::encode::fixed")]
    salt: [u8; 32],
    body: ContractBody,
    buyer_sig: Signature,
    seller_sig: Signature,
}

impl SealedContract {
    /// Seals `contract` under the key of its epoch that follows from group key `number`.
    ///
    /// # Errors
    /// [`Refusal::NoKey`] when `keys` do not hold it.
    pub fn seal(
        contract: SignedContract,
        number: KeyNumber,
        community: &Digest,
        keys: &Keyring,
    ) -> Result<Self, Refusal> {
        let body = &contract.body;
        let (contract_id, epoch, valid_until) = (body.contract_id, body.epoch, body.valid_until);
        let key = keys.epoch(community, number, epoch).ok_or(Refusal::NoKey { number })?;
        let bytes = encode(body);
        let salt = key.salt(&bytes);
        let commitment = commit(community, &salt, &bytes);
        let (buyer_sig, seller_sig) = (contract.buyer_sig, contract.seller_sig);
        let contents = encode(&(serde_bytes::Bytes::new(&salt), body, buyer_sig, seller_sig));
        let sealed = key.seal(&aad(community, contract_id, number), &contents);
        let opened = Some(Box::new(contract));
        Ok(Self { contract_id, epoch, valid_until, key: number, commitment, sealed, opened })
    }

    /// The same with what `keys` let a member read of it; an earlier view counts for nothing.
    ///
    /// # Errors
    /// [`Refusal::NoKey`] without the key, [`Refusal::SealBroken`] when what is sealed is no
    /// contract or not the one that the open fields and the commitment name.
    pub fn opened(&self, community: &Digest, keys: &Keyring) -> Result<Self, Refusal> {
        let number = self.key;
        let key = keys.epoch(community, number, self.epoch).ok_or(Refusal::NoKey { number })?;
        let aad = aad(community, self.contract_id, number);
        let bytes = key.open(&aad, &self.sealed).ok_or(Refusal::SealBroken)?;
        let contents: Contents =
            decode_as("sealed contract", CONTENTS_MAX, &bytes).map_err(|_| Refusal::SealBroken)?;
        let Contents { salt, body, buyer_sig, seller_sig } = contents;
        let is_fitting = body.contract_id == self.contract_id
            && body.epoch == self.epoch
            && body.valid_until == self.valid_until
            && commit(community, &salt, &encode(&body)) == self.commitment;
        if !is_fitting {
            return Err(Refusal::SealBroken);
        }
        let contract = SignedContract { body, buyer_sig, seller_sig };
        Ok(Self { opened: Some(Box::new(contract)), ..self.closed() })
    }

    /// The contract, where this node has opened it.
    #[must_use]
    pub fn contract(&self) -> Option<&SignedContract> {
        self.opened.as_deref()
    }

    /// The same without a view.
    fn closed(&self) -> Self {
        Self { sealed: self.sealed.clone(), opened: None, ..*self }
    }
}

impl PartialEq for SealedContract {
    fn eq(&self, other: &Self) -> bool {
        let open = |c: &Self| (c.contract_id, c.epoch, c.valid_until, c.key, c.commitment);
        open(self) == open(other) && self.sealed == other.sealed
    }
}

impl Eq for SealedContract {}

impl fmt::Debug for SealedContract {
    /// Says nothing of what was read: what is printed may leave the house.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedContract")
            .field("contract_id", &self.contract_id)
            .field("epoch", &self.epoch)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

fn commit(community: &Digest, salt: &[u8; 32], body: &[u8]) -> Digest {
    Digest::of(tag::SEAL, community, &[salt, body])
}

fn aad(community: &Digest, id: ContractId, number: KeyNumber) -> Vec<u8> {
    [&community.0[..], &id.0.0, &number.to_be_bytes()].concat()
}

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

impl Encoded<Record> {
    /// The record with what `keys` let this node read of it; one that is not sealed is itself.
    ///
    /// # Errors
    /// Those of [`SealedContract::opened`].
    pub fn opened(&self, community: &Digest, keys: &Keyring) -> Result<Self, Refusal> {
        match &**self {
            Record::Sealed(sealed) => {
                Ok(self.seen_as(Record::Sealed(sealed.opened(community, keys)?)))
            }
            _ => Ok(self.clone()),
        }
    }
}

impl Pair {
    /// The pair with what `keys` let this node read of it; one that is not sealed is itself.
    ///
    /// # Errors
    /// Those of [`SealedContract::opened`], and [`Refusal::SealBroken`] for its entries.
    pub fn opened(&self, community: &Digest, keys: &Keyring) -> Result<Self, Refusal> {
        let Record::Sealed(sealed) = &*self.contract.record else { return Ok(self.clone()) };
        let record = self.contract.record.opened(community, keys)?;
        let number = sealed.key;
        let key = keys.epoch(community, number, sealed.epoch).ok_or(Refusal::NoKey { number })?;
        let block = self.contract.digest(community);
        let entries = self.ledger.entries.opened(&key, community, &block);
        let entries = entries.ok_or(Refusal::SealBroken)?;
        let contract = ContractBlock { record, ..ContractBlock::clone(&self.contract) };
        let ledger = LedgerBlock { entries, ..LedgerBlock::clone(&self.ledger) };
        Ok(Self { contract: self.contract.seen_as(contract), ledger: self.ledger.seen_as(ledger) })
    }

    /// Whether its amounts can be read here.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.ledger.entries.is_read()
    }
}
