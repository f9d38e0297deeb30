//! What one step of a replica is handed, and the deadlines between steps.

use std::collections::BTreeSet;

use super::Effect;
use crate::contract::ContractId;
use crate::message::Message;
use crate::refusal::Refusal;
use crate::sign::Verdicts;
use crate::terms::{PartyId, Timestamp};

/// What every step is handed: the time, the keeper of verdicts, the list of effects.
pub(super) struct Step<'a> {
    pub(super) now: Timestamp,
    pub(super) verdicts: &'a dyn Verdicts,
    pub(super) out: &'a mut Vec<Effect>,
}

impl Step<'_> {
    pub(super) fn emit(&mut self, effect: Effect) {
        self.out.push(effect);
    }

    pub(super) fn send(&mut self, to: PartyId, message: Message) {
        self.out.push(Effect::Send { to, message });
    }

    pub(super) fn refuse(
        &mut self,
        contract_id: Option<ContractId>,
        from: Option<PartyId>,
        reason: Refusal,
    ) {
        self.out.push(Effect::Refused { contract_id, from, reason });
    }
}

/// What a deadline is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// Ask or submit this contract again.
    Ask(ContractId),
    /// The ledger of this height is late.
    Height(u64),
    /// A batch from the near future has become due.
    Batch,
    /// The peer asked for a good copy has not answered.
    Copy,
    /// A group key that was asked for has not come.
    Keys,
    /// Something may be missing, or those asked for it have not answered.
    CatchUp,
}

/// Deadlines, the nearest first. Each subject has at most one, kept by the subject.
#[derive(Debug, Default)]
pub(super) struct Timers(BTreeSet<(Timestamp, Timer)>);

impl Timers {
    pub(super) fn set(
        &mut self,
        slot: &mut Option<Timestamp>,
        at: Option<Timestamp>,
        timer: Timer,
    ) {
        if let Some(old) = slot.take() {
            self.0.remove(&(old, timer));
        }
        if let Some(at) = at {
            self.0.insert((at, timer));
            *slot = Some(at);
        }
    }

    pub(super) fn pop_due(&mut self, now: Timestamp) -> Option<Timer> {
        let first = *self.0.first().filter(|(at, _)| *at <= now)?;
        self.0.remove(&first);
        Some(first.1)
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.0.first().map(|(at, _)| *at)
    }
}

/// Waits between repetitions of one request: doubling from the shortest, at most 16 times it.
pub(super) fn back_off(resend_ms: u64, round: u32) -> u64 {
    resend_ms.max(1).saturating_mul(1 << round.min(4))
}
