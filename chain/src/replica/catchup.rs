//! Catching up: a node that was away takes closed pairs with their proofs from its peers, proves
//! each against the registry of its height, and votes on nothing until it is at the tip.
//!
//! Peers are asked how far they are; their word only says whom to ask for pairs. The node is at the
//! tip when a quorum of voters has nothing above its own height. Where a proof carries a vote of
//! this node that it does not remember, its store is an older one: that is an alarm.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Alarm, Effect, Replica, Step, Timer, back_off};
use crate::batch::Approved;
use crate::block::{Pair, Proof};
use crate::journal::JournalEntry;
use crate::message::Message;
use crate::refusal::Refusal;
use crate::terms::{Epoch, PartyId, Timestamp};
use crate::verifier::{Damage, check_copy};

/// How far a node has come that was away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Height at which it began.
    pub from: u64,
    /// Height that a peer said it has.
    pub to: u64,
    /// Height reached.
    pub at: u64,
}

/// The search for what was missed.
#[derive(Debug, Default)]
pub(super) struct CatchUp {
    /// Whether peers are being asked.
    is_asking: bool,
    /// Whether the node votes on nothing until they have answered.
    is_behind: bool,
    from: u64,
    /// What each voter said it has.
    tips: BTreeMap<PartyId, u64>,
    /// Who is asked for pairs, and until when.
    peer: Option<(PartyId, Timestamp)>,
    /// Those who were asked and did not deliver.
    failed: BTreeSet<PartyId>,
    round: u32,
    timer: Option<Timestamp>,
    /// Whether a peer had a vote of this node that the store does not have: said once.
    is_rolled_back: bool,
    /// Whether votes may have been given that the store does not have.
    has_forgotten: bool,
    /// The epoch in which they may have been given; it gets no vote any more.
    lost: Option<Epoch>,
}

impl CatchUp {
    /// Whether this node votes on nothing yet.
    pub(super) fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// Whether votes on contracts of `epoch` may have been given and forgotten.
    pub(super) fn has_lost(&self, epoch: Epoch) -> bool {
        self.has_forgotten && self.lost.is_none_or(|lost| epoch <= lost)
    }

    /// The first epoch heard of after a rollback is the one that may have run before it.
    pub(super) fn start_epoch(&mut self, epoch: Epoch) {
        if self.has_forgotten {
            self.lost.get_or_insert(epoch);
        }
    }

    pub(super) fn progress(&self, at: u64) -> Option<Progress> {
        let to = self.tips.values().max().copied().unwrap_or(at).max(at);
        self.is_asking.then_some(Progress { from: self.from, to, at })
    }
}

impl Replica {
    /// Asks every voter how far it is. With `is_behind`, this node votes again when a quorum has
    /// answered and it has all they have.
    pub(super) fn catch_up(&mut self, is_behind: bool, step: &mut Step<'_>) {
        self.catchup.is_behind |= is_behind;
        if !self.catchup.is_asking {
            (self.catchup.is_asking, self.catchup.from) = (true, self.ledger.height);
            (self.catchup.peer, self.catchup.round) = (None, 0);
            self.catchup.tips.clear();
            self.catchup.failed.clear();
        }
        self.queue.forget_gap();
        self.ask_tips(step);
        self.conclude(step);
    }

    /// Votes on contracts that are still open may have been given and lost with the store.
    pub(super) fn forget_votes(&mut self) {
        self.catchup.has_forgotten = true;
        self.catchup.lost = self.asks.epoch();
    }

    /// A batch or a certificate shows that something may be missing: if it still is after a while,
    /// peers are asked.
    pub(super) fn suspect_gap(&mut self, step: &Step<'_>) {
        if !self.catchup.is_asking && self.catchup.timer.is_none() {
            let at = step.now.after_ms(self.params.ledger_timeout_ms);
            self.timers.set(&mut self.catchup.timer, Some(at), Timer::CatchUp);
        }
    }

    pub(super) fn on_catch_up_late(&mut self, step: &mut Step<'_>) {
        self.catchup.timer = None;
        if !self.catchup.is_asking {
            if self.queue.has_gap() || self.heights.is_outrun() {
                step.emit(Effect::Missing { from: self.queue.next() });
                self.tell_recent_order(step);
                self.catch_up(false, step);
            }
            return;
        }
        self.catchup.round = self.catchup.round.saturating_add(1);
        if self.catchup.peer.is_some_and(|(_, until)| until <= step.now) {
            self.give_up_peer();
        }
        self.tell_recent_order(step);
        self.ask_tips(step);
        self.pull(step);
    }

