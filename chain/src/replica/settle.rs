//! Settling: ledger votes per height, the drawn broadcaster, certificates (protocol 8.4).
//!
//! A node signs its own result only, once per height, whoever spoke. The broadcaster collects and
//! hands on a proof; it has no power. Late heights draw again and ask who already knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Alarm, Audience, Effect, Replica, Step, Timer, back_off};
use crate::ballot::{Heard, Tally, check_votes};
use crate::block::{Pair, Proof, Votes};
use crate::digest::Digest;
use crate::encode::Encoded;
use crate::fault::Fault;
use crate::journal::JournalEntry;
use crate::lottery;
use crate::message::{Message, RANGE_BYTES_MAX};
use crate::refusal::Refusal;
use crate::statement::{LedgerVote, Statement};
use crate::terms::{PartyId, Timestamp};

/// This node's own vote at an open height.
#[derive(Debug, Default)]
enum Own {
    #[default]
    None,
    /// With the key holder.
    Signing,
    Given(LedgerVote),
}

/// A height without a quorum of ledger votes.
#[derive(Debug, Default)]
struct Open {
    own: Own,
    /// Broadcasters that wait for this node's vote.
    owed: Vec<PartyId>,
    /// The attempt for which this node was drawn and collects.
    collecting: Option<u32>,
    tally: Tally<Digest>,
    attempt: u32,
    deadline: Timestamp,
    round: u32,
    timer: Option<Timestamp>,
}

/// All pairs, and the heights still open.
#[derive(Debug, Default)]
pub(super) struct Heights {
    pairs: Vec<(Arc<Pair>, Arc<Proof>)>,
    open: BTreeMap<u64, Open>,
    /// Valid certificates and proposals for heights this node has not reached.
    certified: BTreeMap<u64, (PartyId, Digest, Encoded<Votes>)>,
    proposed: BTreeMap<u64, (LedgerVote, u32)>,
}

impl Heights {
    /// Height up to which every pair is closed.
    pub(super) fn closed(&self) -> u64 {
        let last = self.pairs.len() as u64;
        self.open.first_key_value().map_or(last, |(height, _)| height - 1)
    }

    fn get(&self, height: u64) -> Option<&(Arc<Pair>, Arc<Proof>)> {
        let index = usize::try_from(height.checked_sub(1)?).ok()?;
        self.pairs.get(index)
    }

    pub(super) fn restore_pair(&mut self, pair: Arc<Pair>, proof: Arc<Proof>) {
        self.open.insert(pair.height(), Open::default());
        self.pairs.push((pair, proof));
    }

    pub(super) fn restore_vote(&mut self, vote: LedgerVote) {
        if let Some(open) = self.open.get_mut(&vote.height) {
            open.own = Own::Given(vote);
        }
    }

    pub(super) fn restore_closed(&mut self, height: u64, votes: Encoded<Votes>) {
        if self.open.remove(&height).is_some() {
            self.set_votes(height, votes);
        }
    }

    fn set_votes(&mut self, height: u64, votes: Encoded<Votes>) -> Option<&mut Arc<Proof>> {
        let index = usize::try_from(height.checked_sub(1)?).ok()?;
        let (_, proof) = self.pairs.get_mut(index)?;
        let whole = Proof { ledger_votes: Some(votes), ..Proof::clone(proof) };
        *proof = Arc::new(whole);
        Some(proof)
    }
}

impl Replica {
    /// A pair with its proof as far as it is known; `None` above the last height or at 0.
    #[must_use]
    pub fn pair(&self, height: u64) -> Option<&(Arc<Pair>, Arc<Proof>)> {
        self.heights.get(height)
    }

    /// A new pair waits for its ledger votes.
    pub(super) fn open_height(&mut self, pair: Arc<Pair>, proof: Arc<Proof>, step: &mut Step<'_>) {
        let height = pair.height();
        self.heights.pairs.push((pair, proof));
        let deadline = step.now.after_ms(self.params.ledger_timeout_ms);
        self.heights.open.insert(height, Open { deadline, ..Open::default() });
        self.arm_height(height, step);
        if self.broadcaster(height, 0) == Some(self.me) {
            self.propose(height, 0, step);
        }
        if let Some((from, ledger, votes)) = self.heights.certified.remove(&height) {
            self.on_certified(from, height, ledger, votes, step);
        }
        if let Some((vote, attempt)) = self.heights.proposed.remove(&height) {
            self.on_proposal(vote.voter, vote, attempt, step);
        }
    }

    fn broadcaster(&self, height: u64, attempt: u32) -> Option<PartyId> {
        let (pair, _) = self.heights.get(height)?;
        let hash = pair.contract.digest(&self.community);
        lottery::broadcaster(&self.community, &hash, attempt, self.registry.voters())
    }

