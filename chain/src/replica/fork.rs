//! A sequencer that signs two batches for one index, or goes back in time, cannot forge a pair; it
//! can only make honest nodes differ. Then each tells the other what it followed, and with both
//! batches in hand every node stops and has the evidence (protocol 8.3).

use super::queue::{BATCHES_KEPT, Head};
use super::{Alarm, Audience, Effect, Replica, Step};
use crate::batch::Batch;
use crate::fault::Fault;
use crate::message::Message;
use crate::refusal::Refusal;
use crate::terms::PartyId;

/// Newest heads told to a voter that followed another order, nobody knows since when.
const HEADS_TOLD: usize = 16;
/// How far ahead of the clock a batch is worth an alarm, in ms: no clocks differ by so much.
const ALARMING_MS: u64 = 60_000;

impl Replica {
    /// What another node followed.
    pub(super) fn on_order(&mut self, from: PartyId, head: Head, step: &mut Step<'_>) {
        if self.registry().member(from).is_none() {
            return step.refuse(None, Some(from), Refusal::NotAMember(from));
        }
        let Some(rival) = self.queue.rival_of(&head.0) else { return };
        if self.queue.may_answer(head.0.index, from) {
            let (head, proof) = rival;
            return step.send(from, Message::Order { head, proof });
        }
        self.on_rival(rival, head, step);
    }

    /// Two batches for one index: evidence, if both are signed, and the end of settling here. All
    /// others are told of both, once.
    pub(super) fn on_rival(&mut self, rival: Head, other: Head, step: &mut Step<'_>) {
        let index = other.0.index;
        if self.queue.is_forked(index) {
            return;
        }
        let fault = Fault::DoubleBatch(rival.clone(), other.clone());
        if !fault.is_proven(&self.community, &self.registries, step.verdicts) {
            return step.refuse(None, None, Refusal::OrderUnproven);
        }
        self.queue.note_forked(index);
        step.emit(Effect::Fault(Box::new(fault)));
        for (head, proof) in [rival, other] {
            let message = Message::Order { head, proof };
            step.emit(Effect::Broadcast { to: Audience::Members, message });
        }
        if !self.halted {
            self.halt(Alarm::OrderForked { index }, step);
        }
    }

    /// A voter signed another ledger at `height`: it may have followed another order, there or in a
    /// batch before, whose items moved its heights.
    pub(super) fn tell_order(&self, to: PartyId, height: u64, step: &mut Step<'_>) {
        let Some((_, proof)) = self.heights.get(height) else { return };
        if to == self.me {
            return;
        }
        let here = (proof.order.head.clone(), proof.order.proof.clone());
        let before = self.queue.recent(BATCHES_KEPT).filter(|(h, _)| h.index < here.0.index);
        for (head, proof) in before.take(HEADS_TOLD).chain([&here]) {
            step.send(to, Message::Order { head: head.clone(), proof: proof.clone() });
        }
    }

    /// Voters speak of heights that this node does not reach: the batches it followed may not be
    /// theirs.
    pub(super) fn tell_recent_order(&self, step: &mut Step<'_>) {
        for voter in self.heights.ahead().filter(|voter| *voter != self.me) {
            for (head, proof) in self.queue.recent(HEADS_TOLD) {
                let (head, proof) = (head.clone(), proof.clone());
                step.send(voter, Message::Order { head, proof });
            }
        }
    }

    /// The next batch is dated before what is settled.
    pub(super) fn on_backwards(&mut self, batch: &Batch, step: &mut Step<'_>) {
        step.refuse(None, None, Refusal::TimeBackwards);
        let Some(below) = self.queue.recent(1).next().cloned() else { return };
        let fault = Fault::BackwardsBatch(below, (batch.head.clone(), batch.proof.clone()));
        if fault.is_proven(&self.community, &self.registries, step.verdicts) {
            step.emit(Effect::Fault(Box::new(fault)));
            self.halt(Alarm::OrderBackwards { index: batch.index() }, step);
        }
    }

    /// The next batch is not due yet.
    pub(super) fn on_ahead(&mut self, batch: &Batch, step: &mut Step<'_>) {
        let (index, ahead_ms) = (batch.index(), batch.time_ms().ms_since(step.now));
        if ahead_ms > ALARMING_MS && self.queue.is_news(index) {
            step.emit(Effect::Alarm(Alarm::OrderAhead { index, ahead_ms }));
        }
    }
}
