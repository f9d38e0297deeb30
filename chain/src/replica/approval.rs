//! Approval: one chance per contract id for every voter (protocol 8.2, steps 2 and 3).
//!
//! Checks go from cheap to dear. A vote is spent only on a contract that both parties signed; all
//! other refusals are answered without one, so nobody can waste somebody else's contract.

use super::asks::{Ask, Own};
use super::{Audience, Effect, Replica, Step, Timer};
use crate::ballot::check_parties;
use crate::block::Record;
use crate::contract::{ContractBody, ContractId, SignedContract};
use crate::encode::{Canonical, Encoded};
use crate::fault::Fault;
use crate::journal::JournalEntry;
use crate::message::Message;
use crate::refusal::Refusal;
use crate::registry::Registry;
use crate::statement::{Answer, Approval, Statement};
use crate::terms::{PartyId, Timestamp};

/// Hours of the line limit that one multiple stands for: the market's horizon.
const HORIZON_H: u64 = 24;

impl Replica {
    pub(super) fn on_ask(&mut self, from: PartyId, record: &Encoded<Record>, step: &mut Step<'_>) {
        let Some((id, body)) = record.subject(&self.community) else {
            return step.refuse(None, Some(from), Refusal::Unsupported);
        };
        let record = &match self.opened(record) {
            Ok(record) => record,
            Err(reason) => {
                if let Refusal::NoKey { number } = reason {
                    self.want_key(number, step);
                }
                return self.decline(from, id, reason, step);
            }
        };
        if self.asks.asks.contains_key(&id) {
            return self.on_asked_again(from, id, record, step);
        }
        let is_lost = |body: &ContractBody| self.catchup.has_lost(body.epoch);
        if self.catchup.is_behind() || record.body().is_some_and(is_lost) {
            return self.decline(from, id, Refusal::CatchingUp, step);
        }
        match self.admit(record, step) {
            Ok(answer) => {
                self.make_room(step);
                self.asks.insert(id, Ask::new(record.clone(), body, Own::None, false));
                self.vote_once(id, answer, from, step);
            }
            Err(reason) => self.decline(from, id, reason, step),
        }
    }

    fn decline(&self, to: PartyId, contract_id: ContractId, reason: Refusal, step: &mut Step<'_>) {
        step.refuse(Some(contract_id), Some(to), reason);
        step.send(to, Message::Refused { contract_id, reason });
    }

    fn on_asked_again(
        &mut self,
        from: PartyId,
        id: ContractId,
        record: &Encoded<Record>,
        step: &mut Step<'_>,
    ) {
        let Some(ask) = self.asks.asks.get_mut(&id) else { return };
        let two = match (ask.record.contract(), record.contract()) {
            (Some(first), Some(second)) if first.body != second.body => Some((first, second)),
            _ => None,
        };
        if let Some((first, second)) = two {
            let fault = Fault::TwoBodies(Box::new(first.clone()), Box::new(second.clone()));
            if fault.is_proven(&self.community, &self.registries, step.verdicts) {
                step.emit(Effect::Fault(Box::new(fault)));
            }
            return self.decline(from, id, Refusal::OtherBody, step);
        }
        match &mut ask.own {
            Own::Given(vote) => step.send(from, Message::Approval(*vote)),
            Own::Signing(_, askers) if askers.contains(&from) => {}
            Own::Signing(_, askers) => askers.push(from),
            Own::None => self.vote_once(id, Answer::Yes, from, step),
        }
    }

    /// What this node thinks of a record it has not seen: its answer, or a refusal that spends no
    /// vote.
    pub(super) fn admit(
        &self,
        record: &Encoded<Record>,
        step: &mut Step<'_>,
    ) -> Result<Answer, Refusal> {
        if self.halted {
            return Err(Refusal::Halted);
        }
        if record.bytes().len() > Record::BYTES_MAX {
            return Err(Refusal::TooLarge { limit: Record::BYTES_MAX as u32 });
        }
        match &**record {
            Record::Contract(contract) => self.admit_contract(contract, step),
            Record::Sealed(sealed) => {
                let expected = self.registries.seals_at(self.ledger.height + 1);
                self.check_seal(record, expected)?;
                self.admit_contract(sealed.contract().ok_or(Refusal::SealBroken)?, step)
            }
            Record::Membership(change) => self.admit_change(change, step),
            Record::Delivery(_) | Record::Anchor(_) => Err(Refusal::Unsupported),
        }
    }

    fn admit_contract(
        &self,
        contract: &SignedContract,
        step: &mut Step<'_>,
    ) -> Result<Answer, Refusal> {
        let body = &contract.body;
        check_members(body, step.now, self.registry())?;
        if self.asks.settles(body.epoch).ok_or(Refusal::NotCurrentEpoch)? != body.valid_until {
            return Err(Refusal::WrongDeadline);
        }
        if step.now.max(self.ledger.time_ms) > body.valid_until {
            return Err(Refusal::Expired);
        }
        if self.asks.is_spent(body.contract_id) || self.queue.is_settled(body.contract_id) {
            return Err(Refusal::UsedId);
        }
        self.check_usage(body)?;
        let terms = body.check(&self.genesis, &self.community);
        let parties = check_parties(contract, &body.digest(), self.registry(), step.verdicts);
        match (terms, parties) {
            (Ok(()), Ok(())) => Ok(Answer::Yes),
            (Err(reason), Ok(())) => Ok(Answer::No(reason)),
            (_, Err(reason)) => Err(reason),
        }
    }

