//! Approval: one chance per contract id for every voter (protocol 8.2, steps 2 and 3).
//!
//! Checks go from cheap to dear. A vote is spent only on a contract that both parties signed; all
//! other refusals are answered without one, so nobody can waste somebody else's contract.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Audience, Effect, Replica, Step, Timer};
use crate::ballot::{Tally, check_parties};
use crate::batch::Approved;
use crate::block::Record;
use crate::contract::{ContractBody, ContractId};
use crate::digest::Digest;
use crate::encode::{Canonical, Encoded};
use crate::fault::Fault;
use crate::journal::JournalEntry;
use crate::message::Message;
use crate::refusal::Refusal;
use crate::registry::RegistryVersion;
use crate::statement::{Answer, Approval, Statement};
use crate::terms::{Epoch, PartyId, Timestamp};

/// Hours of the line limit that one multiple stands for: the market's horizon.
const HORIZON_H: u64 = 24;

/// This node's own vote on a contract.
#[derive(Debug)]
pub(super) enum Own {
    /// None: not a voter, or only restored as a buyer.
    None,
    /// With the key holder; these asked meanwhile.
    Signing(Answer, Vec<PartyId>),
    /// Given, for ever.
    Given(Approval),
}

/// A contract in approval.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) record: Encoded<Record>,
    pub(super) body: Digest,
    pub(super) own: Own,
    pub(super) is_mine: bool,
    pub(super) tally: Tally<(RegistryVersion, Digest, Answer)>,
    pub(super) declined: BTreeSet<PartyId>,
    pub(super) approved: Option<Arc<Approved>>,
    pub(super) is_rejected: bool,
    pub(super) timer: Option<Timestamp>,
    pub(super) round: u32,
}

impl Ask {
    pub(super) fn new(record: Encoded<Record>, body: Digest, own: Own, is_mine: bool) -> Self {
        Self {
            record,
            body,
            own,
            is_mine,
            tally: Tally::default(),
            declined: BTreeSet::new(),
            approved: None,
            is_rejected: false,
            timer: None,
            round: 0,
        }
    }

    pub(super) fn terms(&self) -> &ContractBody {
        self.record.body().expect("only contracts are asked about")
    }
}

/// All contracts in approval, and the ids whose one chance is spent.
#[derive(Debug, Default)]
pub(super) struct Asks {
    pub(super) asks: BTreeMap<ContractId, Ask>,
    spent: BTreeSet<u128>,
    usage: BTreeMap<(Epoch, PartyId), (u32, u64)>,
    epoch: Option<(Epoch, Timestamp)>,
    /// The epoch before, when it still settled as the current one began.
    settling: Option<(Epoch, Timestamp)>,
}

impl Asks {
    pub(super) fn start_epoch(&mut self, epoch: Epoch, t_settle: Timestamp, now: Timestamp) {
        if self.epoch.is_none_or(|(known, _)| known < epoch) {
            self.settling = self.epoch.filter(|(_, t_settle)| *t_settle > now);
            self.epoch = Some((epoch, t_settle));
            let oldest = self.settling.map_or(epoch, |(settling, _)| settling);
            self.usage.retain(|(of, _), _| *of >= oldest);
        }
    }

    /// When `epoch` settles, if it is the current one or the one that still settles.
    fn settles(&self, epoch: Epoch) -> Option<Timestamp> {
        let alive = [self.settling, self.epoch].into_iter().flatten();
        alive.into_iter().find(|(alive, _)| *alive == epoch).map(|(_, t_settle)| t_settle)
    }

    pub(super) fn epoch(&self) -> Option<Epoch> {
        self.epoch.map(|(epoch, _)| epoch)
    }

    pub(super) fn len(&self) -> usize {
        self.asks.len()
    }

    pub(super) fn own(&self) -> usize {
        self.asks.values().filter(|ask| ask.is_mine).count()
    }

    pub(super) fn insert(&mut self, id: ContractId, ask: Ask) {
        let (epoch, buyer, energy) = (ask.terms().epoch, ask.terms().buyer, ask.terms().energy.0);
        let used = self.usage.entry((epoch, buyer)).or_insert((0, 0));
        *used = (used.0 + 1, used.1.saturating_add(energy));
        self.asks.insert(id, ask);
    }

