//! Batches that wait for their turn, and what is remembered of those that had it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::batch::{Batch, BatchHead, OrderProof};
use crate::block::Order;
use crate::contract::ContractId;
use crate::encode::Encoded;
use crate::terms::{PartyId, Timestamp};

/// Batches that may wait beyond the next one, and applied heads kept as evidence.
pub(super) const BATCHES_KEPT: usize = 256;

/// How often a node is answered with the other batch of one index: it broadcasts what it learned,
/// and answers to answers must end.
const ANSWERS_MAX: u32 = 8;

pub(super) type Head = (Encoded<BatchHead>, OrderProof);

/// Batches that wait, and what came of those that were applied.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) waiting: BTreeMap<u64, Arc<Batch>>,
    pub(super) next: u64,
    /// Items of the next batch that are done with.
    pub(super) done: usize,
    /// Heads of the last applied batches, the newest last.
    heads: VecDeque<Head>,
    settled: BTreeSet<u128>,
    /// Set while items are applied: a certificate that waited may close a height on the way.
    pub(super) is_draining: bool,
    pub(super) timer: Option<Timestamp>,
    /// Whether a batch was refused because it is too far ahead.
    pub(super) is_outrun: bool,
    /// Indices with two batches, and how often who was answered that did not seem to know.
    forked: BTreeMap<u64, BTreeMap<PartyId, u32>>,
    /// The last index that was found far ahead of the clock.
    far_ahead: Option<u64>,
}

impl Queue {
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn is_settled(&self, id: ContractId) -> bool {
        self.settled.contains(&id.short())
    }

    /// A contract is on the chain; its id is used for ever.
    pub(super) fn note_settled(&mut self, id: ContractId) {
        self.settled.insert(id.short());
    }

    /// Takes over a pair from the journal.
    pub(super) fn restore_item(&mut self, id: Option<ContractId>, order: &Order) {
        self.settled.extend(id.map(|id| id.short()));
        self.next = order.head.index;
        self.done = order.position as usize + 1;
    }

    /// Moves past a batch.
    pub(super) fn advance(&mut self, head: Head) {
        self.next = head.0.index + 1;
        self.done = 0;
        if self.heads.len() == BATCHES_KEPT {
            self.heads.pop_front();
        }
        self.heads.push_back(head);
    }

    /// Another head for an index that is already fixed.
    pub(super) fn rival_of(&self, head: &Encoded<BatchHead>) -> Option<Head> {
        let waiting = self.waiting.get(&head.index).map(|b| (b.head.clone(), b.proof.clone()));
        let applied = || self.heads.iter().find(|(known, _)| known.index == head.index).cloned();
        waiting.or_else(applied).filter(|(known, _)| known != head)
    }

    /// Whether later batches wait and the next one is not there.
    pub(super) fn has_gap(&self) -> bool {
        let waits = self.is_outrun || !self.waiting.is_empty();
        waits && !self.waiting.contains_key(&self.next)
    }

    pub(super) fn is_forked(&self, index: u64) -> bool {
        self.forked.contains_key(&index)
    }

    /// Whether `from`, which speaks of one batch of a forked index, is to hear of the other.
    pub(super) fn may_answer(&mut self, index: u64, from: PartyId) -> bool {
        let Some(answered) = self.forked.get_mut(&index) else { return false };
        let times = answered.entry(from).or_default();
        *times += 1;
        *times <= ANSWERS_MAX
    }

    pub(super) fn note_forked(&mut self, index: u64) {
        self.forked.entry(index).or_default();
    }

    /// Whether `index` was not found far ahead before.
    pub(super) fn is_news(&mut self, index: u64) -> bool {
        self.far_ahead.replace(index) != Some(index)
    }

    /// Heads of the last batches, the newest first.
    pub(super) fn recent(&self, most: usize) -> impl Iterator<Item = &Head> {
        self.heads.iter().rev().take(most)
    }

    /// What was too far ahead is being looked for.
    pub(super) fn forget_gap(&mut self) {
        self.is_outrun = false;
    }

    /// Whether a pair ordered so comes after what is done.
    pub(super) fn may_follow(&self, order: &Order) -> bool {
        (order.head.index, order.position as usize) >= (self.next, self.done)
    }

    /// Moves past the item of a pair that was closed elsewhere; batches before its own are over.
    pub(super) fn move_to(&mut self, order: &Order) {
        self.next = order.head.index;
        self.done = order.position as usize + 1;
        self.waiting.retain(|index, _| *index >= order.head.index);
    }

    /// Moves past the batch if nothing more is in it: then its head.
    pub(super) fn finish(&mut self, order: &Order) -> Option<Head> {
        if self.done < order.head.items.len() {
            return None;
        }
        self.waiting.remove(&order.head.index);
        let head = (order.head.clone(), order.proof.clone());
        self.advance(head.clone());
        Some(head)
    }
}