    /// Whoever did not deliver is asked again when nobody else is left.
    fn give_up_peer(&mut self) {
        if let Some((peer, _)) = self.catchup.peer.take() {
            self.catchup.tips.remove(&peer);
            self.catchup.failed.insert(peer);
        }
    }

    /// Asks the voters that have not said how far they are.
    fn ask_tips(&mut self, step: &mut Step<'_>) {
        let tips = &self.catchup.tips;
        let silent = self.registries.current().voters().iter().filter(|v| !tips.contains_key(v));
        for voter in silent.filter(|voter| **voter != self.me) {
            step.send(*voter, Message::TipRequest);
        }
        let at = step.now.after_ms(back_off(self.params.resend_ms, self.catchup.round));
        self.timers.set(&mut self.catchup.timer, Some(at), Timer::CatchUp);
    }

    pub(super) fn on_tip_request(&self, from: PartyId, step: &mut Step<'_>) {
        step.send(from, Message::Tip { height: self.heights.closed() });
    }

    pub(super) fn on_tip(&mut self, from: PartyId, height: u64, step: &mut Step<'_>) {
        if self.catchup.is_asking && self.registry().is_voter(from) {
            self.catchup.tips.insert(from, height);
            self.pull(step);
            self.conclude(step);
        }
    }

    /// Asks a voter that has more for the next pairs, if nobody is asked yet.
    fn pull(&mut self, step: &mut Step<'_>) {
        let have = self.ledger.height;
        if self.catchup.peer.is_none() && self.repair.is_idle() && !self.halted {
            let until = step.now.after_ms(self.params.ledger_timeout_ms);
            let CatchUp { tips, failed, .. } = &self.catchup;
            let ahead = tips.iter().filter(|(_, tip)| **tip > have);
            let best = ahead.max_by_key(|(peer, tip)| (!failed.contains(peer), **tip));
            self.catchup.peer = best.map(|(peer, _)| (*peer, until));
        }
        if let Some((peer, _)) = self.catchup.peer {
            step.send(peer, Message::RangeRequest { from: have + 1, to: u64::MAX });
        }
    }

    /// Whether these pairs are what a peer was asked for to catch up.
    pub(super) fn is_missed(&self, from: PartyId, pairs: &[(Arc<Pair>, Arc<Proof>)]) -> bool {
        let next = self.ledger.height + 1;
        let reaches = pairs.iter().any(|(pair, _)| pair.height() == next);
        reaches && self.catchup.peer.is_some_and(|(peer, _)| peer == from) && self.repair.is_idle()
    }

    /// Takes over what the peer has, as far as it is proven.
    pub(super) fn on_missed(
        &mut self,
        from: PartyId,
        pairs: Vec<(Arc<Pair>, Arc<Proof>)>,
        step: &mut Step<'_>,
    ) {
        for (pair, proof) in pairs {
            let height = self.ledger.height + 1;
            if self.halted || pair.height() < height {
                continue;
            }
            if let Err(damage) = self.adopt(&pair, &proof, step) {
                self.give_up_peer();
                step.refuse(None, Some(from), Refusal::WrongCopy { height, damage });
                break;
            }
        }
        (self.catchup.peer, self.catchup.round) = (None, 0);
        self.lapse(self.ledger.time_ms, step);
        let (index, time_ms) = (self.queue.next(), self.ledger.time_ms);
        step.emit(Effect::Advanced { index, time_ms });
        self.drain(step);
        self.pull(step);
        self.conclude(step);
    }