    /// Takes over an entry from the journal.
    pub(super) fn restore(&mut self, record: &Encoded<Record>, vote: Option<Approval>) {
        let Some(body) = record.body() else { return };
        let id = body.contract_id;
        if !self.asks.contains_key(&id) {
            self.insert(id, Ask::new(record.clone(), body.digest(), Own::None, false));
        }
        let Some(ask) = self.asks.get_mut(&id) else { return };
        match vote {
            Some(vote) => ask.own = Own::Given(vote),
            None => ask.is_mine = true,
        }
    }
}

impl Replica {
    pub(super) fn on_ask(&mut self, from: PartyId, record: &Encoded<Record>, step: &mut Step<'_>) {
        let Some(id) = record.body().map(|body| body.contract_id) else {
            return step.refuse(None, Some(from), Refusal::Unsupported);
        };
        if self.asks.asks.contains_key(&id) {
            return self.on_asked_again(from, id, record, step);
        }
        match self.admit(record, step) {
            Ok((answer, body)) => {
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
        if ask.record != *record && ask.record.body() != record.body() {
            let fault = Fault::TwoBodies(ask.record.clone(), record.clone());
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

    /// What this node thinks of a contract it has not seen: its answer and the body's digest, or
    /// a refusal that spends no vote.
    pub(super) fn admit(
        &self,
        record: &Encoded<Record>,
        step: &mut Step<'_>,
    ) -> Result<(Answer, Digest), Refusal> {
        let contract = record.contract().ok_or(Refusal::Unsupported)?;
        let body = &contract.body;
        if self.halted {
            return Err(Refusal::Halted);
        }
        if record.bytes().len() > Record::BYTES_MAX {
            return Err(Refusal::TooLarge { limit: Record::BYTES_MAX as u32 });
        }
        self.check_members(body, step.now)?;
        if self.asks.settles(body.epoch).ok_or(Refusal::NotCurrentEpoch)? != body.valid_until {
            return Err(Refusal::WrongDeadline);
        }
        if step.now.max(self.ledger.time_ms) > body.valid_until {
            return Err(Refusal::Expired);
        }
        if self.asks.spent.contains(&body.contract_id.short())
            || self.queue.is_settled(body.contract_id)
        {
            return Err(Refusal::UsedId);
        }
        self.check_usage(body)?;
        let terms = body.check(&self.genesis, &self.community);
        let digest = body.digest();
        match (terms, check_parties(contract, &digest, self.registry(), step.verdicts)) {
            (Ok(()), Ok(())) => Ok((Answer::Yes, digest)),
            (Err(reason), Ok(())) => Ok((Answer::No(reason), digest)),
            (_, Err(reason)) => Err(reason),
        }
    }

    /// Whether both parties are members at `at`.
    pub(super) fn check_members(&self, body: &ContractBody, at: Timestamp) -> Result<(), Refusal> {
        for party in [body.buyer, body.seller] {
            let member = self.registry().member(party).ok_or(Refusal::NotAMember(party))?;
            if at > member.not_after {
                return Err(Refusal::MembershipEnded(party));
            }
        }
        Ok(())
    }

    fn check_usage(&self, body: &ContractBody) -> Result<(), Refusal> {
        let limits = &self.genesis.limits;
        let used = self.asks.usage.get(&(body.epoch, body.buyer)).copied().unwrap_or_default();
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
        let has_older =
            || self.asks.asks.values().any(|ask| ask.terms().valid_until < body.valid_until);
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
        let oldest = self.asks.asks.iter().min_by_key(|(id, ask)| (ask.terms().valid_until, **id));
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
        let registry = self.registry().version();
        let Some(ask) = self.asks.asks.get_mut(&id) else { return };
        match &ask.own {
            Own::None if is_voter => {}
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

    fn forget(&mut self, id: ContractId, step: &mut Step<'_>) {
        let Some(mut ask) = self.asks.asks.remove(&id) else { return };
        self.timers.set(&mut ask.timer, None, Timer::Ask(id));
        if !matches!(ask.own, Own::None) {
            self.asks.spent.insert(id.short());
        }
        if self.serves(ask.terms()) {
            step.emit(Effect::Lapsed { contract_id: id });
        }
    }

    /// Chain time passed `time_ms`: what was valid until before it is void (protocol 7.4).
    pub(super) fn lapse(&mut self, time_ms: Timestamp, step: &mut Step<'_>) {
        let is_void = |ask: &Ask| ask.terms().valid_until < time_ms;
        let void: Vec<_> =
            self.asks.asks.iter().filter(|(_, ask)| is_void(ask)).map(|(id, _)| *id).collect();
        for id in void {
            self.forget(id, step);
        }
    }
}