    fn ledger_hash(&self, height: u64) -> Option<Digest> {
        self.heights.get(height).map(|(pair, _)| pair.ledger.digest(&self.community))
    }

    /// This node was drawn: it states its own result first, then speaks.
    fn propose(&mut self, height: u64, attempt: u32, step: &mut Step<'_>) {
        let Some(open) = self.heights.open.get_mut(&height) else { return };
        open.collecting = Some(attempt);
        open.round = 0;
        match open.own {
            Own::Given(vote) => {
                let message = Message::LedgerProposal { vote, attempt };
                step.emit(Effect::Broadcast { to: Audience::Voters, message });
                self.on_ledger_vote(vote, step);
            }
            Own::None | Own::Signing => self.sign_own(height, step),
        }
        self.arm_height(height, step);
    }

    fn sign_own(&mut self, height: u64, step: &mut Step<'_>) {
        let Some(ledger) = self.ledger_hash(height) else { return };
        let Some(open) = self.heights.open.get_mut(&height) else { return };
        if matches!(open.own, Own::None) && self.registry.is_voter(self.me) && !self.halted {
            open.own = Own::Signing;
            let registry = self.registry.version();
            step.emit(Effect::Sign(Statement::Ledger { height, ledger, registry }));
        }
    }

    pub(super) fn on_own_ledger_vote(&mut self, vote: LedgerVote, step: &mut Step<'_>) {
        let Some(open) = self.heights.open.get_mut(&vote.height) else { return };
        if !matches!(open.own, Own::Signing) {
            return;
        }
        open.own = Own::Given(vote);
        let owed = std::mem::take(&mut open.owed);
        let collecting = open.collecting;
        step.emit(Effect::Record(JournalEntry::LedgerVote(vote)));
        if let Some(attempt) = collecting {
            let message = Message::LedgerProposal { vote, attempt };
            step.emit(Effect::Broadcast { to: Audience::Voters, message });
        }
        if self.is_all_to_all() {
            let message = Message::LedgerVote(vote);
            step.emit(Effect::Broadcast { to: Audience::Members, message });
        } else {
            for to in owed {
                step.send(to, Message::LedgerVote(vote));
            }
        }
        if collecting.is_some() || self.is_all_to_all() {
            self.on_ledger_vote(vote, step);
        }
    }

    pub(super) fn on_proposal(
        &mut self,
        from: PartyId,
        vote: LedgerVote,
        attempt: u32,
        step: &mut Step<'_>,
    ) {
        let height = vote.height;
        if height > self.ledger.height {
            if height - self.ledger.height <= u64::from(self.genesis.limits.heights_ahead) {
                self.heights.proposed.insert(height, (vote, attempt));
            }
            return;
        }
        if vote.voter != from || self.broadcaster(height, attempt) != Some(from) {
            return step.refuse(None, Some(from), Refusal::NotDrawn(from));
        }
        let is_wrong = self.compare(&vote, step);
        let all_to_all = self.is_all_to_all();
        let Some(open) = self.heights.open.get_mut(&height) else {
            return self.tell_certificate(from, height, step);
        };
        if attempt > open.attempt {
            open.attempt = attempt;
            open.deadline = step.now.after_ms(self.params.ledger_timeout_ms);
        }
        match &open.own {
            Own::Given(vote) => step.send(from, Message::LedgerVote(*vote)),
            Own::None | Own::Signing => {
                if !open.owed.contains(&from) {
                    open.owed.push(from);
                }
                self.sign_own(height, step);
            }
        }
        if is_wrong {
            return self.skip_attempt(height, attempt, step);
        }
        if all_to_all {
            self.on_ledger_vote(vote, step);
        }
    }

    /// A wrong result was spoken: the next draw need not wait for the timeout.
    fn skip_attempt(&mut self, height: u64, attempt: u32, step: &mut Step<'_>) {
        let Some(open) = self.heights.open.get_mut(&height) else { return };
        if attempt == open.attempt {
            open.deadline = step.now;
            self.on_height_late(height, step);
        }
    }

    /// A vote for another ledger than this node's own is evidence, if it is signed: then true.
    fn compare(&self, vote: &LedgerVote, step: &mut Step<'_>) -> bool {
        let Some(expected) = self.ledger_hash(vote.height) else { return false };
        if vote.ledger == expected {
            return false;
        }
        let fault = Fault::WrongLedger { vote: *vote, expected };
        let is_wrong = fault.is_proven(&self.community, &self.registry, step.verdicts);
        if is_wrong {
            step.emit(Effect::Fault(Box::new(fault)));
        } else {
            step.refuse(None, Some(vote.voter), Refusal::BadSignature(vote.voter));
        }
        is_wrong
    }

