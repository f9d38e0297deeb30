//! Replica: one node of the double chain, without its body. It answers contracts once, applies
//! what an orderer fixed, computes the ledger itself and signs its own result.
//!
//! It does not know who ordered, what time it is or where bytes go: each of these is an argument.
//! Its doors (protocol 8.9) are `pick`, `check`, `apply` and `on_vote`; [`Replica::handle`] leads
//! every input to one of them.

mod approval;
mod asking;
mod asks;
mod catchup;
mod closing;
mod fork;
mod keys;
mod members;
mod order;
mod port;
mod queue;
mod repair;
mod restore;
mod settle;
mod step;

use std::sync::Arc;

pub use self::catchup::Progress;
pub use self::port::{ALL_TO_ALL_MAX, Alarm, Audience, Effect, Fanout, Input, Params, Snapshot};
pub use self::restore::RestoreError;

use self::asks::Asks;
use self::catchup::CatchUp;
use self::keys::Letters;
use self::queue::Queue;
use self::repair::Repair;
use self::settle::Heights;
use self::step::{Step, Timer, Timers, back_off};
use crate::contract::ContractId;
use crate::digest::Digest;
use crate::genesis::Genesis;
use crate::ledger::{Balances, Ledger};
use crate::message::Message;
use crate::refusal::Refusal;
use crate::registry::{Registries, Registry};
use crate::sign::{Signature, Verdicts};
use crate::statement::{Approval, LedgerVote, Statement};
use crate::terms::{PartyId, Timestamp};

/// One node of the double chain.
pub struct Replica {
    genesis: Arc<Genesis>,
    community: Digest,
    registries: Registries,
    me: PartyId,
    params: Params,

    ledger: Ledger,
    asks: Asks,
    queue: Queue,
    heights: Heights,
    repair: Repair,
    letters: Letters,
    catchup: CatchUp,

    timers: Timers,
    halted: bool,
    /// Whether it comes from a journal.
    is_reborn: bool,
}

impl Replica {
    /// A replica of member `me` before the first block; `genesis` has passed its check.
    #[must_use]
    pub fn new(genesis: Arc<Genesis>, me: PartyId, params: Params) -> Self {
        let registries = Registries::founding(&genesis);
        Self::with_registry(genesis, registries, me, params)
    }

    /// [`new`](Self::new) with a registry made once and shared by all nodes of a process.
    #[must_use]
    pub fn with_registry(
        genesis: Arc<Genesis>,
        registries: impl Into<Registries>,
        me: PartyId,
        params: Params,
    ) -> Self {
        let registries = registries.into();
        let community = registries.community();
        let mut replica = Self {
            genesis,
            community,
            registries,
            me,
            params,
            ledger: Ledger::new(community),
            asks: Asks::default(),
            queue: Queue::default(),
            heights: Heights::default(),
            repair: Repair::default(),
            letters: Letters::default(),
            catchup: CatchUp::default(),
            timers: Timers::default(),
            halted: false,
            is_reborn: false,
        };
        replica.limit_fanout();
        replica
    }

    /// Takes one input at time `now` and appends what is to be done to `out`, in order.
    pub fn handle(
        &mut self,
        now: Timestamp,
        input: Input,
        verdicts: &dyn Verdicts,
        out: &mut Vec<Effect>,
    ) {
        let step = &mut Step { now, verdicts, out };
        match input {
            Input::Started => self.on_started(step),
            Input::EpochStarted { epoch, t_settle } => {
                self.asks.start_epoch(epoch, t_settle, now);
                self.catchup.start_epoch(epoch);
            }
            Input::Publish(contract) => self.on_publish(*contract, step),
            Input::Propose(change) => self.on_propose(*change, step),
            Input::Message { from, message } => self.on_message(from, message, step),
            Input::Ordered(batch) => self.on_batch(batch, step),
            Input::Signed { statement, signature } => self.on_signed(&statement, signature, step),
            Input::Drawn { number, registry, drawn } => {
                self.on_drawn((number, registry), &drawn, step);
            }
            Input::Key { number, key } => self.on_key(number, key, step),
            Input::Suspect { height } => self.on_suspect(height, step),
            Input::CatchUp => {
                self.forget_votes();
                self.catch_up(true, step);
            }
            Input::Wake => self.on_wake(step),
        }
    }

    /// When this replica next wants [`Input::Wake`].
    #[must_use]
    pub fn wake_at(&self) -> Option<Timestamp> {
        self.timers.next()
    }

