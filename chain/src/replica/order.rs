//! Order: batches in, pairs out. The only place that changes balances (protocol 8.3, 8.4).
//!
//! Whether an item becomes a pair depends on the chain and the item alone, never on this node's
//! clock or votes, so every node skips the same items.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::approval::check_members;
use super::queue::BATCHES_KEPT;
use super::{Effect, Replica, Step, Timer};
use crate::ballot::check_approved;
use crate::batch::{Approved, Batch, OrderProof, is_ordered};
use crate::block::{Order, Proof};
use crate::contract::{ContractBody, ContractId};
use crate::digest::Digest;
use crate::journal::JournalEntry;
use crate::ledger::Ledger;
use crate::refusal::Refusal;
use crate::registry::Registries;
use crate::sign::Verdicts;
use crate::terms::Timestamp;

impl Replica {
    pub(super) fn on_batch(&mut self, batch: Arc<Batch>, step: &mut Step<'_>) {
        let index = batch.index();
        if let Some(rival) = self.queue.rival_of(&batch.head) {
            let other = (batch.head.clone(), batch.proof.clone());
            return self.on_rival(rival, other, step);
        }
        if self.halted || index < self.queue.next || self.queue.waiting.contains_key(&index) {
            return;
        }
        if index != self.queue.next {
            self.suspect_gap(step);
        }
        if index - self.queue.next > BATCHES_KEPT as u64 {
            self.queue.is_outrun = true;
            return step.refuse(None, None, Refusal::BatchGap { expected: self.queue.next });
        }
        match self.check_batch(&batch, step.verdicts) {
            Ok(()) => {
                self.queue.waiting.insert(index, batch);
                self.drain(step);
            }
            Err(reason) => step.refuse(None, None, reason),
        }
    }

    /// Whether the sequencer fixed exactly these items.
    fn check_batch(&self, batch: &Batch, verdicts: &dyn Verdicts) -> Result<(), Refusal> {
        if matches!(batch.proof, OrderProof::Engine { .. }) {
            return Err(Refusal::Unsupported);
        }
        self.check_shape(batch)?;
        let ordering = self.registries.of_batch(batch.index());
        if !is_ordered(&batch.head, &batch.proof, &self.community, ordering, verdicts) {
            return Err(Refusal::OrderUnproven);
        }
        Ok(())
    }

    /// Whether the items are those of the head, and not too many.
    fn check_shape(&self, batch: &Batch) -> Result<(), Refusal> {
        let limit = self.genesis.limits.batch_bytes;
        if batch.len() > limit as usize {
            return Err(Refusal::TooLarge { limit });
        }
        let digests = batch.items.iter().map(|item| item.record.digest(&self.community));
        if !digests.eq(batch.head.items.iter().copied()) {
            return Err(Refusal::BatchMismatch);
        }
        Ok(())
    }

    fn check_time(&self, batch: &Batch, now: Timestamp) -> Result<(), Refusal> {
        if batch.time_ms() < self.ledger.time_ms {
            return Err(Refusal::TimeBackwards);
        }
        let limit_ms = self.params.ahead_max_ms;
        if batch.time_ms() > now.after_ms(limit_ms) {
            return Err(Refusal::TimeAhead { limit_ms });
        }
        Ok(())
    }

    /// Whether this batch could be applied next, and the tip it would give; changes nothing and
    /// may be asked for batches that are never decided (protocol 8.9). Its proof is not looked at:
    /// a proposal has none yet.
    ///
    /// # Errors
    /// The first [`Refusal`] of the batch's place, size, head or time, or of an item;
    /// [`Refusal::Halted`] from a node that settles nothing.
    pub fn check(
        &self,
        now: Timestamp,
        batch: &Batch,
        verdicts: &dyn Verdicts,
    ) -> Result<Digest, Refusal> {
        if self.halted || !self.repair.is_idle() {
            return Err(Refusal::Halted);
        }
        if batch.index() != self.queue.next || self.queue.done > 0 {
            return Err(Refusal::BatchGap { expected: self.queue.next });
        }
        self.check_shape(batch)?;
        self.check_time(batch, now)?;
        let (mut ledger, mut registries) = (self.ledger.clone(), self.registries.clone());
        let mut seen = BTreeSet::new();
        for item in &batch.items {
            let item = &self.opened_item(item)?;
            let height = ledger.height + 1;
            let id = self.check_item(item, batch.time_ms(), height, &registries, verdicts)?;
            if !seen.insert(id) {
                return Err(Refusal::UsedId);
            }
            let version = registries.current().version();
            let pair = ledger.next(batch.time_ms(), version, &item.record)?;
            ledger.push(&Arc::new(pair));
            if let Some(change) = item.record.membership() {
                registries.enact(height, batch.index(), change)?;
            }
        }
        Ok(ledger.tip)
    }

    /// Applies every waiting batch whose turn has come, as far as ledger votes allow: the only
    /// door that changes balances (protocol 8.9).
    pub(super) fn drain(&mut self, step: &mut Step<'_>) {
        if !self.queue.is_draining {
            self.queue.is_draining = true;
            self.drain_all(step);
            self.queue.is_draining = false;
        }
    }

