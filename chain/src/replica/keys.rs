//! Keys: how group keys are made, travel and are waited for (protocol 8.8).
//!
//! The sequencer makes one when somebody was taken away and hands all of them to newcomers. Whoever
//! meets a key it does not have asks for the letter and waits; nothing is judged unread.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Alarm, Audience, Effect, Replica, Step, Timer, back_off};
use crate::batch::Approved;
use crate::block::{Pair, Proof, Record};
use crate::contract::SignedContract;
use crate::encode::Encoded;
use crate::fault::Fault;
use crate::journal::JournalEntry;
use crate::keyring::{KeyLetter, Keyring, Keys};
use crate::message::Message;
use crate::refusal::Refusal;
use crate::registry::RegistryVersion;
use crate::seal::{Drawn, GroupKey, KeyNumber};
use crate::sealed::SealedContract;
use crate::sign::Signature;
use crate::statement::Statement;
use crate::terms::{PartyId, Timestamp};

/// A letter's name: number of its key, version whose sequencer signs it.
type Name = (KeyNumber, RegistryVersion);

/// Letters that came or were made, and what waits for others.
#[derive(Debug, Default)]
pub(super) struct Letters {
    kept: BTreeMap<Name, Arc<KeyLetter>>,
    /// Numbers under which two keys were signed.
    forked: BTreeSet<KeyNumber>,
    /// Letters this node makes: with the key once it is drawn.
    making: BTreeMap<Name, Option<GroupKey>>,
    /// Own contracts that cannot be sealed yet.
    unsealed: Vec<SignedContract>,
    wanted: BTreeSet<KeyNumber>,
    round: u32,
    timer: Option<Timestamp>,
}

impl Letters {
    /// Its timer has gone off.
    pub(super) fn clear_timer(&mut self) {
        self.timer = None;
    }

    /// Takes over a letter that was found sound; false where it names another key than one kept before.
    pub(super) fn keep(&mut self, letter: Arc<KeyLetter>) -> bool {
        if self.rival_of(&letter).is_some() {
            self.forked.insert(letter.number());
            return false;
        }
        self.kept.insert(letter.name(), letter);
        true
    }

    /// Numbers under which two keys were signed, ascending.
    pub(super) fn forked(&self) -> impl Iterator<Item = KeyNumber> + '_ {
        self.forked.iter().copied()
    }

    /// A letter kept that names another key under the same number.
    fn rival_of(&self, letter: &KeyLetter) -> Option<&Arc<KeyLetter>> {
        let number = letter.number();
        let of_number = self.kept.range((number, 0)..=(number, RegistryVersion::MAX));
        of_number.map(|(_, kept)| kept).find(|kept| kept.is_rival_of(letter))
    }
}

impl Replica {
    /// What this node can read.
    #[must_use]
    pub fn keys(&self) -> &Keyring {
        &self.ledger.keys
    }

    /// The group key that seals at the next height.
    fn number(&self) -> KeyNumber {
        self.registries.seals_at(self.ledger.height + 1)
    }

    /// Draws every key and wraps every letter that is this node's to make and is not there.
    pub(super) fn make_keys(&mut self, step: &mut Step<'_>) {
        if !self.params.seals {
            return;
        }
        let mut missing = Vec::new();
        for registry in self.registries.newest_first().filter(|r| r.sequencer() == self.me) {
            let version = registry.version();
            let before = version.checked_sub(1).and_then(|v| self.registries.version(v));
            let has_new = registry.gained(before.map(|before| &**before)).next().is_some();
            let may_have = |n: &KeyNumber| *n == version || (*n < version && has_new);
            let is_held = |n: &KeyNumber| *n == version || self.keys().group(*n).is_some();
            let numbers = self.registries.seal_numbers().filter(may_have).filter(is_held);
            missing.extend(numbers.map(|number| (number, version)));
        }
        for name in missing {
            let is_there = self.letters.kept.contains_key(&name);
            if !is_there && self.letters.making.insert(name, None).is_none() {
                let (number, registry) = name;
                step.emit(Effect::DrawKey { number, registry });
            }
        }
    }

    pub(super) fn on_drawn(&mut self, name: Name, drawn: &Drawn, step: &mut Step<'_>) {
        let (number, version) = name;
        let Some(registry) = self.registries.version(version) else { return };
        if !matches!(self.letters.making.get(&name), Some(None)) {
            return;
        }
        let key = self.keys().group(number).unwrap_or(&drawn.group).clone();
        let before = version.checked_sub(1).and_then(|v| self.registries.version(v));
        let before = before.filter(|_| number != version).map(|before| &**before);
        let members = registry.gained(before).map(|member| (member.id, member.seal_key));
        let commitment = key.commitment(&self.community, number);
        let wrapped = key.wrap(&self.community, number, drawn.ephemeral.bytes(), members);
        self.letters.making.insert(name, Some(key));
        let keys = Encoded::new(Keys { registry: version, commitment, wrapped });
        step.emit(Effect::Sign(Statement::Keys(keys)));
    }