    /// Appends a closed pair that the chain already has elsewhere. It is proven from its bytes, must
    /// be the pair this node computes, and its record one this node would have settled.
    fn adopt(
        &mut self,
        pair: &Arc<Pair>,
        proof: &Arc<Proof>,
        step: &mut Step<'_>,
    ) -> Result<(), Damage> {
        let (height, block) = (self.ledger.height + 1, &pair.contract);
        check_copy(height, None, (pair, proof), &self.registries, step.verdicts)?;
        if block.time_ms < self.ledger.time_ms || !self.queue.may_follow(&proof.order) {
            return Err(Damage::Sequence);
        }
        let computed = self.ledger.next(block.time_ms, self.registry().version(), &block.record);
        if computed.as_ref() != Ok(&**pair) {
            return Err(Damage::LedgerLink);
        }
        let (record, approvals) = (block.record.clone(), proof.approvals.clone());
        let item = Approved { record, approvals };
        self.check_item(&item, block.time_ms, height, &self.registries, step.verdicts)
            .map_err(|_| Damage::Record)?;
        let votes = proof.ledger_votes.clone().ok_or(Damage::LedgerVotes)?;
        if let Some(rival) = self.queue.rival_of(&proof.order.head) {
            let other = (proof.order.head.clone(), proof.order.proof.clone());
            self.on_rival(rival, other, step);
            return Err(Damage::Order);
        }
        self.catchup.is_behind = true;
        self.notice_lost_votes(pair, proof, step);
        self.take_over(pair, proof, step);
        step.emit(Effect::Record(JournalEntry::Closed { height, votes }));
        step.emit(Effect::Closed { height, proof: Arc::clone(proof) });
        Ok(())
    }

    fn take_over(&mut self, pair: &Arc<Pair>, proof: &Arc<Proof>, step: &mut Step<'_>) {
        let height = pair.height();
        self.queue.move_to(&proof.order);
        self.ledger.push(pair);
        let open = Arc::new(Proof { ledger_votes: None, ..Proof::clone(proof) });
        let entry = JournalEntry::Pair { pair: Arc::clone(pair), proof: Arc::clone(&open) };
        step.emit(Effect::Record(entry));
        step.emit(Effect::Appended { pair: Arc::clone(pair), proof: open });
        if let Some((id, _)) = pair.contract.record.subject(&self.community) {
            self.close_ask(id);
            if let Some(body) = pair.contract.record.body() {
                self.queue.note_settled(id);
                if self.serves(body) {
                    step.emit(Effect::Settled { contract_id: id, height });
                }
            }
        }
        self.heights.adopt(Arc::clone(pair), Arc::clone(proof));
        self.follow(pair, proof, step);
        if let Some((head, proof)) = self.queue.finish(&proof.order) {
            step.emit(Effect::Record(JournalEntry::Applied { head, proof }));
        }
    }

    /// A vote of this node above what it remembers: its store is older than its key's last use.
    fn notice_lost_votes(&mut self, pair: &Pair, proof: &Proof, step: &mut Step<'_>) {
        let (height, me) = (pair.height(), self.me);
        let signs = |votes: &crate::block::Votes| votes.signatures.iter().any(|(v, _)| *v == me);
        let subject = pair.contract.record.subject(&self.community);
        let approved = signs(&proof.approvals)
            && subject.is_some_and(|(id, _)| !self.asks.has_voted(id) && !self.asks.is_spent(id));
        // A ledger vote is given after its pair is in the journal, and this one is not.
        let voted = proof.ledger_votes.as_ref().is_some_and(|votes| signs(votes));
        if (approved || voted) && !self.catchup.is_rolled_back {
            self.catchup.is_rolled_back = true;
            self.forget_votes();
            step.emit(Effect::Alarm(Alarm::RolledBack { height }));
        }
    }

    /// Ends the search when a quorum has nothing more, and votes on what had to wait.
    fn conclude(&mut self, step: &mut Step<'_>) {
        let registry = self.registries.current();
        let have = self.ledger.height;
        let agree = |voter: &&PartyId| {
            let said = self.catchup.tips.get(voter);
            **voter == self.me || said.is_some_and(|tip| *tip <= have)
        };
        let enough = registry.voters().iter().filter(agree).count() >= registry.quorum();
        if !self.catchup.is_asking || !enough {
            return;
        }
        (self.catchup.is_asking, self.catchup.peer, self.catchup.round) = (false, None, 0);
        self.timers.set(&mut self.catchup.timer, None, Timer::CatchUp);
        step.emit(Effect::Missing { from: self.queue.next() });
        if std::mem::take(&mut self.catchup.is_behind) && self.repair.is_idle() {
            self.resume(step);
            self.ask_again_all(step);
        }
    }
}