    pub(super) fn on_ledger_vote(&mut self, vote: LedgerVote, step: &mut Step<'_>) {
        let height = vote.height;
        let all_to_all = self.is_all_to_all();
        let Some(expected) = self.ledger_hash(height) else { return };
        let Some(open) = self.heights.open.get_mut(&height) else {
            self.compare(&vote, step);
            return;
        };
        if open.collecting.is_none() && !all_to_all {
            return;
        }
        match open.tally.add(&self.registry, vote.voter, vote.ledger, vote.signature) {
            Heard::Same | Heard::Stranger => return,
            Heard::Conflict(ledger, signature) => {
                let first = LedgerVote { ledger, signature, ..vote };
                return self.on_double_ledger_vote(first, vote, step);
            }
            Heard::New => {}
        }
        if vote.ledger != expected {
            self.compare(&vote, step);
        }
        self.decide_ledger(height, vote.ledger, step);
    }

    fn on_double_ledger_vote(
        &mut self,
        first: LedgerVote,
        second: LedgerVote,
        step: &mut Step<'_>,
    ) {
        let fault = Fault::DoubleLedgerVote(first, second);
        if fault.is_proven(&self.community, &self.registry, step.verdicts) {
            return step.emit(Effect::Fault(Box::new(fault)));
        }
        // One of the two is forged: the honest one, if any, must still count.
        let message = second.statement().digest(&self.community);
        let key = self.registry.voter_key(second.voter);
        if key.is_some_and(|key| step.verdicts.check(key, &message, &second.signature)) {
            if let Some(open) = self.heights.open.get_mut(&second.height) {
                open.tally.strike(second.voter);
            }
            return self.on_ledger_vote(second, step);
        }
        step.refuse(None, Some(second.voter), Refusal::BadSignature(second.voter));
    }

    fn decide_ledger(&mut self, height: u64, ledger: Digest, step: &mut Step<'_>) {
        let registry = self.registry.version();
        let Some(open) = self.heights.open.get_mut(&height) else { return };
        if open.tally.count(&ledger) < self.registry.quorum() {
            return;
        }
        let message = Statement::Ledger { height, ledger, registry }.digest(&self.community);
        let Some(votes) = open.tally.decide(&ledger, &message, &self.registry, step.verdicts)
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
        if !is_open && (ahead == 0 || ahead > u64::from(self.genesis.limits.heights_ahead)) {
            return;
        }
        let registry = votes.registry;
        let message = Statement::Ledger { height, ledger, registry }.digest(&self.community);
        if !check_votes(&votes, &message, &self.registry, step.verdicts) {
            return step.refuse(None, Some(from), Refusal::NotApproved);
        }
        if is_open {
            self.close(height, ledger, votes, step);
        } else {
            self.heights.certified.insert(height, (from, ledger, votes));
        }
    }

    /// A quorum signed `ledger` at `height`; the votes are verified.
    fn close(&mut self, height: u64, ledger: Digest, votes: Encoded<Votes>, step: &mut Step<'_>) {
        if self.ledger_hash(height) != Some(ledger) {
            if !self.halted {
                self.halt(Alarm::Diverged { height }, step);
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

    fn arm_height(&mut self, height: u64, step: &Step<'_>) {
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
                let silent = self.registry.voters().iter().filter(|v| !open.tally.has(**v));
                for voter in silent.filter(|voter| **voter != self.me) {
                    step.send(*voter, Message::LedgerProposal { vote, attempt });
                }
            }
            return self.arm_height(height, step);
        }
        open.attempt = open.attempt.saturating_add(1);
        open.deadline = step.now.after_ms(self.params.ledger_timeout_ms);
        let attempt = open.attempt;
        if attempt as usize == self.registry.voters().len() {
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

    fn tell_certificate(&self, to: PartyId, height: u64, step: &mut Step<'_>) {
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
            let beside = votes.bytes().len() + proof.approvals.bytes().len();
            let order = proof.order.head.bytes().len();
            match room.checked_sub(pair.len() + beside + order) {
                Some(left) => room = left,
                None if pairs.is_empty() => room = 0,
                None => break,
            }
            pairs.push((Arc::clone(pair), Arc::clone(proof)));
        }
        if !pairs.is_empty() {
            step.send(from, Message::Range(pairs));
        }
    }

    pub(super) fn on_range(
        &mut self,
        from: PartyId,
        pairs: Vec<(Arc<Pair>, Arc<Proof>)>,
        step: &mut Step<'_>,
    ) {
        let mut fetched = Vec::new();
        for (pair, proof) in pairs {
            let height = pair.height();
            match proof.ledger_votes.clone() {
                Some(votes) if self.heights.open.contains_key(&height) => {
                    let ledger = pair.ledger.digest(&self.community);
                    self.on_certified(from, height, ledger, votes, step);
                }
                Some(_) if height <= self.ledger.height => fetched.push((pair, proof)),
                Some(_) | None => {}
            }
        }
        if !fetched.is_empty() {
            step.emit(Effect::Fetched(fetched));
        }
    }
}
