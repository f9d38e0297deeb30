//! A chain made by the replica minds themselves: voting nodes in one process, every letter
//! delivered, nothing lost, time only where a mind asks for it.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use gridpact_chain::journal::JournalEntry;
use gridpact_chain::message::Message;
use gridpact_chain::registry::Registry;
use gridpact_chain::replica::{Audience, Effect, Input, Params, Replica};
use gridpact_chain::sequencer::{self, Sequencer};
use gridpact_chain::terms::{Epoch, PartyId, Timestamp};

use super::founding::Founding;
use crate::cli::Failure;
use crate::store::{ChainJournal, Entry, Journal as _};
use crate::verdicts::ProcessVerdicts;

/// Contracts of one trading round.
const PER_EPOCH: u64 = 64;
/// The node whose chain is written down, as a member keeps it that neither votes nor orders.
const WRITER: usize = 1;

/// Nodes and their orderer.
struct Street<'f> {
    founding: &'f Founding,
    replicas: Vec<Replica>,
    sequencer: Sequencer,
    verdicts: ProcessVerdicts,
    now: Timestamp,
    post: VecDeque<(usize, Input)>,
    written: Vec<JournalEntry>,
}

/// Lets the voting members of `founding` settle at least `pairs` contracts and writes down the
/// chain that they make; returns how many pairs there are.
pub(super) fn make(founding: &Founding, pairs: u64, dir: &Path) -> Result<u64, Failure> {
    let mut journal = ChainJournal::create(dir, &founding.genesis).map_err(Failure::input)?;
    let genesis = Arc::new(founding.genesis.clone());
    let registry = Registry::founding(&genesis);
    let params = Params { serves_all: true, ..Params::default() };
    let born = |id: &PartyId| {
        Replica::with_registry(Arc::clone(&genesis), Arc::clone(&registry), *id, params.clone())
    };
    let mut street = Street {
        founding,
        replicas: registry.voters().iter().map(born).collect(),
        sequencer: Sequencer::new(
            Arc::clone(&genesis),
            Arc::clone(&registry),
            registry.sequencer(),
            None,
        ),
        verdicts: ProcessVerdicts::default(),
        now: Timestamp(0),
        post: VecDeque::new(),
        written: Vec::new(),
    };
    let mut epoch = Founding::first_epoch();
    while journal.pairs() < pairs {
        street.trade(epoch, journal.pairs());
        for (at, entry) in street.written.drain(..).enumerate() {
            journal.record(Entry::Chain(entry));
            if at % 256 == 255 {
                journal.commit().map_err(Failure::input)?;
            }
        }
        journal.commit().map_err(Failure::input)?;
        epoch = epoch.plus(1);
    }
    journal.close().map_err(Failure::input)?;
    Ok(journal.pairs())
}

impl Street<'_> {
    /// One trading round: all contracts are published, settled and closed.
    fn trade(&mut self, epoch: Epoch, done: u64) {
        let t_settle = Founding::settles(epoch);
        self.now = Timestamp(t_settle.0 - 60_000);
        for i in 0..self.replicas.len() {
            self.post.push_back((i, Input::EpochStarted { epoch, t_settle }));
        }
        self.order(sequencer::Input::EpochStarted { epoch, t_settle });
        for i in done..done + PER_EPOCH {
            let contract = Box::new(self.founding.contract(i, epoch));
            let buyer = contract.body.buyer.0 as usize;
            self.post.push_back((buyer, Input::Publish(contract)));
        }
        self.run_until(t_settle.after_ms(30_000));
    }

    fn run_until(&mut self, until: Timestamp) {
        loop {
            while let Some((to, input)) = self.post.pop_front() {
                self.tell(to, input);
            }
            let wakes = self.replicas.iter().filter_map(Replica::wake_at);
            let Some(next) = wakes.chain(self.sequencer.wake_at()).min() else { return };
            if next > until {
                return;
            }
            self.now = self.now.max(next);
            if self.sequencer.wake_at().is_some_and(|at| at <= self.now) {
                self.order(sequencer::Input::Wake);
            }
            for i in 0..self.replicas.len() {
                if self.replicas[i].wake_at().is_some_and(|at| at <= self.now) {
                    self.post.push_back((i, Input::Wake));
                }
            }
        }
    }

    fn tell(&mut self, to: usize, input: Input) {
        let mut out = Vec::new();
        self.replicas[to].handle(self.now, input, &self.verdicts, &mut out);
        for effect in out {
            self.perform(to, effect);
        }
    }

    fn perform(&mut self, me: usize, effect: Effect) {
        let from = PartyId(u32::try_from(me).unwrap_or(u32::MAX));
        match effect {
            Effect::Sign(statement) => {
                let signature = self.founding.keys[me].sign(&statement, &self.founding.community);
                self.post.push_back((me, Input::Signed { statement, signature }));
            }
            Effect::Record(
                entry @ (JournalEntry::Pair { .. }
                | JournalEntry::Closed { .. }
                | JournalEntry::Applied { .. }),
            ) if me == WRITER => self.written.push(entry),
            Effect::Send { to, message } => self.send(from, to, message),
            Effect::Broadcast { to: Audience::Voters | Audience::Members, message } => {
                for to in (0..).take(self.replicas.len()).map(PartyId).filter(|to| *to != from) {
                    self.send(from, to, message.clone());
                }
            }
            Effect::Submit(approved) => self.order(sequencer::Input::Submit(approved)),
            _ => {}
        }
    }

    fn send(&mut self, from: PartyId, to: PartyId, message: Message) {
        self.post.push_back((to.0 as usize, Input::Message { from, message }));
    }

    fn order(&mut self, input: sequencer::Input) {
        let mut out = Vec::new();
        self.sequencer.handle(self.now, input, &self.verdicts, &mut out);
        for effect in out {
            match effect {
                sequencer::Effect::Sign(statement) => {
                    let signature =
                        self.founding.keys[0].sign(&statement, &self.founding.community);
                    self.order(sequencer::Input::Signed { statement, signature });
                }
                sequencer::Effect::Decided(batch) => {
                    for i in 0..self.replicas.len() {
                        self.post.push_back((i, Input::Ordered(Arc::clone(&batch))));
                    }
                }
                _ => {}
            }
        }
    }
}