    pub(super) fn on_own_letter(
        &mut self,
        keys: &Encoded<Keys>,
        signature: Signature,
        step: &mut Step<'_>,
    ) {
        let letter = Arc::new(KeyLetter { keys: keys.clone(), signature });
        let Some(Some(key)) = self.letters.making.remove(&letter.name()) else { return };
        if !self.letters.keep(Arc::clone(&letter)) {
            return step.refuse(None, None, Refusal::OtherKey { number: letter.number() });
        }
        step.emit(Effect::Record(JournalEntry::Keys(Arc::clone(&letter))));
        let message = Message::Keys(Arc::clone(&letter));
        step.emit(Effect::Broadcast { to: Audience::Members, message });
        self.on_key(letter.number(), Some(key), step);
    }

    pub(super) fn on_keys(&mut self, from: PartyId, letter: Arc<KeyLetter>, step: &mut Step<'_>) {
        let (number, name) = (letter.number(), letter.name());
        let rival = self.letters.rival_of(&letter).cloned();
        if rival.is_some() || !self.letters.kept.contains_key(&name) {
            if self.letters.forked.contains(&number) {
                return;
            }
            if self.registries.version(letter.keys.registry).is_none() {
                return step.refuse(None, Some(from), Refusal::UnknownRegistry);
            }
            if !letter.is_sound(&self.registries, step.verdicts) {
                return step.refuse(None, Some(from), Refusal::NotSequencer);
            }
            if let Some(rival) = rival {
                return self.on_two_keys(from, rival, letter, step);
            }
            self.letters.keep(Arc::clone(&letter));
            step.emit(Effect::Record(JournalEntry::Keys(letter)));
        }
        // The one that was found sound, whatever came under its name now.
        if self.keys().group(number).is_none()
            && let Some(letter) = self.letters.kept.get(&name).filter(|kept| kept.is_for(self.me))
        {
            step.emit(Effect::Unwrap(Arc::clone(letter)));
        }
    }

    /// Two sound letters name two keys under one number: evidence, if one sequencer signed both, and
    /// the end of sealing and settling here. All others are told of both, once; the second is written
    /// down too, so that the next life knows.
    fn on_two_keys(
        &mut self,
        from: PartyId,
        rival: Arc<KeyLetter>,
        letter: Arc<KeyLetter>,
        step: &mut Step<'_>,
    ) {
        let number = letter.number();
        let both = [&rival, &letter].map(|letter| Box::new(KeyLetter::clone(letter)));
        let [one, other] = both;
        let fault = Fault::TwoKeys(one, other);
        if !fault.is_proven(&self.community, &self.registries, step.verdicts) {
            return step.refuse(None, Some(from), Refusal::OtherKey { number });
        }
        self.letters.keep(Arc::clone(&letter));
        step.emit(Effect::Record(JournalEntry::Keys(Arc::clone(&letter))));
        step.emit(Effect::Fault(Box::new(fault)));
        for letter in [rival, letter] {
            let message = Message::Keys(letter);
            step.emit(Effect::Broadcast { to: Audience::Members, message });
        }
        if !self.halted {
            self.halt(Alarm::KeysForked { number }, step);
        }
    }

    /// A key came out of a letter, or none did.
    pub(super) fn on_key(&mut self, number: KeyNumber, key: Option<GroupKey>, step: &mut Step<'_>) {
        let Some(key) = key else {
            return step.refuse(None, None, Refusal::NoKey { number });
        };
        self.ledger.keys.add(number, key);
        self.letters.wanted.remove(&number);
        if self.letters.wanted.is_empty() {
            self.timers.set(&mut self.letters.timer, None, Timer::Keys);
        }
        step.emit(Effect::Reads(self.keys().clone()));
        for contract in std::mem::take(&mut self.letters.unsealed) {
            self.on_publish(contract, step);
        }
        self.make_keys(step);
        self.drain(step);
    }

    pub(super) fn on_keys_request(&self, from: PartyId, number: KeyNumber, step: &mut Step<'_>) {
        let letters = self.letters.kept.range((number, 0)..=(number, RegistryVersion::MAX));
        for (_, letter) in letters.filter(|(_, letter)| letter.is_for(from)) {
            step.send(from, Message::Keys(Arc::clone(letter)));
        }
    }

