//! Settling: ledger votes per height and the drawn broadcaster (protocol 8.4, steps 2 and 3).
//!
//! A node signs its own result only, once per height, whoever spoke. The broadcaster collects and
//! hands on a proof; it has no power.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Audience, Effect, Replica, Step};
use crate::ballot::{Heard, Tally};
use crate::block::{Pair, Proof, Votes};
use crate::digest::Digest;
use crate::encode::Encoded;
use crate::fault::Fault;
use crate::journal::JournalEntry;
use crate::lottery;
use crate::message::Message;
use crate::refusal::Refusal;
use crate::statement::{LedgerVote, Statement};
use crate::terms::{PartyId, Timestamp};

/// This node's own vote at an open height.
#[derive(Debug, Default)]
pub(super) enum Own {
    #[default]
    None,
    /// With the key holder.
    Signing,
    Given(LedgerVote),
}

/// A height without a quorum of ledger votes.
#[derive(Debug, Default)]
pub(super) struct Open {
    pub(super) own: Own,
    /// Broadcasters that wait for this node's vote.
    pub(super) owed: Vec<PartyId>,
    /// The attempt for which this node was drawn and collects.
    pub(super) collecting: Option<u32>,
    pub(super) tally: Tally<Digest>,
    pub(super) attempt: u32,
    pub(super) deadline: Timestamp,
    pub(super) round: u32,
    pub(super) timer: Option<Timestamp>,
}

/// All pairs, and the heights still open.
#[derive(Debug, Default)]
pub(super) struct Heights {
    pairs: Vec<(Arc<Pair>, Arc<Proof>)>,
    pub(super) open: BTreeMap<u64, Open>,
    /// Valid certificates and proposals for heights this node has not reached.
    pub(super) certified: BTreeMap<u64, (PartyId, Digest, Encoded<Votes>)>,
    proposed: BTreeMap<u64, (LedgerVote, u32)>,
}

impl Heights {
    /// Height up to which every pair is closed.
    pub(super) fn closed(&self) -> u64 {
        let last = self.pairs.len() as u64;
        self.open.first_key_value().map_or(last, |(height, _)| height - 1)
    }

    pub(super) fn get(&self, height: u64) -> Option<&(Arc<Pair>, Arc<Proof>)> {
        let index = usize::try_from(height.checked_sub(1)?).ok()?;
        self.pairs.get(index)
    }

    pub(super) fn len(&self) -> usize {
        self.pairs.len()
    }

    /// All pairs, from height 1.
    pub(super) fn pairs(&self) -> impl Iterator<Item = &Arc<Pair>> + Clone {
        self.pairs.iter().map(|(pair, _)| pair)
    }

    /// Puts another copy of a pair in place; nothing happens at unknown heights.
    pub(super) fn replace(&mut self, height: u64, pair: Arc<Pair>, proof: Arc<Proof>) {
        let index = height.checked_sub(1).and_then(|at| usize::try_from(at).ok());
        if let Some(slot) = index.and_then(|at| self.pairs.get_mut(at)) {
            *slot = (pair, proof);
        }
    }

    pub(super) fn restore_pair(&mut self, pair: Arc<Pair>, proof: Arc<Proof>) {
        self.open.insert(pair.height(), Open::default());
        self.pairs.push((pair, proof));
    }

    /// Takes over a pair that is closed already.
    pub(super) fn adopt(&mut self, pair: Arc<Pair>, proof: Arc<Proof>) {
        let height = pair.height();
        self.pairs.push((pair, proof));
        self.certified.remove(&height);
        self.proposed.remove(&height);
    }

    /// Whether others have closed a height that this node has not reached.
    pub(super) fn is_outrun(&self) -> bool {
        let last = self.len() as u64;
        self.certified.keys().chain(self.proposed.keys()).any(|height| *height > last)
    }

    /// Voters that proposed a ledger for a height this node has not reached.
    pub(super) fn ahead(&self) -> impl Iterator<Item = PartyId> {
        let last = self.len() as u64;
        self.proposed.range(last + 1..).map(|(_, (vote, _))| vote.voter)
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

    pub(super) fn set_votes(
        &mut self,
        height: u64,
        votes: Encoded<Votes>,
    ) -> Option<&mut Arc<Proof>> {
        let index = usize::try_from(height.checked_sub(1)?).ok()?;
        let (_, proof) = self.pairs.get_mut(index)?;
        let whole = Proof { ledger_votes: Some(votes), ..Proof::clone(proof) };
        *proof = Arc::new(whole);
        Some(proof)
    }
}

impl Replica {
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

    pub(super) fn broadcaster(&self, height: u64, attempt: u32) -> Option<PartyId> {
        let (pair, _) = self.heights.get(height)?;
        let hash = pair.contract.digest(&self.community);
        lottery::broadcaster(&self.community, &hash, attempt, self.registries.at(height).voters())
    }

    pub(super) fn ledger_hash(&self, height: u64) -> Option<Digest> {
        self.heights.get(height).map(|(pair, _)| pair.ledger.digest(&self.community))
    }

    /// This node was drawn: it states its own result first, then speaks.
    pub(super) fn propose(&mut self, height: u64, attempt: u32, step: &mut Step<'_>) {
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

    pub(super) fn sign_own(&mut self, height: u64, step: &mut Step<'_>) {
        let Some(ledger) = self.ledger_hash(height) else { return };
        let in_force = self.registries.at(height);
        let Some(open) = self.heights.open.get_mut(&height) else { return };
        let may_sign = !self.halted && self.repair.is_idle() && !self.catchup.is_behind();
        if matches!(open.own, Own::None) && in_force.is_voter(self.me) && may_sign {
            open.own = Own::Signing;
            let registry = in_force.version();
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
        if vote.voter != from || !self.registries.at(height).is_voter(from) {
            return step.refuse(None, Some(from), Refusal::NotAVoter(vote.voter));
        }
        if height > self.ledger.height {
            if height - self.ledger.height <= u64::from(self.genesis.limits.heights_ahead) {
                self.suspect_gap(step);
                self.heights.proposed.insert(height, (vote, attempt));
            }
            return;
        }
        if self.broadcaster(height, attempt) != Some(from) {
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
        let is_wrong = fault.is_proven(&self.community, &self.registries, step.verdicts);
        if is_wrong {
            step.emit(Effect::Fault(Box::new(fault)));
            self.tell_order(vote.voter, vote.height, step);
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
        match open.tally.add(self.registries.at(height), vote.voter, vote.ledger, vote.signature) {
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
        if fault.is_proven(&self.community, &self.registries, step.verdicts) {
            return step.emit(Effect::Fault(Box::new(fault)));
        }
        // One of the two is forged: the honest one, if any, must still count.
        let message = second.statement().digest(&self.community);
        let key = self.registries.at(second.height).voter_key(second.voter);
        if key.is_some_and(|key| step.verdicts.check(key, &message, &second.signature)) {
            if let Some(open) = self.heights.open.get_mut(&second.height) {
                open.tally.strike(second.voter);
            }
            return self.on_ledger_vote(second, step);
        }
        step.refuse(None, Some(second.voter), Refusal::BadSignature(second.voter));
    }
}
