//! Session: the coordinator's mind, which walks one community through the phases of an epoch.
//!
//! It announces; it commands nothing. The deadlines are state of every mind and bind without it,
//! so a phase that it ends early is a favour and its silence costs only time. It knows how many
//! parties there are, never what they trade.
//!
//! At most two epochs are alive: one that still settles, and the one after it, which may be in any
//! phase. Each ends at its own deadlines.

use std::collections::BTreeMap;

use gridpact_chain::terms::{Epoch, Interval, PartyId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::params::{Deadlines, EpochParams};

/// The phases of an epoch, in order (protocol 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Resource agents read their devices.
    Sense,
    /// Local agents forecast and schedule.
    Plan,
    /// Buyers look for members; ends at D1.
    Coalition,
    /// Offers and counters; ends at D2.
    Negotiation,
    /// Temporary contracts become final; ends at D3.
    Final,
    /// Contracts reach the chain; ends at `settle`.
    Settle,
}

impl Phase {
    /// All phases, in order.
    pub const ALL: [Self; 6] =
        [Self::Sense, Self::Plan, Self::Coalition, Self::Negotiation, Self::Final, Self::Settle];

    /// When the phase ends at the latest. Sensing and planning have no deadline of their own: they
    /// are pipelined into the coalition phase.
    #[must_use]
    pub fn deadline(self, deadlines: &Deadlines) -> Timestamp {
        match self {
            Self::Sense | Self::Plan | Self::Coalition => deadlines.d1,
            Self::Negotiation => deadlines.d2,
            Self::Final => deadlines.d3,
            Self::Settle => deadlines.settle,
        }
    }

    /// The phase after this one.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| *phase > self)
    }
}

/// What the coordinator can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// From the body: run this epoch now, with so many parties. Also after a restart in
    /// mid-epoch: then the epoch that still settles first. Without it the session begins each epoch
    /// of the UTC grid by itself, once it has been told the number of parties.
    Begin {
        /// The epoch.
        epoch: Epoch,
        /// Its deadlines.
        deadlines: Deadlines,
        /// How many parties may report.
        parties: u32,
    },
    /// From an SCA: all my tasks are quiescent in this phase (and so in all earlier ones).
    Quiescent {
        /// Who says so.
        party: PartyId,
        /// The epoch.
        epoch: Epoch,
        /// The phase.
        phase: Phase,
    },
    /// From the timer.
    Wake,
}

/// What is told to everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The epoch begins: sense, plan, trade.
    EpochStart,
    /// This phase is over.
    PhaseEnds(Phase),
}

/// What the coordinator wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Tell all parties.
    Announce {
        /// The epoch.
        epoch: Epoch,
        /// What to tell.
        notice: Notice,
        /// Deadlines of the epoch.
        deadlines: Deadlines,
    },
    /// The epoch is over; the next one begins at `next_start`.
    EpochEnds {
        /// The epoch.
        epoch: Epoch,
        /// Start of the next epoch on the grid.
        next_start: Timestamp,
    },
}

/// What can be seen of the coordinator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The newest epoch that is not over, and its phase.
    pub running: Option<(Epoch, Phase)>,
    /// The epoch before it, while that still settles.
    pub settling: Option<Epoch>,
    /// Parties that may report.
    pub parties: u32,
    /// Parties quiescent in the running phase.
    pub quiescent: u32,
}

#[derive(Debug)]
struct Running {
    epoch: Epoch,
    deadlines: Deadlines,
    phase: Phase,
    /// The latest phase each party has reported.
    reported: BTreeMap<PartyId, Phase>,
}

