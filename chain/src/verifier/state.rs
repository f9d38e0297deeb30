//! The state below the next pair, and the structural check that moves it past that pair's bytes.

use std::collections::BTreeMap;

use super::pairs::check_entries;
use super::slices::{ContractSlices, Deal, LedgerSlices, RecordSlices};
use super::{Damage, PairBytes};
use crate::block::{CHECKPOINT_EVERY, Pair};
use crate::digest::{Digest, Hasher, tag};
use crate::genesis::VERSION;
use crate::keyring::Keyring;
use crate::ledger::{Balances, Ledger};
use crate::terms::{Energy, Money, PartyId, Price, Timestamp};

/// Accounts below this number are kept by number: 1 MiB at most.
const BY_NUMBER: u32 = 1 << 16;

/// Both hashes of a pair's stored bytes: contract block, ledger block.
#[derive(Debug, Clone)]
pub struct PairHasher {
    contract: Hasher,
    ledger: Hasher,
}

impl PairHasher {
    /// For the blocks of one community.
    #[must_use]
    pub fn new(community: &Digest) -> Self {
        Self {
            contract: Hasher::of(tag::CONTRACT_BLOCK, community),
            ledger: Hasher::of(tag::LEDGER_BLOCK, community),
        }
    }

    /// The hashes of both blocks, taken side by side.
    #[must_use]
    pub fn hash(&self, bytes: PairBytes<'_>) -> (Digest, Digest) {
        self.contract.hash_both(bytes.contract, &self.ledger, bytes.ledger)
    }

    /// The bare part of the structural check, and its yardstick: both hashes as the library takes
    /// them, one after the other, both blocks decoded without a copy, both links and the cross-link,
    /// `below` being the hashes of the pair below. Returns the hashes of this one; none where it does not follow.
    #[must_use]
    pub fn follows(
        &self,
        below: &(Digest, Digest),
        bytes: PairBytes<'_>,
    ) -> Option<(Digest, Digest)> {
        let contract = self.contract.hash(bytes.contract);
        let ledger = self.ledger.hash(bytes.ledger);
        let upper = ContractSlices::read(bytes.contract).ok()?;
        let lower = LedgerSlices::read(bytes.ledger).ok()?;
        let is_linked =
            *upper.prev == below.0.0 && *lower.prev == below.1.0 && *lower.contract == contract.0;
        is_linked.then_some((contract, ledger))
    }
}

/// Running balances. After damage it is not known what accounts hold until they are seen again.
#[derive(Debug, Clone, Default)]
struct Accounts {
    by_number: Vec<Option<Money>>,
    others: BTreeMap<PartyId, Money>,
    is_partial: bool,
}

impl Accounts {
    #[inline]
    fn of(&self, party: PartyId) -> Option<Money> {
        let known = match self.by_number.get(party.0 as usize) {
            Some(known) => *known,
            None => self.others.get(&party).copied(),
        };
        if self.is_partial { known } else { Some(known.unwrap_or_default()) }
    }

    #[inline]
    fn set(&mut self, party: PartyId, balance: Money) {
        if party.0 >= BY_NUMBER {
            self.others.insert(party, balance);
            return;
        }
        let at = party.0 as usize;
        if at >= self.by_number.len() {
            self.by_number.resize(at + 1, None);
        }
        self.by_number[at] = Some(balance);
    }

    /// Forgets everything: what a damaged pair changed is not known.
    fn forget(&mut self) {
        *self = Self { is_partial: true, ..Self::default() };
    }

    fn balances(&self) -> Balances {
        let numbered = (0..).zip(&self.by_number);
        let known = numbered.filter_map(|(party, money)| Some((PartyId(party), (*money)?)));
        known.chain(self.others.iter().map(|(party, money)| (*party, *money))).collect()
    }
}

/// All that the next pair is checked against.
#[derive(Debug, Clone)]
pub struct State {
    community: Digest,
    hasher: PairHasher,
    height: u64,
    contract: Digest,
    tip: Digest,
    time_ms: Timestamp,
    accounts: Accounts,
    was_other: bool,
    keys: Keyring,
}

