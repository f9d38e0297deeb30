//! Sequencer: the local orderer's mind. It collects approved records and fixes their order, once
//! per index, on disk before it is sent.
//!
//! It is trusted for order and liveness only: it cannot forge a record, and what it leaves out is
//! seen when it passes `valid_until`.

mod port;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

pub use self::port::{Effect, Input};

use crate::ballot::check_approved;
use crate::batch::{Approved, Batch, BatchHead, OrderProof};
use crate::contract::ContractId;
use crate::encode::Encoded;
use crate::genesis::Genesis;
use crate::journal::JournalEntry;
use crate::membership::Membership;
use crate::refusal::Refusal;
use crate::registry::Registries;
use crate::sign::{Signature, Verdicts};
use crate::statement::Statement;
use crate::terms::{Epoch, PartyId, Timestamp};

/// Orders approved records for one community.
pub struct Sequencer {
    genesis: Arc<Genesis>,
    registries: Registries,
    me: PartyId,

    /// Records that wait, in the order they will get.
    pool: BTreeMap<(Epoch, ContractId), Arc<Approved>>,
    /// Ids ordered in epochs that are still open.
    ordered: BTreeMap<ContractId, Timestamp>,
    /// Epochs that are not settled yet: the current one, and the one before while it settles.
    open: BTreeMap<Epoch, Timestamp>,
    /// The newest epoch that began.
    newest: Option<Epoch>,

    /// Batches still to be signed, the first of them with the key holder.
    planned: VecDeque<Plan>,
    next: u64,
    time_ms: Timestamp,
    last: Option<Arc<Batch>>,
}

struct Plan {
    head: Encoded<BatchHead>,
    items: Vec<Arc<Approved>>,
}

impl Sequencer {
    /// The sequencer with `me`'s key after `last`, the newest batch in the journal; `registries`
    /// are those in force before it or after it. Feed it [`Input::Started`] next, so that it sends
    /// that batch again. It orders while a registry names `me`.
    #[must_use]
    pub fn new(
        genesis: Arc<Genesis>,
        registries: impl Into<Registries>,
        me: PartyId,
        last: Option<Arc<Batch>>,
    ) -> Self {
        let mut sequencer = Self {
            genesis,
            registries: registries.into(),
            me,
            pool: BTreeMap::new(),
            ordered: BTreeMap::new(),
            open: BTreeMap::new(),
            newest: None,
            planned: VecDeque::new(),
            next: last.as_ref().map_or(0, |batch| batch.index() + 1),
            time_ms: last.as_ref().map_or(Timestamp(0), |batch| batch.time_ms()),
            last: None,
        };
        if let Some(batch) = last {
            sequencer.note_ordered(&batch.items);
            for change in batch.items.iter().filter_map(|item| item.record.membership()) {
                // One that is known already, or was refused by all, makes no further version.
                let _ = sequencer.enact(batch.index(), change);
            }
            sequencer.last = Some(batch);
        }
        sequencer
    }

    /// Takes one input at time `now` and appends what is to be done to `out`, in order.
    pub fn handle(
        &mut self,
        now: Timestamp,
        input: Input,
        verdicts: &dyn Verdicts,
        out: &mut Vec<Effect>,
    ) {
        match input {
            Input::Started => out.extend(self.last.clone().map(Effect::Decided)),
            Input::EpochStarted { epoch, t_settle } => self.start_epoch(now, epoch, t_settle, out),
            Input::Submit(approved) => self.on_submit(now, approved, verdicts, out),
            Input::Cut => self.plan_items(now.min(self.settle_time()), out),
            Input::Signed { statement, signature } => self.on_signed(&statement, signature, out),
            Input::Wake => self.end_epochs(now, out),
        }
    }

    /// When this sequencer next wants [`Input::Wake`]: the first settle time of an open epoch.
    #[must_use]
    pub fn wake_at(&self) -> Option<Timestamp> {
        self.open.values().min().copied()
    }

