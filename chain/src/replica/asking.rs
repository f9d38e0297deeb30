//! Asking: the buyer's side of approval. It asks every voter until a quorum of yes is there, then
//! submits until the contract is on the chain or void (protocol 8.2, steps 1, 4 and 5).

use std::sync::Arc;

use super::asks::{Ask, Own};
use super::{Audience, Effect, Replica, Step, Timer, back_off};
use crate::ballot::{Heard, approval_digest, quorum_for};
use crate::batch::Approved;
use crate::block::Record;
use crate::contract::{ContractId, SignedContract};
use crate::encode::Encoded;
use crate::fault::Fault;
use crate::journal::JournalEntry;
use crate::message::Message;
use crate::refusal::Refusal;
use crate::registry::RegistryVersion;
use crate::statement::{Answer, Approval};
use crate::terms::PartyId;

impl Replica {
    pub(super) fn on_publish(&mut self, contract: SignedContract, step: &mut Step<'_>) {
        if let Some(record) = self.record_of(contract, step) {
            self.publish(record, step);
        }
    }

    /// Takes up a record of this node's own and asks every voter about it.
    pub(super) fn publish(&mut self, record: Encoded<Record>, step: &mut Step<'_>) {
        let Some((id, body)) = record.subject(&self.community) else {
            return step.refuse(None, None, Refusal::Unsupported);
        };
        if self.asks.asks.get(&id).is_some_and(|ask| ask.is_mine) {
            return;
        }
        match self.admit(&record, step) {
            Ok(Answer::Yes) => {}
            Ok(Answer::No(reason)) | Err(reason) => return step.refuse(Some(id), None, reason),
        }
        step.emit(Effect::Record(JournalEntry::Published(record.clone())));
        if self.asks.asks.contains_key(&id) {
            self.asks.restore(&record, None, &self.community);
        } else {
            self.asks.insert(id, Ask::new(record.clone(), body, Own::None, true));
        }
        let message = Message::Ask { record };
        step.emit(Effect::Broadcast { to: Audience::Voters, message });
        self.vote_once(id, Answer::Yes, self.me, step);
        self.arm_ask(id, step);
    }

    pub(super) fn on_approval(&mut self, vote: Approval, step: &mut Step<'_>) {
        let all_to_all = self.is_all_to_all();
        let Some(ask) = self.asks.asks.get_mut(&vote.contract_id) else { return };
        if !ask.is_mine && !all_to_all {
            return;
        }
        let Some(registry) = self.registries.version(vote.registry) else { return };
        let choice = (vote.registry, vote.body, vote.answer);
        match ask.tally.add(registry, vote.voter, choice, vote.signature) {
            Heard::Same | Heard::Stranger => return,
            Heard::Conflict((registry, body, answer), signature) => {
                let first = Approval { registry, body, answer, signature, ..vote };
                return self.on_double_approval(first, vote, step);
            }
            Heard::New => {}
        }
        if let (Answer::No(reason), true) = (vote.answer, ask.is_mine) {
            step.refuse(Some(vote.contract_id), Some(vote.voter), reason);
        }
        self.decide_approval(vote.contract_id, vote.registry, step);
    }

    fn on_double_approval(&mut self, first: Approval, second: Approval, step: &mut Step<'_>) {
        let is_signed = |vote: &Approval| {
            let message = vote.statement().digest(&self.community);
            self.registries
                .version(vote.registry)
                .and_then(|registry| registry.voter_key(vote.voter))
                .is_some_and(|key| step.verdicts.check(key, &message, &vote.signature))
        };
        match (is_signed(&first), is_signed(&second)) {
            (true, true) => {
                step.emit(Effect::Fault(Box::new(Fault::DoubleApproval(first, second))));
            }
            (true, false) => {
                let reason = Refusal::BadSignature(second.voter);
                step.refuse(Some(second.contract_id), Some(second.voter), reason);
            }
            (false, _) => {
                if let Some(ask) = self.asks.asks.get_mut(&first.contract_id) {
                    ask.tally.strike(first.voter);
                }
                self.on_approval(second, step);
            }
        }
    }