impl State {
    /// The state before the first pair.
    #[must_use]
    pub fn new(community: Digest) -> Self {
        Self::at(&Ledger::new(community))
    }

    /// The state that `ledger` is in.
    #[must_use]
    pub fn at(ledger: &Ledger) -> Self {
        let mut accounts = Accounts::default();
        if ledger.unread > 0 {
            accounts.forget();
        } else {
            ledger.balances.iter().for_each(|(party, money)| accounts.set(party, money));
        }
        Self {
            community: ledger.community,
            hasher: PairHasher::new(&ledger.community),
            height: ledger.height,
            contract: ledger.contract,
            tip: ledger.tip,
            time_ms: ledger.time_ms,
            accounts,
            was_other: false,
            keys: ledger.keys.clone(),
        }
    }

    /// The same, reading with `keys`.
    #[must_use]
    pub fn reading(self, keys: Keyring) -> Self {
        Self { keys, ..self }
    }

    /// The same as a ledger.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        Ledger {
            community: self.community,
            height: self.height,
            contract: self.contract,
            tip: self.tip,
            time_ms: self.time_ms,
            balances: self.accounts.balances(),
            unread: u64::from(self.accounts.is_partial),
            keys: self.keys.clone(),
        }
    }

    /// Height of the last pair.
    #[must_use]
    pub fn height(&self) -> u64 {
        self.height
    }

    /// Whether the last pair holds a record that is no contract.
    #[must_use]
    pub fn was_other(&self) -> bool {
        self.was_other
    }

    /// Hash of the last ledger block.
    #[must_use]
    pub fn tip(&self) -> Digest {
        self.tip
    }

    /// Proves that `bytes` are the next pair: both hashes, both links, the cross-link, amount,
    /// entries, balances and, at a checkpoint, its root, which `root` may know. Then moves on,
    /// damaged or not.
    ///
    /// # Errors
    /// The first [`Damage`] found. From then on accounts are taken as they are found until all
    /// pairs were read again from the first.
    pub fn take(
        &mut self,
        bytes: PairBytes<'_>,
        root: &mut dyn FnMut(u64) -> Option<Digest>,
    ) -> Result<(), Damage> {
        let (contract, tip) = self.hasher.hash(bytes);
        let checked = match (ContractSlices::read(bytes.contract), LedgerSlices::read(bytes.ledger))
        {
            (Ok(upper), Ok(lower)) => {
                self.was_other = matches!(upper.record, RecordSlices::Other);
                let linked = self.check_links(&upper, &lower, &contract);
                let checked = linked.and_then(|()| match &upper.record {
                    RecordSlices::Contract(deal) => self.settle(deal, &lower, root),
                    RecordSlices::Other => self.settle_other(bytes, &lower, root),
                });
                self.time_ms = Timestamp(upper.time_ms);
                checked
            }
            _ => Err(Damage::Bytes),
        };
        (self.height, self.contract, self.tip) = (self.height + 1, contract, tip);
        if checked.is_err() {
            self.accounts.forget();
        }
        checked
    }

    /// Moves past a pair that cannot be read at all.
    pub fn skip(&mut self) {
        (self.height, self.was_other) = (self.height + 1, false);
        self.accounts.forget();
    }

    fn check_links(
        &self,
        upper: &ContractSlices<'_>,
        lower: &LedgerSlices<'_>,
        contract: &Digest,
    ) -> Result<(), Damage> {
        if *upper.prev != self.contract.0 {
            return Err(Damage::ContractLink);
        }
        if *lower.prev != self.tip.0 {
            return Err(Damage::LedgerLink);
        }
        if *lower.contract != contract.0 {
            return Err(Damage::CrossLink);
        }
        let height = self.height + 1;
        let is_contract = matches!(upper.record, RecordSlices::Contract(_));
        if (is_contract && (upper.version, lower.version) != (VERSION, VERSION))
            || (upper.height, lower.height) != (height, height)
            || upper.time_ms < self.time_ms.0
        {
            return Err(Damage::Sequence);
        }
        Ok(())
    }

    fn settle(
        &mut self,
        deal: &Deal,
        lower: &LedgerSlices<'_>,
        root: &mut dyn FnMut(u64) -> Option<Digest>,
    ) -> Result<(), Damage> {
        if Money::of(Energy(deal.energy), Price(deal.unit_price)) != Ok(deal.amount) {
            return Err(Damage::Entries);
        }
        let pays = deal.amount.checked_neg().ok_or(Damage::Entries)?;
        let [buyer, seller] = lower.entries.ok_or(Damage::Entries)?;
        let expected = [(deal.buyer, pays), (deal.seller, deal.amount)];
        if [(buyer.0, buyer.1), (seller.0, seller.1)] != expected {
            return Err(Damage::Entries);
        }
        for (party, delta, balance) in [buyer, seller] {
            let below = match self.accounts.of(party) {
                Some(below) => below,
                None => balance.checked_sub(delta).ok_or(Damage::Entries)?,
            };
            if below.checked_add(delta) != Some(balance) {
                return Err(Damage::Entries);
            }
        }
        self.accounts.set(buyer.0, buyer.2);
        self.accounts.set(seller.0, seller.2);
        self.check_root(lower, root)
    }

    fn check_root(
        &self,
        lower: &LedgerSlices<'_>,
        root: &mut dyn FnMut(u64) -> Option<Digest>,
    ) -> Result<(), Damage> {
        let height = self.height + 1;
        if !height.is_multiple_of(CHECKPOINT_EVERY) {
            return if lower.checkpoint.is_none() { Ok(()) } else { Err(Damage::Checkpoint) };
        }
        let computed = || (!self.accounts.is_partial).then(|| self.root());
        match root(height).or_else(computed) {
            Some(root) if lower.checkpoint != Some(&root.0) => Err(Damage::Checkpoint),
            // After damage nobody knows all accounts: an unknown root is proven by the next sweep.
            None if lower.checkpoint.is_none() => Err(Damage::Checkpoint),
            Some(_) | None => Ok(()),
        }
    }

    /// Root over all balances.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.accounts.balances().root(&self.community)
    }

    /// A record that is no open contract, read the owned way: it must give the very pair that is
    /// stored.
    fn settle_other(
        &mut self,
        bytes: PairBytes<'_>,
        lower: &LedgerSlices<'_>,
        root: &mut dyn FnMut(u64) -> Option<Digest>,
    ) -> Result<(), Damage> {
        let pair = bytes.decode().ok_or(Damage::Bytes)?;
        if pair.contract.record.sealed().is_some() {
            self.was_other = false;
            return self.settle_sealed(&pair, lower, root);
        }
        if !self.accounts.is_partial {
            let block = &pair.contract;
            let next = self.ledger().next(block.time_ms, block.registry, &block.record);
            if next.map_err(|_| Damage::Record)? != pair {
                return Err(Damage::Entries);
            }
        }
        for entry in &pair.ledger.entries {
            self.accounts.set(entry.party, entry.balance);
        }
        Ok(())
    }

    /// A sealed contract: proven like an open one with its key. Without it the accounts are not known
    /// from here on, until they are seen again.
    fn settle_sealed(
        &mut self,
        pair: &Pair,
        lower: &LedgerSlices<'_>,
        root: &mut dyn FnMut(u64) -> Option<Digest>,
    ) -> Result<(), Damage> {
        let version = pair.contract.record.version();
        if (pair.contract.version, pair.ledger.version) != (version, version) {
            return Err(Damage::Sequence);
        }
        let mut below = Ledger::new(self.community).reading(self.keys.clone());
        below.unread = u64::from(self.accounts.is_partial);
        let entries = below.read(pair);
        // Only the accounts that the entries name are asked for.
        let named = entries.iter().flatten().map(|entry| entry.party);
        below.balances =
            named.filter_map(|party| Some((party, self.accounts.of(party)?))).collect();
        check_entries(&below, pair)?;
        match entries {
            Some(entries) => {
                entries.iter().for_each(|entry| self.accounts.set(entry.party, entry.balance));
            }
            None => self.accounts.forget(),
        }
        self.check_root(lower, root)
    }
}