    /// Records that wait for order.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.pool.len()
    }

    /// Index of the next batch.
    #[must_use]
    pub fn next_batch(&self) -> u64 {
        self.next
    }

    fn settle_time(&self) -> Timestamp {
        self.wake_at().unwrap_or(Timestamp(u64::MAX))
    }

    /// Opens an epoch. The one before stays open until its settle time, so that what was agreed in
    /// it is still ordered while the next one trades; one before that is closed at once.
    fn start_epoch(
        &mut self,
        now: Timestamp,
        epoch: Epoch,
        t_settle: Timestamp,
        out: &mut Vec<Effect>,
    ) {
        if self.newest.is_some_and(|newest| newest >= epoch) {
            return;
        }
        self.end_epochs(now, out);
        while self.open.len() > 1 {
            self.end_epoch(out);
        }
        self.open.insert(epoch, t_settle);
        self.newest = Some(epoch);
    }

    /// Ends every epoch whose settle time has come, the oldest first.
    fn end_epochs(&mut self, now: Timestamp, out: &mut Vec<Effect>) {
        while self.open.first_key_value().is_some_and(|(_, t_settle)| *t_settle <= now) {
            self.end_epoch(out);
        }
    }

    fn on_submit(
        &mut self,
        now: Timestamp,
        approved: Arc<Approved>,
        verdicts: &dyn Verdicts,
        out: &mut Vec<Effect>,
    ) {
        let Some((id, _)) = approved.record.subject(&self.registries.community()) else {
            return out.push(Effect::Refused { contract_id: None, reason: Refusal::Unsupported });
        };
        let place = (approved.rank(), id);
        if self.pool.contains_key(&place) || self.ordered.contains_key(&id) {
            return;
        }
        let limits = &self.genesis.limits;
        let (record, votes, at) = (&approved.record, &approved.approvals, self.registries.since());
        let reason = if !self.is_in_office() {
            Refusal::NotSequencer
        } else if now.max(self.time_ms) > approved.valid_until() {
            Refusal::Expired
        } else if approved.len() > limits.batch_bytes as usize {
            Refusal::TooLarge { limit: limits.batch_bytes }
        } else if self.pool.len() >= limits.pool_max as usize {
            Refusal::PoolFull { limit: limits.pool_max }
        } else {
            match check_approved(record, votes, at, &self.registries, verdicts) {
                Ok(_) => {
                    self.pool.insert(place, approved);
                    return;
                }
                Err(reason) => reason,
            }
        };
        out.push(Effect::Refused { contract_id: Some(id), reason });
    }

    /// Whether the next batch is this member's to sign.
    fn is_in_office(&self) -> bool {
        self.registries.of_batch(self.next).sequencer() == self.me
    }

    fn enact(&mut self, batch: u64, change: &Membership) -> Result<(), Refusal> {
        self.registries.enact(self.registries.since(), batch, change)
    }

    /// Orders what waits at the settle time, then ends the oldest epoch with an empty batch 1 ms
    /// later, so that reservations that were not used lapse (protocol 7.4).
    fn end_epoch(&mut self, out: &mut Vec<Effect>) {
        let Some((_, t_settle)) = self.open.pop_first() else { return };
        self.plan_items(t_settle, out);
        let closing = t_settle.after_ms(1).max(self.time_ms);
        self.plan(closing, Vec::new(), out);
        self.ordered.retain(|_, valid_until| *valid_until >= closing);
        self.pool.retain(|(_, id), item| {
            let is_alive = item.valid_until() >= closing;
            if !is_alive {
                out.push(Effect::Refused { contract_id: Some(*id), reason: Refusal::Expired });
            }
            is_alive
        });
    }

    /// Plans as many batches at `time_ms` as the waiting records fill.
    fn plan_items(&mut self, time_ms: Timestamp, out: &mut Vec<Effect>) {
        if !self.is_in_office() {
            return;
        }
        let time_ms = time_ms.max(self.time_ms);
        let limit = self.genesis.limits.batch_bytes as usize;
        let (mut items, mut bytes) = (Vec::new(), 0);
        let is_due = |item: &Arc<Approved>| item.valid_until() >= time_ms;
        let due: Vec<_> =
            self.pool.iter().filter(|(_, item)| is_due(item)).map(|(key, _)| *key).collect();
        for key in due {
            let Some(item) = self.pool.remove(&key) else { continue };
            if bytes + item.len() > limit && !items.is_empty() {
                self.plan(time_ms, std::mem::take(&mut items), out);
                bytes = 0;
            }
            if let Some(change) = item.record.membership()
                && let Err(reason) = self.enact(self.next, change)
            {
                out.push(Effect::Refused { contract_id: Some(key.1), reason });
                continue;
            }
            bytes += item.len();
            items.push(item);
        }
        if !items.is_empty() {
            self.plan(time_ms, items, out);
        }
    }

    fn plan(&mut self, time_ms: Timestamp, items: Vec<Arc<Approved>>, out: &mut Vec<Effect>) {
        if !self.is_in_office() {
            return;
        }
        let community = self.registries.community();
        let digests = items.iter().map(|item| item.record.digest(&community)).collect();
        let head = Encoded::new(BatchHead { index: self.next, time_ms, items: digests });
        self.next += 1;
        self.time_ms = time_ms;
        self.note_ordered(&items);
        self.planned.push_back(Plan { head: head.clone(), items });
        if self.planned.len() == 1 {
            out.push(Effect::Sign(Statement::Batch(head)));
        }
    }

    fn note_ordered(&mut self, items: &[Arc<Approved>]) {
        let community = self.registries.community();
        let subject =
            |item: &Arc<Approved>| Some((item.record.subject(&community)?.0, item.valid_until()));
        self.ordered.extend(items.iter().filter_map(subject));
    }

    fn on_signed(&mut self, statement: &Statement, signature: Signature, out: &mut Vec<Effect>) {
        let Statement::Batch(signed) = statement else { return };
        if self.planned.front().is_none_or(|plan| plan.head != *signed) {
            return;
        }
        let Some(Plan { head, items }) = self.planned.pop_front() else { return };
        let batch = Arc::new(Batch { head, items, proof: OrderProof::Sequencer(signature) });
        self.last = Some(Arc::clone(&batch));
        out.push(Effect::Record(JournalEntry::Batch(Arc::clone(&batch))));
        out.push(Effect::Decided(batch));
        if let Some(plan) = self.planned.front() {
            out.push(Effect::Sign(Statement::Batch(plan.head.clone())));
        }
    }
}
