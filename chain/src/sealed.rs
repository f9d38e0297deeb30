//! Sealed: a contract and its ledger entries as outsiders see them, and how members read them.
//!
//! What lies in the bytes is the sealed form; what was read of it is a view beside it that is never
//! encoded, never compared and never taken from somebody else: whoever takes in a record opens it
//! again from its bytes. Sealing draws nothing, so every node seals into the same bytes.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::block::{ContractBlock, LedgerBlock, Pair, Record};
use crate::contract::{ContractBody, ContractId, SignedContract};
use crate::digest::{Digest, tag};
use crate::encode::{Encoded, decode_as, encode};
use crate::keyring::Keyring;
use crate::refusal::Refusal;
use crate::seal::{KeyNumber, Sealed};
use crate::sign::Signature;
use crate::terms::{Epoch, Timestamp};

/// Most bytes of what is sealed of one contract.
const CONTENTS_MAX: usize = 2048;

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

/// What shows one sealed contract to somebody without a key, and nothing besides it: the commitment
/// on the chain fits no other body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// The salt of the commitment.
    #[serde(with = "crate::encode::fixed")]
    pub salt: [u8; 32],
    /// What the parties signed.
    pub body: ContractBody,
}

impl Opening {
    /// Whether it is what `sealed` holds, in `community`.
    #[must_use]
    pub fn fits(&self, sealed: &SealedContract, community: &Digest) -> bool {
        let Self { salt, body } = self;
        body.contract_id == sealed.contract_id
            && body.epoch == sealed.epoch
            && body.valid_until == sealed.valid_until
            && commit(community, salt, &encode(body)) == sealed.commitment
    }
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
        let Contents { body, buyer_sig, seller_sig, .. } = self.contents(community, keys)?;
        let contract = SignedContract { body, buyer_sig, seller_sig };
        Ok(Self { opened: Some(Box::new(contract)), ..self.closed() })
    }

    /// What shows it to somebody without a key, as `keys` read it.
    ///
    /// # Errors
    /// Those of [`opened`](Self::opened).
    pub fn opening(&self, community: &Digest, keys: &Keyring) -> Result<Opening, Refusal> {
        let Contents { salt, body, .. } = self.contents(community, keys)?;
        Ok(Opening { salt, body })
    }

    /// What is sealed, if it is what the open fields and the commitment name.
    fn contents(&self, community: &Digest, keys: &Keyring) -> Result<Contents, Refusal> {
        let number = self.key;
        let key = keys.epoch(community, number, self.epoch).ok_or(Refusal::NoKey { number })?;
        let aad = aad(community, self.contract_id, number);
        let bytes = key.open(&aad, &self.sealed).ok_or(Refusal::SealBroken)?;
        let contents: Contents =
            decode_as("sealed contract", CONTENTS_MAX, &bytes).map_err(|_| Refusal::SealBroken)?;
        let Contents { salt, body, buyer_sig, seller_sig } = contents;
        let opening = Opening { salt, body };
        if !opening.fits(self, community) {
            return Err(Refusal::SealBroken);
        }
        Ok(Contents { salt, body: opening.body, buyer_sig, seller_sig })
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

    /// The pair as `keys` read it; itself where nothing is sealed, or they do not read it.
    #[must_use]
    pub fn as_read(self: &Arc<Self>, community: &Digest, keys: &Keyring) -> Arc<Self> {
        let is_sealed = self.contract.record.sealed().is_some();
        let opened = is_sealed.then(|| self.opened(community, keys).ok()).flatten();
        opened.map_or_else(|| Arc::clone(self), Arc::new)
    }

    /// Whether its amounts can be read here.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.ledger.entries.is_read()
    }
}
