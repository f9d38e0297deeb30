//! Ledger: what a contract block changes in the accounts, and the law that nothing is made.
//!
//! Everything is a function of the order: same records, same bytes, on every node.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::block::{CHECKPOINT_EVERY, ContractBlock, Entry, LedgerBlock, Pair, Record};
use crate::contract::ContractBody;
use crate::digest::{Digest, tag};
use crate::encode::{Encoded, encode};
use crate::entries::Entries;
use crate::keyring::Keyring;
use crate::refusal::Refusal;
use crate::registry::RegistryVersion;
use crate::sealed::SealedContract;
use crate::terms::{Money, PartyId, Timestamp};

/// Every account that was ever changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Balances(BTreeMap<PartyId, Money>);

impl FromIterator<(PartyId, Money)> for Balances {
    fn from_iter<I: IntoIterator<Item = (PartyId, Money)>>(accounts: I) -> Self {
        Self(accounts.into_iter().collect())
    }
}

impl Balances {
    /// What `party` holds; zero before its first contract.
    #[must_use]
    pub fn of(&self, party: PartyId) -> Money {
        self.0.get(&party).copied().unwrap_or_default()
    }

    /// All accounts, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (PartyId, Money)> + '_ {
        self.0.iter().map(|(party, money)| (*party, *money))
    }

    /// Sum of all accounts: zero for ever.
    #[must_use]
    pub fn sum(&self) -> i128 {
        self.0.values().map(|money| i128::from(money.0)).sum()
    }

    /// Takes over the balances after `entries`.
    pub fn set(&mut self, entries: &[Entry]) {
        for entry in entries {
            self.0.insert(entry.party, entry.balance);
        }
    }

    /// What settling `body` changes: buyer -= amount, seller += amount (protocol 8.4, step 1).
    ///
    /// # Errors
    /// [`Refusal::Overflow`] when a balance leaves 64 bits.
    pub fn settle(&self, body: &ContractBody) -> Result<[Entry; 2], Refusal> {
        let entry = |party, delta: Money| {
            let balance = self.of(party).checked_add(delta).ok_or(Refusal::Overflow)?;
            Ok(Entry { party, delta, balance })
        };
        let pays = body.amount.checked_neg().ok_or(Refusal::Overflow)?;
        Ok([entry(body.buyer, pays)?, entry(body.seller, body.amount)?])
    }

    /// Merkle root over the sorted accounts; the zero digest when there are none.
    #[must_use]
    pub fn root(&self, community: &Digest) -> Digest {
        let leaf = |account| Digest::of(tag::LEAF, community, &[&encode(&account)]);
        let mut level: Vec<Digest> = self.iter().map(leaf).collect();
        while level.len() > 1 {
            level = level
                .chunks(2)
                .map(|two| match two {
                    [left, right] => Digest::of(tag::NODE, community, &[&left.0, &right.0]),
                    lone => lone[0],
                })
                .collect();
        }
        level.first().copied().unwrap_or_default()
    }
}

/// The upper end of the chain: all that the next pair depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// Digest of the community.
    pub community: Digest,
    /// Height of the last pair; 0 at first.
    pub height: u64,
    /// Hash of the last contract block; the community digest at first.
    pub contract: Digest,
    /// Hash of the last ledger block, the tip; the community digest at first.
    pub tip: Digest,
    /// Time of the last block or batch.
    pub time_ms: Timestamp,
    /// The accounts; of no meaning once a pair could not be read.
    pub balances: Balances,
    /// Pairs so far whose amounts could not be read.
    pub unread: u64,
    /// What it can read.
    pub keys: Keyring,
}

impl Ledger {
    /// The state before the first pair.
    #[must_use]
    pub fn new(community: Digest) -> Self {
        Self {
            community,
            height: 0,
            contract: community,
            tip: community,
            time_ms: Timestamp(0),
            balances: Balances::default(),
            unread: 0,
            keys: Keyring::default(),
        }
    }

    /// The same, reading with `keys`.
    #[must_use]
    pub fn reading(self, keys: Keyring) -> Self {
        Self { keys, ..self }
    }

    /// The pair that puts `record` at the next height; changes nothing. A sealed record is opened
    /// from its bytes, and its entries are sealed under the same key.
    ///
    /// # Errors
    /// Those of [`entries_of`](Self::entries_of) and of [`SealedContract::opened`].
    ///
    /// [`SealedContract::opened`]: crate::sealed::SealedContract::opened
    pub fn next(
        &self,
        time_ms: Timestamp,
        registry: RegistryVersion,
        record: &Encoded<Record>,
    ) -> Result<Pair, Refusal> {
        let record = record.opened(&self.community, &self.keys)?;
        let entries = self.entries_of(&record)?;
        let version = record.version();
        let height = self.height + 1;
        let contract = Encoded::new(ContractBlock {
            version,
            height,
            prev_contract_hash: self.contract,
            time_ms,
            registry,
            record: record.clone(),
        });
        let contract_block_hash = contract.digest(&self.community);
        let ledger = Encoded::new(LedgerBlock {
            version,
            height,
            prev_ledger_hash: self.tip,
            contract_block_hash,
            checkpoint: self.checkpoint(height, &entries),
            entries: self.sealed_like(&record, entries, &contract_block_hash)?,
        });
        Ok(Pair { contract, ledger })
    }

