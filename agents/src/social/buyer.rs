//! Buying: the tasks of one epoch, their deadlines, and what the coordinator is told about them.

use gridpact_chain::contract::ContractId;
use gridpact_chain::sign::Signature;
use gridpact_chain::terms::{Energy, Epoch, PartyId};

use super::Effect;
use super::determination::cancel;
use super::holding::Holdings;
use super::limits::{INTERVALS_MAX, TASKS_MAX};
use super::message::{About, Message, Reason, TaskId};
use super::outcome::{Filling, TaskOutcome};
use super::reason::Tally;
use super::task::{Task, TaskView};
use super::turn::{Round, Turn};
use crate::local::door::{Block, Deficit, PurchaseBlocks};
use crate::session::Phase;

/// The phases an SCA reports, in order.
const REPORTED: [Phase; 3] = [Phase::Coalition, Phase::Negotiation, Phase::Final];

/// The buyer's half of the mind.
#[derive(Debug, Default)]
pub(crate) struct Buying {
    tasks: Vec<Task>,
    /// Whether the LCA has named this epoch's tasks.
    has_blocks: bool,
    /// How many phases of [`REPORTED`] have been reported.
    reported: usize,
    /// How many deadlines of D1, D2, D3 have been acted upon.
    passed: usize,
}

/// Whether `block` is one that members will look at, and if not, why.
pub(crate) fn refuse_block(block: &Block, turn: &Turn<'_>) -> Option<Reason> {
    let length = block.end.0.saturating_sub(block.start.0) as usize;
    let profile = &block.profile;
    let aligned = profile.start == block.start && profile.wh.len() == length;
    if !aligned || length > INTERVALS_MAX || profile.energy() != block.energy_wh {
        return Some(Reason::Mismatch);
    }
    if block.energy_wh < turn.params().coalition.min_trade_wh || block.energy_wh == Energy::ZERO {
        return Some(Reason::TooSmall);
    }
    let starts_at = block.start.starts_at(turn.params().epoch.interval_s());
    let gate = turn.core.round.map(|round| round.deadlines.gate);
    gate.is_none_or(|gate| starts_at < gate).then_some(Reason::GateClosed)
}

impl Buying {
    /// The LCA's blocks: one task each, once per epoch.
    pub(crate) fn on_blocks(&mut self, blocks: PurchaseBlocks, turn: &mut Turn<'_>) {
        if self.has_blocks {
            return;
        }
        self.has_blocks = true;
        for deficit in blocks.deficits {
            let about = About { epoch: blocks.epoch, task: TaskId(turn.random()) };
            let refused = if self.tasks.len() >= TASKS_MAX {
                Some(Reason::Limit)
            } else if !turn.is_open(blocks.epoch, Phase::Coalition) {
                Some(Reason::Expired)
            } else {
                refuse_block(&deficit.block, turn)
            };
            match refused {
                Some(reason) => turn.outcome(stillborn(about, deficit, reason)),
                None => {
                    let task = Task::begin(about, deficit, turn);
                    self.tasks.push(task);
                }
            }
        }
    }

