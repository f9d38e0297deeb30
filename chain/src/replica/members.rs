//! Members: changes are proposed, approved and enacted like any record (protocol 8.6). A command or
//! a file only proposes; the chain decides, and from the height after it everybody follows.

use std::sync::Arc;

use super::asks::CHANGES_MAX;
use super::{ALL_TO_ALL_MAX, Effect, Fanout, Replica, Step};
use crate::block::{Pair, Proof, Record};
use crate::encode::Encoded;
use crate::fault::Fault;
use crate::membership::{Change, Membership};
use crate::refusal::Refusal;
use crate::statement::Answer;

impl Replica {
    pub(super) fn on_propose(&mut self, change: Membership, step: &mut Step<'_>) {
        self.publish(Encoded::new(Record::Membership(change)), step);
    }

    /// Whether this node approves a change. It does if the change is valid: whether it is wanted
    /// was decided by the operator, or is shown by the evidence.
    pub(super) fn admit_change(
        &self,
        change: &Membership,
        step: &mut Step<'_>,
    ) -> Result<Answer, Refusal> {
        let id = change.id(&self.community);
        if self.asks.changes().filter(|(known, _)| **known != id).count() >= CHANGES_MAX as usize {
            return Err(Refusal::PoolFull { limit: CHANGES_MAX });
        }
        self.check_grounds(change)?;
        change.check(self.registry(), &self.registries, step.verdicts)?;
        Ok(Answer::Yes)
    }

    /// Whether a vote that is held against somebody differs from what this chain has at its height:
    /// the votes alone do not show which of two ledgers is the right one.
    pub(super) fn check_grounds(&self, change: &Membership) -> Result<(), Refusal> {
        let Change::Exclude { member, evidence } = &change.change else { return Ok(()) };
        match &**evidence {
            Fault::WrongLedger { vote, expected }
                if self.ledger_hash(vote.height) != Some(*expected) =>
            {
                Err(Refusal::NoEvidence(*member))
            }
            _ => Ok(()),
        }
    }

    /// Moves to the version that a new pair makes, if it makes one.
    pub(super) fn follow(&mut self, pair: &Pair, proof: &Proof, step: &mut Step<'_>) {
        if pair.contract.record.membership().is_none() {
            return;
        }
        self.registries.follow(pair, proof);
        self.limit_fanout();
        let next = self.registry().version().saturating_add(1);
        let is_over = |record: &Record| record.membership().is_some_and(|m| m.version < next);
        let over: Vec<_> = self
            .asks
            .changes()
            .filter(|(_, ask)| is_over(&ask.record))
            .map(|(id, _)| *id)
            .collect();
        for id in over {
            self.forget(id, step);
        }
        step.emit(Effect::Members(Arc::clone(self.registries.current())));
        self.make_keys(step);
    }

    /// All-to-all votes are for few voters.
    pub(super) fn limit_fanout(&mut self) {
        if self.registry().voters().len() > ALL_TO_ALL_MAX {
            self.params.fanout = Fanout::Tally;
        }
    }
}