    /// Entries in the form that the record has: open, or sealed under the same key.
    fn sealed_like(
        &self,
        record: &Record,
        entries: Vec<Entry>,
        block: &Digest,
    ) -> Result<Entries, Refusal> {
        let Some(SealedContract { key: number, epoch, .. }) = record.sealed() else {
            return Ok(entries.into());
        };
        let key = self.keys.epoch(&self.community, *number, *epoch);
        let key = key.ok_or(Refusal::NoKey { number: *number })?;
        Ok(Entries::seal(entries, &key, &self.community, block))
    }

    /// The entries of `pair` as this state can read them, whatever somebody else read of them.
    #[must_use]
    pub fn read(&self, pair: &Pair) -> Option<Entries> {
        let Some(sealed) = pair.contract.record.sealed() else {
            return pair.is_read().then(|| pair.ledger.entries.clone());
        };
        let key = self.keys.epoch(&self.community, sealed.key, sealed.epoch)?;
        let block = pair.contract.digest(&self.community);
        pair.ledger.entries.opened(&key, &self.community, &block)
    }

    /// Takes over what `pair` changes in the accounts, as far as it can be read.
    pub(crate) fn settle(&mut self, pair: &Pair) {
        match pair.contract.record.sealed() {
            None if pair.is_read() => self.balances.set(&pair.ledger.entries),
            _ => match self.read(pair) {
                Some(entries) => self.balances.set(&entries),
                None => self.unread += 1,
            },
        }
    }

    /// What `record` changes: buyer and seller of a contract; nothing where members change.
    ///
    /// # Errors
    /// [`Refusal::NoKey`] for a sealed contract that was not opened, [`Refusal::Unsupported`] for records that are not processed, [`Refusal::Overflow`] when a
    /// balance leaves 64 bits.
    pub fn entries_of(&self, record: &Record) -> Result<Vec<Entry>, Refusal> {
        match record {
            Record::Contract(contract) => Ok(self.balances.settle(&contract.body)?.to_vec()),
            Record::Sealed(sealed) => {
                let contract = sealed.contract().ok_or(Refusal::NoKey { number: sealed.key })?;
                Ok(self.balances.settle(&contract.body)?.to_vec())
            }
            Record::Membership(_) => Ok(Vec::new()),
            Record::Delivery(_) | Record::Anchor(_) => Err(Refusal::Unsupported),
        }
    }

    fn checkpoint(&self, height: u64, entries: &[Entry]) -> Option<Digest> {
        height.is_multiple_of(CHECKPOINT_EVERY).then(|| {
            let mut balances = self.balances.clone();
            balances.set(entries);
            balances.root(&self.community)
        })
    }

    /// The state after `pairs` (all from height 1), where everything below height `doubtful` is
    /// sound: accounts are taken from the last checkpoint below it, if their root is the one that
    /// was recorded there, and computed from the records from there on.
    ///
    /// # Errors
    /// The height of the first pair that is not what its record gives.
    pub fn rebuild<'p>(
        community: Digest,
        pairs: impl Iterator<Item = &'p Arc<Pair>> + Clone,
        doubtful: u64,
        keys: &Keyring,
    ) -> Result<Self, u64> {
        let start = || Self::new(community).reading(keys.clone());
        let sound = doubtful.saturating_sub(1) / CHECKPOINT_EVERY * CHECKPOINT_EVERY;
        let mut state = start();
        let mut checkpoint = None;
        for pair in pairs.clone().take_while(|pair| pair.ledger.height <= sound) {
            if pair.height() != state.height + 1 {
                return Err(state.height + 1);
            }
            state.push(pair);
            checkpoint = pair.ledger.checkpoint;
        }
        if state.height > 0 && checkpoint != Some(state.balances.root(&community)) {
            state = start();
        }
        let mut height = 0;
        for pair in pairs {
            height += 1;
            if height <= state.height {
                continue;
            }
            let block = &pair.contract;
            let computed = state.next(block.time_ms, block.registry, &block.record);
            if computed.as_ref() != Ok(&**pair) {
                return Err(height);
            }
            state.push(pair);
        }
        Ok(state)
    }

    /// Moves to the state after `pair`, which must be one that [`next`](Self::next) gave.
    pub fn push(&mut self, pair: &Arc<Pair>) {
        assert_eq!(pair.height(), self.height + 1, "pairs are appended without gaps");
        self.height += 1;
        self.contract = pair.contract.digest(&self.community);
        self.tip = pair.ledger.digest(&self.community);
        self.time_ms = pair.contract.time_ms;
        self.settle(pair);
    }
}