    fn drain_all(&mut self, step: &mut Step<'_>) {
        while !self.halted
            && self.repair.is_idle()
            && let Some(batch) = self.queue.waiting.get(&self.queue.next).cloned()
        {
            match self.check_time(&batch, step.now) {
                Ok(()) => {}
                Err(Refusal::TimeAhead { limit_ms }) => {
                    let due = Timestamp(batch.time_ms().0.saturating_sub(limit_ms));
                    self.on_ahead(&batch, step);
                    return self.timers.set(&mut self.queue.timer, Some(due), Timer::Batch);
                }
                Err(_) => {
                    self.queue.waiting.remove(&batch.index());
                    return self.on_backwards(&batch, step);
                }
            }
            if !self.apply(&batch, step) {
                return;
            }
        }
    }

    /// Applies the rest of `batch`; false when further items must wait for ledger votes.
    fn apply(&mut self, batch: &Arc<Batch>, step: &mut Step<'_>) -> bool {
        while let Some(item) = batch.items.get(self.queue.done) {
            let ahead = self.ledger.height - self.heights.closed();
            if ahead >= u64::from(self.genesis.limits.heights_ahead) {
                return false;
            }
            let item = match self.opened_item(item) {
                Ok(item) => item,
                Err(Refusal::NoKey { number }) => {
                    self.want_key(number, step);
                    return false;
                }
                Err(_) => Arc::clone(item),
            };
            let position = self.queue.done;
            self.queue.done += 1;
            if let Err(reason) = self.append(batch, &item, position, step) {
                let id = item.record.contract_id();
                step.refuse(id, None, reason);
            }
        }
        let (index, time_ms) = (batch.index(), batch.time_ms());
        let (head, proof) = (batch.head.clone(), batch.proof.clone());
        self.queue.waiting.remove(&index);
        self.queue.advance((head.clone(), proof.clone()));
        self.ledger.time_ms = time_ms;
        step.emit(Effect::Record(JournalEntry::Applied { head, proof }));
        self.lapse(time_ms, step);
        step.emit(Effect::Advanced { index, time_ms });
        true
    }

    fn append(
        &mut self,
        batch: &Batch,
        item: &Approved,
        position: usize,
        step: &mut Step<'_>,
    ) -> Result<(), Refusal> {
        let (time_ms, height) = (batch.time_ms(), self.ledger.height + 1);
        let id = self.check_item(item, time_ms, height, &self.registries, step.verdicts)?;
        let pair = self.ledger.next(time_ms, self.registry().version(), &item.record)?;
        let pair = step.verdicts.share_pair(Arc::new(pair));
        let position = u32::try_from(position).map_err(|_| Refusal::BatchMismatch)?;
        let proof = Proof {
            approvals: item.approvals.clone(),
            ledger_votes: None,
            order: Order { head: batch.head.clone(), position, proof: batch.proof.clone() },
        };
        self.ledger.push(&pair);
        let proof = step.verdicts.share_proof(&self.ledger.tip, Arc::new(proof));
        if item.record.body().is_some() {
            self.queue.note_settled(id);
        }
        let (kept, beside) = (Arc::clone(&pair), Arc::clone(&proof));
        step.emit(Effect::Record(JournalEntry::Pair { pair: kept, proof: beside }));
        let (kept, beside) = (Arc::clone(&pair), Arc::clone(&proof));
        step.emit(Effect::Appended { pair: kept, proof: beside });
        self.close_ask(id);
        if item.record.body().is_some_and(|body| self.serves(body)) {
            step.emit(Effect::Settled { contract_id: id, height: pair.height() });
        }
        self.open_height(Arc::clone(&pair), Arc::clone(&proof), step);
        self.follow(&pair, &proof, step);
        Ok(())
    }

    /// Whether somebody it speaks for is a party of this contract.
    pub(super) fn serves(&self, body: &ContractBody) -> bool {
        self.params.serves_all || body.is_between(self.me)
    }

    /// Whether an item may be settled at chain time `time_ms`. A record ordered after its
    /// `valid_until` is refused by every node, and so is one of somebody who is no member any more.
    pub(super) fn check_item(
        &self,
        item: &Approved,
        time_ms: Timestamp,
        height: u64,
        registries: &Registries,
        verdicts: &dyn Verdicts,
    ) -> Result<ContractId, Refusal> {
        self.check_seal(&item.record, registries.seals_at(height))?;
        if let Some(body) = item.record.body() {
            body.check(&self.genesis, &self.community)?;
            check_members(body, time_ms, registries.at(height))?;
            if time_ms > body.valid_until {
                return Err(Refusal::Expired);
            }
            if self.queue.is_settled(body.contract_id) {
                return Err(Refusal::UsedId);
            }
        }
        if let Some(change) = item.record.membership() {
            self.check_grounds(change)?;
        }
        check_approved(&item.record, &item.approvals, height, registries, verdicts)
    }

    /// The state from which the next pair follows.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }
}