    /// Asks for a key until it is here.
    pub(super) fn want_key(&mut self, number: KeyNumber, step: &mut Step<'_>) {
        let is_mine = self.letters.making.keys().any(|(making, _)| *making == number);
        let is_here = self.keys().group(number).is_some();
        if !is_here && !is_mine && self.letters.wanted.insert(number) {
            self.letters.round = 0;
            self.ask_for_keys(step);
        }
    }

    /// The sequencer is asked first, then one voter after another.
    pub(super) fn ask_for_keys(&mut self, step: &mut Step<'_>) {
        if self.letters.wanted.is_empty() {
            return self.timers.set(&mut self.letters.timer, None, Timer::Keys);
        }
        let (registry, round) = (self.registries.current(), self.letters.round);
        let sequencer = Some(registry.sequencer()).filter(|to| *to != self.me);
        let others = registry.voters().iter().copied().filter(|voter| *voter != self.me);
        let mut whom: Vec<_> = sequencer.into_iter().chain(others).collect();
        whom.dedup();
        if let Some(to) = whom.get(round as usize % whom.len().max(1)) {
            for number in &self.letters.wanted {
                step.send(*to, Message::KeysRequest { number: *number });
            }
        }
        let at = step.now.after_ms(back_off(self.params.resend_ms, round));
        self.letters.round = round.saturating_add(1);
        self.timers.set(&mut self.letters.timer, Some(at), Timer::Keys);
    }

    /// The record in which `contract` is put on the chain; none while its key is not here.
    pub(super) fn record_of(
        &mut self,
        contract: SignedContract,
        step: &mut Step<'_>,
    ) -> Option<Encoded<Record>> {
        if !self.params.seals {
            return Some(Encoded::new(Record::Contract(contract)));
        }
        let number = self.number();
        if self.letters.forked.contains(&number) {
            step.refuse(None, None, Refusal::Halted);
            return None;
        }
        if self.keys().group(number).is_none() {
            if !self.letters.unsealed.contains(&contract) {
                self.letters.unsealed.push(contract);
            }
            self.want_key(number, step);
            return None;
        }
        match SealedContract::seal(contract, number, &self.community, self.keys()) {
            Ok(sealed) => Some(Encoded::new(Record::Sealed(sealed))),
            Err(reason) => {
                step.refuse(None, None, reason);
                None
            }
        }
    }

    /// The record as this node reads it, whatever somebody else read of it.
    pub(super) fn opened(&self, record: &Encoded<Record>) -> Result<Encoded<Record>, Refusal> {
        record.opened(&self.community, self.keys())
    }

    /// Whether a record may be settled at a height with this key: sealed under the one in force, and
    /// what it is said to be.
    pub(super) fn check_seal(&self, record: &Record, expected: KeyNumber) -> Result<(), Refusal> {
        match record.sealed() {
            Some(sealed) if sealed.key != expected => Err(Refusal::OldKey { expected }),
            Some(sealed) if sealed.contract().is_none() => Err(Refusal::SealBroken),
            Some(_) | None => Ok(()),
        }
    }

    /// The item as this node reads it; one that cannot be read is itself, for the check to refuse.
    ///
    /// # Errors
    /// [`Refusal::NoKey`] where it will be readable once the key in force is here.
    pub(super) fn opened_item(&self, item: &Arc<Approved>) -> Result<Arc<Approved>, Refusal> {
        if item.record.sealed().is_none() {
            return Ok(Arc::clone(item));
        }
        match self.opened(&item.record) {
            Ok(record) => Ok(Arc::new(Approved { record, approvals: item.approvals.clone() })),
            Err(Refusal::NoKey { number }) if number == self.number() => {
                Err(Refusal::NoKey { number })
            }
            Err(_) => {
                // A view that came with it is nobody's word.
                let record = Encoded::from_bytes(item.record.bytes());
                let record = record.map_err(|_| Refusal::SealBroken)?;
                Ok(Arc::new(Approved { record, approvals: item.approvals.clone() }))
            }
        }
    }

    /// Pairs of a peer as this node reads them, up to the first whose key is not here: that key is
    /// asked for, and the rest another time.
    pub(super) fn opened_pairs(
        &mut self,
        pairs: Vec<(Arc<Pair>, Arc<Proof>)>,
        step: &mut Step<'_>,
    ) -> Vec<(Arc<Pair>, Arc<Proof>)> {
        let mut opened = Vec::with_capacity(pairs.len());
        for (pair, proof) in pairs {
            if pair.contract.record.sealed().is_none() {
                opened.push((pair, proof));
                continue;
            }
            match pair.opened(&self.community, self.keys()) {
                Ok(pair) => opened.push((Arc::new(pair), proof)),
                Err(Refusal::NoKey { number }) => {
                    self.want_key(number, step);
                    break;
                }
                // What does not fit is judged by whoever checks the copy.
                Err(_) => opened.push((pair, proof)),
            }
        }
        opened
    }
}