    /// What may be seen from outside.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            height: self.ledger.height,
            closed: self.heights.closed(),
            tip: self.ledger.tip,
            registry: self.registry().version(),
            time_ms: self.ledger.time_ms,
            epoch: self.asks.epoch(),
            asking: self.asks.own(),
            answered: self.asks.len(),
            waiting: self.queue.waiting(),
            next_batch: self.queue.next(),
            balance: self.ledger.balances.of(self.me),
            halted: self.halted,
            suspects: self.repair.len(),
            catching_up: self.catchup.progress(self.ledger.height),
        }
    }

    /// All accounts after the last pair.
    #[must_use]
    pub fn balances(&self) -> &Balances {
        &self.ledger.balances
    }

    /// Whether `id` is on the chain.
    #[must_use]
    pub fn is_settled(&self, id: ContractId) -> bool {
        self.queue.is_settled(id)
    }

    /// Every version of the members that its chain has made so far.
    #[must_use]
    pub fn registries(&self) -> &Registries {
        &self.registries
    }

    /// The newest of them.
    fn registry(&self) -> &Registry {
        self.registries.current()
    }

    /// The community's digest.
    #[must_use]
    pub fn community(&self) -> Digest {
        self.community
    }

    fn on_message(&mut self, from: PartyId, message: Message, step: &mut Step<'_>) {
        match message {
            Message::Ask { record } => self.on_ask(from, &record, step),
            Message::Approval(vote) => self.on_vote(from, Vote::Approval(vote), step),
            Message::LedgerVote(vote) => self.on_vote(from, Vote::Ledger(vote), step),
            Message::Refused { contract_id, reason } => {
                self.on_declined(from, contract_id, reason, step);
            }
            Message::Batch(batch) => self.on_batch(batch, step),
            Message::LedgerProposal { vote, attempt } => {
                self.on_proposal(from, vote, attempt, step);
            }
            Message::Certified { height, ledger, votes } => {
                self.on_certified(from, height, ledger, votes, step);
            }
            Message::RangeRequest { from: first, to } => {
                self.on_range_request(from, first, to, step)
            }
            Message::Range(pairs) => {
                let is_answer = pairs.is_empty();
                let pairs = self.opened_pairs(pairs, step);
                if is_answer || !pairs.is_empty() {
                    self.on_range(from, pairs, step);
                }
            }
            Message::Keys(letter) => self.on_keys(from, letter, step),
            Message::KeysRequest { number } => self.on_keys_request(from, number, step),
            Message::Order { head, proof } => self.on_order(from, (head, proof), step),
            Message::TipRequest => self.on_tip_request(from, step),
            Message::Tip { height } => self.on_tip(from, height, step),
            Message::Approved(_) => step.refuse(None, Some(from), Refusal::NotSequencer),
        }
    }

    /// The door of votes (protocol 8.9): whoever counts hears each voter once.
    fn on_vote(&mut self, from: PartyId, vote: Vote, step: &mut Step<'_>) {
        let (voter, registry) = match &vote {
            Vote::Approval(vote) => (vote.voter, self.registries.version(vote.registry)),
            Vote::Ledger(vote) => {
                let in_force = self.registries.at(vote.height);
                (vote.voter, Some(in_force).filter(|r| r.version() == vote.registry))
            }
        };
        let Some(registry) = registry else {
            return step.refuse(None, Some(from), Refusal::UnknownRegistry);
        };
        if voter != from || !registry.is_voter(voter) {
            return step.refuse(None, Some(from), Refusal::NotAVoter(voter));
        }
        match vote {
            Vote::Approval(vote) => self.on_approval(vote, step),
            Vote::Ledger(vote) => self.on_ledger_vote(vote, step),
        }
    }

    fn on_signed(&mut self, statement: &Statement, signature: Signature, step: &mut Step<'_>) {
        match statement {
            Statement::Approve { contract_id, body, answer, registry } => {
                let vote = Approval {
                    contract_id: *contract_id,
                    body: *body,
                    answer: *answer,
                    registry: *registry,
                    voter: self.me,
                    signature,
                };
                self.on_own_approval(vote, step);
            }
            Statement::Ledger { height, ledger, registry } => {
                let (height, ledger, registry) = (*height, *ledger, *registry);
                let vote = LedgerVote { height, ledger, registry, voter: self.me, signature };
                self.on_own_ledger_vote(vote, step);
            }
            Statement::Keys(keys) => self.on_own_letter(keys, signature, step),
            Statement::Contract(_) | Statement::Batch(_) | Statement::Change { .. } => {}
        }
    }

    fn on_started(&mut self, step: &mut Step<'_>) {
        for number in self.letters.forked() {
            step.emit(Effect::Alarm(Alarm::KeysForked { number }));
        }
        self.make_keys(step);
        if self.is_reborn {
            // The chain may have gone on meanwhile, or the store may be an older copy.
            self.catch_up(true, step);
        }
        self.ask_again_all(step);
        self.settle_again_all(step);
    }

    fn on_wake(&mut self, step: &mut Step<'_>) {
        while let Some(timer) = self.timers.pop_due(step.now) {
            match timer {
                Timer::Ask(id) => self.ask_again(id, step),
                Timer::Height(height) => self.on_height_late(height, step),
                Timer::Batch => self.drain(step),
                Timer::Copy => self.on_copy_late(step),
                Timer::Keys => {
                    self.letters.clear_timer();
                    self.ask_for_keys(step);
                }
                Timer::CatchUp => self.on_catch_up_late(step),
            }
        }
    }

    fn is_all_to_all(&self) -> bool {
        self.params.fanout == Fanout::AllToAll
    }

    fn halt(&mut self, alarm: Alarm, step: &mut Step<'_>) {
        self.halted = true;
        step.emit(Effect::Alarm(alarm));
    }
}

/// A vote of either kind.
enum Vote {
    Approval(Approval),
    Ledger(LedgerVote),
}