impl Running {
    fn quiescent(&self) -> u32 {
        let count = self.reported.values().filter(|phase| **phase >= self.phase).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

/// The coordinator's mind.
#[derive(Debug)]
pub struct Session {
    params: EpochParams,
    /// No epoch after this one is begun; none = for ever.
    last: Option<Epoch>,
    parties: u32,
    running: Option<Running>,
    /// The epoch before, whose contracts still reach the chain while the running one plans and trades.
    settling: Option<Running>,
    /// Start of the next epoch on the grid, once there are parties to run it for.
    next_start: Option<Timestamp>,
}

impl Session {
    /// A coordinator that has not begun anything; after the epoch `last` it begins none by itself.
    #[must_use]
    pub fn new(params: EpochParams, last: Option<Epoch>) -> Self {
        Self { params, last, parties: 0, running: None, settling: None, next_start: None }
    }

    /// Epoch and deadlines that begin at or after `now` on the UTC grid.
    #[must_use]
    pub fn upcoming(params: &EpochParams, now: Timestamp) -> (Epoch, Deadlines) {
        let interval_s = params.interval_s();
        let current = Interval::containing(now, interval_s);
        let epoch = if current.starts_at(interval_s) == now { current } else { current.plus(1) };
        (epoch, params.deadlines(epoch.starts_at(interval_s)))
    }

    /// The epoch of the interval that contains `now`, and its deadlines.
    #[must_use]
    pub fn under_way(params: &EpochParams, now: Timestamp) -> (Epoch, Deadlines) {
        let interval_s = params.interval_s();
        let epoch = Interval::containing(now, interval_s);
        (epoch, params.deadlines(epoch.starts_at(interval_s)))
    }

    fn begin(&mut self, epoch: Epoch, deadlines: Deadlines, out: &mut Vec<Effect>) {
        let known = [&self.settling, &self.running].into_iter().flatten();
        if known.into_iter().any(|known| known.epoch >= epoch) {
            return;
        }
        if let Some(before) = self.running.take() {
            if before.phase == Phase::Settle {
                // Deadlines keep an epoch from settling for longer than into the next one.
                self.end_settling(out);
                self.settling = Some(before);
            } else {
                self.end(before.epoch, deadlines.start, out);
            }
        }
        self.next_start = Some(epoch.plus(1).starts_at(self.params.interval_s()));
        self.running =
            Some(Running { epoch, deadlines, phase: Phase::Sense, reported: BTreeMap::new() });
        out.push(Effect::Announce { epoch, notice: Notice::EpochStart, deadlines });
    }

    /// Ends every phase whose time is up, or in which nobody has anything left to do.
    fn advance(&mut self, now: Timestamp, out: &mut Vec<Effect>) {
        if self.settling.as_ref().is_some_and(|settling| settling.deadlines.settle <= now) {
            self.end_settling(out);
        }
        let parties = self.parties;
        let early = self.params.early_finish && parties > 0;
        while let Some(running) = &mut self.running {
            // Settlement waits for the chain, about which no SCA reports.
            let all_quiet =
                early && running.phase < Phase::Settle && running.quiescent() >= parties;
            if now < running.phase.deadline(&running.deadlines) && !all_quiet {
                return;
            }
            let Running { epoch, deadlines, phase, .. } = *running;
            out.push(Effect::Announce { epoch, notice: Notice::PhaseEnds(phase), deadlines });
            match phase.next() {
                Some(next) => running.phase = next,
                None => {
                    self.running = None;
                    self.end(epoch, deadlines.settle, out);
                }
            }
        }
    }

    /// The settle time of the epoch before has come.
    fn end_settling(&mut self, out: &mut Vec<Effect>) {
        let Some(Running { epoch, deadlines, .. }) = self.settling.take() else { return };
        let notice = Notice::PhaseEnds(Phase::Settle);
        out.push(Effect::Announce { epoch, notice, deadlines });
        self.end(epoch, deadlines.settle, out);
    }

    /// An epoch that lasted until `until` is over.
    fn end(&self, epoch: Epoch, until: Timestamp, out: &mut Vec<Effect>) {
        let (next, _) = Self::upcoming(&self.params, until);
        let next_start = next.max(epoch.plus(1)).starts_at(self.params.interval_s());
        out.push(Effect::EpochEnds { epoch, next_start });
    }

    /// When the next epoch begins by itself: what is under way trades no more.
    fn next_begin(&self) -> Option<Timestamp> {
        let has_traded = self.running.as_ref().is_none_or(|r| r.phase == Phase::Settle);
        let start = self.next_start.filter(|_| has_traded)?;
        let epoch = Interval::containing(start, self.params.interval_s());
        self.last.is_none_or(|last| epoch <= last).then_some(start)
    }
}

impl Machine for Session {
    type Input = Input;
    type Effect = Effect;
    type Snapshot = Snapshot;

    fn handle(&mut self, now: Timestamp, input: Input, out: &mut Vec<Effect>) {
        match input {
            Input::Begin { epoch, deadlines, parties } => {
                self.parties = parties;
                self.advance(now, out);
                self.begin(epoch, deadlines, out);
            }
            Input::Quiescent { party, epoch, phase } => {
                if let Some(running) = self.running.as_mut().filter(|r| r.epoch == epoch) {
                    let reported = running.reported.entry(party).or_insert(phase);
                    *reported = phase.max(*reported);
                }
            }
            Input::Wake => {
                self.advance(now, out);
                if self.next_begin().is_some_and(|start| start <= now) {
                    // After a long sleep the epochs in between are gone; begin the one that is on.
                    let (epoch, deadlines) = Self::under_way(&self.params, now);
                    if self.last.is_none_or(|last| epoch <= last) {
                        self.begin(epoch, deadlines, out);
                    } else {
                        self.next_start = None;
                    }
                }
            }
        }
        self.advance(now, out);
    }

    fn wake_at(&self) -> Option<Timestamp> {
        let alive = [&self.settling, &self.running].into_iter().flatten();
        let ends = alive.map(|running| running.phase.deadline(&running.deadlines));
        ends.chain(self.next_begin()).min()
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            running: self.running.as_ref().map(|running| (running.epoch, running.phase)),
            settling: self.settling.as_ref().map(|settling| settling.epoch),
            parties: self.parties,
            quiescent: self.running.as_ref().map_or(0, Running::quiescent),
        }
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