    fn check_usage(&self, body: &ContractBody) -> Result<(), Refusal> {
        let limits = &self.genesis.limits;
        let used = self.asks.used(body.epoch, body.buyer);
        if used.0 >= limits.contracts_per_buyer {
            return Err(Refusal::BuyerLimit { limit: limits.contracts_per_buyer });
        }
        let line =
            self.registry().member(body.buyer).map_or(0, |m| m.line_limit_w.0.unsigned_abs());
        let limit = line.saturating_mul(HORIZON_H).saturating_mul(limits.line_multiple.into());
        if used.1.saturating_add(body.energy.0) > limit {
            return Err(Refusal::EnergyLimit { limit });
        }
        let is_full = self.asks.len() >= limits.pool_max as usize;
        let has_older = || self.asks.asks.values().any(|ask| ask.valid_until() < body.valid_until);
        if is_full && !has_older() {
            return Err(Refusal::PoolFull { limit: limits.pool_max });
        }
        Ok(())
    }

    /// Oldest `valid_until` first out, when the pool is full.
    fn make_room(&mut self, step: &mut Step<'_>) {
        if self.asks.len() < self.genesis.limits.pool_max as usize {
            return;
        }
        let oldest = self.asks.asks.iter().min_by_key(|(id, ask)| (ask.valid_until(), **id));
        if let Some(id) = oldest.map(|(id, _)| *id) {
            let limit = self.genesis.limits.pool_max;
            self.forget(id, step);
            step.refuse(Some(id), None, Refusal::PoolFull { limit });
        }
    }

    pub(super) fn vote_once(
        &mut self,
        id: ContractId,
        answer: Answer,
        asker: PartyId,
        step: &mut Step<'_>,
    ) {
        let is_voter = self.registry().is_voter(self.me);
        let is_behind = self.catchup.is_behind();
        let registry = self.registry().version();
        let Some(ask) = self.asks.asks.get_mut(&id) else { return };
        match &ask.own {
            Own::None if is_voter && !is_behind => {}
            _ => return,
        }
        ask.own = Own::Signing(answer, vec![asker]);
        let (contract_id, body) = (id, ask.body);
        step.emit(Effect::Sign(Statement::Approve { contract_id, body, answer, registry }));
    }

    pub(super) fn on_own_approval(&mut self, vote: Approval, step: &mut Step<'_>) {
        let Some(ask) = self.asks.asks.get_mut(&vote.contract_id) else { return };
        let askers = match &mut ask.own {
            Own::Signing(answer, askers) if *answer == vote.answer && ask.body == vote.body => {
                std::mem::take(askers)
            }
            _ => return,
        };
        ask.own = Own::Given(vote);
        let record = ask.record.clone();
        step.emit(Effect::Record(JournalEntry::Approval { vote, record }));
        if self.is_all_to_all() {
            let message = Message::Approval(vote);
            step.emit(Effect::Broadcast { to: Audience::Members, message });
            return self.on_approval(vote, step);
        }
        for asker in askers {
            if asker == self.me {
                self.on_approval(vote, step);
            } else {
                step.send(asker, Message::Approval(vote));
            }
        }
    }

    /// A contract came on the chain: nothing more to ask.
    pub(super) fn close_ask(&mut self, id: ContractId) {
        if let Some(mut ask) = self.asks.asks.remove(&id) {
            self.timers.set(&mut ask.timer, None, Timer::Ask(id));
        }
    }

    pub(super) fn forget(&mut self, id: ContractId, step: &mut Step<'_>) {
        let Some(mut ask) = self.asks.asks.remove(&id) else { return };
        self.timers.set(&mut ask.timer, None, Timer::Ask(id));
        if !matches!(ask.own, Own::None) {
            self.asks.spend(id);
        }
        if ask.is_mine && ask.approved.is_some() && ask.terms().is_some() {
            step.refuse(Some(id), Some(self.registry().sequencer()), Refusal::LeftOut);
        }
        if ask.terms().is_some_and(|body| self.serves(body)) {
            step.emit(Effect::Lapsed { contract_id: id });
        }
    }

    /// Chain time passed `time_ms`: what was valid until before it is void (protocol 7.4).
    pub(super) fn lapse(&mut self, time_ms: Timestamp, step: &mut Step<'_>) {
        let is_void = |ask: &Ask| ask.valid_until() < time_ms;
        let void: Vec<_> =
            self.asks.asks.iter().filter(|(_, ask)| is_void(ask)).map(|(id, _)| *id).collect();
        for id in void {
            self.forget(id, step);
        }
    }
}

/// Whether both parties are members under `registry` at `at`.
pub(super) fn check_members(
    body: &ContractBody,
    at: Timestamp,
    registry: &Registry,
) -> Result<(), Refusal> {
    for party in [body.buyer, body.seller] {
        let member = registry.member(party).ok_or(Refusal::NotAMember(party))?;
        if at > member.not_after {
            return Err(Refusal::MembershipEnded(party));
        }
    }
    Ok(())
}