    /// A letter to the buyer of a task.
    pub(crate) fn on_peer(&mut self, from: PartyId, message: Message, turn: &mut Turn<'_>) {
        let (about, phase) = (message.about(), message.phase());
        let task = self.tasks.iter_mut().find(|task| task.facts.about == about);
        let Some(task) = task.filter(|task| !task.is_ended()) else {
            return match (message, phase) {
                (Message::Confirm(confirm), _) => {
                    cancel(from, about, confirm.body.contract_id, Reason::Expired, turn);
                }
                (_, Some(phase)) => turn.expired(from, about, phase),
                (_, None) => {}
            };
        };
        let early = phase == Some(Phase::Coalition);
        if early && !turn.is_open(about.epoch, Phase::Coalition) {
            return turn.expired(from, about, Phase::Coalition);
        }
        match message {
            Message::CoalitionReply(reply) => task.on_reply(from, &reply, turn),
            Message::NeighbourReply(reply) => task.on_neighbours(from, &reply, turn),
            Message::NegotiationReply(reply) => task.on_decline(from, &reply, turn),
            Message::Offer(offer) => task.on_offer(from, offer, turn),
            Message::CounterResponse(response) => task.on_counter_response(from, &response, turn),
            Message::Hold(hold) => task.on_hold(from, &hold, turn),
            Message::Confirm(confirm) => {
                let Task { determination, facts, tally, .. } = task;
                determination.on_confirm(from, confirm, facts, tally, turn);
                task.finish_if_done(turn);
            }
            Message::Cancel(cancel) => {
                let Task { determination, facts, tally, .. } = task;
                determination.on_cancel(from, &cancel, facts, tally, turn);
                task.finish_if_done(turn);
            }
            Message::Expired(expired) => {
                task.on_expired(from, &expired, turn);
                task.finish_if_done(turn);
            }
            Message::CoalitionRequest(_)
            | Message::NeighbourQuery(_)
            | Message::NegotiationRequest(_)
            | Message::OfferResponse(_)
            | Message::Claim(_)
            | Message::TransactionRequest(_) => {}
        }
    }

    /// The own signature under a contract as buyer.
    pub(crate) fn on_signed(
        &mut self,
        id: &ContractId,
        signature: Signature,
        holdings: &mut Holdings,
        turn: &mut Turn<'_>,
    ) {
        for task in self.tasks.iter_mut().filter(|task| !task.is_ended()) {
            let Task { determination, facts, tally, .. } = task;
            if determination.on_signed(id, signature, holdings, turn) {
                determination.step(facts, tally, turn);
                return task.finish_if_done(turn);
            }
        }
    }

    /// Acts on every deadline that has passed, each once and in order.
    pub(crate) fn advance(&mut self, round: &Round, turn: &mut Turn<'_>) {
        while let Some(phase) = REPORTED.get(self.passed) {
            if turn.now < phase.deadline(&round.deadlines) {
                return;
            }
            self.passed += 1;
            for task in &mut self.tasks {
                match phase {
                    Phase::Coalition => task.on_coalition_end(turn),
                    Phase::Negotiation => task.end_negotiation(turn),
                    _ => task.end(turn),
                }
            }
        }
    }

    pub(crate) fn on_time(&mut self, turn: &mut Turn<'_>) {
        for task in &mut self.tasks {
            task.on_time(turn);
        }
    }

    /// Tells the coordinator, once per phase and in order, that nothing is left to do in it.
    pub(crate) fn report(&mut self, epoch: Epoch, turn: &mut Turn<'_>) {
        while let Some(phase) = REPORTED.get(self.reported) {
            let over = self.passed > self.reported;
            let quiet = self.has_blocks && self.tasks.iter().all(|task| task.is_quiescent(*phase));
            if !over && !quiet {
                return;
            }
            self.reported += 1;
            let tasks = u32::try_from(self.tasks.len()).unwrap_or(u32::MAX);
            turn.out.push(Effect::Quiescent { epoch, phase: *phase, tasks });
        }
    }

    /// The next epoch begins: whatever is still open ends now.
    pub(crate) fn end(&mut self, turn: &mut Turn<'_>) {
        for task in &mut self.tasks {
            task.end(turn);
        }
        *self = Self::default();
    }

    pub(crate) fn views(&self) -> Vec<TaskView> {
        self.tasks.iter().map(Task::view).collect()
    }
}

/// The outcome of a block that never became a task.
fn stillborn(about: About, deficit: Deficit, reason: Reason) -> TaskOutcome {
    let mut reasons = Tally::default();
    reasons.note(reason);
    TaskOutcome {
        epoch: about.epoch,
        task: about.task,
        residual: deficit.block.energy_wh,
        block: deficit.block.into(),
        retail: deficit.retail,
        retender: deficit.retender,
        filling: Filling::Unfilled,
        members: 0,
        available: 0,
        depth: 0,
        offers: 0,
        counters: 0,
        rounds: 0,
        temps: 0,
        requested: 0,
        cancelled: 0,
        finals: Vec::new(),
        reasons,
    }
}
