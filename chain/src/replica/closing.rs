//! Closing: certificates, heights that are late, and ranges of closed pairs (protocol 8.4, steps
//! 4 to 6). Late heights draw again and ask who already knows.

use std::sync::Arc;

use super::settle::Own;
use super::{Alarm, Audience, Effect, Replica, Step, Timer, back_off};
use crate::ballot::check_votes;
use crate::block::{Pair, Proof, Votes};
use crate::digest::Digest;
use crate::encode::Encoded;
use crate::journal::JournalEntry;
use crate::message::{Message, RANGE_BYTES_MAX};
use crate::refusal::Refusal;
use crate::statement::Statement;
use crate::terms::PartyId;

impl Replica {
    /// A pair with its proof as far as it is known; `None` above the last height or at 0.
    #[must_use]
    pub fn pair(&self, height: u64) -> Option<&(Arc<Pair>, Arc<Proof>)> {
        self.heights.get(height)
    }

    pub(super) fn decide_ledger(&mut self, height: u64, ledger: Digest, step: &mut Step<'_>) {
        let counting = self.registries.at(height);
        let registry = counting.version();
        let Some(open) = self.heights.open.get_mut(&height) else { return };
        if open.tally.count(&ledger) < counting.quorum() {
            return;
        }
        let message = Statement::Ledger { height, ledger, registry }.digest(&self.community);
        let Some(votes) =
            open.tally.decide(&ledger, &message, counting, counting.quorum(), step.verdicts)
        else {
            return;
        };
        if !self.is_all_to_all() {
            let message = Message::Certified { height, ledger, votes: votes.clone() };
            step.emit(Effect::Broadcast { to: Audience::Members, message });
        }
        self.close(height, ledger, votes, step);
    }

    pub(super) fn on_certified(
        &mut self,
        from: PartyId,
        height: u64,
        ledger: Digest,
        votes: Encoded<Votes>,
        step: &mut Step<'_>,
    ) {
        let is_open = self.heights.open.contains_key(&height);
        let ahead = height.saturating_sub(self.ledger.height);
        if ahead > 0 {
            self.suspect_gap(step);
        }
        if !is_open && (ahead == 0 || ahead > u64::from(self.genesis.limits.heights_ahead)) {
            return;
        }
        let registry = votes.registry;
        let message = Statement::Ledger { height, ledger, registry }.digest(&self.community);
        if !check_votes(&votes, &message, self.registries.at(height), step.verdicts) {
            return step.refuse(None, Some(from), Refusal::NotApproved);
        }
        if is_open {
            self.close(height, ledger, votes, step);
        } else {
            self.heights.certified.insert(height, (from, ledger, votes));
        }
    }

    /// A quorum signed `ledger` at `height`; the votes are verified.
    pub(super) fn close(
        &mut self,
        height: u64,
        ledger: Digest,
        votes: Encoded<Votes>,
        step: &mut Step<'_>,
    ) {
        if self.ledger_hash(height) != Some(ledger) {
            // A damaged copy says nothing about what this node computed.
            if !self.halted && !self.repair.wants(height) {
                self.halt(Alarm::Diverged { height }, step);
                votes.signatures.iter().for_each(|(v, _)| self.tell_order(*v, height, step));
            }
            return;
        }
        let Some(mut open) = self.heights.open.remove(&height) else { return };
        self.timers.set(&mut open.timer, None, Timer::Height(height));
        let Some(proof) = self.heights.set_votes(height, votes.clone()) else { return };
        *proof = step.verdicts.share_proof(&ledger, Arc::clone(proof));
        let proof = Arc::clone(proof);
        step.emit(Effect::Record(JournalEntry::Closed { height, votes }));
        step.emit(Effect::Closed { height, proof });
        self.drain(step);
    }

    pub(super) fn arm_height(&mut self, height: u64, step: &Step<'_>) {
        let Some(open) = self.heights.open.get_mut(&height) else { return };
        let resend = step.now.after_ms(back_off(self.params.resend_ms, open.round));
        let at = match open.collecting {
            Some(_) => open.deadline.min(resend),
            None => open.deadline,
        };
        self.timers.set(&mut open.timer, Some(at), Timer::Height(height));
    }