    /// Counts once more, over the voters of the version that the last vote named.
    fn decide_approval(&mut self, id: ContractId, version: RegistryVersion, step: &mut Step<'_>) {
        let Some(registry) = self.registries.version(version).map(Arc::clone) else { return };
        let Some(ask) = self.asks.asks.get_mut(&id) else { return };
        if ask.approved.is_some() || !ask.is_mine {
            return;
        }
        let (body, choice) = (ask.body, (version, ask.body, Answer::Yes));
        let quorum = quorum_for(&ask.record, &registry);
        if ask.tally.count(&choice) >= quorum {
            let message = approval_digest(id, body, version, &self.community);
            let votes = ask.tally.decide(&choice, &message, &registry, quorum, step.verdicts);
            if let Some(approvals) = votes {
                let record = ask.record.clone();
                let approved = Arc::new(Approved { record, approvals });
                ask.approved = Some(Arc::clone(&approved));
                ask.round = 0;
                step.emit(Effect::Submit(approved));
                return self.arm_ask(id, step);
            }
        }
        let agrees =
            ask.tally.count_if(|(_, said, answer)| (*said, *answer) == (body, Answer::Yes));
        let against = ask.tally.len() - agrees + ask.declined.len();
        let is_lost = against > registry.voters().len().saturating_sub(quorum);
        if is_lost && !ask.is_rejected {
            ask.is_rejected = true;
            step.refuse(Some(id), None, Refusal::Rejected);
        }
    }

    pub(super) fn on_declined(
        &mut self,
        from: PartyId,
        id: ContractId,
        reason: Refusal,
        step: &mut Step<'_>,
    ) {
        let version = self.registry().version();
        let is_voter = self.registry().is_voter(from);
        let Some(ask) = self.asks.asks.get_mut(&id).filter(|ask| ask.is_mine) else { return };
        if !is_voter || ask.tally.has(from) {
            return;
        }
        // A node that is behind is asked again; all other causes stay.
        let sealed_under = ask.record.sealed().map(|sealed| sealed.key);
        let is_behind = match reason {
            Refusal::NotCurrentEpoch | Refusal::CatchingUp | Refusal::WrongVersion { .. } => true,
            Refusal::NoKey { .. } => true,
            Refusal::OldKey { expected } => sealed_under.is_some_and(|key| key > expected),
            _ => false,
        };
        if !is_behind && ask.declined.insert(from) {
            step.refuse(Some(id), Some(from), reason);
            self.decide_approval(id, version, step);
        }
    }

    fn arm_ask(&mut self, id: ContractId, step: &mut Step<'_>) {
        let Some(ask) = self.asks.asks.get_mut(&id) else { return };
        let next = step.now.after_ms(back_off(self.params.resend_ms, ask.round));
        let at = (!ask.is_rejected && next <= ask.valid_until()).then_some(next);
        ask.round += 1;
        self.timers.set(&mut ask.timer, at, Timer::Ask(id));
    }

    /// Nothing is sent once: those who have not answered are asked again (protocol 8.2, step 5).
    pub(super) fn ask_again(&mut self, id: ContractId, step: &mut Step<'_>) {
        let Some(ask) = self.asks.asks.get_mut(&id).filter(|ask| ask.is_mine) else { return };
        match &ask.approved {
            Some(approved) => step.emit(Effect::Submit(Arc::clone(approved))),
            None => {
                for voter in self.registries.current().voters() {
                    let is_silent = !ask.tally.has(*voter) && !ask.declined.contains(voter);
                    if is_silent && *voter != self.me {
                        step.send(*voter, Message::Ask { record: ask.record.clone() });
                    }
                }
            }
        }
        self.arm_ask(id, step);
    }

    pub(super) fn ask_again_all(&mut self, step: &mut Step<'_>) {
        let own: Vec<_> =
            self.asks.asks.iter().filter(|(_, ask)| ask.is_mine).map(|(id, _)| *id).collect();
        for id in own {
            match self.asks.asks.get(&id).map(|ask| &ask.own) {
                Some(Own::Given(vote)) => self.on_approval(*vote, step),
                _ => self.vote_once(id, Answer::Yes, self.me, step),
            }
            self.ask_again(id, step);
        }
    }

    /// Approved records of this node's buyer that wait for order, by (epoch, contract id), at
    /// most `max_bytes` of them: what an ordering engine asks for (protocol 8.9).
    #[must_use]
    pub fn pick(&self, max_bytes: usize) -> Vec<Arc<Approved>> {
        let approved = |ask: &Ask| ask.approved.clone();
        let mut waiting: Vec<_> = self.asks.asks.values().filter_map(approved).collect();
        waiting.sort_by_key(|item| item.rank());
        let mut room = max_bytes;
        let fits = |item: &Arc<Approved>| {
            let left = room.checked_sub(item.len());
            room = left.unwrap_or(0);
            left.is_some()
        };
        waiting.into_iter().take_while(fits).collect()
    }
}
