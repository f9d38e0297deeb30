//! The local ordering: one sequencer, a member named in genesis, on this machine.
//!
//! Its journal is written before a batch is told. After a restart it tells its last batch again;
//! replicas take each index once.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use gridpact_chain::batch::{Approved, Batch};
use gridpact_chain::sequencer::{Effect, Input, Sequencer};

use super::{Ordered, Ordering};
use crate::actors::outbox::{Flushed, Outbox};
use crate::actors::replica::Signed;
use crate::actors::{Door, EpochStarted, arm};
use crate::clock::Clock;
use crate::keys::Signer;
use crate::store::{Entry, Journal};
use crate::supervise::{Actor, Context, Handler, Message, Port};
use crate::verdicts::ProcessVerdicts;

/// From a replica: an approved record.
#[derive(Debug, Clone)]
pub struct Submit(pub Arc<Approved>);

impl Message for Submit {
    type Reply = ();
}

/// To itself, when the disk has refused: ask it again.
#[derive(Debug, Clone, Copy)]
struct Flush;

impl Message for Flush {
    type Reply = ();
}

/// What replicas and the sequencer share.
#[derive(Default)]
struct Board {
    listeners: Vec<Port<Ordered>>,
    decided: Vec<Arc<Batch>>,
}

/// The handle that replicas hold.
#[derive(Clone, Default)]
pub struct LocalOrdering {
    board: Rc<RefCell<Board>>,
    /// The sequencer's door for records, opened when it stands.
    pub door: Door<Submit>,
    /// The sequencer's door for epochs.
    pub epoch: Door<EpochStarted>,
}

impl LocalOrdering {
    /// The newest batch that was decided.
    #[must_use]
    pub fn last(&self) -> Option<Arc<Batch>> {
        self.board.borrow().decided.last().cloned()
    }
}

impl Ordering for LocalOrdering {
    fn submit(&self, record: Arc<Approved>) {
        self.door.tell(Submit(record));
    }

    fn decided(&self, port: Port<Ordered>) {
        self.board.borrow_mut().listeners.push(port.downgrade());
    }

    fn range(&self, from: u64, to: u64) -> Vec<Arc<Batch>> {
        let board = self.board.borrow();
        board.decided.iter().filter(|b| (from..to).contains(&b.index())).cloned().collect()
    }
}

/// The sequencer's actor.
pub struct SequencerActor {
    mind: Sequencer,

    ordering: LocalOrdering,
    journal: Rc<RefCell<dyn Journal>>,
    signer: Signer,
    signed: Door<Signed>,
    verdicts: Arc<ProcessVerdicts>,

    clock: Clock,
    /// What follows a record that the disk has refused so far.
    outbox: Outbox<Effect>,
}

impl SequencerActor {
    /// A body for `mind`; `signed` is its own door for signatures.
    #[must_use]
    pub fn new(
        mind: Sequencer,
        ordering: LocalOrdering,
        journal: Rc<RefCell<dyn Journal>>,
        signer: Signer,
        signed: Door<Signed>,
        verdicts: Arc<ProcessVerdicts>,
        clock: Clock,
    ) -> Self {
        let outbox = Outbox::default();
        Self { mind, ordering, journal, signer, signed, verdicts, clock, outbox }
    }

    fn step(&mut self, input: Input, cx: &mut Context<Self>) {
        let mut effects = Vec::new();
        self.mind.handle(self.clock.now(), input, &*self.verdicts, &mut effects);
        for effect in effects {
            match self.outbox.pass(effect) {
                Some(Effect::Record(entry)) => {
                    self.journal.borrow_mut().record(Entry::Chain(entry));
                    let _ = self.outbox.begin();
                    self.flush(cx);
                }
                Some(effect) => self.perform(effect),
                None => {}
            }
        }
        arm(cx, &self.clock, self.mind.wake_at());
    }

    /// What follows a record is said once it is durable; while the disk refuses, it waits.
    fn flush(&mut self, cx: &mut Context<Self>) {
        let committed = self.journal.borrow_mut().commit();
        let waiting = match self.outbox.after(committed) {
            Flushed::Spoken(waiting) => waiting,
            Flushed::Again(wait) => {
                let at = self.clock.instant_of(self.clock.now()) + wait;
                cx.tell_at(Flush, at);
                return;
            }
            Flushed::Failed(why) => return cx.fail(why),
        };
        let mut waiting = waiting.into_iter();
        while let Some(effect) = waiting.next() {
            if let Effect::Record(entry) = effect {
                // The next record, and what follows that.
                self.journal.borrow_mut().record(Entry::Chain(entry));
                let _ = self.outbox.begin();
                waiting.by_ref().for_each(|effect| _ = self.outbox.pass(effect));
                return self.flush(cx);
            }
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Record(_) => unreachable!("records never pass the outbox"),
            Effect::Sign(statement) => self.signer.sign(statement, self.signed.clone()),
            Effect::Decided(batch) => {
                let mut board = self.ordering.board.borrow_mut();
                for listener in &board.listeners {
                    // A replica that has no room now asks for the range later.
                    let _ = listener.tell(Ordered(Arc::clone(&batch)));
                }
                if board.decided.last().is_none_or(|last| last.index() < batch.index()) {
                    board.decided.push(batch);
                }
            }
            Effect::Refused { .. } => {}
        }
    }
}

impl Actor for SequencerActor {
    const KIND: &'static str = "sequencer";

    fn started(&mut self, cx: &mut Context<Self>) {
        self.step(Input::Started, cx);
    }

    fn wake(&mut self, cx: &mut Context<Self>) {
        self.step(Input::Wake, cx);
    }
}

impl Handler<Flush> for SequencerActor {
    fn handle(&mut self, _: Flush, cx: &mut Context<Self>) {
        self.flush(cx);
    }
}

impl Handler<Submit> for SequencerActor {
    fn handle(&mut self, Submit(record): Submit, cx: &mut Context<Self>) {
        // Who submits says it again; a pool that grows while the disk refuses helps nobody.
        if !self.outbox.is_stuck() {
            self.step(Input::Submit(record), cx);
        }
    }
}

impl Handler<Signed> for SequencerActor {
    fn handle(&mut self, Signed { statement, signature }: Signed, cx: &mut Context<Self>) {
        self.step(Input::Signed { statement, signature }, cx);
    }
}

impl Handler<EpochStarted> for SequencerActor {
    fn handle(&mut self, letter: EpochStarted, cx: &mut Context<Self>) {
        let (epoch, t_settle) = (letter.epoch, letter.deadlines.settle);
        self.step(Input::EpochStarted { epoch, t_settle }, cx);
    }
}