    pub(super) fn on_height_late(&mut self, height: u64, step: &mut Step<'_>) {
        let Some(open) = self.heights.open.get_mut(&height) else { return };
        if step.now < open.deadline {
            open.round += 1;
            if let (Some(attempt), Own::Given(vote)) = (open.collecting, &open.own) {
                let vote = *vote;
                let silent =
                    self.registries.at(height).voters().iter().filter(|v| !open.tally.has(**v));
                for voter in silent.filter(|voter| **voter != self.me) {
                    step.send(*voter, Message::LedgerProposal { vote, attempt });
                }
            }
            return self.arm_height(height, step);
        }
        open.attempt = open.attempt.saturating_add(1);
        open.deadline = step.now.after_ms(self.params.ledger_timeout_ms);
        let attempt = open.attempt;
        if attempt as usize == self.registries.at(height).voters().len() {
            step.emit(Effect::Alarm(Alarm::NoQuorum { height, attempts: attempt }));
        }
        self.draw_again(height, attempt, step);
        self.arm_height(height, step);
    }

    /// The next drawn voter proposes; everybody else asks it whether the pair is closed already.
    fn draw_again(&mut self, height: u64, attempt: u32, step: &mut Step<'_>) {
        match self.broadcaster(height, attempt) {
            Some(drawn) if drawn == self.me => self.propose(height, attempt, step),
            Some(drawn) => step.send(drawn, Message::RangeRequest { from: height, to: height }),
            None => {}
        }
    }

    pub(super) fn settle_again_all(&mut self, step: &mut Step<'_>) {
        let open: Vec<u64> = self.heights.open.keys().copied().collect();
        for height in open {
            if let Some(open) = self.heights.open.get_mut(&height) {
                open.deadline = step.now.after_ms(self.params.ledger_timeout_ms);
            }
            self.draw_again(height, 0, step);
            self.arm_height(height, step);
        }
    }

    pub(super) fn tell_certificate(&self, to: PartyId, height: u64, step: &mut Step<'_>) {
        let Some((pair, proof)) = self.heights.get(height) else { return };
        if let Some(votes) = proof.ledger_votes.clone() {
            let ledger = pair.ledger.digest(&self.community);
            step.send(to, Message::Certified { height, ledger, votes });
        }
    }

    pub(super) fn on_range_request(&self, from: PartyId, first: u64, to: u64, step: &mut Step<'_>) {
        let mut room = RANGE_BYTES_MAX;
        let mut pairs = Vec::new();
        for height in first.max(1)..=to.min(self.ledger.height) {
            let Some((pair, proof)) = self.heights.get(height) else { break };
            let Some(votes) = &proof.ledger_votes else { break };
            if self.repair.wants(height) {
                break;
            }
            let beside = votes.bytes().len() + proof.approvals.bytes().len();
            let order = proof.order.head.bytes().len();
            match room.checked_sub(pair.len() + beside + order) {
                Some(left) => room = left,
                None if pairs.is_empty() => room = 0,
                None => break,
            }
            pairs.push((Arc::clone(pair), Arc::clone(proof)));
        }
        // An empty answer says that this node has no good copy of its own.
        if !pairs.is_empty() || self.repair.wants(first) {
            step.send(from, Message::Range(pairs));
        }
    }

    pub(super) fn on_range(
        &mut self,
        from: PartyId,
        pairs: Vec<(Arc<Pair>, Arc<Proof>)>,
        step: &mut Step<'_>,
    ) {
        if self.repair.is_answer(from, &pairs) {
            return self.on_copies(from, pairs, step);
        }
        if self.is_missed(from, &pairs) {
            return self.on_missed(from, pairs, step);
        }
        for (pair, proof) in pairs {
            let height = pair.height();
            if let Some(votes) = proof.ledger_votes.clone()
                && self.heights.open.contains_key(&height)
            {
                let ledger = pair.ledger.digest(&self.community);
                self.on_certified(from, height, ledger, votes, step);
            }
        }
    }
}
